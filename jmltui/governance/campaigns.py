"""What a campaign asks: who holds what in its scope, why that is so, whom to ask, and what their peers hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import Session

from jmltui.cache import exceptions, people, review_sets, reviews, systems
from jmltui.cache.review_sets import Asked, Place, Profile, ReviewSets, Subject
from jmltui.domain.access import ACCOUNT_TARGET, Assignment, Entitlement
from jmltui.domain.diff import target_of
from jmltui.domain.exception import AccessException
from jmltui.domain.person import NOT_HUMAN, Person, PersonStatus
from jmltui.domain.review import PERSONAL, Band, ReviewScope, reviewer_of
from jmltui.lifecycle.workshop import Workshop
from jmltui.policy import Policy
from jmltui.policy.model import ReviewRule

UNEXPLAINED: Final = "no policy explains it"
ABSENT: Final = "the source does not name this person any more"
LEFT: Final = "this person has left"
NOBODYS: Final = "the account belongs to nobody that anybody knows of"
NOBODY: Final = 0
"""The profile of who is due nothing, and the group without people."""

SYSTEM_OWNER: Final = "system-owner"


@dataclass(slots=True)
class _Profile:
    """What people whom the policy cannot tell apart are due, by row number of the entitlement, and their roles."""

    number: int
    due: Mapping[int, Assignment] = field(default_factory=dict)
    doubts: Mapping[int, str] = field(default_factory=dict)
    groups: tuple[int, ...] = ()
    own: int = NOBODY


class _Groups:
    """Groups of peers: the people of a role, or of a department and title."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {"": NOBODY}
        self.names = [""]
        self.people = [0]

    def number(self, name: str) -> int:
        """The number of a group, new where it was not named before."""
        found = self._numbers.setdefault(name, len(self.names))
        if found == len(self.names):
            self.names.append(name)
            self.people.append(0)
        return found

    def of_role(self, role: str) -> int:
        """The group of the people of a role."""
        return self.number(f"{reviews.BY_ROLE}{role}")

    def of_place(self, person: Person) -> int:
        """The group of the people of a department and title; of nobody where neither is stated."""
        stated = (("department", person.department), ("title", person.title))
        return self.number(", ".join(f"{word} {value}" for word, value in stated if value))


class _Things:
    """What can be asked about: entitlements by row number, and accounts of a system by a negative one."""

    def __init__(self, session: Session, policy: Policy) -> None:
        self._policy = policy
        self.entitlements = systems.entitlements(session)
        self.accounts = {name: -number for number, name in enumerate(reviews.account_systems(session), 1)}
        self.names = {number: name for name, number in self.accounts.items()}
        self._numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, (system, entitlement) in self.entitlements.items():
            self._numbers[system, target_of(entitlement)].append(number)

    def numbers(self, system: str, target: str) -> list[int]:
        """The rows that a target means."""
        if target == ACCOUNT_TARGET:
            return [self.accounts[system]] if system in self.accounts else []
        return self._numbers.get((system, target), [])

    def privileged(self, system: str, entitlement: Entitlement) -> bool:
        """Whether the system or the policy calls it so."""
        known = self._policy.by_target.get((system, target_of(entitlement)))
        return entitlement.privileged or (known is not None and self._policy.entitlements[known].privileged)

    def in_scope(self, scope: ReviewScope) -> Iterator[tuple[int, str, bool]]:
        """(number, system, privileged) of everything that a scope can be about."""
        for number, (system, entitlement) in self.entitlements.items():
            weighty = self.privileged(system, entitlement)
            wanted = not scope.systems or system in scope.systems
            if wanted and (weighty or not scope.privileged or scope.unused is not None):
                yield number, system, weighty
        if scope.unused is not None:
            for system, number in self.accounts.items():
                if not scope.systems or system in scope.systems:
                    yield number, system, False


class Snapshot:
    """What a rule asks about in one state of the cache. `fill` it, then read its `items`."""

    def __init__(self, workshop: Workshop, session: Session, rule: ReviewRule, scope: ReviewScope) -> None:
        self._policy = workshop.policy
        self._zone = workshop.zone
        self._now = workshop.clock()
        self._session = session
        self._rule = rule
        self._scope = scope
        self._things = _Things(session, workshop.policy)
        self._groups = _Groups()
        self._profiles: list[_Profile] = [_Profile(NOBODY)]
        self._by_key: dict[tuple[object, ...], _Profile] = {}

    def fill(self) -> int:
        """Find everything; how many items there are."""
        sets, scope = ReviewSets(self._session), self._scope
        self._sets = sets
        sets.add_things(self._things.in_scope(scope))
        sets.add_kinds(scope.types)
        self._add_people(sets)
        sets.add_profiles(map(self._with_peers, self._profiles))
        sets.add_gives(self._given())
        any_type, any_role = not scope.types, not scope.roles
        if scope.unused is None:
            return sets.ask_grants(any_type=any_type, any_role=any_role)
        before = self._now - scope.unused
        return sets.ask_unused(
            before, before.date(), any_type=any_type, any_role=any_role, any_privilege=not scope.privileged
        )

    def items(self) -> Iterator[dict[str, Any]]:
        """The columns of one item after another, in the order in which they are shown."""
        for place, asked in enumerate(self._sets.items(), start=1):
            yield {"seq": place, **self._item(asked)}

    # ---- people

    def _add_people(self, sets: ReviewSets) -> None:
        number = 0
        for places in review_sets.people_in_order(self._session):
            ids = [place.person for place in places]
            found = {person.id: person for person in people.persons(self._session, ids)}
            allowed = exceptions.standing_of(self._session, ids)
            there = self._others_there(places, found.values())
            subjects = []
            for place in places:
                number += 1
                person, granted = found[place.person], allowed.get(place.person, ())
                subjects.append(self._subject(number, place, person, granted, there))
            sets.add_subjects(subjects)
            self._session.expunge_all()

    def _subject(
        self,
        number: int,
        place: Place,
        person: Person,
        granted: Iterable[AccessException],
        there: Mapping[tuple[str, str], bool],
    ) -> Subject:
        gone = self._gone(person, place.present)
        profile = self._profiles[NOBODY] if gone else self._profile(person, [e for e in granted if e.holds(self._now)])
        for group in profile.groups:
            self._groups.people[group] += 1
        keys = {"manager": person.manager, "sponsor": person.sponsor, "owner": place.owner}

        def may_answer(key: str) -> bool:
            return there.get((person.source, key), there.get(("", key), False))

        word, fallback = self._rule.reviewer, self._rule.fallback
        return Subject(
            person=person.id,
            place=number,
            profile=profile.number,
            chosen=person.type.value in self._scope.types,
            human=person.type.is_human,
            starts=person.starts.isoformat() if person.starts else "",
            key=person.key,
            name=person.name,
            department=person.department,
            reviewer=reviewer_of(word, fallback, keys, person.key, may_answer),
            fallback=reviewer_of(fallback, "", keys, person.key, may_answer),
            gone=gone,
        )

    def _others_there(self, places: Iterable[Place], found: Iterable[Person]) -> dict[tuple[str, str], bool]:
        """Of the people who may be asked about these: whether each is still there, by source and key, and by key."""
        keys = {key for person in found for key in (person.manager, person.sponsor) if key}
        keys |= {place.owner for place in places if place.owner}
        present = review_sets.people_by_key(self._session, keys)
        there: dict[tuple[str, str], bool] = {}
        for person in people.persons(self._session, present):
            answers = not self._gone(person, present[person.id])
            there[person.source, person.key] = answers
            there["", person.key] = there.get(("", person.key), False) or answers
        return there

    def _gone(self, person: Person, present: bool) -> str:
        """Why a person is due nothing and answers for nobody, or ""."""
        if not present:
            return ABSENT
        ends = person.access_ends(self._zone)
        over = person.status is PersonStatus.LEFT or (ends is not None and ends <= self._now)
        return LEFT if over else ""

    # ---- what they are due

    def _profile(self, person: Person, granted: Sequence[AccessException]) -> _Profile:
        """The profile of a person; one of their own where an exception holds for them."""
        if granted:
            return self._new_profile(person, granted)
        read = person.attribute
        stated: tuple[object, ...] = tuple([read(name) for name in self._policy.matched_attributes])
        key = (*stated, person.zone) if self._policy.depends_on_zone or self._policy.asks_the_clock else stated
        found = self._by_key.get(key) or self._by_key.get((*key, person.department, person.title))
        if found is None:
            found = self._new_profile(person, ())
            place = () if self._policy.roles_of(person, self._now) else (person.department, person.title)
            self._by_key[*key, *place] = found
        return found

    def _new_profile(self, person: Person, granted: Sequence[AccessException]) -> _Profile:
        due = self._policy.due(person, self._now, granted)
        roles = [self._groups.of_role(role.id) for role in self._policy.roles_of(person, self._now)]
        place = self._groups.of_place(person)
        explained = {
            number: a for a in (*due.shut, *due.assignments) for number in self._things.numbers(a.system, a.target)
        }
        doubts = {number: a.reason for a in due.undecided for number in self._things.numbers(a.system, a.target)}
        groups = tuple(roles) or ((place,) if place else ())
        profile = _Profile(len(self._profiles), explained, doubts, groups)
        self._profiles.append(profile)
        return profile

    def _with_peers(self, profile: _Profile) -> Profile:
        """The profile, with the smallest of its groups to look at where something is not due."""
        profile.own = min(profile.groups, key=lambda group: self._groups.people[group], default=NOBODY)
        due = {number: self._peers(profile, a) for number, a in profile.due.items()}
        return Profile(profile.number, due, profile.groups, profile.own)

    def _peers(self, profile: _Profile, assignment: Assignment) -> int:
        """Whom a grant is compared with: the people of the role that gives it."""
        return self._groups.of_role(assignment.role) if assignment.role else profile.own

    def _given(self) -> Iterator[tuple[int, int]]:
        """What the roles of the scope give, as (group, number of the thing)."""
        for name in self._scope.roles:
            role = self._policy.roles.get(name)
            for entitlement in role.grants if role is not None else ():
                known = self._policy.entitlements[entitlement]
                for number in self._things.numbers(known.system, known.target):
                    yield self._groups.of_role(name), number

    # ---- items

    def _item(self, asked: Asked) -> dict[str, Any]:
        profile = self._profiles[asked.profile or NOBODY]
        due = profile.due.get(asked.entitlement)
        group = NOBODY if asked.entitlement < 0 else profile.own if due is None else self._peers(profile, due)
        reviewer, fallback = self._reviewers(asked)
        return {
            "reviewer": reviewer,
            "fallback": fallback,
            "person_id": asked.person or 0,
            "person_key": asked.key or "",
            "person_name": asked.name or "",
            "department": asked.department or "",
            "system": asked.system,
            "account_id": asked.account_id,
            "login": asked.login,
            "role": due.role if due is not None else "",
            "why": due.reason if due is not None else self._unexplained(asked, profile),
            "last_used": asked.last_seen,
            "peers": self._groups.people[group],
            "peers_hold": asked.hold or 0 if group else 0,
            "peers_of": self._groups.names[group],
            **self._thing(asked, due),
        }

    def _thing(self, asked: Asked, due: Assignment | None) -> dict[str, Any]:
        """What is held, by the names of its system and of the policy."""
        if asked.entitlement < 0:
            return {
                "entitlement_id": "",
                "target": ACCOUNT_TARGET,
                "privileged": asked.band == Band.PRIVILEGED,
                "tier": "",
            }
        system, entitlement = self._things.entitlements[asked.entitlement]
        known = self._policy.by_target.get((system, target_of(entitlement)))
        tier = self._policy.entitlements[known].tier.value if known is not None else ""
        return {
            "entitlement_id": entitlement.id,
            "target": target_of(entitlement),
            "privileged": self._things.privileged(system, entitlement),
            "tier": due.tier.value if due is not None else tier,
        }

    def _unexplained(self, asked: Asked, profile: _Profile) -> str:
        if asked.person is None:
            return NOBODYS
        return asked.gone or profile.doubts.get(asked.entitlement, UNEXPLAINED)

    def _reviewers(self, asked: Asked) -> tuple[str, str]:
        """Who is asked and who may answer besides; words that mean somebody, "" for nobody.

        A service or shared account that is confirmed to be a person's is owned by that person.
        """
        rule = self._rule
        reviewer = asked.reviewer if asked.reviewer is not None else _unless_personal(rule.reviewer) or rule.fallback
        fallback = asked.fallback if asked.fallback is not None else rule.fallback
        owned = asked.human and asked.kind in NOT_HUMAN
        if owned and rule.reviewer == "owner" and not asked.gone:
            reviewer = f"owner:{asked.key}"
        fallback = self._named(_unless_personal(fallback), asked.system)
        return self._named(_unless_personal(reviewer), asked.system) or fallback, fallback

    def _named(self, word: str, system: str) -> str:
        """The word that the policy states for the owner of a system; any other one as it is."""
        return self._policy.definitions.system_owners.get(system, "") if word == SYSTEM_OWNER else word


def _unless_personal(word: str) -> str:
    """The word, unless it means another person for everybody, and so nobody here."""
    return "" if word in PERSONAL else word
