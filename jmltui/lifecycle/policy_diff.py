"""Who gains and loses what when one policy takes the place of another: over everybody in the cache, as they are now.

People whom both policies cannot tell apart share one answer; of those for whom anything changes, what they hold is read
from the cache, so that a loss is told only where there is something to lose. Nothing is written.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sqlmodel import Session

from jmltui.cache import exceptions, people, systems
from jmltui.cache.differences import BATCH, stated, who
from jmltui.cache.holdings import Held, Holdings, logins, numbers
from jmltui.domain.access import ACCOUNT_TARGET
from jmltui.domain.diff import target_of
from jmltui.domain.exception import AccessException, ExceptionKind
from jmltui.domain.guards import Guards, Protected
from jmltui.policy import Policy
from jmltui.policy.compare import Comparison, Effect, Right, Shift

from .presence import Presence, Presences
from .workshop import Workshop

MOST = 10
"""How many of the people who change the most are named."""


@dataclass(slots=True)
class RightCounts:
    """Of how many people a right changes.

    `gains` would be given it, `explained` hold what becomes due, `loses` would have it taken away, `shuts` would until
    its window opens. `no_longer_due` are all who were due it and are not, whether they hold it or not. `freed` keep it,
    and nothing explains it any more.
    """

    gains: int = 0
    explained: int = 0
    loses: int = 0
    shuts: int = 0
    no_longer_due: int = 0
    freed: int = 0
    clouded: int = 0
    requestable: int = 0
    not_requestable: int = 0


@dataclass(slots=True)
class WindowCounts:
    """Of how many people a right is due by the new policy at other hours than before, and for how many of them its
    window is shut at this hour, whether they hold it or not.
    """

    due: int = 0
    shut: int = 0


@dataclass(frozen=True, slots=True)
class PersonChange:
    """Somebody for whom something changes."""

    person_id: int
    key: str
    name: str
    effect: Effect


@dataclass
class PolicyDiff:
    """What changes, in numbers. `people` were compared; who has left or is still to come was not.

    `losing` are people who lose something, `shut_out` those of them who lose it only until a window opens. `stripped`
    are people who lose something and are due nothing any more. `grants` are all that is held. `held_by` are the
    sentences of the guards that would hold such a change.
    """

    people: int = 0
    leaving: int = 0
    waiting: int = 0
    affected: int = 0
    gaining: int = 0
    losing: int = 0
    shut_out: int = 0
    stripped: int = 0
    grants: int = 0
    rights: dict[Right, RightCounts] = field(default_factory=lambda: defaultdict(RightCounts))
    windows: dict[Right, WindowCounts] = field(default_factory=lambda: defaultdict(WindowCounts))
    roles_gained: Counter[str] = field(default_factory=Counter)
    roles_lost: Counter[str] = field(default_factory=Counter)
    most: list[PersonChange] = field(default_factory=list)
    held_by: list[str] = field(default_factory=list)

    @property
    def losses(self) -> int:
        """How many rights would be taken away, for good or until their window opens."""
        return sum(counts.loses + counts.shuts for counts in self.rights.values())

    @property
    def shuts(self) -> int:
        """How many of the losses are only because a window is shut at this hour."""
        return sum(counts.shuts for counts in self.rights.values())

    @property
    def freed(self) -> int:
        """How many rights people keep although no rule explains them any more."""
        return sum(counts.freed for counts in self.rights.values())

    def lets_go(self, guards: Guards) -> str | None:
        """One sentence if more is taken away or left unexplained than the guard for removals allows, else None."""
        count = self.losses + self.freed
        if not count or not guards.removals.trips(count, self.grants):
            return None
        shut = f" ({self.shuts} because a window is shut now)" if self.shuts else ""
        parts = [f"{self.losses} {'loss' if self.losses == 1 else 'losses'}{shut}"] if self.losses else []
        parts += [f"{self.freed} left unexplained"] if self.freed else []
        limit = guards.removals.limit(self.grants)
        told = f"{' and '.join(parts)} {'is' if count == 1 else 'are'}"
        return f"{told} more than the {limit} that the guard “removals” allows for {self.grants} grants"


Telling = Callable[[PersonChange], None]


def compare_policies(workshop: Workshop, old: Policy, new: Policy, tell: Telling | None = None) -> PolicyDiff:
    """Compare over everybody whom a source still states. `tell` is called for each person who notices something."""
    with workshop.cache.scratch() as session:
        return _Diff(workshop, session, Comparison(old, new), tell).run()


@dataclass(frozen=True, slots=True)
class _Asked:
    """The rights of which it is asked who holds them, by their numbers; `fixed` are those that nobody takes away."""

    rights: Sequence[Right]
    fixed: frozenset[Right]
    protected: Collection[tuple[int, str]]


class _Diff:
    """One comparison, in one session."""

    def __init__(self, workshop: Workshop, session: Session, comparison: Comparison, tell: Telling | None) -> None:
        self._session = session
        self._comparison = comparison
        self._tell = tell
        self._now = workshop.clock()
        self._zone = workshop.zone
        self._found = PolicyDiff()
        self._shifts: dict[Shift, int] = {}
        self._effects: dict[tuple[int, str, str], Effect] = {}
        self._same: dict[Effect, Effect] = {}
        self._times: Counter[tuple[Effect, bool]] = Counter()
        self._top: list[tuple[int, int, Effect]] = []
        self._exceptions = _by_person(session)

    def run(self) -> PolicyDiff:
        """Compare, and see what the guards say."""
        persons, shifts = self._everybody()
        self._count_shifts(shifts)
        all_of_them = self._comparison.newly_managed or self._comparison.no_longer_managed
        unchanged = -1 if all_of_them else self._shifts.get(Shift(), -1)
        rows = [(person, shift) for person, shift in zip(persons, shifts, strict=True) if shift != unchanged]
        if rows:
            self._look(rows)
        self._found.most = self._named([(person, effect) for _, person, effect in sorted(self._top, reverse=True)])
        self._found.grants = systems.grants(self._session)
        self._found.held_by = list(self._guards())
        return self._found

    # ---- what the policies say

    def _everybody(self) -> tuple[array[int], array[int]]:
        """Everybody who is here, and the number of what changes for them."""
        known: dict[tuple[object, ...], int] = {}
        first: list[int] = []
        persons, profiles = array("q"), array("q")
        presences = Presences(self._now, self._zone)
        zoned = self._comparison.depends_on_zone
        for one in stated(self._session, self._comparison.attributes):
            presence = presences.of(one)
            if presence is not Presence.HERE:
                self._found.waiting += presence is Presence.TO_COME
                self._found.leaving += presence is Presence.GONE
                continue
            own = one.person if one.person in self._exceptions else 0
            profile = known.setdefault((one.values, one.zone if zoned else "", own), len(known))
            if profile == len(first):
                first.append(one.person)
            persons.append(one.person)
            profiles.append(profile)
        self._found.people = len(persons)
        shifts = self._shifts_of(first)
        return persons, array("q", map(shifts.__getitem__, profiles))

    def _shifts_of(self, first: Sequence[int]) -> array[int]:
        """The number of the shift of each profile, by the first person who has it."""
        found = array("q", bytes(8 * len(first)))
        positions = {person: profile for profile, person in enumerate(first)}
        for chunk in _chunks(first, BATCH):
            for person in people.persons(self._session, chunk):
                shift = self._comparison.shift(person, self._now, self._exceptions.get(person.id, ()))
                found[positions[person.id]] = self._shifts.setdefault(shift, len(self._shifts))
            self._session.expunge_all()
        return found

    def _count_shifts(self, shifts: Iterable[int]) -> None:
        by_number = list(self._shifts)
        for number, count in Counter(shifts).items():
            shift = by_number[number]
            self._found.roles_gained.update(dict.fromkeys(shift.roles_gained, count))
            self._found.roles_lost.update(dict.fromkeys(shift.roles_lost, count))
            for right in shift.ends | shift.freed:
                self._found.rights[right].no_longer_due += count
            for right in shift.windowed:
                self._found.windows[right].due += count
                self._found.windows[right].shut += right in shift.closed and count

    # ---- what they hold

    def _look(self, rows: Sequence[tuple[int, int]]) -> None:
        holdings = Holdings(self._session)
        holdings.add_people(rows)
        asked = self._ask(holdings)
        shifts = list(self._shifts)
        waiting: list[tuple[int, Effect]] = []
        for held in holdings.held():
            effect = self._effect(held, shifts[held.shift], asked)
            if effect.is_empty:
                continue
            self._times[effect, shifts[held.shift].nothing_left] += 1
            if effect.size:
                heapq.heappush(self._top, (effect.size, -held.person, effect))
            if len(self._top) > MOST:
                heapq.heappop(self._top)
            if self._tell is not None:
                waiting.append((held.person, effect))
                if len(waiting) >= BATCH:
                    self._tell_all(waiting)
        self._tell_all(waiting)
        for (effect, stripped), count in self._times.items():
            self._count(effect, stripped, count)

    def _ask(self, holdings: Holdings) -> _Asked:
        rights = sorted(self._comparison.asked_of(self._shifts))
        number = {right: n for n, right in enumerate(rights)}
        protected = self._comparison.new.guards.protected
        rows: dict[int, int] = {}
        free: set[Right] = set()
        for row, (system, entitlement) in systems.entitlements(self._session).items():
            right = (system, target_of(entitlement))
            if right in number:
                rows[row] = number[right]
                if entitlement.grantable and protected.group(entitlement.name) is None:
                    free.add(right)
        accounts = {system: n for (system, target), n in number.items() if target == ACCOUNT_TARGET}
        holdings.ask(rows, accounts)
        fixed = frozenset(right for right in rights if right[1] != ACCOUNT_TARGET and right not in free)
        return _Asked(rights, fixed, self._protected_accounts(protected) if accounts else ())

    def _protected_accounts(self, protected: Protected) -> set[tuple[int, str]]:
        if not protected.accounts:
            return set()
        return {(person, system) for person, system, login in logins(self._session) if protected.account(login)}

    def _effect(self, held: Held, shift: Shift, asked: _Asked) -> Effect:
        key = (held.shift, held.rights, held.systems)
        effect = self._effects.get(key)
        if effect is None:
            effect = self._told(held, shift, asked)
            effect = self._effects[key] = self._same.setdefault(effect, effect)
        own = {(held.person, system) for system, target in effect.loses | effect.shuts if target == ACCOUNT_TARGET}
        if own.isdisjoint(asked.protected):
            return effect
        return self._told(held, shift, asked)

    def _told(self, held: Held, shift: Shift, asked: _Asked) -> Effect:
        direct, indirect = numbers(held.rights)
        in_use, _ = numbers(held.systems)
        holds = {asked.rights[n] for n in direct | indirect | in_use}
        fixed = asked.fixed | {asked.rights[n] for n in indirect}
        fixed |= {(system, ACCOUNT_TARGET) for person, system in asked.protected if person == held.person}
        return self._comparison.effect(shift, holds, fixed)

    def _count(self, effect: Effect, nothing_left: bool, people: int) -> None:
        found = self._found
        found.affected += people
        found.gaining += people if effect.gains else 0
        found.losing += people if effect.loses or effect.shuts else 0
        found.shut_out += people if effect.shuts and not effect.loses else 0
        found.stripped += people if effect.loses and nothing_left else 0
        for name in ("gains", "explained", "loses", "shuts", "freed", "clouded", "requestable", "not_requestable"):
            for right in getattr(effect, name):
                counts = found.rights[right]
                setattr(counts, name, getattr(counts, name) + people)

    # ---- in words

    def _tell_all(self, waiting: list[tuple[int, Effect]]) -> None:
        if self._tell is not None:
            for change in self._named(waiting):
                self._tell(change)
        waiting.clear()

    def _named(self, found: Iterable[tuple[int, Effect]]) -> list[PersonChange]:
        changes = [(abs(person), effect) for person, effect in found]
        names = who(self._session, {person for person, _ in changes})
        return [PersonChange(p, names[p].key, names[p].name, effect) for p, effect in changes]

    def _guards(self) -> Iterator[str]:
        """Both policies' guards are asked: a merge must not wave itself through by a guard of its own."""
        found, guards = self._found, (self._comparison.old.guards, self._comparison.new.guards)
        strictest = min(guards, key=lambda each: each.removals.limit(found.grants))
        told = found.lets_go(strictest)
        if told is not None:
            yield told
        limit = min(each.leavers.limit(found.people) for each in guards)
        if found.stripped > limit:
            yield (
                f"{found.stripped} people left with nothing are more than the {limit} that the guard “leavers” "
                f"allows for {found.people} people"
            )


def _by_person(session: Session) -> Mapping[int, Sequence[AccessException]]:
    found: dict[int, list[AccessException]] = defaultdict(list)
    for row in exceptions.standing(session):
        if row.kind == ExceptionKind.ACCESS:
            found[row.person_id].append(exceptions.exception_of(row))
    return found


def _chunks(items: Sequence[int], size: int) -> Iterator[list[int]]:
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk
