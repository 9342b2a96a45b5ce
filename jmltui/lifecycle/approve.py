"""Approvals: a decision of somebody else, bound to the hash of the plan that was shown."""

from __future__ import annotations

from jmltui.cache import cases
from jmltui.cache.journal import Entry, append
from jmltui.cache.tables import ApprovalRow
from jmltui.domain.case import StepEvent, StepState
from jmltui.errors import NotAllowed, StaleWrite, UsageError

from .workshop import Workshop


def decide(workshop: Workshop, case_id: int, key: str, plan_hash: str, *, approve: bool, reason: str = "") -> None:
    """Approve or refuse a step that waits for it.

    Raises NotAllowed for the requester and the subject, StaleWrite when the plan is no longer the one shown.
    """
    now = workshop.clock()
    if not approve and not reason.strip():
        raise UsageError("A refusal needs a reason; it is kept in the journal.")
    with workshop.cache.write() as session:
        case = cases.case_row(session, case_id)
        step = cases.step_row(session, case_id, key)
        if step.state != StepState.APPROVAL.value:
            raise NotAllowed(f"“{step.title}” waits for no approval; it is {step.state}.")
        mine = [action for action in cases.actions_of(session, case_id) if action.step_id == step.id]
        plan = cases.plan_of(case, mine)
        if plan_hash and plan_hash != plan:
            raise StaleWrite("The plan changed since you saw it; nothing was decided.", hint="Look at the new plan.")
        requester = case.requested_by or case.claimed_by or case.opened_by
        if workshop.actor == requester:
            raise NotAllowed("You asked for this yourself; another person has to decide.")
        if workshop.actor.casefold() == case.person_key.casefold():
            raise NotAllowed("This is about you; another person has to decide.")
        decision = "approve" if approve else "refuse"
        session.add(
            ApprovalRow(
                case_id=case_id,
                step_id=step.id or 0,
                plan_hash=plan,
                requester=requester,
                approver=workshop.actor,
                decision=decision,
                reason=reason,
                at=now,
            )
        )
        cases.move_step(step, StepEvent.APPROVE if approve else StepEvent.REFUSE, now)
        word = "approved" if approve else "refused"
        summary = f"{workshop.actor} {word} “{step.title}” for {case.person_name}{': ' + reason if reason else ''}"
        facts = {"plan_sha256": plan, "policy_sha256": case.policy_hash}
        append(
            session, now, Entry(workshop.actor, f"approval.{decision}", summary, case_id, case.person_id, facts=facts)
        )
        cases.advance(session, case_id, now)
