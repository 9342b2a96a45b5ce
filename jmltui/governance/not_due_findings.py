"""Findings about access that the policy speaks of and gives to nobody who holds it: it was given on the system itself.

What nobody can tell, what a requirement or a window holds back, and what somebody asked to keep for a while is no
finding; neither is what a case takes away already, or is about to because the time of an exception is just over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from sqlmodel import Session

from jmltui.cache import exceptions, mirrors, people, systems
from jmltui.cache.differences import SetPlan
from jmltui.cache.mirrors import Seen
from jmltui.cache.not_due import BARE, NotDue, Surplus
from jmltui.domain.access import ACCOUNT_TARGET, Entitlement, Tier
from jmltui.domain.diff import target_of
from jmltui.domain.exception import AccessException
from jmltui.domain.finding import Finding, FindingKind, finding_key, worse
from jmltui.domain.person import Person
from jmltui.policy import Policy

from .grant_findings import ALIKE, AT_ONCE

TARGETS_SHOWN: Final = 20


def may_hold(
    policy: Policy, person: Person, now: datetime, own: Sequence[AccessException] = ()
) -> frozenset[tuple[str, str]]:
    """What is no finding when a person holds it, as (system, target), the accounts that it needs included."""
    due = policy.due(person, now, own)
    told = (*due.assignments, *due.undecided, *due.refused, *due.shut)
    kept = [e.subject for e in own if e.keeps_meanwhile or e.is_ending(now)]
    asked = [policy.entitlements[subject] for subject in kept if subject in policy.entitlements]
    places = {(a.system, a.target) for a in told} | {(e.system, e.target) for e in asked}
    return frozenset(places | {(system, ACCOUNT_TARGET) for system, _ in places})


class Profiles:
    """What everybody who stays may hold; people whom the policy cannot tell apart share a profile.

    Service and shared accounts are stated by their source: what they hold counts, that they are there does not.
    """

    def __init__(self, session: Session, policy: Policy, now: datetime) -> None:
        self._policy = policy
        self._now = now
        self._attributes = policy.matched_attributes
        self._excepted = exceptions.people_with_access(session)
        self._numbers: dict[tuple[object, ...], int] = {}
        self._first: dict[int, int] = {}
        self._people: list[tuple[int, int]] = []

    def look_at(self, person: Person, stays: bool) -> None:
        """Note the profile of somebody who stays and whose first day has come."""
        begins = person.access_begins(self._policy.zone)
        if not stays or (begins is not None and begins > self._now):
            return
        own = person.id if person.id in self._excepted else 0
        zone = person.zone if self._policy.depends_on_zone else ""
        alike = (person.type.is_human, zone, own, *(person.attribute(name) for name in self._attributes))
        number = self._numbers.setdefault(alike, len(self._numbers) + 1)
        self._first.setdefault(number, person.id)
        self._people.append((person.id, number))

    def fill(self, session: Session, plan: SetPlan, numbers: Mapping[tuple[str, str], Collection[int]]) -> None:
        """State everybody and the profiles; `numbers` are the entitlements of a (system, target)."""
        plan.add_people(self._people)
        left = iter(self._first.items())
        while batch := {person: number for number, person in islice(left, AT_ONCE)}:
            standing = exceptions.standing_of(session, self._excepted.intersection(batch))
            wanted: dict[tuple[int, str], set[int]] = defaultdict(set)
            for person in people.persons(session, batch):
                number = batch[person.id]
                for system, target in may_hold(self._policy, person, self._now, standing.get(person.id, ())):
                    wanted[number, system].update(numbers.get((system, target), ()))
                for system in () if person.type.is_human else self._policy.managed_systems:
                    wanted.setdefault((number, system), set())
            plan.add_profiles(wanted)


def not_due(session: Session, policy: Policy, profiles: Profiles, now: datetime) -> Iterator[Finding]:
    """Accounts, and grants given directly, that neither a role nor an exception gives to the person who has them."""
    entitlements = systems.entitlements(session)
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, (system, entitlement) in entitlements.items():
        if entitlement.grantable and (system, target_of(entitlement)) in policy.by_target:
            numbers[system, target_of(entitlement)].append(number)
    plan = SetPlan(session)
    profiles.fill(session, plan, numbers)
    surplus = Surplus(session, policy.managed_systems, [number for found in numbers.values() for number in found])
    surplus.find(now)
    words = _Words(policy, entitlements, mirrors.privileged_accounts(session))
    counts = surplus.counts()
    alike = {what for what, count in counts.items() if count > ALIKE}
    for system, number in sorted(alike):
        yield words.of_many(system, number, counts[system, number])
    left = surplus.each()
    while batch := list(islice(left, AT_ONCE)):
        yield from _one_by_one(session, words, batch, alike)


def _one_by_one(
    session: Session, words: _Words, batch: Sequence[NotDue], alike: Collection[tuple[str, int]]
) -> Iterator[Finding]:
    accounts = mirrors.accounts(session, {found.account for found in batch})
    bare = mirrors.targets_held(session, {found.account for found in batch if found.entitlement == BARE})
    for found in batch:
        seen = accounts[found.account]
        if (seen.system, found.entitlement) in alike:
            continue
        if found.entitlement == BARE:
            yield words.of_account(seen, bare.get(found.account, []), found.case)
        else:
            yield words.of_grant(seen, found.entitlement, found.case)


@dataclass(frozen=True, slots=True)
class _Words:
    """What is said of each; `privileged` are the accounts that hold anything privileged."""

    policy: Policy
    entitlements: Mapping[int, tuple[str, Entitlement]]
    privileged: Collection[int]

    def of_many(self, system: str, number: int, count: int) -> Finding:
        """More people than a case each could be opened for."""
        what = "an account" if number == BARE else target_of(self.entitlements[number][1])
        target = ACCOUNT_TARGET if number == BARE else what
        is_privileged = number != BARE and self._is_privileged(number)
        return Finding(
            kind=FindingKind.NOT_DUE,
            key=finding_key(FindingKind.NOT_DUE, system, "", target),
            detail=f"{count} accounts on {system} are in use, and the policy gives none of them."
            if number == BARE
            else f"The policy does not give {what} on {system} to {count} people who hold it.",
            danger=worse(FindingKind.NOT_DUE.danger, by=is_privileged),
            system=system,
            target=target,
            facts={"number": count, "privileged": is_privileged},
        )

    def of_grant(self, seen: Seen, number: int, case: int) -> Finding:
        """What an account holds."""
        target = target_of(self.entitlements[number][1])
        name = self.policy.by_target[seen.system, target]
        if self.policy.entitlements[name].tier is Tier.BIRTHRIGHT:
            proper = "only a role can give it for good"
        else:
            proper = f"`jmltui request access {seen.person_key} {name}` asks for it properly"
        told = f"holds {target}, which no role and no exception gives them; {proper}."
        facts = {"entitlement": name}
        return self._about(seen, target, told, self._is_privileged(number), facts, case)

    def of_account(self, seen: Seen, holds: Sequence[str], case: int) -> Finding:
        """An account on a system where nothing is due to its person."""
        told = f"is in use, and no role and no exception gives them anything on {seen.system}."
        facts = {
            "state": seen.account.state.value,
            "last_used": seen.account.last_seen.isoformat() if seen.account.last_seen else "",
            "holds": list(holds[:TARGETS_SHOWN]),
            "number": len(holds),
        }
        return self._about(seen, ACCOUNT_TARGET, told, seen.number in self.privileged, facts, case)

    def _about(
        self, seen: Seen, target: str, told: str, privileged: bool, facts: Mapping[str, object], case: int
    ) -> Finding:
        return Finding(
            kind=FindingKind.NOT_DUE,
            key=finding_key(FindingKind.NOT_DUE, seen.system, seen.account.id, target),
            detail=f"{seen.account.login} on {seen.system}, of {seen.person_name} ({seen.person_key}), {told}",
            danger=worse(FindingKind.NOT_DUE.danger, by=privileged),
            person_id=seen.person_id,
            person_key=seen.person_key,
            person_name=seen.person_name,
            system=seen.system,
            account_id=seen.account.id,
            login=seen.account.login,
            target=target,
            facts={**facts, "privileged": privileged},
            case=case,
        )

    def _is_privileged(self, number: int) -> bool:
        system, entitlement = self.entitlements[number]
        name = self.policy.by_target[system, target_of(entitlement)]
        return entitlement.privileged or self.policy.entitlements[name].privileged
