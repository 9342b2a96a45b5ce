"""Which source said what of one person, where several sources state the same people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from jmltui.cache import statements
from jmltui.domain.merging import LED, MERGED, Merging, leading_source, merged, whose_word
from jmltui.domain.person import Person

from .merged import merging_with
from .workshop import Workshop

FEWEST: Final = 2
NOTHING: Final = ("", "false")
"""What a source that leaves an attribute out is read as."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One source's row of a person. `role`: leads, states or completes.

    `missing` feeds came without the person; 0 while the source has them.
    """

    source: str
    role: str
    row: str
    missing: int


@dataclass(frozen=True, slots=True)
class Said:
    """One attribute: its value, the source whose word counts, those that say the same, and those that do not."""

    attribute: str
    value: str
    source: str
    also: tuple[str, ...] = ()
    others: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PersonSources:
    """What several sources say of one person; both are empty where one source alone has them."""

    statements: tuple[Statement, ...] = ()
    said: tuple[Said, ...] = ()

    @property
    def disputed(self) -> tuple[Said, ...]:
        """The attributes of which sources say different things."""
        return tuple(each for each in self.said if each.others)


def sources_of(workshop: Workshop, session: Session, person: Person) -> PersonSources:
    """Who says what of a person."""
    merging = merging_with(workshop.settings, person.source)
    if merging is None or person.source != merging.name:
        return PersonSources()
    for _, here, missing in statements.stated(session, merging.all, [person.key]):
        if len(here) + len(missing) >= FEWEST:
            return _told(workshop, merging, here, missing)
    return PersonSources()


def _told(
    workshop: Workshop, merging: Merging, here: Mapping[str, Person], missing: Mapping[str, int]
) -> PersonSources:
    now, zone = workshop.clock(), workshop.zone
    leads = leading_source(here, merging, now, zone)
    rows = []
    for name in sorted((*here, *missing), key=lambda each: (each != leads, merging.all.index(each))):
        role = "leads" if name == leads else "states" if name in merging.sources else "completes"
        rows.append(Statement(name, role, here[name].row if name in here else "", missing.get(name, 0)))
    person = merged(here, merging, now, zone)
    if person is None:
        return PersonSources(tuple(rows))
    word = whose_word(here, merging, now, zone)
    told = (_said(merging, here, person, attribute, word[attribute]) for attribute in (*MERGED, *person.attributes))
    return PersonSources(tuple(rows), tuple(each for each in told if each.value not in NOTHING or each.others))


def _said(merging: Merging, here: Mapping[str, Person], person: Person, attribute: str, source: str) -> Said:
    """An attribute of an employment is said by who states employments, and by who is asked for it by name."""
    value = person.attribute(attribute) or ""
    named = merging.order(attribute, person.type.value) or ()
    speakers = [each for each in merging.all if each in merging.sources or attribute not in LED or each in named]
    others = {each: here[each].attribute(attribute) or "" for each in speakers if each in here and each != source}
    also = tuple(each for each, said in others.items() if said == value)
    differ = tuple((each, said) for each, said in others.items() if said != value and said not in NOTHING)
    return Said(attribute, value, source, also, differ)
