"""An invented company in monthly files of the same form as a real one's, so that the trial runs everywhere."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.trials.company import COLUMNS

Row = dict[str, str]

PLACES: Final = (
    ("3 - Manufacturing", "3 - Assembly", 56, ("ProductionLineWorker", "ProductionLineWorker", "StockroomClerk")),
    ("3 - Manufacturing", "4 - QualityControl", 6, ("QualityEngineer", "Statistician")),
    ("5 - SalesAndMarketing", "3 - FieldService", 46, ("Technician", "Technician", "FieldServiceEngineer")),
    ("5 - SalesAndMarketing", "2 - Sales", 46, ("Salesman",)),
    ("2 - ResearchAndEngineering", "4 - Engineering", 40, ("ElectricalEngineer", "TestEngineer", "TechnicalWriter")),
    ("2 - ResearchAndEngineering", "3 - SoftwareManagement", 36,
     ("SoftwareDeveloper", "SoftwareQualityEngineer", "WebDeveloper")),
    ("2 - ResearchAndEngineering", "2 - Research", 20, ("Scientist", "Physicist")),
    ("1 - Adminstration", "6 - Security", 18, ("ITAdmin", "ITAdmin", "SecurityGuard")),
    ("1 - Adminstration", "1 - Personnel", 6, ("HumanResourceSpecialist",)),
    ("4 - Finance", "1 - Accounting", 6, ("Accountant",)),
    ("4 - Finance", "2 - Payroll", 8, ("Accountant", "AdministrativeStaff")),
    ("6 - PurchasingAndContracts", "1 - Purchasing", 6, ("PurchasingClerk",)),
    ("6 - PurchasingAndContracts", "3 - Contracts", 6, ("Attorney", "AdministrativeAssistant")),
)  # fmt: skip
"""Unit, department, how many, and their titles; the first of each department is its manager."""

FIRST: Final = (
    "Ada", "Björn", "Chloë", "Dragan", "Esi", "Fatıma", "Goran", "Hana", "Ines", "Jiří", "Kofi", "Lwazi", "Małgorzata",
    "Nguyễn", "Oluwaseun", "Priya", "Rüdiger",
)  # fmt: skip
LAST: Final = (
    "Adeyemi", "Brömme", "Çelik", "O'Dwyer", "Eklund", "Ferreira", "Grünwald", "Horák", "Ibáñez", "Jørgensen",
    "Kowalczyk", "Łopez", "Mbeki", "Nováková", "Ōkawa", "Pálsson", "Quispe", "Račić", "Σταύρου",
)  # fmt: skip

FALSE_FRIEND: Final = "Ōkawa Two-Names"
"""The name of a manager, and of somebody at another place: the department tells them apart."""

NOBODY_KNOWS: Final = "Somebody Elsewhere"
"""The name of two people, and a supervisor at a third place: nobody can tell which of them is meant."""

PROJECTS: Final = (7, 10, 12, 15, 20, 21, 22, 30)


def invent(place: Path, *, count: int, seed: int) -> Path:
    """Write `count` monthly files in which people join, move, are promoted, leave and come back."""
    chance = random.Random(seed)
    place.mkdir()
    here = {row["user_id"]: row for row in _everybody(chance)}
    gone: dict[str, Row] = {}
    for month in range(1, count + 1):
        with (place / f"2031-{month:02}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(here[key] for key in sorted(here))
        _month_goes_by(chance, month, here, gone)
    return place


def _everybody(chance: random.Random) -> Iterator[Row]:
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    chance.shuffle(names)
    head = _row(0, names.pop(), "ChiefExecutiveOfficer", "", "", "")
    yield head
    number = 1
    for unit, department, people, titles in PLACES:
        boss = ""
        for at in range(people):
            title = "Manager" if not boss else titles[at % len(titles)]
            name = names.pop()
            if (department, at) in (("3 - FieldService", 0), ("2 - Research", 3)):
                name = FALSE_FRIEND
            elif (department, at) in (("2 - Sales", 4), ("4 - Engineering", 5)):
                name = NOBODY_KNOWS
            supervisor = boss or head["employee_name"]
            if (department, at) in (("3 - Contracts", 3), ("3 - Contracts", 4)):
                supervisor = NOBODY_KNOWS
            row = _row(number, name, title, unit, department, supervisor)
            row["projects"] = f"Project {chance.choice(PROJECTS)}" if "Engineer" in title and at % 2 else ""
            boss = boss or name
            number += 1
            yield row


def _row(number: int, name: str, title: str, unit: str, department: str, supervisor: str) -> Row:
    found = {"employee_name": name, "user_id": f"P{number:05}", "email": f"p{number}@example.test", "role": title}
    place = {"functional_unit": unit, "department": department, "projects": "", "supervisor": supervisor}
    return found | place | {"business_unit": "1 - Company", "team": "1 - Team"}


def _month_goes_by(chance: random.Random, month: int, here: dict[str, Row], gone: dict[str, Row]) -> None:
    """Change who is here to how it is a month later."""
    usual = [key for key in sorted(here) if here[key]["role"] not in _CHOSEN]
    usual = [key for key in usual if here[key]["employee_name"] not in (FALSE_FRIEND, NOBODY_KNOWS)]
    moving = iter(chance.sample(usual, 26))
    for key in [next(moving) for _ in range(10)]:
        chosen = chance.choice([p for p in PROJECTS if here[key]["projects"] != f"Project {p}"])
        here[key] = {**here[key], "projects": f"Project {chosen}" if chance.random() < 0.7 else ""}
    for key in [next(moving) for _ in range(4)]:
        unit, department, _, titles = chance.choice(PLACES)
        boss = next(r for r in here.values() if r["department"] == department and r["role"] == "Manager")
        here[key] = {**here[key], "functional_unit": unit, "department": department, "role": titles[0],
                     "supervisor": boss["employee_name"]}  # fmt: skip
    _into_trouble(month, here)
    back = sorted(gone)[:1]
    for key in [next(moving) for _ in range(4)]:
        gone[key] = here.pop(key)
    for key in back:
        here[key] = gone.pop(key)
    if month == 2:
        left = next(key for key in sorted(here) if (here[key]["department"], here[key]["role"]) == _LEAVING_MANAGER)
        gone[left] = here.pop(left)
    for at, (unit, department, _, offered) in enumerate(PLACES[:5]):
        boss = next(r for r in here.values() if r["department"] == department and r["role"] == "Manager")
        name = f"{chance.choice(FIRST)} {month}{at} {chance.choice(LAST)}"
        row = _row(1000 * month + at, name, offered[-1], unit, department, boss["employee_name"])
        here[row["user_id"]] = row


_CHOSEN: Final = ("Manager", "ChiefExecutiveOfficer", "ITAdmin", "TestEngineer")
_LEAVING_MANAGER: Final = ("3 - Contracts", "Manager")


def _into_trouble(month: int, here: dict[str, Row]) -> None:
    """An administrator goes into a project under export control, a tester into one that releases what is tested."""
    admin = [key for key in sorted(here) if here[key]["role"] == "ITAdmin"][-month]
    tester = [key for key in sorted(here) if here[key]["role"] == "TestEngineer"][-month]
    here[admin] = {**here[admin], "projects": "Project 21"}
    here[tester] = {**here[tester], "projects": "Project 20"}
