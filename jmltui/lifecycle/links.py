"""Links between accounts and people that a person confirms: what an equal address or name can only propose."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.tables import AccountRow, PersonRow
from jmltui.domain.access import Link
from jmltui.domain.nearest import did_you_mean
from jmltui.errors import NotAllowed, UsageError

from .workshop import Workshop


def link(workshop: Workshop, person_key: str, system: str, login: str) -> str:
    """Confirm that an account belongs to a person; what was said before. Raises UsageError and NotAllowed.

    An account that is confirmed as another person's is not taken from them: it is released first.
    """
    now = workshop.clock()
    with workshop.cache.write() as session:
        person = _person(session, person_key)
        account = _account(session, workshop, system, login)
        if account.link == Link.CONFIRMED.value:
            owner = session.get(PersonRow, account.person_id)
            if account.person_id == person.id:
                return f"{login} on {system} was confirmed as the account of {person.name} already."
            name = f"{owner.name} ({owner.key})" if owner is not None else "somebody who is gone"
            raise NotAllowed(
                f"{login} on {system} is confirmed as the account of {name}.",
                hint=f"If that is wrong, first `jmltui link --release {owner.key if owner else '-'} {system} {login}`.",
            )
        account.person_id, account.link = person.id, Link.CONFIRMED.value
        summary = f"{workshop.actor} confirmed that {login} on {system} is the account of {person.name} ({person.key})"
        append(session, now, Entry(workshop.actor, "account.link", summary, person_id=person.id, system=system))
        signal_change(session, now, "person", person.id)
        return f"{login} on {system} is the account of {person.name} ({person.key}); the next plan counts it."


def release(workshop: Workshop, person_key: str, system: str, login: str) -> str:
    """Take a link away; the account belongs to nobody until somebody links it. Raises UsageError and NotAllowed."""
    now = workshop.clock()
    with workshop.cache.write() as session:
        person = _person(session, person_key)
        account = _account(session, workshop, system, login)
        if account.person_id != person.id:
            raise NotAllowed(f"{login} on {system} is not linked to {person.name} ({person.key}).")
        if account.external_id == person.key:
            raise NotAllowed(
                f"{system} itself says that {login} is the account of number {person.key}.",
                hint="Correct the number in that system; every sync would link it again.",
            )
        account.person_id, account.link = None, Link.ORPHANED.value
        summary = f"{workshop.actor} released {login} on {system} from {person.name} ({person.key})"
        append(session, now, Entry(workshop.actor, "account.release", summary, person_id=person.id, system=system))
        signal_change(session, now, "person", person.id)
        return f"{login} on {system} belongs to nobody now."


def _person(session: Session, key: str) -> PersonRow:
    found = session.scalars(select(PersonRow).where(col(PersonRow.key) == key)).all()
    if not found:
        raise UsageError(f"No source names a person of number {key}.", hint="`jmltui` lists them: People, then `/`.")
    if len(found) > 1:
        names = ", ".join(f"{row.name} ({row.source})" for row in found)
        raise NotAllowed(f"Several sources have a number {key}: {names}. Nothing was linked.")
    return found[0]


def _account(session: Session, workshop: Workshop, system: str, login: str) -> AccountRow:
    if system not in workshop.settings.systems:
        hint = did_you_mean(system, workshop.settings.systems, kind="Systems")
        raise UsageError(f"There is no system called {system} in the settings.", hint=hint)
    mine = select(AccountRow).where(col(AccountRow.system) == system)
    found = session.scalars(mine.where(col(AccountRow.login) == login)).first()
    if found is None:
        logins = session.scalars(select(col(AccountRow.login)).where(col(AccountRow.system) == system)).all()
        raise UsageError(f"{system} has no account {login}.", hint=did_you_mean(login, logins, kind="Accounts"))
    return found
