"""The ways back in of whoever leaves: remote access, open sessions and credentials, on systems that have them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from jmltui.cache.tables import ExceptionRow
from jmltui.lifecycle import requests
from jmltui_practice.faults import Fault, FaultKind, clear_faults, set_fault
from tests.conftest import StandingClock
from tests.lifecycle.works import Works, founded

POLICY = """\
version: 1
entitlements:
  - {id: staff, system: directory, target: "group:Staff"}
  - {id: vpn, system: vpn, target: "group:Remote", remote_access: true}
  - {id: jump, system: remote, target: "group:Jump hosts", remote_access: true}
  - {id: general, system: chat, target: "group:General"}
  - {id: login, system: erp, target: account, tier: jit, max_duration: 8h, approval: false}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff, general]}
  - {id: outside, match: {person.location: Home}, grants: [vpn]}
  - {id: clerks, match: {person.department: Clerks}, may_request: [login]}
"""
TARGETS = {
    "directory": ["group:Staff"], "vpn": ["group:Remote"], "remote": ["group:Jump hosts"], "chat": ["group:General"],
}  # fmt: skip


@pytest.fixture
async def works(private: Path, clock: StandingClock) -> AsyncIterator[Works]:
    """Rob works at home, and can reach the jump hosts by a group that his account there does not hold."""
    made = founded(private, clock, POLICY, TARGETS)
    made.person("E1", "Rob Remote", location="Home", department="Clerks")
    made.account("directory", "e1", "E1", "Staff")
    made.account("vpn", "e1", "E1", "Remote")
    made.account("chat", "e1", "E1", "General")
    made.account("remote", "e1", "E1")
    made.session("vpn", "e1", "v1")
    made.session("directory", "e1", "d1")
    made.credential("chat", "e1", "t1", "token")
    made.credential("directory", "e1", "k1", "api-key")
    await made.sync()
    yield made
    await made.workshop.close()


async def leaving(works: Works) -> int:
    works.person("E1", "", status="left")
    await works.sync()
    return works.only("leaver")


def calls(works: Works, case: int, step: str) -> set[tuple[str, str, str]]:
    return {(a["operation"], a["system"], a["target"]) for a in works.step(case, step)["actions"]}


async def test_every_way_in_is_on_the_list_whoever_granted_it(works: Works) -> None:
    case = await leaving(works)
    assert calls(works, case, "remote") == {
        ("revoke", "vpn", "group:Remote"),
        ("revoke", "remote", "group:Jump hosts"),
        ("end-sessions", "vpn", "account"),
        ("end-sessions", "remote", "account"),
    }
    works.give("remote", "e1", "Jump hosts")
    requests.run_case(works.workshop, case)
    await works.work()
    assert works.holds("e1") == set(), "also what was given there since the last listing"
    assert set(works.states("e1").values()) == {"disabled"}


async def test_a_session_opened_in_between_is_ended_and_the_system_says_so(works: Works) -> None:
    """J15."""
    case = await leaving(works)
    requests.run_step(works.workshop, case, "disable")
    await works.work()
    assert works.states("e1")["vpn"] == "disabled"
    assert works.sessions("vpn") == ["v1"], "a disabled account keeps its sessions"
    works.session("vpn", "e1", "v2")
    requests.run_case(works.workshop, case)
    await works.work()
    assert works.sessions("vpn") == works.sessions("directory") == []
    ended = next(
        a for a in works.step(case, "remote")["actions"] if (a["operation"], a["system"]) == ("end-sessions", "vpn")
    )
    assert ended["state"] == "confirmed"
    assert ended["observed"]["sessions"] == []


async def test_a_system_that_only_says_that_it_ended_them_is_found_out(works: Works) -> None:
    case = await leaving(works)
    requests.run_step(works.workshop, case, "disable")
    await works.work()
    set_fault(works.home / "systems.sqlite", "vpn", Fault(FaultKind.LYING))
    requests.run_case(works.workshop, case)
    await works.work()
    assert works.steps(case)["remote"] == "attention"
    assert works.sessions("vpn") == ["v1"]
    clear_faults(works.home / "systems.sqlite")
    requests.run_step(works.workshop, case, "remote")
    await works.work()
    assert works.steps(case)["remote"] == "done"
    assert works.sessions("vpn") == []


async def test_credentials_are_taken_once_where_a_system_can_and_by_hand_elsewhere(works: Works) -> None:
    case = await leaving(works)
    actions = [a for s in works.case(case)["steps"] for a in s["actions"] if a["operation"] == "revoke-credentials"]
    assert sorted((a["system"], a["manual"]) for a in actions) == [
        ("chat", False), ("directory", False), ("remote", False), ("vpn", True),
    ]  # fmt: skip
    requests.run_case(works.workshop, case)
    await works.work()
    revoked = [what for what in works.happened() if what == "revoke-credential"]
    assert len(revoked) == 2
    tokens = works.step(case, "tokens")
    assert tokens["state"] == "attention", "the VPN cannot do it by itself"
    assert {a["state"] for a in tokens["actions"] if not a["manual"]} == {"confirmed"}
    requests.attest(works.workshop, case, "tokens", "certificate revoked on the gateway")
    assert works.steps(case)["tokens"] == "done"


async def test_a_system_where_nobody_knows_an_account_is_looked_at_by_a_person(works: Works) -> None:
    works.person("E2", "Ola Office")
    works.account("directory", "e2", "E2", "Staff")
    works.account("chat", "e2", "E2", "General")
    await works.sync()
    works.person("E2", "", status="left")
    await works.sync()
    case = works.only("leaver", "E2")
    found = {(a["system"], a["manual"]) for a in works.step(case, "remote")["actions"]}
    assert found == {("vpn", True), ("remote", True)}


async def test_an_account_that_was_given_for_a_time_is_switched_off_at_its_end(works: Works) -> None:
    works.account("erp", "e1", "E1")
    until = works.clock() + timedelta(hours=8)
    with works.workshop.cache.write() as session:
        session.add(
            ExceptionRow(
                kind="access",
                person_id=1,
                subject="login",
                reason="stocktaking",
                requested_by="ron",
                state="active",
                asked_at=works.clock(),
                until=until,
            )
        )
    await works.sync()
    works.at(until - timedelta(seconds=1))
    await works.tick()
    assert works.states("e1")["erp"] == "active"
    works.at(until + timedelta(minutes=1))
    await works.tick()
    assert works.states("e1")["erp"] == "disabled"
    assert works.cases() == []
