"""Who owns service and shared accounts: what the sources say, and what was decided here since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import and_, case, exists, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Session, col

from jmltui.domain.access import AccountState, Link
from jmltui.domain.layout import Owned
from jmltui.domain.person import NOT_HUMAN, Person

from .tables import AccountRow, OwnershipRow, PersonRow


def owner_now() -> ColumnElement[str]:
    """The key of the owner of a person, in a query that joins `OwnershipRow` from outside."""
    stands = and_(col(OwnershipRow.owner).is_not(None), col(OwnershipRow.feed_owner) == col(PersonRow.owner))
    return case((stands, col(OwnershipRow.owner)), else_=col(PersonRow.owner))


def owner_of(session: Session, person_id: int) -> str:
    """The key of who owns a service or shared person now; "" for nobody."""
    query = (
        select(owner_now())
        .select_from(PersonRow)
        .outerjoin(OwnershipRow, col(OwnershipRow.person_id) == col(PersonRow.id))
        .where(col(PersonRow.id) == person_id)
    )
    return session.scalar(query) or ""


def stated_owners(session: Session, things: Iterable[Person]) -> set[int]:
    """The row numbers of whom their source names as owners of service and shared persons."""
    keys = sorted({thing.owner for thing in things if thing.owner and not thing.type.is_human})
    found: set[int] = set()
    for start in range(0, len(keys), 500):
        query = select(col(PersonRow.id)).where(col(PersonRow.key).in_(keys[start : start + 500]))
        found.update(number for number in session.scalars(query) if number is not None)
    return found


def owned_by(session: Session, people: Iterable[Person]) -> Mapping[int, list[Owned]]:
    """What each of these people owns, by their row number: first what is a person of its own, then single accounts.

    What had accounts and has none in use any more is at its end, and is nobody's to give away.
    """
    found: dict[int, list[Owned]] = defaultdict(list)
    owners = {person.key: person.id for person in people if person.type.is_human}
    keys = sorted(owners)
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        _add_persons(session, {key: owners[key] for key in some}, found)
        _add_accounts(session, [owners[key] for key in some], found)
    return found


def _add_persons(session: Session, owners: Mapping[str, int], found: dict[int, list[Owned]]) -> None:
    owner = owner_now().label("owner_now")
    query = (
        select(owner, col(PersonRow.key), col(PersonRow.type), col(PersonRow.source))
        .add_columns(col(AccountRow.system), col(AccountRow.account_id), col(AccountRow.login))
        .select_from(PersonRow)
        .outerjoin(OwnershipRow, col(OwnershipRow.person_id) == col(PersonRow.id))
        .outerjoin(
            AccountRow,
            and_(
                col(AccountRow.person_id) == col(PersonRow.id),
                col(AccountRow.link) == Link.CONFIRMED.value,
                _alive(),
            ),
        )
        .where(col(PersonRow.present), col(PersonRow.type).in_(NOT_HUMAN))
        .where(or_(col(PersonRow.owner).in_(owners), col(OwnershipRow.owner).in_(owners)))
        .where(or_(col(AccountRow.id).is_not(None), ~_has_account()))
        .order_by(col(PersonRow.id), col(AccountRow.system), col(AccountRow.login))
    )
    for key, thing, kind, source, system, account_id, login in session.execute(query):
        if key in owners:
            found[owners[key]].append(Owned(system or source, account_id or "", login or thing, kind))


def _add_accounts(session: Session, people: Iterable[int], found: dict[int, list[Owned]]) -> None:
    query = (
        select(AccountRow)
        .where(col(AccountRow.person_id).in_(list(people)), col(AccountRow.link) == Link.CONFIRMED.value)
        .where(col(AccountRow.kind).in_(NOT_HUMAN), _alive())
        .order_by(col(AccountRow.system), col(AccountRow.login))
    )
    for row in session.scalars(query):
        found[row.person_id or 0].append(Owned(row.system, row.account_id, row.login, row.kind))


def _has_account() -> ColumnElement[bool]:
    """Whether a person has an account at all, in a query about persons."""
    account = aliased(AccountRow)
    mine = select(col(account.id)).where(col(account.person_id) == col(PersonRow.id))
    return exists(mine.where(col(account.link) == Link.CONFIRMED.value))


def _alive() -> ColumnElement[bool]:
    return col(AccountRow.state).not_in((AccountState.DISABLED.value, AccountState.DELETED.value))


def give(session: Session, thing: PersonRow, to: str, by: str, at: datetime, case_id: int = 0) -> None:
    """State a new owner, by key, of a service or shared person, until its source says something new."""
    row = session.get(OwnershipRow, thing.id) or OwnershipRow(person_id=thing.id or 0, owner="", at=at)
    row.owner, row.feed_owner, row.decided_by, row.at, row.case_id = to, thing.owner, by, at, case_id
    session.add(row)
