"""A machine whose clock is wrong ends nothing (J12)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from jmltui.config.places import Places
from jmltui.lifecycle import requests
from jmltui.lifecycle.doctor import examine
from jmltui.lifecycle.workshop import open_workshop
from jmltui.worker.schedule import Schedule
from tests.conftest import StandingClock
from tests.lifecycle.conftest import STAFF, Office, cache_settings, make_office

__all__ = ["cache_settings", "make_office"]


async def test_ten_minutes_behind_ends_nothing_and_says_so(make_office: Callable[..., Office]) -> None:
    office = make_office(absent="ask")
    now = datetime.now(UTC)
    office.feed([*STAFF[:3], ("E900", "Contract Worker", "IT", f"{now - timedelta(days=1):%Y-%m-%d}")])
    slow = StandingClock(now - timedelta(days=3, minutes=10))
    await office.workshop.close()
    places = Places.from_environment(office.environ)
    office.workshop = open_workshop(places, "ana", slow, office.environ)
    await office.sync()
    requests.run_all(office.workshop)
    slow.now = now - timedelta(minutes=10, seconds=30)
    report = await office.sync()
    assert any("10 min" in told and "behind" in told for told in report.warnings), report.warnings
    assert report.opened == {}, "whose last day was yesterday is no leaver by a clock that nobody can trust"
    said: list[str] = []
    schedule = Schedule(office.workshop, said.append)
    assert (await schedule.tick()).opened == {}
    assert any("Nothing ends or begins by itself" in told for told in said), said
    found = await examine(places, office.environ, slow)
    assert [f.level for f in found if f.subject == "clock"] == ["wrong"]

    slow.now = datetime.now(UTC)
    await office.workshop.adapters.close()
    report = await office.sync()
    assert report.warnings == []
    assert report.opened == {"leaver": 1}
    await office.workshop.close()
