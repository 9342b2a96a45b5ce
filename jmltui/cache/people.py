"""The mirror of the sources: who the feeds say there is, and which accounts are theirs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Select, delete, func, insert, select, update
from sqlmodel import Session, col

from jmltui.domain.access import Link
from jmltui.domain.names import fold
from jmltui.domain.person import Person, PersonStatus, PersonType

from .tables import AccountRow, PersonRow, QuarantineRow, SourceRow


@dataclass(frozen=True, slots=True)
class PeopleChange:
    """What a feed changed. `missing` are people whom the feed does not hold, with how many feeds in a row."""

    added: tuple[Person, ...]
    changed: tuple[tuple[Person, Person], ...]
    returned: tuple[tuple[Person, Person], ...]
    missing: tuple[tuple[Person, int], ...]
    unchanged: int


def known_keys(session: Session, source: str) -> set[str]:
    """The keys that the last accepted feed of a source held."""
    query = select(col(PersonRow.key)).where(col(PersonRow.source) == source, col(PersonRow.present))
    return set(session.scalars(query))


def replace_people(
    session: Session,
    source: str,
    people: Sequence[Person],
    at: datetime,
    absent: Mapping[str, int] | None = None,
    *,
    counts: bool = True,
) -> PeopleChange:
    """Bring the mirror of one source to what an accepted feed says, and tell the difference.

    `absent` tells for how many feeds in a row each of the others is missing, where it is not one more than before; who
    is not in it is missing once more only where `counts`.
    """
    query = select(PersonRow).where(col(PersonRow.source) == source)
    change, rows = _restated(session, query, source, people, at)
    present = {person.key for person in people}
    news = []
    for row in (row for key, row in rows.items() if key not in present):
        # Never more than one at a time: what is opened at a count must not be jumped over.
        more = row.missing_feeds + 1
        feeds = min(more, (absent or {}).get(row.key, more if counts else row.missing_feeds))
        if row.present or feeds != row.missing_feeds:
            row.present, row.missing_feeds = False, feeds
            news.append(row)
    session.flush()
    return replace(change, missing=tuple((_person(row), row.missing_feeds) for row in news))


def restate(session: Session, source: str, people: Sequence[Person], at: datetime) -> PeopleChange:
    """Bring some people of a source to what is stated of them now; the others stay as they are."""
    query = select(PersonRow).where(col(PersonRow.source) == source, col(PersonRow.key).in_([p.key for p in people]))
    return _restated(session, query, source, people, at)[0]


def _restated(
    session: Session, query: Select[Any], source: str, people: Sequence[Person], at: datetime
) -> tuple[PeopleChange, Mapping[str, PersonRow]]:
    """Write the people; the change without who is missing, and the rows that were there before by key."""
    before = {row.key: row for row in session.scalars(query)}
    added: list[dict[str, object]] = []
    changed: list[tuple[Person, Person]] = []
    returned: list[tuple[Person, Person]] = []
    unchanged = 0
    for person in people:
        values = _values(source, person, at)
        row = before.get(person.key)
        if row is None:
            added.append({**values, "first_seen": at})
            continue
        was_present, was_digest, old = row.present, row.digest, _person(row)
        if was_digest != values["digest"] or not was_present or row.missing_feeds:
            for name, value in values.items():
                setattr(row, name, value)
        pair = (old, _person(row))
        if not was_present:
            returned.append(pair)
        elif was_digest != values["digest"]:
            changed.append(pair)
        else:
            unchanged += 1
    session.flush()
    if added:
        session.execute(insert(PersonRow), added)
    keys = {str(values["key"]) for values in added}
    new = [_person(row) for row in session.scalars(query) if row.key in keys] if keys else []
    return PeopleChange(tuple(new), tuple(changed), tuple(returned), (), unchanged), before


def persons(session: Session, ids: Iterable[int] | None = None) -> list[Person]:
    """People by row number, or all that are present."""
    query = select(PersonRow).order_by(col(PersonRow.id))
    wanted = None if ids is None else sorted(set(ids))
    if wanted is None:
        return [_person(row) for row in session.scalars(query.where(col(PersonRow.present)))]
    found = []
    for at in range(0, len(wanted), 500):
        part = query.where(col(PersonRow.id).in_(wanted[at : at + 500]))
        found += [_person(row) for row in session.scalars(part)]
    return found


def person_by_key(session: Session, key: str) -> Person | None:
    """The person with this key in any source; the first one if several sources use it."""
    row = session.scalars(select(PersonRow).where(col(PersonRow.key) == key).order_by(col(PersonRow.id))).first()
    return None if row is None else _person(row)


def correlate(session: Session, system: str) -> int:
    """Link accounts to people by the HR key alone; equal logins or addresses only propose. Returns new links.

    An account that somebody linked or refused by hand is left as it is.
    """
    keys = select(col(PersonRow.key), func.max(col(PersonRow.id)).label("person")).group_by(col(PersonRow.key))
    known = keys.subquery("known")
    mine = update(AccountRow).where(col(AccountRow.system) == system)
    linked = session.execute(
        mine.where(col(AccountRow.link) != Link.CONFIRMED.value, col(AccountRow.external_id) == known.c.key)
        .values(person_id=known.c.person, link=Link.CONFIRMED.value)
        .execution_options(synchronize_session=False)
    )
    _propose(session, system)
    return int(cast("CursorResult[Any]", linked).rowcount)


def _propose(session: Session, system: str) -> None:
    """Propose the owner of an address as the owner of an orphaned account that has it."""
    query = select(col(PersonRow.email), col(PersonRow.id)).where(col(PersonRow.email) != "")
    mails = {mail.casefold(): person for mail, person in session.execute(query.order_by(col(PersonRow.id)))}
    if not mails:
        return
    orphans = select(col(AccountRow.id), col(AccountRow.emails)).where(
        col(AccountRow.system) == system,
        col(AccountRow.link) == Link.ORPHANED.value,
        col(AccountRow.emails) != "[]",
    )
    found = []
    for account, emails in session.execute(orphans):
        guess = next((mails[mail.casefold()] for mail in json.loads(emails) if mail.casefold() in mails), None)
        if guess is not None:
            found.append({"id": account, "person_id": guess, "link": Link.PROPOSED.value})
    if found:
        session.execute(update(AccountRow), found)


def quarantine(session: Session, source: str, bad: Sequence[tuple[int, str, str]], at: datetime) -> None:
    """Replace the quarantined rows of a source by (line, reason, raw)."""
    session.execute(delete(QuarantineRow).where(col(QuarantineRow.source) == source))
    if bad:
        rows = [{"source": source, "line": n, "reason": why, "raw": raw, "at": at} for n, why, raw in bad]
        session.execute(insert(QuarantineRow), rows)


def source_state(session: Session, name: str, **facts: object) -> None:
    """Record how a source stands."""
    row = session.get(SourceRow, name) or SourceRow(name=name)
    for key, value in facts.items():
        setattr(row, key, value)
    session.add(row)


def unlink(session: Session, account: int) -> None:
    """Take a link away; the account is orphaned until somebody links it."""
    session.execute(
        update(AccountRow).where(col(AccountRow.id) == account).values(person_id=None, link=Link.ORPHANED.value)
    )


def _values(source: str, person: Person, at: datetime) -> dict[str, object]:
    stated: dict[str, object] = {
        "source": source,
        "key": person.key,
        "name": person.name,
        "sort_name": fold(person.name),
        "type": person.type.value,
        "status": person.status.value,
        "email": person.email,
        "department": person.department,
        "title": person.title,
        "location": person.location,
        "manager": person.manager,
        "sponsor": person.sponsor,
        "owner": person.owner,
        "zone": person.zone,
        "starts": person.starts.isoformat() if person.starts else "",
        "ends": person.ends.isoformat() if person.ends else "",
        "urgent": person.urgent,
        "reason": person.reason,
        "attributes": json.dumps(dict(person.attributes), sort_keys=True),
    }
    digest = hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()
    return {**stated, "digest": digest, "row_ref": person.row, "present": True, "missing_feeds": 0, "read_at": at}


def _person(row: PersonRow) -> Person:
    attributes: Mapping[str, str] = json.loads(row.attributes)
    return Person(
        id=row.id or 0,
        source=row.source,
        key=row.key,
        name=row.name,
        type=PersonType(row.type),
        status=PersonStatus(row.status),
        email=row.email,
        department=row.department,
        title=row.title,
        location=row.location,
        manager=row.manager,
        sponsor=row.sponsor,
        owner=row.owner,
        zone=row.zone,
        starts=date.fromisoformat(row.starts) if row.starts else None,
        ends=date.fromisoformat(row.ends) if row.ends else None,
        urgent=row.urgent,
        reason=row.reason,
        attributes=attributes,
        row=row.row_ref,
    )
