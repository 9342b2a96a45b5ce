"""States, guards, days, the difference and what happened to a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.access import Account, AccountState, Assignment, Entitlement, Grant, Link
from jmltui.domain.case import (
    ACTION_MOVES,
    ActionEvent,
    ActionState,
    CaseKind,
    IllegalMove,
    StepEvent,
    StepState,
    action_after,
    step_after,
)
from jmltui.domain.detect import detect
from jmltui.domain.diff import HeldAccount, HeldBack, HeldGrant, World, diff
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.guards import FeedFacts, FeedGuard, Protected, Threshold, feed_problem
from jmltui.domain.operation import Cap
from jmltui.domain.person import Person, PersonStatus

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
ANA = Person(key="E1", name="Ana", id=1, department="Finance")


@pytest.mark.parametrize(("state", "event"), product(ActionState, ActionEvent))
def test_an_action_moves_only_as_listed(state: ActionState, event: ActionEvent) -> None:
    if (state, event) in ACTION_MOVES:
        assert action_after(state, event) is ACTION_MOVES[state, event]
    else:
        with pytest.raises(IllegalMove, match=state.value):
            action_after(state, event)


def test_only_a_read_back_or_a_person_settles_an_action() -> None:
    ways = {event for (_, event), after in ACTION_MOVES.items() if after.is_settled}
    assert ways == {ActionEvent.CONFIRM, ActionEvent.ATTEST, ActionEvent.SKIP}


def test_a_lost_write_is_never_written_again_without_a_look() -> None:
    after = {event for state, event in ACTION_MOVES if state is ActionState.UNKNOWN}
    assert after == {ActionEvent.CHECK}


def test_a_refused_step_cannot_run() -> None:
    with pytest.raises(IllegalMove):
        step_after(StepState.REFUSED, StepEvent.RUN)


@pytest.mark.parametrize(
    ("count", "active", "trips"), [(6, 100, True), (5, 100, False), (49, 10_000, False), (51, 10_000, True)]
)
def test_the_leaver_guard(count: int, active: int, trips: bool) -> None:
    assert Threshold(floor=5, percent=5, ceiling=50).trips(count, active) is trips


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (FeedFacts(0, 100, 0, None), "empty"),
        (FeedFacts(50, 100, 50, None), "truncated"),
        (FeedFacts(100, 100, 10, None), "key form"),
        (FeedFacts(100, 100, 100, None, ("user_id",)), "lacks the column user_id"),
    ],
)
def test_a_bad_feed_is_told(facts: FeedFacts, words: str) -> None:
    assert words in (feed_problem(facts, FeedGuard()) or "")


def test_a_good_feed_passes() -> None:
    assert feed_problem(FeedFacts(95, 100, 95, None), FeedGuard()) is None


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("Pacific/Auckland", date(2026, 3, 31), datetime(2026, 3, 31, 11, tzinfo=UTC)),
        ("America/Los_Angeles", date(2026, 3, 31), datetime(2026, 4, 1, 7, tzinfo=UTC)),
        ("Europe/Berlin", date(2026, 10, 25), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_a_last_day_ends_at_local_midnight(zone: str, day: date, instant: datetime) -> None:
    assert replace(ANA, zone=zone, ends=day).access_ends("UTC") == instant


def happened(before: Person | None, after: Person, was_present: bool = True) -> CaseKind | None:
    event = detect(before, after, was_present=was_present, mover_attributes=("department",), zone="UTC", now=NOW)
    return event.kind if event else None


def test_what_happened() -> None:
    assert happened(None, ANA, False) is CaseKind.JOINER
    assert happened(ANA, ANA) is None
    assert happened(ANA, replace(ANA, title="Chief")) is None
    assert happened(ANA, replace(ANA, department="IT")) is CaseKind.MOVER
    assert happened(ANA, replace(ANA, status=PersonStatus.LEFT)) is CaseKind.LEAVER
    assert happened(ANA, replace(ANA, ends=date(2026, 9, 30))) is CaseKind.LEAVER
    left = replace(ANA, status=PersonStatus.LEFT)
    assert happened(left, left) is None
    assert happened(left, ANA) is CaseKind.REHIRE
    assert happened(ANA, ANA, False) is CaseKind.REHIRE
    assert happened(None, left, False) is None


def test_an_end_in_the_future_is_due_then() -> None:
    after = replace(ANA, ends=date(2026, 9, 30))
    event = detect(ANA, after, was_present=True, mover_attributes=(), zone="UTC", now=NOW)
    assert event is not None
    assert event.due == datetime(2026, 10, 1, tzinfo=UTC)


NAMES = ("a", "b", "c", "d", "e")
WORLD = World(
    entitlements={("dir", f"group:{n}"): Entitlement(n, "group", n) for n in NAMES},
    managed=frozenset(("dir", f"group:{n}") for n in NAMES[:4]),
    managed_systems=frozenset({"dir"}),
    logins_taken={},
)


@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)), st.sampled_from(list(CaseKind)))
def test_the_difference_applied_leaves_none(due: set[str], held: set[str], kind: CaseKind) -> None:
    assignments = [Assignment("x", "dir", f"group:{n}", "role") for n in sorted(due)]

    def lines_for(held_now: set[str], state: AccountState) -> list[tuple[DiffKind, Cap | None, str]]:
        account = HeldAccount("dir", Account("1", "ana", state), Link.CONFIRMED)
        grants = [HeldGrant("dir", Grant("1", n), Entitlement(n, "group", n)) for n in sorted(held_now)]
        found = diff(kind, ANA, {"dir": "ana"}, assignments, [account], grants, WORLD, Protected())
        return [(line.kind, line.operation, line.entitlement_id) for line in found]

    lines = lines_for(held, AccountState.ACTIVE)
    seen = [entitlement for _, _, entitlement in lines if entitlement]
    assert sorted(seen) == sorted(held if kind is CaseKind.LEAVER else due | held)
    granted = {e for _, operation, e in lines if operation is Cap.GRANT}
    revoked = {e for _, operation, e in lines if operation is Cap.REVOKE}
    off = any(operation is Cap.DISABLE for _, operation, _ in lines)
    after = lines_for((held | granted) - revoked, AccountState.DISABLED if off else AccountState.ACTIVE)
    assert [line for line in after if line[1] is not None] == []


def test_an_unconfirmed_account_is_never_touched() -> None:
    account = HeldAccount("dir", Account("1", "ana", AccountState.ACTIVE), Link.PROPOSED)
    lines = diff(CaseKind.LEAVER, ANA, {"dir": "ana"}, [], [account], [], WORLD, Protected())
    assert [(line.kind, line.operation) for line in lines] == [(DiffKind.BLOCKED, None)]


def test_a_protected_account_is_never_disabled() -> None:
    account = HeldAccount("dir", Account("1", "break-glass-1", AccountState.ACTIVE), Link.CONFIRMED)
    lines = diff(CaseKind.LEAVER, ANA, {}, [], [account], [], WORLD, Protected(accounts=("break-glass-*",)))
    assert [line.kind for line in lines] == [DiffKind.BLOCKED]


def test_what_cannot_be_told_is_neither_added_nor_removed() -> None:
    account = HeldAccount("dir", Account("1", "ana", AccountState.ACTIVE), Link.CONFIRMED)
    grant = HeldGrant("dir", Grant("1", "a"), Entitlement("a", "group", "a"))
    keep = [Assignment("account:dir", "dir", "account", "role")]
    unsure = [Assignment("x", "dir", "group:a", "role")]
    lines = diff(CaseKind.MOVER, ANA, {}, keep, [account], [grant], WORLD, Protected(), HeldBack(unsure))
    assert [line.kind for line in lines] == [DiffKind.KEEP, DiffKind.BLOCKED]
    assert "cannot tell" in lines[1].reason
