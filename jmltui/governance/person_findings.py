"""Findings about people: nobody answers for them, a requirement is not met, the end comes, an emergency was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from jmltui.cache import mirrors
from jmltui.domain.duration import format_duration
from jmltui.domain.finding import Finding, FindingKind, finding_key
from jmltui.domain.person import Person
from jmltui.policy import Policy

from .census import Answerable, Census

SPONSOR_LEFT: Final = "sponsor-left"
REVIEW_WITHIN: Final = timedelta(days=1)
"""Within what time emergency access is reviewed where the policy does not say."""


class Requirements:
    """What the policy requires of people, and whom it warns of: they are looked at while everybody passes by."""

    def __init__(self, policy: Policy, leaving: Mapping[int, int], now: datetime) -> None:
        self._policy = policy
        self._leaving = leaving
        self._now = now
        roles = policy.roles.values()
        self._requires = any(role.require for role in roles)
        self._warns = max((role.warn_before_end or timedelta(0) for role in roles), default=timedelta(0))
        self.found: list[Finding] = []

    def look_at(self, person: Person, stays: bool) -> None:
        """Note what is wrong with somebody who stays."""
        if stays and self._requires:
            self.found += self._problems(person)
        near = person.ends is not None and person.ends <= (self._now + self._warns).date() + timedelta(days=1)
        if stays and self._warns and near:
            self.found += self._endings(person)

    def _problems(self, person: Person) -> Iterator[Finding]:
        for problem in self._policy.problems(person, self._now):
            yield _about(
                FindingKind.REQUIREMENT,
                person,
                finding_key(FindingKind.REQUIREMENT, person.id, problem.code),
                f"{_named(person)} gets nothing new: {problem.sentence}.",
                rule=problem.role,
                facts={"code": problem.code, "place": problem.place, **_stated(person)},
            )

    def _endings(self, person: Person) -> Iterator[Finding]:
        if self._policy.warns(person, self._now) is None or person.ends is None:
            return
        yield _about(
            FindingKind.ENDING,
            person,
            finding_key(FindingKind.ENDING, person.id, person.ends),
            f"The last day of {_named(person)} is {person.ends}: HR extends it, or all access ends with it.",
            facts=_stated(person),
            case=self._leaving.get(person.id, 0),
        )


def nobody_answers(census: Census) -> Iterator[Finding]:
    """Employees without a manager who is there, and external people whose sponsor is gone."""
    without = [one for one in census.managed if census.why_nobody(one.answers)]
    stating = {one.source for one in census.managed if one.answers}
    silent = Counter(one.source for one in without if one.source not in stating)
    for source, number in sorted(silent.items()):
        yield Finding(
            kind=FindingKind.NO_MANAGER,
            key=finding_key(FindingKind.NO_MANAGER, "source", source),
            detail=f"{source} names no manager for any of its {number} employees: what managers decide reaches nobody.",
            danger=FindingKind.NO_MANAGER.danger,
            system=source,
            facts={"number": number},
        )
    for one in without:
        if one.source in stating:
            why = f", {one.answers}, {census.why_nobody(one.answers)}" if one.answers else " is not stated"
            yield _answer(
                FindingKind.NO_MANAGER,
                one,
                finding_key(FindingKind.NO_MANAGER, one.person_id),
                f"The manager of {one.name} ({one.key}){why}: what a manager decides reaches nobody.",
                {"manager": one.answers},
            )
    for one in census.sponsored:
        why = census.why_nobody(one.answers)
        if why:
            yield _answer(
                FindingKind.REQUIREMENT,
                one,
                finding_key(FindingKind.REQUIREMENT, one.person_id, SPONSOR_LEFT),
                f"The sponsor of {one.name} ({one.key}), {one.answers}, {why}: nobody answers for the contract.",
                {"sponsor": one.answers, "code": SPONSOR_LEFT},
            )


def ownerless_people(session: Session, census: Census) -> Iterator[Finding]:
    """Service and shared accounts that no human who is there answers for."""
    decided = mirrors.owners_decided(session)
    for person in census.not_human:
        owner, feed = decided.get(person.id, ("", person.owner))
        if feed != person.owner or not owner:
            owner = person.owner
        why = census.why_nobody(owner)
        if why:
            told = f"has an owner, {owner}, who {why}" if owner else "has no owner"
            yield _about(
                FindingKind.OWNERLESS,
                person,
                finding_key(FindingKind.OWNERLESS, "person", person.id),
                f"The {person.type.value} account {_named(person)} {told}: nobody renews its secrets or ends it.",
                facts={"owner": owner, **_stated(person)},
            )


def emergencies(session: Session, policy: Policy, now: datetime) -> Iterator[Finding]:
    """Emergency access that nobody has reviewed in time."""
    rules = policy.definitions.break_glass
    within = rules.review_within if rules is not None else REVIEW_WITHIN
    for row, person in mirrors.emergencies_unreviewed(session, now - within):
        began = row.starts or row.asked_at
        who = f"{person.name} ({person.key})" if person is not None else "somebody"
        yield Finding(
            kind=FindingKind.BREAK_GLASS,
            key=finding_key(FindingKind.BREAK_GLASS, row.id),
            detail=(
                f"{row.requested_by} took {row.subject} for {who} in an emergency on {began:%Y-%m-%d %H:%M} UTC, "
                f"and nobody has reviewed it within {format_duration(within)}."
            ),
            danger=FindingKind.BREAK_GLASS.danger,
            person_id=row.person_id,
            person_key=person.key if person is not None else "",
            person_name=person.name if person is not None else "",
            target=row.subject,
            facts={
                "exception": row.id,
                "began": began.isoformat(),
                "requested_by": row.requested_by,
                "reason": row.reason,
            },
        )


def _about(
    kind: FindingKind,
    person: Person,
    key: str,
    detail: str,
    *,
    rule: str = "",
    facts: Mapping[str, object],
    case: int = 0,
) -> Finding:
    return Finding(
        kind=kind,
        key=key,
        detail=detail,
        danger=kind.danger,
        person_id=person.id,
        person_key=person.key,
        person_name=person.name,
        rule=rule,
        facts=facts,
        case=case,
    )


def _answer(kind: FindingKind, one: Answerable, key: str, detail: str, facts: Mapping[str, object]) -> Finding:
    return Finding(
        kind=kind,
        key=key,
        detail=detail,
        danger=kind.danger,
        person_id=one.person_id,
        person_key=one.key,
        person_name=one.name,
        facts=facts,
    )


def _named(person: Person) -> str:
    return f"{person.name} ({person.key})"


def _stated(person: Person) -> dict[str, object]:
    """What identifies a person on a screen."""
    return {
        "type": person.type.value,
        "department": person.department,
        "starts": person.starts.isoformat() if person.starts else "",
        "ends": person.ends.isoformat() if person.ends else "",
        "sponsor": person.sponsor,
    }
