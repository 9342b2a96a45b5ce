"""Working time: targets that count in the hours in which people work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from .window import Window, parse_window

_DAY: Final = timedelta(days=1)
_LONGEST: Final = 3660
"""Calendar days in which a target must be reached; ten years."""


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """The hours of the week in which people work, in one zone, without the holidays.

    `days`, `start` and `end` are those of a `Window`; a shift over midnight belongs to the day on which it starts,
    and so does its holiday. Raises ValueError with a sentence where days or zone are unknown.
    """

    zone: str
    days: tuple[str, ...]
    start: time
    end: time
    holidays: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        Window(self.days, self.start, self.end)
        try:
            ZoneInfo(self.zone)
        except (LookupError, OSError, ValueError):
            raise ValueError(f"“{self.zone}” is not a time zone; write a name like Europe/Berlin or UTC.") from None

    @property
    def window(self) -> Window:
        """The hours of the week, holidays not looked at."""
        return Window(self.days, self.start, self.end)

    def after(self, begin: datetime, amount: timedelta) -> datetime:
        """The instant, in UTC, when `amount` of working time has passed since `begin` (aware).

        Whole days (multiples of 24 h) are working days: 1d is the hours of one working day, as the clock on the wall
        counts them, and not 24 working hours. Anything else counts as it is. Nothing, or less, has passed at once.
        Raises OverflowError with a sentence when ten years do not hold that much working time.
        """
        days, rest = divmod(amount, _DAY)
        return self.passed(begin, amount if rest else days * self.window.length)

    def passed(self, begin: datetime, length: timedelta) -> datetime:
        """Like `after`, but 24 h are 24 working hours."""
        begin = begin.astimezone(UTC)
        if length <= timedelta(0):
            return begin
        left = length
        zone = ZoneInfo(self.zone)
        first = begin.astimezone(zone).date() - 2 * _DAY
        for opens, closes in self.window.spans(first, _LONGEST, zone, frozenset(self.holidays)):
            since = max(opens, begin)
            if closes - since >= left:
                return since + left
            left -= max(closes - since, timedelta(0))
        raise OverflowError(f"Within ten years of {begin:%Y-%m-%d} there is not as much working time ({self.told()}).")

    def between(self, begin: datetime, end: datetime) -> timedelta:
        """The working time between two aware instants; zero when `end` is not after `begin`."""
        begin, end = begin.astimezone(UTC), end.astimezone(UTC)
        total = timedelta(0)
        if end <= begin:
            return total
        zone = ZoneInfo(self.zone)
        first = begin.astimezone(zone).date() - 2 * _DAY
        days = (end - begin).days + 6
        for opens, closes in self.window.spans(first, days, zone, frozenset(self.holidays)):
            total += max(min(closes, end) - max(opens, begin), timedelta(0))
        return total

    def told(self) -> str:
        """Days, hours and zone, as in `mon-fri 08:00-18:00 Europe/Berlin`."""
        return f"{self.window.told()} {self.zone}"


def parse_working_time(zone: str, days: Sequence[str], hours: str, holidays: Sequence[str | date]) -> WorkingTime:
    """The working time of a zone's name, days (`mon` to `sun`), hours (`08:00-18:00`) and ISO dates of holidays.

    Raises ValueError with a sentence that shows the form.
    """
    window = parse_window(days, hours)
    closed = tuple(sorted({_holiday(each) for each in holidays}))
    return WorkingTime(zone.strip(), window.days, window.start, window.end, closed)


def _holiday(value: str | date) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"“{value}” is not a date; write a holiday like 2026-12-25.") from None


def target_at(begin: datetime, target: timedelta, working: WorkingTime | None) -> datetime:
    """The instant, in UTC, by which something that began must be done.

    The clock counts day and night where years do not hold as much working time: holidays may be listed far ahead.
    """
    try:
        return begin.astimezone(UTC) + target if working is None else working.after(begin, target)
    except OverflowError:
        return begin.astimezone(UTC) + target


def soon_at(begin: datetime, target_at: datetime, working: WorkingTime | None) -> datetime:
    """The instant, in UTC, from which something counts as soon late: three quarters of its time have passed.

    Where no working time lies between the two, the clock counts day and night.
    """
    begin, target_at = begin.astimezone(UTC), target_at.astimezone(UTC)
    total = working.between(begin, target_at) if working is not None else timedelta(0)
    if working is None or not total:
        return begin + max(target_at - begin, timedelta(0)) * 3 // 4
    return working.passed(begin, total * 3 // 4)


class Lateness(StrEnum):
    """How something that has a target stands."""

    ON_TIME = "on time"
    SOON = "soon late"
    LATE = "late"


def lateness(now: datetime, target_at: datetime, soon_at: datetime | None) -> Lateness:
    """How something stands now. At its target it is not late yet; without `soon_at` it is never soon late."""
    if now > target_at:
        return Lateness.LATE
    if soon_at is not None and now >= soon_at:
        return Lateness.SOON
    return Lateness.ON_TIME
