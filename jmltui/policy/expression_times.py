"""The texts inside `timestamp("…")` and `duration("…")`.

Timestamps are those of RFC 3339, durations those of CEL: decimal numbers, each with a unit. Source:
github.com/google/cel-spec, doc/langdef.md, “Standard Definitions”. Both are held to the microsecond, and everything
finer is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_DURATION: Final = re.compile(r"-?(?:[0-9]{1,12}(?:\.[0-9]{1,9})?(?:h|ms|m|s|us))+")
_PART: Final = re.compile(r"([0-9.]+)([a-z]+)")
_MICROSECONDS: Final = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
_LONGEST: Final = 315_576_000_000 * _MICROSECONDS["s"]


def read_timestamp(text: str) -> datetime:
    """The moment in UTC. Raises ValueError with a sentence."""
    if _TIMESTAMP.fullmatch(text) is None:
        raise ValueError("This is not a timestamp.")
    whole, dot, rest = text.partition(".")
    digits = re.match("[0-9]*", rest)
    fraction = digits[0] if digits else ""
    padded = f"{whole}.{fraction:0<6}{rest[len(fraction) :]}" if dot else text
    try:
        return datetime.fromisoformat(padded).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("There is no such day or time.") from None


def read_duration(text: str) -> timedelta:
    """The length of time. Raises ValueError with a sentence."""
    if _DURATION.fullmatch(text) is None:
        raise ValueError("This is not a duration.")
    total = sum(Fraction(number) * _MICROSECONDS[unit] for number, unit in _PART.findall(text))
    if total > _LONGEST:
        raise ValueError("The duration is longer than CEL allows.")
    if total != int(total):
        raise ValueError("A duration is no finer than a microsecond.")
    length = timedelta(microseconds=int(total))
    return -length if text.startswith("-") else length
