"""The mirror of the systems: accounts, entitlements and grants. `staging` swaps it; what is read back is noted here."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from jmltui.domain.access import Account, AccountState, Entitlement, Grant, Link
from jmltui.domain.case import ActionState
from jmltui.domain.diff import HeldAccount, HeldGrant, World
from jmltui.domain.least import least_of
from jmltui.domain.operation import Cap

from .tables import AccountRow, ActionRow, EntitlementRow, HeldRow, SystemRow


def account_values(system: str, account: Account, at: datetime) -> dict[str, object]:
    """The columns of an account in the mirror, without its link."""
    return {
        "system": system,
        "account_id": account.id,
        "login": account.login,
        "login_folded": account.login.casefold(),
        "state": account.state.value,
        "emails": json.dumps(list(account.emails)),
        "external_id": account.external_id,
        "display": account.display,
        "kind": account.kind,
        "last_seen": account.last_seen,
        "expires": account.expires,
        "version": account.version,
        "read_at": at,
    }


def note_account(session: Session, system: str, account: Account, person_id: int | None, at: datetime) -> None:
    """Put one account that was read back into the mirror; `person_id` links a created one, confirmed."""
    query = select(AccountRow).where(col(AccountRow.system) == system, col(AccountRow.account_id) == account.id)
    row = session.scalars(query).first()
    values = account_values(system, account, at)
    if row is None:
        row = AccountRow.model_validate({**values, "link": Link.ORPHANED.value})
    for name, value in values.items():
        setattr(row, name, value)
    if person_id is not None:
        row.person_id, row.link = person_id, Link.CONFIRMED.value
    session.add(row)


def note_met(session: Session, system: str, account: Account, at: datetime) -> None:
    """Put an account that was met otherwise than it was planned for into the mirror: renamed, or gone."""
    if account.state is AccountState.DELETED:
        note_state(session, system, account.id, account.state)
    else:
        note_account(session, system, account, None, at)


def created_account(wanted: Mapping[str, str], account_id: str) -> Account:
    """The account that a confirmed create made."""
    return Account(
        id=account_id,
        login=wanted.get("login", ""),
        state=AccountState.ACTIVE,
        emails=tuple(filter(None, [wanted.get("email", "")])),
        external_id=wanted.get("external_id"),
        display=wanted.get("display", ""),
    )


def note_state(session: Session, system: str, account_id: str, state: AccountState) -> None:
    """Put the state of an account that was read back into the mirror."""
    session.execute(
        update(AccountRow)
        .where(col(AccountRow.system) == system, col(AccountRow.account_id) == account_id)
        .values(state=state.value)
    )


def note_grant(session: Session, system: str, account_id: str, entitlement_id: str, held: bool) -> None:
    """Put one grant that was read back into the mirror."""
    account = session.scalars(
        select(col(AccountRow.id)).where(col(AccountRow.system) == system, col(AccountRow.account_id) == account_id)
    ).first()
    entitlement = session.scalars(
        select(col(EntitlementRow.id)).where(
            col(EntitlementRow.system) == system, col(EntitlementRow.entitlement_id) == entitlement_id
        )
    ).first()
    if account is None or entitlement is None:
        return
    present = session.get(HeldRow, (account, entitlement))
    if held and present is None:
        session.add(HeldRow(account=account, entitlement=entitlement))
    elif not held and present is not None:
        session.delete(present)


def held_by(
    session: Session, person_ids: Sequence[int]
) -> tuple[Mapping[int, list[HeldAccount]], Mapping[int, list[HeldGrant]]]:
    """Accounts and grants by person, for many people at once."""
    accounts: dict[int, list[HeldAccount]] = defaultdict(list)
    grants: dict[int, list[HeldGrant]] = defaultdict(list)
    ids = sorted(set(person_ids))
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        for row in session.scalars(select(AccountRow).where(col(AccountRow.person_id).in_(part))):
            accounts[row.person_id or 0].append(HeldAccount(row.system, account_of(row), Link(row.link)))
        query = (
            select(col(AccountRow.person_id), col(AccountRow.account_id), HeldRow, EntitlementRow)
            .join(HeldRow, col(HeldRow.account) == col(AccountRow.id))
            .join(EntitlementRow, col(EntitlementRow.id) == col(HeldRow.entitlement))
            .where(col(AccountRow.person_id).in_(part))
        )
        for person_id, account_id, held, row in session.execute(query):
            via = tuple(json.loads(held.via)) if held.via else ()
            grant = Grant(account_id, row.entitlement_id, held.direct, via, held.expires)
            grants[person_id].append(HeldGrant(row.system, grant, _entitlement(row)))
    return accounts, grants


def world(
    session: Session,
    ids: Mapping[tuple[str, str], str],
    managed_systems: frozenset[str],
    remote_access: frozenset[tuple[str, str]],
    licensed: frozenset[tuple[str, str]] = frozenset(),
    logins: Mapping[tuple[str, str], str] | None = None,
) -> World:
    """What the cache knows of all systems, for planning; `logins` are those in use, all that there are if not given.

    `ids` are what the policy calls the (system, target) pairs that it speaks of.
    """
    rows = session.scalars(select(EntitlementRow))
    return World(
        entitlements={(row.system, row.target): _entitlement(row) for row in rows},
        managed=frozenset(ids),
        managed_systems=managed_systems,
        remote_access=remote_access,
        logins_taken=logins_in_use(session) if logins is None else logins,
        licensed=licensed,
        ids=ids,
    )


def account_with_grants(session: Session, system: str, account_id: str) -> tuple[HeldAccount, list[HeldGrant]] | None:
    """One account, whoever's it is, and what it holds; None where the mirror has no such account."""
    query = select(AccountRow).where(col(AccountRow.system) == system, col(AccountRow.account_id) == account_id)
    row = session.scalars(query).first()
    if row is None:
        return None
    held = (
        select(HeldRow, EntitlementRow)
        .join(EntitlementRow, col(EntitlementRow.id) == col(HeldRow.entitlement))
        .where(col(HeldRow.account) == row.id)
    )
    grants = []
    for grant, entitlement in session.execute(held):
        via = tuple(json.loads(grant.via)) if grant.via else ()
        told = Grant(account_id, entitlement.entitlement_id, grant.direct, via, grant.expires)
        grants.append(HeldGrant(system, told, _entitlement(entitlement)))
    return HeldAccount(system, account_of(row), Link(row.link)), grants


def logins_in_use(session: Session, among: Mapping[str, set[str]] | None = None) -> dict[tuple[str, str], str]:
    """Account ids by system and folded login: of all accounts, or `among` the logins named per system."""
    query = select(col(AccountRow.system), col(AccountRow.login_folded), col(AccountRow.account_id))
    if among is None:
        return {(system, login): account_id for system, login, account_id in session.execute(query)}
    found: dict[tuple[str, str], str] = {}
    for system, logins in among.items():
        folded = {login.casefold() for login in logins}
        some = query.where(col(AccountRow.system) == system, col(AccountRow.login_folded).in_(folded))
        found |= {(system, login): account_id for system, login, account_id in session.execute(some)}
    return found


def entitlements(session: Session) -> dict[int, tuple[str, Entitlement]]:
    """Every entitlement with its system, by row number."""
    return {row.id or 0: (row.system, _entitlement(row)) for row in session.scalars(select(EntitlementRow))}


def system_state(session: Session, name: str, **facts: object) -> None:
    """Record how a system stands."""
    row = session.get(SystemRow, name) or SystemRow(name=name)
    for key, value in facts.items():
        setattr(row, key, value)
    session.add(row)


def systems(session: Session) -> list[dict[str, object]]:
    """Every system as a plain mapping."""
    return [row.model_dump() for row in session.scalars(select(SystemRow).order_by(col(SystemRow.name)))]


def _entitlement(row: EntitlementRow) -> Entitlement:
    return Entitlement(row.entitlement_id, row.kind, row.name, row.privileged, row.grantable)


def account_of(row: AccountRow) -> Account:
    """The domain value of a row."""
    return Account(
        id=row.account_id,
        login=row.login,
        state=AccountState(row.state),
        emails=tuple(json.loads(row.emails)),
        external_id=row.external_id,
        display=row.display,
        kind=row.kind,
        last_seen=row.last_seen,
        expires=row.expires,
        version=row.version,
    )


def grants(session: Session) -> int:
    """How many grants the last listings of all systems told."""
    return int(session.scalar(select(func.coalesce(func.sum(col(SystemRow.grants)), 0))) or 0)


def members(session: Session, keep_at_least: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """How many active accounts hold each entitlement that must keep some, without those that are being removed."""
    found: dict[tuple[str, str], int] = {}
    entitlements = session.execute(
        select(
            col(EntitlementRow.id),
            col(EntitlementRow.system),
            col(EntitlementRow.entitlement_id),
            col(EntitlementRow.target),
        )
    )
    settled = [state.value for state in ActionState if state.is_settled]
    for number, system, entitlement, target in entitlements.all():
        if not least_of(target, keep_at_least):
            continue
        holding = (
            select(func.count())
            .select_from(HeldRow)
            .join(AccountRow, col(AccountRow.id) == col(HeldRow.account))
            .where(col(HeldRow.entitlement) == number, col(AccountRow.state) == AccountState.ACTIVE.value)
        )
        leaving = select(func.count()).where(
            col(ActionRow.system) == system,
            col(ActionRow.entitlement_id) == entitlement,
            col(ActionRow.operation) == Cap.REVOKE.value,
            col(ActionRow.state).not_in(settled),
        )
        count = int(session.execute(holding).scalar_one()) - int(session.execute(leaving).scalar_one())
        found[system, entitlement] = max(count, 0)
    return found
