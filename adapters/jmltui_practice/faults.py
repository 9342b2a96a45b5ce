"""Faults on request: kept in the systems' file, so that one process can trouble another."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from .store import connect, writing


class FaultKind(StrEnum):
    """What can be wrong with a practice system."""

    SLOW = "slow"
    DOWN = "down"
    RATE_LIMITED = "rate-limited"
    LYING = "lying"
    FAILING_ONCE = "failing-once"
    LOST_ANSWER = "lost-answer"
    AUTH_REFUSED = "auth-refused"
    WRONG_USER = "wrong-user"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault. `times` None lasts until it is cleared; `seconds` is how slow, or how long to wait."""

    kind: FaultKind
    times: int | None = None
    seconds: float = 0.0


def set_fault(file: Path, system: str, fault: Fault) -> None:
    """Switch a fault on. Raises sqlite3.Error and ValueError for an impossible number."""
    times = 1 if fault.kind is FaultKind.FAILING_ONCE and fault.times is None else fault.times
    if (times is not None and times < 1) or not 0 <= fault.seconds <= 3600:
        raise ValueError("A fault happens at least once, and lasts at most 3600 seconds.")
    with closing(connect(file)) as link, writing(link):
        row = (system, fault.kind.value, times, fault.seconds)
        link.execute("INSERT OR REPLACE INTO fault (system, kind, times, seconds) VALUES (?, ?, ?, ?)", row)


def clear_faults(file: Path, system: str | None = None) -> int:
    """Switch the faults of one system, or of all, off. Returns how many there were."""
    with closing(connect(file)) as link, writing(link):
        where, values = ("WHERE system = ?", (system,)) if system is not None else ("", ())
        return link.execute(f"DELETE FROM fault {where}", values).rowcount  # noqa: S608  two fixed clauses


def faults(file: Path) -> Sequence[tuple[str, Fault]]:
    """All faults that are on, by system."""
    with closing(connect(file)) as link:
        rows = link.execute("SELECT * FROM fault ORDER BY system, kind").fetchall()
    return [(row["system"], Fault(FaultKind(row["kind"]), row["times"], row["seconds"])) for row in rows]


def due(link: sqlite3.Connection, system: str, kinds: Sequence[FaultKind]) -> Fault | None:
    """The first of these faults that is on; uses one of its times up. Costs one read when there is none."""
    rows = link.execute("SELECT * FROM fault WHERE system = ?", (system,)).fetchall()
    present = {row["kind"] for row in rows}
    for kind in kinds:
        if kind.value in present and (fault := _take(link, system, kind)) is not None:
            return fault
    return None


def _take(link: sqlite3.Connection, system: str, kind: FaultKind) -> Fault | None:
    with writing(link):
        row = link.execute("SELECT * FROM fault WHERE system = ? AND kind = ?", (system, kind.value)).fetchone()
        if row is None:
            return None
        where = "WHERE system = ? AND kind = ?"
        if row["times"] == 1:
            link.execute(f"DELETE FROM fault {where}", (system, kind.value))  # noqa: S608  a fixed clause
        elif row["times"] is not None:
            link.execute(f"UPDATE fault SET times = times - 1 {where}", (system, kind.value))  # noqa: S608  the same
    return Fault(kind, row["times"], row["seconds"])
