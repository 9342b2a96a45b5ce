"""Windows: the hours of the week in which something is open, exact in one zone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_LOOK_BACK: Final = timedelta(days=2)
_LOOK_AHEAD: Final = 21
"""Days in which the next edge surely lies: two weeks, for a zone may skip the one day that would have made it."""

_HOURS: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\s*[-–]\s*(?:([01]?[0-9]|2[0-3]):([0-5][0-9])|24:00)")


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of some days of the week, from `start` up to but without `end`.

    An `end` that is not after `start` lies on the next day; the day named is the one on which the hours start. 24:00
    is an `end` of 00:00. A local time that the clocks skip means the first instant after the gap; one that comes
    twice is the first for `start` and the second for `end`, so that the clocks never close what is open.

    Raises ValueError with a sentence where `days` is empty or holds anything but mon to sun.
    """

    days: tuple[str, ...]
    start: time
    end: time

    def __post_init__(self) -> None:
        if not self.days:
            raise ValueError(f"No days are given; write some of {', '.join(WEEKDAYS)}.")
        for day in self.days:
            if day not in WEEKDAYS:
                raise ValueError(f"“{day}” is not a day; write {', '.join(WEEKDAYS[:-1])} or {WEEKDAYS[-1]}.")

    @property
    def length(self) -> timedelta:
        """The hours of one day as the clock on the wall counts them, at most 24."""
        return (_since_midnight(self.end) - _since_midnight(self.start)) % _DAY or _DAY

    @property
    def always(self) -> bool:
        """Whether the window never closes."""
        return self.start == self.end and set(self.days) == set(WEEKDAYS)

    def is_open(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether an aware instant lies in the window."""
        first = at.astimezone(zone).date() - _LOOK_BACK
        return any(begin <= at < end for begin, end in self.spans(first, 4, zone))

    def next_edge(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """The next instant after `at` (aware) from which `is_open` answers otherwise, in UTC; None if it never does."""
        if self.always:
            return None
        open_until: datetime | None = None
        for begin, end in self.spans(at.astimezone(zone).date() - _LOOK_BACK, _LOOK_AHEAD, zone):
            if open_until is not None and begin > open_until:
                return open_until
            if open_until is None and at < begin:
                return begin
            if at < end:
                open_until = end
        return open_until

    def spans(
        self, first: date, days: int, zone: ZoneInfo, without: Collection[date] = ()
    ) -> Iterator[tuple[datetime, datetime]]:
        """The open times of a number of local days from `first` on, but those `without`: from and until, in UTC.

        In order, never empty, never overlapping; one may begin where the one before ends.
        """
        until = datetime.min.replace(tzinfo=UTC)
        for number in range(days):
            day = first + timedelta(days=number)
            if WEEKDAYS[day.weekday()] not in self.days or day in without:
                continue
            begin = max(until, local_instant(day, self.start, zone))
            end = local_instant(day if self.end > self.start else day + _DAY, self.end, zone, second=True)
            if begin < end:
                yield begin, end
                until = end

    def told(self) -> str:
        """Days and hours, as in `mon-fri 06:00-20:00`."""
        runs = []
        named = [number for number, day in enumerate(WEEKDAYS) if day in self.days]
        for _, run in groupby(enumerate(named), key=lambda each: each[1] - each[0]):
            numbers = [number for _, number in run]
            ends = WEEKDAYS[numbers[0]], WEEKDAYS[numbers[-1]]
            runs.append("-".join(dict.fromkeys(ends)))
        end = "24:00" if self.end == time(0) else f"{self.end:%H:%M}"
        return f"{', '.join(runs)} {self.start:%H:%M}-{end}"


def parse_window(days: Sequence[str], hours: str) -> Window:
    """The window of days (`mon` to `sun`, in any order) and hours (`06:00-20:00`, `22:00-06:00`, `00:00-24:00`).

    Raises ValueError with a sentence that shows the form.
    """
    match = _HOURS.fullmatch(hours.strip())
    if match is None:
        raise ValueError(
            f"“{hours}” are not hours; write from and until, like 06:00-20:00, 22:00-06:00 or 00:00-24:00."
        )
    start = time(int(match[1]), int(match[2]))
    end = time(int(match[3]), int(match[4])) if match[3] else time(0)
    given = {day.strip().lower() for day in days}
    unknown = sorted(given.difference(WEEKDAYS))
    return Window((*(day for day in WEEKDAYS if day in given), *unknown), start, end)


def local_instant(day: date, at: time, zone: ZoneInfo, *, second: bool = False) -> datetime:
    """The instant, in UTC, at which the clocks of a zone show a time of a day.

    Of a time that comes twice the first, or the `second`; of one that is skipped the first instant after the gap.
    """
    local = datetime.combine(day, at, tzinfo=zone).replace(fold=int(second))
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _after_gap(local)


def _after_gap(local: datetime) -> datetime:
    """The instant at which the clocks jumped over a local time.

    Read with the offset of after the jump, the skipped time lies before it; with that of before, not before it.
    """
    zone = local.tzinfo
    early = local.replace(fold=1, microsecond=0).astimezone(UTC)
    late = local.replace(fold=0, microsecond=0).astimezone(UTC)
    before = early.astimezone(zone).utcoffset()
    while late - early > _SECOND:
        middle = early + (late - early) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
