"""What is read of a person for rules: as the text that matchers compare, and as the typed value of an expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Final
from zoneinfo import ZoneInfo

from jmltui.domain.person import ATTRIBUTES, Person, local_midnight

from .expression import Declared, ValueType

NOW: Final = "now."
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TEXTS: Final = frozenset(field.name for field in fields(Person) if field.type == "str" and field.name in ATTRIBUTES)
_TRUE: Final = frozenset({"true", "yes", "y", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "n", "off", "0"})


def bare(name: str) -> str:
    """The name of an attribute as a person knows it: without `person.`, with any other prefix."""
    return name.removeprefix("person.")


def dotted(name: str) -> str:
    """The name of an attribute as an expression writes it."""
    return name if "." in name else f"person.{name}"


class Facts:
    """Reads the attributes of some names; what has the form of no value of its type is empty: nobody can tell."""

    def __init__(self, names: Sequence[str], declared: Mapping[str, Declared], zone: str) -> None:
        """`names` are dotted, `zone` is that of people who have none."""
        self.names = tuple(names)
        own = [name for name in self.names if not name.startswith(NOW)]
        self.stated = tuple(bare(name) for name in own)
        self.of_now = tuple(name for name in self.names if name.startswith(NOW))
        self._readers = [_reader(name) for name in self.stated]
        self._converted = [(name, _is_text(declared.get(name)), declared.get(name)) for name in own]
        self._zone = zone

    def texts(self, person: Person) -> tuple[str | None, ...]:
        """The texts of everything that a source states, in the order of `stated`."""
        return tuple([read(person) for read in self._readers])

    def moment(self, at: datetime, zone: str) -> tuple[object, ...]:
        """The values of `now.*` in a zone, in the order of `of_now`."""
        if not self.of_now:
            return ()
        local = at.astimezone(ZoneInfo(zone or self._zone))
        known: Mapping[str, object] = {"now.hour": local.hour, "now.weekday": WEEKDAYS[local.weekday()]}
        return tuple(known.get(name) for name in self.of_now)

    def values(self, texts: Sequence[str | None], moment: Sequence[object], zone: str) -> dict[str, object]:
        """Typed values by dotted name; what is empty or unreadable is None."""
        info = ZoneInfo(zone or self._zone)
        found: dict[str, object] = dict(zip(self.of_now, moment, strict=True))
        for (name, as_it_is, declared), text in zip(self._converted, texts, strict=True):
            found[name] = text if as_it_is or text is None else typed(text, name, declared, info)
        return found


def _reader(name: str) -> Callable[[Person], str | None]:
    """What `Person.attribute` does for one name; texts that every person has are read without asking which they are."""
    if name in _TEXTS:
        read = attrgetter(name)
        return lambda person: read(person) or None
    if name != "key" and name not in ATTRIBUTES:
        return lambda person: person.attributes.get(name) or None
    return lambda person: person.attribute(name)


def _is_text(declared: Declared | None) -> bool:
    return declared is None or declared.type is ValueType.STRING


def typed(text: str, name: str, declared: Declared | None, zone: ZoneInfo) -> object:
    """The value of a text by the type of its attribute, or None where it has not the form of one.

    A day is the local midnight at which it begins; the last day of a person ends at the midnight after it.
    """
    match declared.type if declared else ValueType.STRING:
        case ValueType.STRING:
            return text
        case ValueType.BOOL:
            folded = text.strip().casefold()
            return True if folded in _TRUE else (False if folded in _FALSE else None)
        case ValueType.INT:
            return int(text) if text.strip().removeprefix("-").isascii() and _is_int(text) else None
        case ValueType.LIST:
            return tuple(filter(None, (part.strip() for part in text.split(";" if ";" in text else ","))))
        case _:
            return _instant(text.strip(), name, zone)


def _is_int(text: str) -> bool:
    digits = text.strip().removeprefix("-")
    return digits.isdigit() and len(digits) <= 18


def _instant(text: str, name: str, zone: ZoneInfo) -> datetime | None:
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text)
            return local_midnight(day + timedelta(days=1) if name == "person.ends" else day, zone).astimezone(UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)
