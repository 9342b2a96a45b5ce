"""Who stands in no personnel file: contractors, service accounts, and accounts that nobody knows."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

Row = dict[str, str]

CONTRACTOR_COLUMNS: Final = (
    "id", "name", "email", "type", "role", "functional_unit", "department", "projects", "sponsor", "starts", "ends",
)  # fmt: skip
SERVICE_COLUMNS: Final = ("id", "name", "type", "owner")
LONGEST_DAYS: Final = 180
WARNED_DAYS: Final = 14
KINDS: Final = ("contractor", "contractor", "contractor", "contractor", "contractor", "vendor", "temp", "guest")
TRADES: Final = ("TechnicalWriter", "WebDeveloper", "Technician", "SystemsEngineer")


@dataclass(frozen=True)
class Sponsors:
    """Employees who answer for others: those who stay all the time, and those who leave in the last month."""

    staying: Sequence[str]
    leaving: Sequence[str]


def contractors(staff: Mapping[str, Row], sponsors: Sponsors, today: date, *, seed: int) -> list[dict[str, Row]]:
    """The contractors of the first month, and of the second, in which some records are corrected, and of the third."""
    chance = random.Random(seed)
    places = sorted({(r["functional_unit"], r["department"]) for r in staff.values() if r["department"]})
    number = max(26, len(staff) // 20)
    first = {row["id"]: row for row in (_contractor(chance, n, places, sponsors, today) for n in range(number))}
    keys = sorted(first)
    for key in keys[0:3]:
        first[key]["ends"] = ""
    for key in keys[3:5]:
        first[key] |= {"starts": str(today - timedelta(days=30)), "ends": str(today + timedelta(days=300))}
    for key in keys[5:8]:
        first[key]["ends"] = str(today + timedelta(days=7))
    first[keys[8]]["sponsor"] = ""
    for key in keys[9:11]:
        first[key]["ends"] = str(today - timedelta(days=10))
    for key, sponsor in zip(keys[14:18], sponsors.leaving, strict=False):
        first[key]["sponsor"] = sponsor
    second = {key: dict(row) for key, row in first.items()}
    second[keys[0]]["ends"] = second[keys[3]]["ends"] = str(today + timedelta(days=60))
    unit, department = next(place for place in places if place[1] != first[keys[11]]["department"])
    second[keys[11]] |= {"functional_unit": unit, "department": department, "type": "contractor"}
    second[keys[12]]["ends"] = str(today - timedelta(days=1))
    third = {key: dict(row) for key, row in second.items() if key != keys[13]}
    new = _contractor(chance, number, places, sponsors, today)
    third[new["id"]] = new
    return [first, second, third]


def _contractor(
    chance: random.Random, number: int, places: Sequence[tuple[str, str]], sponsors: Sponsors, today: date
) -> Row:
    unit, department = chance.choice(places)
    ends = today + timedelta(days=chance.randint(30, 100))
    return {
        "id": f"X{number:04}",
        "name": f"Extern {number} of {department.rpartition(' ')[2]}",
        "email": f"x{number}@partner.example",
        "type": KINDS[number % len(KINDS)],
        "role": chance.choice(TRADES),
        "functional_unit": unit,
        "department": department,
        "projects": "",
        "sponsor": chance.choice(sponsors.staying),
        "starts": str(ends - timedelta(days=150)),
        "ends": str(ends),
    }


def services(sponsors: Sponsors) -> dict[str, Row]:
    """The service accounts: two of somebody who leaves, one of nobody, one of somebody whom nobody knows."""
    owners = [*sponsors.leaving[:2], "", "ZZZ9999", *sponsors.staying[:8]]
    kinds = ("service", "service", "service", "shared")
    return {
        f"SVC{number:03}": {"id": f"SVC{number:03}", "name": f"Interface {number}", "type": kinds[number % 4],
                            "owner": owner}
        for number, owner in enumerate(owners)
    }  # fmt: skip


def write(file: Path, columns: Sequence[str], rows: Mapping[str, Mapping[str, str]]) -> None:
    """Write a source's file as a whole."""
    part = file.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))
    part.replace(file)
