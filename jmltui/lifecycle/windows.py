"""Access that is due at some hours only: granted and taken away at the edges of its window, in each person's zone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import cases, exceptions, people, replans, turns
from jmltui.cache.tables import CaseRow, PersonRow
from jmltui.domain.access import ACCOUNT_TARGET
from jmltui.domain.case import CaseKind
from jmltui.domain.diff import DiffLine
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.operation import Cap
from jmltui.domain.person import Person, PersonStatus
from jmltui.domain.scope import WINDOW, Scope

from .planning import Planner
from .scoped import open_scoped
from .workshop import Workshop

PEOPLE_AT_ONCE: Final = 500
CASES_AT_ONCE: Final = 50
LONGEST_WAIT: Final = timedelta(hours=1)
"""People and zones come and go, so the edges are looked for this often even where none is near."""


def next_edge(workshop: Workshop, now: datetime) -> datetime | None:
    """When a window opens or shuts for anybody next after `now`; None where the policy has no window."""
    policy = workshop.policy
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

    The worker carries them out by itself. What needs an approval waits for it every time its window opens. A window
    takes only what it shuts, and gives only what no other case is about to give; accounts it leaves as they are.
    """
    if not workshop.policy.has_windows:
        return 0
    with workshop.cache.read() as session:
        numbers, waiting = _differing(workshop, session), turns.people_with_a_turn(session)
    if waiting:
        with workshop.cache.write() as session:
            replans.outdate(session, waiting)
    opened = 0
    for start in range(0, len(numbers), CASES_AT_ONCE):
        with workshop.cache.write() as session:
            opened += _open(workshop, session, people.persons(session, numbers[start : start + CASES_AT_ONCE]))
    return opened


def _differing(workshop: Workshop, session: Session) -> list[int]:
    """Whose access is not as the windows have it now. Most people are told apart by the policy alone."""
    policy, now, windowed = workshop.policy, workshop.clock(), _windowed(workshop)
    special = exceptions.people_with_access(session)
    concerned = []
    for person in people.persons(session):
        due = policy.due(person, now)
        touched = any(a.entitlement in windowed for a in (*due.assignments, *due.shut))
        if touched or person.id in special:
            concerned.append(person)
    found: list[int] = []
    for start in range(0, len(concerned), PEOPLE_AT_ONCE):
        some = concerned[start : start + PEOPLE_AT_ONCE]
        turning = _Turning(workshop, session, some)
        found += [person.id for person in some if turning.of(person)]
    return found


def _open(workshop: Workshop, session: Session, some: Sequence[Person]) -> int:
    now = workshop.clock()
    turning = _Turning(workshop, session, some)
    opened = 0
    for person in some:
        live = [case for case in cases.live_cases_of(session, person.id) if _scope(case).is_window]
        under_way = {name for case in live for name in _scope(case).entitlements}
        wanted = tuple(name for name in turning.of(person) if name not in under_way)
        if not wanted:
            continue
        number = open_scoped(
            workshop,
            session,
            CaseKind.EXPIRY,
            person,
            Scope(entitlements=wanted, reason=WINDOW),
            {"window": "a window opened or shut"},
            f"window:{person.id}:{now.isoformat()}",
            now,
            actor=cases.BY_ITSELF,
            planner=turning.planner,
        )
        case = cases.case_row(session, number)
        case.run_through, case.requested_by = True, cases.BY_ITSELF
        cases.advance(session, number, now)
        opened += 1
    return opened


class _Turning:
    """What windows give to and take from some people at this hour."""

    def __init__(self, workshop: Workshop, session: Session, some: Sequence[Person]) -> None:
        self.planner = Planner(workshop, session, some)
        self._policy = workshop.policy
        self._now = workshop.clock()
        self._zone = workshop.settings.company_zone
        self._windowed = _windowed(workshop)
        numbers = [person.id for person in some]
        self._exceptions = exceptions.standing_of(session, numbers)
        self._left = turns.people_who_left(session, numbers, self._now)
        self._pending = turns.people_with_pending_access(session, numbers)
        self._taken = turns.taken_by_windows(session, self._pending)

    def of(self, person: Person) -> tuple[str, ...]:
        """The ids of the entitlements that turn for a person now."""
        if person.id in self._left or _is_gone(person, self._zone, self._now):
            return ()
        lines = self.planner.plan(CaseKind.EXPIRY, person, Scope(entitlements=self._windowed, reason=WINDOW)).lines
        due = self._policy.due(person, self._now, self._exceptions.get(person.id, ()))
        shut = {a.entitlement for a in due.shut}
        return tuple(dict.fromkeys(x.entitlement for x in lines if self._turns(x, person, lines, shut)))

    def _turns(self, line: DiffLine, person: Person, lines: Sequence[DiffLine], shut: set[str]) -> bool:
        if line.kind is DiffKind.REMOVE:
            return line.entitlement in shut
        if line.kind is not DiffKind.ADD or line.entitlement not in self._windowed or line.operation is Cap.CREATE:
            return False
        if person.id in self._pending and (line.system, line.entitlement_id) not in self._taken.get(person.id, ()):
            return False
        making = (x for x in lines if x.target == ACCOUNT_TARGET and x.operation in (Cap.CREATE, Cap.ENABLE))
        return not any(x.system == line.system and x.entitlement not in self._windowed for x in making)


def _windowed(workshop: Workshop) -> tuple[str, ...]:
    return tuple(e.id for e in workshop.policy.entitlements.values() if e.window is not None)


def _scope(case: CaseRow) -> Scope:
    return Scope.from_json(json.loads(case.scope))


def _is_gone(person: Person, zone: str, now: datetime) -> bool:
    """Whether the person's time is over, or has not begun: then other cases speak."""
    begins, ends = person.access_begins(zone), person.access_ends(zone)
    over = person.status is PersonStatus.LEFT or (ends is not None and ends <= now)
    return over or (begins is not None and begins > now)
