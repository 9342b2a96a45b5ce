"""The end of exceptions: on time, late, while it is granted, because the ground is gone, and for whom it is no end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from jmltui.cache.tables import ActionRow
from jmltui.domain.case import ActionState
from jmltui.errors import NotAllowed, UsageError
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
from jmltui.lifecycle.workshop import Workshop
from tests.lifecycle.small_firm import Firm, firm
from tests.lifecycle.test_access_requests import command

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


MAY_ASK = "may_request: [pay-create, pay-release, reports, audit-note]}"
MAY_NOT = "may_request: [pay-create, pay-release]}"
REPORTS = '  - {id: reports, system: directory, target: "group:Reports", tier: elevated, approval: false}\n'


async def four_granted(firm: Firm) -> None:
    """Two people with two exceptions each, under a guard that lets two removals pass."""
    for key in ("E1", "E2"):
        await granted(firm, key, "reports")
        request_access(firm.by("ron"), key, "audit-note", "a day of audits")
    for case in firm.cases():
        decide(firm.by("zed"), case["id"], "approve", "", approve=True)
    await firm.work()
    firm.rewrite_policy(
        "break_glass:\n",
        "guards: {removals: {floor: 2, percent: 0, ceiling: 2, window: 24h}}\nbreak_glass:\n",
    )
    firm.take_over_policy()
    assert all_held(firm)


def all_held(firm: Firm) -> bool:
    return {"Reports", "AUDIT_NOTE"} <= firm.holds("lea") & firm.holds("ana")


def states(firm: Firm) -> set[str]:
    return {row.state for row in firm.exceptions()}


def policy_becomes(firm: Firm, old: str, new: str) -> None:
    firm.rewrite_policy(old, new)
    firm.take_over_policy()
    firm.clock.forward(timedelta(minutes=1))


async def test_a_policy_that_takes_too_much_back_waits_for_a_person(firm: Firm) -> None:
    await four_granted(firm)
    policy_becomes(firm, MAY_ASK, MAY_NOT)
    assert end_unfounded(firm.workshop) == 4
    await firm.work()
    held = firm.cases()
    assert {case["state"] for case in held} == {"held"}
    assert all_held(firm), "nothing is taken back meanwhile"
    assert states(firm) == {"active"}, "and nothing has ended"
    firm.clock.forward(timedelta(minutes=1))
    assert end_unfounded(firm.workshop) == 0, "nobody is asked twice"
    with pytest.raises(NotAllowed, match="typed 3"):
        requests.confirm_batch(firm.by("sam"), held[0]["batch_id"], "3", "the policy was meant so")
    requests.confirm_batch(firm.by("sam"), held[0]["batch_id"], "4", "the policy was meant so")
    assert states(firm) == {"ended"}
    assert {entry["actor"] for entry in firm.journal("exception.end")} == {"sam"}
    await firm.work()
    replan_outdated(firm.workshop)
    assert firm.cases() == []
    assert not {"Reports", "AUDIT_NOTE"} & (firm.holds("lea") | firm.holds("ana"))


@pytest.mark.parametrize("by", [replan_outdated, end_unfounded])
async def test_what_was_agreed_to_goes_on_when_the_old_policy_is_back(
    firm: Firm, by: Callable[[Workshop], int]
) -> None:
    await four_granted(firm)
    policy_becomes(firm, MAY_ASK, MAY_NOT)
    end_unfounded(firm.workshop)
    [batch] = {case["batch_id"] for case in firm.cases()}
    policy_becomes(firm, MAY_NOT, MAY_ASK)
    by(firm.workshop)
    assert firm.cases() == []
    assert states(firm) == {"active"}
    with pytest.raises(NotAllowed, match="no batch"):
        requests.confirm_batch(firm.by("sam"), batch, "4", "the policy was meant so")
    policy_becomes(firm, MAY_ASK, MAY_NOT)
    assert end_unfounded(firm.workshop) == 4, "and is asked about again"


async def test_a_release_takes_nothing_back_that_is_founded_again(firm: Firm) -> None:
    """The policy was put right, and no worker has looked at it since."""
    await four_granted(firm)
    policy_becomes(firm, MAY_ASK, MAY_NOT)
    end_unfounded(firm.workshop)
    [batch] = {case["batch_id"] for case in firm.cases()}
    policy_becomes(firm, MAY_NOT, MAY_ASK)
    assert requests.confirm_batch(firm.by("sam"), batch, "4", "the policy was meant so") == []
    replan_outdated(firm.workshop)
    await firm.work()
    assert (states(firm), firm.cases(), all_held(firm)) == ({"active"}, [], True)


async def test_a_no_stands_as_long_as_the_policy_does(firm: Firm) -> None:
    await four_granted(firm)
    policy_becomes(firm, MAY_ASK, MAY_NOT)
    end_unfounded(firm.workshop)
    [batch] = {case["batch_id"] for case in firm.cases()}
    with pytest.raises(UsageError, match="A reason of at least"):
        requests.dismiss_batch(firm.by("ron"), batch, " ")
    assert len(requests.dismiss_batch(firm.by("ron"), batch, "the policy is wrong")) == 4
    for _ in range(3):
        firm.clock.forward(timedelta(minutes=1))
        assert end_unfounded(firm.workshop) == 0
    assert (states(firm), firm.cases(), all_held(firm)) == ({"active"}, [], True)
    assert "the policy is wrong" in firm.journal("batch.dismiss")[0]["summary"]
    with pytest.raises(NotAllowed, match="no batch"):
        requests.dismiss_batch(firm.by("ron"), batch, "the policy is wrong")
    policy_becomes(firm, MAY_NOT, "may_request: [pay-create]}")
    assert end_unfounded(firm.workshop) == 4, "another policy is another question"


async def test_a_batch_is_dismissed_at_the_command_line(firm: Firm) -> None:
    await four_granted(firm)
    policy_becomes(firm, MAY_ASK, MAY_NOT)
    end_unfounded(firm.workshop)
    [batch] = {case["batch_id"] for case in firm.cases()}
    assert f"jmltui confirm {batch} --dismiss" in command(firm, "ron", "confirm")[1]
    for words in (["--dismiss", "--reason", "no"], [str(batch), "--dismiss", "--number", "4"]):
        code, _, err = command(firm, "ron", "confirm", *words)
        assert code == 2, err
        assert "--dismiss drops one batch" in err
    code, out, _ = command(firm, "ron", "confirm", str(batch), "--dismiss", "--reason", "the policy is wrong")
    assert (code, out) == (0, "4 cases were dropped; nothing was taken away.\n")
    assert states(firm) == {"active"}


async def test_an_exception_that_ends_at_its_time_meanwhile_waits_for_nobody(firm: Firm) -> None:
    await four_granted(firm)
    policy_becomes(firm, MAY_ASK, MAY_NOT)
    end_unfounded(firm.workshop)
    case = end_exception(firm.by("ron"), 1, "not needed any more")
    assert case
    await firm.work()
    assert "Reports" not in firm.holds("lea")
    assert len(firm.cases()) == 3


async def test_removals_add_up_over_the_window_of_the_guard(firm: Firm) -> None:
    """The guard counts what was taken away by every way, and not only what one look finds."""
    await four_granted(firm)
    policy_becomes(firm, "release, reports, audit-note", "release, audit-note")
    assert end_unfounded(firm.workshop) == 2
    await firm.work()
    assert "Reports" not in firm.holds("lea") | firm.holds("ana"), "two pass"
    firm.clock.forward(timedelta(hours=12))
    policy_becomes(firm, "release, audit-note", "release")
    assert end_unfounded(firm.workshop) == 2
    await firm.work()
    assert "AUDIT_NOTE" in firm.holds("lea") & firm.holds("ana"), "two more within a day do not"
    assert {case["state"] for case in firm.cases()} == {"held"}


async def test_what_ends_at_its_time_does_not_count_for_the_guard(firm: Firm) -> None:
    await four_granted(firm)
    for number in (1, 3):
        end_exception(firm.by("ron"), number, "not needed any more")
    await firm.work()
    policy_becomes(firm, "release, reports, audit-note", "release, reports")
    assert end_unfounded(firm.workshop) == 2
    await firm.work()
    assert "AUDIT_NOTE" not in firm.holds("lea") | firm.holds("ana")


# ---- what the policy does not have any more


async def test_a_renamed_entitlement_goes_on_under_its_new_id(firm: Firm) -> None:
    await granted(firm, "E3", "reports", "sue")
    asked = request_access(firm.by("ron"), "E4", "reports", "needed for a while")
    firm.rewrite_policy(REPORTS, REPORTS.replace("id: reports", "id: reporting"))
    firm.rewrite_policy("any_of: [reports]", "any_of: [reporting]")
    policy_becomes(firm, "release, reports, audit-note", "release, reporting, audit-note")
    replan_outdated(firm.workshop)
    assert end_unfounded(firm.workshop) == 0
    assert [(row.subject, row.state) for row in firm.exceptions()] == [("reporting", "active"), ("reporting", "asked")]
    assert "goes on as reporting" in firm.journal("exception.rename")[0]["summary"]
    decide(firm.by("sue"), asked, "approve", "", approve=True)
    await firm.work()
    assert "Reports" in firm.holds("bo") & firm.holds("cy")
    case = end_exception(firm.by("bo"), 1, "not needed any more")
    assert firm.case(case)["kind"] == "expiry"
    await firm.work()
    assert "Reports" not in firm.holds("bo")


def without_reports(firm: Firm) -> None:
    firm.rewrite_policy(REPORTS, "")
    firm.rewrite_policy("release, reports, audit-note", "release, audit-note")
    firm.rewrite_policy("any_of: [reports]", "any_of: [audit-note]")
    firm.take_over_policy()
    firm.clock.forward(timedelta(minutes=1))


async def test_what_the_policy_does_not_have_any_more_is_taken_back(firm: Firm) -> None:
    await granted(firm, "E3", "reports", "sue")
    without_reports(firm)
    assert end_unfounded(firm.workshop) == 1
    assert "the policy has no “reports” any more" in firm.journal("exception.end")[0]["summary"]
    await firm.work()
    assert "Reports" not in firm.holds("bo")
    assert firm.cases() == []
    assert states(firm) == {"ended"}


async def test_much_that_the_policy_does_not_have_any_more_waits_for_a_person(firm: Firm) -> None:
    await four_granted(firm)
    await granted(firm, "E3", "reports", "sue")
    without_reports(firm)
    assert end_unfounded(firm.workshop) == 3
    held = [case for case in firm.cases() if case["kind"] == "expiry"]
    assert {case["state"] for case in held} == {"held"}
    requests.confirm_batch(firm.by("sam"), held[0]["batch_id"], "3", "we have no reports any more")
    await firm.work()
    assert not any("Reports" in firm.holds(login) for login in ("lea", "ana", "bo"))
    assert [row.state for row in firm.exceptions() if row.subject == "reports"] == ["ended"] * 3


async def test_what_ends_at_its_time_is_taken_back_also_when_the_policy_has_it_no_more(firm: Firm) -> None:
    case = request_access(firm.by("ron"), "E3", "reports", "needed for a while", timedelta(hours=4))
    decide(firm.by("sue"), case, "approve", "", approve=True)
    await firm.work()
    without_reports(firm)
    firm.clock.forward(timedelta(hours=4))
    assert end_reached(firm.workshop) == 1
    await firm.work()
    assert "Reports" not in firm.holds("bo")
