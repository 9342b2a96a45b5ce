"""Reading records for lists and single cases, as plain mappings."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from jmltui.domain.case import ActionState, CaseState

from . import cases, tickets
from .tables import ActionRow, ApprovalRow, BatchRow, CaseRow, JournalRow, LineRow


def pending_cases(session: Session, kind: str | None, text: str, limit: int) -> list[dict[str, Any]]:
    """Live cases by what is due next."""
    query = select(CaseRow).where(col(CaseRow.live) == 1)
    if kind:
        query = query.where(col(CaseRow.kind) == kind)
    for word in text.split():
        fields = (col(CaseRow.person_name), col(CaseRow.person_key), col(CaseRow.department))
        query = query.where(or_(*(field.icontains(word, autoescape=True) for field in fields)))
    rows = session.scalars(query.order_by(col(CaseRow.next_due), col(CaseRow.id)).limit(limit))
    return [{**row.model_dump(), "event": json.loads(row.event)} for row in rows]


def whole_case(session: Session, case_id: int) -> dict[str, Any]:
    """One case with its diff, steps, actions, approvals and journal. Raises NoSuchCase."""
    case = cases.case_row(session, case_id)
    rows = cases.actions_of(session, case_id)
    steps = []
    for step in cases.steps_of(session, case_id):
        mine = [row for row in rows if row.step_id == step.id]
        steps.append(
            {
                **step.model_dump(),
                "needs": json.loads(step.needs),
                "plan_hash": cases.plan_of(case, mine),
                "actions": [_action(row) for row in mine],
            }
        )
    lines = session.scalars(select(LineRow).where(col(LineRow.case_id) == case_id).order_by(col(LineRow.seq)))
    approvals = session.scalars(select(ApprovalRow).where(col(ApprovalRow.case_id) == case_id))
    journal = session.scalars(
        select(JournalRow).where(col(JournalRow.case_id) == case_id).order_by(col(JournalRow.seq))
    )
    return {
        **case.model_dump(),
        "event": json.loads(case.event),
        "diff": [{**line.model_dump(), "rules": json.loads(line.rules)} for line in lines],
        "steps": steps,
        "approvals_given": [row.model_dump() for row in approvals],
        "journal": [_entry(row) for row in journal],
        "ticket": tickets.shown(session, [case_id]).get(case_id),
    }


def _action(row: ActionRow) -> dict[str, Any]:
    found = row.model_dump()
    for name in ("wanted", "expects", "before", "after", "observed"):
        found[name] = json.loads(found[name])
    return found


def _entry(row: JournalRow) -> dict[str, Any]:
    return {
        "seq": row.seq,
        "at": row.at,
        "actor": row.actor,
        "action": row.action,
        "case": row.case_id,
        "system": row.system,
        "summary": row.summary,
    }


def journal_tail(session: Session, limit: int) -> list[dict[str, Any]]:
    """The newest entries, oldest of them first."""
    rows = session.scalars(select(JournalRow).order_by(col(JournalRow.seq).desc()).limit(limit)).all()
    return [_entry(row) for row in reversed(rows)]


def waiting_batches(session: Session) -> list[dict[str, Any]]:
    """Batches that wait for a person, each with the people in it."""
    found = []
    for batch in session.scalars(select(BatchRow).where(col(BatchRow.state) == "open").order_by(col(BatchRow.id))):
        rows = session.scalars(
            select(CaseRow)
            .where(col(CaseRow.batch_id) == batch.id, col(CaseRow.live) == 1)
            .order_by(col(CaseRow.person_name))
        )
        people = [{"case": r.id, "name": r.person_name, "key": r.person_key, "department": r.department} for r in rows]
        found.append({**batch.model_dump(), "people": people})
    return found


def unsettled(session: Session) -> dict[str, int]:
    """How many actions are in which state, of those that are not settled, in open cases."""
    settled = [state.value for state in ActionState if state.is_settled]
    query = (
        select(col(ActionRow.state), func.count())
        .join(CaseRow, col(CaseRow.id) == col(ActionRow.case_id))
        .where(col(ActionRow.state).not_in([*settled, ActionState.PLANNED.value]))
        .where(col(CaseRow.state) == CaseState.OPEN.value)
        .group_by(col(ActionRow.state))
    )
    return {state: int(count) for state, count in session.execute(query)}
