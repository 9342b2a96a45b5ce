"""Cases about a part: only its lines, the accounts that they need, and nothing of anybody else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.access import Account, AccountState, Entitlement, Grant, Link
from jmltui.domain.diff import DiffLine, HeldAccount, HeldGrant, World
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.guards import Protected
from jmltui.domain.operation import Cap
from jmltui.domain.scope import Scope
from jmltui.domain.scoped_lines import disabled, revoked, scoped_accounts, within

FREE = Protected()
WORLD = World(
    entitlements={},
    managed=frozenset({("erp", "role:pay")}),
    managed_systems=frozenset({"erp"}),
    logins_taken={},
    remote_access=frozenset({("erp", "role:pay")}),
    licensed=frozenset({("erp", "role:pay")}),
    ids={("erp", "role:pay"): "pay"},
)
ANA = HeldAccount("erp", Account("1", "ana", AccountState.ACTIVE), Link.CONFIRMED)


def grant(name: str, *, via: tuple[str, ...] = (), grantable: bool = True, account: str = "1") -> HeldGrant:
    held = Grant(account, f"id-{name}", not via, via)
    return HeldGrant("erp", held, Entitlement(f"id-{name}", "role", name, grantable=grantable))


def line(name: str, kind: DiffKind, operation: Cap | None = None, system: str = "erp", account: str = "1") -> DiffLine:
    target = "account" if name == "account" else f"role:{name}"
    entitlement = "" if name == "account" else name
    return DiffLine(kind, system, operation, account, "ana", f"id-{name}", target, "why", entitlement=entitlement)


CREATE = line("account", DiffKind.ADD, Cap.CREATE, account="")
ENABLE = line("account", DiffKind.ADD, Cap.ENABLE)
DISABLE = line("account", DiffKind.REMOVE, Cap.DISABLE)
KEEP = line("account", DiffKind.KEEP)


def test_only_what_was_asked_for() -> None:
    lines = [KEEP, line("pay", DiffKind.ADD, Cap.GRANT), line("read", DiffKind.ADD, Cap.GRANT)]
    assert [each.entitlement for each in within(lines, {"pay"})] == ["pay"]
    assert within(lines, {"nothing"}) == []


def test_an_account_is_made_or_enabled_for_what_is_given_there_and_nowhere_else() -> None:
    grants = [line("pay", DiffKind.ADD, Cap.GRANT, account=""), line("x", DiffKind.ADD, Cap.GRANT, "mail", "")]
    elsewhere = replace(CREATE, system="mail")
    assert within([CREATE, elsewhere, *grants], {"pay"}) == [CREATE, grants[0]]
    assert within([ENABLE, line("pay", DiffKind.ADD, Cap.GRANT)], {"pay"})[0] == ENABLE
    blocked = line("account", DiffKind.BLOCKED)
    assert within([blocked, line("pay", DiffKind.ADD, Cap.GRANT)], {"pay"})[0] == blocked, "and it is told if it fails"


def test_an_account_goes_with_the_last_thing_it_held_and_not_before() -> None:
    pay = line("pay", DiffKind.REMOVE, Cap.REVOKE)
    assert within([DISABLE, pay], {"pay"}) == [DISABLE, pay]
    assert within([DISABLE, pay, line("read", DiffKind.UNEXPLAINED)], {"pay"}) == [pay]
    assert within([DISABLE, line("read", DiffKind.REMOVE, Cap.REVOKE)], {"pay"}) == []


def test_the_account_itself_can_be_what_was_asked_for() -> None:
    mine = replace(DISABLE, entitlement="login", entitlement_id="")
    assert within([mine], {"login"}) == [mine]
    assert within([mine], {"pay"}) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["account", "pay", "read"]),
            st.sampled_from([(DiffKind.ADD, Cap.GRANT), (DiffKind.REMOVE, Cap.REVOKE), (DiffKind.KEEP, None)]),
            st.sampled_from(["erp", "mail"]),
        ),
        max_size=8,
    )
)
def test_a_part_never_holds_more_than_the_whole(found: list[tuple[str, tuple[DiffKind, Cap | None], str]]) -> None:
    lines = [line(name, *kind, system) for name, kind, system in found]
    part = within(lines, {"pay"})
    assert all(each in lines for each in part)
    assert not any(each.entitlement == "read" for each in part)
    assert {each.entitlement for each in lines if each.entitlement == "pay"} == {e.entitlement for e in part} - {""}


def test_a_review_takes_away_whatever_a_role_says() -> None:
    (found,) = revoked(ANA, [grant("pay"), grant("read")], {"role:pay"}, "revoked in a review", WORLD, FREE)
    assert (found.kind, found.operation, found.account_id) == (DiffKind.REMOVE, Cap.REVOKE, "1")
    assert (found.entitlement, found.remote_access, found.licensed) == ("pay", True, True)
    assert found.reason == "revoked in a review"


def test_what_cannot_be_taken_away_says_why() -> None:
    def why(held: HeldGrant, protected: Protected = FREE) -> tuple[DiffKind, Cap | None, str]:
        (found,) = revoked(ANA, [held], {"role:pay"}, "review", WORLD, protected)
        return found.kind, found.operation, found.reason

    assert why(grant("pay", via=("Staff", "All"))) == (
        DiffKind.BLOCKED,
        None,
        "held through Staff → All; remove it there",
    )
    assert why(grant("pay", grantable=False))[2] == "membership follows from a rule of the system"
    assert why(grant("pay"), Protected(groups=("PAY",)))[2] == "protected by the guard pattern PAY"
    assert why(grant("pay"), Protected(accounts=("a*",)))[2] == "protected by the guard pattern a*"


def test_an_account_is_switched_off_once_and_never_a_protected_one() -> None:
    found = disabled(ANA, "nobody uses it", FREE)
    assert (found.kind, found.operation, found.reason) == (DiffKind.REMOVE, Cap.DISABLE, "nobody uses it")
    off = HeldAccount("erp", Account("1", "ana", AccountState.DISABLED), Link.ORPHANED)
    assert (disabled(off, "x", FREE).operation, disabled(off, "x", FREE).reason) == (None, "disabled already")
    kept = disabled(ANA, "x", Protected(accounts=("ana",)))
    assert (kept.kind, kept.operation) == (DiffKind.BLOCKED, None)


def test_nothing_is_done_to_an_account_that_no_line_is_about() -> None:
    other = HeldAccount("mail", Account("9", "ana", AccountState.ACTIVE), Link.CONFIRMED)
    accounts = {("erp", "1"): ANA, ("mail", "9"): other}
    lines = [line("pay", DiffKind.REMOVE, Cap.REVOKE), line("read", DiffKind.ADD, Cap.GRANT, account="")]
    assert scoped_accounts(lines, accounts) == [ANA]


words = st.text("abc:,\"'é", min_size=1, max_size=4)
scopes = st.builds(
    Scope,
    entitlements=st.lists(words, max_size=3).map(tuple),
    revoke=st.lists(st.tuples(words, words, words), max_size=3).map(tuple),
    disable=st.lists(st.tuples(words, words), max_size=3).map(tuple),
    exceptions=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    reason=st.text(max_size=5),
    approval_path=st.text(max_size=5),
)


@given(scopes)
def test_a_scope_comes_back_from_its_case(scope: Scope) -> None:
    assert Scope.from_json(scope.as_json()) == scope
    assert scope.is_everything or scope.as_json() != {}
