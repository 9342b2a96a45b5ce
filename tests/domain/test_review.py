"""The pure part of access reviews: scopes, whom to ask, what silence decides, what answers suggest."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.duration import format_duration
from jmltui.domain.review import (
    Advice,
    Decision,
    NoAnswer,
    ReviewScope,
    Tally,
    parse_scope,
    person_asked,
    reviewer_of,
    suggest,
    without_answer,
)

names = st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=8)
scopes = st.builds(
    ReviewScope,
    privileged=st.booleans(),
    systems=st.lists(names, max_size=2, unique=True).map(tuple),
    roles=st.lists(names, max_size=2, unique=True).map(tuple),
    types=st.lists(st.sampled_from(["service", "vendor", "shared"]), max_size=2, unique=True).map(tuple),
    unused=st.one_of(st.none(), st.integers(1, 400).map(lambda days: timedelta(days=days))),
)


def written(scope: ReviewScope) -> str:
    """The scope as a policy states it."""
    words = ["privileged"] if scope.privileged else []
    words += [f"system:{name}" for name in scope.systems]
    words += [f"role:{name}" for name in scope.roles]
    words += [f"type:{name}" for name in scope.types]
    words += [f"unused:{format_duration(scope.unused)}"] if scope.unused is not None else []
    return ", ".join(words) or "all"


@given(scopes)
def test_a_scope_is_what_was_written(scope: ReviewScope) -> None:
    assert parse_scope(written(scope)) == scope


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("al", "Did you mean “all”"),
        ("type:employe", "Did you mean “employee”"),
        ("unused:soon", "is not a duration"),
        ("system:", "is no scope"),
        ("", "is no scope"),
    ],
)
def test_what_is_no_scope_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_scope(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("all", "grants"),
        ("privileged,system:crm", "privileged grants on crm"),
        ("unused:45d,privileged", "accounts unused for 45d with privileged access"),
        ("type:service,type:shared", "grants of type service or shared"),
        ("role:sales", "grants of the role sales"),
    ],
)
def test_scopes_in_words(text: str, told: str) -> None:
    assert parse_scope(text).told() == told


@pytest.mark.parametrize(
    ("word", "fallback", "keys", "there", "asked"),
    [
        ("manager", "team:security", {"manager": "M1"}, {"M1"}, "manager:M1"),
        ("manager", "team:security", {"manager": "M1"}, set(), "team:security"),
        ("manager", "team:security", {"manager": ""}, {""}, "team:security"),
        ("manager", "team:security", {"manager": "E1"}, {"E1"}, "team:security"),
        ("owner", "manager", {"owner": "", "manager": "M1"}, {"M1"}, "manager:M1"),
        ("owner", "manager", {"owner": "", "manager": "E1"}, {"E1"}, ""),
        ("team:helpdesk", "", {}, set(), "team:helpdesk"),
        ("system-owner", "team:security", {}, set(), "system-owner"),
        ("manager", "", {}, set(), ""),
    ],
)
def test_whom_to_ask(word: str, fallback: str, keys: dict[str, str], there: set[str], asked: str) -> None:
    assert reviewer_of(word, fallback, keys, "E1", there.__contains__) == asked


def test_words_that_mean_one_person() -> None:
    assert [person_asked(word) for word in ("manager:M1", "owner:a:b", "team:x", "manager", "")] == [
        "M1",
        "a:b",
        "",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("rule", "elevated", "other"),
    [
        (NoAnswer.KEEP, Decision.KEEP, Decision.KEEP),
        (NoAnswer.REVOKE, Decision.REVOKE, Decision.REVOKE),
        (NoAnswer.REVOKE_ELEVATED, Decision.REVOKE, Decision.KEEP),
        (NoAnswer.DISABLE, Decision.REVOKE, Decision.REVOKE),
        (NoAnswer.ESCALATE, Decision.UNSURE, Decision.UNSURE),
        (NoAnswer.UNSURE, Decision.UNSURE, Decision.UNSURE),
    ],
)
def test_what_silence_decides(rule: NoAnswer, elevated: Decision, other: Decision) -> None:
    for tier, privileged in (("elevated", False), ("jit", False), ("birthright", True), ("", True)):
        assert without_answer(rule, tier=tier, privileged=privileged) is elevated
    for tier in ("birthright", ""):
        assert without_answer(rule, tier=tier, privileged=False) is other


GRANTS = {"analyst": ("mail", "old")}
IDS = {("crm", "group:Mail"): "mail", ("crm", "group:Old"): "old", ("crm", "group:Reports"): "reports"}


def tally(**facts: object) -> Tally:
    """What was answered about a group that the role does not give; 37 of 40 hold it."""
    values: dict[str, object] = {
        "role": "analyst", "given": False, "system": "crm", "target": "group:Reports", "privileged": False,
        "items": 37, "kept": 37, "revoked": 0, "used": 30, "of": 40, "hold": 37,
    }  # fmt: skip
    return Tally(**(values | facts))  # type: ignore[arg-type]  # facts of a test


def test_what_nearly_all_hold_and_may_keep_is_suggested_for_the_role() -> None:
    [found] = suggest([tally()], GRANTS, IDS)
    assert (found.kind, found.role, found.entitlement, found.count, found.of) == (
        Advice.PUT_IN, "analyst", "reports", 37, 40,
    )  # fmt: skip
    assert found.sentence == (
        "37 of 40 people in the role analyst hold group:Reports on crm, which it does not give, and all that were "
        "asked about were kept: put it into the role?"
    )


def test_what_is_taken_from_half_of_them_is_suggested_to_go() -> None:
    [found] = suggest([tally(given=True, target="group:Old", items=40, kept=10, revoked=30, used=3)], GRANTS, IDS)
    assert (found.kind, found.entitlement, found.count, found.of) == (Advice.TAKE_OUT, "old", 30, 40)
    assert "revoked for 30 (3 had used their account lately): take it out of the role?" in found.sentence


@pytest.mark.parametrize(
    "facts",
    [
        {"kept": 36, "revoked": 1},
        {"kept": 36},
        {"hold": 31, "items": 31, "kept": 31},
        {"privileged": True},
        {"target": "group:Mail"},
        {"role": "no longer in the policy"},
        {"of": 4, "hold": 4, "items": 4, "kept": 4},
        {"given": True, "target": "group:Old", "kept": 30, "revoked": 7},
        {"given": True, "target": "group:Reports", "kept": 0, "revoked": 37},
    ],
)
def test_nothing_is_suggested_where_the_answers_do_not_say_so(facts: dict[str, object]) -> None:
    assert suggest([tally(**facts)], GRANTS, IDS) == ()


def test_the_clearest_comes_first_and_each_once() -> None:
    weaker = tally(target="group:Choir", items=34, kept=34, hold=34)
    found = suggest([weaker, tally(), tally(hold=38)], GRANTS, IDS)
    assert [(each.target, each.count) for each in found] == [("group:Reports", 37), ("group:Choir", 34)]
