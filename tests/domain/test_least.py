"""Groups that must keep members."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.diff import DiffLine
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.least import keep_enough, least_of
from jmltui.domain.operation import Cap


def removal(login: str) -> DiffLine:
    return DiffLine(DiffKind.REMOVE, "dir", Cap.REVOKE, login, login, "g1", "group:Admins", "leaver")


@given(now=st.integers(0, 12), least=st.integers(1, 5), leaving=st.integers(0, 12))
def test_plan_after_plan_never_goes_below_the_least(now: int, least: int, leaving: int) -> None:
    members = {("dir", "g1"): now}
    removed = 0
    for number in range(min(leaving, now)):
        [line] = keep_enough((removal(f"a{number}"),), members, {"admins": least})
        removed += line.kind is DiffKind.REMOVE
        assert line.kind in (DiffKind.REMOVE, DiffKind.BLOCKED)
    assert removed == max(0, min(leaving, now - least))


def test_only_removals_of_matching_groups_are_looked_at() -> None:
    other = DiffLine(DiffKind.REMOVE, "dir", Cap.REVOKE, "a", "a", "g2", "group:Staff", "leaver")
    added = DiffLine(DiffKind.ADD, "dir", Cap.GRANT, "a", "a", "g1", "group:Admins", "role")
    assert keep_enough((other, added), {("dir", "g1"): 0}, {"Admins": 2}) == (other, added)


def test_the_strictest_pattern_counts() -> None:
    assert least_of("Domain Admins", {"*admins": 1, "domain*": 3, "users": 9}) == 3
    assert least_of("Users of X", {"*admins": 1}) == 0
