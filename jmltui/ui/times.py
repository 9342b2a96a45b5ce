"""Instants as an operator reads them: in the terminal's own zone, with how late or how soon."""

from __future__ import annotations

from datetime import datetime, timedelta

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


def span(length: timedelta) -> str:
    """A length in its largest unit: `45m`, `3h`, `12d`."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 48 * 60:
        return f"{minutes // 60}h"
    return f"{min(minutes // (24 * 60), 999)}d"
