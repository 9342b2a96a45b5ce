"""Batches that a guard holds: what counts against the guard, and which of them still wait."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from jmltui.domain.case import CaseKind, CaseState
from jmltui.domain.diff_kind import DiffKind

from .journal import signal_change
from .tables import BatchRow, CaseRow, LineRow

OPEN: Final = "open"
CONFIRMED: Final = "confirmed"
DISMISSED: Final = "dismissed"
EMPTY: Final = "empty"
BY_THE_CLOCK: Final = ("expiry:", "window:")
"""How the event keys of cases begin that take away what ends at its time, or by an edge of its window."""
_TAKING: Final = (CaseKind.MOVER.value, CaseKind.REVIEW.value, CaseKind.ORPHAN.value, CaseKind.EXPIRY.value)


def opened_since(session: Session, kind: CaseKind, since: datetime, source: str) -> int:
    """How many cases of a kind were opened for a source since an instant, by whatever way."""
    query = (
        select(func.count())
        .select_from(CaseRow)
        .where(col(CaseRow.kind) == kind.value, col(CaseRow.opened_at) >= since, col(CaseRow.source) == source)
    )
    return int(session.scalar(query) or 0)


def removals_since(session: Session, since: datetime) -> int:
    """How much the cases take away that were opened since an instant: by moves, reviews, findings, a changed policy.

    What ends at its time is no surprise and does not count; nor does what a leaver loses, who has a guard of their
    own, nor a case that was dropped before anything of it was done.
    """
    timed = or_(*(col(CaseRow.event_key).startswith(key, autoescape=True) for key in BY_THE_CLOCK))
    query = (
        select(func.count())
        .select_from(LineRow)
        .join(CaseRow, col(CaseRow.id) == col(LineRow.case_id))
        .where(col(LineRow.kind) == DiffKind.REMOVE.value, col(CaseRow.opened_at) >= since)
        .where(col(CaseRow.kind).in_(_TAKING), or_(col(CaseRow.kind) != CaseKind.EXPIRY.value, ~timed))
        .where(or_(col(CaseRow.state) != CaseState.CANCELLED.value, col(CaseRow.steps_done) > 0))
    )
    return int(session.scalar(query) or 0)


def end_when_empty(session: Session, case: CaseRow, now: datetime) -> None:
    """Let the batch of a case wait no longer once the last of its cases is closed."""
    if case.batch_id:
        session.flush()
        end_if_empty(session, case.batch_id, now)


def end_if_empty(session: Session, number: int, now: datetime) -> None:
    """Let a batch wait no longer where no case is left in it."""
    batch = session.get(BatchRow, number)
    if batch is None or batch.state != OPEN:
        return
    left = select(col(CaseRow.id)).where(col(CaseRow.batch_id) == number, col(CaseRow.live) == 1).limit(1)
    if session.scalars(left).first() is None:
        batch.state, batch.decided_at = EMPTY, now
        signal_change(session, now, "batch", number)
