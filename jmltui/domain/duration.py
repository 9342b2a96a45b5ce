"""Durations as people write them: a number and a unit, `30s`, `15m`, `24h`, `3d`, `2w`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_FORM: Final = re.compile(r"([0-9]{1,6})\s*([smhdw])")


def parse_duration(text: str) -> timedelta:
    """The duration a text means. Raises ValueError with a sentence that shows the form."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"“{text}” is not a duration; write a number and a unit: 30s, 15m, 24h, 3d or 2w.")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def format_duration(value: timedelta) -> str:
    """The shortest exact form that `parse_duration` reads back; fractions of a second are dropped."""
    seconds = int(value.total_seconds())
    for unit in ("w", "d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"
