"""Naming who takes over what the accounts of a leaver own: their files, their calendars, their objects."""

from __future__ import annotations

from sqlmodel import Session

from jmltui.cache import cases, people, successors
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.domain.case import CaseKind
from jmltui.domain.person import Person
from jmltui.errors import NotAllowed, UsageError

from .owning import who_stays
from .replan import replan_case
from .workshop import Workshop


def name(workshop: Workshop, person: str, to: str) -> str:
    """Name who takes over from a person, both by key, and plan their open leaver cases anew; a sentence.

    Raises UsageError for somebody whom no source names, NotAllowed for somebody who leaves too.
    """
    with workshop.cache.read() as session:
        leaver = people.person_by_key(session, person)
    if leaver is None:
        raise UsageError(f"No source names a person of number {person}.", hint="`jmltui` lists them: People, then `/`.")
    return _name(workshop, leaver, to)


def name_in_case(workshop: Workshop, case_id: int, to: str) -> str:
    """The same for the person of a leaver's case."""
    with workshop.cache.read() as session:
        case = cases.case_row(session, case_id)
        if case.kind != CaseKind.LEAVER.value:
            raise NotAllowed("Only what a leaver leaves behind is taken over by somebody.")
        found = people.persons(session, [case.person_id])
    if not found:
        raise NotAllowed("No source names this person any more.", hint="Hand it over by hand, then attest.")
    return _name(workshop, found[0], to)


def _name(workshop: Workshop, leaver: Person, to: str) -> str:
    now = workshop.clock()
    with workshop.cache.write() as session:
        successor = who_stays(session, to)
        if successor.id == leaver.id:
            raise NotAllowed(f"{leaver.name} cannot take over from themselves.", hint="Name somebody else.")
        successors.name(session, leaver.id, successor, workshop.actor, now)
        told = f"{successor.name} ({successor.key}) takes over what the accounts of {leaver.name} ({leaver.key}) own"
        summary = f"{workshop.actor} says that {told}"
        append(session, now, Entry(workshop.actor, "successor.named", summary, person_id=leaver.id))
        signal_change(session, now, "person", leaver.id)
        waiting = _leaving(session, leaver)
    for number in waiting:
        replan_case(workshop, number)
    planned = f" Case {', '.join(map(str, waiting))} is planned anew." if waiting else ""
    return f"{told}.{planned}"


def _leaving(session: Session, leaver: Person) -> list[int]:
    found = cases.live_cases_of(session, leaver.id)
    return [case.id or 0 for case in found if case.kind == CaseKind.LEAVER.value]
