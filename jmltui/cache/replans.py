"""A case under way as it stands, and the changes that a new plan makes to it, as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlmodel import Session, col

from jmltui.domain.case import ActionEvent, ActionState, StepEvent, StepState
from jmltui.domain.danger import Danger
from jmltui.domain.operation import Cap, Proof
from jmltui.domain.plan import Plan, PlannedAction
from jmltui.domain.procedure import Do
from jmltui.domain.replan import Replan, StandingAction, StandingStep

from . import cases
from .plans import add_actions, add_step, describe, line_row
from .tables import ActionRow, CaseRow, LineRow, StepRow

DROPPED_BY = "the new plan"


def standing(session: Session, case_id: int) -> list[StandingStep]:
    """The steps of a case and their actions as they stand."""
    actions = cases.actions_of(session, case_id)
    undone = {action.undo_of for action in actions if action.undo_of}
    found = []
    for step in cases.steps_of(session, case_id):
        mine = [action for action in actions if action.step_id == step.id]
        found.append(
            StandingStep(
                key=step.key,
                state=StepState(step.state),
                do=Do(step.do),
                title=step.title,
                needs=tuple(json.loads(step.needs)),
                approval=step.approval,
                text=step.text,
                actions=tuple(_standing_action(action, action.id in undone) for action in mine),
                dropped=step.done_by == DROPPED_BY,
                own=any(action.undo_of for action in mine),
            )
        )
    return found


def _standing_action(row: ActionRow, undone: bool) -> StandingAction:
    planned = PlannedAction(
        system=row.system,
        operation=Cap(row.operation),
        account_id=row.account_id,
        login=row.login,
        entitlement_id=row.entitlement_id,
        target=row.target,
        reason=row.reason,
        wanted=json.loads(row.wanted),
        expects=json.loads(row.expects),
        proof=Proof(row.proof),
        danger=Danger(row.danger),
        inverse=Cap(row.inverse) if row.inverse else None,
        manual=row.manual,
        note=row.note,
    )
    given_up = row.error_kind == cases.GIVEN_UP
    return StandingAction(row.id or 0, planned, ActionState(row.state), row.attempts, undone, given_up)


def apply(session: Session, case: CaseRow, plan: Plan, change: Replan, now: datetime) -> None:
    """Make a case what the new plan says. What was approved as a part of the old plan has to be approved anew."""
    by_id = {action.id: action for action in cases.actions_of(session, case.id or 0)}
    steps = {step.key: step for step in cases.steps_of(session, case.id or 0)}
    case.plan_hash, case.policy_hash, case.version = plan.hash(), plan.policy_hash, case.version + 1
    _lines(session, case, plan, [a for a in by_id.values() if a.id not in change.drop | change.give_up])
    for number in change.give_up:
        cases.give_up(by_id[number], now)
    for number in change.drop:
        session.delete(by_id[number])
    for number in change.keep:
        by_id[number].plan_hash = case.plan_hash
    session.flush()
    last = max((step.seq for step in steps.values()), default=-1)
    for written in change.rounds:
        if written.new:
            last += 1
            step = add_step(session, case, written.key, last, written.planned)
        else:
            step = steps[written.key]
            describe(case, step, written.planned)
            cases.move_step(step, StepEvent.REPLAN, now)
            step.requested_by, step.started_at = "", None
        add_actions(session, case, step, written.planned, 0)
    for key in change.gone:
        _drop(steps[key], now)
    session.flush()
    _ask_again(session, case, now)


def _lines(session: Session, case: CaseRow, plan: Plan, kept: Sequence[ActionRow]) -> None:
    """The new diff, and below it the old lines that an action of this case was begun for."""
    old = session.scalars(select(LineRow).where(col(LineRow.case_id) == case.id).order_by(col(LineRow.seq))).all()
    begun = {_line_key(a.system, a.operation, a.login, a.target) for a in kept if a.attempts or a.settled_at}
    new = [line_row(case, seq, line) for seq, line in enumerate(plan.lines)]
    left = begun - {_line_key(row.system, row.operation, row.login, row.target) for row in new}
    done = [row for row in old if _line_key(row.system, row.operation, row.login, row.target) in left]
    copies = [row.model_dump(exclude={"id", "seq"}) for row in done]
    session.execute(delete(LineRow).where(col(LineRow.case_id) == case.id))
    session.add_all(new)
    session.add_all(LineRow(**copy, seq=len(new) + number) for number, copy in enumerate(copies))


def _line_key(system: str, operation: str, login: str, target: str) -> tuple[str, str, str, str]:
    return system, operation, login.casefold(), target


def _drop(step: StepRow, now: datetime) -> None:
    if step.state == StepState.QUEUED.value:
        cases.move_step(step, StepEvent.STOP, now)
    cases.move_step(step, StepEvent.SKIP, now, DROPPED_BY)
    step.note = "the new plan has no such step"


def _ask_again(session: Session, case: CaseRow, now: datetime) -> None:
    """Steps that were approved for the old plan wait for an approval again, unless they were under way."""
    actions = cases.actions_of(session, case.id or 0)
    for step in cases.steps_of(session, case.id or 0):
        mine = [action for action in actions if action.step_id == step.id]
        waiting = step.state in (StepState.READY.value, StepState.QUEUED.value)
        if not (step.approval and waiting) or cases.is_approved(session, step, cases.plan_of(case, mine)):
            continue
        for action in mine:
            if action.state == ActionState.READY.value:
                cases.move_action(action, ActionEvent.WITHDRAW, now)
        cases.move_step(step, StepEvent.VOID, now)
