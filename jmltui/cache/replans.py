"""A case under way as it stands, and the changes that a new plan makes to it, as rows."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import CursorResult, delete, select, update
from sqlmodel import Session, col

from jmltui.domain.approval import from_json
from jmltui.domain.case import ActionEvent, ActionState, StepEvent, StepState
from jmltui.domain.danger import Danger
from jmltui.domain.operation import Cap, Proof
from jmltui.domain.plan import Plan, PlannedAction
from jmltui.domain.procedure import Do
from jmltui.domain.replan import AGAIN, Replan, StandingAction, StandingStep

from . import cases
from .plans import add_actions, add_step, describe, line_row, set_owner, set_targets
from .tables import AccountRow, ActionRow, CaseRow, HeldRow, LineRow, MetaRow, StepRow, SystemRow

DROPPED_BY = "the new plan"
OUTDATED: Final = "outdated cases"
"""The key of the fact that some case waits to be planned anew."""


def outdate(session: Session, people: Collection[int], *, besides: int = 0, planned_at: datetime | None = None) -> None:
    """Say that the plans of these people's live cases were made for another world: nothing of them begins before they
    are planned anew. `besides` is the number of a case that stays as it is; so do those opened at `planned_at`.
    """
    # Cases about accounts that are nobody's share the number 0 and have nothing to do with each other.
    numbers, found = sorted(number for number in people if number), 0
    for start in range(0, len(numbers), 500):
        query = (
            update(CaseRow)
            .where(col(CaseRow.person_id).in_(numbers[start : start + 500]), col(CaseRow.live) == 1)
            .where(col(CaseRow.id) != besides)
            .values(policy_hash="")
        )
        if planned_at is not None:
            query = query.where(col(CaseRow.opened_at) != planned_at)
        found += cast("CursorResult[Any]", session.execute(query)).rowcount
    if found:
        session.merge(MetaRow(key=OUTDATED, value="1"))


def outdated(session: Session, policy_hash: str) -> list[int]:
    """Live cases planned for another world or by another policy."""
    query = select(col(CaseRow.id)).where(col(CaseRow.live) == 1, col(CaseRow.policy_hash) != policy_hash)
    return [number for number in session.scalars(query.order_by(col(CaseRow.id))) if number is not None]


def any_outdated(session: Session) -> bool:
    """Whether somebody said so since this was last cleared; one row is looked at."""
    row = session.get(MetaRow, OUTDATED)
    return row is not None and row.value == "1"


def clear_outdated(session: Session) -> None:
    """Say that whoever was outdated is being planned anew."""
    session.merge(MetaRow(key=OUTDATED, value=""))


def access_of_pending(session: Session, system: str) -> dict[int, set[tuple[object, ...]]]:
    """What people with live cases hold on one system, to be compared before and after a listing."""
    query = (
        select(col(CaseRow.person_id), col(AccountRow.account_id), col(AccountRow.login), col(AccountRow.state))
        .add_columns(col(HeldRow.entitlement), col(HeldRow.direct))
        .join(AccountRow, col(AccountRow.person_id) == col(CaseRow.person_id))
        .outerjoin(HeldRow, col(HeldRow.account) == col(AccountRow.id))
        .where(col(CaseRow.live) == 1, col(AccountRow.system) == system)
    )
    found: dict[int, set[tuple[object, ...]]] = {}
    for person, *held in session.execute(query):
        found.setdefault(person, set()).add(tuple(held))
    return found


def standing(session: Session, case_id: int) -> list[StandingStep]:
    """The steps of a case and their actions as they stand."""
    actions = cases.actions_of(session, case_id)
    undone = {action.undo_of for action in actions if action.undo_of}
    listed = {row.name: row.last_good for row in session.scalars(select(SystemRow))}
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
                path=from_json(json.loads(step.approval_path)) if step.approval_path else None,
                actions=tuple(_standing_action(a, a.id in undone, listed.get(a.system)) for a in mine),
                dropped=step.done_by == DROPPED_BY,
                own=any(action.undo_of for action in mine),
            )
        )
    return found


def _standing_action(row: ActionRow, undone: bool, listed: datetime | None) -> StandingAction:
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
    fresh = listed is not None and row.settled_at is not None and row.settled_at >= listed
    return StandingAction(row.id or 0, planned, ActionState(row.state), row.attempts, undone, given_up, fresh)


def set_owners(session: Session, case: CaseRow, plan: Plan) -> None:
    """Let the case and its open steps be whose the procedure says, and be done by when it says."""
    set_targets(case, plan)
    templates = {planned.template.id: planned.template for planned in plan.steps}
    for step in cases.steps_of(session, case.id or 0):
        template = templates.get(step.key.partition(AGAIN)[0])
        if template is not None and not StepState(step.state).is_settled:
            set_owner(case, step, template, plan.procedure.working_time)


def move_due(session: Session, case: CaseRow, due: datetime, now: datetime) -> bool:
    """Let the work of a case begin at another instant, unless something of it was begun; whether it moved."""
    actions = cases.actions_of(session, case.id or 0)
    if due == case.due or any(action.attempts for action in actions):
        return False
    case.due = due
    for action in actions:
        if action.state == ActionState.READY.value:
            action.run_at = max(now, due)
    return True


def apply(session: Session, case: CaseRow, plan: Plan, change: Replan, now: datetime) -> None:
    """Make a case what the new plan says. What was approved as a part of the old plan has to be approved anew."""
    by_id = {action.id: action for action in cases.actions_of(session, case.id or 0)}
    steps = {step.key: step for step in cases.steps_of(session, case.id or 0)}
    case.plan_hash, case.policy_hash, case.version = plan.hash(), plan.policy_hash, case.version + 1
    working = plan.procedure.working_time
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
            step = add_step(session, case, written.key, last, written.planned, working)
        else:
            step = steps[written.key]
            describe(case, step, written.planned, working)
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
