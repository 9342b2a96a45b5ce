"""Approval paths: whatever people decide, in whatever order, nobody counts twice and no stage is passed over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.approval import (
    ApprovalPath,
    ApprovalStage,
    Decision,
    as_json,
    covers,
    escalated,
    from_json,
    joined,
    may_decide,
    standing,
    waits_for,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
WORDS = ("manager", "sponsor", "owner", "system-owner", "team:leads", "group:security", "user:ana")

durations = st.none() | st.integers(1, 10_000).map(lambda minutes: timedelta(minutes=minutes))
stages = st.builds(
    ApprovalStage,
    st.integers(1, 3),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True).map(tuple),
    st.lists(st.sampled_from(WORDS), max_size=2, unique=True).map(tuple),
    durations,
)
paths = st.builds(
    ApprovalPath, st.sampled_from(("a", "b")), st.lists(stages, min_size=1, max_size=4).map(tuple), durations
)
decisions = st.lists(
    st.builds(
        Decision,
        st.sampled_from(("ana", "Ana", "bo", "cy", "di", "ed", "flo", "gus")),
        st.integers(0, 3),
        st.integers(-60, 600).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    ),
    max_size=14,
)


@given(paths, decisions)
def test_who_agreed_counts_once_and_only_since_it_was_asked(path: ApprovalPath, given: list[Decision]) -> None:
    found = standing(path, given, NOON, NOON + timedelta(days=1))
    needed = sum(stage.any_of for stage in path.stages)
    counting = {decision.approver.casefold() for decision in given if decision.at >= NOON}
    if found.stage is None:
        assert len(counting) >= needed
        assert found.lacks == 0
        assert not found.expired
    else:
        assert 1 <= found.lacks <= path.stages[found.stage].any_of
    assert found.since >= NOON


@given(paths, decisions, decisions)
def test_further_agreements_never_take_a_path_back(
    path: ApprovalPath, given: list[Decision], more: list[Decision]
) -> None:
    later = [Decision(d.approver, d.stage, NOON + timedelta(days=1)) for d in more]
    first = standing(path, given, NOON, NOON)
    second = standing(path, [*given, *later], NOON, NOON)
    if first.stage is None:
        assert second.stage is None
    elif second.stage is not None:
        assert (second.stage, -second.lacks) >= (first.stage, -first.lacks)


@given(paths)
def test_what_nobody_decided_expires(path: ApprovalPath) -> None:
    if path.expires_after is None:
        assert not standing(path, [], NOON, NOON + timedelta(days=10_000)).expired
    else:
        assert not standing(path, [], NOON, NOON + path.expires_after).expired
        assert standing(path, [], NOON, NOON + path.expires_after + timedelta(seconds=1)).expired


@given(paths)
def test_a_path_is_kept_as_it_was(path: ApprovalPath) -> None:
    assert from_json(as_json(path)) == path


@given(st.lists(paths, min_size=1, max_size=4))
def test_several_paths_become_one_that_covers_each(several: list[ApprovalPath]) -> None:
    whole = joined(several)
    assert all(covers(whole, path) for path in several)
    ends = [path.expires_after for path in several if path.expires_after is not None]
    assert whole.expires_after == min(ends, default=None)


@given(stages, st.sampled_from(WORDS), st.integers(0, 20_000))
def test_the_fallback_decides_once_its_time_came(stage: ApprovalStage, mine: str, minutes: int) -> None:
    now = NOON + timedelta(minutes=minutes)
    allowed, word = may_decide(stage, NOON, now, lambda asked: asked == mine)
    stepping_in = escalated(stage, NOON, now) and mine in stage.fallback
    assert allowed == (mine in stage.approvers or stepping_in)
    assert word == (mine if allowed else "")


def test_it_is_said_who_may_decide_and_from_when() -> None:
    path = ApprovalPath(
        "finance",
        (
            ApprovalStage(1, ("manager",)),
            ApprovalStage(2, ("group:controllers",), ("group:security",), timedelta(hours=8)),
        ),
    )
    first = standing(path, [], NOON, NOON)
    assert waits_for(path, first, NOON) == "Stage 1 of 2 of finance waits for manager."
    given = [Decision("lea", 0, NOON)]
    told = waits_for(path, standing(path, given, NOON, NOON), NOON)
    assert told == "Stage 2 of 2 of finance waits for 2 of group:controllers; from 20:00 UTC also group:security."
    late = NOON + timedelta(hours=8)
    told = waits_for(path, standing(path, given, NOON, late), late)
    assert told == "Stage 2 of 2 of finance waits for 2 of group:controllers, or group:security."
    given += [Decision("bo", 1, NOON), Decision("lea", 1, NOON)]
    assert standing(path, given, NOON, NOON).lacks == 1
    given.append(Decision("cy", 1, NOON))
    assert waits_for(path, standing(path, given, NOON, NOON), NOON) == ""


def test_who_agreed_to_more_agreed_to_less() -> None:
    one, two = ApprovalStage(1, ("manager",)), ApprovalStage(2, ("team:security",))
    assert covers(ApprovalPath("both", (one, two)), ApprovalPath("one", (one,)))
    assert not covers(ApprovalPath("one", (one,)), ApprovalPath("both", (one, two)))
    assert covers(None, None)
    assert not covers(None, ApprovalPath("one", (one,)))
    assert covers(ApprovalPath("one", (one,)), None)
