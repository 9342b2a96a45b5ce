"""When the work of a case begins: days before a start, the end of a last day where the person is, and at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jmltui.cache import people
from jmltui.domain.person import Person
from jmltui.lifecycle import requests
from tests.conftest import StandingClock
from tests.lifecycle.works import Works, founded

POLICY = """\
version: 1
attributes:
  person.risk: {type: string, values: [low, high]}
entitlements:
  - {id: staff, system: directory, target: "group:Staff"}
roles:
  - {id: everybody, match: {person.type: [employee, contractor]}, grants: [staff]}
  - id: external
    match: {person.type: contractor}
    require: {ends: true, max_contract: 180d, sponsor: true}
    warn_before_end: 14d
procedures:
  - id: joiner
    owner: team:helpdesk
    fallback_owner: team:it
    target: 3d
    trigger: {event: joiner, when: 3d before person.starts}
    steps:
      - {id: account, do: account.create}
      - {id: groups, do: entitlements.apply, needs: [account]}
  - id: leaver
    owner: team:helpdesk
    fallback_owner: team:security
    target: 24h
    trigger: {event: leaver, when: last_working_day_end}
    urgent: {if: 'person.risk == "high"', target: 15m}
    steps:
      - {id: disable, do: account.disable, target: 4h}
      - {id: groups, do: group.remove_all, needs: [disable]}
"""


def utc(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def everybody(works: Works) -> list[Person]:
    with works.workshop.cache.read() as session:
        return people.persons(session)


@pytest.fixture
async def works(private: Path) -> AsyncIterator[Works]:
    """The first of March: Ana is in Auckland, Lou in Los Angeles, Con on a contract until September."""
    made = founded(private, StandingClock(utc(3, 1, 12)), POLICY, {"directory": ["group:Staff"]})
    made.person("E1", "Ana Auckland", zone="Pacific/Auckland")
    made.person("E2", "Lou Angeles", zone="America/Los_Angeles")
    made.person("E3", "Con Tract", type="contractor", sponsor="E1", starts="2026-03-01", ends="2026-08-20")
    for number in (1, 2, 3):
        made.account("directory", f"e{number}", f"E{number}", "Staff")
    report = await made.sync()
    assert not report.opened
    yield made
    await made.workshop.close()


async def test_a_joiner_is_prepared_three_days_before_the_first_day(works: Works) -> None:
    works.person("E4", "Jo Joiner", starts="2026-03-30", zone="Europe/Berlin")
    await works.sync()
    case = works.only("joiner")
    assert works.case(case)["due"] == utc(3, 26, 23), "27 March, midnight in Berlin, before the clocks change"
    requests.run_case(works.workshop, case)
    for moment in (utc(3, 20), utc(3, 26, 22, 59)):
        works.at(moment)
        await works.tick()
        assert works.states("e4") == {}
    works.at(utc(3, 26, 23))
    await works.tick()
    assert works.states("e4") == {"directory": "active"}
    assert works.holds("e4") == {"directory/Staff"}
    assert works.cases() == []


async def test_a_first_day_that_moves_moves_the_work(works: Works) -> None:
    works.person("E4", "Jo Joiner", starts="2026-03-30", zone="Europe/Berlin")
    await works.sync()
    works.clock.forward(timedelta(minutes=1))
    works.person("E4", "", starts="2026-04-30")
    await works.sync()
    case = works.only("joiner")
    requests.run_case(works.workshop, case)
    works.at(utc(3, 28))
    await works.tick()
    assert works.states("e4") == {}, "the first day is a month later now"
    works.at(utc(4, 26, 22))
    await works.tick()
    assert works.states("e4") == {"directory": "active"}


@pytest.mark.parametrize(
    ("key", "over"), [("E1", utc(3, 31, 11)), ("E2", utc(4, 1, 7))], ids=["Auckland", "Los Angeles"]
)
async def test_the_last_day_ends_where_the_person_is(works: Works, key: str, over: datetime) -> None:
    """J05."""
    works.person(key, "", ends="2026-03-31")
    await works.sync()
    case = works.only("leaver")
    assert works.case(case)["due"] == over
    assert works.case(case)["target_at"] == over + timedelta(hours=24)
    requests.run_case(works.workshop, case)
    works.at(over - timedelta(seconds=1))
    await works.tick()
    assert works.states(key.lower()) == {"directory": "active"}
    works.at(over)
    await works.tick()
    assert works.states(key.lower()) == {"directory": "disabled"}
    assert works.holds(key.lower()) == set()


async def test_a_last_day_of_long_ago_is_late_from_the_start(works: Works) -> None:
    works.person("E1", "", ends="2026-02-27")
    await works.sync()
    case = works.case(works.only("leaver"))
    assert case["due"] == utc(2, 27, 11)
    assert case["target_at"] < works.clock()
    requests.run_case(works.workshop, case["id"])
    await works.work()
    assert works.states("e1") == {"directory": "disabled"}


async def test_whom_the_policy_calls_urgent_is_done_within_minutes_of_the_last_day(works: Works) -> None:
    works.person("E1", "", ends="2026-03-31", risk="high")
    works.person("E2", "", ends="2026-03-31", risk="low")
    await works.sync()
    high, low = (works.case(works.only("leaver", key)) for key in ("E1", "E2"))
    assert (high["urgent"], low["urgent"]) == (True, False)
    assert high["target_at"] == utc(3, 31, 11, 15)
    assert {step["target_at"] for step in high["steps"]} == {utc(3, 31, 11, 15)}, "every step hurries"
    assert low["target_at"] == utc(4, 2, 7)


async def test_whoever_becomes_urgent_later_is_hurried_from_then_on(works: Works) -> None:
    works.person("E1", "", ends="2026-03-31", risk="low")
    await works.sync()
    case = works.only("leaver")
    works.clock.forward(timedelta(minutes=1))
    works.person("E1", "", risk="high")
    await works.sync()
    found = works.case(case)
    assert found["urgent"]
    assert found["target_at"] == utc(3, 31, 11, 15)
    assert {step["target_at"] for step in found["steps"]} == {utc(3, 31, 11, 15)}


async def test_nobody_can_tell_whether_they_are_urgent_is_not_urgent(works: Works) -> None:
    works.person("E1", "", ends="2026-03-31")
    await works.sync()
    assert not works.case(works.only("leaver"))["urgent"]


async def test_whom_the_source_calls_urgent_leaves_now_whatever_the_date(works: Works) -> None:
    works.person("E1", "", ends="2026-03-31", urgent="yes")
    await works.sync()
    case = works.case(works.only("leaver"))
    assert (case["urgent"], case["due"]) == (True, works.clock())
    assert case["target_at"] == works.clock() + timedelta(minutes=15)
    requests.run_case(works.workshop, case["id"])
    await works.work()
    assert works.states("e1") == {"directory": "disabled"}
    works.at(utc(3, 31, 12))
    report = await works.tick()
    assert "leaver" not in report.opened, "the day itself brings nothing more"


# ---- J14: contracts


async def test_an_extension_moves_the_end_after_the_warning(works: Works) -> None:
    works.at(utc(8, 10))
    (con,) = [p for p in everybody(works) if p.key == "E3"]
    assert works.workshop.policy.warns(con, works.clock()) == utc(8, 20, 22)
    works.person("E3", "", ends="2026-08-28")
    await works.sync()
    case = works.only("leaver")
    assert works.case(case)["due"] == utc(8, 28, 22)
    works.clock.forward(timedelta(minutes=1))
    works.person("E3", "", ends="2026-08-26")
    await works.sync()
    second = works.only("leaver")
    assert second != case
    assert works.case(case)["state"] == "cancelled"
    assert works.case(second)["due"] == utc(8, 26, 22)
    requests.run_case(works.workshop, second)
    works.at(utc(8, 21))
    await works.tick()
    assert works.states("e3") == {"directory": "active"}, "the first date is over and was moved"
    works.at(utc(8, 26, 22))
    await works.tick()
    assert works.states("e3") == {"directory": "disabled"}


async def test_a_contract_that_ends_by_the_first_feed_ends_on_its_day(works: Works) -> None:
    works.at(utc(8, 20, 21, 59))
    assert (await works.tick()).opened == {}
    works.at(utc(8, 20, 22, 1))
    assert (await works.tick()).opened == {"leaver": 1}
    assert works.only("leaver", "E3")


async def test_an_end_that_is_never_is_no_end(works: Works) -> None:
    works.person("E1", "", ends="9999-12-31")
    assert not (await works.sync()).opened
    works.clock.forward(timedelta(minutes=1))
    works.person("E1", "Ana Renamed")
    assert not (await works.sync()).opened, "and no return either"
    await works.tick()
    works.person("E3", "", ends="9999-12-31")
    await works.sync()
    assert works.cases("leaver") == []
    codes = [problem.code for p in everybody(works) for problem in works.workshop.policy.problems(p, works.clock())]
    assert codes == ["end-date-missing"]


async def test_an_external_without_an_end_or_sponsor_is_refused_and_shown(works: Works) -> None:
    works.person("E5", "No End", type="contractor", sponsor="E1", starts="2026-03-02")
    works.person("E6", "No Sponsor", type="contractor", starts="2026-03-02", ends="2026-06-30")
    await works.sync()
    for key, told in (("E5", "requires a last day"), ("E6", "requires a sponsor")):
        case = works.only("joiner", key)
        assert told in works.step(case, "by-hand")["text"]
        requests.run_case(works.workshop, case)
    works.at(utc(3, 2, 12))
    await works.tick()
    assert works.states("e5") == works.states("e6") == {}, "nothing is given"
    works.clock.forward(timedelta(minutes=1))
    works.person("E5", "", ends="2026-06-30")
    works.person("E6", "", sponsor="E2")
    await works.sync()
    for key in ("E5", "E6"):
        case = next(c["id"] for c in works.cases() if c["person_key"] == key and c["kind"] == "joiner")
        requests.run_case(works.workshop, case)
    await works.tick()
    assert works.holds("e5") == works.holds("e6") == {"directory/Staff"}


async def test_who_holds_something_and_lacks_what_is_required_keeps_it(works: Works) -> None:
    works.person("E3", "", sponsor="")
    await works.sync()
    for case in works.cases():
        requests.run_case(works.workshop, case["id"])
    await works.tick()
    assert works.holds("e3") == {"directory/Staff"}
    assert works.states("e3") == {"directory": "active"}
