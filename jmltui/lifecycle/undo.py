"""The way back of a step: the inverse of what it really changed, as a step of its own in the same case."""

from __future__ import annotations

import json

from sqlalchemy import func, select
from sqlmodel import Session, col

from jmltui.cache import cases
from jmltui.cache.journal import Entry, append
from jmltui.cache.plans import action_row
from jmltui.cache.tables import ActionRow, CaseRow, StepRow
from jmltui.domain.case import ActionState, CaseEvent, CaseKind, CaseState, StepState
from jmltui.domain.danger import grade
from jmltui.domain.operation import INVERSE, Cap, Proof
from jmltui.domain.plan import PlannedAction, plan_hash
from jmltui.domain.procedure import Do
from jmltui.errors import NotAllowed

from .workshop import Workshop

GIVING = frozenset({Cap.GRANT, Cap.ENABLE})


def undo(workshop: Workshop, case_id: int, key: str) -> str:
    """Plan the way back of a step that is done; the key of the new step.

    Giving a leaver access again needs another person's approval. Raises NotAllowed where nothing was changed or
    nothing can be taken back.
    """
    now = workshop.clock()
    with workshop.cache.write() as session:
        case = cases.case_row(session, case_id)
        step = cases.step_row(session, case_id, key)
        if step.state != StepState.DONE.value:
            raise NotAllowed(f"“{step.title}” is {step.state}; only a step that is done can be undone.")
        changed = [a for a in _confirmed(session, step) if _changed(a) and not _undone(session, a)]
        if not changed:
            raise NotAllowed(f"“{step.title}” changed nothing that is still to be taken back.")
        final = [a for a in changed if not a.inverse]
        if final:
            raise NotAllowed(
                f"{final[0].operation} of {final[0].login} on {final[0].system} cannot be taken back by jmltui.",
                hint="Put it right by hand and write a note.",
            )
        back = _step(session, case, step, changed)
        inverse = [_inverse(action) for action in reversed(changed)]
        plan = plan_hash(case.plan_hash, [planned.fingerprint() for planned in inverse])
        for seq, (planned, action) in enumerate(zip(inverse, reversed(changed), strict=True)):
            row = action_row(case, back, seq, planned, plan)
            row.undo_of = action.id
            session.add(row)
        if case.state == CaseState.DONE.value:
            cases.move_case(session, case, CaseEvent.REOPEN, now)
        case.run_through, case.requested_by = False, workshop.actor
        summary = f"{workshop.actor} planned the way back of “{step.title}” for {case.person_name}"
        append(session, now, Entry(workshop.actor, "step.undo", summary, case_id, case.person_id))
        session.flush()
        cases.advance(session, case_id, now)
        return back.key


def _confirmed(session: Session, step: StepRow) -> list[ActionRow]:
    query = select(ActionRow).where(
        col(ActionRow.step_id) == step.id, col(ActionRow.state) == ActionState.CONFIRMED.value
    )
    return list(session.scalars(query.order_by(col(ActionRow.seq))))


def _changed(action: ActionRow) -> bool:
    """Whether the system was different before: what was so already is not taken back."""
    before, after = json.loads(action.before), json.loads(action.after)
    if action.operation == Cap.CREATE.value:
        return bool(after.get("login"))
    return bool(before) and any(before.get(name) != value for name, value in after.items())


def _undone(session: Session, action: ActionRow) -> bool:
    return session.scalars(select(col(ActionRow.id)).where(col(ActionRow.undo_of) == action.id)).first() is not None


def _step(session: Session, case: CaseRow, step: StepRow, changed: list[ActionRow]) -> StepRow:
    last = session.scalar(select(func.max(col(StepRow.seq))).where(col(StepRow.case_id) == case.id)) or 0
    gives = any(INVERSE[Cap(a.operation)] in GIVING for a in changed)
    back = StepRow(
        case_id=case.id or 0,
        seq=last + 1,
        key=f"undo-{step.key}-{last + 1}",
        do=Do.GRANTS_ADD.value,
        title=f"Undo: {step.title}",
        state=StepState.WAITING.value,
        owner=step.owner,
        fallback_owner=step.fallback_owner,
        target_at=case.target_at,
        approval=gives and case.kind == CaseKind.LEAVER.value,
        danger=max(a.danger for a in changed),
        text=f"Takes back what “{step.title}” changed, from what was recorded before it.",
    )
    session.add(back)
    session.flush()
    return back


def _inverse(action: ActionRow) -> PlannedAction:
    """What takes an action back. A created account is disabled, never deleted, so its own way back is to enable it."""
    operation = Cap(action.inverse)
    return PlannedAction(
        system=action.system,
        operation=operation,
        account_id=action.account_id,
        login=action.login,
        entitlement_id=action.entitlement_id,
        target=action.target,
        reason=f"takes back: {action.operation}",
        expects={"login": action.login},
        proof=Proof(action.proof),
        danger=grade(operation),
        inverse=Cap.ENABLE if action.operation == Cap.CREATE.value else Cap(action.operation),
    )
