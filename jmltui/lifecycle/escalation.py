"""Steps that are late go to their fallback owner, once, and the journal says so."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlmodel import col

from jmltui.cache import cases
from jmltui.cache.journal import Entry, append
from jmltui.cache.tables import CaseRow, StepRow
from jmltui.domain.case import CaseState, StepState

from .workshop import Workshop

WAITING_FOR_SOMEBODY: Final = (StepState.READY, StepState.APPROVAL, StepState.ATTENTION, StepState.REFUSED)
AT_ONCE: Final = 200


def escalate(workshop: Workshop) -> int:
    """Ask the fallback owner of every step that is late and waits for a person; how many."""
    now = workshop.clock()
    late = (
        select(col(StepRow.id))
        .join(CaseRow, col(CaseRow.id) == col(StepRow.case_id))
        .where(col(CaseRow.live) == 1, col(CaseRow.state) == CaseState.OPEN.value)
        .where(col(StepRow.state).in_([state.value for state in WAITING_FOR_SOMEBODY]))
        .where(col(StepRow.target_at) < now, col(StepRow.escalated_at).is_(None))
        .where(col(StepRow.fallback_owner) != "", col(StepRow.fallback_owner) != col(StepRow.owner))
    )
    with workshop.cache.read() as session:
        numbers = session.scalars(late.order_by(col(StepRow.id))).all()
    found = 0
    for start in range(0, len(numbers), AT_ONCE):
        with workshop.cache.write() as session:
            some = session.scalars(late.where(col(StepRow.id).in_(numbers[start : start + AT_ONCE]))).all()
            for number in some:
                step = session.get(StepRow, number)
                if step is None:
                    continue
                case = cases.case_row(session, step.case_id)
                step.escalated_at, step.version = now, step.version + 1
                told = f"“{step.title}” for {case.person_name} is late: {step.fallback_owner} is asked now"
                facts = {"owner": step.owner, "target": step.target_at}
                append(session, now, Entry("jmltui", "step.escalate", told, case.id, case.person_id, facts=facts))
                cases.advance(session, step.case_id, now)
                found += 1
    return found
