"""Tickets that cases are bound to, and the outbox of what they are to be told.

A message is written in the transaction of the milestone that it tells. A worker commits that it is about to post one
before it does, and what came of it after; one that was being posted when its worker vanished is posted again, and is
found by its key where it arrived.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from jmltui.domain import milestone
from jmltui.domain.approval import waits_for
from jmltui.domain.case import ActionState, CaseState, StepState
from jmltui.domain.milestone import Call, Decided, Line, Progress

from . import approvals
from .journal import Entry, append, signal_change
from .tables import ActionRow, ApprovalRow, CaseRow, LimitRow, StepRow, TicketMessageRow, TicketRow

COMMENT, STATUS = "comment", "status"
BOUND, STOPPED = "bound", "stopped"
WAITING, POSTING, POSTED, FAILED, DROPPED = "waiting", "posting", "posted", "failed", "dropped"
ANYBODY: Final = "anybody else than who asked for it and whom it is about may approve."


@dataclass(frozen=True, slots=True)
class Posting:
    """A message that this owner may post, and nobody else."""

    id: int
    case_id: int
    person_id: int
    system: str
    ticket: str
    kind: str
    milestone: str
    key: str
    text: str
    tries: int
    owner: str
    problem: str

    @property
    def what(self) -> str:
        """The message in a word or two, as the journal has it."""
        where = f"ticket {self.ticket} of {self.system}"
        return f"“{self.milestone}” in {where}" if self.kind == COMMENT else f"{where} to “{self.text}”"


def active(session: Session, case_id: int) -> TicketRow | None:
    """The ticket that a case is bound to."""
    query = select(TicketRow).where(col(TicketRow.case_id) == case_id, col(TicketRow.unbound_at).is_(None))
    return session.scalars(query).first()


def bind(session: Session, case: CaseRow, row: TicketRow, actor: str, now: datetime) -> None:
    """Bind a case to a ticket that was read just now; one that it was bound to before is left."""
    if active(session, case.id or 0) is not None:
        unbind(session, case, actor, now)
    session.add(row)
    session.flush()
    summary = f"{actor} bound case {case.id} to ticket {row.ticket} of {row.system}: {row.title}"
    append(session, now, Entry(actor, "ticket.bind", summary, case.id, case.person_id, row.system))
    steps, actions = _checklist(session, case)
    _write(session, row, milestone.first(_progress(session, case, steps, actions, now, "")), now)
    tell(session, case, steps, actions, now)
    signal_change(session, now, "case", case.id)


def unbind(session: Session, case: CaseRow, actor: str, now: datetime) -> int | None:
    """Let a case and its ticket go; how many messages are not posted any more, None where there was no ticket."""
    row = active(session, case.id or 0)
    if row is None:
        return None
    row.unbound_at = now
    left = session.scalars(_of(row).where(col(TicketMessageRow.state).in_((WAITING, FAILED)))).all()
    for message in left:
        message.state = DROPPED
    told = f"; {len(left)} messages are not posted any more" if left else ""
    summary = f"{actor} unbound case {case.id} from ticket {row.ticket} of {row.system}{told}"
    append(session, now, Entry(actor, "ticket.unbind", summary, case.id, case.person_id, row.system))
    signal_change(session, now, "case", case.id)
    session.flush()
    return len(left)


def tell(
    session: Session,
    case: CaseRow,
    steps: Sequence[StepRow],
    actions: Sequence[ActionRow],
    now: datetime,
    why: str = "",
) -> None:
    """Write what the ticket of a case is to be told and was not yet. `why` says why the case was cancelled."""
    row = active(session, case.id or 0)
    if row is None:
        return
    lists = session.scalars(select(col(TicketMessageRow.marks)).where(col(TicketMessageRow.binding) == row.id))
    told = frozenset(mark for marks in lists for mark in json.loads(marks))
    for message in milestone.news(_progress(session, case, steps, actions, now, why), told):
        _write(session, row, message, now)


def tell_end(session: Session, case: CaseRow, why: str, now: datetime) -> None:
    """Write what the ticket of a cancelled case is to be told."""
    if active(session, case.id or 0) is not None:
        tell(session, case, *_checklist(session, case), now, why)


def retry(session: Session, case: CaseRow, actor: str, now: datetime) -> int | None:
    """Let what failed, waits or was stopped be tried now; how many messages, None where there is no ticket."""
    row = active(session, case.id or 0)
    if row is None:
        return None
    row.state, row.problem = BOUND, ""
    found = session.scalars(_of(row).where(col(TicketMessageRow.state).in_((WAITING, FAILED)))).all()
    for message in found:
        message.state, message.next_at = WAITING, now
    summary = f"{actor} asked to tell ticket {row.ticket} of {row.system} again ({len(found)} messages)"
    append(session, now, Entry(actor, "ticket.retry", summary, case.id, case.person_id, row.system))
    signal_change(session, now, "case", case.id)
    return len(found)


# ---- posting


def left(session: Session) -> int:
    """How many messages can be posted without a person, now or later."""
    stopped = select(col(LimitRow.system)).where(col(LimitRow.stopped))
    query = select(func.count()).select_from(TicketMessageRow).join(TicketRow, _its_ticket())
    query = query.where(*_postable(), col(TicketRow.system).not_in(stopped))
    return int(session.scalar(query) or 0)


def due(session: Session, now: datetime) -> bool:
    """Whether a message waits for nothing but a worker."""
    query = select(col(TicketMessageRow.id)).join(TicketRow, _its_ticket()).where(*_postable())
    return session.scalars(query.where(col(TicketMessageRow.next_at) <= now).limit(1)).first() is not None


def claim(
    session: Session,
    owner: str,
    now: datetime,
    lease: datetime,
    besides: Collection[str],
    is_gone: Callable[[str], bool],
) -> list[Posting]:
    """Claim one message per system, the oldest that is due; a later one of a ticket never overtakes an earlier.

    Nobody else may post it before `lease`. `besides` names systems of which nothing is claimed; `is_gone` says of an
    owner that it is known to have ended. The caller commits before any system is touched.
    """
    waits = (col(LimitRow.stopped)) | (col(LimitRow.wait_until) > now)
    busy = {*besides, *session.scalars(select(col(LimitRow.system)).where(waits))}
    query = select(TicketMessageRow, TicketRow).join(TicketRow, _its_ticket()).where(*_postable())
    seen: set[int] = set()
    claimed: list[Posting] = []
    for message, row in session.execute(query.order_by(col(TicketMessageRow.id))):
        is_next = message.binding not in seen
        seen.add(message.binding)
        if not is_next or row.system in busy or not _is_free(message, now, is_gone):
            continue
        busy.add(row.system)
        message.state, message.owner, message.lease_until = POSTING, owner, lease
        message.tries += 1
        person = session.scalar(select(col(CaseRow.person_id)).where(col(CaseRow.id) == message.case_id)) or 0
        facts = (message.kind, message.milestone, message.key, message.text, message.tries, owner, message.problem)
        claimed.append(Posting(message.id or 0, message.case_id, person, row.system, row.ticket, *facts))
    session.flush()
    return claimed


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a posting. `state` of the message; `stops` for a ticket that a person has to look at first.

    `status` is where the ticket stands now, where that was told.
    """

    state: str
    problem: str = ""
    error_kind: str = ""
    next_at: datetime | None = None
    stops: bool = False
    status: str = ""
    found: bool = False


def settle(session: Session, posting: Posting, came: Came, now: datetime) -> bool:
    """Write what came of a posting; whether it was still this owner's to write."""
    message = session.get(TicketMessageRow, posting.id)
    if message is None or message.state != POSTING or (message.owner, message.tries) != (posting.owner, posting.tries):
        return False
    row = session.get_one(TicketRow, message.binding)
    was, message.state = message.error_kind, came.state
    if row.unbound_at is not None and came.state in (WAITING, FAILED):
        message.state = DROPPED
    message.problem, message.error_kind, message.lease_until = came.problem, came.error_kind, None
    message.next_at = came.next_at or message.next_at
    if came.state == POSTED:
        message.posted_at, row.status = now, came.status or row.status
    if came.stops:
        row.state, row.problem = STOPPED, came.problem
    if came.state != WAITING or came.error_kind != was:
        append(session, now, _entry(posting, came))
    signal_change(session, now, "case", message.case_id)
    return True


def _entry(posting: Posting, came: Came) -> Entry:
    action = {POSTED: "ticket.posted", FAILED: "ticket.failed", DROPPED: "ticket.left"}.get(came.state, "ticket.waits")
    if posting.kind == COMMENT:
        word = "was there already" if came.found else "was posted"
        good = f"the comment “{posting.milestone}” {word} in ticket {posting.ticket} of {posting.system}"
    else:
        good = f"{posting.what}: {'it stood there already' if came.found else 'moved'}"
    told = f": {came.problem}" if came.problem else ""
    summary = f"{good}{told}" if came.state == POSTED else f"{posting.what}{told}"
    facts = {"message": posting.id, "tries": posting.tries, "key": posting.key, "kind": came.error_kind}
    return Entry(posting.owner, action, summary, posting.case_id, posting.person_id, posting.system, facts)


# ---- showing


def shown(session: Session, case_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The tickets of some cases, by case, each with what stands of its messages."""
    found: dict[int, dict[str, Any]] = {}
    for start in range(0, len(case_ids), 500):
        part = case_ids[start : start + 500]
        query = select(TicketRow).where(col(TicketRow.case_id).in_(part), col(TicketRow.unbound_at).is_(None))
        for row in session.scalars(query):
            found[row.case_id] = {**row.model_dump(), "reference": f"{row.system}:{row.ticket}"}
    return found


def messages(session: Session, binding: int) -> list[dict[str, Any]]:
    """The messages of a ticket, oldest first."""
    query = select(TicketMessageRow).where(col(TicketMessageRow.binding) == binding)
    return [row.model_dump() for row in session.scalars(query.order_by(col(TicketMessageRow.id)))]


# ---- rows as facts


def _of(row: TicketRow) -> Any:
    return select(TicketMessageRow).where(col(TicketMessageRow.binding) == row.id)


def _its_ticket() -> Any:
    return col(TicketRow.id) == col(TicketMessageRow.binding)


def _postable() -> tuple[Any, ...]:
    mine = col(TicketMessageRow.state).in_((WAITING, POSTING))
    return mine, col(TicketRow.state) == BOUND, col(TicketRow.unbound_at).is_(None)


def _is_free(message: TicketMessageRow, now: datetime, is_gone: Callable[[str], bool]) -> bool:
    if message.state == WAITING:
        return message.next_at <= now
    return message.lease_until is None or message.lease_until < now or is_gone(message.owner)


def _write(session: Session, row: TicketRow, message: milestone.Message, now: datetime) -> None:
    """Put a message into the outbox, and the move of the ticket that goes with it."""
    binding = (row.id, row.case_id, row.system, row.ticket, row.bound_by, _aware(row.bound_at).isoformat())
    key = milestone.key_of(binding, message.marks)
    what, marks = message.milestone.value, json.dumps(message.marks)

    def put(kind: str, key: str, text: str, marks: str) -> None:
        made = TicketMessageRow(
            binding=row.id or 0,
            case_id=row.case_id,
            kind=kind,
            milestone=what,
            key=key,
            text=text,
            marks=marks,
            next_at=now,
            made_at=now,
        )
        session.add(made)
        session.flush()

    put(COMMENT, key, message.text, marks)
    if (standing := milestone.MOVES.get(message.milestone)) and _moves(message):
        put(STATUS, f"{key}-status", standing.value, "[]")


def _moves(message: milestone.Message) -> bool:
    """A ticket whose case is not open yet stays where it is."""
    return message.milestone is not milestone.Milestone.BOUND or "opened" in message.marks


def _checklist(session: Session, case: CaseRow) -> tuple[Sequence[StepRow], Sequence[ActionRow]]:
    steps = select(StepRow).where(col(StepRow.case_id) == case.id).order_by(col(StepRow.seq))
    actions = select(ActionRow).where(col(ActionRow.case_id) == case.id)
    ordered = actions.order_by(col(ActionRow.step_id), col(ActionRow.seq))
    return session.scalars(steps).all(), session.scalars(ordered).all()


def _progress(
    session: Session,
    case: CaseRow,
    steps: Sequence[StepRow],
    actions: Sequence[ActionRow],
    now: datetime,
    why: str,
) -> Progress:
    query = select(ApprovalRow).where(col(ApprovalRow.case_id) == case.id).order_by(col(ApprovalRow.id))
    decided = [
        Decided(
            f"decided:{row.id}:{row.decision}:{_aware(row.at).timestamp()}",
            row.step_id,
            row.approver,
            row.decision == "approve",
            row.reason,
        )
        for row in session.scalars(query)
    ]
    return Progress(
        id=case.id or 0,
        kind=case.kind,
        state=CaseState(case.state),
        name=case.person_name,
        key=case.person_key,
        due=_aware(case.due),
        target_at=_aware(case.target_at),
        closed_at=_aware(case.closed_at) if case.closed_at else None,
        steps=[_line(session, case, step, [a for a in actions if a.step_id == step.id], now) for step in steps],
        decided=decided,
        held=case.held_reason,
        why=why,
    )


def _line(session: Session, case: CaseRow, step: StepRow, mine: Sequence[ActionRow], now: datetime) -> Line:
    asked, asks = _asking(session, case, step, mine, now) if step.state == StepState.APPROVAL.value else ("", "")
    calls = [Call(a.system, a.operation, a.target, a.login, ActionState(a.state), a.outcome, a.fence) for a in mine]
    return Line(
        id=step.id or 0,
        title=step.title,
        state=StepState(step.state),
        owner=step.fallback_owner if step.escalated_at else step.owner,
        done_by=step.done_by,
        done_at=_aware(step.done_at) if step.done_at else None,
        note=step.note,
        asked=asked,
        asks=asks,
        calls=calls,
    )


def _asking(
    session: Session, case: CaseRow, step: StepRow, mine: Sequence[ActionRow], now: datetime
) -> tuple[str, str]:
    """What names this asking for an approval, and whom it waits for."""
    newest = max(mine, key=lambda action: action.id or 0, default=None)
    plan = newest.plan_hash if newest is not None else case.plan_hash
    since = _aware(step.asked_at).timestamp() if step.asked_at else 0
    path = approvals.path_of(step)
    if path is None:
        return f"asked:{step.id}:{since}", ANYBODY
    standing = approvals.standing_of(session, step, path, plan, now)
    return f"asked:{step.id}:{since}:{standing.stage}", waits_for(path, standing, now)


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
