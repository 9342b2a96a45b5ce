"""A last day that a source told long ago: its leaver case opens when the day is over, once, by whoever looks first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from jmltui.lifecycle import requests
from jmltui.lifecycle.opening import open_ended
from jmltui.lifecycle.report import SyncReport
from tests.lifecycle.conftest import STAFF, Office

LAST_DAY = (datetime.now(UTC) + timedelta(days=20)).date()
AFTER = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 12, tzinfo=UTC) + timedelta(days=1)
CONTRACT = ("E900", "Con Tractor", "IT", LAST_DAY.isoformat())
OLD = ("E901", "Long Gone", "IT", "2020-01-31")


@pytest.fixture
async def office(make_office: Callable[..., Office]) -> AsyncIterator[Office]:
    """Provisioned from one feed that told a contract's end, and one old leaver, from the start."""
    made = make_office(absent="ask")
    made.feed([*STAFF, CONTRACT, OLD])
    assert (await made.sync()).opened == {"joiner": len(STAFF) + 1}
    requests.run_all(made.workshop)
    await made.settle()
    assert made.truth()["e900"] == (True, {"IT"})
    yield made
    await made.workshop.close()


def at(office: Office, moment: datetime) -> None:
    """Let the clock stand at a moment, with the people file written just now."""
    office.workshop.clock = lambda: moment


def look(office: Office) -> dict[str, int]:
    """What the worker does between syncs."""
    report = SyncReport()
    open_ended(office.workshop, report, office.workshop.settings.sources["hr"])
    return dict(report.opened)


async def finish(office: Office) -> None:
    """Run what is open and hand the laptop in."""
    requests.run_all(office.workshop)
    await office.settle()
    for case in office.cases():
        requests.attest(office.workshop, case["id"], "laptop", "handed in")
    assert office.cases() == []


async def test_a_contract_end_of_the_first_feed_is_a_leaver_on_its_day(office: Office) -> None:
    at(office, AFTER - timedelta(days=1))
    assert look(office) == {}
    at(office, AFTER)
    report = await office.sync()
    assert report.opened == {"leaver": 1}, report.problems
    (case,) = office.cases()
    assert (case["person_key"], case["kind"], case["state"]) == ("E900", "leaver", "open")
    assert not (await office.sync()).opened
    await finish(office)
    assert office.truth()["e900"] == (False, set())
    assert not (await office.sync()).opened
    assert look(office) == {}


async def test_the_worker_sees_the_day_without_a_feed(office: Office) -> None:
    at(office, AFTER)
    (office.home / "people.csv").write_text("")
    assert look(office) == {"leaver": 1}
    assert look(office) == {}
    report = await office.sync()
    assert "is refused" in report.problems["hr"]
    assert not report.opened


async def test_a_refused_feed_does_not_put_the_day_off(office: Office) -> None:
    at(office, AFTER)
    (office.home / "people.csv").write_text("")
    report = await office.sync()
    assert "is refused" in report.problems["hr"]
    assert report.opened == {"leaver": 1}


async def test_a_leaver_told_before_the_day_is_not_opened_again_on_it(office: Office) -> None:
    day = LAST_DAY.isoformat()
    office.feed([(*STAFF[0], day), *STAFF[1:], CONTRACT, OLD])
    assert (await office.sync()).opened == {"leaver": 1}
    at(office, AFTER)
    assert (await office.sync()).opened == {"leaver": 1}
    assert sorted(case["person_key"] for case in office.cases()) == ["E001", "E900"]
    await finish(office)
    assert look(office) == {}


async def test_a_day_that_moved_is_kept_to_as_it_was_told_last(office: Office) -> None:
    later = AFTER + timedelta(days=30)
    office.feed([(*STAFF[0], LAST_DAY.isoformat()), *STAFF[1:], CONTRACT])
    await office.sync()
    office.feed([(*STAFF[0], later.date().isoformat()), *STAFF[1:], (*CONTRACT[:3], later.date().isoformat())])
    await office.sync()
    requests.run_all(office.workshop)
    at(office, AFTER)
    assert look(office) == {}
    await office.settle(5)
    assert office.truth()["e001"][0]
    assert office.truth()["e900"][0]
    at(office, later + timedelta(days=2))
    await finish(office)
    assert not office.truth()["e001"][0]
    assert not office.truth()["e900"][0]


async def test_who_moves_before_the_last_day_moves_and_leaves(office: Office) -> None:
    office.feed([*STAFF, ("E900", "Con Tractor", "Finance", LAST_DAY.isoformat())])
    assert (await office.sync()).opened == {"mover": 1}
    await finish(office)
    assert office.truth()["e900"] == (True, {"Finance"})
    at(office, AFTER)
    assert look(office) == {"leaver": 1}
    await finish(office)
    assert office.truth()["e900"] == (False, set())


async def test_an_old_leaver_who_can_still_log_in_gets_a_case(office: Office) -> None:
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "long.gone",
        "externalId": "E901",
        "active": True,
    }
    office.server.post("/Users", json=body).raise_for_status()
    await office.sync()
    assert [case["person_key"] for case in office.cases()] == ["E901"]
    await finish(office)
    assert office.truth()["long.gone"] == (False, set())
    assert look(office) == {}


async def test_too_many_ends_on_one_day_are_held(make_office: Callable[..., Office]) -> None:
    office = make_office()
    office.feed([(*p, LAST_DAY.isoformat()) if p in STAFF[:4] else p for p in STAFF])
    await office.sync()
    requests.run_all(office.workshop)
    await office.settle()
    at(office, AFTER)
    assert look(office) == {"leaver": 4}
    assert [case["state"] for case in office.cases()] == ["held"] * 4
    assert look(office) == {}
    await office.workshop.close()
