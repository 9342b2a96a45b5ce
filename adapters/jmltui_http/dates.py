"""Days as personnel systems write them: patterns, instants with a zone, OData and epoch; and what “end” means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from .template import text_of

_ODATA: Final = re.compile(r"/Date\((-?\d{1,15})(?:[+-]\d{4})?\)/")
"""A date of OData 2 in JSON: milliseconds since 1970 in UTC (OData 2.0, JSON format, section 4)."""
_DAY_WITH_OFFSET: Final = re.compile(r"(\d{4}-\d{2}-\d{2})(?:Z|[+-]\d{2}:\d{2})")
"""A day with the offset of its zone (xsd:date): the day is what is written."""


def day_of(told: Any, forms: Sequence[str], zone: ZoneInfo) -> date | None:
    """The calendar day that a value means, None where it is none of the forms. An instant is a day in `zone`."""
    text = text_of(told).strip()
    for form in forms:
        found = _by_form(text, form, zone)
        if found is not None:
            return found
    return None


def _by_form(text: str, form: str, zone: ZoneInfo) -> date | None:
    try:
        if form == "instant":
            match = _DAY_WITH_OFFSET.fullmatch(text)
            if match is not None:
                return date.fromisoformat(match[1])
            found = datetime.fromisoformat(text)
            return found.date() if found.tzinfo is None else found.astimezone(zone).date()
        if form == "odata":
            match = _ODATA.fullmatch(text)
            return _epoch(int(match[1]) / 1000, zone) if match else None
        if form in ("epoch", "epoch-ms"):
            return _epoch(float(text) / (1000 if form == "epoch-ms" else 1), zone)
        return datetime.strptime(text, form).date()  # noqa: DTZ007  a calendar day has no zone
    except (ValueError, OverflowError):
        return None


def _epoch(seconds: float, zone: ZoneInfo) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone).date()


def last_day(end: date, *, first_day_gone: bool) -> date:
    """The last day on which access is due: the system's own end, or the day before it."""
    return end - timedelta(days=1) if first_day_gone and end > date.min else end
