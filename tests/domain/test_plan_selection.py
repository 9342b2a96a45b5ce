"""Which step of a procedure takes what: every word of `on`, sessions and credentials, what is owned, and approvals."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.access import Account, AccountState, Assignment, Entitlement, Link, Tier
from jmltui.domain.approval import ApprovalPath, ApprovalStage
from jmltui.domain.case import CaseKind
from jmltui.domain.diff import DiffLine, HeldAccount, World, diff
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.guards import Protected
from jmltui.domain.layout import Owned, make_plan, unplanned
from jmltui.domain.operation import Cap, Proof, Support
from jmltui.domain.person import Person
from jmltui.domain.plan import Plan, PlannedStep
from jmltui.domain.procedure import Do, Procedure, StepTemplate

ANA = Person(key="E1", name="Ana", id=1)
SYSTEMS = ("dir", "vpn", "erp")
CAN = {system: {cap: Support(Proof.READ_BACK, reversible=True) for cap in Cap} for system in SYSTEMS}
ACCOUNTS = [HeldAccount(system, Account(system, "ana", AccountState.ACTIVE), Link.CONFIRMED) for system in SYSTEMS]


def grant(name: str, system: str = "dir", **more: object) -> DiffLine:
    made = DiffLine(DiffKind.ADD, system, Cap.GRANT, system, "ana", name, f"group:{name}", "why", entitlement=name)
    return replace(made, **more)  # type: ignore[arg-type]  # names of fields


def taken(name: str, system: str = "dir", **more: object) -> DiffLine:
    return grant(name, system, **({"kind": DiffKind.REMOVE, "operation": Cap.REVOKE} | more))


def account(operation: Cap, system: str = "dir") -> DiffLine:
    kind = DiffKind.REMOVE if operation is Cap.DISABLE else DiffKind.ADD
    return DiffLine(kind, system, operation, system, "ana", "", "account", "why")


def step(name: str, do: Do, on: str = "all", **more: object) -> StepTemplate:
    return StepTemplate(name, do, name, on=on, **more)  # type: ignore[arg-type]  # names of fields


def planned(lines: list[DiffLine], *steps: StepTemplate, together: bool = False, **more: object) -> Plan:
    procedure = Procedure("leaver", "Leaver", "team:a", "team:b", timedelta(1), steps, together)
    return make_plan(ANA, procedure, lines, ACCOUNTS, CAN, {}, "p", **more)  # type: ignore[arg-type]  # as named


def calls(plan: Plan, key: str) -> list[str]:
    (found,) = [s for s in plan.steps if s.template.id == key]
    return [f"{a.operation.value} {a.target} on {a.system}" for a in found.actions]


LINES = [
    account(Cap.CREATE, "erp"),
    account(Cap.DISABLE, "vpn"),
    grant("plain"),
    grant("elevated", tier=Tier.ELEVATED),
    grant("jit", tier=Tier.JIT, exception=4),
    grant("costly", licensed=True),
    grant("root", privileged=True),
    grant("laptop", target="device:laptop"),
    grant("way-in", "vpn", remote_access=True),
    taken("old", "erp"),
]
EVERY_GRANT = {"plain", "elevated", "jit", "costly", "root", "laptop", "way-in"}


@pytest.mark.parametrize(
    ("on", "names"),
    [
        ("all", EVERY_GRANT),
        ("birthright", EVERY_GRANT - {"elevated", "jit"}),
        ("elevated", {"elevated", "jit"}),
        ("newly_due", EVERY_GRANT),
        ("no_longer_due", set()),
        ("requested", {"jit"}),
        ("remote_access", {"way-in"}),
        ("licensed", {"costly"}),
        ("privileged", {"root"}),
        ("devices", {"laptop"}),
        ("system:vpn", {"way-in"}),
        ("entitlement:plain", {"plain"}),
        ("owned:all", set()),
        ("owned:service", set()),
        ("owned:shared", set()),
    ],
)
def test_every_word_of_on(on: str, names: set[str]) -> None:
    plan = planned(LINES, step("some", Do.GRANTS_ADD, on))
    assert {a.entitlement_id for a in plan.steps[0].actions} == names
    left = {line.entitlement for line in unplanned(plan) if line.operation is Cap.GRANT}
    assert left == EVERY_GRANT - names, "what no step takes up is told"


def test_what_is_taken_away_is_no_longer_due_and_an_account_goes_with_what_needs_it() -> None:
    plan = planned(
        LINES, step("remove", Do.GRANTS_REMOVE, "no_longer_due"), step("make", Do.ACCOUNT_CREATE, "requested")
    )
    assert calls(plan, "remove") == ["disable account on vpn", "revoke group:old on erp"]
    assert calls(plan, "make") == ["create account on erp"]


def test_steps_about_something_narrower_choose_first_wherever_they_stand() -> None:
    lines = [taken("a"), taken("b", "vpn", remote_access=True), taken("c", "erp", licensed=True)]
    plan = planned(
        lines,
        step("groups", Do.GRANTS_REMOVE_ALL),
        step("remote", Do.REMOTE_REMOVE),
        step("paid", Do.GRANTS_REMOVE_ALL, "licensed"),
    )
    assert calls(plan, "groups") == ["revoke group:a on dir"]
    assert calls(plan, "remote") == ["revoke group:b on vpn"]
    assert calls(plan, "paid") == ["revoke group:c on erp"]
    assert [s.template.id for s in plan.steps] == ["groups", "remote", "paid"], "and stand where the procedure has them"


# ---- remote access


WORLD = World(
    entitlements={
        ("vpn", "group:Staff"): Entitlement("staff", "group", "Staff"),
        ("vpn", "group:Admins"): Entitlement("admins", "group", "Admins"),
        ("vpn", "group:Auto"): Entitlement("auto", "group", "Auto", grantable=False),
        ("erp", "role:Remote"): Entitlement("remote", "role", "Remote"),
    },
    managed=frozenset({("vpn", "group:Staff")}),
    managed_systems=frozenset({"vpn"}),
    logins_taken={},
    remote_access=frozenset(
        {("vpn", "group:Staff"), ("vpn", "group:Auto"), ("vpn", "group:Gone"), ("erp", "role:Remote")}
    ),
    ids={("vpn", "group:Staff"): "vpn-staff", ("erp", "role:Remote"): "erp-remote"},
)


def leaving(accounts: list[HeldAccount], *protected: str) -> dict[str, str]:
    lines = diff(CaseKind.LEAVER, ANA, {}, [], accounts, [], WORLD, Protected(groups=protected))
    return {line.target: line.entitlement for line in lines if line.operation is Cap.REVOKE and line.remote_access}


def test_a_leaver_loses_every_way_in_even_those_nobody_knows_of() -> None:
    assert leaving(ACCOUNTS) == {"group:Staff": "vpn-staff", "role:Remote": "erp-remote"}
    assert leaving(ACCOUNTS[:2]) == {"group:Staff": "vpn-staff"}, "where they have an account"
    assert leaving([]) == {}
    assert leaving(ACCOUNTS, "Staff") == {"role:Remote": "erp-remote"}
    mover = diff(CaseKind.MOVER, ANA, {}, [], ACCOUNTS, [], WORLD, Protected())
    assert not any(line.operation is Cap.REVOKE for line in mover), "a mover only what they hold"


def test_remote_access_is_proved_to_be_over() -> None:
    """J15: a session that was opened between the disable and the removal is ended, and the system says so."""
    lines = list(diff(CaseKind.LEAVER, ANA, {}, [], ACCOUNTS, [], WORLD, Protected()))
    plan = planned(
        lines,
        step("disable", Do.ACCOUNT_DISABLE),
        step("sessions", Do.SESSIONS_END),
        step("remote", Do.REMOTE_REMOVE, "remote_access", verify="no_active_sessions"),
    )
    assert calls(plan, "remote") == [
        "revoke role:Remote on erp",
        "revoke group:Staff on vpn",
        "end-sessions account on erp",
        "end-sessions account on vpn",
    ]
    assert calls(plan, "sessions") == ["end-sessions account on dir"], "each account once"
    blind = {system: {Cap.REVOKE: CAN["vpn"][Cap.REVOKE]} for system in SYSTEMS}
    procedure = plan.procedure
    by_hand = make_plan(ANA, procedure, lines, ACCOUNTS, blind, {}, "p").steps[2].actions
    assert [a.manual for a in by_hand if a.operation is Cap.END_SESSIONS] == [True, True], "a person looks elsewhere"


def test_sessions_of_the_ways_in_alone() -> None:
    lines = list(diff(CaseKind.LEAVER, ANA, {}, [], ACCOUNTS, [], WORLD, Protected()))
    plan = planned(lines, step("sessions", Do.SESSIONS_END, "remote_access"), step("rest", Do.SESSIONS_END))
    assert calls(plan, "sessions") == ["end-sessions account on erp", "end-sessions account on vpn"]
    assert calls(plan, "rest") == ["end-sessions account on dir"]


# ---- credentials


def test_one_call_takes_all_credentials_of_an_account_in_the_first_step_that_asks() -> None:
    plan = planned(
        [],
        step("tokens", Do.CREDENTIALS_REVOKE, "system:vpn"),
        step("mfa", Do.FACTORS_RESET),
        step("keys", Do.KEYS_REVOKE),
    )
    assert calls(plan, "tokens") == ["revoke-credentials account on vpn"]
    assert calls(plan, "mfa") == ["revoke-credentials account on dir", "revoke-credentials account on erp"]
    assert calls(plan, "keys") == []


# ---- what is owned


OWNED = [Owned("dir", "9", "svc-backup", "service"), Owned("mail", "", "team-box", "shared")]


@pytest.mark.parametrize(
    ("on", "logins"),
    [
        ("owned:service", ["svc-backup"]),
        ("owned:shared", ["team-box"]),
        ("owned:all", ["svc-backup", "team-box"]),
        ("all", ["svc-backup", "team-box"]),
    ],
)
def test_each_thing_owned_is_one_manual_action_of_each_step(on: str, logins: list[str]) -> None:
    plan = planned([], step("give", Do.OWNED_REASSIGN, on), step("rotate", Do.OWNED_ROTATE, on), owned=OWNED)
    give, rotate = plan.steps
    assert [a.login for a in give.actions] == [a.login for a in rotate.actions] == logins
    assert all(a.manual and a.proof is Proof.NONE and a.inverse is None for s in plan.steps for a in s.actions)
    assert {a.operation for a in give.actions} == {Cap.TRANSFER}
    assert "jmltui owner ACCOUNT PERSON" in give.actions[0].note
    assert "jmltui owner ACCOUNT --retire" in give.actions[0].note
    assert give.actions[0].reason == "owned by Ana"


# ---- approvals


MANAGER = ApprovalPath("manager", (ApprovalStage(1, ("manager",)),), timedelta(days=5))
OWNER = ApprovalPath("owner", (ApprovalStage(1, ("system-owner",)),), timedelta(days=3))
PATHS = {"manager": MANAGER, "owner": OWNER}


def agreed(plan: Plan, key: str) -> tuple[bool, str, list[tuple[str, ...]]]:
    (found,) = [s for s in plan.steps if s.template.id == key]
    return (
        found.approval,
        found.path.id if found.path else "",
        [s.approvers for s in found.path.stages] if found.path else [],
    )


def test_a_step_waits_for_whoever_has_to_agree_to_what_it_gives() -> None:
    lines = [
        grant("plain"),
        grant("a", approval=True, approval_path="manager"),
        grant("b", approval=True, approval_path="owner"),
        grant("c", approval=True),
    ]
    steps = [step("one", Do.GRANTS_ADD, "entitlement:a"), step("rest", Do.GRANTS_ADD)]
    plan = planned(lines, *steps, paths=PATHS)
    assert agreed(plan, "one") == (True, "manager", [("manager",)])
    assert agreed(plan, "rest") == (True, "owner", [("system-owner",)])
    whole = planned(lines, step("all", Do.GRANTS_ADD), paths=PATHS)
    assert agreed(whole, "all") == (True, "manager+owner", [("manager",), ("system-owner",)])
    path = whole.steps[0].path
    assert path is not None
    assert path.expires_after == timedelta(days=3), "the shortest counts"
    assert agreed(planned(lines[:1], step("all", Do.GRANTS_ADD), paths=PATHS), "all") == (False, "", [])
    assert agreed(planned(lines[3:], step("all", Do.GRANTS_ADD), paths=PATHS), "all") == (True, "", [])


def test_a_step_of_its_own_path_adds_it_and_asks_nobody_where_it_does_nothing() -> None:
    lines = [grant("b", approval=True, approval_path="owner")]
    own = step("all", Do.GRANTS_ADD, approval=True, approval_path="manager")
    assert agreed(planned(lines, own, paths=PATHS), "all") == (True, "manager+owner", [("manager",), ("system-owner",)])
    assert agreed(planned([], own, paths=PATHS), "all") == (False, "", [])
    collect = step("ask", Do.APPROVAL, approval=True, approval_path="manager")
    assert agreed(planned([], collect, paths=PATHS), "ask") == (True, "manager", [("manager",)])


def test_what_happens_together_waits_for_every_approval() -> None:
    lines = [taken("old"), grant("a", approval=True, approval_path="manager")]
    steps = [step("remove", Do.GRANTS_REMOVE), step("grant", Do.GRANTS_ADD), step("verify", Do.VERIFY)]
    plan = planned(lines, *steps, together=True, paths=PATHS)
    assert agreed(plan, "remove") == agreed(plan, "grant") == (True, "manager", [("manager",)])
    assert agreed(plan, "verify") == (False, "", [])
    apart = planned(lines, *steps, paths=PATHS)
    assert agreed(apart, "remove") == (False, "", [])
    assert agreed(planned(lines[:1], *steps, together=True, paths=PATHS), "remove") == (False, "", [])


# ---- nothing twice, nothing lost


ONS = [
    "all", "birthright", "elevated", "newly_due", "no_longer_due", "requested", "remote_access", "licensed",
    "privileged", "devices", "system:dir", "system:vpn", "entitlement:e1", "owned:all",
]  # fmt: skip
lines_of = st.lists(
    st.builds(
        lambda name, system, kind, tier, flags, exception: DiffLine(
            kind, system, Cap.GRANT if kind is DiffKind.ADD else Cap.REVOKE, system, "ana", name, f"group:{name}",
            "why", entitlement=name, tier=tier, remote_access="r" in flags, licensed="l" in flags,
            privileged="p" in flags, approval="a" in flags, exception=exception,
        ),
        st.sampled_from([f"e{n}" for n in range(6)]),
        st.sampled_from(SYSTEMS),
        st.sampled_from([DiffKind.ADD, DiffKind.REMOVE]),
        st.sampled_from(list(Tier)),
        st.text("rlpa", max_size=4),
        st.integers(0, 1),
    ),
    max_size=12,
    unique_by=lambda line: (line.system, line.entitlement_id),
)  # fmt: skip
steps_of = st.lists(st.tuples(st.sampled_from(list(Do)), st.sampled_from(ONS)), max_size=8)


@given(lines_of, steps_of, st.booleans())
def test_no_line_lands_in_two_steps_and_none_is_lost(
    lines: list[DiffLine], steps: list[tuple[Do, str]], together: bool
) -> None:
    templates = [step(f"s{number}", do, on) for number, (do, on) in enumerate(steps)]
    every = [account(Cap.DISABLE), *lines]
    plan = planned(every, *templates, together=together, paths=PATHS, owned=OWNED)
    done = Counter(
        (a.system, a.operation, a.entitlement_id, a.target) for s in plan.steps for a in s.actions if not a.manual
    )
    assert all(count == 1 for count in done.values()), done
    left = [(n.system, n.operation, n.entitlement_id, n.target) for n in unplanned(plan)]
    for line in every:
        place = (line.system, line.operation, line.entitlement_id, line.target)
        assert done[place] + left.count(place) == 1
    order = [s.template.id for s in plan.steps]
    assert order == [t.id for t in templates]
    changing: list[PlannedStep] = [
        s for s in plan.steps if s.actions and s.template.do in (Do.GRANTS_ADD, Do.GRANTS_REMOVE)
    ]
    if together:
        assert len({(s.approval, s.path) for s in changing}) <= 1


def test_an_account_is_due_with_its_own_approval_and_no_other() -> None:
    world = replace(WORLD, ids={("dir", "account"): "login"}, managed_systems=frozenset({"dir"}))
    own = Assignment("login", "dir", "account", "asked for", approval=True, approval_path="owner")
    group = Assignment("g", "dir", "group:g", "role", approval=True, approval_path="manager")
    off = [HeldAccount("dir", Account("1", "ana", AccountState.DISABLED), Link.CONFIRMED)]

    def first(due: list[Assignment], accounts: list[HeldAccount]) -> DiffLine:
        return diff(CaseKind.JOINER, ANA, {"dir": "ana"}, due, accounts, [], world, Protected())[0]

    for accounts, operation in (([], Cap.CREATE), (off, Cap.ENABLE)):
        line = first([own, group], accounts)
        assert (line.operation, line.approval, line.approval_path) == (operation, True, "owner")
        line = first([group], accounts)
        assert (line.operation, line.approval, line.approval_path) == (operation, False, "")
    on = [HeldAccount("dir", Account("1", "ana", AccountState.ACTIVE), Link.CONFIRMED)]
    gone = diff(CaseKind.EXPIRY, ANA, {}, [], on, [], world, Protected())[0]
    assert (gone.operation, gone.entitlement) == (Cap.DISABLE, "login"), "it can be asked for, and it can end"
