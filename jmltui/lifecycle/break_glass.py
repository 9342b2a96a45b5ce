"""Access in an emergency: at once, without anybody's approval, for a short time, and looked at afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from jmltui.cache import approvals, cases, exceptions
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.tables import ExceptionRow
from jmltui.domain.case import CaseKind
from jmltui.domain.duration import format_duration
from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.person import Person
from jmltui.domain.scope import Scope
from jmltui.errors import NotAllowed
from jmltui.policy.model import BreakGlass, PolicyEntitlement

from .request_checks import check_text, entitlement_of, obstacle, person_of, separation_of, situation
from .scoped import open_scoped
from .whose import answers
from .workshop import Workshop


def break_glass(workshop: Workshop, person_key: str, entitlement: str, reason: str) -> int:
    """Take an access at once; the number of the case, which the worker carries out without an approval.

    It ends by itself, is told in the journal first, and has to be looked at by another person. Raises NotAllowed for an
    entitlement that the policy does not let be taken so, for somebody who may not take any, for who took one that
    nobody has looked at yet, and where separation of duties forbids it; UsageError without a reason.
    """
    reason = check_text(reason)
    with workshop.cache.write() as session:
        person = person_of(workshop, session, person_key)
        wanted = entitlement_of(workshop.policy, entitlement)
        rule = _allowed(workshop, session, person, wanted)
        now = situation(workshop, session, person)
        standing = now.access.get(wanted.id)
        asked = standing is not None and standing.state is ExceptionState.ASKED
        if not asked and (why_not := obstacle(now, wanted)):
            raise NotAllowed(why_not)
        if stops := separation_of(workshop.policy, now, [wanted.id])[0]:
            raise NotAllowed(stops[0].sentence)
        length = min(rule.max_duration, wanted.max_duration or rule.max_duration)
        row = _taken(workshop, session, person, wanted.id, reason, length, now.at)
        told = f" To be told: {', '.join(rule.tell)}." if rule.tell else ""
        by = now.at + rule.review_within
        summary = (
            f"EMERGENCY ACCESS: {workshop.actor} took {wanted.id} for {person.name} ({person.key}) for "
            f"{format_duration(length)} without an approval: {reason}.{told} To be looked at by {by:%Y-%m-%d %H:%M} UTC"
        )
        facts = {"exception": row.id, "tell": list(rule.tell), "review_by": by.isoformat(), "until": str(row.until)}
        append(session, now.at, Entry(workshop.actor, "break-glass", summary, None, person.id, wanted.system, facts))
        return _open(workshop, session, person, row, reason, by)


def review_break_glass(workshop: Workshop, exception_id: int, text: str) -> None:
    """State what was found when an emergency access was looked at. Raises NotAllowed for who took it or had it."""
    text, now = check_text(text, "statement"), workshop.clock()
    with workshop.cache.write() as session:
        row = exceptions.exception_row(session, exception_id)
        if not row.break_glass:
            raise NotAllowed(
                f"Exception {exception_id} was approved; only an emergency access is looked at afterwards."
            )
        if row.reviewed_by:
            raise NotAllowed(f"{row.reviewed_by} has looked at exception {exception_id} already.")
        if approvals.same_person(session, row.requested_by, workshop.actor):
            raise NotAllowed("You took this access yourself; another person has to look at it.")
        if row.person_id in approvals.persons_of_login(session, workshop.actor):
            raise NotAllowed("You had this access yourself; another person has to look at it.")
        row.reviewed_by, row.version = workshop.actor, row.version + 1
        summary = f"{workshop.actor} looked at the emergency access {row.id} ({row.subject}): {text}"
        facts = {"exception": row.id, "taken_by": row.requested_by}
        append(
            session, now, Entry(workshop.actor, "break-glass.review", summary, row.case_id, row.person_id, facts=facts)
        )
        signal_change(session, now, "exception", row.id)


def _allowed(workshop: Workshop, session: Session, person: Person, wanted: PolicyEntitlement) -> BreakGlass:
    """What the policy says of emergencies. Raises NotAllowed where it lets this person not take this."""
    rule = workshop.policy.definitions.break_glass
    if rule is None:
        raise NotAllowed("The policy lets nobody take access in an emergency.", hint="Its section is `break_glass`.")
    if not wanted.break_glass:
        raise NotAllowed(f"The policy does not let “{wanted.id}” be taken in an emergency.", hint="Ask for it instead.")
    is_one_of = answers(workshop, session, workshop.actor, person, wanted.system)
    if not any(is_one_of(word) for word in rule.who):
        told = " or ".join(rule.who)
        raise NotAllowed(
            f"Only {told} may take access in an emergency.", hint=f"You are {workshop.actor}, who is none of them."
        )
    before = exceptions.unreviewed(session, workshop.actor)
    if before is not None:
        raise NotAllowed(
            f"You took “{before.subject}” on {before.asked_at:%Y-%m-%d at %H:%M} UTC, and nobody has looked at it yet.",
            hint=f"Another person does: `jmltui request review {before.id} TEXT`.",
        )
    return rule


def _taken(
    workshop: Workshop,
    session: Session,
    person: Person,
    subject: str,
    reason: str,
    length: timedelta,
    now: datetime,
) -> ExceptionRow:
    row = ExceptionRow(
        kind=ExceptionKind.ACCESS.value,
        person_id=person.id,
        subject=subject,
        reason=reason,
        requested_by=workshop.actor,
        state=ExceptionState.ACTIVE.value,
        asked_at=now,
        starts=now,
        until=now + length,
        seconds=int(length.total_seconds()),
        break_glass=True,
    )
    wanted = workshop.policy.entitlements[subject]
    row.system, row.target = wanted.system, wanted.target
    session.add(row)
    session.flush()
    signal_change(session, now, "exception", row.id)
    return row


def _open(
    workshop: Workshop, session: Session, person: Person, row: ExceptionRow, reason: str, review_by: datetime
) -> int:
    now = workshop.clock()
    scope = Scope(entitlements=(row.subject,), exceptions=(row.id or 0,), reason=reason)
    event = {
        "emergency": row.subject,
        "by": workshop.actor,
        "reason": reason,
        "until": str(row.until),
        "review by": review_by.isoformat(),
    }
    number = open_scoped(workshop, session, CaseKind.EXCEPTION, person, scope, event, f"exception:{row.id}", now)
    case = cases.case_row(session, number)
    case.run_through, case.requested_by, case.urgent = True, workshop.actor, True
    row.case_id = number
    session.flush()
    cases.advance(session, number, now)
    return number
