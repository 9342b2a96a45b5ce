"""Taking back what an exception gave: by a case of its own that the worker carries out by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlmodel import Session

from jmltui.cache import cases, people, systems
from jmltui.cache.tables import ExceptionRow
from jmltui.domain.access import ACCOUNT_TARGET, AccountState, Link
from jmltui.domain.case import CaseKind
from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.person import Person
from jmltui.domain.scope import Scope

from .planning import Planner
from .renamed import is_gone, new_id
from .scoped import open_scoped
from .workshop import Workshop

LOST: Final = "unfounded:"
"""How the event keys of cases begin whose exception lost its foundation: what they take away counts for the guard."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why an exception ends. `take_back` is False where another case takes everything away, `lost` is True where what
    it was founded on is gone.
    """

    why: str
    facts: Mapping[str, object]
    due: datetime
    take_back: bool = True
    lost: bool = False


EndingRow = tuple[ExceptionRow, Ending]


def is_given(row: ExceptionRow) -> bool:
    """Whether there is something to be taken back: it is in force, or stays for as long as it is asked for."""
    return row.state == ExceptionState.ACTIVE.value or row.until is not None


def take_back(
    workshop: Workshop,
    session: Session,
    ending: Sequence[EndingRow],
    actor: str,
    held_in: tuple[int, str] | None = None,
) -> dict[int, int]:
    """Open the cases that take access back, in the batch of a guard where one is given.

    The numbers of the cases by that of the exception; none for what nobody holds.
    """
    mine = [(row, why) for row, why in ending if row.kind == ExceptionKind.ACCESS.value and why.take_back]
    if not mine:
        return {}
    persons = {person.id: person for person in people.persons(session, {row.person_id for row, _ in mine})}
    planner, opened = Planner(workshop, session, list(persons.values())), {}
    for row, why in mine:
        person = persons.get(row.person_id)
        scope = _scope(workshop, session, row, person, why.why) if person is not None else Scope()
        if person is None or scope.is_everything:
            continue
        plan = planner.plan(CaseKind.EXPIRY, person, scope)
        if any(step.actions for step in plan.steps) or plan.blocked:
            opened[row.id or 0] = _open(workshop, session, planner, (row, why), person, scope, actor, held_in)
    return opened


def _open(
    workshop: Workshop,
    session: Session,
    planner: Planner,
    ending: EndingRow,
    person: Person,
    scope: Scope,
    actor: str,
    held_in: tuple[int, str] | None,
) -> int:
    row, why = ending
    now = workshop.clock()
    event = {"exception": row.id, "entitlement": row.subject, "why": why.why, **why.facts}
    key = f"{LOST}{row.id}:{now.isoformat()}" if why.lost else f"expiry:{row.id}"
    if why.lost:
        event["policy"] = workshop.policy.hash
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
    return number


def _scope(workshop: Workshop, session: Session, row: ExceptionRow, person: Person, why: str) -> Scope:
    """What is taken away: by the policy's id of it, or where the policy has none any more, by what it was."""
    if not is_gone(workshop.policy, row):
        known = row.subject in workshop.policy.entitlements
        return Scope(entitlements=(row.subject,), reason=why) if known else Scope()
    if name := new_id(workshop.policy, row):
        return Scope(entitlements=(name,), reason=why)
    held = systems.held_by(session, [person.id])[0].get(person.id, ())
    accounts = [
        a.account.id
        for a in held
        if a.system == row.system and a.link is Link.CONFIRMED and a.account.state is not AccountState.DELETED
    ]
    if row.system not in workshop.settings.systems:
        return Scope()
    if row.target != ACCOUNT_TARGET:
        return Scope(revoke=tuple((row.system, account, row.target) for account in accounts), reason=why)
    if any(a.system == row.system for a in workshop.policy.assignments(person, workshop.clock())):
        return Scope()
    return Scope(disable=tuple((row.system, account) for account in accounts), reason=why)
