"""Who takes over what the accounts of a leaver own: whom somebody named, else their manager."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.domain.access import Account, AccountState, Link
from jmltui.domain.estate import Successor
from jmltui.domain.person import Person

from .systems import account_of
from .tables import AccountRow, PersonRow, SuccessorRow


def name(session: Session, person_id: int, to: PersonRow, by: str, at: datetime) -> None:
    """State who takes over from a person; who was named before is forgotten."""
    row = session.get(SuccessorRow, person_id)
    if row is None:
        row = SuccessorRow(person_id=person_id, successor_id=to.id or 0, named_by=by, at=at)
    row.successor_id, row.named_by, row.at = to.id or 0, by, at
    session.add(row)


def successors(session: Session, people: Sequence[Person], systems: Collection[str]) -> Mapping[int, Successor]:
    """Who takes over from each of these people, by row number, with their accounts in use on these systems.

    A manager is looked for in the source that names them, then in the others. Who left takes nothing over.
    """
    named = _named(session, [person.id for person in people])
    managers = _managers(session, {person.manager for person in people if person.manager and person.id not in named})
    chosen: dict[int, PersonRow] = {}
    for person in people:
        found = managers.get(person.manager, [])
        mine = [row for row in found if row.source == person.source] or found
        row = named.get(person.id) or (mine[0] if len(mine) == 1 else None)
        if row is not None and row.id != person.id:
            chosen[person.id] = row
    accounts = _accounts(session, {row.id or 0 for row in chosen.values()}, systems)
    return {number: Successor(row.key, row.name, accounts.get(row.id or 0, {})) for number, row in chosen.items()}


def _named(session: Session, people: Sequence[int]) -> dict[int, PersonRow]:
    found: dict[int, PersonRow] = {}
    for start in range(0, len(people), 500):
        query = (
            select(col(SuccessorRow.person_id), PersonRow)
            .join(PersonRow, col(PersonRow.id) == col(SuccessorRow.successor_id))
            .where(col(SuccessorRow.person_id).in_(people[start : start + 500]), col(PersonRow.present))
        )
        found.update((number, row) for number, row in session.execute(query))
    return found


def _managers(session: Session, keys: Collection[str]) -> Mapping[str, list[PersonRow]]:
    found: dict[str, list[PersonRow]] = defaultdict(list)
    wanted = sorted(keys)
    for start in range(0, len(wanted), 500):
        query = select(PersonRow).where(col(PersonRow.key).in_(wanted[start : start + 500]), col(PersonRow.present))
        for row in session.scalars(query.order_by(col(PersonRow.id))):
            found[row.key].append(row)
    return found


def _accounts(session: Session, people: Collection[int], systems: Collection[str]) -> Mapping[int, dict[str, Account]]:
    """The one account in use of each person on each system; where somebody has several, a person has to choose."""
    several: dict[int, dict[str, list[Account]]] = defaultdict(lambda: defaultdict(list))
    wanted = sorted(people)
    for start in range(0, len(wanted) if systems else 0, 500):
        query = select(AccountRow).where(
            col(AccountRow.person_id).in_(wanted[start : start + 500]),
            col(AccountRow.system).in_(systems),
            col(AccountRow.link) == Link.CONFIRMED.value,
            col(AccountRow.state) == AccountState.ACTIVE.value,
            col(AccountRow.kind) == "person",
        )
        for row in session.scalars(query.order_by(col(AccountRow.id))):
            several[row.person_id or 0][row.system].append(account_of(row))
    return {
        person: {system: accounts[0] for system, accounts in places.items() if len(accounts) == 1}
        for person, places in several.items()
    }
