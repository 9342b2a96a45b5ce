"""Moves: what the new place gives and what the old one gave are one plan, and nothing of it is lost half way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from jmltui.cache.people import person_by_key
from jmltui.domain.case import CaseKind
from jmltui.domain.scope import Scope
from jmltui.errors import NotAllowed
from jmltui.lifecycle import requests
from jmltui.lifecycle.approve import ask_again, decide
from jmltui.lifecycle.scoped import open_scoped
from jmltui_practice.faults import Fault, FaultKind, clear_faults, set_fault
from tests.conftest import StandingClock
from tests.lifecycle.works import Works, founded

POLICY = """\
version: 1
entitlements:
  - {id: staff, system: directory, target: "group:Staff"}
  - {id: sales, system: directory, target: "group:Sales"}
  - {id: orders, system: erp, target: "role:Orders"}
  - {id: buying, system: directory, target: "group:Buying"}
  - {id: pay-create, system: erp, target: "role:Create"}
  - {id: pay-release, system: erp, target: "role:Release"}
  - {id: audit, system: erp, target: "role:Audit"}
  - {id: vault, system: chat, target: "group:Vault", tier: elevated, approval: true}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff]}
  - {id: selling, match: {person.department: Sales}, grants: [sales, orders]}
  - {id: buying, match: {person.department: Buying}, grants: [buying]}
  - {id: entering, match: {person.department: Entering}, grants: [pay-create]}
  - {id: releasing, match: {person.department: Releasing}, grants: [pay-release]}
  - {id: auditing, match: {person.department: Auditing}, grants: [audit, pay-release]}
  - {id: keeping, match: {person.department: Keeping}, grants: [vault]}
separation:
  - {id: payments, any_of: [pay-create], with_any_of: [pay-release], severity: block, reason: nobody pays themselves}
  - {id: eyes, any_of: [audit], with_any_of: [pay-release], severity: warn, reason: who pays should not audit}
"""
TARGETS = {
    "directory": ["group:Staff", "group:Sales", "group:Buying"],
    "erp": ["role:Orders", "role:Create", "role:Release", "role:Audit"],
    "chat": ["group:Vault"],
}
STAFF, SALES, ORDERS, BUYING = "directory/Staff", "directory/Sales", "erp/Orders", "directory/Buying"


@pytest.fixture
async def works(private: Path, clock: StandingClock) -> AsyncIterator[Works]:
    """Sal sells."""
    made = founded(private, clock, POLICY, TARGETS)
    made.person("E1", "Sal Seller", department="Sales")
    made.account("directory", "e1", "E1", "Staff", "Sales")
    made.account("erp", "e1", "E1", "Orders")
    await made.sync()
    assert made.cases() == []
    yield made
    await made.workshop.close()


async def moved(works: Works, department: str) -> int:
    works.clock.forward(timedelta(minutes=1))
    works.person("E1", "", department=department)
    await works.sync()
    return works.only("mover")


def lines(works: Works, case: int) -> dict[str, tuple[str, str]]:
    return {
        line["target"]: (line["kind"], line["reason"])
        for line in works.case(case)["diff"]
        if line["target"] != "account"
    }


async def retried(works: Works, times: int = 12) -> None:
    """Let the worker try again until it gives up."""
    for _ in range(times):
        works.clock.forward(timedelta(minutes=16))
        await works.tick()


async def test_a_move_gives_and_takes_in_one_plan(works: Works) -> None:
    case = await moved(works, "Buying")
    assert {target: kind for target, (kind, _) in lines(works, case).items()} == {
        "group:Staff": "keep", "group:Sales": "remove", "role:Orders": "remove", "group:Buying": "add",
    }  # fmt: skip
    requests.run_step(works.workshop, case, "grant")
    await works.work()
    assert works.holds("e1") == {STAFF, BUYING}, "the removal ran with the grant, for neither happens alone"
    assert works.states("e1") == {"directory": "active", "erp": "disabled"}
    assert works.cases() == []


async def test_neither_half_happens_before_the_approval_of_the_other(works: Works) -> None:
    case = await moved(works, "Keeping")
    requests.run_case(works.workshop, case)
    await works.work()
    assert works.steps(case)["remove"] == works.steps(case)["grant"] == "approval"
    assert works.holds("e1") == {STAFF, SALES, ORDERS}
    decide(works.by("bob"), case, "remove", "", approve=True)
    await works.work()
    assert works.holds("e1") == {STAFF, "chat/Vault"}, "one plan, one decision"
    assert works.cases() == []


async def test_a_refusal_stops_both_halves(works: Works) -> None:
    case = await moved(works, "Keeping")
    requests.run_case(works.workshop, case)
    await works.work()
    decide(works.by("bob"), case, "grant", "", approve=False, reason="not yet")
    await works.work()
    assert works.steps(case)["remove"] == works.steps(case)["grant"] == "refused"
    assert works.holds("e1") == {STAFF, SALES, ORDERS}
    with pytest.raises(NotAllowed, match="neither of them happens alone"):
        requests.run_step(works.workshop, case, "remove")
    ask_again(works.workshop, case, "remove")
    assert works.steps(case)["remove"] == works.steps(case)["grant"] == "approval"
    decide(works.by("bob"), case, "remove", "", approve=True)
    await works.work()
    assert works.holds("e1") == {STAFF, "chat/Vault"}


async def test_a_removal_that_fails_keeps_the_case_open_and_shows_both(works: Works) -> None:
    """P09."""
    case = await moved(works, "Buying")
    set_fault(works.home / "systems.sqlite", "erp", Fault(FaultKind.DOWN))
    requests.run_case(works.workshop, case)
    await works.work()
    await retried(works)
    assert works.holds("e1") == {STAFF, BUYING, ORDERS}
    whole = works.case(case)
    assert whole["state"] == "open"
    steps = works.steps(case)
    assert (steps["grant"], steps["remove"], steps["verify"]) == ("done", "attention", "waiting")
    found = {target: kind for target, (kind, _) in lines(works, case).items()}
    assert (found["group:Buying"], found["role:Orders"]) in (("add", "remove"), ("keep", "remove"))
    assert whole["attention"] == 1
    states = {a["target"]: a["state"] for s in whole["steps"] for a in s["actions"]}
    assert states["role:Orders"] == "failed"
    assert states["group:Buying"] == "confirmed"
    clear_faults(works.home / "systems.sqlite")
    requests.run_step(works.workshop, case, "remove")
    await works.work()
    assert works.holds("e1") == {STAFF, BUYING}
    assert works.case(case)["state"] == "done"


async def test_a_system_that_lies_about_a_removal_is_found_out(works: Works) -> None:
    case = await moved(works, "Buying")
    set_fault(works.home / "systems.sqlite", "erp", Fault(FaultKind.LYING))
    requests.run_case(works.workshop, case)
    await works.work()
    assert works.steps(case)["remove"] == "attention"
    assert works.case(case)["state"] == "open"
    assert ORDERS in works.holds("e1")


# ---- cases about a part


def review(works: Works) -> int:
    """A reviewer takes the orders away."""
    with works.workshop.cache.write() as session:
        person = person_by_key(session, "E1")
        assert person is not None
        scope = Scope(revoke=(("erp", "erp-e1", "role:Orders"),), reason="revoked in a review")
        now = works.clock()
        return open_scoped(works.workshop, session, CaseKind.REVIEW, person, scope, {}, "review:1", now)


async def test_a_case_about_a_part_goes_on_through_a_move(works: Works) -> None:
    part = review(works)
    mover = await moved(works, "Buying")
    assert {case["id"] for case in works.cases()} == {part, mover}
    requests.run_case(works.workshop, part)
    await works.work()
    assert works.holds("e1") == {STAFF, SALES}
    assert works.case(part)["state"] == "done"
    assert works.only() == mover
    requests.run_case(works.workshop, mover)
    await works.tick()
    assert works.holds("e1") == {STAFF, BUYING}
    assert works.cases() == []


async def test_a_case_about_a_part_ends_when_the_person_leaves_now(works: Works) -> None:
    part = review(works)
    works.person("E1", "", status="left")
    await works.sync()
    assert works.only() == works.only("leaver")
    assert works.case(part)["state"] == "cancelled"
    assert any("leaver came in between" in entry["summary"] for entry in works.case(part)["journal"])


async def test_a_case_about_a_part_ends_on_the_last_day_and_not_before(works: Works) -> None:
    part = review(works)
    works.person("E1", "", ends="2026-06-10")
    await works.sync()
    assert works.case(part)["state"] == "open"
    works.clock.forward(timedelta(days=5))
    await works.tick()
    assert works.case(part)["state"] == "open"
    works.clock.forward(timedelta(days=5))
    await works.tick()
    assert works.case(part)["state"] == "cancelled"
    assert works.only() == works.only("leaver")


# ---- separation of duties


async def test_a_grant_that_breaks_a_rule_is_settled_by_hand(works: Works) -> None:
    works.give("erp", "e1", "Create")
    works.policy_is(POLICY.replace("grants: [pay-create]", "grants: []"))
    works.policy_is(
        POLICY.replace("match: {person.department: Entering}", "match: {person.type: employee, person.title: Clerk}")
    )
    works.person("E1", "", title="Clerk")
    await works.sync()
    for each in works.cases():
        requests.run_case(works.workshop, each["id"])
    await works.tick()
    assert works.cases() == []
    assert "erp/Create" in works.holds("e1")

    case = await moved(works, "Releasing")
    kind, reason = lines(works, case)["role:Release"]
    assert kind == "blocked"
    assert reason == (
        "separation rule payments: pay-create (role entering) with pay-release (role releasing): nobody pays themselves"
    )
    step = works.step(case, "by-hand")
    assert "- erp: role:Release of e1: separation rule payments: pay-create (role entering)" in step["text"]
    requests.run_case(works.workshop, case)
    await works.work()
    assert "erp/Release" not in works.holds("e1")
    assert works.case(case)["state"] == "open", "somebody has to look at it"


async def test_a_move_from_one_side_of_a_rule_to_the_other_breaks_nothing(works: Works) -> None:
    works.person("E1", "", department="Entering")
    await works.sync()
    requests.run_case(works.workshop, works.only("mover"))
    await works.tick()
    assert works.holds("e1") == {STAFF, "erp/Create"}
    case = await moved(works, "Releasing")
    requests.run_case(works.workshop, case)
    await works.tick()
    assert works.holds("e1") == {STAFF, "erp/Release"}
    assert works.cases() == []


async def test_a_rule_that_warns_lets_the_grant_through_and_says_so(works: Works) -> None:
    case = await moved(works, "Auditing")
    kind, reason = lines(works, case)["role:Release"]
    assert kind == "add"
    assert "warning: separation rule eyes: audit (role auditing) with pay-release (role auditing)" in reason
    requests.run_case(works.workshop, case)
    await works.tick()
    assert works.holds("e1") == {STAFF, "erp/Release", "erp/Audit"}
    assert works.cases() == []
