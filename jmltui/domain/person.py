"""Persons: somebody or something with a lifecycle, as a source states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo


class PersonType(StrEnum):
    """The seven kinds of Person; the last two are not human and need an owner."""

    EMPLOYEE = "employee"
    CONTRACTOR = "contractor"
    VENDOR = "vendor"
    TEMP = "temp"
    GUEST = "guest"
    SERVICE = "service"
    SHARED = "shared"

    @property
    def is_human(self) -> bool:
        """Whether this is a person of flesh and blood."""
        return self not in (PersonType.SERVICE, PersonType.SHARED)

    @property
    def is_external(self) -> bool:
        """Whether a contract end and a sponsor are expected."""
        return self in (PersonType.CONTRACTOR, PersonType.VENDOR, PersonType.TEMP, PersonType.GUEST)


NOT_HUMAN: Final = frozenset(kind.value for kind in PersonType if not kind.is_human)
"""Kinds of people and of accounts that somebody owns."""


class PersonStatus(StrEnum):
    """What the source itself says of the person's employment."""

    ACTIVE = "active"
    LEAVE = "leave"
    LEFT = "left"


ATTRIBUTES: Final = (
    "name",
    "type",
    "status",
    "email",
    "department",
    "title",
    "location",
    "manager",
    "sponsor",
    "owner",
    "zone",
    "starts",
    "ends",
    "urgent",
    "reason",
)
"""The attributes every Person has; a source may map further ones, named `person.<column>` in a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person as a source stated them at one moment.

    `key` is the source's own immutable key; `id` is the cache's row number, 0 for a person not stored yet.
    `starts` is the first day, `ends` the last day on which access is due (inclusive), both in `zone`.
    """

    key: str
    name: str
    source: str = ""
    id: int = 0
    type: PersonType = PersonType.EMPLOYEE
    status: PersonStatus = PersonStatus.ACTIVE
    email: str = ""
    department: str = ""
    title: str = ""
    location: str = ""
    manager: str = ""
    sponsor: str = ""
    owner: str = ""
    zone: str = ""
    starts: date | None = None
    ends: date | None = None
    urgent: bool = False
    reason: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    row: str = ""

    def attribute(self, name: str) -> str | None:
        """The value of an attribute as text, or None when the source gave none ("cannot tell")."""
        bare = name.removeprefix("person.")
        if bare == "key":
            return self.key
        if bare in ATTRIBUTES:
            value = getattr(self, bare)
            if value is None or value == "":
                return None
            if isinstance(value, bool):
                return "true" if value else "false"
            return str(value.value if isinstance(value, StrEnum) else value)
        return self.attributes.get(bare) or None

    def zone_info(self, default: str) -> ZoneInfo:
        """The person's time zone, or the default one where the source gave none."""
        return ZoneInfo(self.zone or default)

    def access_begins(self, default_zone: str) -> datetime | None:
        """The instant at which access may begin: local midnight of the first day; None when no date is
        given.
        """
        if self.starts is None:
            return None
        return local_midnight(self.starts, self.zone_info(default_zone))

    def access_ends(self, default_zone: str) -> datetime | None:
        """The instant at which access must end: the local midnight after the last day; None without one."""
        return end_of(self.last_day, self.zone_info(default_zone))

    @property
    def last_day(self) -> date | None:
        """The last day, or None where there is none, or one that means "never"."""
        return None if self.ends is None or self.ends >= NEVER else self.ends


NEVER: Final = date(9999, 12, 1)
"""The last days of the calendar are how some personnel systems write "never"."""


def end_of(last_day: date | None, zone: ZoneInfo) -> datetime | None:
    """The instant at which a last day is over in a zone, in UTC; None for no day, or for one that means "never"."""
    if last_day is None or last_day >= NEVER:
        return None
    return local_midnight(last_day + timedelta(days=1), zone)


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day as an aware UTC datetime.

    Some zones skip midnight when their clocks change (Beirut, Santiago); the first instant that exists is
    meant, which is what converting the imaginary 00:00 through UTC yields.
    """
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(ZoneInfo("UTC"))
