"""Steps that are late: their fallback owner is asked once, counted in the hours in which people work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from jmltui.cache.tables import JournalRow
from jmltui.lifecycle import requests
from jmltui.lifecycle.approve import decide
from jmltui.lifecycle.escalation import escalate
from jmltui.lifecycle.replan import replan_outdated
from tests.conftest import StandingClock
from tests.lifecycle.works import Works, founded

POLICY = """\
version: 1
working_time: {zone: Europe/Berlin, days: [mon, tue, wed, thu, fri], hours: "09:00-17:00", holidays: [2026-06-08]}
entitlements:
  - {id: staff, system: directory, target: "group:Staff"}
  - {id: pay, system: erp, target: "role:Pay", tier: elevated, approval: true}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff]}
  - {id: finance, match: {person.department: Finance}, grants: [pay]}
procedures:
  - id: joiner
    owner: team:helpdesk
    fallback_owner: team:it
    target: 3d
    steps:
      - {id: account, do: account.create, title: Make the account}
      - {id: staff, do: entitlements.apply, title: Groups, on: birthright, needs: [account], target: 8h}
      - {id: pay, do: entitlements.apply, title: Payments, on: elevated, needs: [account], target: 4h, owner: manager}
      - {id: badge, do: manual, text: Hand the badge over, title: Badge, target: 4h, owner: team:door,
         fallback_owner: team:site}
      - {id: desk, do: manual, text: Show the desk, title: Desk, target: 1d, owner: team:floor}
      - {id: tour, do: manual, text: Walk around, title: Tour, needs: [badge], target: 1h}
  - id: leaver
    owner: team:helpdesk
    fallback_owner: team:security
    target: 24h
    working_time: none
    steps:
      - {id: disable, do: account.disable, title: Disable, target: 15m}
      - {id: groups, do: group.remove_all, title: Groups, needs: [disable]}
"""


def utc(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, minute, second, tzinfo=UTC)


@pytest.fixture
def cache_settings() -> str:
    return ""


@pytest.fixture
async def works(private: Path, cache_settings: str) -> AsyncIterator[Works]:
    """Friday, an hour before the end of work in Berlin; the Monday after it is a holiday."""
    targets = {"directory": ["group:Staff"], "erp": ["role:Pay"]}
    made = founded(private, StandingClock(utc(5, 14)), POLICY, targets, cache_settings)
    made.person("E1", "Ana Old")
    made.account("directory", "e1", "E1", "Staff")
    await made.sync()
    made.person("E2", "Jo Joiner", department="Finance", starts="2026-06-05")
    assert (await made.sync()).opened == {"joiner": 1}
    yield made
    await made.workshop.close()


def escalations(works: Works) -> list[str]:
    with works.workshop.cache.read() as session:
        rows = session.exec(select(JournalRow).where(col(JournalRow.action) == "step.escalate"))
        return [row.summary for row in rows]


def shown(works: Works) -> Any:
    return works.cases("joiner")[0]["next_step"]


async def test_four_hours_end_after_the_weekend_and_the_holiday(works: Works) -> None:
    """The case is due at midnight of Friday, so work began at nine: four hours are over at 13:00."""
    case = works.only("joiner")
    assert works.step(case, "badge")["target_at"] == utc(5, 11)
    assert works.step(case, "staff")["target_at"] == utc(5, 15)
    assert works.step(case, "desk")["target_at"] == utc(5, 15), "a day is a working day"
    assert works.case(case)["target_at"] == utc(10, 15), "three working days: Friday, Tuesday, Wednesday"


async def test_who_is_late_is_asked_for_once_and_the_queue_says_so(works: Works) -> None:
    assert shown(works) == "Make the account"
    assert escalate(works.workshop) == 1, "the badge is late since 13:00"
    assert escalations(works) == ["“Badge” for Jo Joiner is late: team:site is asked now"]
    assert shown(works) == "Badge (late: team:site)", "and stands before what is not late"
    assert escalate(works.workshop) == 0
    works.at(utc(5, 15))
    assert escalate(works.workshop) == 0, "late is what is past its target, not what reaches it"
    works.at(utc(5, 15, 0, 1))
    assert escalate(works.workshop) == 1
    assert escalations(works)[1:] == ["“Desk” for Jo Joiner is late: team:it is asked now"]
    works.at(utc(6, 12))
    assert escalate(works.workshop) == 0, "nobody works on Saturday"
    requests.attest(works.workshop, works.only("joiner"), "badge", "handed over")
    assert escalate(works.workshop) == 1, "the tour waited for the badge until now and is late at once"


async def test_the_worker_asks_by_itself(works: Works) -> None:
    await works.tick()
    await works.tick()
    assert len(escalations(works)) == 1


async def test_nobody_else_is_asked_where_the_owner_is_the_fallback(works: Works) -> None:
    works.policy_is(POLICY.replace("owner: team:floor", "owner: team:it"))
    replan_outdated(works.workshop)
    works.at(utc(12, 12))
    escalate(works.workshop)
    told = escalations(works)
    assert not any("Desk" in text for text in told), "owner and fallback of it are the same team"
    assert any("Badge" in text for text in told)
    assert not any("Tour" in text or "Groups" in text for text in told), "they wait for a step, and for nobody"


async def test_an_approval_that_nobody_gives_is_asked_of_the_fallback(works: Works) -> None:
    case = works.only("joiner")
    requests.run_case(works.workshop, case)
    await works.work()
    assert works.steps(case)["pay"] == "approval"
    works.at(utc(5, 14, 1))
    escalate(works.workshop)
    assert "“Payments” for Jo Joiner is late: team:it is asked now" in escalations(works)
    decide(works.by("bob"), case, "pay", "", approve=True)
    await works.work()
    assert works.steps(case)["pay"] == "done"
    works.at(utc(20, 12))
    before = len([text for text in escalations(works) if "Payments" in text])
    escalate(works.workshop)
    assert len([text for text in escalations(works) if "Payments" in text]) == before


async def test_the_clock_of_a_leaver_runs_day_and_night(works: Works) -> None:
    works.person("E1", "", status="left")
    works.at(utc(6, 3))
    await works.sync()
    case = works.only("leaver")
    assert works.step(case, "disable")["target_at"] == utc(6, 3, 15)
    works.at(utc(6, 3, 15, 1))
    escalate(works.workshop)
    assert works.cases("leaver")[0]["next_step"] == "Disable (late: team:security)"
    requests.run_case(works.workshop, case)
    await works.work()
    assert not works.cases("leaver")


async def test_a_case_that_waits_for_its_day_is_not_late(works: Works) -> None:
    works.person("E1", "", ends="2026-06-30")
    await works.sync()
    assert works.cases("leaver")
    works.at(utc(20, 12))
    escalate(works.workshop)
    assert works.cases("leaver")[0]["next_step"] == "Disable"


async def test_more_time_takes_the_lateness_away(works: Works) -> None:
    escalate(works.workshop)
    assert "late" in shown(works)
    works.policy_is(POLICY.replace("title: Badge, target: 4h", "title: Badge and key, target: 3d"))
    replan_outdated(works.workshop)
    assert works.step(works.only("joiner"), "badge")["target_at"] == utc(10, 15)
    assert shown(works) == "Make the account"
    works.at(utc(10, 15) + timedelta(seconds=1))
    escalate(works.workshop)
    assert "“Badge and key” for Jo Joiner is late: team:site is asked now" in escalations(works)
