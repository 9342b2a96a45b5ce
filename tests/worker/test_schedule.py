"""What the worker reads by the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from jmltui.config import settings as settings_file
from jmltui.lifecycle import requests
from jmltui.worker.schedule import Schedule
from tests.conftest import StandingClock
from tests.lifecycle.conftest import STAFF, Office, cache_settings, make_office, office

__all__ = ["cache_settings", "make_office", "office"]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def clock(office: Office) -> StandingClock:
    """The office's clock from now on: it stands until it is moved."""
    standing = StandingClock(datetime.now(UTC))
    office.workshop.clock = standing
    return standing


async def test_a_source_is_read_every_so_often(office: Office, clock: StandingClock, said: list[str]) -> None:
    file = office.home / "settings.toml"
    text = file.read_text(encoding="utf-8").replace("[sources.hr]\n", '[sources.hr]\nevery = "15m"\n')
    file.write_text(text, encoding="utf-8")
    office.workshop.settings = settings_file.load(file)
    schedule = Schedule(office.workshop, said.append)
    assert schedule.names == ["hr"]
    await schedule.tick()
    assert said == ["hr was read"]

    office.feed([*STAFF, ("E900", "New Person", "IT")])
    assert (await schedule.tick()).people == {}, "not yet"
    clock.forward(timedelta(hours=1))
    again = Schedule(office.workshop, said.append)
    report = await again.tick()
    assert report.opened == {"joiner": 1}, report
    assert (await again.tick()).people == {}

    (office.home / "people.csv").unlink()
    clock.forward(timedelta(minutes=16))
    assert "hr" in (await again.tick()).problems
    assert said[-1].startswith("hr could not be read")
    office.feed([*STAFF, ("E900", "New Person", "IT")])
    clock.forward(timedelta(minutes=16))
    await again.tick()
    assert said[-1] == "hr was read"


async def test_a_last_day_comes_without_any_feed(make_office: Callable[..., Office], said: list[str]) -> None:
    made = make_office(absent="ask")
    now = datetime.now(UTC)
    made.feed([*STAFF[:3], ("E900", "Contract Worker", "IT", f"{now + timedelta(days=2):%Y-%m-%d}")])
    await made.sync()
    requests.run_all(made.workshop)
    await made.settle()
    assert made.cases() == []
    schedule = Schedule(made.workshop, said.append)
    await schedule.tick()
    assert made.cases() == []
    clock = StandingClock(now + timedelta(days=4))
    made.workshop.clock = clock
    schedule = Schedule(made.workshop, said.append)
    assert (await schedule.tick()).opened == {"leaver": 1}
    clock.forward(timedelta(minutes=2))
    assert (await schedule.tick()).opened == {}, "never twice"
    await made.workshop.close()
