"""Plans as rows: the diff, the checklist and its actions."""

from __future__ import annotations

import json

from sqlmodel import Session

from jmltui.domain.approval import ApprovalPath, as_json
from jmltui.domain.case import ActionState, StepState
from jmltui.domain.diff import DiffLine
from jmltui.domain.operation import Proof
from jmltui.domain.plan import Plan, PlannedAction, PlannedStep
from jmltui.domain.procedure import StepTemplate
from jmltui.domain.replan import title_of
from jmltui.domain.working_time import WorkingTime, soon_at, target_at

from .tables import ActionRow, CaseRow, LineRow, StepRow


def write_plan(session: Session, case: CaseRow, plan: Plan) -> None:
    """Write the diff, the steps and the actions of the first plan of a case."""
    case.plan_hash, case.policy_hash, case.danger = plan.hash(), plan.policy_hash, int(plan.danger)
    for seq, line in enumerate(plan.lines):
        session.add(line_row(case, seq, line))
    for seq, planned in enumerate(plan.steps):
        step = add_step(session, case, planned.template.id, seq, planned, plan.procedure.working_time)
        add_actions(session, case, step, planned, 0)
    session.flush()


def line_row(case: CaseRow, seq: int, line: DiffLine) -> LineRow:
    """A line of the diff as a row, not added yet."""
    return LineRow(
        case_id=case.id or 0,
        seq=seq,
        kind=line.kind.value,
        system=line.system,
        operation=line.operation.value if line.operation else "",
        account_id=line.account_id,
        login=line.login,
        entitlement_id=line.entitlement_id,
        target=line.target,
        reason=line.reason,
        privileged=line.privileged,
        approval=line.approval,
        entitlement=line.entitlement,
        until=line.until,
        rules=json.dumps(line.rules),
    )


def set_targets(case: CaseRow, plan: Plan) -> None:
    """Whose the case is, by when it is to be done, and from when on it counts as soon late."""
    working = plan.procedure.working_time
    case.owner, case.fallback_owner = plan.procedure.owner, plan.procedure.fallback_owner
    case.urgent = plan.urgent
    case.target_at = target_at(case.due, plan.target, working)
    case.soon_at = soon_at(case.due, case.target_at, working)


def add_step(
    session: Session, case: CaseRow, key: str, seq: int, planned: PlannedStep, working: WorkingTime | None
) -> StepRow:
    """Add a step of the checklist, without its actions."""
    step = StepRow(case_id=case.id or 0, seq=seq, key=key, do="", title="", state=StepState.WAITING.value)
    describe(case, step, planned, working)
    session.add(step)
    session.flush()
    return step


def describe(case: CaseRow, step: StepRow, planned: PlannedStep, working: WorkingTime | None) -> None:
    """Let a step say what the procedure says of it."""
    template = planned.template
    step.do, step.title, step.text = template.do.value, title_of(step.key, planned), template.text
    step.approval_path = path_text(planned.path)
    step.needs, step.approval = json.dumps(list(template.needs)), planned.approval
    step.danger = int(planned.danger)
    set_owner(case, step, template, working)


def set_owner(case: CaseRow, step: StepRow, template: StepTemplate, working: WorkingTime | None) -> None:
    """Who does a step, and by when; whoever gets more time is late no more."""
    step.owner = template.owner or case.owner
    step.fallback_owner = template.fallback_owner or case.fallback_owner
    step.target_at, step.soon_at = case.target_at, case.soon_at
    if template.target is not None and not case.urgent:
        step.target_at = target_at(case.due, template.target, working)
        step.soon_at = soon_at(case.due, step.target_at, working)
    elif template.target is not None:
        step.target_at = min(case.target_at, case.due + template.target)
    if step.escalated_at is not None and step.target_at > step.escalated_at:
        step.escalated_at = None


def path_text(path: ApprovalPath | None) -> str:
    """An approval path as it is kept with a step; "" where anybody else may approve."""
    return "" if path is None else json.dumps(as_json(path), sort_keys=True)


def add_actions(session: Session, case: CaseRow, step: StepRow, planned: PlannedStep, first: int) -> None:
    """Add the actions of a step, numbered from `first`."""
    for number, action in enumerate(planned.actions, start=first):
        session.add(action_row(case, step, number, action, case.plan_hash))


def action_row(case: CaseRow, step: StepRow, seq: int, action: PlannedAction, plan_hash: str) -> ActionRow:
    """An action as a row, not added yet."""
    fingerprint = action.fingerprint()
    return ActionRow(
        case_id=case.id or 0,
        step_id=step.id or 0,
        seq=seq,
        system=action.system,
        operation=action.operation.value,
        account_id=action.account_id,
        login=action.login,
        entitlement_id=action.entitlement_id,
        target=action.target,
        reason=action.reason,
        wanted=json.dumps(dict(action.wanted)),
        expects=json.dumps(dict(action.expects)),
        proof=action.proof.value if not action.manual else Proof.NONE.value,
        danger=int(action.danger),
        inverse=action.inverse.value if action.inverse else "",
        manual=action.manual,
        note=action.note,
        idem_key=f"{case.id}.{step.id}.{seq}.{fingerprint[:16]}",
        fingerprint=fingerprint,
        plan_hash=plan_hash,
        state=ActionState.PLANNED.value,
    )
