"""Instants as an operator reads them: in the terminal's own zone, with how late or how soon."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from jmltui.domain.duration import parse_duration
from jmltui.lifecycle.board import instant


def stamp(value: object) -> str:
    """Day and minute in the terminal's zone, as `24 Nov 17:00`; with the year when it is another one."""
    found = instant(value)
    if found is None:
        return "never"
    return found.astimezone().strftime("%d %b %H:%M")


def full(value: object) -> str:
    """Date, second and offset of the terminal's zone, as `2026-11-24 17:00:00 +0100`."""
    found = instant(value)
    return "never" if found is None else found.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")


def due(value: object, now: datetime) -> str:
    """How far away an instant is, as `late 2d`, `in 3h` or `now`; at most eight characters."""
    found = instant(value)
    if found is None:
        return ""
    away = found - now
    size = span(abs(away))
    if abs(away) < timedelta(minutes=1):
        return "now"
    return f"late {size}" if away < timedelta(0) else f"in {size}"


def over(value: object, now: datetime) -> bool:
    """Whether an instant is past; None never is."""
    found = instant(value)
    return found is not None and found < now


def span(length: timedelta) -> str:
    """A length in its largest unit: `45m`, `3h`, `12d`."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 48 * 60:
        return f"{minutes // 60}h"
    return f"{min(minutes // (24 * 60), 999)}d"


def day(value: object) -> str:
    """The day in the terminal's zone, as `2026-11-24`."""
    found = instant(value)
    return "" if found is None else found.astimezone().strftime("%Y-%m-%d")


def until(text: str, now: datetime) -> datetime:
    """The instant that somebody types as an end: a day (its end), day and minute, or a duration from now on.

    Raises ValueError with a sentence that shows the forms, also for what lies in the past.
    """
    typed = text.strip()
    try:
        found = _instant(typed, now)
    except (ValueError, OverflowError):
        raise ValueError(
            "Write a day (2026-12-31), a day and a time (2026-12-31 18:00) or a length (30d, 8h)."
        ) from None
    if found <= now:
        raise ValueError(f"{stamp(found)} is over; write a later day.")
    return found


def _instant(typed: str, now: datetime) -> datetime:
    if typed[4:5] != "-":
        return now + parse_duration(typed)
    found = datetime.fromisoformat(typed)
    if len(typed) == len("2026-12-31"):
        found = datetime.combine(found, time(23, 59))
    return found.astimezone(UTC)
