"""Cases and their steps: opening, reading, moving on; each change of state goes through the domain's machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from jmltui.domain.case import (
    STEP_MOVES,
    ActionEvent,
    ActionState,
    CaseEvent,
    CaseKind,
    CaseState,
    StepEvent,
    StepState,
    action_after,
    case_after,
    step_after,
)
from jmltui.domain.person import Person
from jmltui.domain.plan import Plan
from jmltui.domain.procedure import Do
from jmltui.domain.scope import Scope
from jmltui.errors import JmltuiError, StaleWrite

from . import approvals, batches, exceptions, tickets
from .journal import Entry, append, signal_change
from .plans import set_targets, write_plan
from .tables import ActionRow, CaseRow, StepRow

GIVEN_UP: Final = "Replanned"
"""The error kind of an action that a later plan no longer asks for."""
BY_ITSELF: Final = "jmltui"
EVERYTHING: Final = Scope()
PLAN_CHANGED: Final = "the plan changed after it was approved"


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case to open, with its plan."""

    kind: CaseKind
    person: Person
    plan: Plan
    event_key: str
    event: Mapping[str, object]
    state: CaseState
    due: datetime
    batch_id: int | None = None
    absent: bool = False
    held_reason: str = ""
    scope: Scope = EVERYTHING


class NoSuchCase(JmltuiError):
    """There is no case, step or batch of that number."""


def has_event(session: Session, event_key: str) -> bool:
    """Whether a case was opened for this very event already."""
    return session.scalars(select(col(CaseRow.id)).where(col(CaseRow.event_key) == event_key)).first() is not None


def live_cases_of(session: Session, person_id: int) -> Sequence[CaseRow]:
    """The open case of a person; two where a leaver case waits for its day beside the case of a move."""
    query = select(CaseRow).where(col(CaseRow.person_id) == person_id, col(CaseRow.live) == 1)
    return session.scalars(query.order_by(col(CaseRow.id))).all()


def overtaken(session: Session, now: datetime) -> Sequence[CaseRow]:
    """Open cases of people whose leaver case, opened for a later day, has come to its day."""
    leaver = aliased(CaseRow)
    query = select(CaseRow).join(leaver, col(leaver.person_id) == col(CaseRow.person_id))
    return session.scalars(
        query.where(col(CaseRow.live) == 1, col(CaseRow.kind) != CaseKind.LEAVER.value)
        .where(col(leaver.live) == 1, col(leaver.kind) == CaseKind.LEAVER.value)
        .where(col(leaver.state) == CaseState.OPEN.value, col(leaver.due) <= now)
    ).all()


def open_case(session: Session, new: NewCase, actor: str, now: datetime) -> int:
    """Insert a case with its checklist, diff and actions, and bring it to its first state."""
    plan, person = new.plan, new.person
    row = CaseRow(
        kind=new.kind.value,
        state=new.state.value,
        live=1,
        person_id=person.id,
        person_name=person.name,
        person_key=person.key,
        department=person.department,
        source=person.source,
        event=json.dumps(dict(new.event), default=str),
        event_key=new.event_key,
        batch_id=new.batch_id,
        absent=new.absent,
        due=new.due,
        target_at=new.due,
        next_due=new.due,
        opened_at=now,
        opened_by=actor,
        owner=plan.procedure.owner,
        fallback_owner=plan.procedure.fallback_owner,
        policy_hash=plan.policy_hash,
        held_reason=new.held_reason,
        scope=json.dumps(new.scope.as_json()),
    )
    set_targets(row, plan)
    session.add(row)
    session.flush()
    case_id = row.id or 0
    write_plan(session, row, plan)
    summary = f"{new.kind.value} case opened for {person.name} ({person.key})"
    append(session, now, Entry(actor, "case.open", summary, case_id, person.id, facts={"event": dict(new.event)}))
    advance(session, case_id, now)
    return case_id


def case_row(session: Session, case_id: int) -> CaseRow:
    """The case. Raises NoSuchCase."""
    row = session.get(CaseRow, case_id)
    if row is None:
        raise NoSuchCase(f"There is no case {case_id}.", hint="`jmltui cases` lists the pending ones.")
    return row


def step_row(session: Session, case_id: int, key: str) -> StepRow:
    """A step by its key. Raises NoSuchCase."""
    query = select(StepRow).where(col(StepRow.case_id) == case_id, col(StepRow.key) == key)
    row = session.scalars(query).first()
    if row is None:
        known = session.scalars(select(col(StepRow.key)).where(col(StepRow.case_id) == case_id))
        raise NoSuchCase(f"Case {case_id} has no step “{key}”.", hint=f"Its steps: {', '.join(known)}.")
    return row


def steps_of(session: Session, case_id: int) -> Sequence[StepRow]:
    """The checklist in its order."""
    return session.scalars(select(StepRow).where(col(StepRow.case_id) == case_id).order_by(col(StepRow.seq))).all()


def actions_of(session: Session, case_id: int) -> Sequence[ActionRow]:
    """All actions of a case in the order of its steps."""
    query = select(ActionRow).where(col(ActionRow.case_id) == case_id)
    return session.scalars(query.order_by(col(ActionRow.step_id), col(ActionRow.seq))).all()


def move_case(session: Session, case: CaseRow, event: CaseEvent, now: datetime) -> None:
    """Move a case along its machine. Raises IllegalMove."""
    state = case_after(CaseState(case.state), event)
    case.state, case.live, case.version = state.value, int(state.is_live), case.version + 1
    case.closed_at = None if state.is_live else now
    if not state.is_live and case.kind == CaseKind.EXCEPTION.value:
        exceptions.end_unanswered(session, case, now)
    if not state.is_live:
        batches.end_when_empty(session, case, now)


def cancel(session: Session, case: CaseRow, why: str, now: datetime, actor: str = BY_ITSELF) -> None:
    """End a case before it is done, and say why."""
    move_case(session, case, CaseEvent.CANCEL, now)
    summary = f"{case.kind} case of {case.person_name} ends: {why}"
    append(session, now, Entry(actor, "case.cancel", summary, case.id, case.person_id))
    tickets.tell_end(session, case, why, now)
    signal_change(session, now, "case", case.id)


def move_step(step: StepRow, event: StepEvent, now: datetime, by: str = "") -> None:
    """Move a step along its machine. An approval is asked for from the moment it waits. Raises IllegalMove."""
    step.state = step_after(StepState(step.state), event).value
    step.version += 1
    if step.state == StepState.APPROVAL.value:
        step.asked_at = now
    if StepState(step.state).is_settled:
        step.done_at, step.done_by = now, by or step.done_by


def move_action(action: ActionRow, event: ActionEvent, now: datetime) -> None:
    """Move an action along its machine. Raises IllegalMove."""
    state = action_after(ActionState(action.state), event)
    action.state, action.version = state.value, action.version + 1
    if state.is_settled:
        action.settled_at = now


def release(step: StepRow, actions: Sequence[ActionRow], by: str, run_at: datetime, now: datetime) -> None:
    """Hand a ready step to the worker: its actions become ready, manual ones wait for a person at once."""
    move_step(step, StepEvent.RUN if step.state == StepState.READY.value else StepEvent.RETRY, now)
    step.requested_by, step.started_at = by, step.started_at or now
    for action in actions:
        state = ActionState(action.state)
        if state.is_settled or state in (ActionState.READY, ActionState.RUNNING):
            continue
        if state is ActionState.PLANNED and action.manual:
            move_action(action, ActionEvent.BLOCK, now)
            action.outcome = action.note
        elif state is ActionState.PLANNED or (state.needs_person and not action.manual):
            move_action(action, ActionEvent.RELEASE, now)
            action.run_at, action.requested_by, action.attempts, action.checks = run_at, by, 0, 0


def advance(session: Session, case_id: int, now: datetime) -> None:
    """Move every step on that can move, close the case when all is proved, and renew what the queue shows."""
    case = case_row(session, case_id)
    steps, actions = steps_of(session, case_id), actions_of(session, case_id)
    by_step = {step.id: [a for a in actions if a.step_id == step.id] for step in steps}
    if case.state == CaseState.OPEN.value:

        def is_agreed(step: StepRow) -> bool:
            return is_approved(session, step, plan_of(case, by_step[step.id]))

        while any(_advance_step(session, case, step, steps, by_step[step.id], actions, now) for step in steps) or (
            case.kind == CaseKind.EXCEPTION.value and exceptions.agree(session, case, steps, is_agreed, now)
        ):
            pass
        if case.policy_hash and all(StepState(step.state).is_settled for step in steps):
            move_case(session, case, CaseEvent.COMPLETE, now)
            summary = f"{case.kind} case of {case.person_name} ({case.person_key}) is done, every step proved or stated"
            append(session, now, Entry(BY_ITSELF, "case.done", summary, case.id, case.person_id))
            _answer_leavers(session, case, now)
    _renew(case, steps, actions)
    tickets.tell(session, case, steps, actions, now)
    signal_change(session, now, "case", case.id)
    session.flush()


def _answer_leavers(session: Session, case: CaseRow, now: datetime) -> None:
    """Cases of leavers that wait for the end of what this one switched off go on."""
    from . import transfers  # it moves cases itself

    transfers.settle_switched_off(session, case, now)


def _advance_step(
    session: Session,
    case: CaseRow,
    step: StepRow,
    steps: Sequence[StepRow],
    mine: Sequence[ActionRow],
    actions: Sequence[ActionRow],
    now: datetime,
) -> bool:
    """One move of one step; whether there was any."""
    state, do = StepState(step.state), Do(step.do)
    if state is StepState.WAITING:
        settled = {s.key for s in steps if StepState(s.state).is_settled}
        if not set(json.loads(step.needs)) <= settled:
            return False
        approved = not step.approval or is_approved(session, step, plan_of(case, mine))
        move_step(step, StepEvent.NEEDS_MET if approved else StepEvent.NEEDS_APPROVAL, now)
        return True
    if state is StepState.READY:
        return _advance_ready(session, case, step, do, mine, actions, now)
    if state not in (StepState.QUEUED, StepState.RUNNING, StepState.ATTENTION) or not do.is_automatic:
        return False
    states = [ActionState(a.state) for a in mine]
    if all(s.is_settled for s in states):
        move_step(step, StepEvent.FINISH, now, step.requested_by)
        return True
    if state is StepState.ATTENTION:
        return False
    if all(s.is_settled or s.needs_person for s in states):
        move_step(step, StepEvent.TROUBLE, now)
        return True
    if state is StepState.QUEUED and any(s is not ActionState.READY for s in states):
        move_step(step, StepEvent.START, now)
        return True
    return False


def _advance_ready(
    session: Session,
    case: CaseRow,
    step: StepRow,
    do: Do,
    mine: Sequence[ActionRow],
    actions: Sequence[ActionRow],
    now: datetime,
) -> bool:
    if do in (Do.VERIFY, Do.EVIDENCE):
        if not all(ActionState(a.state).is_settled for a in actions):
            return False
        proved = sum(a.state == ActionState.CONFIRMED.value for a in actions)
        step.note = f"{proved} of {len(actions)} effects read back and confirmed"
        move_step(step, StepEvent.FINISH, now, BY_ITSELF)
        return True
    if do is Do.APPROVAL:
        agreed = approvals.agreed(session, step, plan_of(case, mine))
        who = ", ".join(row.approver for row in agreed)
        step.note = f"agreed to by {who}" if who else "nobody has to agree"
        move_step(step, StepEvent.FINISH, now, agreed[-1].approver if agreed else BY_ITSELF)
        return True
    if do is Do.GRANTS_EXPIRE:
        step.note = exceptions.count_from(session, case, now)
        move_step(step, StepEvent.FINISH, now, BY_ITSELF)
        return True
    if not do.is_automatic:
        return False
    if not mine:
        step.note = "nothing to do"
        move_step(step, StepEvent.FINISH, now, BY_ITSELF)
        return True
    if all(ActionState(action.state).is_settled for action in mine):
        move_step(step, StepEvent.FINISH, now, BY_ITSELF)
        return True
    if case.run_through and not do.is_decided:
        release(step, mine, case.requested_by, max(now, case.due), now)
        return True
    return False


def plan_of(case: CaseRow, mine: Sequence[ActionRow]) -> str:
    """The hash that a decision about a step is bound to: of the plan that its newest action is part of."""
    newest = max(mine, key=lambda action: action.id or 0, default=None)
    return newest.plan_hash if newest is not None else case.plan_hash


def is_approved(session: Session, step: StepRow, plan_hash: str) -> bool:
    """Whether everybody who has to approved this step as a part of this plan."""
    return approvals.is_approved(session, step, plan_hash)


def give_up(action: ActionRow, now: datetime) -> None:
    """End an action that the plan no longer asks for. Raises IllegalMove while it is under way."""
    move_action(action, ActionEvent.SKIP, now)
    told = f" (before: {action.outcome})" if action.outcome else ""
    action.outcome, action.error_kind = f"the new plan does not ask for it{told}", GIVEN_UP


def void_approval(step: StepRow, action: ActionRow, now: datetime, why: str = PLAN_CHANGED) -> None:
    """Take a ready action back from the worker: its step has to be approved anew, as a part of the plan of now."""
    move_action(action, ActionEvent.WITHDRAW, now)
    action.outcome = f"{why}; it has to be approved again"
    if (StepState(step.state), StepEvent.VOID) in STEP_MOVES:
        move_step(step, StepEvent.VOID, now)


def _renew(case: CaseRow, steps: Sequence[StepRow], actions: Sequence[ActionRow]) -> None:
    states = [StepState(step.state) for step in steps]
    left = [step for step in steps if not StepState(step.state).is_settled]
    case.steps_total, case.steps_done = len(steps), sum(s.is_settled for s in states)
    case.attention = sum(s is StepState.ATTENTION for s in states)
    case.approvals = sum(s is StepState.APPROVAL for s in states)
    case.working = sum(s in (StepState.QUEUED, StepState.RUNNING) for s in states)
    case.danger = max((a.danger for a in actions if not ActionState(a.state).is_settled), default=0)
    begun = [s for s in left if s.state != StepState.WAITING.value]
    shown = next((s for s in begun if s.escalated_at is not None), next(iter(begun or left), None))
    case.next_step = _told_step(shown) if shown is not None else ""
    case.next_due = min((s.target_at for s in left if s.target_at is not None), default=case.target_at)


def _told_step(step: StepRow) -> str:
    """What the queue says comes next, and who is asked now where the owner is late."""
    return f"{step.title} (late: {step.fallback_owner})" if step.escalated_at else step.title


def expect_version(what: str, found: int, seen: int | None, changed_by: str = "") -> None:
    """Raise StaleWrite when the record is not as the caller saw it."""
    if seen is not None and found != seen:
        who = changed_by or "Somebody"
        raise StaleWrite(f"{who} changed this {what} a moment ago; nothing was done.", hint="Look again, then decide.")
