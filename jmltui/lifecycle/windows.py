"""Access that is due at some hours only: granted and taken away at the edges of its window, in each person's zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import cases, exceptions, people, replans
from jmltui.cache.tables import CaseRow, PersonRow
from jmltui.domain.case import CaseKind
from jmltui.domain.person import Person
from jmltui.domain.scope import Scope

from .planning import Planner
from .scoped import open_scoped
from .workshop import Workshop

PEOPLE_AT_ONCE: Final = 500
CASES_AT_ONCE: Final = 50
LONGEST_WAIT: Final = timedelta(hours=1)
"""People and zones come and go, so the edges are looked for this often even where none is near."""


def next_edge(workshop: Workshop) -> datetime | None:
    """When a window opens or shuts next for anybody; None where the policy has no window."""
    policy, now = workshop.policy, workshop.clock()
    windows = {e.window for e in policy.entitlements.values() if e.window is not None}
    if not windows:
        return None
    with workshop.cache.read() as session:
        query = select(col(PersonRow.zone)).where(col(PersonRow.present)).distinct()
        zones = {ZoneInfo(zone or policy.zone) for zone in session.scalars(query)}
    edges = [edge for window in windows for zone in zones if (edge := window.next_edge(now, zone)) is not None]
    return min([*edges, now + LONGEST_WAIT])


def turn(workshop: Workshop) -> int:
    """Open a case for everybody whose access is not as the windows of this hour have it; how many.

    The worker carries them out by itself. What needs an approval waits for it every time its window opens.
    """
    if not workshop.policy.has_windows:
        return 0
    windowed = tuple(e.id for e in workshop.policy.entitlements.values() if e.window is not None)
    scope = Scope(entitlements=windowed, reason="window")
    with workshop.cache.read() as session:
        numbers = _differing(workshop, session, scope)
    opened = 0
    for start in range(0, len(numbers), CASES_AT_ONCE):
        with workshop.cache.write() as session:
            opened += _open(workshop, session, people.persons(session, numbers[start : start + CASES_AT_ONCE]), scope)
    return opened


def _differing(workshop: Workshop, session: Session, scope: Scope) -> list[int]:
    """Whose access is not as the windows have it now. Most people are told apart by the policy alone."""
    policy, now, zone = workshop.policy, workshop.clock(), workshop.settings.company_zone
    special = exceptions.people_with_access(session)
    concerned = []
    for person in people.persons(session):
        due = policy.due(person, now)
        touched = any(a.entitlement in scope.entitlements for a in (*due.assignments, *due.shut))
        if (touched or person.id in special) and not _is_gone(person, zone, now):
            concerned.append(person)
    found = []
    for start in range(0, len(concerned), PEOPLE_AT_ONCE):
        some = concerned[start : start + PEOPLE_AT_ONCE]
        planner = Planner(workshop, session, some)
        found += [
            person.id
            for person in some
            if any(line.operation for line in planner.plan(CaseKind.EXPIRY, person, scope).lines)
        ]
    return found


def _open(workshop: Workshop, session: Session, some: Sequence[Person], scope: Scope) -> int:
    now = workshop.clock()
    planner = Planner(workshop, session, some)
    opened = 0
    for person in some:
        if not any(line.operation for line in planner.plan(CaseKind.EXPIRY, person, scope).lines):
            continue
        if any(_is_turn(case) for case in cases.live_cases_of(session, person.id)):
            replans.outdate(session, [person.id])
            continue
        number = open_scoped(
            workshop,
            session,
            CaseKind.EXPIRY,
            person,
            scope,
            {"window": "a window opened or shut"},
            f"window:{person.id}:{now.isoformat()}",
            now,
            actor="jmltui",
            planner=planner,
        )
        case = cases.case_row(session, number)
        case.run_through, case.requested_by = True, "jmltui"
        cases.advance(session, number, now)
        opened += 1
    return opened


def _is_turn(case: CaseRow) -> bool:
    return case.kind == CaseKind.EXPIRY.value and '"reason": "window"' in case.scope


def _is_gone(person: Person, zone: str, now: datetime) -> bool:
    """Whether the person's time is over, or has not begun: then other cases speak."""
    begins, ends = person.access_begins(zone), person.access_ends(zone)
    return (ends is not None and ends <= now) or (begins is not None and begins > now)
