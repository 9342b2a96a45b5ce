"""What each of several sources states of the same people, before it is merged: one row per source and key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlmodel import Session, col

from jmltui.domain.person import Person, PersonStatus, PersonType

from .replans import outdate
from .tables import AccountRow, CaseRow, ExceptionRow, FindingRow, OwnershipRow, PersonRow, ReviewItemRow, StatementRow

FOLLOWING = (AccountRow, CaseRow, ExceptionRow, FindingRow, OwnershipRow, ReviewItemRow)
"""What belongs to a person and follows them; the journal keeps what it said."""


def replace_statements(session: Session, source: str, people: Sequence[Person], at: datetime) -> None:
    """Bring what one source states to what its accepted feed says."""
    query = select(StatementRow).where(col(StatementRow.source) == source)
    before = {row.key: row for row in session.scalars(query)}
    added: list[dict[str, object]] = []
    for person in people:
        values = _values(source, person, at)
        row = before.pop(person.key, None)
        if row is None:
            added.append(values)
        elif row.digest != values["digest"] or not row.present or row.missing_feeds:
            for name, value in values.items():
                setattr(row, name, value)
    for row in before.values():
        row.present, row.missing_feeds = False, row.missing_feeds + 1
    session.flush()
    if added:
        session.execute(insert(StatementRow), added)


def known_keys(session: Session, source: str) -> set[str]:
    """The keys that the last accepted feed of a source held."""
    query = select(col(StatementRow.key)).where(col(StatementRow.source) == source, col(StatementRow.present))
    return set(session.scalars(query))


def sources_read(session: Session, sources: Sequence[str]) -> set[str]:
    """The sources of whom something is stated."""
    query = select(col(StatementRow.source)).where(col(StatementRow.source).in_(sources)).distinct()
    return set(session.scalars(query))


def stated(
    session: Session, sources: Sequence[str], keys: Sequence[str] | None = None
) -> Iterator[tuple[str, Mapping[str, Person], Mapping[str, int]]]:
    """Key after key: what the sources that have it state now, and for how many feeds the others lack it."""
    wanted: list[ColumnElement[bool]] = [col(StatementRow.source).in_(sources)]
    if keys is not None:
        wanted.append(col(StatementRow.key).in_(keys))
    rows = session.scalars(select(StatementRow).where(*wanted).order_by(col(StatementRow.key)))
    for key, group in groupby(rows, lambda row: row.key):
        each = list(group)
        here = {row.source: _person(row) for row in each if row.present}
        yield key, here, {row.source: row.missing_feeds for row in each if not row.present}


def near_an_edge(session: Session, sources: Sequence[str], first: date, last: date) -> list[str]:
    """Keys that several of the sources state now and where one of them begins or ends within some days."""
    several = (
        select(col(StatementRow.key))
        .where(col(StatementRow.source).in_(sources), col(StatementRow.present))
        .group_by(col(StatementRow.key))
        .having(func.count() > 1)
    )
    days = [column.between(first.isoformat(), last.isoformat())
            for column in (col(StatementRow.starts), col(StatementRow.ends))]  # fmt: skip
    query = select(col(StatementRow.key)).where(
        col(StatementRow.source).in_(sources), or_(*days), col(StatementRow.key).in_(several)
    )
    return sorted(set(session.scalars(query)))


def adopt(session: Session, name: str, others: Sequence[str]) -> list[str]:
    """Make people who had a source of their own people of the merged source `name`.

    Where both have the key, what belongs to the one follows to the other. The keys where that cannot be, because a case
    is open for both: they stay apart until one of the cases is over.
    """
    apart = []
    mine = {row.key: row for row in session.scalars(select(PersonRow).where(col(PersonRow.source) == name))}
    for row in session.scalars(select(PersonRow).where(col(PersonRow.source).in_(others))):
        heir = mine.get(row.key)
        if heir is None:
            row.source, row.digest = name, ""
            mine[row.key] = row
        elif _live_cases(session, row) and _live_cases(session, heir):
            apart.append(row.key)
        else:
            _follow(session, row, heir, name)
    session.flush()
    return apart


def _live_cases(session: Session, row: PersonRow) -> bool:
    query = select(col(CaseRow.id)).where(col(CaseRow.person_id) == row.id, col(CaseRow.live) == 1)
    return session.scalars(query.limit(1)).first() is not None


def _follow(session: Session, row: PersonRow, heir: PersonRow, name: str) -> None:
    """Give what belongs to one row to the other. The empty row stays: its number must never be somebody else's."""
    heir_owns = session.get(OwnershipRow, heir.id) is not None
    for table in FOLLOWING:
        if table is OwnershipRow and heir_owns:
            session.execute(delete(OwnershipRow).where(col(OwnershipRow.person_id) == row.id))
            continue
        number = col(table.person_id)
        session.execute(
            update(table).where(number == row.id).values(person_id=heir.id).execution_options(synchronize_session=False)
        )
    row.key, row.source = f"{row.key} ({row.source})", f"{name} (merged)"
    row.present, row.email, row.ends = False, "", ""
    outdate(session, [heir.id or 0])


def _values(source: str, person: Person, at: datetime) -> dict[str, object]:
    facts = {
        "name": person.name,
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
        "urgent": person.urgent,
        "reason": person.reason,
        "attributes": dict(person.attributes),
    }
    starts, ends = (day.isoformat() if day else "" for day in (person.starts, person.ends))
    text = json.dumps(facts, sort_keys=True)
    digest = hashlib.sha256(f"{starts} {ends} {text}".encode()).hexdigest()
    return {
        "source": source, "key": person.key, "facts": text, "starts": starts, "ends": ends, "digest": digest,
        "row_ref": person.row, "present": True, "missing_feeds": 0, "read_at": at,
    }  # fmt: skip


def _person(row: StatementRow) -> Person:
    facts = json.loads(row.facts)
    facts["type"], facts["status"] = PersonType(facts["type"]), PersonStatus(facts["status"])
    starts, ends = (date.fromisoformat(day) if day else None for day in (row.starts, row.ends))
    return Person(key=row.key, source=row.source, row=row.row_ref, starts=starts, ends=ends, **facts)
