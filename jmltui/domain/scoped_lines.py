"""The lines of a case that is about a part of what a person holds, or about single accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from .access import ACCOUNT_TARGET, AccountState
from .diff import DiffLine, HeldAccount, HeldGrant, World, target_of
from .diff_kind import DiffKind
from .guards import Protected
from .operation import Cap


def within(lines: Sequence[DiffLine], entitlements: Collection[str]) -> list[DiffLine]:
    """The lines about these ids of the policy, and those about the accounts that they need or needed.

    An account is created or enabled for what is added, and disabled with the last thing that it held.
    """
    wanted = [line for line in lines if line.entitlement in entitlements and line.target != ACCOUNT_TARGET]
    adding = {line.system for line in wanted if line.operation is Cap.GRANT}
    leaving = {(line.system, line.account_id) for line in wanted if line.operation is Cap.REVOKE}
    staying = {(line.system, line.account_id) for line in lines if line.target != ACCOUNT_TARGET and line not in wanted}
    found = []
    for line in lines:
        if line.target != ACCOUNT_TARGET:
            if line in wanted:
                found.append(line)
        elif (
            line.entitlement in entitlements
            or (line.kind in (DiffKind.ADD, DiffKind.BLOCKED) and line.system in adding)
            or (line.kind is DiffKind.REMOVE and (line.system, line.account_id) in leaving - staying)
        ):
            found.append(line)
    return found


def revoked(
    held: HeldAccount,
    grants: Sequence[HeldGrant],
    targets: Collection[str],
    reason: str,
    world: World,
    protected: Protected,
) -> Iterable[DiffLine]:
    """Lines that take targets from an account, whatever a role says; what cannot be taken is blocked."""
    for grant in grants:
        target = target_of(grant.entitlement)
        if target not in targets:
            continue
        kind, why = DiffKind.REMOVE, reason
        pattern = protected.group(grant.entitlement.name) or protected.account(held.account.login)
        if pattern is not None:
            kind, why = DiffKind.BLOCKED, f"protected by the guard pattern {pattern}"
        elif not grant.grant.direct:
            through = " → ".join(grant.grant.via) or "another group"
            kind, why = DiffKind.BLOCKED, f"held through {through}; remove it there"
        elif not grant.entitlement.grantable:
            kind, why = DiffKind.BLOCKED, "membership follows from a rule of the system"
        operation = Cap.REVOKE if kind is DiffKind.REMOVE else None
        yield DiffLine(
            kind, held.system, operation, held.account.id, held.account.login, grant.entitlement.id, target, why,
            privileged=grant.entitlement.privileged, remote_access=(held.system, target) in world.remote_access,
            entitlement=world.ids.get((held.system, target), ""),
            licensed=(held.system, target) in world.licensed,
        )  # fmt: skip


def disabled(held: HeldAccount, reason: str, protected: Protected) -> DiffLine:
    """The line that switches an account off."""
    account, kind, why = held.account, DiffKind.REMOVE, reason
    pattern = protected.account(account.login)
    if pattern is not None:
        kind, why = DiffKind.BLOCKED, f"protected by the guard pattern {pattern}"
    elif account.state in (AccountState.DISABLED, AccountState.DELETED):
        kind, why = DiffKind.KEEP, f"{account.state.value} already"
    operation = Cap.DISABLE if kind is DiffKind.REMOVE else None
    return DiffLine(kind, held.system, operation, account.id, account.login, "", ACCOUNT_TARGET, why)


def scoped_accounts(lines: Iterable[DiffLine], accounts: Mapping[tuple[str, str], HeldAccount]) -> list[HeldAccount]:
    """The accounts that the lines are about: nothing is done to any other."""
    wanted = dict.fromkeys((line.system, line.account_id) for line in lines if line.account_id)
    return [accounts[place] for place in wanted if place in accounts]
