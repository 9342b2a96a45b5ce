"""One person out of what several sources state of them: whose word counts for which attribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from .person import ATTRIBUTES, Person, PersonStatus

LED: Final = frozenset({"type", "status", "starts", "ends", "urgent", "reason"})
"""Attributes of an employment: of the leading source alone, unless a precedence names them. An end date that only an
old contract has must not end the employment that came after it."""
MERGED: Final = tuple(each.name for each in fields(Person) if each.name in ATTRIBUTES)


@dataclass(frozen=True, slots=True)
class Merging:
    """Which sources state the same people, by the same keys.

    `sources` state who there is, the first leads where several do; `completing` ones only add attributes to people whom
    others state. Who has left by the word of a source of `final` has left, whatever the others say. `precedence` names
    the sources of an attribute, the first that says something counts; `by_type` the same for people of one type.
    """

    sources: tuple[str, ...]
    completing: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    precedence: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_type: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The source that merged people are said to be of: the first."""
        return self.sources[0]

    @property
    def all(self) -> tuple[str, ...]:
        """Every source that says something of these people."""
        return (*self.sources, *self.completing)

    def order(self, attribute: str, person_type: str) -> tuple[str, ...] | None:
        """The sources of an attribute that a precedence names, None where none does."""
        return self.by_type.get(person_type, {}).get(attribute) or self.precedence.get(attribute)


def merged(stated: Mapping[str, Person], merging: Merging, now: datetime, zone: str) -> Person | None:
    """The person that the present statements of one key make, None where no stating source has them.

    `zone` is the zone of people who have none.
    """
    leading = leading_source(stated, merging, now, zone)
    if leading is None:
        return None
    everybody = (leading, *(name for name in merging.all if name != leading))
    kind = stated[leading].type.value
    values: dict[str, Any] = {}
    for attribute in MERGED:
        named = merging.order(attribute, kind)
        order = named or ((leading,) if attribute in LED else everybody)
        default = _ends(stated, merging, leading) if attribute == "ends" else getattr(stated[leading], attribute)
        is_joined = attribute == "ends" and not named
        values[attribute] = default if is_joined else _first(stated, order, attribute, default, bool(named))
    return replace(
        stated[leading],
        **values,
        source=merging.name,
        attributes=_attributes(stated, merging, kind, everybody),
        row=" + ".join(stated[name].row for name in everybody if name in stated and stated[name].row),
    )


def whose_word(stated: Mapping[str, Person], merging: Merging, now: datetime, zone: str) -> Mapping[str, str]:
    """The source whose word counts for each attribute of the person that `merged` makes; empty where it makes none.

    An attribute of which nobody says anything is the leading source's.
    """
    leading = leading_source(stated, merging, now, zone)
    if leading is None:
        return {}
    everybody = (leading, *(name for name in merging.all if name != leading))
    kind = stated[leading].type.value
    found = {}
    for attribute in MERGED:
        named = merging.order(attribute, kind)
        order = named or ((leading,) if attribute in LED else everybody)
        found[attribute] = next(_speakers(stated, order, attribute, bool(named)), leading)
    if next(_speakers(stated, merging.order("ends", kind) or (), "ends", True), None) is None:
        end = _ends(stated, merging, leading)
        found["ends"] = next((s for s in everybody if s in stated and end in _days(stated[s])), leading)
    for attribute in sorted({name for person in stated.values() for name in person.attributes}):
        order = merging.order(attribute, kind) or everybody
        found[attribute] = next((s for s in order if s in stated and stated[s].attributes.get(attribute)), leading)
    return found


def _days(person: Person) -> tuple[date | None, date | None]:
    return person.ends, person.last_day


def leading_source(stated: Mapping[str, Person], merging: Merging, now: datetime, zone: str) -> str | None:
    """The source whose employment counts today: the first that is current, else one that is over, else one to come.

    What is over counts until the next begins, so that somebody who left is out in between.
    """
    here = [name for name in merging.sources if name in stated]
    ended = [name for name in here if name in merging.final and _has_left(stated[name], now, zone)]
    if ended or not here:
        return ended[0] if ended else None
    working = [name for name in here if stated[name].status is not PersonStatus.LEFT]
    over = [name for name in working if _is_over(stated[name], now, zone)]
    lasting = [name for name in working if name not in over]
    begun = [name for name in lasting if _has_begun(stated[name], now, zone)]
    return (begun or over or lasting or here)[0]


def _has_left(person: Person, now: datetime, zone: str) -> bool:
    return person.status is PersonStatus.LEFT or _is_over(person, now, zone)


def _ends(stated: Mapping[str, Person], merging: Merging, leading: str) -> date | None:
    """The last day after which none of the others goes on without a gap, where the leading source allows another."""
    end = stated[leading].last_day
    if end is None or leading in merging.final or stated[leading].status is PersonStatus.LEFT:
        return stated[leading].ends
    others = [stated[name] for name in merging.sources if name in stated and name != leading]
    going_on = True
    while going_on:
        going_on = False
        for other in others:
            follows = other.starts is None or other.starts <= end + timedelta(days=1)
            if other.status is PersonStatus.LEFT or not follows:
                continue
            if other.last_day is None:
                return None
            if other.last_day > end:
                end, going_on = other.last_day, True
    return end


def _is_over(person: Person, now: datetime, zone: str) -> bool:
    end = person.access_ends(zone)
    return end is not None and end <= now


def _has_begun(person: Person, now: datetime, zone: str) -> bool:
    begins = person.access_begins(zone)
    return begins is None or begins <= now


def _first(
    stated: Mapping[str, Person], order: Sequence[str], attribute: str, default: object, is_named: bool
) -> object:
    """What the first source says that says something.

    A status is always said, so where a precedence names one, its first source that has the person counts.
    """
    speaker = next(_speakers(stated, order, attribute, is_named), None)
    return default if speaker is None else getattr(stated[speaker], attribute)


def _speakers(stated: Mapping[str, Person], order: Sequence[str], attribute: str, is_named: bool) -> Iterator[str]:
    """The sources that say something of an attribute, in their order."""
    for name in order:
        value = getattr(stated[name], attribute) if name in stated else None
        if value not in (None, "") and (value is not False or is_named):
            yield name


def _attributes(
    stated: Mapping[str, Person], merging: Merging, kind: str, everybody: Sequence[str]
) -> Mapping[str, str]:
    names = sorted({name for person in stated.values() for name in person.attributes})
    found = {}
    for attribute in names:
        order = merging.order(attribute, kind) or everybody
        value = next((v for s in order if s in stated and (v := stated[s].attributes.get(attribute))), "")
        if value:
            found[attribute] = value
    return found
