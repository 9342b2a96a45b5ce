"""Service and shared accounts of somebody who leaves: a new owner, or an end. The leaver's case waits for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import ownership, people, systems, transfers
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.tables import AccountRow, ActionRow, CaseRow, PersonRow, StepRow
from jmltui.domain.access import AccountState, Link
from jmltui.domain.case import CaseKind
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.person import NEVER, NOT_HUMAN, Person, PersonStatus, PersonType
from jmltui.domain.procedure import Do
from jmltui.domain.scope import Scope
from jmltui.errors import NotAllowed, UsageError

from . import links
from .scoped import open_scoped, person_of_account
from .workshop import Workshop


def give(workshop: Workshop, thing: str, to: str) -> str:
    """Name a new owner, by key, of a service or shared account; what was done in a sentence.

    `thing` is its key in a source, or its login. Raises UsageError and NotAllowed.
    """
    now = workshop.clock()
    with workshop.cache.write() as session:
        owner = who_stays(session, to)
        person = _thing(session, thing)
        if person is not None:
            if ownership.owner_of(session, person.id or 0) == owner.key:
                raise NotAllowed(f"{owner.name} ({owner.key}) owns {thing} already.")
            ownership.give(session, person, owner.key, workshop.actor, now)
            accounts = _accounts_of(session, person)
            _journal(workshop, session, person, f"gave {person.name} ({person.key}) to {owner.name} ({owner.key})")
            _settle(workshop, session, accounts, person, f"its owner is {owner.name} ({owner.key}) now")
            return f"{owner.name} ({owner.key}) owns {person.name} ({person.key}) now."
        account = _single(session, thing)
        former = session.get(PersonRow, account.person_id) if account.person_id else None
        system, login = account.system, account.login
    if former is not None:
        links.release(workshop, former.key, system, login)
    told = links.link(workshop, to, system, login)
    with workshop.cache.write() as session:
        _settle(workshop, session, [_single(session, thing)], None, f"its owner is {to} now")
    return told


def retire(workshop: Workshop, thing: str, reason: str) -> list[int]:
    """See to a case that switches the accounts of a service off; its number, or none where none is in use.

    The case of a leaver who owns it waits until that case is done: an account that is still on needs an owner. Raises
    UsageError and NotAllowed.
    """
    if len(reason.strip()) < 3:
        raise UsageError("Say why it is retired; the reason is kept in the journal.")
    with workshop.cache.write() as session:
        person = _thing(session, thing)
        accounts = _accounts_of(session, person) if person is not None else [_single(session, thing)]
        alive = [a for a in accounts if a.state not in (AccountState.DISABLED.value, AccountState.DELETED.value)]
        if person is not None:
            _journal(workshop, session, person, f"retires {person.name} ({person.key}): {reason}")
        if alive:
            return [_switching_off(workshop, session, alive, person, reason)]
        _settle(workshop, session, accounts, person, "it has no account in use any more")
        return []


def _switching_off(
    workshop: Workshop, session: Session, accounts: Sequence[AccountRow], thing: PersonRow | None, reason: str
) -> int:
    """The case that switches accounts off: the open one, or a new one. Leavers' cases say that they wait for it."""
    now, first = workshop.clock(), accounts[0]
    name = f"{thing.source}:{thing.key}" if thing is not None else f"{first.system}:{first.account_id}"
    scope = Scope(disable=tuple((a.system, a.account_id) for a in accounts), reason=f"retired: {reason}")
    number = _under_way(session, f"retire:{name}:", scope)
    if not number:
        mine = people.persons(session, [thing.id or 0]) if thing is not None else []
        who = mine[0] if mine else person_of_account(first.system, systems.account_of(first))
        event = {"retire": who.key, "reason": reason}
        key = f"retire:{name}:{now.isoformat()}"
        number = open_scoped(workshop, session, CaseKind.REVIEW, who, scope, event, key, now)
    for action in transfers.waiting(session, {(account.system, account.login) for account in accounts}):
        action.outcome = f"waits until case {number} has switched it off, or for a new owner"
        signal_change(session, now, "case", action.case_id)
    return number


def _under_way(session: Session, key: str, scope: Scope) -> int:
    """The open case whose event begins so and that switches off the same, or 0."""
    begun = select(CaseRow).where(col(CaseRow.live) == 1, col(CaseRow.event_key).startswith(key, autoescape=True))
    same = (case for case in session.scalars(begun) if Scope.from_json(json.loads(case.scope)).disable == scope.disable)
    return next((case.id or 0 for case in same), 0)


def still_owned(session: Session, case: CaseRow, step: StepRow, actions: Sequence[ActionRow]) -> list[str]:
    """What a leaver's step was to give away and that is theirs still, by login."""
    if step.do != Do.OWNED_REASSIGN.value:
        return []
    person = session.get(PersonRow, case.person_id)
    if person is None:
        return []
    owner = Person(id=person.id or 0, key=person.key, name=person.name)
    left = {(thing.system, thing.login) for thing in ownership.owned_by(session, [owner]).get(owner.id, [])}
    return [action.login for action in actions if (action.system, action.login) in left]


def who_stays(session: Session, key: str) -> PersonRow:
    """The person of this key, who is there and does not leave. Raises UsageError and NotAllowed."""
    row = session.scalars(select(PersonRow).where(col(PersonRow.key) == key, col(PersonRow.present))).first()
    if row is None:
        raise UsageError(f"No source names a person of number {key}.", hint="`jmltui` lists them: People, then `/`.")
    if not PersonType(row.type).is_human:
        raise NotAllowed(f"{row.name} ({key}) is itself a {row.type} account; name a person.")
    leaves = row.ends != "" and date.fromisoformat(row.ends) < NEVER
    if row.status == PersonStatus.LEFT.value or leaves:
        until = f"leaves on {row.ends}" if leaves else "has left"
        raise NotAllowed(f"{row.name} ({key}) {until}; name somebody who stays.")
    return row


def _thing(session: Session, name: str) -> PersonRow | None:
    """The service or shared person of this key, or whose account has this login."""
    mine = select(PersonRow).where(col(PersonRow.type).in_(NOT_HUMAN))
    row = session.scalars(mine.where(col(PersonRow.key) == name)).first()
    if row is not None:
        return row
    by_login = mine.join(AccountRow, col(AccountRow.person_id) == col(PersonRow.id))
    found = by_login.where(
        col(AccountRow.login_folded) == name.casefold(), col(AccountRow.link) == Link.CONFIRMED.value
    )
    return session.scalars(found).first()


def _single(session: Session, login: str) -> AccountRow:
    """A service or shared account that is no person of its own."""
    query = select(AccountRow).where(col(AccountRow.kind).in_(NOT_HUMAN))
    found = session.scalars(query.where(col(AccountRow.login_folded) == login.casefold())).all()
    if len(found) > 1:
        systems = ", ".join(row.system for row in found)
        raise NotAllowed(f"Several systems have a service account {login}: {systems}.", hint="Link each: jmltui link.")
    if not found:
        logins = session.scalars(select(col(AccountRow.login)).where(col(AccountRow.kind).in_(NOT_HUMAN)))
        raise UsageError(
            f"There is no service or shared account {login}.", hint=did_you_mean(login, logins.all(), kind="Accounts")
        )
    return found[0]


def _accounts_of(session: Session, person: PersonRow) -> Sequence[AccountRow]:
    query = select(AccountRow).where(
        col(AccountRow.person_id) == person.id, col(AccountRow.link) == Link.CONFIRMED.value
    )
    return session.scalars(query.order_by(col(AccountRow.id))).all()


def _journal(workshop: Workshop, session: Session, person: PersonRow, told: str) -> None:
    now = workshop.clock()
    append(session, now, Entry(workshop.actor, "owner.change", f"{workshop.actor} {told}", person_id=person.id))
    signal_change(session, now, "person", person.id)


def _settle(
    workshop: Workshop, session: Session, accounts: Sequence[AccountRow], thing: PersonRow | None, told: str
) -> None:
    """What live cases ask about these accounts, or about a thing that has none, is decided."""
    places = {(account.system, account.login) for account in accounts}
    places |= {(thing.source, thing.key)} if thing is not None else set()
    transfers.settle(session, places, f"{told}; decided by {workshop.actor}", workshop.clock())
