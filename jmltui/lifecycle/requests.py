"""What people ask for: each request is one short transaction that leaves intents; the worker carries them out."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import batches, cases
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.tables import ActionRow, BatchRow, CaseRow, StepRow
from jmltui.domain.case import ActionEvent, ActionState, CaseEvent, CaseState, IllegalMove, StepEvent, StepState
from jmltui.domain.procedure import Do
from jmltui.errors import NotAllowed, StaleWrite, UsageError

from .expiry import end_released
from .owning import still_owned
from .together import happening_with
from .workshop import Workshop

MIN_TEXT = 3


def run_case(workshop: Workshop, case_id: int, version: int | None = None) -> None:
    """Let the worker carry out every automatic step of a case as it becomes ready. Raises StaleWrite, NotAllowed."""
    now = workshop.clock()
    with workshop.cache.write() as session:
        case = _open_case(session, case_id)
        cases.expect_version("case", case.version, version)
        case.run_through, case.requested_by = True, workshop.actor
        case.claimed_by = case.claimed_by or workshop.actor
        summary = f"{workshop.actor} asked to run the case of {case.person_name} through"
        append(session, now, Entry(workshop.actor, "case.run", summary, case_id, case.person_id))
        cases.advance(session, case_id, now)


def run_all(workshop: Workshop) -> list[int]:
    """Ask for every open case at once; the numbers of the cases."""
    now = workshop.clock()
    with workshop.cache.write() as session:
        query = select(CaseRow).where(col(CaseRow.live) == 1, col(CaseRow.state) == CaseState.OPEN.value)
        found = session.scalars(query.order_by(col(CaseRow.next_due), col(CaseRow.id))).all()
        for case in found:
            case.run_through, case.requested_by = True, workshop.actor
        numbers = [case.id or 0 for case in found]
        if numbers:
            summary = f"{workshop.actor} asked to run {len(numbers)} cases through"
            append(session, now, Entry(workshop.actor, "case.run-all", summary, facts={"cases": len(numbers)}))
    for start in range(0, len(numbers), 100):
        with workshop.cache.write() as session:
            for case_id in numbers[start : start + 100]:
                cases.advance(session, case_id, now)
    return numbers


def run_step(workshop: Workshop, case_id: int, key: str, version: int | None = None) -> None:
    """Let the worker carry out one step, again if it needs attention. Raises StaleWrite, NotAllowed."""
    now = workshop.clock()
    with workshop.cache.write() as session:
        case = _open_case(session, case_id)
        step = cases.step_row(session, case_id, key)
        cases.expect_version("step", step.version, version, step.requested_by)
        if StepState(step.state) in (StepState.QUEUED, StepState.RUNNING):
            when = f" at {step.started_at:%H:%M} UTC" if step.started_at else ""
            raise StaleWrite(f"{step.requested_by} started this step{when}; it is under way.")
        mine = _actions(session, step)
        if not mine:
            raise NotAllowed(f"“{step.title}” is done by a person.", hint="Attest it when it is done.")
        held_up = happening_with(workshop, session, case, step, (StepState.APPROVAL, StepState.REFUSED))
        if held_up:
            told = f"“{held_up[0].title}” is {held_up[0].state}, and neither of them happens alone"
            raise NotAllowed(f"“{step.title}” cannot be run now: {told}.")
        try:
            cases.release(step, mine, workshop.actor, max(now, case.due), now)
        except IllegalMove:
            raise NotAllowed(f"“{step.title}” is {step.state}; it cannot be run now.") from None
        for other in happening_with(workshop, session, case, step, (StepState.READY,)):
            cases.release(other, _actions(session, other), workshop.actor, max(now, case.due), now)
        case.claimed_by = case.claimed_by or workshop.actor
        summary = f"{workshop.actor} started “{step.title}” for {case.person_name}"
        append(session, now, Entry(workshop.actor, "step.run", summary, case_id, case.person_id))
        cases.advance(session, case_id, now)


def attest(workshop: Workshop, case_id: int, key: str, text: str) -> None:
    """State that a manual step was done, or what was seen where the system could not prove it."""
    _close_step(workshop, case_id, key, text, StepEvent.ATTEST, ActionEvent.ATTEST, "attested")


def skip(workshop: Workshop, case_id: int, key: str, reason: str) -> None:
    """Leave a step out, with a reason that is kept."""
    _close_step(workshop, case_id, key, reason, StepEvent.SKIP, ActionEvent.SKIP, "skipped")


def note(workshop: Workshop, case_id: int, text: str) -> None:
    """Write a note into a case."""
    _text(text, "note")
    now = workshop.clock()
    with workshop.cache.write() as session:
        case = cases.case_row(session, case_id)
        append(session, now, Entry(workshop.actor, "case.note", text, case_id, case.person_id))


def claim_case(workshop: Workshop, case_id: int, to: str = "") -> None:
    """Take a case, or hand it over to somebody."""
    now = workshop.clock()
    with workshop.cache.write() as session:
        case = _open_case(session, case_id)
        case.claimed_by, case.version = to or workshop.actor, case.version + 1
        summary = f"{workshop.actor} gave the case to {to}" if to else f"{workshop.actor} took the case"
        append(session, now, Entry(workshop.actor, "case.claim", summary, case_id, case.person_id))
        cases.advance(session, case_id, now)


def answer(workshop: Workshop, case_id: int, left: bool) -> None:
    """Say whether an absent person left or stays. Raises NotAllowed for a case that is no question."""
    now = workshop.clock()
    with workshop.cache.write() as session:
        case = cases.case_row(session, case_id)
        if case.state != CaseState.QUESTION.value:
            raise NotAllowed(f"Case {case_id} asks nothing; it is {case.state}.")
        cases.move_case(session, case, CaseEvent.ANSWER if left else CaseEvent.CANCEL, now)
        word = "left" if left else "stays"
        summary = f"{workshop.actor} says that {case.person_name} ({case.person_key}) {word}"
        append(session, now, Entry(workshop.actor, "case.answer", summary, case_id, case.person_id))
        cases.advance(session, case_id, now)


def confirm_batch(workshop: Workshop, batch_id: int, typed: str, reason: str = "") -> list[int]:
    """Open what a batch holds, once its number was typed. Raises NotAllowed for a wrong number or the wrong person.

    People absent from the feed are confirmed by anybody; what a guard holds is released by another person than the
    one whose sync opened it, with a reason.
    """
    now = workshop.clock()
    with workshop.cache.write() as session:
        batch, found = _waiting_batch(session, batch_id)
        if typed.strip() != str(len(found)):
            raise NotAllowed(
                f"You typed {typed.strip() or 'nothing'}, but the batch holds {len(found)} people; nothing was opened.",
                hint="Look at their names, then type their number.",
            )
        guarded = any(case.held_reason for case in found)
        if guarded and (batch.opened_by == workshop.actor or len(reason.strip()) < MIN_TEXT):
            raise NotAllowed(
                f"A guard holds this batch: {batch.reason}.",
                hint=f"Another person than {batch.opened_by} releases it, with --reason.",
            )
        for case in found:
            event = CaseEvent.RELEASE if case.state == CaseState.HELD.value else CaseEvent.ANSWER
            cases.move_case(session, case, event, now)
            case.held_reason = ""
        opened = [case for case in found if end_released(workshop, session, case)]
        batch.state, batch.decided_by, batch.decided_at = batches.CONFIRMED, workshop.actor, now
        batch.typed = typed.strip()
        summary = f"{workshop.actor} confirmed the batch of {len(found)} people by typing their number"
        append(session, now, Entry(workshop.actor, "batch.confirm", summary, facts={"batch": batch_id, "why": reason}))
        numbers = [case.id or 0 for case in opened]
        for number in numbers:
            cases.advance(session, number, now)
        return numbers


def dismiss_batch(workshop: Workshop, batch_id: int, reason: str) -> list[int]:
    """Drop every case that a batch holds: nothing is taken from anybody, and the journal keeps why; their numbers.

    Anybody may, also who opened it. Raises NotAllowed for a batch that does not wait, UsageError without a reason.
    """
    _text(reason, "reason")
    now = workshop.clock()
    with workshop.cache.write() as session:
        batch, found = _waiting_batch(session, batch_id)
        for case in found:
            cases.cancel(session, case, f"{workshop.actor} dismissed it: {reason.strip()}", now, workshop.actor)
        batch.state, batch.decided_by, batch.decided_at = batches.DISMISSED, workshop.actor, now
        summary = f"{workshop.actor} dismissed the batch of {len(found)} people: {reason.strip()}"
        facts = {"batch": batch_id, "why": reason.strip(), "held": batch.reason}
        append(session, now, Entry(workshop.actor, "batch.dismiss", summary, facts=facts))
        signal_change(session, now, "batch", batch_id)
        return [case.id or 0 for case in found]


def _waiting_batch(session: Session, batch_id: int) -> tuple[BatchRow, Sequence[CaseRow]]:
    """A batch that waits for a person, and its cases. Raises NotAllowed."""
    batch = session.get(BatchRow, batch_id)
    if batch is None or batch.state != batches.OPEN:
        raise NotAllowed(f"There is no batch {batch_id} that waits.", hint="`jmltui confirm` lists them.")
    query = select(CaseRow).where(col(CaseRow.batch_id) == batch_id, col(CaseRow.live) == 1)
    return batch, session.scalars(query.order_by(col(CaseRow.id))).all()


def _close_step(
    workshop: Workshop, case_id: int, key: str, text: str, event: StepEvent, action_event: ActionEvent, word: str
) -> None:
    _text(text, "reason" if event is StepEvent.SKIP else "statement")
    now = workshop.clock()
    with workshop.cache.write() as session:
        case = _open_case(session, case_id)
        step = cases.step_row(session, case_id, key)
        mine = _actions(session, step)
        if step.do == Do.APPROVAL.value:
            raise NotAllowed(f"“{step.title}” is decided by others; it cannot be {word}.", hint="It can be refused.")
        _may_be_closed(step, mine, event)
        owned = still_owned(session, case, step, mine)
        if owned:
            raise NotAllowed(
                f"{case.person_name} still owns {', '.join(owned)}; “{step.title}” cannot be {word} before that ends.",
                hint="Name a new owner: `jmltui owner ACCOUNT PERSON`, or end it: `jmltui owner ACCOUNT --retire WHY`.",
            )
        try:
            for action in mine:
                if not ActionState(action.state).is_settled:
                    if action.state == ActionState.PLANNED.value and action_event is ActionEvent.ATTEST:
                        cases.move_action(action, ActionEvent.BLOCK, now)
                    cases.move_action(action, action_event, now)
                    action.outcome = f"{word} by {workshop.actor}: {text}"
            cases.move_step(step, event, now, workshop.actor)
        except IllegalMove:
            raise NotAllowed(f"“{step.title}” is {step.state}; it cannot be {word} now.") from None
        step.note = text
        summary = f"{workshop.actor} {word} “{step.title}” for {case.person_name}: {text}"
        append(session, now, Entry(workshop.actor, f"step.{word}", summary, case_id, case.person_id))
        cases.advance(session, case_id, now)


def _may_be_closed(step: StepRow, mine: Sequence[ActionRow], event: StepEvent) -> None:
    """What the worker does is attested once a person has to look; what a person decides each time, before it as well.

    Raises NotAllowed.
    """
    if event is StepEvent.ATTEST and Do(step.do).is_by_itself:
        raise NotAllowed(f"“{step.title}” is done by itself, once everything else is settled.")
    if event is not StepEvent.ATTEST or step.state == StepState.ATTENTION.value or Do(step.do).is_decided:
        return
    if not all(action.manual for action in mine):
        raise NotAllowed(f"“{step.title}” is carried out by the worker.", hint="Run it first.")
    if step.state == StepState.APPROVAL.value:
        raise NotAllowed(f"“{step.title}” waits for an approval; it cannot be attested now.")


def _open_case(session: Session, case_id: int) -> CaseRow:
    case = cases.case_row(session, case_id)
    if case.state == CaseState.OPEN.value:
        return case
    hints = {
        CaseState.QUESTION.value: f"First say whether the person left: `jmltui answer {case_id} left|stays`.",
        CaseState.HELD.value: f"First its batch must be released: `jmltui confirm {case.batch_id}`.",
    }
    raise NotAllowed(f"Case {case_id} is {case.state}; nothing can be done in it.", hint=hints.get(case.state, ""))


def _actions(session: Session, step: StepRow) -> Sequence[ActionRow]:
    return session.scalars(
        select(ActionRow).where(col(ActionRow.step_id) == step.id).order_by(col(ActionRow.seq))
    ).all()


def _text(text: str, what: str) -> None:
    if len(text.strip()) < MIN_TEXT:
        raise UsageError(f"A {what} of at least {MIN_TEXT} characters is needed; it is kept in the journal.")
