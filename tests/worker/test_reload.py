"""A worker whose settings, policy, cache or adapters change or break while it runs."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from jmltui.adapter_api import Account, Adapter
from jmltui.cache import actions
from jmltui.cache.tables import JournalRow
from jmltui.config.places import Places
from jmltui.errors import CacheFull, UsageError
from jmltui.lifecycle import policy_in_force, requests, upkeep
from jmltui.policy import load as load_policy
from jmltui.worker import place, process
from jmltui.worker.reload import Watch
from jmltui.worker.runner import LocalRunner
from jmltui.worker.schedule import Schedule
from tests.lifecycle.conftest import STAFF, Office, cache_settings, make_office, office
from tests.lifecycle.test_replan import calls, rewrite_policy

__all__ = ["cache_settings", "make_office", "office"]


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that a user would see."""
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come to pass")


@pytest.fixture
async def worker(office: Office) -> AsyncIterator[Callable[[], str]]:
    """A real worker process of the office; gives its log."""
    places = Places.from_environment(office.environ)
    environ = {**os.environ, **office.environ}
    await asyncio.to_thread(process.ensure_worker, places, environ)
    yield lambda: places.worker_log.read_text(encoding="utf-8")
    await asyncio.to_thread(process.stop_worker, places)


async def test_a_changed_policy_is_taken_over_and_open_cases_follow_it(
    office: Office, worker: Callable[[], str]
) -> None:
    office.feed([("E001", "Person 1", "Finance"), *STAFF[1:]])
    await office.sync()
    (case,) = office.cases()
    assert calls(office, case["id"])["groups"] == {"grant group:Finance"}

    file = office.home / "policy" / "policy.yaml"
    good = file.read_text(encoding="utf-8")
    file.write_text(good.replace("grants: [finance]", "grants: [finnance]"), encoding="utf-8")
    await until(lambda: "the old ones stay in force" in worker())
    assert "finnance" in worker()
    assert calls(office, case["id"])["groups"] == {"grant group:Finance"}

    file.write_text(good, encoding="utf-8")
    rewrite_policy(office, "grants: [finance]", "grants: [finance, it]")
    await until(lambda: "settings and policy were read again" in worker())
    await until(lambda: calls(office, case["id"])["remove"] == set())
    requests.run_case(office.workshop, case["id"])
    await until(lambda: not office.cases())
    assert office.truth()["e001"] == (True, {"Finance", "IT"})


async def test_settings_that_name_another_cache_end_the_worker(office: Office, worker: Callable[[], str]) -> None:
    file = office.home / "settings.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(f'{text}\n[cache]\nurl = "{office.home}/other.sqlite"\n', encoding="utf-8")
    places = Places.from_environment(office.environ)
    await until(lambda: place.running_worker(places.worker_lock()) is None)
    assert "another cache" in worker()


async def test_files_are_read_once_they_stand_still_and_only_when_they_say_something_else(office: Office) -> None:
    said: list[str] = []
    watch = Watch(Places.from_environment(office.environ), office.workshop, office.environ, said.append)
    assert [watch.look() for _ in range(3)] == [None] * 3
    settings = office.home / "settings.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f"# a remark\n{text}", encoding="utf-8")
    assert [watch.look() for _ in range(3)] == [None] * 3, "a remark changes nothing"
    settings.write_text(text.replace('deadline = "10s"', 'deadline = "20s"'), encoding="utf-8")
    assert watch.look() is None, "it may still be written"
    made = watch.look()
    assert made is not None
    assert made.settings.systems["directory"].deadline.total_seconds() == 20
    settings.write_text(text.replace('adapter = "scim"', 'adapter = "scum"'), encoding="utf-8")
    assert [watch.look() for _ in range(3)] == [None] * 3
    assert len(said) == 1
    assert "scum" in said[0]
    settings.unlink()
    assert [watch.look() for _ in range(3)] == [None] * 3
    assert len(said) == 2


NOBODY = [("grants: [finance]", "grants: []"), ("grants: [it]", "grants: []")]
"""Takes its group from each of the forty."""

SILENT = [
    ('  - {id: finance, system: directory, target: "group:Finance"}\n', ""),
    ('  - {id: it, system: directory, target: "group:IT"}\n', ""),
    *NOBODY,
]
"""Speaks of those groups no longer, so that nothing explains who is in them."""

SHUT = [
    (f'"group:{group}"', f'"group:{group}", window: {{days: [{day}], hours: "03:00-03:30"}}')
    for day in [f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()]
    for group in ("Finance", "IT")
]
"""Shuts them for some days."""


def write_policy(office: Office, pairs: list[tuple[str, str]]) -> str:
    """Change the policy file only; its hash."""
    file = office.home / "policy" / "policy.yaml"
    text = file.read_text(encoding="utf-8")
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    file.write_text(text, encoding="utf-8")
    return load_policy(file.parent, "Europe/Berlin").hash


def journal(office: Office, action: str) -> list[dict[str, Any]]:
    """The entries of one kind."""
    with office.workshop.cache.read() as session:
        query = select(col(JournalRow.entry)).where(col(JournalRow.action) == action)
        return [json.loads(entry) for entry in session.scalars(query)]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (NOBODY, "40 losses are more than the 20 that the guard “removals” allows"),
        (SILENT, "40 left unexplained are more than the 20"),
        (SHUT, "40 losses (40 because a window is shut now) are more than the 20"),
    ],
    ids=["nobody", "silent", "shut"],
)
async def test_a_policy_that_takes_too_much_is_held_until_somebody_accepts_it(
    office: Office, change: list[tuple[str, str]], told: str
) -> None:
    said: list[str] = []
    places, old = Places.from_environment(office.environ), office.workshop.policy.hash
    watch = Watch(places, office.workshop, office.environ, said.append)
    assert watch.begin().policy.hash == old
    new = write_policy(office, [*change, ("floor: 3,", "floor: 4,")])
    assert [watch.look() for _ in range(4)] == [None] * 4
    (line,) = said
    assert told in line
    assert "jmltui policy accept --reason" in line

    # A worker that begins while it is held knows the policy in force from the cache.
    again = Watch(places, office.opened_again(), office.environ, said.append)
    assert again.begin().policy.hash == old
    assert [again.look() for _ in range(3)] == [None] * 3
    assert len(said) == 2
    (entry,) = journal(office, "policy.held")
    assert told in entry["summary"]
    assert entry["facts"] == {"policy_sha256": new, "in_force_sha256": old}

    found = policy_in_force.accept(office.opened_again(), "CHG-1")
    assert (found.policy, found.in_force) == (new, old)
    made = again.look()
    assert made is not None
    assert made.policy.hash == new
    assert again.look() is None
    (entry,) = journal(office, "policy.accepted")
    assert entry["facts"] == {"policy_sha256": new, "in_force_sha256": old, "reason": "CHG-1"}
    assert Watch(places, office.opened_again(), office.environ, said.append).begin().policy.hash == new
    assert policy_in_force.accepted(office.workshop.cache) == "", "it holds for this once"


async def test_settings_beside_a_held_policy_are_taken_over(office: Office) -> None:
    said: list[str] = []
    watch = Watch(Places.from_environment(office.environ), office.workshop, office.environ, said.append)
    old = watch.begin().policy.hash
    write_policy(office, NOBODY)
    settings = office.home / "settings.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('deadline = "10s"', 'deadline = "20s"'), encoding="utf-8")
    made = [watch.look() for _ in range(2)][-1]
    assert made is not None
    assert made.policy.hash == old
    assert made.settings.systems["directory"].deadline.total_seconds() == 20


async def test_what_is_put_back_or_already_in_force_has_nothing_to_accept(office: Office) -> None:
    said: list[str] = []
    with pytest.raises(UsageError, match="No policy is in force yet"):
        policy_in_force.accept(office.opened_again(), "x")
    watch = Watch(Places.from_environment(office.environ), office.workshop, office.environ, said.append)
    watch.begin()
    write_policy(office, NOBODY)
    assert [watch.look() for _ in range(2)] == [None] * 2
    policy_in_force.accept(office.opened_again(), "CHG-1")
    write_policy(office, [("person.department: Finance}, grants: []", "person.department: Finance}, grants: [finance]"),
                          ("person.department: IT}, grants: []", "person.department: IT}, grants: [it]")])  # fmt: skip
    assert [watch.look() for _ in range(3)] == [None] * 3
    assert len(said) == 1
    with pytest.raises(UsageError, match="in force already"):
        policy_in_force.accept(office.opened_again(), "x")
    write_policy(office, NOBODY)
    assert [watch.look() for _ in range(3)] == [None] * 3
    assert len(said) == 2, "what was put back is held anew"


async def test_a_worker_holds_a_policy_that_was_changed_while_none_ran(office: Office) -> None:
    places = Places.from_environment(office.environ)
    Watch(places, office.workshop, office.environ, print).begin()
    write_policy(office, NOBODY)
    environ = {**os.environ, **office.environ}
    await asyncio.to_thread(process.ensure_worker, places, environ)
    try:
        await until(lambda: "is held" in places.worker_log.read_text(encoding="utf-8"))
        policy_in_force.accept(office.opened_again(), "CHG-1")
        await until(lambda: "were read again" in places.worker_log.read_text(encoding="utf-8"))
    finally:
        await asyncio.to_thread(process.stop_worker, places)


@asynccontextmanager
async def running(office: Office, said: list[str]) -> AsyncIterator[LocalRunner]:
    runner = LocalRunner(office.workshop, idle=None, say=said.append)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        runner.stop.set()
        await task


async def test_an_adapter_that_breaks_stops_its_system_and_nothing_else(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.feed([p for p in STAFF if p[0] != "E002"])
    report = await office.sync()
    requests.confirm_batch(office.workshop, report.batches[0].id, "1")
    (case,) = office.cases()
    adapter: Adapter = await office.workshop.adapters.get("directory")
    disable = adapter.disable  # type: ignore[attr-defined]  # the SCIM adapter writes accounts

    async def broken(account_id: str) -> Account:
        await disable(account_id)
        raise KeyError("meta")

    said: list[str] = []
    monkeypatch.setattr(adapter, "disable", broken)
    requests.run_case(office.workshop, case["id"])

    def stopped() -> dict[str, str]:
        with office.workshop.cache.read() as session:
            return actions.stopped_systems(session)

    async with running(office, said):
        await until(lambda: bool(stopped()))
        assert "its adapter broke (KeyError" in stopped()["directory"]
        assert "in broken" in said[0], "the log tells where"
        monkeypatch.undo()
        upkeep.go_on(office.workshop, "directory")
        await until(lambda: office.truth()["e002"] == (False, set()))
        await until(lambda: office.case(case["id"])["steps"][1]["state"] == "done")
    first = office.case(case["id"])["steps"][0]["actions"][0]
    assert (first["state"], first["attempts"]) == ("confirmed", 1), "read back, and not done twice"


async def test_a_cache_that_cannot_be_written_is_waited_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.feed([("E001", "Person 1", "Finance"), *STAFF[1:]])
    await office.sync()
    (case,) = office.cases()
    requests.run_case(office.workshop, case["id"])
    claim, full = actions.claim, iter([True])

    def claims(*args: object) -> object:
        if next(full, False):
            raise CacheFull("The disk is full.", hint="Make room.")
        return claim(*args)  # type: ignore[arg-type]  # handed through as they came

    monkeypatch.setattr("jmltui.worker.runner.TROUBLE_SECONDS", 0.05)
    monkeypatch.setattr(actions, "claim", claims)
    said: list[str] = []
    async with running(office, said):
        await until(lambda: not office.cases())
    assert said == ["nothing can be begun: The disk is full. Make room. It is tried again by itself."]


async def test_what_is_due_by_the_clock_is_begun_again_after_a_crash(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (office.home / "settings.toml").read_text(encoding="utf-8")
    (office.home / "settings.toml").write_text(text.replace("[sources.hr]\n", '[sources.hr]\nevery = "6h"\n'))
    said: list[str] = []
    watch = Watch(Places.from_environment(office.environ), office.workshop, office.environ, said.append)
    watch.look()
    made = watch.look()
    assert made is not None

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr("jmltui.worker.schedule.sync_one", killed)
        with pytest.raises(asyncio.CancelledError):
            await Schedule(made, said.append).tick()
    assert (await Schedule(made, said.append).tick()).people == {"hr": len(STAFF)}
    assert (await Schedule(made, said.append).tick()).people == {}


async def test_what_breaks_by_the_clock_is_told_and_tried_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    schedule = Schedule(office.workshop, said.append)
    tick: Callable[[], Awaitable[object]] = schedule.tick
    times: list[datetime] = []

    async def twice() -> object:
        times.append(datetime.now(UTC))
        if len(times) == 1:
            raise ValueError("a page without a number")
        return await tick()

    monkeypatch.setattr("jmltui.worker.schedule.TROUBLE_SECONDS", 0.01)
    monkeypatch.setattr(schedule, "tick", twice)
    task = asyncio.create_task(schedule.run())
    await until(lambda: len(times) > 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "ValueError: a page without a number" in said[0]
    assert Path(__file__).name in said[0]
