"""The end of exceptions: by their time, by hand, because their ground is gone, or because nobody agreed.

What an exception gave is taken back by a case of its own that the worker carries out by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import batches, cases, exceptions, people, replans
from jmltui.cache.journal import Entry, append
from jmltui.cache.tables import BatchRow, CaseRow, ExceptionRow
from jmltui.domain.case import CaseEvent, CaseKind, CaseState
from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.person import Person
from jmltui.domain.replan import IN_FLIGHT
from jmltui.errors import NotAllowed, UsageError

from .holding import open_batch, removals_guard
from .renamed import follow_renamed, is_gone
from .taking_back import LOST, Ending, EndingRow, is_given, take_back
from .workshop import Workshop

AT_ONCE: Final = 100
"""Exceptions ended by one transaction."""
MIN_TEXT: Final = 3
FOUNDED_AGAIN: Final = "it is founded again"
_UNDER_WAY: Final = [state.value for state in IN_FLIGHT]


_Due = Callable[[Session, datetime], Iterable[EndingRow]]


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

    def due(session: Session, now: datetime) -> Iterable[EndingRow]:
        rows = (exceptions.exception_row(session, number) for number in exceptions.reached(session, now))
        return [(row, _time_over(row, now)) for row in rows]

    with workshop.cache.read() as session:
        numbers = [row.id or 0 for row, _ in due(session, workshop.clock())]
    return _end_all(workshop, due, numbers)


def end_unfounded(workshop: Workshop) -> int:
    """End what was granted to people who may not ask for it any more or who have left, and what the policy does not
    have any more; how many end, or wait for a person to say so.

    What was agreed to outside the policy outlives a move, but not a leaving. Where more is taken back than the guard
    lets pass, as by a mistake in a changed policy, all of it stays and waits in one batch: `end_released` ends it, and
    nobody does where it is founded again by then.
    """
    follow_renamed(workshop)

    def due(session: Session, now: datetime) -> Iterable[EndingRow]:
        return _unfounded(workshop, session, now, exceptions.standing(session))

    with workshop.cache.read() as session:
        lost = {row.id or 0: is_given(row) and why.take_back for row, why in due(session, workshop.clock())}
        waiting = _waiting(session)
        spoken = {*waiting, *_dismissed(workshop, session)} if lost else set()
        losing = [number for number, taken in lost.items() if taken and number not in spoken]
        why_held = removals_guard(workshop, session, len(losing), "of access that nobody may ask for any more")
    _found_again(workshop, [case for number, case in waiting.items() if number not in lost])
    ended = _end_all(workshop, due, [number for number, taken in lost.items() if not taken])
    if why_held:
        return ended + _hold(workshop, due, losing, why_held)
    return ended + _end_all(workshop, due, losing)


def end_released(workshop: Workshop, session: Session, case: CaseRow) -> bool:
    """End the exception whose access a case takes back that another person released just now.

    False where it is founded again, so that nothing is to be taken back: then the case ends.
    """
    now = workshop.clock()
    row = session.get(ExceptionRow, _exception(case)) if case.event_key.startswith(LOST) else None
    if row is None or row.state not in exceptions.STANDING:
        return True
    found = next(iter(_unfounded(workshop, session, now, [row])), None)
    if found is None:
        cases.cancel(session, case, FOUNDED_AGAIN, now)
        return False
    _close(session, row, found[1], workshop.actor, now)
    _stop_granting(session, row, found[1], workshop.actor, now)
    return True


def refuse_exceptions(workshop: Workshop, session: Session, case: CaseRow, reason: str) -> None:
    """Refuse what a case asks for, and end the case. What stayed only for as long as it was asked for goes."""
    now = workshop.clock()
    rows = [row for row in exceptions.in_scope(session, case) if row.state in exceptions.STANDING]
    moving = any(other.kind == CaseKind.MOVER.value for other in cases.live_cases_of(session, case.person_id))
    _drop_waiting(session, rows, "it was refused", now)
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
    take_back(workshop, session, [(row, Ending("it was refused", {}, now)) for row in held], workshop.actor)


def _time_over(row: ExceptionRow, now: datetime) -> Ending:
    until = row.until or now
    facts = {"until": until.isoformat(), "late": int((now - until).total_seconds())}
    return Ending("its time is over", facts, until)


def _unfounded(
    workshop: Workshop, session: Session, now: datetime, rows: Sequence[ExceptionRow]
) -> Iterable[EndingRow]:
    policy = workshop.policy
    persons = {person.id: person for person in people.persons(session, {row.person_id for row in rows})}
    left = _left(session, persons, now)
    for row in rows:
        person = persons.get(row.person_id)
        if person is None:
            continue
        if (at := left.get(person.id)) is not None and at >= row.asked_at:
            yield row, Ending("the person left", {}, now, take_back=False)
        elif is_gone(policy, row):
            facts = {"system": row.system, "target": row.target}
            yield row, Ending(f"the policy has no “{row.subject}” any more", facts, now, lost=True)
        elif (
            _is_founded_on_a_role(row)
            and row.subject in policy.entitlements
            and policy.lets_request(person, now, row.subject) is False
        ):
            yield row, Ending(f"{person.name} may not ask for it any more", {}, now, lost=True)


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


def _end_all(workshop: Workshop, due: _Due, numbers: Sequence[int]) -> int:
    """End what `due` still finds of some exceptions, a hundred in one transaction; how many could be ended now."""
    now, ended = workshop.clock(), 0
    for start in range(0, len(numbers), AT_ONCE):
        part = set(numbers[start : start + AT_ONCE])
        with workshop.cache.write() as session:
            found = [(row, why) for row, why in due(session, now) if row.id in part and not _under_way(session, row)]
            _end(workshop, session, found, cases.BY_ITSELF)
            ended += len(found)
    return ended


def _hold(workshop: Workshop, due: _Due, numbers: Sequence[int], why_held: str) -> int:
    """Let a person say whether some exceptions end; how many are asked about. What gives nothing ends at once."""
    now, asked = workshop.clock(), 0
    with workshop.cache.write() as session:
        batch = open_batch(session, "policy", why_held, cases.BY_ITSELF, now, held=len(numbers)).id or 0
    for start in range(0, len(numbers), AT_ONCE):
        part = set(numbers[start : start + AT_ONCE])
        with workshop.cache.write() as session:
            part -= _waiting(session).keys()
            found = [(row, why) for row, why in due(session, now) if row.id in part and not _under_way(session, row)]
            opened = take_back(workshop, session, found, cases.BY_ITSELF, (batch, why_held))
            _end(workshop, session, [(row, why) for row, why in found if row.id not in opened], cases.BY_ITSELF)
            asked += len(found)
    with workshop.cache.write() as session:
        batches.end_if_empty(session, batch, now)
    return asked


def _waiting(session: Session) -> dict[int, int]:
    """The held cases that would take back what lost its foundation, by the exception."""
    query = select(CaseRow).where(
        col(CaseRow.live) == 1, col(CaseRow.state) == CaseState.HELD.value, col(CaseRow.event_key).startswith(LOST)
    )
    return {_exception(case): case.id or 0 for case in session.scalars(query)}


def _dismissed(workshop: Workshop, session: Session) -> set[int]:
    """The exceptions that somebody let stand although this very policy has no foundation for them."""
    query = select(CaseRow).join(BatchRow, col(BatchRow.id) == col(CaseRow.batch_id))
    query = query.where(col(BatchRow.state) == batches.DISMISSED, col(CaseRow.event_key).startswith(LOST))
    found = session.scalars(query.where(col(CaseRow.closed_at) >= col(BatchRow.decided_at)))
    return {_exception(case) for case in found if json.loads(case.event)["policy"] == workshop.policy.hash}


def _exception(case: CaseRow) -> int:
    return int(json.loads(case.event)["exception"])


def _found_again(workshop: Workshop, numbers: Collection[int]) -> None:
    """End held cases whose exceptions are founded again, or have ended otherwise."""
    if not numbers:
        return
    now = workshop.clock()
    with workshop.cache.write() as session:
        for number in numbers:
            case = cases.case_row(session, number)
            if case.state == CaseState.HELD.value:
                cases.cancel(session, case, FOUNDED_AGAIN, now)


def _drop_waiting(session: Session, rows: Sequence[ExceptionRow], why: str, now: datetime) -> None:
    """End the held cases about exceptions that end by another way."""
    waiting = _waiting(session) if rows else {}
    for row in rows:
        if (number := waiting.get(row.id or 0)) is not None:
            cases.cancel(session, cases.case_row(session, number), why, now)


def _end(workshop: Workshop, session: Session, ending: Sequence[EndingRow], actor: str) -> list[int]:
    """End exceptions and the cases that would still grant them; the numbers of the cases that take them back."""
    now = workshop.clock()
    given = [(row, why) for row, why in ending if is_given(row)]
    for row, why in ending:
        _close(session, row, why, actor, now)
    session.flush()
    for row, why in ending:
        _stop_granting(session, row, why, actor, now)
        _drop_waiting(session, [row], why.why, now)
    replans.outdate(session, {row.person_id for row, _ in ending if row.person_id})
    return list(take_back(workshop, session, given, actor).values())


def _close(session: Session, row: ExceptionRow, why: Ending, actor: str, now: datetime) -> None:
    exceptions.close(session, row, ExceptionState.ENDED, now)
    facts = {"exception": row.id, **why.facts}
    summary = f"exception {row.id} ({row.kind} {row.subject}) ends: {why.why}"
    append(session, now, Entry(actor, "exception.end", summary, row.case_id or None, row.person_id, facts=facts))


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
