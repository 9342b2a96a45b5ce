"""What people ask for beyond what their roles give: access, the breach of a separation rule, an overlap when they move.

Each is an exception with a case of its own. It is in force once everybody on the approval path agreed, and ends at its
time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import cases, exceptions, replans
from jmltui.cache.journal import Entry, append
from jmltui.cache.tables import CaseRow, ExceptionRow, LineRow
from jmltui.domain.access import Tier
from jmltui.domain.case import CaseKind, CaseState
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.duration import format_duration
from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.person import Person
from jmltui.domain.scope import Scope
from jmltui.errors import NotAllowed, UsageError

from .break_glass import break_glass, review_break_glass
from .expiry import end_exception, end_reached, end_unfounded
from .replan import replan_case
from .request_checks import (
    check_duration,
    check_text,
    entitlement_of,
    obstacle,
    person_of,
    separation_of,
    situation,
)
from .scoped import open_scoped
from .workshop import Workshop

__all__ = [
    "Requestable",
    "break_glass",
    "end_exception",
    "end_reached",
    "end_unfounded",
    "request_access",
    "request_overlap",
    "request_separation",
    "requestable",
    "review_break_glass",
]

LONGEST_SEPARATION: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Requestable:
    """An entitlement as one person may ask for it. `why_not` says why they cannot now, "" when they can.

    `outside_policy`: no role of theirs lets them, so that it is an exception to the policy itself. `rules` are the ids
    of the separation rules that stand in the way.
    """

    entitlement: str
    system: str
    target: str
    tier: Tier
    max_duration: timedelta | None
    approval_path: str
    held: bool
    why_not: str
    outside_policy: bool = False
    rules: tuple[str, ...] = ()


def requestable(workshop: Workshop, person_key: str) -> list[Requestable]:
    """Everything that can be asked for for a person: first what their roles let them ask for, then the rest.

    Raises UsageError for an unknown key, NotAllowed for who has left.
    """
    with workshop.cache.read() as session:
        now = situation(workshop, session, person_of(workshop, session, person_key))
    found = []
    for entitlement in workshop.policy.definitions.entitlements.values():
        why_not = obstacle(now, entitlement)
        stops = [] if why_not else separation_of(workshop.policy, now, [entitlement.id])[0]
        found.append(
            Requestable(
                entitlement=entitlement.id,
                system=entitlement.system,
                target=entitlement.target,
                tier=entitlement.tier,
                max_duration=entitlement.max_duration,
                approval_path=entitlement.approval_path,
                held=entitlement.id in now.held,
                why_not=why_not or " ".join(each.sentence for each in stops),
                rules=tuple(dict.fromkeys(each.rule for each in stops)),
                outside_policy=entitlement.id not in now.may_request,
            )
        )
    return sorted(found, key=lambda each: (each.outside_policy, bool(each.why_not), each.entitlement))


def request_access(
    workshop: Workshop, person_key: str, entitlement: str, reason: str, duration: timedelta | None = None
) -> int:
    """Ask for an entitlement for a person; the number of the case, which the worker carries out once it is approved.

    Without a duration it is asked for as long as the policy allows. What no role of the person lets be asked for is an
    exception outside the policy, which says so and always ends: after a month where nothing else is asked. Raises
    NotAllowed when it is due already, for too long, or forbidden by separation of duties, and when nobody would have to
    agree to what has to be agreed to.
    """
    reason = check_text(reason)
    with workshop.cache.write() as session:
        person = person_of(workshop, session, person_key)
        wanted = entitlement_of(workshop.policy, entitlement)
        now = situation(workshop, session, person)
        if problem := next(iter(workshop.policy.problems(person, now.at)), None):
            raise NotAllowed(f"Nothing can be given to {person.name}: {problem.sentence}.".replace("..", "."))
        if why_not := obstacle(now, wanted):
            raise NotAllowed(why_not)
        outside = wanted.id not in now.may_request
        length = check_duration(wanted, duration, outside=outside)
        stops, warnings = separation_of(workshop.policy, now, [wanted.id])
        if stops:
            raise NotAllowed(stops[0].sentence, hint="`jmltui request separation` asks to break the rule for a time.")
        row = _ask(workshop, session, ExceptionKind.ACCESS, person, wanted.id, reason, length=length, outside=outside)
        event: dict[str, object] = {"asked for": wanted.id, "by": workshop.actor, "reason": reason}
        if length is not None:
            event["for"] = format_duration(length)
        if outside:
            event["outside the policy"] = f"no role lets {person.name} ask for it"
        if warnings:
            event["warnings"] = warnings
        scope = Scope(entitlements=(wanted.id,), exceptions=(row.id or 0,), reason=reason)
        return _open(workshop, session, [row], person, scope, event, must_agree=outside or wanted.approval)


def request_separation(workshop: Workshop, person_key: str, rule_id: str, reason: str, until: datetime) -> int:
    """Ask that a person may break a separation rule until an instant, a year ahead at most; the number of the case.

    Raises UsageError for an unknown rule, NotAllowed when it is asked for already or for too long.
    """
    reason = check_text(reason)
    with workshop.cache.write() as session:
        person = person_of(workshop, session, person_key)
        rules = workshop.policy.definitions.separation
        if rule_id not in rules:
            raise UsageError(f"The policy has no separation rule “{rule_id}”.", hint=did_you_mean(rule_id, rules))
        now = situation(workshop, session, person)
        _check_until(until, now.at, LONGEST_SEPARATION)
        for e in now.exceptions:
            if e.kind is ExceptionKind.SEPARATION and e.subject == rule_id:
                raise NotAllowed(f"{person.name} has an exception from “{rule_id}” already: {e.id}, {e.state.value}.")
        row = _ask(workshop, session, ExceptionKind.SEPARATION, person, rule_id, reason, until=until, outside=True)
        scope = Scope(exceptions=(row.id or 0,), reason=reason)
        event = {"may break": rule_id, "by": workshop.actor, "reason": reason, "until": until.isoformat()}
        return _open(workshop, session, [row], person, scope, event, must_agree=True)


def request_overlap(workshop: Workshop, case_id: int, until: datetime, reason: str) -> int:
    """Ask that a mover keeps what the case would take away, until an instant; the number of the case that asks.

    Nothing of it is taken away while it is asked for. Raises NotAllowed where the procedure allows no overlap or not
    for so long, and for a case that takes nothing away that the policy speaks of.
    """
    reason = check_text(reason)
    with workshop.cache.write() as session:
        mover = cases.case_row(session, case_id)
        path = _overlap_path(workshop, mover, until)
        person = person_of(workshop, session, mover.person_key)
        now = situation(workshop, session, person)
        names = [name for name in _losing(workshop, session, case_id) if name not in now.access]
        if not names:
            raise NotAllowed(f"Case {case_id} takes nothing away that {person.name} could keep for a while.")
        rows = [
            _ask(workshop, session, ExceptionKind.ACCESS, person, name, reason, until=until, outside=True)
            for name in names
        ]
        numbers = tuple(row.id or 0 for row in rows)
        scope = Scope(exceptions=numbers, reason=reason, approval_path=path)
        event = {
            "keeps for a while": names,
            "by": workshop.actor,
            "reason": reason,
            "until": until.isoformat(),
            "case": case_id,
        }
        number = _open(workshop, session, rows, person, scope, event, must_agree=True)
        replans.outdate(session, [person.id], besides=number)
    replan_case(workshop, case_id)
    return number


def _check_until(until: datetime, now: datetime, longest: timedelta) -> None:
    if until <= now:
        raise UsageError("The end must lie ahead.")
    if until > now + longest:
        last = now + longest
        raise NotAllowed(f"It may last until {last:%Y-%m-%d %H:%M} UTC at most, which is {format_duration(longest)}.")


def _overlap_path(workshop: Workshop, mover: CaseRow, until: datetime) -> str:
    """The path that an overlap of this case takes. Raises NotAllowed."""
    if mover.kind != CaseKind.MOVER.value:
        raise NotAllowed(f"Case {mover.id} is no move; only who moves keeps something for a while.")
    if mover.state != CaseState.OPEN.value:
        raise NotAllowed(f"Case {mover.id} is {mover.state}; nothing can be asked for in it.")
    procedure = workshop.policy.procedure(CaseKind.MOVER.value)
    if procedure is None or procedure.overlap is None:
        raise NotAllowed("The procedure “mover” of the policy allows no overlap.")
    _check_until(until, workshop.clock(), procedure.overlap.longest)
    return procedure.overlap.approval_path


def _losing(workshop: Workshop, session: Session, case_id: int) -> list[str]:
    """The policy's ids of what a case takes away."""
    query = select(col(LineRow.system), col(LineRow.target)).where(
        col(LineRow.case_id) == case_id, col(LineRow.kind) == DiffKind.REMOVE.value
    )
    found = (workshop.policy.by_target.get((system, target)) for system, target in session.execute(query))
    return list(dict.fromkeys(name for name in found if name is not None))


def _ask(
    workshop: Workshop,
    session: Session,
    kind: ExceptionKind,
    person: Person,
    subject: str,
    reason: str,
    *,
    length: timedelta | None = None,
    until: datetime | None = None,
    outside: bool = False,
) -> ExceptionRow:
    row = ExceptionRow(
        kind=kind.value,
        person_id=person.id,
        subject=subject,
        reason=reason,
        requested_by=workshop.actor,
        state=ExceptionState.ASKED.value,
        asked_at=workshop.clock(),
        until=until,
        seconds=int(length.total_seconds()) if length is not None else 0,
        outside_policy=outside,
    )
    if kind is ExceptionKind.ACCESS:
        wanted = workshop.policy.entitlements[subject]
        row.system, row.target = wanted.system, wanted.target
    session.add(row)
    session.flush()
    return row


def _open(
    workshop: Workshop,
    session: Session,
    rows: list[ExceptionRow],
    person: Person,
    scope: Scope,
    event: Mapping[str, object],
    *,
    must_agree: bool,
) -> int:
    """Open the case of what was asked for; the worker carries it out as it is approved. Raises NotAllowed when the
    policy's procedure lets nobody agree to what somebody must.
    """
    now = workshop.clock()
    key = f"exception:{rows[0].id}"
    number = open_scoped(workshop, session, CaseKind.EXCEPTION, person, scope, event, key, now)
    case, asking = cases.case_row(session, number), [s for s in cases.steps_of(session, number) if s.approval]
    if must_agree and not asking:
        raise NotAllowed(
            f"Somebody has to agree to this, but the procedure “{case.kind}” has no step where they could.",
            hint="Add a step with `do: approval.collect` to it.",
        )
    case.run_through, case.requested_by = True, workshop.actor
    for row in rows:
        row.case_id = number
        if not asking:
            exceptions.put_in_force(session, row, "", now)
    names = ", ".join(row.subject for row in rows)
    outside = ", outside the policy" if any(row.outside_policy and row.until is None for row in rows) else ""
    summary = f"{workshop.actor} asked for {names} for {person.name} ({person.key}){outside}: {scope.reason}"
    append(session, now, Entry(workshop.actor, "exception.ask", summary, number, person.id))
    session.flush()
    cases.advance(session, number, now)
    return number
