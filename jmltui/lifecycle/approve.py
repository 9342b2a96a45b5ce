"""Approvals: decisions of other people, stage by stage, bound to the hash of the plan that was shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import approvals, cases, exceptions, people
from jmltui.cache.journal import Entry, append
from jmltui.cache.tables import ActionRow, ApprovalRow, CaseRow, LineRow, StepRow
from jmltui.domain.approval import ApprovalPath, Standing, may_decide, waits_for
from jmltui.domain.case import CaseKind, StepEvent, StepState
from jmltui.domain.person import Person
from jmltui.errors import NotAllowed, StaleWrite, UsageError
from jmltui.policy import load as load_policy

from .expiry import refuse_exceptions
from .replan import replan_case
from .together import happening_with
from .whose import answers
from .workshop import Workshop

ANYBODY = "anybody else than who asked for it and whom it is about"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that waits for an approval: for whom, as a sentence, and whether the actor may decide now.

    `why_not` says why they may not, "" when they may; `asked` are the words of the policy for whom it waits.
    """

    step: str
    sentence: str
    mine: bool
    expired: bool
    why_not: str = ""
    asked: tuple[str, ...] = ()


def decide(workshop: Workshop, case_id: int, key: str, plan_hash: str, *, approve: bool, reason: str = "") -> None:
    """Agree to a step that waits for an approval, or refuse it. The step goes on when its last stage agreed.

    Raises NotAllowed for whoever is not asked at the stage that waits, for the requester, the subject and who agreed
    before, under whatever login, and when the time to decide is over; StaleWrite when the plan is no longer the one
    shown, or the policy changed since: then the case is planned anew. Steps that happen together are decided together.
    """
    if not approve and not reason.strip():
        raise UsageError("A refusal needs a reason; it is kept in the journal.")
    workshop = _by_the_policy_of_now(workshop, case_id, plan_hash)
    now = workshop.clock()
    with workshop.cache.write() as session:
        case, step, plan = _waiting(session, case_id, key)
        if plan_hash and plan_hash != plan:
            raise StaleWrite("The plan changed since you saw it; nothing was decided.", hint="Look at the new plan.")
        stage, word = _place(workshop, session, case, step, plan, now)
        for each in (step, *happening_with(workshop, session, case, step, (StepState.APPROVAL, StepState.WAITING))):
            row = ApprovalRow(
                case_id=case_id,
                step_id=each.id or 0,
                plan_hash=_plan_of(session, case, each),
                requester=case.requested_by or case.claimed_by or case.opened_by,
                approver=workshop.actor,
                decision="approve" if approve else "refuse",
                reason=reason,
                at=now,
                stage=stage,
                as_word=word,
            )
            approvals.write_decision(session, row)
            append(session, now, _entry(case, each, row))
            _move(session, each, row, now)
        if not approve and case.kind == CaseKind.EXCEPTION.value:
            refuse_exceptions(workshop, session, case, reason)
        cases.advance(session, case_id, now)


def _move(session: Session, step: StepRow, row: ApprovalRow, now: datetime) -> None:
    """Move a step on by a decision; one that waits for other steps keeps it until its turn."""
    if step.state != StepState.APPROVAL.value:
        return
    if row.decision == "refuse":
        cases.move_step(step, StepEvent.REFUSE, now)
    elif cases.is_approved(session, step, row.plan_hash):
        cases.move_step(step, StepEvent.APPROVE, now)


def _asked(path: ApprovalPath | None, standing: Standing | None) -> tuple[str, ...]:
    if path is None or standing is None or standing.stage is None:
        return ()
    stage = path.stages[standing.stage]
    return (*stage.approvers, *stage.fallback)


def ask_again(workshop: Workshop, case_id: int, key: str) -> None:
    """Ask anew for an approval that nobody gave in time, or that was refused; what was decided before counts no more.

    Raises NotAllowed for a step that still waits in its time, or waits for no approval.
    """
    now = workshop.clock()
    with workshop.cache.write() as session:
        case, step = cases.case_row(session, case_id), cases.step_row(session, case_id, key)
        if step.state == StepState.REFUSED.value:
            for each in (step, *happening_with(workshop, session, case, step, (StepState.REFUSED,))):
                cases.move_step(each, StepEvent.VOID, now)
        elif step.state != StepState.APPROVAL.value:
            raise NotAllowed(f"“{step.title}” waits for no approval; it is {step.state}.")
        else:
            path, plan = approvals.path_of(step), _plan_of(session, case, step)
            found = approvals.standing_of(session, step, path, plan, now) if path is not None else None
            if path is None or found is None or not found.expired:
                told = waits_for(path, found, now) if path is not None and found is not None else ""
                raise NotAllowed(f"“{step.title}” is asked for already. {told}".strip())
            for each in (step, *happening_with(workshop, session, case, step, (StepState.APPROVAL,))):
                each.asked_at, each.escalated_at, each.version = now, None, each.version + 1
        summary = f"{workshop.actor} asked again for the approval of “{step.title}” for {case.person_name}"
        append(session, now, Entry(workshop.actor, "approval.ask-again", summary, case_id, case.person_id))
        cases.advance(session, case_id, now)


def waiting(workshop: Workshop, case_id: int) -> list[Waiting]:
    """The steps of a case that wait for an approval, and whether the actor may decide on each."""
    now, found = workshop.clock(), []
    with workshop.cache.read() as session:
        case = cases.case_row(session, case_id)
        for step in cases.steps_of(session, case_id):
            if step.state != StepState.APPROVAL.value:
                continue
            plan, path, why_not = _plan_of(session, case, step), approvals.path_of(step), ""
            standing = approvals.standing_of(session, step, path, plan, now) if path is not None else None
            sentence = waits_for(path, standing, now) if path and standing else f"It waits for {ANYBODY}."
            try:
                _place(workshop, session, case, step, plan, now)
            except NotAllowed as error:
                why_not = error.hint if error.message == sentence else error.message
            expired = bool(standing and standing.expired)
            found.append(Waiting(step.key, sentence, not why_not, expired, why_not, _asked(path, standing)))
    return found


def doubts(workshop: Workshop) -> Callable[[Session, CaseRow, StepRow, str], str]:
    """Why an approval counts no more when it is to be used, "" while it does: the worker asks before it begins.

    Everybody who agreed must still be who they agreed as, and must not have turned out to be the requester or the
    subject.
    """

    def why(session: Session, case: CaseRow, step: StepRow, plan: str) -> str:
        for row in approvals.agreed(session, step, plan):
            if _is_subject(session, case, row.approver) or approvals.same_person(session, row.requester, row.approver):
                return f"{row.approver}, who approved it, is who asked for it or whom it is about"
            if row.as_word and not _is_one_of(workshop, session, case, step, row.approver)(row.as_word):
                return f"{row.approver}, who approved it as {row.as_word}, is that no more"
        return ""

    return why


def _by_the_policy_of_now(workshop: Workshop, case_id: int, plan_hash: str) -> Workshop:
    """The workshop with the policy that the case was planned by, which must be the one in force."""
    with workshop.cache.read() as session:
        planned_by = cases.case_row(session, case_id).policy_hash
    if planned_by == workshop.policy.hash:
        return workshop
    folder, zone = Path(workshop.settings.policy_folder), workshop.zone
    workshop = replace(workshop, policy=load_policy(folder, zone))
    if planned_by != workshop.policy.hash and replan_case(workshop, case_id).changed and not plan_hash:
        raise StaleWrite(
            "The policy, or what is known of the person, changed since this was planned; nothing was decided.",
            hint="It is planned anew: look at the new plan, then decide.",
        )
    return workshop


def _waiting(session: Session, case_id: int, key: str) -> tuple[CaseRow, StepRow, str]:
    case, step = cases.case_row(session, case_id), cases.step_row(session, case_id, key)
    if step.state != StepState.APPROVAL.value:
        raise NotAllowed(f"“{step.title}” waits for no approval; it is {step.state}.")
    return case, step, _plan_of(session, case, step)


def _plan_of(session: Session, case: CaseRow, step: StepRow) -> str:
    mine = [action for action in cases.actions_of(session, case.id or 0) if action.step_id == step.id]
    return cases.plan_of(case, mine)


def _place(
    workshop: Workshop, session: Session, case: CaseRow, step: StepRow, plan: str, now: datetime
) -> tuple[int, str]:
    """The stage at which the actor may decide, and the word for whom they do. Raises NotAllowed."""
    actor, path = workshop.actor, approvals.path_of(step)
    asked = next((who for who in _askers(session, case) if approvals.same_person(session, who, actor)), None)
    if asked is not None:
        as_whom = "" if asked.casefold() == actor.casefold() else f", as {asked}"
        raise NotAllowed(f"You asked for this yourself{as_whom}; another person has to decide.")
    if _is_subject(session, case, actor):
        raise NotAllowed("This is about you; another person has to decide.")
    if path is None:
        return 0, ""
    standing = approvals.standing_of(session, step, path, plan, now)
    if standing.stage is None or standing.expired:
        raise NotAllowed(
            f"The time to approve “{step.title}” is over; it has to be asked for again.",
            hint=f"`jmltui approve {case.id} {step.key} --ask-again` asks.",
        )
    for row in approvals.counting(session, step, plan):
        if approvals.same_person(session, row.approver, actor):
            raise NotAllowed(f"You agreed to this already, at stage {row.stage + 1}; another person has to decide.")
    return standing.stage, _word(workshop, session, case, step, path, standing, now)


def _word(
    workshop: Workshop,
    session: Session,
    case: CaseRow,
    step: StepRow,
    path: ApprovalPath,
    standing: Standing,
    now: datetime,
) -> str:
    is_one_of = _is_one_of(workshop, session, case, step, workshop.actor)
    allowed, word = may_decide(path.stages[standing.stage or 0], standing.since, now, is_one_of)
    if not allowed:
        raise NotAllowed(waits_for(path, standing, now), hint=f"You are {workshop.actor}, who is none of them.")
    return word


def _is_one_of(workshop: Workshop, session: Session, case: CaseRow, step: StepRow, login: str) -> Callable[[str], bool]:
    return answers(workshop, session, login, _subject(session, case), _systems(workshop, session, case, step))


def _systems(workshop: Workshop, session: Session, case: CaseRow, step: StepRow) -> set[str]:
    """The systems whose owners a step's approval concerns: of its calls, else of what the case asks for."""
    found = set(session.scalars(select(col(ActionRow.system)).where(col(ActionRow.step_id) == step.id)))
    if not found:
        known = workshop.policy.definitions.entitlements
        asked = (known.get(row.subject) for row in exceptions.in_scope(session, case))
        found = {entitlement.system for entitlement in asked if entitlement is not None}
    if not found:
        lines = select(col(LineRow.system)).where(col(LineRow.case_id) == case.id, col(LineRow.approval))
        found = set(session.scalars(lines))
    return found


def _subject(session: Session, case: CaseRow) -> Person:
    """The person of a case; an account that is nobody's stands for itself."""
    found = people.persons(session, [case.person_id]) if case.person_id else []
    return found[0] if found else Person(key=case.person_key, name=case.person_name, source=case.source)


def _is_subject(session: Session, case: CaseRow, login: str) -> bool:
    if login.casefold() == case.person_key.casefold():
        return True
    return bool(case.person_id) and case.person_id in approvals.persons_of_login(session, login)


def _askers(session: Session, case: CaseRow) -> list[str]:
    """Who asked for what a case does: who let it run, or took it, or opened it; and who asked for the access."""
    found = [case.requested_by or case.claimed_by or case.opened_by]
    if case.scope != "{}":
        found += [case.opened_by, *(row.requested_by for row in exceptions.in_scope(session, case))]
    return [who for who in dict.fromkeys(found) if who not in ("", cases.BY_ITSELF)]


def _entry(case: CaseRow, step: StepRow, row: ApprovalRow) -> Entry:
    word = "approved" if row.decision == "approve" else "refused"
    as_word = f" as {row.as_word}, stage {row.stage + 1}" if row.as_word else ""
    why = f": {row.reason}" if row.reason else ""
    summary = f"{row.approver} {word} “{step.title}” for {case.person_name}{as_word}{why}"
    facts: dict[str, object] = {"plan_sha256": row.plan_hash, "policy_sha256": case.policy_hash}
    if row.as_word:
        facts |= {"stage": row.stage + 1, "as": row.as_word}
    return Entry(row.approver, f"approval.{row.decision}", summary, case.id, case.person_id, facts=facts)
