"""Exceptions as rows: asked for, in force, ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.domain.exception import AccessException, ExceptionKind, ExceptionState

from .tables import ExceptionRow

STANDING = (ExceptionState.ASKED.value, ExceptionState.ACTIVE.value)


def standing_of(session: Session, person_ids: Iterable[int]) -> Mapping[int, list[AccessException]]:
    """What is asked for or in force, by person."""
    found: dict[int, list[AccessException]] = defaultdict(list)
    wanted = sorted(set(person_ids))
    for start in range(0, len(wanted), 500):
        query = select(ExceptionRow).where(
            col(ExceptionRow.person_id).in_(wanted[start : start + 500]), col(ExceptionRow.state).in_(STANDING)
        )
        for row in session.scalars(query.order_by(col(ExceptionRow.id))):
            found[row.person_id].append(exception_of(row))
    return found


def exception_of(row: ExceptionRow) -> AccessException:
    """The domain value of a row."""
    return AccessException(
        id=row.id or 0,
        kind=ExceptionKind(row.kind),
        person_id=row.person_id,
        subject=row.subject,
        reason=row.reason,
        requested_by=row.requested_by,
        approved_by=row.approved_by,
        state=ExceptionState(row.state),
        asked_at=row.asked_at,
        until=row.until,
        case_id=row.case_id,
        break_glass=row.break_glass,
    )
