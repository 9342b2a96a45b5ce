"""Asking for access: what is forbidden before anybody is asked, what is in force at once, what outlives a move."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from jmltui.cli.context import Context
from jmltui.cli.request_command import instant
from jmltui.errors import NotAllowed, UsageError
from jmltui.lifecycle import requests
from jmltui.lifecycle.access_requests import (
    end_exception,
    request_access,
    request_overlap,
    request_separation,
    requestable,
)
from jmltui.lifecycle.approve import decide, waiting
from jmltui.worker.place import only_worker
from tests.lifecycle.small_firm import Firm, firm

__all__ = ["firm"]

WHY = "end of the quarter"


def ask(firm: Firm, person: str, entitlement: str, duration: timedelta | None = None, by: str = "ron") -> int:
    return request_access(firm.by(by), person, entitlement, WHY, duration)


def agree(firm: Firm, case: int, *who: str) -> None:
    for each in who:
        decide(firm.by(each), case, "approve", "", approve=True)


async def test_what_is_approved_is_granted_until_its_time(firm: Firm) -> None:
    case = ask(firm, "E7", "prod-admin", timedelta(hours=4))
    [asked] = firm.exceptions()
    assert (asked.state, asked.until, asked.outside_policy) == ("asked", None, False)
    firm.clock.forward(timedelta(minutes=20))
    agree(firm, case, "sam", "sue")
    [active] = firm.exceptions()
    assert (active.state, active.approved_by) == ("active", "sam, sue")
    firm.clock.forward(timedelta(minutes=10))
    await firm.work()
    assert "Production" in firm.holds("max")
    [granted] = firm.exceptions()
    assert granted.until == firm.clock() + timedelta(hours=4), "the time counts from the moment of granting"
    assert firm.step(case, "expire")["note"] == f"prod-admin until {granted.until:%Y-%m-%d %H:%M} UTC"
    assert firm.case(case)["state"] == "done"


async def test_what_nobody_has_to_agree_to_is_in_force_at_once(firm: Firm) -> None:
    case = ask(firm, "E2", "reports")
    [exception] = firm.exceptions()
    assert (exception.state, exception.approved_by, exception.until) == ("active", "", None)
    await firm.work()
    assert "Reports" in firm.holds("ana")
    assert firm.step(case, "approve")["note"] == "nobody has to agree"


@pytest.mark.parametrize(
    ("entitlement", "duration", "said"),
    [
        ("staff", None, "due “staff” already: role everybody"),
        ("prod-admin", timedelta(hours=9), "given for 8h at most, not for 9h"),
        ("pay-create", timedelta(days=31), "at most"),
    ],
)
async def test_what_cannot_be_asked_for(firm: Firm, entitlement: str, duration: timedelta | None, said: str) -> None:
    with pytest.raises(NotAllowed, match=said):
        ask(firm, "E7", entitlement, duration)
    assert firm.exceptions() == []
    assert firm.cases() == []


async def test_words_that_are_nothing(firm: Firm) -> None:
    with pytest.raises(UsageError, match="prod-admin"):
        ask(firm, "E7", "prod-admni")
    with pytest.raises(UsageError, match="E77"):
        ask(firm, "E77", "prod-admin")
    with pytest.raises(UsageError, match="reason"):
        request_access(firm.by("ron"), "E7", "prod-admin", "  ")
    with pytest.raises(UsageError, match="longer than nothing"):
        ask(firm, "E7", "prod-admin", timedelta(0))


async def test_the_same_is_not_asked_for_twice(firm: Firm) -> None:
    case = ask(firm, "E7", "prod-admin")
    with pytest.raises(NotAllowed, match=f"asked for already, for Max Machine in case {case}"):
        ask(firm, "E7", "prod-admin")
    agree(firm, case, "sam", "sue")
    with pytest.raises(NotAllowed, match=r"has “prod-admin” already until 2026-06-01 16:00 UTC, by exception 1"):
        ask(firm, "E7", "prod-admin")


async def test_two_pending_requests_that_break_a_rule(firm: Firm) -> None:
    """P08: the second is refused before anybody is asked to approve it, with the rule, its reason and both sources."""
    case = ask(firm, "E2", "pay-create")
    with pytest.raises(NotAllowed) as refused:
        ask(firm, "E2", "pay-release")
    told = str(refused.value)
    assert "The rule “create-release” forbids it" in told
    assert "one person must not both enter and release a payment" in told
    assert f"“pay-create” (asked for in case {case})" in told
    assert "“pay-release” (asked for now)" in told
    assert len(firm.exceptions()) == 1
    end_exception(firm.by("ron"), 1, "not needed")
    assert ask(firm, "E2", "pay-release") != case


async def test_what_is_held_counts_whoever_gave_it(firm: Firm) -> None:
    agree(firm, case := ask(firm, "E2", "pay-create"), "lea", "bo")
    await firm.work()
    end_exception(firm.by("ron"), 1, "not needed")
    with pytest.raises(NotAllowed, match="held on erp as ana"):
        ask(firm, "E2", "pay-release")
    await firm.work()
    assert "AP_CREATE" not in firm.holds("ana")
    assert ask(firm, "E2", "pay-release") > case


async def test_a_rule_is_broken_for_a_time_by_an_exception(firm: Firm) -> None:
    agree(firm, ask(firm, "E2", "pay-create"), "lea", "bo")
    await firm.work()
    until = firm.clock() + timedelta(days=10)
    with pytest.raises(NotAllowed, match="until 2027-06-01 08:00 UTC at most"):
        request_separation(firm.by("ron"), "E2", "create-release", WHY, firm.clock() + timedelta(days=366))
    with pytest.raises(UsageError, match="create-release"):
        request_separation(firm.by("ron"), "E2", "create-releas", WHY, until)
    case = request_separation(firm.by("ron"), "E2", "create-release", WHY, until)
    with pytest.raises(NotAllowed, match="forbids it"):
        ask(firm, "E2", "pay-release")
    assert [action for step in firm.case(case)["steps"] for action in step["actions"]] == []
    agree(firm, case, "bo")
    exception = firm.exceptions()[-1]
    assert (exception.kind, exception.state, exception.until) == ("separation", "active", until)
    assert firm.case(case)["state"] == "done"
    agree(firm, ask(firm, "E2", "pay-release"), "lea", "cy")
    await firm.work()
    assert {"AP_CREATE", "AP_RELEASE"} <= firm.holds("ana")


async def test_a_warning_is_told_to_who_approves(firm: Firm) -> None:
    agree(firm, ask(firm, "E7", "audit-read"), "ola")
    case = ask(firm, "E7", "reports")
    [warning] = firm.case(case)["event"]["warnings"]
    assert "who audits should not write reports" in warning


async def test_outside_the_policy_somebody_always_agrees_and_it_is_said(firm: Firm) -> None:
    """“reports” needs no approval where a role lets it be asked for; here none does."""
    case = ask(firm, "E3", "reports")
    [exception] = firm.exceptions()
    assert (exception.state, exception.outside_policy) == ("asked", True)
    assert firm.case(case)["event"]["outside the policy"] == "no role lets Bo Control ask for it"
    assert "outside the policy" in firm.journal("exception.ask")[0]["summary"]
    agree(firm, case, "sue")
    await firm.work()
    assert "Reports" in firm.holds("bo")


async def test_a_procedure_without_an_approval_gives_nothing_outside_the_policy(firm: Firm) -> None:
    file = firm.home / "policy" / "exception.yaml"
    file.write_text(
        "procedures:\n  - id: exception\n    title: E\n    owner: group:it\n    fallback_owner: group:it\n"
        "    steps:\n      - {id: grant, do: entitlements.apply, title: Grant}\n"
    )
    firm.take_over_policy()
    with pytest.raises(NotAllowed, match="has no step where they could"):
        request_separation(firm.by("ron"), "E2", "create-release", WHY, firm.clock() + timedelta(days=1))
    firm.give("ana", "Production")
    await firm.sync()
    with pytest.raises(NotAllowed, match="has no step where they could"):
        ask(firm, "E2", "prod-admin")
    assert firm.exceptions() == []


async def test_what_a_system_holds_against_the_policy_is_not_made_right_without_an_approval(firm: Firm) -> None:
    firm.give("max", "Production")
    await firm.sync()
    case = ask(firm, "E7", "prod-admin")
    assert [each.sentence for each in waiting(firm.by("ola"), case)] == [
        "Stage 1 of 1 of security-two waits for 2 of team:security."
    ]
    agree(firm, case, "sam", "sue")
    assert firm.exceptions()[0].state == "active"


async def test_a_contractor_without_an_end_gets_nothing(firm: Firm) -> None:
    """J14."""
    firm.now_is("E7", kind="contractor")
    await firm.sync()
    with pytest.raises(NotAllowed, match="Nothing can be given to Max Machine"):
        ask(firm, "E7", "prod-admin")
    firm.now_is("E7", kind="contractor", ends="2026-06-20")
    await firm.sync()
    assert ask(firm, "E7", "prod-admin")


async def test_who_has_left_gets_nothing(firm: Firm) -> None:
    firm.now_is("E7", ends="2026-05-31")
    await firm.sync()
    with pytest.raises(NotAllowed, match="has left"):
        ask(firm, "E7", "prod-admin")


async def test_withdrawn_before_it_is_approved(firm: Firm) -> None:
    case = ask(firm, "E7", "prod-admin")
    assert end_exception(firm.by("ron"), 1, "typed the wrong number") == 0
    assert firm.case(case)["state"] == "cancelled"
    assert firm.exceptions()[0].state == "ended"
    with pytest.raises(NotAllowed, match="ended already"):
        end_exception(firm.by("ron"), 1, "again")


async def test_a_mover_keeps_the_old_for_a_while(firm: Firm) -> None:
    firm.now_is("E2", department="IT", manager="E8")
    await firm.sync()
    [mover] = firm.cases()
    number = mover["id"]
    until = firm.clock() + timedelta(days=10)
    with pytest.raises(NotAllowed, match="which is 2w"):
        request_overlap(firm.by("ron"), number, firm.clock() + timedelta(days=15), WHY)
    case = request_overlap(firm.by("ron"), number, until, WHY)
    assert [each.sentence for each in waiting(firm.by("ida"), case)] == [
        "Stage 1 of 1 of manager-only waits for manager."
    ]
    assert firm.step(number, "remove")["actions"] == [], "nothing is taken away while it is asked for"
    requests.run_case(firm.by("ron"), number)
    await firm.work()
    assert {"Finance", "IT"} <= firm.holds("ana")
    agree(firm, case, "ida")
    await firm.sync()
    [exception] = firm.exceptions()
    assert (exception.subject, exception.state, exception.until) == ("finance", "active", until)
    assert firm.cases() == []
    assert "Finance" in firm.holds("ana")


async def test_an_overlap_that_is_refused_takes_away_what_stayed_for_it(firm: Firm) -> None:
    firm.now_is("E2", department="IT", manager="E8")
    await firm.sync()
    [mover] = firm.cases()
    case = request_overlap(firm.by("ron"), mover["id"], firm.clock() + timedelta(days=1), WHY)
    requests.run_case(firm.by("ron"), mover["id"])
    await firm.work()
    assert firm.case(mover["id"])["state"] == "done"
    decide(firm.by("ida"), case, "approve", "", approve=False, reason="hand it over today")
    await firm.work()
    assert "Finance" not in firm.holds("ana")


async def test_asking_for_what_one_is_losing_keeps_it_not(firm: Firm) -> None:
    """Only the overlap that the policy allows does; else whoever asks and is never answered would keep everything."""
    firm.now_is("E2", department="IT", manager="E8")
    firm.give("ana", "Production")
    await firm.sync()
    [mover] = firm.cases()
    ask(firm, "E2", "prod-admin")
    await firm.sync()
    assert [action["target"] for action in firm.step(mover["id"], "remove")["actions"]] == [
        "group:Finance",
        "group:Production",
    ]


async def test_only_a_move_that_takes_something_away_can_overlap(firm: Firm) -> None:
    case = ask(firm, "E7", "prod-admin")
    with pytest.raises(NotAllowed, match="is no move"):
        request_overlap(firm.by("ron"), case, firm.clock() + timedelta(days=1), WHY)
    firm.now_is("E3", department="IT")
    await firm.sync()
    mover = next(case for case in firm.cases() if case["kind"] == "mover")
    with pytest.raises(NotAllowed, match="takes nothing away"):
        request_overlap(firm.by("ron"), mover["id"], firm.clock() + timedelta(days=1), WHY)


async def test_what_can_be_asked_for_is_listed_with_what_speaks_against_it(firm: Firm) -> None:
    case = ask(firm, "E2", "pay-create")
    found = {each.entitlement: each for each in requestable(firm.workshop, "E2")}
    assert list(found)[:2] == ["audit-note", "reports"], "what can be asked for stands first"
    assert found["reports"].why_not == ""
    assert f"asked for already, for Ana Analyst in case {case}" in found["pay-create"].why_not
    assert "create-release" in found["pay-release"].why_not
    assert found["staff"].held
    assert "already" in found["staff"].why_not
    assert found["prod-admin"].outside_policy
    assert found["prod-admin"].max_duration == timedelta(hours=8)


def command(firm: Firm, actor: str, *words: str) -> tuple[int, str, str]:
    """Call the command line as somebody, while a worker runs: the test itself, by the clock of the firm."""
    from jmltui.cli import _module, _parser
    from jmltui.config.identity import Actor

    class As(Context):
        @property
        def actor(self) -> Actor:
            return Actor(1000, actor, None)

    arguments = _parser(words[0]).parse_args(words)
    out, err = io.StringIO(), io.StringIO()
    environ = {**os.environ, "JMLTUI_HOME": str(firm.home)}
    context = As(environ, out, err, json=bool(getattr(arguments, "json", False)), clock=firm.clock)
    context.places.ensure_state()
    with only_worker(context.places.worker_lock()):
        code = context.guarded(lambda: _module(arguments.command).run(arguments, context))
    return code, out.getvalue(), err.getvalue()


async def test_at_the_command_line(firm: Firm) -> None:
    code, out, _ = command(firm, "ron", "request", "access", "E7", "prod-admin", "--for", "4h", "--reason", "a\x1b[31m")
    assert code == 0
    assert out == ("prod-admin is asked for, by case 1. Stage 1 of 1 of security-two waits for 2 of team:security.\n")
    assert "Stage 1 of 1 of security-two waits for team:security." in command(firm, "sam", "approve", "1", "approve")[1]
    assert command(firm, "sue", "approve", "1", "approve")[1] == "Step “approve” of case 1 is approved.\n"
    code, out, _ = command(firm, "ron", "request", "list")
    assert "active" in out
    assert "a␛[31m" in out
    assert "\x1b" not in out
    [row] = json.loads(command(firm, "ron", "request", "list", "E7", "--json")[1])
    assert (row["subject"], row["person"], row["approved_by"]) == ("prod-admin", "E7", "sam, sue")
    code, _, err = command(firm, "ron", "request", "access", "E7", "prod-admin", "--for", "4x", "--reason", WHY)
    assert code == 2
    assert "not a duration" in err
    assert "Exception 1 has ended" in command(firm, "ron", "request", "end", "1", "--reason", "done early")[1]
    assert json.loads(command(firm, "ron", "request", "list", "--json")[1]) == []
    assert "outside the policy" in command(firm, "ron", "request", "what", "E2")[1]
    code, out, _ = command(firm, "ron", "request", "access", "E3", "reports", "--reason", WHY)
    assert "outside the policy" in out
    until = ("--until", "2026-07-01")
    code, out, _ = command(firm, "ron", "request", "separation", "E2", "create-release", *until, "--reason", WHY)
    assert code == 0, out
    code, out, _ = command(
        firm, "sam", "request", "emergency", "E7", "prod-admin", "--reason", "shop is down", "--json"
    )
    told = json.loads(out)
    assert told["until"] == "2026-06-01 10:00:00+00:00"
    code, out, _ = command(firm, "sue", "request", "review", str(told["exception"]), "only the restart")
    assert code == 0, out


def test_instants() -> None:
    assert instant("2026-06-30", "Europe/Berlin") == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert instant("2026-06-30T18:00", "Europe/Berlin") == datetime(2026, 6, 30, 16, tzinfo=UTC)
    assert instant("2026-06-30T18:00+05:00", "Europe/Berlin") == datetime(2026, 6, 30, 13, tzinfo=UTC)
    for text in ("tomorrow", "2026-13-01", "", "9999-12-31"):
        with pytest.raises(UsageError):
            instant(text, "UTC")
