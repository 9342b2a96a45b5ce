"""One company's monthly people files, counted independently of jmltui: plain csv module, plain sets."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

MOVER_COLUMNS = ("department", "functional_unit", "projects")
"""The columns that the trial's policy matches on; a change in one of them is a move."""

DEFAULT_FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "hr" / "cert-r5.2"


def folder() -> Path | None:
    """Where the monthly files are: `JMLTUI_TRIAL_DATA`, or beside the checkout; None when they are nowhere."""
    named = os.environ.get("JMLTUI_TRIAL_DATA")
    place = Path(named) if named else DEFAULT_FOLDER
    return place if any(place.glob("*.csv")) else None


@dataclass(frozen=True)
class Month:
    """One file: its rows by user id."""

    name: str
    path: Path
    rows: dict[str, dict[str, str]]

    @classmethod
    def read(cls, path: Path) -> Month:
        """Read one file with the standard library alone."""
        with path.open(newline="", encoding="utf-8") as file:
            return cls(path.stem, path, {row["user_id"]: row for row in csv.DictReader(file)})

    def groups_of(self, key: str) -> set[str]:
        """The groups that the trial's policy is meant to give this person."""
        row = self.rows[key]
        return {group_name(column, row[column]) for column in MOVER_COLUMNS if row[column]}


def group_name(column: str, value: str) -> str:
    """How the trial names the group of one column's value on the server."""
    return f"{column.replace('_', ' ')}: {value}"


def months(place: Path) -> list[Month]:
    """All months in their order."""
    return [Month.read(path) for path in sorted(place.glob("*.csv"))]


@dataclass(frozen=True)
class Expected:
    """What must follow from one file after another: counted from the files alone."""

    joiners: frozenset[str]
    rehires: frozenset[str]
    movers: frozenset[str]
    leavers: frozenset[str]

    def counts(self) -> dict[str, int]:
        """Cases per kind, without the kinds that do not occur."""
        all_kinds = {
            "joiner": len(self.joiners),
            "rehire": len(self.rehires),
            "mover": len(self.movers),
            "leaver": len(self.leavers),
        }
        return {kind: count for kind, count in all_kinds.items() if count}


def expected(before: Month | None, after: Month, seen: set[str]) -> Expected:
    """The cases that `after` must open when `before` was the feed before it; `seen` are all keys of earlier feeds."""
    known = before.rows if before is not None else {}
    arrived = after.rows.keys() - known.keys()
    moved = {
        key
        for key in after.rows.keys() & known.keys()
        if any(after.rows[key][column] != known[key][column] for column in MOVER_COLUMNS)
    }
    return Expected(
        joiners=frozenset(arrived - seen),
        rehires=frozenset(arrived & seen),
        movers=frozenset(moved),
        leavers=frozenset(known.keys() - after.rows.keys()),
    )
