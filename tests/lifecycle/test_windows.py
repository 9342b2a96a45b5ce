"""Access by the hour: given and taken at the edges by the worker itself, in each person's zone, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jmltui.cache.reading import waiting_batches
from jmltui.errors import NotAllowed
from jmltui.lifecycle import requests
from jmltui.lifecycle.approve import decide
from jmltui.lifecycle.windows import next_edge, turn
from tests.conftest import StandingClock
from tests.lifecycle.works import Works, founded

POLICY = """\
version: 1
entitlements:
  - {id: staff, system: directory, target: "group:Staff"}
  - {id: desk, system: remote, target: "group:Desk", remote_access: true,
     window: {days: [mon, tue, wed, thu, fri], hours: "06:00-20:00"}}
  - {id: night, system: vpn, target: "group:Night",
     window: {days: [mon, tue, wed, thu, fri, sat, sun], hours: "22:00-06:00"}}
  - {id: vault, system: erp, target: "role:Vault", tier: elevated, approval: true,
     window: {days: [mon], hours: "09:00-12:00"}}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff]}
  - {id: office, match: {person.department: [Office, Lab]}, grants: [desk]}
  - {id: guards, match: {person.department: Guards}, grants: [night]}
  - {id: keepers, match: {person.department: Keepers}, grants: [vault]}
procedures:
  - id: mover
    owner: team:helpdesk
    fallback_owner: team:it
    target: 2d
    together: true
    steps:
      - {id: account, do: account.create}
      - {id: grant, do: entitlements.apply, needs: [account]}
      - {id: remove, do: entitlements.remove, needs: [account]}
  - id: joiner
    owner: team:helpdesk
    fallback_owner: team:it
    target: 2d
    steps:
      - {id: account, do: account.create}
      - {id: grant, do: entitlements.apply, needs: [account]}
      - {id: laptop, do: manual, text: Hand the laptop over, needs: [grant]}
"""
TARGETS = {
    "directory": ["group:Staff"],
    "remote": ["group:Desk"],
    "vpn": ["group:Night"],
    "erp": ["role:Vault"],
}
DESK, NIGHT, STAFF = "remote/Desk", "vpn/Night", "directory/Staff"


def utc(day: int, hour: int, minute: int = 0, month: int = 6, second: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


@pytest.fixture
def cache_settings() -> str:
    """Where the cache is: in the state folder, unless a module says otherwise."""
    return ""


@pytest.fixture
def start() -> datetime:
    """Monday noon."""
    return utc(1, 10)


@pytest.fixture
async def works(private: Path, start: datetime, cache_settings: str) -> AsyncIterator[Works]:
    """Ana in the office, Gus among the guards, both with accounts and what is due at this hour."""
    made = founded(private, StandingClock(start), POLICY, TARGETS, cache_settings)
    made.person("E1", "Ana Office", department="Office")
    made.person("E2", "Gus Guard", department="Guards")
    for number, login in enumerate(("e1", "e2"), start=1):
        made.account("directory", login, f"E{number}", "Staff")
    made.account("remote", "e1", "E1", *(["Desk"] if start.weekday() < 5 else []))
    made.account("vpn", "e2", "E2")
    assert not (await made.sync()).opened
    await made.tick()
    assert made.happened() == []
    yield made
    await made.workshop.close()


async def walk(works: Works, until: datetime, step: timedelta = timedelta(minutes=20)) -> list[tuple[str, datetime]]:
    """Let the time pass, the worker ticking; what was done to the systems, and at which tick."""
    seen, found = len(works.happened()), []
    while works.clock() < until:
        works.at(min(works.clock() + step, until))
        await works.tick()
        now = works.happened()
        found += [(what, works.clock()) for what in now[seen:]]
        seen = len(now)
    return found


async def test_access_is_taken_in_the_evening_and_given_in_the_morning(works: Works) -> None:
    done = await walk(works, utc(2, 12))
    assert done == [
        ("revoke Desk", utc(1, 18)),  # 20:00 in Berlin
        ("grant Night", utc(1, 20)),
        ("revoke Night", utc(2, 4)),
        ("grant Desk", utc(2, 4)),
    ] or done == [
        ("revoke Desk", utc(1, 18)),
        ("grant Night", utc(1, 20)),
        ("grant Desk", utc(2, 4)),
        ("revoke Night", utc(2, 4)),
    ]
    assert works.cases() == [], "every case is done"
    assert works.states("e1") == {"directory": "active", "remote": "active"}, "accounts are left as they are"


async def test_edges_are_exact_and_each_is_one_case(works: Works) -> None:
    works.at(utc(1, 17, 59, second=59))
    assert next_edge(works.workshop, works.clock()) == utc(1, 18)
    await works.tick()
    assert works.holds("e1") == {STAFF, DESK}
    works.at(utc(1, 18))
    report = await works.tick()
    assert report.opened == {"expiry": 1}
    assert works.holds("e1") == {STAFF}
    for minute in (0, 1, 30, 59):
        works.at(utc(1, 18, minute))
        assert (await works.tick()).opened == {}
        assert turn(works.workshop) == 0
    assert works.happened("e1") == ["revoke Desk"]


async def test_the_edge_is_that_of_where_the_person_is(works: Works) -> None:
    works.person("E1", "", zone="America/New_York")
    await works.sync()
    works.at(utc(1, 23, 59))
    await works.tick()
    assert DESK in works.holds("e1")
    works.at(utc(2, 0))
    await works.tick()
    assert DESK not in works.holds("e1"), "20:00 in New York"
    assert next_edge(works.workshop, works.clock()) == utc(2, 1), "looked for every hour, for zones come and go"


@pytest.mark.parametrize(
    ("start", "shut", "opened"),
    [
        (utc(28, 12, month=3), utc(28, 21, month=3), utc(29, 4, month=3)),
        (utc(24, 12, month=10), utc(24, 20, month=10), utc(25, 5, month=10)),
    ],
)
async def test_a_night_in_which_the_clocks_change(works: Works, shut: datetime, opened: datetime) -> None:
    """J16: 22:00 to 06:00 is seven hours long in March, and nine in October."""
    second = timedelta(seconds=1)
    for moment, held in ((shut - second, False), (shut, True), (opened - second, True), (opened, False)):
        works.at(moment)
        await works.tick()
        assert (NIGHT in works.holds("e2")) is held, moment
    assert works.happened("e2") == ["grant Night", "revoke Night"]


async def test_edges_that_nobody_saw_are_made_up_for_once(works: Works) -> None:
    works.restart()
    works.at(utc(3, 19))
    await works.tick()
    assert works.holds("e1") == {STAFF}
    assert works.happened("e1") == ["revoke Desk"], "two evenings and a morning passed, one is made up for"
    works.restart()
    works.at(utc(5, 9))
    await works.tick()
    assert works.happened("e1") == ["revoke Desk", "grant Desk"]


async def test_a_new_policy_turns_at_once_and_not_an_hour_later(works: Works) -> None:
    works.policy_is(POLICY.replace('"06:00-20:00"', '"06:00-11:30"'))
    await works.tick()
    assert works.holds("e1") == {STAFF}, "12:00 in Berlin, and the window shuts at 11:30 by the new policy"


async def test_what_needs_an_approval_waits_for_it(works: Works) -> None:
    works.person("E3", "Kim Keeper", department="Keepers")
    works.account("directory", "e3", "E3", "Staff")
    works.account("erp", "e3", "E3")
    works.at(utc(7, 12))
    await works.sync()
    assert works.cases(key="E3") == [], "the window is shut, so nothing is due"
    works.at(utc(8, 7))
    await works.tick()
    case = works.only("expiry", "E3")
    assert works.steps(case)["grant"] == "approval"
    assert works.holds("e3") == {STAFF}
    decide(works.by("bob"), case, "grant", "", approve=True)
    await works.tick()
    assert works.holds("e3") == {STAFF, "erp/Vault"}
    works.at(utc(8, 10))
    await works.tick()
    assert works.holds("e3") == {STAFF}, "taking away asks nobody"
    works.at(utc(15, 7))
    await works.tick()
    assert works.steps(works.only("expiry", "E3"))["grant"] == "approval", "each opening asks again"


async def test_what_was_not_approved_in_its_window_is_asked_for_no_more(works: Works) -> None:
    works.person("E3", "Kim Keeper", department="Keepers")
    works.account("directory", "e3", "E3", "Staff")
    works.account("erp", "e3", "E3")
    works.at(utc(8, 6))
    await works.sync()
    works.at(utc(8, 7))
    await works.tick()
    assert works.only("expiry", "E3")
    works.at(utc(8, 10))
    await works.tick()
    assert works.cases(key="E3") == []
    assert works.happened("e3") == []


async def test_a_system_that_is_down_at_the_edge_is_caught_up_with(works: Works) -> None:
    from jmltui_practice.faults import Fault, FaultKind, clear_faults, set_fault

    set_fault(works.home / "systems.sqlite", "remote", Fault(FaultKind.DOWN))
    works.at(utc(1, 18))
    await works.tick()
    assert DESK in works.holds("e1")
    case = works.only("expiry", "E1")
    clear_faults(works.home / "systems.sqlite")
    await walk(works, utc(1, 20))
    assert works.holds("e1") == {STAFF}
    assert works.case(case)["state"] == "done"


async def test_what_failed_in_the_evening_is_not_done_in_the_morning(works: Works) -> None:
    from jmltui_practice.faults import Fault, FaultKind, clear_faults, set_fault

    set_fault(works.home / "systems.sqlite", "remote", Fault(FaultKind.DOWN))
    await walk(works, utc(2, 3))
    case = works.only("expiry", "E1")
    assert works.steps(case)["remove"] == "attention"
    clear_faults(works.home / "systems.sqlite")
    works.at(utc(2, 4))
    await works.tick()
    assert works.case(case)["state"] == "done", works.steps(case)
    assert works.happened("e1") == []
    assert works.holds("e1") == {STAFF, DESK}
    await walk(works, utc(2, 19), timedelta(hours=1))
    assert works.holds("e1") == {STAFF}, "and the next evening is another one"


# ---- other cases speak first


async def test_who_left_gets_nothing_back_in_the_morning(works: Works) -> None:
    works.at(utc(1, 18))
    await works.tick()
    works.person("E1", "", status="left")
    await works.sync()
    leaver = works.only("leaver")
    requests.run_case(works.workshop, leaver)
    await works.work()
    assert works.states("e1") == {"directory": "disabled", "remote": "disabled"}
    await walk(works, utc(2, 9), timedelta(hours=1))
    assert works.states("e1") == {"directory": "disabled", "remote": "disabled"}
    assert works.holds("e1") == set()
    assert not works.cases("expiry", "E1")


async def test_who_had_to_leave_at_once_gets_nothing_back_before_the_last_day(works: Works) -> None:
    works.at(utc(1, 18))
    await works.tick()
    works.person("E1", "", urgent="yes", ends="2026-06-30")
    await works.sync()
    leaver = works.only("leaver")
    requests.run_case(works.workshop, leaver)
    await works.work()
    assert works.states("e1") == {"directory": "disabled", "remote": "disabled"}
    await walk(works, utc(2, 9), timedelta(hours=1))
    assert works.states("e1") == {"directory": "disabled", "remote": "disabled"}
    assert works.holds("e1") == set()


async def test_whoever_leaves_on_a_day_to_come_is_let_in_until_then(works: Works) -> None:
    works.person("E1", "", ends="2026-06-03")
    await works.sync()
    assert works.cases("leaver")
    done = [what for what, _ in await walk(works, utc(3, 9), timedelta(hours=1)) if "Desk" in what]
    assert done == ["revoke Desk", "grant Desk", "revoke Desk", "grant Desk"]


async def test_a_joiner_is_given_nothing_before_the_joiner_case_is_run(works: Works) -> None:
    works.at(utc(1, 19))
    works.person("E4", "Jo Joiner", department="Office")
    await works.sync()
    case = works.only("joiner")
    await walk(works, utc(2, 9), timedelta(hours=1))
    assert works.states("e4") == {}, "nobody asked for it yet"
    requests.run_case(works.workshop, case)
    await works.work()
    await walk(works, utc(2, 11), timedelta(hours=1))
    assert works.holds("e4") == {STAFF, DESK}, "the rest comes with the window, though the laptop is still to come"
    assert works.steps(case)["laptop"] == "ready"
    await walk(works, utc(3, 9), timedelta(hours=1))
    assert works.happened("e4", "remote") == ["create", "grant Desk", "revoke Desk", "grant Desk"]


async def test_a_move_gives_and_takes_by_its_own_case(works: Works) -> None:
    """Neither half of a move is done by a window; what the window took it gives back meanwhile."""
    works.at(utc(1, 19))
    await works.tick()
    works.person("E2", "", department="Lab")
    works.account("remote", "e2", "E2")
    works.person("E1", "", department="Lab")
    await works.sync()
    assert {case["person_key"] for case in works.cases("mover")} <= {"E1", "E2"}
    mover = works.only("mover", "E2")
    await walk(works, utc(2, 9), timedelta(hours=1))
    assert works.holds("e2") == {STAFF}, "the window of the new place opened, and the move was not asked for"
    assert works.holds("e1") == {STAFF, DESK}
    requests.run_case(works.workshop, mover)
    await works.work()
    await walk(works, utc(2, 11), timedelta(hours=1))
    assert works.holds("e2") == {STAFF, DESK}


async def test_what_a_role_gives_no_more_is_not_taken_by_a_window(works: Works) -> None:
    works.person("E1", "", department="Archive")
    await works.sync()
    case = works.only("mover")
    await walk(works, utc(1, 17), timedelta(hours=1))
    assert works.holds("e1") == {STAFF, DESK}, "the mover takes it away, when somebody runs it"
    assert works.only("mover") == case


async def test_a_window_of_the_account_itself_switches_it(works: Works) -> None:
    works.policy_is(
        POLICY.replace(
            '  - {id: night, system: vpn, target: "group:Night",', "  - {id: night, system: vpn, target: account,"
        )
    )
    await works.tick()
    assert works.states("e2")["vpn"] == "disabled", "noon"
    works.at(utc(1, 20))
    await works.tick()
    assert works.states("e2")["vpn"] == "active"
    works.at(utc(2, 4))
    await works.tick()
    assert works.states("e2")["vpn"] == "disabled"
    assert works.cases() == []


# ---- the guard of removals

GUARDED = POLICY + "guards: {removals: {floor: 2, percent: 0, ceiling: 2, window: 24h}}\n"
NARROWED = GUARDED.replace('"06:00-20:00"', '"06:00-11:30"')
OFFICE = ("e1", "e5", "e6", "e7")
WHY = "the works council agreed"


async def office(works: Works) -> None:
    """Four people in the office, all of whom hold what its window of now gives them."""
    for login in OFFICE[1:]:
        works.person(login.upper(), f"Kim {login}", department="Office")
        works.account("directory", login, login.upper(), "Staff")
        works.account("remote", login, login.upper(), "Desk")
    await works.sync()
    works.policy_is(GUARDED)
    await works.tick()
    assert works.cases() == []


def asked(works: Works) -> int:
    """About how many of them a case waits."""
    return sum(case["person_key"].lower() in OFFICE for case in works.cases("expiry"))


def at_desk(works: Works) -> int:
    return sum(DESK in works.holds(login) for login in OFFICE)


def batch_of(works: Works) -> int:
    """The number of the one batch that waits."""
    with works.workshop.cache.read() as session:
        [batch] = waiting_batches(session)
    return int(batch["id"])


def no_batch(works: Works) -> bool:
    with works.workshop.cache.read() as session:
        return not waiting_batches(session)


async def test_a_narrowed_window_that_takes_too_much_waits_for_a_person(works: Works) -> None:
    await office(works)
    works.policy_is(NARROWED)
    await works.tick()
    assert at_desk(works) == 4
    assert {case["state"] for case in works.cases("expiry")} == {"held"}
    works.at(utc(1, 11))
    await works.tick()
    assert (at_desk(works), len(works.cases())) == (4, 4), "and is not asked twice"
    batch = batch_of(works)
    requests.confirm_batch(works.by("sam"), batch, "4", WHY)
    await works.work()
    assert (at_desk(works), works.cases()) == (0, [])
    works.at(utc(2, 5))
    await works.tick()
    assert at_desk(works) == 4, "given again in the morning"
    works.at(utc(2, 9, 30))
    await works.tick()
    assert (at_desk(works), no_batch(works)) == (0, True), "what was released once is an ordinary edge"


async def test_a_new_window_that_shuts_for_the_first_time_waits_as_well(works: Works) -> None:
    await office(works)
    works.policy_is(GUARDED.replace('"06:00-20:00"', '"06:00-13:00"'))
    await works.tick()
    assert works.cases() == [], "nothing is shut yet"
    works.at(utc(1, 11))
    await works.tick()
    assert at_desk(works) == 4
    assert {case["state"] for case in works.cases("expiry")} == {"held"}


async def test_a_new_window_of_few_is_no_question_and_then_ordinary(works: Works) -> None:
    works.policy_is(NARROWED)
    await works.tick()
    assert works.happened("e1") == ["revoke Desk"]


async def test_a_window_that_is_taken_back_ends_what_is_held(works: Works) -> None:
    await office(works)
    works.policy_is(NARROWED)
    await works.tick()
    batch = batch_of(works)
    works.policy_is(GUARDED)
    await works.tick()
    assert (at_desk(works), works.cases(), no_batch(works)) == (4, [], True)
    with pytest.raises(NotAllowed, match="no batch"):
        requests.confirm_batch(works.by("sam"), batch, "4", WHY)


async def test_what_nobody_released_in_the_night_is_asked_again_in_the_evening(works: Works) -> None:
    """A held removal ends when its window opens; its next shutting is no ordinary edge for all that."""
    await office(works)
    works.policy_is(NARROWED)
    await works.tick()
    await walk(works, utc(2, 8), timedelta(hours=1))
    assert (at_desk(works), asked(works)) == (4, 0)
    works.at(utc(2, 9, 30))
    await works.tick()
    assert (at_desk(works), asked(works)) == (4, 4)


async def test_a_no_stands_until_the_window_shuts_again(works: Works) -> None:
    await office(works)
    works.policy_is(NARROWED)
    await works.tick()
    assert len(requests.dismiss_batch(works.by("ron"), batch_of(works), "not what we meant")) == 4
    done = await walk(works, utc(1, 20), timedelta(hours=1))
    assert [what for what, _ in done if "Desk" in what] == []
    assert (at_desk(works), asked(works)) == (4, 0)
    works.at(utc(2, 9, 30))
    await works.tick()
    assert (at_desk(works), asked(works)) == (4, 4)


async def test_a_zone_that_many_are_said_to_be_in_waits_for_a_person(works: Works) -> None:
    """A mistake in the feed shuts the window for all of them at a moment that is no edge of it."""
    await office(works)
    requests.confirm_batch(works.by("sam"), await first_evening(works), "4", WHY)
    await walk(works, utc(2, 12, 10), timedelta(hours=4))
    assert at_desk(works) == 4
    for login in OFFICE:
        works.person(login.upper(), "", zone="Pacific/Auckland")
    await works.sync()
    works.at(utc(2, 12, 30))
    works.restart()
    await works.tick()
    assert at_desk(works) == 4
    assert {case["state"] for case in works.cases("expiry")} == {"held"}


async def first_evening(works: Works) -> int:
    works.at(utc(1, 18))
    await works.tick()
    return batch_of(works)
