"""Access in an emergency: at once and loud for the few who may, once, and looked at by somebody else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jmltui.errors import NotAllowed, UsageError
from jmltui.lifecycle.access_requests import break_glass, end_reached, request_access, review_break_glass
from jmltui.lifecycle.replan import replan_case
from tests.lifecycle.small_firm import Firm, firm

__all__ = ["firm"]

WHY = "the shop is down"


async def test_it_is_there_at_once_and_ends_by_itself(firm: Firm) -> None:
    case = break_glass(firm.by("max"), "E7", "prod-admin", WHY)
    [exception] = firm.exceptions()
    assert (exception.state, exception.break_glass) == ("active", True)
    assert exception.until == firm.clock() + timedelta(hours=2), "the policy's longest, not the entitlement's"
    assert not any(step["approval"] for step in firm.case(case)["steps"])
    await firm.work()
    assert "Production" in firm.holds("max")
    assert firm.case(case)["state"] == "done"
    firm.clock.forward(timedelta(hours=2))
    assert end_reached(firm.workshop) == 1
    await firm.work()
    assert "Production" not in firm.holds("max")


async def test_it_is_loud_before_it_is_done(firm: Firm) -> None:
    case = break_glass(firm.by("sam"), "E7", "prod-admin", WHY)
    [entry] = firm.journal("break-glass")
    assert entry["summary"].startswith("EMERGENCY ACCESS: sam took prod-admin for Max Machine (E7) for 2h")
    assert WHY in entry["summary"]
    assert entry["facts"]["tell"] == ["group:audit"]
    assert entry["seq"] < firm.journal("case.open")[0]["seq"]
    assert firm.case(case)["event"]["emergency"] == "prod-admin"


async def test_planning_it_anew_asks_nobody(firm: Firm) -> None:
    case = break_glass(firm.by("max"), "E7", "prod-admin", WHY)
    replan_case(firm.by("ron"), case)
    assert not any(step["approval"] for step in firm.case(case)["steps"])
    await firm.work()
    assert "Production" in firm.holds("max")


async def test_without_a_reason_or_by_others_or_of_anything_it_is_refused(firm: Firm) -> None:
    """S14, first half."""
    with pytest.raises(UsageError, match="reason"):
        break_glass(firm.by("max"), "E7", "prod-admin", "")
    with pytest.raises(NotAllowed, match="Only team:security or user:max may take access in an emergency"):
        break_glass(firm.by("ana"), "E2", "prod-admin", WHY)
    with pytest.raises(NotAllowed, match="does not let “pay-create” be taken"):
        break_glass(firm.by("max"), "E7", "pay-create", WHY)
    assert firm.exceptions() == []


async def test_a_second_one_waits_until_the_first_was_looked_at(firm: Firm) -> None:
    """S14, second half: under whatever login, and also when the first is over."""
    break_glass(firm.by("sue"), "E7", "prod-admin", WHY)
    await firm.work()
    firm.clock.forward(timedelta(hours=3))
    end_reached(firm.workshop)
    await firm.work()
    for login in ("sue", "su"):
        with pytest.raises(NotAllowed, match="nobody has looked at it yet"):
            break_glass(firm.by(login), "E7", "prod-admin", WHY)
    for login in ("sue", "su"):
        with pytest.raises(NotAllowed, match="You took this access yourself"):
            review_break_glass(firm.by(login), 1, "all is well")
    with pytest.raises(NotAllowed, match="You had this access yourself"):
        review_break_glass(firm.by("max"), 1, "all is well")
    review_break_glass(firm.by("ida"), 1, "looked at the log: only the restart")
    assert firm.exceptions()[0].reviewed_by == "ida"
    assert "only the restart" in firm.journal("break-glass.review")[0]["summary"]
    with pytest.raises(NotAllowed, match="ida has looked at exception 1 already"):
        review_break_glass(firm.by("lea"), 1, "me too")
    break_glass(firm.by("su"), "E7", "prod-admin", WHY)


async def test_what_somebody_else_took_hinders_nobody(firm: Firm) -> None:
    break_glass(firm.by("sue"), "E7", "prod-admin", WHY)
    break_glass(firm.by("sam"), "E8", "prod-admin", WHY)
    with pytest.raises(NotAllowed, match="has “prod-admin” already"):
        break_glass(firm.by("max"), "E7", "prod-admin", WHY)


async def test_what_was_approved_is_not_looked_at_afterwards(firm: Firm) -> None:
    request_access(firm.by("ron"), "E7", "prod-admin", "a planned change")
    with pytest.raises(NotAllowed, match="was approved"):
        review_break_glass(firm.by("ida"), 1, "looked at it")


async def test_a_policy_without_emergencies(firm: Firm) -> None:
    firm.rewrite_policy("break_glass:\n  who", "reviews: []\nbreak_glass:\n  who")
    text = (firm.home / "policy" / "policy.yaml").read_text()
    before, _, rest = text.partition("reviews: []\nbreak_glass:")
    _, _, after = rest.partition("procedures:")
    (firm.home / "policy" / "policy.yaml").write_text(f"{before}procedures:{after}")
    firm.take_over_policy()
    with pytest.raises(NotAllowed, match="lets nobody take access"):
        break_glass(firm.by("max"), "E7", "prod-admin", WHY)
