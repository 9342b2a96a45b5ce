"""The difference for everybody at once: what the policy makes due against what the mirrors hold.

The sets are compared inside the cache. Only where something differs, the very decision that plans a case
(`jmltui.domain.diff`) puts it into words, so what is told here and what a case would say are the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session

from jmltui.cache import exceptions, people, systems
from jmltui.cache.differences import BATCH, LEAVING, Changed, SetPlan, stated, who
from jmltui.domain.access import ACCOUNT_TARGET, Assignment, Link
from jmltui.domain.case import CaseKind
from jmltui.domain.diff import DiffLine, HeldAccount, HeldBack, HeldGrant, World, diff, is_owned, target_of
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.exception import AccessException
from jmltui.domain.operation import Cap
from jmltui.domain.person import Person, PersonStatus, end_of, local_midnight

from .planning import blocked_without_login, kept_meanwhile, new_accounts
from .workshop import Workshop

T = TypeVar("T")

_AS_IT_SHOULD_BE = frozenset({DiffKind.KEEP, DiffKind.EXPIRING, DiffKind.CANNOT_TELL})


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs for one person on one system; `case` is the person's open case, 0 for none."""

    person_id: int
    key: str
    name: str
    case: int
    system: str
    lines: tuple[DiffLine, ...]


@dataclass
class Everyone:
    """How many were compared; complete once the differences were read to their end.

    `waiting` are people whose first day is still to come, they are left out, as are those absent from their feed.
    """

    people: int = 0
    leavers: int = 0
    waiting: int = 0
    differing: int = 0
    lines: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Profile:
    """What people whom the policy cannot tell apart are due."""

    due: tuple[Assignment, ...]
    held_back: HeldBack


def differences(workshop: Workshop, counts: Everyone) -> Iterator[Difference]:
    """Who holds something else than the policy says, system by system; what is as it should be is not told.

    People whom their source calls gone, or whose last day is over, should hold nothing.
    """
    with workshop.cache.scratch() as session:
        yield from _Comparison(workshop, session, counts).run()


class _Comparison:
    """One comparison of everybody, in one session."""

    def __init__(self, workshop: Workshop, session: Session, counts: Everyone) -> None:
        policy = workshop.policy
        self._workshop = workshop
        self._session = session
        self._counts = counts
        self._now = workshop.clock()
        self._times: dict[tuple[str, str, str], CaseKind | None] = {}
        self._entitlements = systems.entitlements(session)
        self._numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, (system, entitlement) in self._entitlements.items():
            self._numbers[system, target_of(entitlement)].append(number)
        self._targets = {number: target for (_, target), numbers in self._numbers.items() for number in numbers}
        self._profiles: dict[int, _Profile] = {}
        self._world = systems.world(
            session, policy.by_target, policy.managed_systems, policy.remote_access(), policy.licensed(), logins={}
        )
        self._excepted = exceptions.people_with_access(session)

    def run(self) -> Iterator[Difference]:
        """Fill the sets, then put into words what differs."""
        plan = SetPlan(self._session)
        self._fill(plan)
        differing: set[int] = set()
        for found in (self._of_accounts(plan), self._of_others(plan)):
            for difference in found:
                differing.add(difference.person_id)
                self._counts.differing = len(differing)
                self._counts.lines.update(line.kind.value for line in difference.lines)
                yield difference

    # ---- who should hold what

    def _fill(self, plan: SetPlan) -> None:
        """Give everybody a profile; of each profile the first person is asked for."""
        numbers: dict[tuple[object, ...], int] = {}
        first: dict[int, int] = {}
        zoned = self._workshop.policy.depends_on_zone
        rows: list[tuple[int, int]] = []
        for one in stated(self._session, self._workshop.policy.matched_attributes):
            kind = self._kind(one.status, one.starts, one.ends, one.zone)
            if kind is None:
                self._counts.waiting += 1
                continue
            profile = LEAVING
            if kind is not CaseKind.LEAVER:
                own = one.person if one.person in self._excepted else 0
                alike = (one.values, one.zone if zoned else "", own)
                profile = numbers.setdefault(alike, len(numbers) + 1)
                if profile not in first:
                    first[profile] = one.person
            rows.append((one.person, profile))
        plan.add_people(rows)
        self._counts.people += len(rows)
        self._counts.leavers += sum(profile == LEAVING for _, profile in rows)
        for chunk in _chunks(first.items(), BATCH):
            self._fill_profiles(plan, {person: profile for profile, person in chunk})

    def _fill_profiles(self, plan: SetPlan, profiles: Mapping[int, int]) -> None:
        wanted: dict[tuple[int, str], set[int]] = defaultdict(set)
        for person in people.persons(self._session, profiles):
            number = profiles[person.id]
            profile = self._profiles[number] = self._profile(person)
            for a in profile.due:
                named = () if a.target == ACCOUNT_TARGET else self._named(a.system, a.target)
                wanted[number, a.system].update(named)
        plan.add_profiles(wanted)

    def _profile(self, person: Person) -> _Profile:
        """What a person is due, with the exceptions that are theirs."""
        own: Sequence[AccessException] = ()
        if person.id in self._excepted:
            own = exceptions.standing_of(self._session, [person.id]).get(person.id, ())
        due = self._workshop.policy.due(person, self._now, own)
        return _Profile(due.assignments, HeldBack(due.undecided, due.refused, due.shut, kept_meanwhile(own)))

    def _named(self, system: str, target: str) -> Sequence[int]:
        """The entitlements of this name; where a system has none, a negative number that nobody holds."""
        numbers = self._numbers[system, target]
        if not numbers:
            numbers.append(-1 - len(self._targets))
            self._targets[numbers[0]] = target
        return numbers

    def _kind(self, status: str, starts: str, ends: str, zone: str) -> CaseKind | None:
        """LEAVER for who should hold nothing, MOVER for who should hold what is due, None before the first day."""
        if status == PersonStatus.LEFT:
            return CaseKind.LEAVER
        key = (starts, ends, zone)
        if key not in self._times:
            self._times[key] = self._at(starts, ends, ZoneInfo(zone or self._workshop.zone))
        return self._times[key]

    def _at(self, starts: str, ends: str, zone: ZoneInfo) -> CaseKind | None:
        over = end_of(date.fromisoformat(ends), zone) if ends else None
        if over is not None and over <= self._now:
            return CaseKind.LEAVER
        if starts and local_midnight(date.fromisoformat(starts), zone) > self._now:
            return None
        return CaseKind.MOVER

    # ---- what differs, in words

    def _of_accounts(self, plan: SetPlan) -> Iterator[Difference]:
        """People with one account in use on a system, as it should be, but with other grants."""
        for chunk in _chunks(plan.changed(), BATCH):
            names = who(self._session, {changed.person for changed in chunk})
            for changed in chunk:
                one = names[changed.person]
                person = Person(key=one.key, name=one.name, id=changed.person)
                lines = self._lines_of_account(person, changed)
                if lines:
                    yield Difference(changed.person, one.key, one.name, one.case, changed.system, lines)

    def _lines_of_account(self, person: Person, changed: Changed) -> tuple[DiffLine, ...]:
        """The lines for what is missing and what is too much; the rest would be kept and is left out."""
        system, profile = changed.system, self._profiles[changed.profile]
        names = Counter(self._targets[number] for number in changed.missing)
        missing = {target for target, count in names.items() if count == len(self._numbers[system, target])}
        wanted = [a for a in profile.due if a.system == system and a.target in missing | {ACCOUNT_TARGET}]
        grants = []
        for surplus in changed.surplus:
            entitlement = self._entitlements[surplus.entitlement][1]
            grants.append(HeldGrant(system, replace(surplus.grant, entitlement_id=entitlement.id), entitlement))
        account = HeldAccount(system, changed.account, Link.CONFIRMED)
        return self._told(CaseKind.MOVER, person, {}, wanted, [account], grants, self._world, profile.held_back)

    def _of_others(self, plan: SetPlan) -> Iterator[Difference]:
        """People with no account where one is due, or several, or one that only looks theirs, or one too many."""
        for chunk in _chunks(plan.others(), BATCH):
            ids = {person for person, _ in chunk}
            persons = {person.id: person for person in people.persons(self._session, ids)}
            made = {id_: new_accounts(self._workshop, person) for id_, person in persons.items()}
            held, grants = systems.held_by(self._session, sorted(ids))
            among: dict[str, set[str]] = defaultdict(set)
            for id_, system in chunk:
                among[system].add(made[id_][0].get(system, ""))
            world = replace(self._world, logins_taken=systems.logins_in_use(self._session, among))
            names = who(self._session, ids)
            for id_, system in chunk:
                person, (logins, _, gaps) = persons[id_], made[id_]
                kind, profile = self._kind_of(person), self._profile(person)
                lines = self._told(
                    kind,
                    person,
                    logins,
                    [a for a in profile.due if a.system == system],
                    [a for a in held.get(id_, []) if a.system == system and not is_owned(person, a)],
                    [grant for grant in grants.get(id_, []) if grant.system == system],
                    world,
                    profile.held_back,
                )
                lines = tuple(blocked_without_login(line, gaps) for line in lines)
                if lines:
                    yield Difference(id_, person.key, person.name, names[id_].case, system, lines)
            self._session.expunge_all()

    def _kind_of(self, person: Person) -> CaseKind:
        starts, ends = (day.isoformat() if day else "" for day in (person.starts, person.ends))
        return self._kind(person.status.value, starts, ends, person.zone) or CaseKind.MOVER

    def _told(
        self,
        kind: CaseKind,
        person: Person,
        logins: Mapping[str, str],
        wanted: Sequence[Assignment],
        accounts: Sequence[HeldAccount],
        grants: Sequence[HeldGrant],
        world: World,
        held_back: HeldBack,
    ) -> tuple[DiffLine, ...]:
        protected = self._workshop.policy.guards.protected
        lines = diff(kind, person, logins, wanted, accounts, grants, world, protected, held_back)
        systems_here = {a.system for a in accounts} | {a.system for a in wanted}
        holding = {(g.grant.account_id, g.entitlement.id) for g in grants}
        return tuple(
            line
            for line in lines
            if line.kind not in _AS_IT_SHOULD_BE
            and line.system in systems_here
            # A leaver's plan takes ways in away that nobody knows of; they are no difference.
            and (line.operation is not Cap.REVOKE or (line.account_id, line.entitlement_id) in holding)
        )


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk
