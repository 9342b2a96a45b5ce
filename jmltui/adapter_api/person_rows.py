"""One row of any feed made a person, or a bad row with the reason: the same for files, directories and services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final, TypeVar

from jmltui.domain.person import ATTRIBUTES, Person, PersonStatus, PersonType

from .protocol import BadRow

Choice = TypeVar("Choice", PersonType, PersonStatus)

LIMITS: Final[Mapping[str, int]] = {"key": 128, "name": 256, "email": 320}
DEFAULT_LIMIT: Final = 1000

TRUE_WORDS: Final = frozenset({"1", "true", "yes", "y", "x"})
FALSE_WORDS: Final = frozenset({"", "0", "false", "no", "n"})


GUARDED: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for a formula; an export of ours puts an apostrophe before it."""


class Refused(Exception):
    """The row cannot be believed; the message is the reason."""


@dataclass(frozen=True)
class PersonMapper:
    """How rows become persons: attribute → column, value maps (`attribute.word` = value), defaults, forms of dates.

    `exported`: cells have an apostrophe before what a spreadsheet takes for a formula; it is taken away.
    """

    columns: Mapping[str, str]
    values: Mapping[str, str]
    defaults: Mapping[str, str]
    dates: Sequence[str] = ("%Y-%m-%d",)
    exported: bool = False

    def person(self, row: Mapping[str, str | None], line: int, place: str) -> Person | BadRow:
        """The person of a row, or the row with the reason why not."""
        try:
            return self._person({a: self._value(a, row.get(c)) for a, c in self.columns.items()}, f"{place}:{line}")
        except Refused as reason:
            raw = ",".join(str(value) for value in row.values() if value is not None)
            return BadRow(line, str(reason), raw[:500])

    def _value(self, attribute: str, raw: str | None) -> str:
        value = " ".join((raw or "").replace("\u00a0", " ").split())
        for character in value:
            if character == "\x00" or 0xD800 <= ord(character) <= 0xDFFF:
                raise Refused(f"the {attribute} holds a character that no system can store")
        limit = LIMITS.get(attribute, DEFAULT_LIMIT)
        if len(value) > limit:
            raise Refused(f"the {attribute} is {len(value)} characters long, more than {limit}")
        if self.exported and value[:1] == "'" and value[1:2] in GUARDED:
            value = value[1:]
        value = self.values.get(f"{attribute}.{value}", value)
        return value or self.defaults.get(attribute, "")

    def _person(self, given: Mapping[str, str], place: str) -> Person:
        key = given.get("key", "")
        if not key:
            raise Refused("the key is empty")
        if not given.get("name"):
            raise Refused("the name is empty")
        return Person(
            key=key,
            name=given["name"],
            type=_choice(PersonType, given.get("type", ""), PersonType.EMPLOYEE, "type"),
            status=_choice(PersonStatus, given.get("status", ""), PersonStatus.ACTIVE, "status"),
            email=given.get("email", ""),
            department=given.get("department", ""),
            title=given.get("title", ""),
            location=given.get("location", ""),
            manager=given.get("manager", ""),
            sponsor=given.get("sponsor", ""),
            owner=given.get("owner", ""),
            zone=given.get("zone", ""),
            starts=self._date("starts", given.get("starts", "")),
            ends=self._date("ends", given.get("ends", "")),
            urgent=_flag(given.get("urgent", "")),
            reason=given.get("reason", ""),
            attributes={n: v for n, v in given.items() if n != "key" and n not in ATTRIBUTES and v},
            row=place,
        )

    def _date(self, attribute: str, text: str) -> date | None:
        if not text:
            return None
        found = _day(text, tuple(self.dates))
        if found is not None:
            return found
        raise Refused(f"{attribute} “{text[:40]}” is no date of the form {' or '.join(self.dates)}")


@lru_cache(maxsize=4096)
def _day(text: str, forms: tuple[str, ...]) -> date | None:
    for form in forms:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007  a calendar day has no zone
        except ValueError:
            continue
    return None


def _choice(kind: type[Choice], text: str, default: Choice, name: str) -> Choice:
    if not text:
        return default
    try:
        return kind(text.casefold())
    except ValueError:
        words = ", ".join(item.value for item in kind)
        raise Refused(f"{name} “{text[:40]}” is none of {words}; map it in [values]") from None


def _flag(text: str) -> bool:
    if text.casefold() in TRUE_WORDS:
        return True
    if text.casefold() in FALSE_WORDS:
        return False
    raise Refused(f"urgent “{text[:40]}” is neither yes nor no")
