"""Access that is due at some hours only: granted and taken away at the edges of its window, in each person's zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import batches, cases, exceptions, people, replans, turns
from jmltui.cache.tables import PersonRow
from jmltui.domain.access import ACCOUNT_TARGET
from jmltui.domain.case import CaseKind
from jmltui.domain.diff import DiffLine
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.operation import Cap
from jmltui.domain.person import Person, PersonStatus
from jmltui.domain.scope import WINDOW, Scope

from .holding import open_batch, removals_guard
from .known_windows import KnownWindows, forget, is_remembered
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
    takes only what it shuts, and gives only what no other case is about to give; accounts it leaves as they are. Where
    more than the guard lets pass is taken away otherwise than at an edge at which it always is, that waits in one batch
    for a person.
    """
    if not workshop.policy.has_windows:
        _forget(workshop)
        return 0
    now = workshop.clock()
    with workshop.cache.read() as session:
        known = KnownWindows.read(session, workshop.policy, now)
        numbers, removals = _differing(workshop, session, known)
        why_held = removals_guard(workshop, session, removals, "by windows that shut otherwise than before")
        waiting = turns.people_with_a_turn(session)
    if waiting:
        with workshop.cache.write() as session:
            replans.outdate(session, waiting)
    held_in: tuple[int, str] | None = None
    if why_held:
        with workshop.cache.write() as session:
            batch = open_batch(session, "windows", why_held, cases.BY_ITSELF, now, held=removals)
            held_in = (batch.id or 0, why_held)
    opened, held = 0, set[str]()
    for start in range(0, len(numbers), CASES_AT_ONCE):
        with workshop.cache.write() as session:
            found = _open(
                workshop, session, people.persons(session, numbers[start : start + CASES_AT_ONCE]), known, held_in
            )
            opened += len(found)
            held.update(name for turned in found if held_in for name in turned.guarded)
    with workshop.cache.write() as session:
        known.write(session, held, held_in[0] if held_in else 0)
        if held_in:
            batches.end_if_empty(session, held_in[0], now)
    return opened


def _forget(workshop: Workshop) -> None:
    """A window that comes back later is a new one."""
    with workshop.cache.read() as session:
        remembered = is_remembered(session)
    if remembered:
        with workshop.cache.write() as session:
            forget(session)


def _differing(workshop: Workshop, session: Session, known: KnownWindows) -> tuple[list[int], int]:
    """Whose access is not as the windows have it now, and how many removals of it count for the guard.

    Most people are told apart by the policy alone.
    """
    policy, now, windowed = workshop.policy, workshop.clock(), _windowed(workshop)
    special = exceptions.people_with_access(session)
    concerned = []
    for person in people.persons(session):
        due = policy.due(person, now)
        touched = any(a.entitlement in windowed for a in (*due.assignments, *due.shut))
        if touched or person.id in special:
            concerned.append(person)
    found: list[int] = []
    removals = 0
    for start in range(0, len(concerned), PEOPLE_AT_ONCE):
        some = concerned[start : start + PEOPLE_AT_ONCE]
        turning = _Turning(workshop, session, some, known)
        for person in some:
            turned = turning.of(person)
            removals += turned.removals
            if turned.any:
                found.append(person.id)
    return found, removals


def _open(
    workshop: Workshop,
    session: Session,
    some: Sequence[Person],
    known: KnownWindows,
    held_in: tuple[int, str] | None,
) -> list[_Turned]:
    """Open the cases of some people; what turned for each of them."""
    turning = _Turning(workshop, session, some, known)
    found = []
    for person in some:
        turned = turning.of(person)
        if turned.ordinary:
            event = {"window": "a window opened or shut"}
            _open_one(workshop, session, turning.planner, person, turned.ordinary, "window", event, None)
        if turned.guarded:
            event = {"window": "a window shut otherwise than before: it is new, or shut at another moment"}
            _open_one(workshop, session, turning.planner, person, turned.guarded, "window-guarded", event, held_in)
        if turned.any:
            found.append(turned)
    return found


def _open_one(
    workshop: Workshop,
    session: Session,
    planner: Planner,
    person: Person,
    wanted: tuple[str, ...],
    key: str,
    event: Mapping[str, object],
    held_in: tuple[int, str] | None,
) -> None:
    now = workshop.clock()
    number = open_scoped(
        workshop,
        session,
        CaseKind.EXPIRY,
        person,
        Scope(entitlements=wanted, reason=WINDOW),
        event,
        f"{key}:{person.id}:{now.isoformat()}",
        now,
        actor=cases.BY_ITSELF,
        planner=planner,
        held_in=held_in,
    )
    case = cases.case_row(session, number)
    case.run_through, case.requested_by = True, cases.BY_ITSELF
    cases.advance(session, number, now)


@dataclass(frozen=True, slots=True)
class _Turned:
    """The ids of the entitlements that turn for a person now: as always, and those whose removals the guard counts."""

    ordinary: tuple[str, ...] = ()
    guarded: tuple[str, ...] = ()
    removals: int = 0

    @property
    def any(self) -> bool:
        """Whether anything turns."""
        return bool(self.ordinary or self.guarded)


class _Turning:
    """What windows give to and take from some people at this hour."""

    def __init__(self, workshop: Workshop, session: Session, some: Sequence[Person], known: KnownWindows) -> None:
        self.planner = Planner(workshop, session, some)
        self._policy = workshop.policy
        self._now = workshop.clock()
        self._zone = workshop.zone
        self._known = known
        self._windowed = _windowed(workshop)
        numbers = [person.id for person in some]
        self._exceptions = exceptions.standing_of(session, numbers)
        self._left = turns.people_who_left(session, numbers, self._now)
        self._pending = turns.people_with_pending_access(session, numbers)
        self._taken = turns.taken_by_windows(session, self._pending)
        self._under_way = turns.under_way(session, numbers)
        self._dismissed = turns.dismissed(session, numbers)

    def of(self, person: Person) -> _Turned:
        """What turns for a person now, and that no open case sees to already."""
        if person.id in self._left or _is_gone(person, self._zone, self._now):
            return _Turned()
        lines = self.planner.plan(CaseKind.EXPIRY, person, Scope(entitlements=self._windowed, reason=WINDOW)).lines
        due = self._policy.due(person, self._now, self._exceptions.get(person.id, ()))
        shut = {a.entitlement for a in due.shut}
        busy = self._under_way.get(person.id, ())
        turned = [x for x in lines if x.entitlement not in busy and self._turns(x, person, lines, shut)]
        strange = [x for x in turned if x.kind is DiffKind.REMOVE and not self._is_ordinary(x.entitlement, person)]
        names = dict.fromkeys(x.entitlement for x in strange)
        return _Turned(
            tuple(dict.fromkeys(x.entitlement for x in turned if x.entitlement not in names)),
            tuple(name for name in names if not self._is_dismissed(name, person)),
            sum(not self._is_dismissed(x.entitlement, person) for x in strange),
        )

    def _is_ordinary(self, name: str, person: Person) -> bool:
        return self._known.is_ordinary(name, person.zone_info(self._policy.zone))

    def _is_dismissed(self, name: str, person: Person) -> bool:
        """Whether somebody said no to it, since when the window has neither opened nor shut."""
        since = self._dismissed.get((person.id, name))
        return since is not None and not self._known.has_edge_since(name, person.zone_info(self._policy.zone), since)

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


def _is_gone(person: Person, zone: str, now: datetime) -> bool:
    """Whether the person's time is over, or has not begun: then other cases speak."""
    begins, ends = person.access_begins(zone), person.access_ends(zone)
    over = person.status is PersonStatus.LEFT or (ends is not None and ends <= now)
    return over or (begins is not None and begins > now)
