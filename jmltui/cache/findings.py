"""Findings as rows: read, counted, bound to the case or the exception that answers them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.finding import FindingKind, FindingState
from jmltui.errors import JmltuiError

from .exceptions import STANDING
from .governance_lists import LAST_SCAN
from .journal import Entry
from .tables import ExceptionRow, FindingRow, MetaRow


class NoSuchFinding(JmltuiError):
    """There is no finding of that number."""


def finding_row(session: Session, finding_id: int) -> FindingRow:
    """The finding. Raises NoSuchFinding."""
    row = session.get(FindingRow, finding_id)
    if row is None:
        raise NoSuchFinding(f"There is no finding {finding_id}.", hint="`jmltui findings` lists the open ones.")
    return row


def finding_of(session: Session, key: str) -> FindingRow | None:
    """The finding of this key."""
    return session.scalars(select(FindingRow).where(col(FindingRow.key) == key)).first()


def of_kind(session: Session, ids: Sequence[int], kind: FindingKind) -> frozenset[int]:
    """Those of these findings that are of one kind."""
    found: set[int] = set()
    for start in range(0, len(ids), 500):
        query = select(col(FindingRow.id)).where(col(FindingRow.kind) == kind.value)
        mine = session.scalars(query.where(col(FindingRow.id).in_(ids[start : start + 500])))
        found.update(number for number in mine if number is not None)
    return frozenset(found)


def facts_of(row: FindingRow) -> dict[str, Any]:
    """The facts of a finding."""
    found: dict[str, Any] = json.loads(row.facts)
    return found


def whole_finding(session: Session, finding_id: int) -> dict[str, Any]:
    """One finding with its facts, and what somebody asked or agreed to leave as it is. Raises NoSuchFinding."""
    row = finding_row(session, finding_id)
    accepted = standing_acceptance(session, row)
    return {
        **row.model_dump(),
        "facts": facts_of(row),
        "acceptance": None if accepted is None else accepted.model_dump(),
    }


def listed(session: Session, kind: str = "", *, all_of_them: bool = False, limit: int = 0) -> list[dict[str, Any]]:
    """Findings, the worst first: those that are open, or all that are not gone."""
    query = select(FindingRow)
    if all_of_them:
        query = query.where(col(FindingRow.state) != FindingState.GONE.value)
    else:
        query = query.where(col(FindingRow.state) == FindingState.OPEN.value)
    if kind:
        query = query.where(col(FindingRow.kind) == kind)
    query = query.order_by(col(FindingRow.danger).desc(), col(FindingRow.kind), col(FindingRow.id))
    rows = session.scalars(query.limit(limit) if limit else query)
    return [{**row.model_dump(), "facts": facts_of(row)} for row in rows]


def open_by_kind(session: Session) -> dict[str, int]:
    """How many findings of each kind are open."""
    query = select(col(FindingRow.kind), func.count()).where(col(FindingRow.state) == FindingState.OPEN.value)
    found = {kind: int(count) for kind, count in session.execute(query.group_by(col(FindingRow.kind)))}
    return {kind.value: found[kind.value] for kind in FindingKind if kind.value in found}


def standing_acceptance(session: Session, row: FindingRow) -> ExceptionRow | None:
    """What was asked or agreed for a finding, the newest that stands; of a conflict, that its rule may be broken."""
    mine = and_(col(ExceptionRow.kind) == ExceptionKind.FINDING.value, col(ExceptionRow.subject) == row.key)
    if row.kind == FindingKind.SEPARATION.value:
        breaks = and_(col(ExceptionRow.kind) == ExceptionKind.SEPARATION.value, col(ExceptionRow.subject) == row.rule)
        mine = or_(mine, and_(breaks, col(ExceptionRow.person_id) == row.person_id))
    query = select(ExceptionRow).where(mine, col(ExceptionRow.state).in_(STANDING))
    return session.scalars(query.order_by(col(ExceptionRow.id).desc())).first()


def note_scan(session: Session, now: datetime) -> None:
    """Remember that somebody looked."""
    session.merge(MetaRow(key=LAST_SCAN, value=now.isoformat()))


def end_acceptances(session: Session, now: datetime) -> Sequence[Entry]:
    """End what was asked or agreed for findings and is over; what the journal has to say of it."""
    query = select(ExceptionRow).where(
        col(ExceptionRow.kind) == ExceptionKind.FINDING.value,
        col(ExceptionRow.state).in_(STANDING),
        col(ExceptionRow.until) <= now,
    )
    entries = []
    for row in session.scalars(query.order_by(col(ExceptionRow.id))):
        was_in_force = row.state == ExceptionState.ACTIVE.value
        row.state, row.ended_at, row.version = ExceptionState.ENDED.value, now, row.version + 1
        told = "is over" if was_in_force else "was never decided, and its time is over"
        entries.append(
            Entry(
                "jmltui",
                "finding.accept.end",
                f"Exception {row.id} for the finding {row.subject} {told}",
                person_id=row.person_id or None,
            )
        )
    session.flush()
    return entries
