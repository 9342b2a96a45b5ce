"""The end of exceptions: on time, late, while it is granted, because the ground is gone, and for whom it is no end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from jmltui.cache.tables import ActionRow
from jmltui.domain.case import ActionState
from jmltui.errors import NotAllowed
from jmltui.lifecycle import requests
from jmltui.lifecycle.access_requests import (
    end_exception,
    end_reached,
    end_unfounded,
    request_access,
    request_overlap,
    request_separation,
)
from jmltui.lifecycle.approve import decide
from jmltui.lifecycle.replan import replan_outdated
from tests.lifecycle.small_firm import Firm, firm

__all__ = ["firm"]


async def granted(firm: Firm, person: str, entitlement: str, *approvers: str) -> int:
    case = request_access(firm.by("ron"), person, entitlement, "needed for a while")
    for who in approvers:
        decide(firm.by(who), case, "approve", "", approve=True)
    await firm.work()
    return case


async def production(firm: Firm) -> None:
    await granted(firm, "E7", "prod-admin", "sam", "sue")
    assert "Production" in firm.holds("max")


async def test_nothing_ends_before_its_time(firm: Firm) -> None:
    await production(firm)
    firm.clock.forward(timedelta(hours=8) - timedelta(seconds=1))
    assert end_reached(firm.workshop) == 0
    assert "Production" in firm.holds("max")


async def test_what_ended_while_no_worker_ran_is_removed_at_start(firm: Firm) -> None:
    """P10: removed at start, with how late it was."""
    await production(firm)
    [exception] = firm.exceptions()
    firm.clock.forward(timedelta(days=2))
    assert end_reached(firm.workshop) == 1
    [case] = firm.cases()
    late = int((timedelta(days=2) - timedelta(hours=8)).total_seconds())
    assert (case["kind"], case["requested_by"], case["run_through"]) == ("expiry", "jmltui", True)
    assert case["event"]["late"] == late
    assert exception.until is not None
    assert case["event"]["until"] == exception.until.isoformat()
    assert firm.journal("exception.end")[0]["facts"]["late"] == late
    await firm.work()
    assert "Production" not in firm.holds("max")
    assert firm.cases() == []


async def test_it_ends_once(firm: Firm) -> None:
    await production(firm)
    firm.clock.forward(timedelta(hours=8))
    found = await asyncio.gather(*(asyncio.to_thread(end_reached, firm.workshop) for _ in range(4)))
    assert sum(found) == 1
    assert end_reached(firm.workshop) == 0
    assert len(firm.cases()) == 1


async def test_what_a_role_gives_by_then_stays(firm: Firm) -> None:
    await production(firm)
    firm.rewrite_policy("tier: jit, approval: security-two", "tier: elevated, approval: security-two")
    firm.rewrite_policy("grants: [it]", "grants: [it, prod-admin]")
    firm.take_over_policy()
    firm.clock.forward(timedelta(hours=8))
    assert end_reached(firm.workshop) == 1
    await firm.work()
    assert "Production" in firm.holds("max")
    assert firm.cases() == []


async def test_ended_before_it_was_granted(firm: Firm) -> None:
    case = request_access(firm.by("ron"), "E7", "prod-admin", "needed for a while")
    for who in ("sam", "sue"):
        decide(firm.by(who), case, "approve", "", approve=True)
    firm.clock.forward(timedelta(hours=8))
    assert end_reached(firm.workshop) == 1
    assert firm.case(case)["state"] == "cancelled"
    await firm.work()
    assert "Production" not in firm.holds("max")


async def test_it_ends_when_it_is_known_what_was_done(firm: Firm) -> None:
    """A grant that is under way is neither ended nor forgotten."""
    case = request_access(firm.by("ron"), "E7", "prod-admin", "needed for a while")
    for who in ("sam", "sue"):
        decide(firm.by(who), case, "approve", "", approve=True)
    number = firm.step(case, "grant")["actions"][0]["id"]

    def now_is(state: ActionState) -> None:
        with firm.workshop.cache.write() as session:
            row = session.get(ActionRow, number)
            assert row is not None
            row.state, row.run_at = state.value, firm.clock()

    now_is(ActionState.UNKNOWN)
    firm.clock.forward(timedelta(hours=8))
    with pytest.raises(NotAllowed, match="is granting it at this moment"):
        end_exception(firm.by("ron"), 1, "not needed")
    assert end_reached(firm.workshop) == 0
    firm.give("max", "Production")
    await firm.work()
    assert firm.case(case)["state"] == "done"
    firm.clock.forward(timedelta(hours=8))
    assert end_reached(firm.workshop) == 1
    await firm.work()
    assert "Production" not in firm.holds("max")


async def test_ended_by_hand(firm: Firm) -> None:
    await production(firm)
    case = end_exception(firm.by("max"), 1, "done early")
    assert firm.case(case)["kind"] == "expiry"
    await firm.work()
    assert "Production" not in firm.holds("max"), "who gives their own access back is not stopped"
    assert firm.journal("exception.end")[0]["actor"] == "max"


async def test_an_exception_from_a_rule_just_ends(firm: Firm) -> None:
    until = firm.clock() + timedelta(days=1)
    case = request_separation(firm.by("ron"), "E2", "create-release", "colleague ill", until)
    decide(firm.by("bo"), case, "approve", "", approve=True)
    firm.clock.forward(timedelta(days=1))
    assert end_reached(firm.workshop) == 1
    assert firm.exceptions()[0].state == "ended"
    assert firm.cases() == []


async def test_what_nobody_agreed_to_until_its_end_is_over(firm: Firm) -> None:
    until = firm.clock() + timedelta(days=1)
    case = request_separation(firm.by("ron"), "E2", "create-release", "colleague ill", until)
    firm.clock.forward(timedelta(days=1))
    assert end_reached(firm.workshop) == 1
    assert firm.case(case)["state"] == "cancelled"


async def test_the_end_of_an_overlap_takes_the_old_away(firm: Firm) -> None:
    firm.now_is("E2", department="IT", manager="E8")
    await firm.sync()
    [mover] = firm.cases()
    until = firm.clock() + timedelta(days=3)
    case = request_overlap(firm.by("ron"), mover["id"], until, "hands over the books")
    decide(firm.by("ida"), case, "approve", "", approve=True)
    requests.run_case(firm.by("ron"), mover["id"])
    await firm.work()
    assert firm.cases() == []
    assert end_unfounded(firm.workshop) == 0, "what was agreed to outlives the move"
    firm.clock.forward(timedelta(days=3))
    assert end_reached(firm.workshop) == 1
    await firm.work()
    assert "Finance" not in firm.holds("ana")


async def test_a_mover_who_may_not_ask_for_it_any_more_loses_it(firm: Firm) -> None:
    await production(firm)
    assert end_unfounded(firm.workshop) == 0
    firm.now_is("E7", department="Sales", manager="E1")
    await firm.sync()
    assert end_unfounded(firm.workshop) == 1
    assert end_unfounded(firm.workshop) == 0
    assert "may not ask for it any more" in firm.journal("exception.end")[0]["summary"]
    await firm.work()
    assert "Production" not in firm.holds("max")


async def test_what_was_outside_the_policy_outlives_a_move_but_not_a_leaving(firm: Firm) -> None:
    await granted(firm, "E3", "reports", "sue")
    assert "Reports" in firm.holds("bo")
    firm.now_is("E3", department="Sales")
    await firm.sync()
    assert end_unfounded(firm.workshop) == 0
    firm.now_is("E3", ends=f"{firm.clock():%Y-%m-%d}")
    await firm.sync()
    assert end_unfounded(firm.workshop) == 0, "the last day is still a day"
    firm.clock.forward(timedelta(days=1))
    await firm.sync()
    assert end_unfounded(firm.workshop) == 1
    assert "the person left" in firm.journal("exception.end")[0]["summary"]
    assert [case["kind"] for case in firm.cases()] == ["leaver"], "the leaver case takes everything away"
    firm.now_is("E3", ends="")
    firm.clock.forward(timedelta(days=1))
    await firm.sync()
    assert firm.exceptions()[0].state == "ended", "who comes back does not find the exception again"


async def test_many_end_in_one_go(firm: Firm) -> None:
    for key in ("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9"):
        request_access(firm.by("ron"), key, "audit-note", "a day of audits", timedelta(hours=8))
    for case in firm.cases():
        decide(firm.by("zed"), case["id"], "approve", "", approve=True)
    await firm.work()
    assert all("AUDIT_NOTE" in firm.holds(login) for login in ("lea", "ola", "max"))
    firm.clock.forward(timedelta(hours=9))
    assert end_reached(firm.workshop) == 9
    await firm.work()
    assert not any("AUDIT_NOTE" in firm.holds(login) for login in ("lea", "ola", "max"))


async def test_an_empty_attribute_ends_nothing(firm: Firm) -> None:
    await production(firm)
    firm.now_is("E7", department="")
    await firm.sync()
    assert end_unfounded(firm.workshop) == 0, "nobody can tell whether they may ask for it"
    firm.rewrite_policy("may_request: [prod-admin, audit-read]", "may_request: [audit-read]")
    firm.take_over_policy()
    firm.now_is("E7", department="IT")
    firm.clock.forward(timedelta(minutes=1))
    await firm.sync()
    assert end_unfounded(firm.workshop) == 1


async def test_a_policy_that_takes_too_much_back_waits_for_a_person(firm: Firm) -> None:
    for key in ("E1", "E2"):
        await granted(firm, key, "reports")
        request_access(firm.by("ron"), key, "audit-note", "a day of audits")
    for case in firm.cases():
        decide(firm.by("zed"), case["id"], "approve", "", approve=True)
    await firm.work()
    assert {"Reports", "AUDIT_NOTE"} <= firm.holds("lea") & firm.holds("ana")
    firm.rewrite_policy(
        "may_request: [pay-create, pay-release, reports, audit-note]}",
        "may_request: [pay-create, pay-release]}",
    )
    firm.rewrite_policy(
        "break_glass:\n",
        "guards: {removals: {floor: 1, percent: 0, ceiling: 2, window: 24h}}\nbreak_glass:\n",
    )
    firm.take_over_policy()
    assert end_unfounded(firm.workshop) == 4
    await firm.work()
    held = firm.cases()
    assert {case["state"] for case in held} == {"held"}
    assert {"Reports", "AUDIT_NOTE"} <= firm.holds("lea") & firm.holds("ana"), "nothing is taken back meanwhile"
    with pytest.raises(NotAllowed, match="typed 3"):
        requests.confirm_batch(firm.by("sam"), held[0]["batch_id"], "3", "the policy was meant so")
    requests.confirm_batch(firm.by("sam"), held[0]["batch_id"], "4", "the policy was meant so")
    await firm.work()
    replan_outdated(firm.workshop)
    assert firm.cases() == []
    assert not {"Reports", "AUDIT_NOTE"} & (firm.holds("lea") | firm.holds("ana"))
