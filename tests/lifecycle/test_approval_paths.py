"""Approval paths as people meet them: who may decide, who never counts, what expires, what holds when it is used."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import col, select

from jmltui.cache.tables import AccountRow
from jmltui.domain.person import Person
from jmltui.errors import NotAllowed, StaleWrite, UsageError
from jmltui.lifecycle import requests
from jmltui.lifecycle.access_requests import request_access
from jmltui.lifecycle.approve import ask_again, decide, waiting
from jmltui.lifecycle.links import link
from jmltui.lifecycle.replan import replan_case
from jmltui.lifecycle.whose import answers, unix_groups
from tests.lifecycle.small_firm import Firm, firm

__all__ = ["firm"]


def asked(firm: Firm, entitlement: str = "pay-create", person: str = "E2") -> int:
    return request_access(firm.by("ron"), person, entitlement, "end of the quarter")


def agree(firm: Firm, who: str, case: int, step: str = "approve") -> None:
    decide(firm.by(who), case, step, "", approve=True)


def told(firm: Firm, who: str, case: int, step: str = "approve") -> str:
    """Why somebody may not decide."""
    with pytest.raises(NotAllowed) as error:
        agree(firm, who, case, step)
    return str(error.value)


async def test_one_stage_after_the_other(firm: Firm) -> None:
    case = asked(firm)
    assert "Stage 1 of 2 of finance-approvers waits for manager." in told(firm, "bo", case)
    agree(firm, "lea", case)
    assert firm.step(case, "approve")["state"] == "approval"
    refused = told(firm, "sam", case)
    assert refused.startswith(
        "Stage 2 of 2 of finance-approvers waits for team:controllers; from 16:00 UTC also team:security."
    )
    assert "You are sam" in refused
    agree(firm, "bo", case)
    assert firm.step(case, "approve")["note"] == "agreed to by lea, bo"
    await firm.work()
    assert "AP_CREATE" in firm.holds("ana")
    given = [(row["approver"], row["stage"], row["as_word"]) for row in firm.case(case)["approvals_given"]]
    assert given == [("lea", 0, "manager"), ("bo", 1, "team:controllers")]
    assert [entry["facts"]["as"] for entry in firm.journal("approval.approve")] == ["manager", "team:controllers"]


async def test_the_fallback_steps_in_after_its_time(firm: Firm) -> None:
    case = asked(firm)
    agree(firm, "lea", case)
    firm.clock.forward(timedelta(hours=7, minutes=59))
    assert "from 16:00 UTC also team:security" in told(firm, "sue", case)
    firm.clock.forward(timedelta(minutes=1))
    assert waiting(firm.by("sue"), case)[0].mine
    agree(firm, "sue", case)
    assert firm.step(case, "approve")["state"] == "done"


async def test_requester_and_subject_never_count_under_any_login(firm: Firm) -> None:
    """S04: who asked, whom it is about, and one person with two accounts."""
    by_bo = request_access(firm.by("bo"), "E2", "pay-create", "end of the quarter")
    agree(firm, "lea", by_bo)
    assert "You asked for this yourself" in told(firm, "bo", by_bo)
    about_sue = request_access(firm.by("sam"), "E6", "prod-admin", "a night shift")
    assert "This is about you" in told(firm, "su", about_sue)
    assert "You asked for this yourself" in told(firm, "sam", about_sue)
    by_sue = request_access(firm.by("sue"), "E7", "prod-admin", "a night shift")
    assert "You asked for this yourself, as sue" in told(firm, "su", by_sue)


async def test_taking_the_case_over_does_not_make_the_requester_another_person(firm: Firm) -> None:
    case = request_access(firm.by("lea"), "E2", "pay-create", "end of the quarter")
    requests.claim_case(firm.by("ron"), case)
    requests.run_case(firm.by("ron"), case)
    assert "You asked for this yourself" in told(firm, "lea", case)


async def test_a_person_with_two_logins_is_one(firm: Firm) -> None:
    case = asked(firm, "prod-admin", "E7")
    agree(firm, "sue", case)
    assert "You agreed to this already, at stage 1" in told(firm, "su", case)
    assert firm.step(case, "approve")["state"] == "approval"
    agree(firm, "sam", case)
    assert firm.step(case, "approve")["state"] == "done"


async def test_two_agreements_that_turn_out_to_be_of_one_person_count_once(firm: Firm) -> None:
    """The worker looks again when it begins: a link that was found since tells that two approvers are one."""
    case = asked(firm, "prod-admin", "E7")
    agree(firm, "sam", case)
    agree(firm, "su", case)
    with firm.workshop.cache.write() as session:
        row = session.exec(select(AccountRow).where(col(AccountRow.login) == "su")).one()
        row.external_id, row.person_id, row.link = None, None, "orphaned"
    link(firm.by("ron"), "E5", "directory", "su")
    await firm.work()
    assert "Production" not in firm.holds("max")
    assert firm.step(case, "grant")["state"] == "approval"


async def test_what_nobody_decided_in_time_is_asked_for_again(firm: Firm) -> None:
    case = asked(firm, "prod-admin", "E7")
    agree(firm, "sam", case)
    with pytest.raises(NotAllowed, match="asked for already"):
        ask_again(firm.by("ron"), case, "approve")
    firm.clock.forward(timedelta(hours=1, seconds=1))
    refused = told(firm, "sue", case)
    assert refused.startswith("The time to approve “Have somebody else agree” is over; it has to be asked for again.")
    ask_again(firm.by("ron"), case, "approve")
    agree(firm, "sue", case)
    assert firm.step(case, "approve")["state"] == "approval", "what was decided before counts no more"
    agree(firm, "sam", case)
    assert firm.step(case, "approve")["state"] == "done"


async def test_a_refusal_ends_what_was_asked_for(firm: Firm) -> None:
    case = asked(firm)
    with pytest.raises(UsageError):
        decide(firm.by("lea"), case, "approve", "", approve=False)
    decide(firm.by("lea"), case, "approve", "", approve=False, reason="not in this quarter")
    assert firm.case(case)["state"] == "cancelled"
    [exception] = firm.exceptions()
    assert exception.state == "refused"
    assert "not in this quarter" in firm.journal("exception.refuse")[0]["summary"]
    await firm.work()
    assert "AP_CREATE" not in firm.holds("ana")
    assert asked(firm) != case, "it can be asked for anew"


async def test_a_policy_edited_in_between_is_planned_by_first(firm: Firm) -> None:
    """P11: nothing is approved that was planned by another policy."""
    case = asked(firm)
    seen = firm.step(case, "approve")["plan_hash"]
    firm.rewrite_policy("{any: 1, from: [team:controllers], fallback", "{any: 2, from: [team:controllers], fallback")
    firm.take_over_policy()
    with pytest.raises(StaleWrite, match="nothing was decided"):
        agree(firm, "lea", case)
    assert firm.step(case, "approve")["plan_hash"] != seen
    with pytest.raises(StaleWrite, match="changed since you saw it"):
        decide(firm.by("lea"), case, "approve", seen, approve=True)
    for who in ("lea", "bo"):
        agree(firm, who, case)
    assert firm.step(case, "approve")["state"] == "approval"
    agree(firm, "cy", case)
    assert firm.step(case, "approve")["state"] == "done"


async def test_who_lost_the_role_since_has_approved_nothing(firm: Firm) -> None:
    """S05: the worker asks again whether the approver is who they agreed as."""
    case = asked(firm)
    agree(firm, "lea", case)
    agree(firm, "bo", case)
    firm.rewrite_policy("controllers: [bo, cy]", "controllers: [cy]")
    firm.take_over_policy()
    replan_case(firm.by("ron"), case)
    await firm.work()
    assert "AP_CREATE" not in firm.holds("ana")
    assert firm.exceptions()[0].state == "active"
    waits = waiting(firm.by("cy"), case)
    assert [each.step for each in waits] == ["grant"]


async def test_an_approver_who_turns_out_to_be_the_subject_has_approved_nothing(firm: Firm) -> None:
    case = asked(firm, "prod-admin", "E7")
    agree(firm, "sue", case)
    agree(firm, "sam", case)
    with firm.workshop.cache.write() as session:
        row = session.exec(select(AccountRow).where(col(AccountRow.login) == "sam")).one()
        row.person_id = firm.case(case)["person_id"]
    await firm.work()
    assert "Production" not in firm.holds("max")
    [action] = firm.step(case, "grant")["actions"]
    assert action["outcome"].startswith("sam, who approved it, is who asked for it or whom it is about")


async def test_an_approval_is_not_passed_over(firm: Firm) -> None:
    case = asked(firm)
    with pytest.raises(NotAllowed, match="decided by others"):
        requests.skip(firm.by("ron"), case, "approve", "no time for this")
    requests.skip(firm.by("ron"), case, "grant", "not needed after all")
    agree(firm, "lea", case)
    agree(firm, "bo", case)
    await firm.work()
    assert "AP_CREATE" not in firm.holds("ana")


async def test_the_owner_of_the_system(firm: Firm) -> None:
    case = asked(firm, "audit-read", "E7")
    assert "waits for system-owner" in told(firm, "lea", case)
    agree(firm, "ola", case)
    assert firm.step(case, "approve")["state"] == "done"


def test_words_and_logins(firm: Firm) -> None:
    workshop = firm.workshop
    person = Person(key="E2", name="Ana Analyst", source="hr", manager="E1", sponsor="E3", owner="E9")
    groups = {"bo": frozenset({"audit"}), "zed": frozenset({"controllers", "unstated"})}
    with workshop.cache.read() as session:

        def answering(login: str, systems: str = "erp") -> set[str]:
            words = ["manager", "sponsor", "owner", "system-owner", "team:controllers", "team:security"]
            words += ["team:unstated", "group:audit", "user:BO", "requester", "nonsense", "team:"]
            found = answers(
                workshop,
                session,
                login,
                person,
                systems,
                requester="Ron",
                groups_of=lambda x: groups.get(x, frozenset()),
            )
            return {word for word in words if found(word)}

        assert answering("lea") == {"manager"}
        assert answering("LEA") == {"manager"}
        assert answering("lea@firm.test") == {"manager"}
        assert answering("Lea Lead") == set(), "a name is nobody"
        assert answering("bo") == {"sponsor", "team:controllers", "group:audit", "user:BO"}
        assert answering("ola") == {"owner", "system-owner"}
        assert answering("ola", "directory") == {"owner"}
        assert answering("su", "directory") == {"team:security", "system-owner"}
        assert answering("zed") == {"team:unstated"}, "a team that the policy states is not a group of that name"
        assert answering("ron") == {"requester"}
        owns = answers(workshop, session, "ola", person, ["erp", "directory"])
        assert not owns("system-owner"), "who owns one of two systems does not own both"


def test_groups_are_those_of_this_host(firm: Firm) -> None:
    assert "root" in unix_groups("root")
    assert unix_groups("nobody-has-this-login") == frozenset()
    with firm.workshop.cache.read() as session:
        found = answers(firm.workshop, session, "root", Person(key="E2", name="Ana"), "erp")
        assert found("group:root")
        assert found("team:directors")
        assert not found("group:nobody-has-this-group")
