"""Leaving a finding as it is until a day: one person asks, another one agrees, and it comes back by itself.

That somebody holds what must not come together is agreed to by whom the policy names: in a case of its own, which
asks that they may break the rule.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from jmltui.cache import cases, exceptions, findings
from jmltui.cache.approvals import persons_of_login, same_person
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.tables import ExceptionRow, FindingRow
from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.finding import FindingKind, FindingState
from jmltui.errors import NotAllowed, UsageError
from jmltui.lifecycle.access_requests import request_separation
from jmltui.lifecycle.workshop import Workshop

LONGEST: Final = timedelta(days=366)
MIN_TEXT: Final = 3


def accept(workshop: Workshop, finding_id: int, reason: str, until: datetime) -> int:
    """Ask that a finding is left as it is until an instant at most a year away; the number of the exception.

    Nothing changes before another person agrees (`decide_acceptance`); a conflict of duties waits for the approval of
    the exception's case instead. Raises NotAllowed for a finding that is not open or is asked for already, UsageError
    for an empty reason or an instant that is none of the coming year.
    """
    now = workshop.clock()
    if len(reason.strip()) < MIN_TEXT:
        raise UsageError(f"A reason of at least {MIN_TEXT} characters is needed; it is kept in the journal.")
    if not now < until <= now + LONGEST:
        last = (now + LONGEST).date()
        raise UsageError(f"A finding is accepted until a day to come, {last} at the latest.")
    with workshop.cache.write() as session:
        row = findings.finding_row(session, finding_id)
        _must_be_open(session, row, now)
        if row.kind != FindingKind.SEPARATION.value:
            return _asked(workshop, session, row, _put(workshop, session, row, reason.strip(), until))
        person, rule = row.person_key, row.rule
    case = request_separation(workshop, person, rule, reason.strip(), until)
    with workshop.cache.write() as session:
        row = findings.finding_row(session, finding_id)
        [asked] = exceptions.in_scope(session, cases.case_row(session, case))
        return _asked(workshop, session, row, asked)


def _put(workshop: Workshop, session: Session, row: FindingRow, reason: str, until: datetime) -> ExceptionRow:
    asked = ExceptionRow(
        kind=ExceptionKind.FINDING.value,
        person_id=row.person_id,
        subject=row.key,
        reason=reason,
        requested_by=workshop.actor,
        state=ExceptionState.ASKED.value,
        asked_at=workshop.clock(),
        until=until,
    )
    session.add(asked)
    session.flush()
    return asked


def _asked(workshop: Workshop, session: Session, row: FindingRow, asked: ExceptionRow) -> int:
    """Let the finding tell what was asked for because of it; its number."""
    now = workshop.clock()
    row.exception_id, row.version = asked.id or 0, row.version + 1
    where = f" in case {asked.case_id}" if asked.case_id else ""
    summary = (
        f"{workshop.actor} asked to accept finding {row.id} until {asked.until:%Y-%m-%d %H:%M} UTC{where}: "
        f"{asked.reason} ({row.detail})"
    )
    append(session, now, _entry(workshop, "finding.accept.ask", summary, row, asked))
    _signal(session, now, row, asked)
    return asked.id or 0


def decide_acceptance(workshop: Workshop, exception_id: int, approve: bool, reason: str = "") -> None:
    """Agree that a finding is left as it is, or refuse it.

    Raises NotAllowed for who asked for it and whom it is about, under whatever login, and for what waits no more.
    """
    now = workshop.clock()
    if not approve and not reason.strip():
        raise UsageError("A refusal needs a reason; it is kept in the journal.")
    with workshop.cache.write() as session:
        asked = exceptions.exception_row(session, exception_id)
        if asked.kind != ExceptionKind.FINDING.value:
            raise NotAllowed(f"Exception {exception_id} is decided in its case {asked.case_id}.", hint=_decides(asked))
        if asked.state != ExceptionState.ASKED.value:
            raise NotAllowed(f"Exception {exception_id} is {asked.state} already; nothing was decided.")
        if asked.until is not None and asked.until <= now:
            raise NotAllowed(f"The time that exception {exception_id} was asked for is over.", hint="Ask anew.")
        row = findings.finding_of(session, asked.subject)
        if approve and row is not None and row.kind == FindingKind.SEPARATION.value:
            raise NotAllowed(
                f"A conflict of duties takes an exception from the rule “{row.rule}”.",
                hint=f"Refuse this, and ask anew: jmltui findings accept {row.id}.",
            )
        _must_be_another(workshop, session, asked, row)
        why = f": {reason.strip()}" if reason.strip() else ""
        word = "agreed to accept" if approve else "refused to accept"
        summary = f"{workshop.actor} {word} {row.detail if row is not None else asked.subject}{why}"
        action = "finding.accept" if approve else "finding.refuse"
        append(session, now, _entry(workshop, action, summary, row, asked))
        if approve:
            exceptions.put_in_force(session, asked, workshop.actor, now)
        else:
            exceptions.close(session, asked, ExceptionState.REFUSED, now)
        if row is not None:
            if approve and row.state == FindingState.OPEN.value:
                row.state = FindingState.EXCEPTED.value
            row.exception_id, row.version = asked.id if approve and asked.id else 0, row.version + 1
            _signal(session, now, row, asked)


def _must_be_open(session: Session, row: FindingRow, now: datetime) -> None:
    if row.kind == FindingKind.BREAK_GLASS.value:
        raise NotAllowed("Emergency access cannot be accepted, only reviewed.", hint=FindingKind.BREAK_GLASS.remedy)
    if row.state != FindingState.OPEN.value:
        told = {
            FindingState.CASE.value: f"worked on by case {row.case_id}",
            FindingState.EXCEPTED.value: f"accepted already by exception {row.exception_id}",
            FindingState.GONE.value: "no longer so",
        }[row.state]
        raise NotAllowed(f"Finding {row.id} is {told}; nothing was asked for.")
    standing = findings.standing_acceptance(session, row)
    if standing is not None and (standing.until is None or standing.until > now):
        hint = f"Another person decides: jmltui findings approve {row.id}, or refuse {row.id}."
        raise NotAllowed(
            f"{standing.requested_by} asked to accept finding {row.id} already (exception {standing.id}).",
            hint=_decides(standing) if standing.kind == ExceptionKind.SEPARATION.value else hint,
        )


def _decides(asked: ExceptionRow) -> str:
    return f"`jmltui plan {asked.case_id}` names the step that waits, and `jmltui approve` decides it."


def _must_be_another(workshop: Workshop, session: Session, asked: ExceptionRow, row: FindingRow | None) -> None:
    """Neither who asked nor whom the finding is about decides."""
    actor = workshop.actor
    if same_person(session, asked.requested_by, actor):
        raise NotAllowed("You asked for this yourself; another person has to decide.")
    names = {row.person_key.casefold(), row.login.casefold()} if row is not None else set()
    if actor.casefold() in names or (asked.person_id and asked.person_id in persons_of_login(session, actor)):
        raise NotAllowed("This is about you; another person has to decide.")


def _entry(workshop: Workshop, action: str, summary: str, row: FindingRow | None, asked: ExceptionRow) -> Entry:
    facts = {"exception": asked.id, "key": asked.subject, "until": asked.until}
    person, system = (row.person_id, row.system) if row is not None else (asked.person_id, "")
    return Entry(workshop.actor, action, summary, person_id=person or None, system=system, facts=facts)


def _signal(session: Session, now: datetime, row: FindingRow, asked: ExceptionRow) -> None:
    signal_change(session, now, "finding", row.id)
    signal_change(session, now, "exception", asked.id)
