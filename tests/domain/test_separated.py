"""Separation of duties in a plan: what would break a rule is blocked, with the rule and where each side comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.diff import DiffLine
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.operation import Cap
from jmltui.domain.separated import separated
from jmltui.domain.separation import SeparationRule, conflicts

PAY = SeparationRule("pay", ("create",), ("release", "void"), True, "nobody pays themselves")
AUDIT = SeparationRule("audit", ("release",), ("read",), False, "who pays should not audit")
UNTIL = datetime(2026, 7, 1, tzinfo=UTC)


def line(name: str, kind: DiffKind, **more: object) -> DiffLine:
    operation = {DiffKind.ADD: Cap.GRANT, DiffKind.REMOVE: Cap.REVOKE}.get(kind)
    made = DiffLine(kind, "erp", operation, "1", "ana", f"id-{name}", f"role:{name}", "why", entitlement=name)
    return replace(made, **more)  # type: ignore[arg-type]  # names of fields


def told(lines: tuple[DiffLine, ...]) -> dict[str, tuple[str, Cap | None, str]]:
    return {each.entitlement: (each.kind.value, each.operation, each.reason) for each in lines}


def test_what_would_break_a_rule_with_what_stays_is_blocked_and_both_sources_are_named() -> None:
    found = told(
        separated(
            [line("create", DiffKind.KEEP, role="clerk"), line("release", DiffKind.ADD, role="chief")], [PAY, AUDIT]
        )
    )
    assert found["create"] == ("keep", None, "why")
    kind, operation, reason = found["release"]
    assert (kind, operation) == ("blocked", None)
    assert reason == ("separation rule pay: create (role clerk) with release (role chief): nobody pays themselves")


def test_what_is_held_by_hand_and_what_an_exception_gives_are_named_so() -> None:
    held = line("create", DiffKind.UNEXPLAINED)
    asked = line("void", DiffKind.ADD, exception=12)
    assert "create (held now) with void (exception 12)" in told(separated([held, asked], [PAY]))["void"][2]
    expiring = line("create", DiffKind.EXPIRING, exception=3, until=UNTIL)
    assert "create (exception 3)" in told(separated([expiring, asked], [PAY]))["void"][2]


def test_what_is_given_together_is_blocked_on_both_sides() -> None:
    found = told(separated([line("create", DiffKind.ADD), line("void", DiffKind.ADD)], [PAY]))
    assert [found[name][0] for name in ("create", "void")] == ["blocked", "blocked"]


def test_what_is_taken_away_in_the_same_plan_breaks_nothing() -> None:
    lines = [line("create", DiffKind.REMOVE), line("release", DiffKind.ADD)]
    assert separated(lines, [PAY]) == tuple(lines)


def test_what_cannot_be_taken_away_stays_and_breaks_the_rule() -> None:
    stuck = line("create", DiffKind.BLOCKED, reason="held through another group; remove it there")
    assert told(separated([stuck, line("release", DiffKind.ADD)], [PAY]))["release"][0] == "blocked"


def test_who_does_not_hold_it_yet_breaks_nothing() -> None:
    missing = line("create", DiffKind.CANNOT_TELL, entitlement_id="")
    assert told(separated([missing, line("release", DiffKind.ADD)], [PAY]))["release"][0] == "add"


def test_a_rule_that_warns_only_warns() -> None:
    found = told(separated([line("read", DiffKind.KEEP, role="auditor"), line("release", DiffKind.ADD)], [AUDIT]))
    kind, operation, reason = found["release"]
    assert (kind, operation) == ("add", Cap.GRANT)
    assert reason.startswith("why; warning: separation rule audit: ")


def test_a_rule_that_blocks_speaks_before_one_that_warns() -> None:
    lines = [line("create", DiffKind.KEEP), line("read", DiffKind.KEEP), line("release", DiffKind.ADD)]
    assert "audit" not in told(separated(lines, [AUDIT, PAY]))["release"][2]


def test_an_exception_lets_one_rule_be_broken_and_no_other() -> None:
    lines = [line("create", DiffKind.KEEP), line("release", DiffKind.ADD)]
    assert told(separated(lines, [PAY], {"pay"}))["release"][0] == "add"
    assert told(separated(lines, [PAY], {"audit"}))["release"][0] == "blocked"


def test_two_requests_that_are_under_way_block_each_other() -> None:
    """P08: neither is held yet."""
    found = told(separated([line("release", DiffKind.ADD)], [PAY], (), {"create": "asked for: exception 4"}))
    assert found["release"][0] == "blocked"
    assert "create (asked for: exception 4)" in found["release"][2]


NAMES = ("create", "release", "void", "read", "other")
rules = st.lists(
    st.builds(
        SeparationRule,
        st.sampled_from(("a", "b", "c")),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple),
        st.just(True),
        st.just("because"),
    ),
    max_size=3,
)


@given(rules, st.dictionaries(st.sampled_from(NAMES), st.sampled_from([DiffKind.ADD, DiffKind.KEEP, DiffKind.REMOVE])))
def test_no_plan_makes_a_conflict_that_was_not_there(found: list[SeparationRule], lines: dict[str, DiffKind]) -> None:
    after = separated([line(name, kind) for name, kind in lines.items()], found)
    held = {name for name, kind in lines.items() if kind is DiffKind.KEEP}
    then = held | {each.entitlement for each in after if each.kind is DiffKind.ADD}
    before = {(c.rule.id, frozenset((c.left, c.right))) for c in conflicts(found, held)}
    assert {(c.rule.id, frozenset((c.left, c.right))) for c in conflicts(found, then)} <= before
    assert [each.entitlement for each in after] == list(lines), "no line is lost"


def test_an_account_that_is_kept_counts_as_held() -> None:
    rule = SeparationRule("books", ("erp-login",), ("pay",), blocks=True, reason="who pays keeps no books")
    account = DiffLine(DiffKind.KEEP, "erp", None, "u1", "ana", "", "account", "role staff", entitlement="erp-login")
    wanted = DiffLine(DiffKind.ADD, "erp", Cap.GRANT, "u1", "ana", "p", "role:PAY", "role payer", entitlement="pay")
    [_, told] = separated([account, wanted], [rule])
    assert told.kind is DiffKind.BLOCKED
    assert "separation rule books" in told.reason
