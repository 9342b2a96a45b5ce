"""Exceptions as rows: asked for, in force, ended."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.domain.case import StepState
from jmltui.domain.exception import AccessException, ExceptionKind, ExceptionState
from jmltui.domain.scope import Scope
from jmltui.errors import UsageError

from .approvals import same_person
from .journal import Entry, append, signal_change
from .tables import ApprovalRow, CaseRow, ExceptionRow, PersonRow, StepRow

STANDING: Final = (ExceptionState.ASKED.value, ExceptionState.ACTIVE.value)
_BEYOND_APPROVAL: Final = frozenset(
    {StepState.READY, StepState.QUEUED, StepState.RUNNING, StepState.ATTENTION, StepState.DONE}
)


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


def exception_row(session: Session, number: int) -> ExceptionRow:
    """The exception of a number. Raises UsageError."""
    row = session.get(ExceptionRow, number)
    if row is None:
        raise UsageError(f"There is no exception {number}.", hint="`jmltui request list` names them.")
    return row


def listed(session: Session, person_id: int | None = None, *, ended: bool = False) -> list[tuple[ExceptionRow, str]]:
    """Exceptions of one person or of everybody with the person's key, the newest first; those that stand, or all."""
    query = select(ExceptionRow, col(PersonRow.key)).outerjoin(
        PersonRow, col(PersonRow.id) == col(ExceptionRow.person_id)
    )
    if person_id is not None:
        query = query.where(col(ExceptionRow.person_id) == person_id)
    if not ended:
        query = query.where(col(ExceptionRow.state).in_(STANDING))
    return [(row, key or "") for row, key in session.execute(query.order_by(col(ExceptionRow.id).desc()))]


def in_scope(session: Session, case: CaseRow) -> list[ExceptionRow]:
    """The exceptions that a case is about."""
    rows = (session.get(ExceptionRow, number) for number in Scope.from_json(json.loads(case.scope)).exceptions)
    return [row for row in rows if row is not None]


def agree(
    session: Session, case: CaseRow, steps: Sequence[StepRow], is_approved: Callable[[StepRow], bool], now: datetime
) -> bool:
    """Put in force what a case asked for once each of its approvals was given; whether anything was.

    What nobody had to approve is put in force by whoever asked for it, and what was skipped was not approved.
    """
    asking = [step for step in steps if step.approval]
    rows = [row for row in in_scope(session, case) if row.state == ExceptionState.ASKED.value]
    if not asking or not rows or not all(_is_over(step, is_approved) for step in asking):
        return False
    who = _who_agreed(session, case, asking)
    if not who:
        return False
    for row in rows:
        put_in_force(session, row, ", ".join(who), now)
    return True


def _is_over(step: StepRow, is_approved: Callable[[StepRow], bool]) -> bool:
    state = StepState(step.state)
    return state in _BEYOND_APPROVAL or (state is StepState.WAITING and is_approved(step))


def _who_agreed(session: Session, case: CaseRow, asking: Sequence[StepRow]) -> list[str]:
    since = {step.id: step.asked_at for step in asking}
    query = select(ApprovalRow).where(col(ApprovalRow.case_id) == case.id, col(ApprovalRow.decision) == "approve")
    rows = session.scalars(query.order_by(col(ApprovalRow.at), col(ApprovalRow.id))).all()
    counted = [row for row in rows if (asked := since.get(row.step_id)) is not None and row.at >= asked]
    return list(dict.fromkeys(row.approver for row in counted))


def put_in_force(session: Session, row: ExceptionRow, by: str, now: datetime) -> None:
    """Let an exception count from now on; `by` are those who agreed, "" where nobody had to."""
    row.state, row.approved_by, row.starts, row.version = ExceptionState.ACTIVE.value, by, now, row.version + 1
    if row.seconds:
        row.until = now + timedelta(seconds=row.seconds)
    summary = f"exception {row.id} ({row.kind} {row.subject}) is in force{until_of(row)}"
    facts = {"exception": row.id, "approved_by": by}
    append(
        session, now, Entry(by or row.requested_by, "exception.begin", summary, row.case_id, row.person_id, "", facts)
    )
    signal_change(session, now, "exception", row.id)


def count_from(session: Session, case: CaseRow, now: datetime) -> str:
    """Count the time of what a case asked for from now, when it is granted; the sentence that its step shows."""
    told = []
    for row in in_scope(session, case):
        if row.state != ExceptionState.ACTIVE.value:
            continue
        if row.seconds:
            row.until, row.version = now + timedelta(seconds=row.seconds), row.version + 1
            signal_change(session, now, "exception", row.id)
        told.append(f"{row.subject}{until_of(row)}")
    return "; ".join(told) or "nothing ends by itself"


def until_of(row: ExceptionRow) -> str:
    """How long it holds, as the end of a sentence."""
    return f" until {row.until:%Y-%m-%d %H:%M} UTC" if row.until is not None else " until somebody ends it"


def close(session: Session, row: ExceptionRow, state: ExceptionState, now: datetime) -> None:
    """End an exception, or refuse it."""
    row.state, row.ended_at, row.version = state.value, now, row.version + 1
    signal_change(session, now, "exception", row.id)


def end_unanswered(session: Session, case: CaseRow, now: datetime) -> None:
    """A case that closes leaves nothing behind that it still asks for."""
    for row in in_scope(session, case):
        if row.state == ExceptionState.ASKED.value:
            close(session, row, ExceptionState.ENDED, now)


def reached(session: Session, now: datetime) -> list[int]:
    """The numbers of standing exceptions whose end has come, the earliest first."""
    query = select(col(ExceptionRow.id)).where(col(ExceptionRow.state).in_(STANDING), col(ExceptionRow.until) <= now)
    found = session.scalars(query.order_by(col(ExceptionRow.until), col(ExceptionRow.id)))
    return [number for number in found if number is not None]


def next_end(session: Session) -> datetime | None:
    """When something that is asked for or in force ends next; None where nothing ends by itself."""
    query = select(col(ExceptionRow.until)).where(
        col(ExceptionRow.state).in_(STANDING), col(ExceptionRow.until).is_not(None)
    )
    return session.scalars(query.order_by(col(ExceptionRow.until)).limit(1)).first()


def standing(session: Session) -> Sequence[ExceptionRow]:
    """Every exception that is asked for or in force."""
    query = select(ExceptionRow).where(col(ExceptionRow.state).in_(STANDING))
    return session.scalars(query.order_by(col(ExceptionRow.id))).all()


def unreviewed(session: Session, login: str) -> ExceptionRow | None:
    """An access that this person took in an emergency, under whatever login, and that nobody has looked at yet."""
    query = select(ExceptionRow).where(col(ExceptionRow.break_glass), col(ExceptionRow.reviewed_by) == "")
    rows = session.scalars(query.order_by(col(ExceptionRow.id)))
    return next((row for row in rows if same_person(session, row.requested_by, login)), None)


def people_with_access(session: Session) -> frozenset[int]:
    """The row numbers of everybody who has, or asked for, something by an exception."""
    query = select(col(ExceptionRow.person_id)).where(
        col(ExceptionRow.state).in_(STANDING), col(ExceptionRow.kind) == ExceptionKind.ACCESS.value
    )
    return frozenset(session.scalars(query.distinct()))


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
        outside_policy=row.outside_policy,
        system=row.system,
        target=row.target,
    )
