"""Assignments against grants for one person: what to add, remove, keep, and what nobody can explain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from .access import ACCOUNT_TARGET, DEVICE, Account, AccountState, Assignment, Entitlement, Grant, Link, Tier
from .case import CaseKind
from .diff_kind import DiffKind
from .guards import Protected
from .operation import Cap
from .person import NOT_HUMAN, Person


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """An account of the person on a system, with how sure the link is."""

    system: str
    account: Account
    link: Link


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant with the entitlement it is for."""

    system: str
    grant: Grant
    entitlement: Entitlement


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of the diff. `account_id` is empty for an account still to be created.

    `entitlement` is the policy's id of it, "" where no policy speaks of it. `exception` is the number of the one that
    makes it due until `until`, `approval_path` the id of a path of the policy, `rules` the ids of the separation rules
    that block it.
    """

    kind: DiffKind
    system: str
    operation: Cap | None
    account_id: str
    login: str
    entitlement_id: str
    target: str
    reason: str
    privileged: bool = False
    approval: bool = False
    remote_access: bool = False
    entitlement: str = ""
    tier: Tier = Tier.BIRTHRIGHT
    approval_path: str = ""
    licensed: bool = False
    until: datetime | None = None
    exception: int = 0
    role: str = ""
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """What the cache knows of the systems: entitlements by (system, target), logins in use, managed targets.

    `managed` are the (system, target) pairs that the policy in force speaks of; a grant of one that is not
    due is removed, a grant of anything else is unexplained. `target` of a grant is `kind:name`. `remote_access` are the
    pairs that a leaver loses first, `licensed` those that cost something, `ids` what the policy calls each pair.
    """

    entitlements: Mapping[tuple[str, str], Entitlement]
    managed: frozenset[tuple[str, str]]
    managed_systems: frozenset[str]
    logins_taken: Mapping[tuple[str, str], str]
    remote_access: frozenset[tuple[str, str]] = frozenset()
    licensed: frozenset[tuple[str, str]] = frozenset()
    ids: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What is neither given nor taken as the roles alone would have it.

    `undecided`: nobody can tell. `refused`: a requirement is not met. `shut`: not due at this hour. `asked`: why what
    is held stays for now, by the policy's id of it, because somebody asked to keep it.
    """

    undecided: Sequence[Assignment] = ()
    refused: Sequence[Assignment] = ()
    shut: Sequence[Assignment] = ()
    asked: Mapping[str, str] = field(default_factory=dict)


NOTHING_HELD_BACK = HeldBack()


def is_owned(person: Person, held: HeldAccount) -> bool:
    """Whether an account is a thing that a person owns, a service or a shared account, and not their own access."""
    alive = held.account.state not in (AccountState.DISABLED, AccountState.DELETED)
    return person.type.is_human and held.account.kind in NOT_HUMAN and held.link is Link.CONFIRMED and alive


def target_of(entitlement: Entitlement) -> str:
    """How the policy names an entitlement: `kind:name`."""
    return f"{entitlement.kind}:{entitlement.name}"


def diff(
    kind: CaseKind,
    person: Person,
    login: Mapping[str, str],
    assignments: Sequence[Assignment],
    accounts: Sequence[HeldAccount],
    grants: Sequence[HeldGrant],
    world: World,
    protected: Protected,
    held_back: HeldBack = NOTHING_HELD_BACK,
) -> tuple[DiffLine, ...]:
    """The whole difference for one person, in the order system, accounts first, then entitlements.

    `login` gives, per system, the login a new account would get. A leaver has no assignments: everything
    confirmed to be theirs is removed, explained or not. Only confirmed links count; a proposed account is
    shown as blocked. What nobody can tell is neither added nor removed, and shown.
    """
    due = () if kind is CaseKind.LEAVER else tuple(assignments)
    lines: list[DiffLine] = []
    told = () if kind is CaseKind.LEAVER else (*held_back.undecided, *held_back.refused)
    every = {a.system for a in (*due, *told)} | {a.system for a in accounts} | {g.system for g in grants}
    systems = sorted(every)
    for system in systems:
        here = [a for a in accounts if a.system == system]
        confirmed = [a for a in here if a.link is Link.CONFIRMED and a.account.state is not AccountState.DELETED]
        wanted = [a for a in due if a.system == system]
        lines += _account_lines(kind, system, login.get(system, ""), wanted, here, confirmed, world, protected)
        held = [g for g in grants if g.system == system]
        lines += _grant_lines(kind, system, login.get(system, ""), wanted, confirmed, held, world, protected)
        if told:
            lines += _untold(system, lines, held_back)
    return tuple(lines if kind is CaseKind.LEAVER else _kept(lines, due, held_back))


def _kept(lines: Sequence[DiffLine], due: Sequence[Assignment], held_back: HeldBack) -> list[DiffLine]:
    """The lines, without removals of what nobody can tell about, or what somebody asked to keep."""
    given = {(a.system, a.target) for a in due}
    unsure = {(a.system, a.target) for a in held_back.undecided} - given
    refused = {(a.system, a.target): a.reason for a in held_back.refused}
    shut = {(a.system, a.target): a.reason for a in held_back.shut}
    found = []
    for line in lines:
        place = (line.system, line.target)
        if line.kind is DiffKind.REMOVE:
            if line.entitlement in held_back.asked:
                line = replace(line, kind=DiffKind.EXPIRING, operation=None, reason=held_back.asked[line.entitlement])
            elif place in unsure:
                reason = "cannot tell whether it is due: an attribute that a role asks for is empty"
                line = replace(line, kind=DiffKind.BLOCKED, operation=None, reason=reason)
            elif place in refused:
                reason = refused[place].replace("cannot be given", "stays as it is", 1)
                line = replace(line, kind=DiffKind.BLOCKED, operation=None, reason=reason)
            elif place in shut:
                line = replace(line, reason=shut[place])
        found.append(line)
    return found


def _untold(system: str, lines: Sequence[DiffLine], held_back: HeldBack) -> Iterable[DiffLine]:
    """What the person does not hold and might be due, but nobody can tell or a requirement keeps back."""
    there = {line.target for line in lines if line.system == system}
    for kind, doubtful in ((DiffKind.CANNOT_TELL, held_back.undecided), (DiffKind.BLOCKED, held_back.refused)):
        for a in doubtful:
            if a.system == system and a.target not in there:
                there.add(a.target)
                yield DiffLine(
                    kind, system, None, "", "", "", a.target, a.reason, a.privileged, entitlement=a.entitlement
                )


def _account_lines(
    kind: CaseKind,
    system: str,
    login: str,
    wanted: Sequence[Assignment],
    here: Sequence[HeldAccount],
    confirmed: Sequence[HeldAccount],
    world: World,
    protected: Protected,
) -> Iterable[DiffLine]:
    for held in here:
        if held.link is not Link.CONFIRMED:
            yield _account_line(
                DiffKind.BLOCKED,
                system,
                held.account,
                None,
                "looks like this person, but nobody has confirmed it",
            )
    if wanted and not confirmed:
        taken = world.logins_taken.get((system, login.casefold()))
        if taken is not None:
            yield DiffLine(
                DiffKind.BLOCKED, system, None, "", login, "", ACCOUNT_TARGET,
                f"the login {login} is already used by another account; link it or choose another login",
            )  # fmt: skip
        else:
            new = DiffLine(DiffKind.ADD, system, Cap.CREATE, "", login, "", ACCOUNT_TARGET, wanted[0].reason)
            yield _as_due(new, wanted)
    for held in confirmed:
        yield _confirmed_line(kind, system, held.account, wanted, world, protected)


def _confirmed_line(
    kind: CaseKind,
    system: str,
    account: Account,
    wanted: Sequence[Assignment],
    world: World,
    protected: Protected,
) -> DiffLine:
    """What becomes of an account that is theirs."""
    name = world.ids.get((system, ACCOUNT_TARGET), "")
    if wanted and account.state is AccountState.DISABLED:
        return _as_due(_account_line(DiffKind.ADD, system, account, Cap.ENABLE, wanted[0].reason), wanted)
    if wanted:
        own = next((a for a in wanted if a.target == ACCOUNT_TARGET), wanted[0])
        until, exception = (own.until, own.exception) if own.target == ACCOUNT_TARGET else (None, 0)
        what = DiffKind.EXPIRING if until else DiffKind.KEEP
        stays = _account_line(what, system, account, None, wanted[0].reason)
        return replace(stays, entitlement=name, until=until, exception=exception)
    if kind is CaseKind.LEAVER or system in world.managed_systems:
        return replace(_removal(system, account, kind, protected), entitlement=name)
    return _account_line(DiffKind.UNEXPLAINED, system, account, None, "no policy speaks of this system")


def _as_due(line: DiffLine, wanted: Sequence[Assignment]) -> DiffLine:
    """The line of an account to be made or enabled; only what asks for the account itself decides on its approval."""
    own = next((a for a in wanted if a.target == ACCOUNT_TARGET), None)
    due = own or wanted[0]
    line = replace(line, entitlement=due.entitlement, until=due.until, exception=due.exception)
    return line if own is None else replace(line, approval=own.approval, approval_path=own.approval_path)


def _removal(system: str, account: Account, kind: CaseKind, protected: Protected) -> DiffLine:
    if account.state is AccountState.DISABLED:
        return _account_line(DiffKind.KEEP, system, account, None, "disabled already")
    pattern = protected.account(account.login)
    if pattern is not None:
        return _account_line(DiffKind.BLOCKED, system, account, None, f"protected by the guard pattern {pattern}")
    why = "leaver: every account is disabled" if kind is CaseKind.LEAVER else "no role gives this account any more"
    return _account_line(DiffKind.REMOVE, system, account, Cap.DISABLE, why)


def _account_line(kind: DiffKind, system: str, account: Account, operation: Cap | None, reason: str) -> DiffLine:
    return DiffLine(kind, system, operation, account.id, account.login, "", ACCOUNT_TARGET, reason)


def _grant_lines(
    kind: CaseKind,
    system: str,
    login: str,
    wanted: Sequence[Assignment],
    confirmed: Sequence[HeldAccount],
    held: Sequence[HeldGrant],
    world: World,
    protected: Protected,
) -> Iterable[DiffLine]:
    ours = {a.account.id: a.account for a in confirmed}
    first = next((a.account for a in confirmed), None)
    due = {a.target: a for a in wanted if a.target != ACCOUNT_TARGET}
    holding = {target_of(g.entitlement) for g in held if g.grant.account_id in ours}
    for target, assignment in due.items():
        if target not in holding:
            yield _addition(system, login, target, assignment, first, world)
    for g in held:
        account = ours.get(g.grant.account_id)
        if account is not None:
            yield _held_line(kind, system, account, g, due.get(target_of(g.entitlement)), world, protected)
    if kind is CaseKind.LEAVER and first is not None:
        yield from _ways_in(system, first, holding, world, protected)


def _ways_in(
    system: str, account: Account, holding: set[str], world: World, protected: Protected
) -> Iterable[DiffLine]:
    """Ways in from outside that nobody knows the leaver to have: taken away all the same, and proved."""
    for place in sorted(world.remote_access):
        entitlement = world.entitlements.get(place)
        if place[0] != system or place[1] in holding or entitlement is None or not entitlement.grantable:
            continue
        if protected.group(entitlement.name) is None:
            yield DiffLine(
                DiffKind.REMOVE, system, Cap.REVOKE, account.id, account.login, entitlement.id, place[1],
                "leaver: remote access is taken away even where none is known",
                privileged=entitlement.privileged, remote_access=True, entitlement=world.ids.get(place, ""),
            )  # fmt: skip


def _addition(
    system: str, login: str, target: str, assignment: Assignment, first: Account | None, world: World
) -> DiffLine:
    entitlement = world.entitlements.get((system, target))
    kind, operation, reason = DiffKind.ADD, Cap.GRANT, assignment.reason
    if entitlement is None:
        kind, reason = DiffKind.BLOCKED, f"{target} does not exist on {system}"
    elif not entitlement.grantable:
        kind, reason = (
            DiffKind.BLOCKED,
            f"{target} cannot be granted directly: its members follow from a rule",
        )
    return DiffLine(
        kind,
        system,
        operation if kind is DiffKind.ADD else None,
        first.id if first else "",
        first.login if first else login,
        entitlement.id if entitlement else "",
        target,
        reason,
        privileged=assignment.privileged or bool(entitlement and entitlement.privileged),
        approval=assignment.approval,
        remote_access=assignment.remote_access,
        entitlement=assignment.entitlement,
        tier=assignment.tier,
        approval_path=assignment.approval_path,
        licensed=assignment.licensed,
        until=assignment.until,
        exception=assignment.exception,
        role=assignment.role,
    )


def _held_line(
    kind: CaseKind,
    system: str,
    account: Account,
    held: HeldGrant,
    due: Assignment | None,
    world: World,
    protected: Protected,
) -> DiffLine:
    target = target_of(held.entitlement)
    if due is not None:
        what, operation, reason = (DiffKind.EXPIRING if due.until else DiffKind.KEEP), None, due.reason
    elif not held.grant.direct:
        through = " → ".join(held.grant.via) or "another group"
        what, operation, reason = DiffKind.BLOCKED, None, f"held through {through}; remove it there"
    elif (pattern := protected.group(held.entitlement.name)) is not None:
        what, operation, reason = DiffKind.BLOCKED, None, f"protected by the guard pattern {pattern}"
    elif held.entitlement.kind == DEVICE and kind is CaseKind.LEAVER:
        what, operation, reason = DiffKind.REMOVE, Cap.WIPE_DEVICE, "leaver: a device comes back, or is wiped"
    elif held.entitlement.kind == DEVICE:
        what, operation, reason = DiffKind.KEEP, None, "a device in their hands"
    elif not held.entitlement.grantable:
        what, operation, reason = DiffKind.BLOCKED, None, "membership follows from a rule of the system"
    elif kind is CaseKind.LEAVER:
        what, operation, reason = DiffKind.REMOVE, Cap.REVOKE, "leaver: every entitlement is removed"
    elif (system, target) in world.managed:
        what, operation, reason = DiffKind.REMOVE, Cap.REVOKE, "no role gives it any more"
    else:
        what, operation, reason = DiffKind.UNEXPLAINED, None, "no policy explains it; it goes to review"
    return DiffLine(
        what,
        system,
        operation,
        account.id,
        account.login,
        held.entitlement.id,
        target,
        reason,
        privileged=held.entitlement.privileged,
        approval=bool(due and due.approval),
        remote_access=(system, target) in world.remote_access,
        entitlement=due.entitlement if due else world.ids.get((system, target), ""),
        tier=due.tier if due else Tier.BIRTHRIGHT,
        approval_path=due.approval_path if due else "",
        licensed=(system, target) in world.licensed,
        until=due.until if due else None,
        exception=due.exception if due else 0,
        role=due.role if due else "",
    )
