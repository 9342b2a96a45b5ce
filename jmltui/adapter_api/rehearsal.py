"""A rehearsal: an adapter shows what it asks of its system, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the system, without query, headers and bodies. `made` False: a write, which was not made.

    `status` None: no answer came, or it was not made. `size` in bytes.
    """

    purpose: str
    method: str
    path: str
    made: bool = True
    status: int | None = None
    size: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Mapped:
    """One record as it was understood; with a `problem`, why it or all of them cannot be."""

    purpose: str
    fields: Mapping[str, str]
    problem: str = ""


@runtime_checkable
class Rehearsal(Protocol):
    """Optional: reads a little of everything and tells it; never writes."""

    def rehearse(self, limit: int) -> AsyncIterator[Call | Mapped]:
        """Every call as it was made, at most `limit` records of each kind, and the writes that could be made."""
        ...
