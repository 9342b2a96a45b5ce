"""Hours of the week in a policy: the window of an entitlement, and working time."""

from __future__ import annotations

from datetime import date
from typing import Final
from zoneinfo import available_timezones

from jmltui.domain.nearest import did_you_mean
from jmltui.domain.window import WEEKDAYS, Window, parse_window
from jmltui.domain.working_time import WorkingTime, parse_working_time

from .fields import Fields
from .known import Known

NONE: Final = "none"
"""What a procedure writes whose clock runs day and night although the folder states a working time."""


def read_window(item: Fields) -> Window | None:
    """The window under `window`; None where there is none, or a wrong one, which is a problem."""
    section = item.mapping("window", "a window")
    if section is None:
        return None
    section.only(("days", "hours"))
    return _window(section)


def read_working_time(section: Fields, known: Known) -> WorkingTime | None:
    """A `working_time` section; None where it is wrong, which is a problem."""
    section.only(("zone", "days", "hours", "holidays"))
    zone = read_zone(section, "zone") or known.timezone
    if not zone and "zone" not in section.nodes:
        hint = "Write zone: Europe/Berlin here, or timezone: Europe/Berlin for the whole policy."
        section.problems.add(section.where, "The working time does not say in which zone it is.", hint)
    window, holidays = _window(section), _holidays(section)
    if window is None or not zone:
        return None
    return parse_working_time(zone, window.days, section.text("hours"), holidays)


def of_procedure(item: Fields, known: Known, default: WorkingTime | None) -> WorkingTime | None:
    """The working time of a procedure: its own, none, or the folder's."""
    node = item.nodes.get("working_time")
    if node is None:
        return default
    if node.is_scalar and node.raw == NONE:
        return None
    section = item.mapping("working_time", "working_time")
    return None if section is None else read_working_time(section, known)


def read_zone(item: Fields, key: str) -> str:
    """The name of a time zone; "" where there is none, or a wrong one, which is a problem."""
    zone = item.text(key)
    if zone and zone not in (zones := available_timezones()):
        hint = did_you_mean(zone, zones, kind="For example")
        item.problems.add(item.place(key), f"“{zone}” is no time zone.", hint)
        return ""
    return zone


def _window(section: Fields) -> Window | None:
    days = section.needed_texts("days")
    for day, where in days:
        if day.strip().lower() not in WEEKDAYS:
            section.problems.add(where, f"“{day}” is no day of the week.", did_you_mean(day, WEEKDAYS))
    hours = section.text("hours", required=True)
    if not hours:
        return None
    try:
        window = parse_window(WEEKDAYS, hours)
    except ValueError as error:
        section.problems.add(section.place("hours"), str(error))
        return None
    named = {day.strip().lower() for day, _ in days}
    chosen = tuple(day for day in WEEKDAYS if day in named)
    return Window(chosen, window.start, window.end) if chosen else None


def _holidays(section: Fields) -> list[date]:
    found = []
    for text, where in section.texts("holidays"):
        try:
            found.append(date.fromisoformat(text))
        except ValueError:
            section.problems.add(where, f"“{text}” is not a date; write a holiday like 2026-12-25.")
    return found
