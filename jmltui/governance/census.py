"""Who is with the company, who left and who is only absent: everybody looked at once, as all sources stated them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from jmltui.cache import mirrors
from jmltui.domain.person import Person, PersonStatus, PersonType


@dataclass(frozen=True, slots=True)
class Answerable:
    """Somebody, and the key of who should answer for them: their manager, or their sponsor."""

    person_id: int
    key: str
    name: str
    source: str
    answers: str


@dataclass(slots=True)
class Census:
    """Everybody by how they stand. `left` includes who is absent and was dealt with as a leaver.

    `keys` are of who stays, with whether they are human; `lost` says of other keys why nobody answers to them.
    """

    staying: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    keys: dict[str, bool] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    not_human: list[Person] = field(default_factory=list)
    managed: list[Answerable] = field(default_factory=list)
    sponsored: list[Answerable] = field(default_factory=list)

    def why_nobody(self, key: str) -> str:
        """Why nobody answers to a key, as the end of a sentence; "" where a human who stays does."""
        if self.keys.get(key):
            return ""
        if key in self.keys:
            return "is no human"
        return self.lost.get(key, "is in no source")


Look = Callable[[Person, bool], None]
"""Somebody passes by, and whether they stay."""


def take_census(session: Session, zone: str, now: datetime, looks: Iterable[Look]) -> Census:
    """Look at everybody once; each of `looks` is shown them as well."""
    census, dealt_with, looking = Census(), mirrors.left_by_case(session), tuple(looks)
    for person, present in mirrors.everybody(session):
        stays = False
        if has_left(person, zone, now) or (not present and person.id in dealt_with):
            census.left.add(person.id)
            census.lost[person.key] = "has left"
        elif not present:
            census.lost.setdefault(person.key, "is absent from the feed")
        else:
            stays = True
            _count(census, person)
        for look in looking:
            look(person, stays)
    return census


def has_left(person: Person, zone: str, now: datetime) -> bool:
    """Whether the source calls the person gone, or their last day is over."""
    ends = person.access_ends(zone)
    return person.status is PersonStatus.LEFT or (ends is not None and ends <= now)


def _count(census: Census, person: Person) -> None:
    census.staying.add(person.id)
    census.keys[person.key] = census.keys.get(person.key, False) or person.type.is_human
    if not person.type.is_human:
        census.not_human.append(person)
    elif person.type is PersonType.EMPLOYEE:
        census.managed.append(Answerable(person.id, person.key, person.name, person.source, person.manager))
    elif person.sponsor:
        census.sponsored.append(Answerable(person.id, person.key, person.name, person.source, person.sponsor))
