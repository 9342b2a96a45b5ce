"""A worker whose settings, policy, cache or adapters change or break while it runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jmltui.adapter_api import Account, Adapter
from jmltui.cache import actions
from jmltui.config.places import Places
from jmltui.errors import CacheFull
from jmltui.lifecycle import requests, upkeep
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
