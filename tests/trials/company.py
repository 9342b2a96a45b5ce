"""One company's monthly people files, counted independently of jmltui: plain csv module, plain sets."""

from __future__ import annotations

import csv
import os
import random
from dataclasses import dataclass
from pathlib import Path

MOVER_COLUMNS = ("department", "functional_unit", "projects")
"""The columns that the trial's policy matches on; a change in one of them is a move."""

COLUMNS = (
    "employee_name", "user_id", "email", "role", "projects", "business_unit", "functional_unit", "department", "team",
    "supervisor",
)  # fmt: skip
UNITS = ("1 - Administration", "2 - Research", "3 - Manufacturing", "5 - Sales")
DEPARTMENTS = ("1 - Security", "2 - Quality", "3 - Field Service", "4 - Payroll", "5 - Software")
PROJECTS = ("", "", "Project 1", "Project 2", "Project 3")
FIRST = ("Ada", "Björn", "Chloë", "Dragan", "Esi", "Fatıma", "Goran", "Hana")
LAST = ("Adeyemi", "Brömme", "Çelik", "O'Dwyer", "Eklund", "Ferreira", "Grünwald", "Horák")


def given() -> Path | None:
    """A folder of monthly files of a real company, as `JMLTUI_TRIAL_DATA` names it (`make trial DATA=FOLDER`)."""
    named = os.environ.get("JMLTUI_TRIAL_DATA")
    return Path(named).resolve() if named else None


def generate(place: Path, *, people: int, count: int, seed: int) -> Path:
    """Write `count` monthly files of an invented company in which people join, move, leave and come back."""
    chance = random.Random(seed)
    here = {_key(number): _row(chance, number) for number in range(people)}
    gone: dict[str, dict[str, str]] = {}
    place.mkdir()
    for month in range(1, count + 1):
        with (place / f"2031-{month:02}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(here[key] for key in sorted(here))
        for key in chance.sample(sorted(here), people // 25):
            gone[key] = here.pop(key)
        for key in chance.sample(sorted(here), people // 20):
            column = chance.choice(MOVER_COLUMNS)
            here[key] = {**here[key], column: chance.choice(_VALUES[column])}
        for number in range(people, people + people // 30):
            here[_key(number + month * people)] = _row(chance, number + month * people)
        if month % 2 == 0:
            back = chance.choice(sorted(gone))
            here[back] = gone.pop(back)
    return place


def _key(number: int) -> str:
    return f"K{number:05}"


def _row(chance: random.Random, number: int) -> dict[str, str]:
    name = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
    found = {"employee_name": name, "user_id": _key(number), "email": f"k{number}@example.test", "role": "Clerk"}
    return found | {column: chance.choice(_VALUES[column]) for column in MOVER_COLUMNS} | _REST


_REST = {"business_unit": "1 - Company", "team": "1 - Team", "supervisor": "Ada Horák"}
_VALUES = {"department": DEPARTMENTS, "functional_unit": UNITS, "projects": PROJECTS}


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
