"""Edits of the policy folder, as colleagues would make them: a good one, a bad merge, and one with five mistakes."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.trials.organisation import Row, word
from tests.trials.reckoning import ACCOUNT, Place

BUSINESS: Final = Path("roles") / "business.yaml"

PAYROLL: Final = ("erp", "role:PAYROLL_RUN")
LIBRARY: Final = ("directory", "group:Technical library")
MAIL: Final = ("directory", "group:Mail users")
CLERKS: Final = ("Accountant", "FinancialAnalyst")


def follow_the_review(old: Path, new: Path) -> None:
    """Payroll is run by its accountants alone, and field service may read the technical library."""
    shutil.copytree(old, new)

    def change(roles: dict[str, Any]) -> None:
        payroll = roles["department-payroll"]
        payroll["grants"].remove("erp-payroll-run")
        roles["department-field-service"]["grants"].append("technical-library")
        match = {**copy.deepcopy(payroll["match"]), "person.type": ["employee"], "person.title": list(CLERKS)}
        roles["payroll-clerks"] = {"id": "payroll-clerks", "match": match, "grants": ["erp-payroll-run"]}

    _edit(new / BUSINESS, change)


def due_by_the_review(row: Row, due: frozenset[Place]) -> frozenset[Place]:
    """What is due by it, from what is due by the policy before it."""
    department = word(row["department"])
    found = {place for place in due if place[1] != ACCOUNT}
    bare = {place for place in due if place[1] == ACCOUNT and place[0] in ("directory", "chat")}
    if department == "Payroll" and not (row["type"] == "employee" and row["role"] in CLERKS):
        found.discard(PAYROLL)
    if department == "FieldService" and row["type"] in ("employee", "contractor"):
        found.add(LIBRARY)
    return frozenset(found | bare | {(system, ACCOUNT) for system, _ in found})


def merge_badly(old: Path, new: Path) -> None:
    """A conflict is resolved the wrong way: nobody gets mail any more."""
    shutil.copytree(old, new)
    _edit(new / BUSINESS, lambda roles: roles["everybody"]["grants"].remove("mail"))


def _edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    roles = {role["id"]: role for role in content["roles"]}
    change(roles)
    content["roles"] = list(roles.values())
    file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=118), encoding="utf-8")


@dataclass(frozen=True)
class Mistake:
    """Something right in one file, and what somebody makes of it. `at` is the part of it that a place is told of."""

    file: str
    right: str
    wrong: str
    at: str
    says: str


MISTAKES: Final = (
    Mistake("roles/business.yaml", "  - mail\n", "  - mial\n", "mial", "mial"),
    Mistake("separation.yaml", "severity: block", "severty: block", "severty", "severty"),
    Mistake("procedures.yaml", "do: account.disable", "do: account.disble", "account.disble", "account.disble"),
    Mistake("guards.yaml", "percent: 2, ceiling: 60", "percent: two, ceiling: 60", "two", "two"),
    Mistake("people.yaml", "scope: role:department-payroll", "scope: role:department-pay", "role:department-pay",
            "department-pay"),
)  # fmt: skip


def make_mistakes(folder: Path) -> Mapping[tuple[str, int, int], str]:
    """Make all of them in place; where each stands, and a word that its message must have."""
    places = {}
    for mistake in MISTAKES:
        file = folder / mistake.file
        before, found, after = file.read_text(encoding="utf-8").partition(mistake.right)
        assert found, f"{mistake.file} has no “{mistake.right}”"
        file.write_text(before + mistake.wrong + after, encoding="utf-8")
        head = before + mistake.wrong[: mistake.wrong.index(mistake.at)]
        line, column = head.count("\n") + 1, len(head) - (head.rfind("\n") + 1) + 1
        places[f"{folder.name}/{mistake.file}", line, column] = mistake.says
    return places
