"""The end of exceptions: by their time, by hand, because their ground is gone, or because nobody agreed.

What an exception gave is taken back by a case of its own that the worker carries out by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import cases, exceptions, people, replans
from jmltui.cache.journal import Entry, append
from jmltui.cache.tables import CaseRow, ExceptionRow
from jmltui.domain.case import CaseEvent, CaseKind, CaseState
from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.person import Person
from jmltui.domain.replan import IN_FLIGHT
from jmltui.domain.scope import Scope
from jmltui.errors import NotAllowed, UsageError

from .holding import open_batch, removals_guard
from .planning import Planner
from .scoped import open_scoped
from .workshop import Workshop

AT_ONCE: Final = 100
"""Exceptions ended by one transaction."""
MIN_TEXT: Final = 3
_UNDER_WAY: Final = [state.value for state in IN_FLIGHT]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an exception ends. `take_back` is False where another case takes everything away."""

    why: str
    facts: Mapping[str, object]
    due: datetime
    take_back: bool = True


_Due = Callable[[Session, datetime], list[tuple[ExceptionRow, Ending]]]


def end_exception(workshop: Workshop, exception_id: int, reason: str) -> int:
    """End an exception before its time, or withdraw what is still asked for.

    The number of the case that takes the access back, 0 where nothing is to be taken back. Raises NotAllowed when it
    has ended already, or is being granted at this moment.
    """
    if len(reason.strip()) < MIN_TEXT:
        raise UsageError(f"A reason of at least {MIN_TEXT} characters is needed; it is kept in the journal.")
    now = workshop.clock()
    with workshop.cache.write() as session:
        row = exceptions.exception_row(session, exception_id)
        if row.state not in exceptions.STANDING:
            raise NotAllowed(f"Exception {exception_id} is {row.state} already.")
        if _under_way(session, row):
            raise NotAllowed(
                f"Case {row.case_id} is granting it at this moment; nothing was ended.",
                hint="End it when the worker has read the change back.",
            )
        ending = Ending(f"{workshop.actor} ended it: {reason.strip()}", {"ended_by": workshop.actor}, now)
        found = _end(workshop, session, [(row, ending)], workshop.actor)
        return found[0] if found else 0


def end_reached(workshop: Workshop) -> int:
    """End every exception whose time is over; how many. What it gave is taken back by the worker itself.

    An exception that is being granted at this very moment ends at the next call, when it is known what was done.
    """

    def due(session: Session, now: datetime) -> list[tuple[ExceptionRow, Ending]]:
        rows = (exceptions.exception_row(session, number) for number in exceptions.reached(session, now))
        return [(row, _time_over(row, now)) for row in rows]

    return _end_all(workshop, due)


def end_unfounded(workshop: Workshop) -> int:
    """End what was granted to people who may not ask for it any more, or who have left; how many.

    What was agreed to outside the policy outlives a move, but not a leaving. Where more is taken back than the guard
    lets pass, as by a mistake in a changed policy, all of it waits in one batch for a person.
    """

    def due(session: Session, now: datetime) -> list[tuple[ExceptionRow, Ending]]:
        return list(_unfounded(workshop, session, now))

    return _end_all(workshop, due, guarded=True)


def refuse_exceptions(workshop: Workshop, session: Session, case: CaseRow, reason: str) -> None:
    """Refuse what a case asks for, and end the case. What stayed only for as long as it was asked for goes."""
    now = workshop.clock()
    rows = [row for row in exceptions.in_scope(session, case) if row.state in exceptions.STANDING]
    moving = any(other.kind == CaseKind.MOVER.value for other in cases.live_cases_of(session, case.person_id))
    held = [
        row
        for row in rows
        if row.state == ExceptionState.ACTIVE.value or (exceptions.exception_of(row).keeps_meanwhile and not moving)
    ]
    for row in rows:
        exceptions.close(session, row, ExceptionState.REFUSED, now)
    cases.move_case(session, case, CaseEvent.CANCEL, now)
    summary = f"{case.kind} case of {case.person_name} ends: {workshop.actor} refused it: {reason}"
    append(session, now, Entry(workshop.actor, "exception.refuse", summary, case.id, case.person_id))
    replans.outdate(session, [case.person_id], besides=case.id or 0)
    session.flush()
    _take_back(workshop, session, [(row, Ending("it was refused", {}, now)) for row in held], workshop.actor)


def _time_over(row: ExceptionRow, now: datetime) -> Ending:
    until = row.until or now
    facts = {"until": until.isoformat(), "late": int((now - until).total_seconds())}
    return Ending("its time is over", facts, until)


def _unfounded(workshop: Workshop, session: Session, now: datetime) -> Iterable[tuple[ExceptionRow, Ending]]:
    rows = exceptions.standing(session)
    persons = {person.id: person for person in people.persons(session, {row.person_id for row in rows})}
    left = _left(session, persons, now)
    for row in rows:
        person = persons.get(row.person_id)
        if person is None:
            continue
        if (at := left.get(person.id)) is not None and at >= row.asked_at:
            yield row, Ending("the person left", {}, now, take_back=False)
        elif _is_founded_on_a_role(row) and workshop.policy.lets_request(person, now, row.subject) is False:
            yield row, Ending(f"{person.name} may not ask for it any more", {}, now)


def _is_founded_on_a_role(row: ExceptionRow) -> bool:
    return row.kind == ExceptionKind.ACCESS.value and not (row.outside_policy or row.break_glass)


def _left(session: Session, persons: Mapping[int, Person], now: datetime) -> dict[int, datetime]:
    """When people left last, of those whose leaver case came to its day."""
    found: dict[int, datetime] = {}
    numbers = sorted(persons)
    for start in range(0, len(numbers), 500):
        query = select(col(CaseRow.person_id), col(CaseRow.due)).where(
            col(CaseRow.person_id).in_(numbers[start : start + 500]),
            col(CaseRow.kind) == CaseKind.LEAVER.value,
            col(CaseRow.state).in_([CaseState.OPEN.value, CaseState.DONE.value]),
            col(CaseRow.due) <= now,
        )
        for person, due in session.execute(query):
            found[person] = max(due, found.get(person, due))
    return found


def _end_all(workshop: Workshop, due: _Due, *, guarded: bool = False) -> int:
    """End what `due` finds, a hundred in one transaction, until it finds no more that can be ended now."""
    now = workshop.clock()
    with workshop.cache.read() as session:
        found = due(session, now)
        waiting = [row.id for row, _ in found]
        losing = sum(_is_given(row) and why.take_back for row, why in found)
        why_held = removals_guard(workshop, session, losing, 0, "of access that nobody may ask for any more")
    held_in: tuple[int, str] | None = None
    if guarded and why_held:
        with workshop.cache.write() as session:
            batch = open_batch(session, "policy", why_held, cases.BY_ITSELF, now, held=losing)
            held_in = (batch.id or 0, why_held)
    ended = 0
    for start in range(0, len(waiting), AT_ONCE):
        part = set(waiting[start : start + AT_ONCE])
        with workshop.cache.write() as session:
            found = [(row, why) for row, why in due(session, now) if row.id in part and not _under_way(session, row)]
            _end(workshop, session, found, cases.BY_ITSELF, held_in)
            ended += len(found)
    return ended


def _is_given(row: ExceptionRow) -> bool:
    return row.state == ExceptionState.ACTIVE.value or row.until is not None


def _end(
    workshop: Workshop,
    session: Session,
    ending: Sequence[tuple[ExceptionRow, Ending]],
    actor: str,
    held_in: tuple[int, str] | None = None,
) -> list[int]:
    """End exceptions and the cases that would still grant them; the numbers of the cases that take them back."""
    now = workshop.clock()
    given = [(row, why) for row, why in ending if _is_given(row)]
    for row, why in ending:
        exceptions.close(session, row, ExceptionState.ENDED, now)
        facts = {"exception": row.id, **why.facts}
        summary = f"exception {row.id} ({row.kind} {row.subject}) ends: {why.why}"
        append(session, now, Entry(actor, "exception.end", summary, row.case_id or None, row.person_id, facts=facts))
    session.flush()
    for row, why in ending:
        _stop_granting(session, row, why, actor, now)
    replans.outdate(session, {row.person_id for row, _ in ending if row.person_id})
    return _take_back(workshop, session, given, actor, held_in)


def _take_back(
    workshop: Workshop,
    session: Session,
    ending: Sequence[tuple[ExceptionRow, Ending]],
    actor: str,
    held_in: tuple[int, str] | None = None,
) -> list[int]:
    """Open the cases that take access back, each carried out by the worker itself; none where nothing is held."""
    mine = [(row, why) for row, why in ending if row.kind == ExceptionKind.ACCESS.value and why.take_back]
    mine = [(row, why) for row, why in mine if row.subject in workshop.policy.definitions.entitlements]
    if not mine:
        return []
    persons = {person.id: person for person in people.persons(session, {row.person_id for row, _ in mine})}
    planner, now, opened = Planner(workshop, session, list(persons.values())), workshop.clock(), []
    for row, why in mine:
        person = persons[row.person_id]
        scope = Scope(entitlements=(row.subject,), reason=why.why)
        plan = planner.plan(CaseKind.EXPIRY, person, scope)
        if not any(step.actions for step in plan.steps) and not plan.blocked:
            continue
        event = {"exception": row.id, "entitlement": row.subject, "why": why.why, **why.facts}
        key = f"expiry:{row.id}"
        number = open_scoped(
            workshop,
            session,
            CaseKind.EXPIRY,
            person,
            scope,
            event,
            key,
            why.due,
            actor=actor,
            planner=planner,
            held_in=held_in,
        )
        case = cases.case_row(session, number)
        case.run_through, case.requested_by = True, cases.BY_ITSELF
        cases.advance(session, number, now)
        opened.append(number)
    return opened


def _stop_granting(session: Session, row: ExceptionRow, ending: Ending, actor: str, now: datetime) -> None:
    """End the case that would go on granting what has ended, unless it asks for something else as well."""
    case = session.get(CaseRow, row.case_id) if row.case_id else None
    if case is None or not CaseState(case.state).is_live or case.kind != CaseKind.EXCEPTION.value:
        return
    if any(other.state in exceptions.STANDING for other in exceptions.in_scope(session, case)):
        return
    cases.cancel(session, case, ending.why, now, actor)
    cases.advance(session, case.id or 0, now)


def _under_way(session: Session, row: ExceptionRow) -> bool:
    """Whether a call that grants it was begun and nobody knows yet how it ended."""
    if not row.case_id:
        return False
    return any(action.state in _UNDER_WAY for action in cases.actions_of(session, row.case_id))
