"""What the worker does by the clock alone: each thing at its time, a missed time once, and none holds the rest up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from jmltui.cache.tables import ExceptionRow, TimerRow
from jmltui.lifecycle import requests
from jmltui.worker.by_clock import CHORES, WINDOWS
from jmltui.worker.runner import LocalRunner
from jmltui.worker.schedule import Schedule
from tests.conftest import StandingClock
from tests.lifecycle.works import Works, founded

POLICY = """\
version: 1
entitlements:
  - {id: staff, system: directory, target: "group:Staff"}
  - {id: desk, system: remote, target: "group:Desk"}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff]}
  - {id: office, match: {person.department: Office}, grants: [desk]}
"""
WINDOW = POLICY.replace('"group:Desk"}', '"group:Desk", window: {days: [mon, tue], hours: "06:00-20:00"}}')
REVIEWS = f"""{POLICY}
reviews:
  - {{id: yearly, every: 365d, scope: all, reviewer: manager, on_no_answer: keep, answer_within: 14d}}
"""
START = datetime(2026, 6, 1, 8, 10, tzinfo=UTC)


@pytest.fixture
async def works(private: Path) -> AsyncIterator[Works]:
    made = founded(private, StandingClock(START), POLICY, {"directory": ["group:Staff"], "remote": ["group:Desk"]})
    made.person("E1", "Ana Office", department="Office")
    made.account("directory", "e1", "E1", "Staff")
    made.account("remote", "e1", "E1", "Desk")
    await made.sync()
    yield made
    await made.workshop.close()


def timers(works: Works) -> dict[str, tuple[datetime, datetime | None]]:
    """When each thing is to be done next, and when it went well last."""
    with works.workshop.cache.read() as session:
        return {row.name: (row.next_at, row.last_ok) for row in session.exec(select(TimerRow))}


def done_at(works: Works, moment: datetime) -> set[str]:
    """What was done at a moment."""
    return {name for name, (_, last) in timers(works).items() if last == moment}


async def test_each_chore_has_its_time(works: Works) -> None:
    await works.tick()
    assert done_at(works, START) == set(CHORES), "whoever is new is done at once"
    minutes = {name: (at - START) / timedelta(minutes=1) for name, (at, _) in timers(works).items()}
    assert minutes == {
        "end dates": 1, "ended exceptions": 1, "late steps": 1, "access windows": 60, "findings scan": 60,
        "access reviews": 15,
    }  # fmt: skip
    expected = {
        timedelta(seconds=59): set(),
        timedelta(seconds=60): {"end dates", "ended exceptions", "late steps"},
        timedelta(seconds=61): set(),
        timedelta(minutes=15): {"end dates", "ended exceptions", "late steps", "access reviews"},
        timedelta(minutes=60): set(CHORES),
    }
    for after, names in expected.items():
        works.at(START + after)
        await works.tick()
        assert done_at(works, START + after) == names, after


async def test_the_next_time_is_the_edge_of_a_window(works: Works) -> None:
    works.policy_is(WINDOW)
    works.at(datetime(2026, 6, 1, 17, 30, tzinfo=UTC))
    await works.tick()
    assert timers(works)[WINDOWS][0] == datetime(2026, 6, 1, 18, tzinfo=UTC)


async def test_a_missed_time_is_made_up_for_once(works: Works) -> None:
    await works.tick()
    works.person("E2", "Leo Leaver", ends="2026-06-03")
    works.account("directory", "e2", "E2", "Staff")
    await works.sync()
    later = START + timedelta(days=9)
    works.restart()
    works.at(later)
    report = await works.tick()
    assert report.opened == {"leaver": 1}
    assert done_at(works, later) == set(CHORES)
    assert min(at for at, _ in timers(works).values()) == later + timedelta(minutes=1), "it counts from now"
    assert (await works.tick()).opened == {}
    works.clock.forward(timedelta(minutes=1))
    assert (await works.tick()).opened == {}


async def test_a_restart_forgets_no_time(works: Works) -> None:
    await works.tick()
    works.restart()
    works.at(START + timedelta(minutes=5))
    await works.tick()
    assert "findings scan" not in done_at(works, works.clock())
    assert WINDOWS in done_at(works, works.clock()), "the policy may have changed meanwhile"


async def test_a_chore_that_breaks_is_told_and_holds_nothing_up(works: Works) -> None:
    await works.tick()
    with works.workshop.cache.write() as session:
        session.execute(text("ALTER TABLE finding RENAME TO lost"))
    works.at(START + timedelta(hours=1))
    works.said.clear()
    await works.tick()
    assert done_at(works, works.clock()) == set(CHORES) - {"findings scan"}
    (told,) = works.said
    assert told.startswith("findings scan: this could not be done and is tried again by itself:")
    assert timers(works)["findings scan"][0] == works.clock() + timedelta(minutes=1)
    with works.workshop.cache.write() as session:
        session.execute(text("ALTER TABLE lost RENAME TO finding"))
    works.clock.forward(timedelta(minutes=1))
    await works.tick()
    assert "findings scan" in done_at(works, works.clock())


# ---- an idle worker


async def ends_when_idle(works: Works) -> bool:
    """Whether a worker ends as soon as nothing is to do."""
    schedule = Schedule(works.by("worker"), works.said.append)
    runner = LocalRunner(works.by("worker"), idle=timedelta(0), needed=schedule.needs_a_worker)
    task = asyncio.create_task(runner.run())
    for _ in range(6):
        await asyncio.sleep(0.1)
        works.clock.forward(timedelta(minutes=20))
    ended = task.done()
    runner.stop.set()
    await task
    return ended


async def test_a_worker_ends_when_nothing_is_to_come(works: Works) -> None:
    assert await ends_when_idle(works)


@pytest.mark.parametrize("policy", [WINDOW, REVIEWS], ids=["windows", "reviews"])
async def test_a_worker_stays_for_what_comes_by_the_clock(works: Works, policy: str) -> None:
    works.policy_is(policy)
    assert not await ends_when_idle(works)


@pytest.mark.parametrize(
    ("state", "until", "ends"),
    [
        ("active", START + timedelta(days=30), False),
        ("asked", START + timedelta(days=30), False),
        ("active", None, True),
        ("ended", START + timedelta(days=30), True),
    ],
)
async def test_a_worker_stays_to_end_what_was_given_for_a_time(
    works: Works, state: str, until: datetime | None, ends: bool
) -> None:
    with works.workshop.cache.write() as session:
        session.add(
            ExceptionRow(
                kind="access",
                person_id=1,
                subject="desk",
                reason="for a while",
                requested_by="ron",
                state=state,
                asked_at=START,
                until=until,
            )
        )
    assert await ends_when_idle(works) is ends


async def test_a_worker_stays_while_something_is_under_way(works: Works) -> None:
    works.person("E2", "Jo Joiner")
    await works.sync()
    requests.run_case(works.workshop, works.only("joiner"))
    assert await ends_when_idle(works)
    assert works.holds("e2") == {"directory/Staff"}, "it ended after it was done"
