"""The settings, the people files and the policy folder of the company-sized trial, written as a customer would."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.trials import organisation, outsiders
from tests.trials.company import Month
from tests.trials.organisation import Row

PEOPLE_COLUMNS: Final = (
    "user_id", "employee_name", "email", "role", "functional_unit", "department", "projects", "manager",
)  # fmt: skip

SETTINGS: Final = """\
[company]
name = "Trial company"
zone = "{zone}"

[policy]
folder = "policy"

[sources.hr]
adapter = "csv"
path = "people.csv"
absent = "leaver"

[sources.hr.columns]
key = "user_id"
name = "employee_name"
email = "email"
title = "role"
functional_unit = "functional_unit"
department = "department"
projects = "projects"
manager = "manager"

[sources.hr.defaults]
functional_unit = "none"
department = "none"
projects = "none"

[sources.contractors]
adapter = "csv"
path = "contractors.csv"
absent = "leaver"

[sources.contractors.columns]
key = "id"
name = "name"
email = "email"
type = "type"
title = "role"
functional_unit = "functional_unit"
department = "department"
projects = "projects"
sponsor = "sponsor"
starts = "starts"
ends = "ends"

[sources.contractors.defaults]
projects = "none"

[sources.services]
adapter = "csv"
path = "services.csv"

[sources.services.columns]
key = "id"
name = "name"
type = "type"
owner = "owner"

[systems.directory]
adapter = "scim"
url = "{url}"
token = "env:TRIAL_TOKEN"
login = "{{key|lower}}"
deadline = "60s"

[systems.directory.attributes]
display = "{{name}}"

[systems.vpn]
adapter = "practice"
file = "systems.sqlite"
login = "{{key|lower}}"

[systems.erp]
adapter = "practice"
file = "systems.sqlite"
login = "{{key|lower}}"

[systems.chat]
adapter = "practice"
file = "systems.sqlite"
login = "{{key|lower}}"
"""

GUARDS: Final = """\
version: 1
timezone: {zone}
guards:
  leavers:  {floor: 20, percent: 2, ceiling: 60, window: 24h}
  removals: {floor: 80, percent: 2, ceiling: 400, window: 24h}
  feed:     {min_rows: 12, max_shrink_percent: 10, min_key_overlap_percent: 90, max_age: none}
  protected:
    accounts: ["break-glass-*"]
    groups: ["Emergency access"]
    keep_at_least: {"IT admins": 2}
"""

PROCEDURES: Final = """\
version: 1
procedures:
  - id: joiner
    title: New colleague
    owner: team:helpdesk
    fallback_owner: team:it-operations
    target: 3d
    steps:
      - {id: account, do: account.create, title: Create the accounts}
      - {id: groups, do: entitlements.apply, title: Give what the roles give, needs: [account]}
      - {id: verify, do: access.verify, title: Everything read back, needs: [groups]}
      - {id: evidence, do: evidence.pack, title: File the evidence, needs: [verify]}
  - id: mover
    title: New place in the company
    owner: team:helpdesk
    fallback_owner: team:it-operations
    target: 2d
    together: true
    overlap: {max: 14d, approval: manager-only}
    steps:
      - {id: account, do: account.create, title: Create the accounts that the new place needs}
      - {id: remove, do: entitlements.remove, title: Take what the old place gave, needs: [account]}
      - {id: grant, do: entitlements.apply, title: Give what the new place gives, needs: [account]}
      - {id: verify, do: access.verify, title: Everything read back, needs: [remove, grant]}
      - {id: evidence, do: evidence.pack, title: File the evidence, needs: [verify]}
  - id: leaver
    title: Leaving colleague
    owner: team:helpdesk
    fallback_owner: team:security
    target: 24h
    steps:
      - {id: disable, do: account.disable, title: Disable every account, target: 15m}
      - {id: remote, do: remote_access.remove, on: remote_access, title: Take every way in, needs: [disable]}
      - {id: groups, do: group.remove_all, title: Take everything else, needs: [disable], target: 1h}
      - {id: reassign, do: service_account.reassign, on: owned:all, title: New owners for what they own,
         needs: [disable], owner: manager, fallback_owner: team:it-operations, target: 3d}
      - {id: verify, do: access.verify, title: Everything read back, needs: [remote, groups]}
      - {id: evidence, do: evidence.pack, title: File the evidence, needs: [verify, reassign]}
"""


@dataclass(frozen=True)
class Teams:
    """Who is in which team, by login."""

    helpdesk: tuple[str, ...]
    operations: tuple[str, ...]
    security: tuple[str, ...]
    finance: tuple[str, ...]
    export: tuple[str, ...]


def teams_of(months: Sequence[Month]) -> Teams:
    """People who are there in every month, by what they do: the same ones each time."""
    staying = set.intersection(*({*month.rows} for month in months))
    rows = {key: months[0].rows[key] for key in sorted(staying)}
    admins = [key.lower() for key, row in rows.items() if row["role"] == "ITAdmin"]
    money = [key.lower() for key, row in rows.items() if row["role"] == "Accountant"]
    managers = [key.lower() for key, row in rows.items() if row["role"] == "Manager"]
    return Teams(tuple(admins[:2]), tuple(admins[2:4]), tuple(admins[4:7]), tuple(money[:2]), tuple(managers[:2]))


@dataclass
class Managers:
    """The file names a supervisor, jmltui asks for a key: this finds whose name it is, and tells what it cannot.

    Of several people with the name, the one in the same department is meant if there is one alone.
    """

    keys_by_name: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    unknown: set[str] = field(default_factory=set)
    ambiguous: dict[str, set[str]] = field(default_factory=dict)

    def staff(self, month: Month) -> dict[str, dict[str, str]]:
        """The people of a month, each with the key of their manager; "" where there is none, or nobody can tell."""
        now: dict[str, set[str]] = defaultdict(set)
        for key, row in month.rows.items():
            now[row["employee_name"]].add(key)
            self.keys_by_name[row["employee_name"]].add(key)
        return {
            key: {**row, "type": "employee", "manager": self._manager(row, now, month.rows)}
            for key, row in month.rows.items()
        }

    def _manager(self, row: Row, now: Mapping[str, set[str]], rows: Mapping[str, Row]) -> str:
        name = row["supervisor"]
        found = now.get(name) or self.keys_by_name.get(name, set())
        if len(found) > 1:
            near = {key for key in found if key in rows and rows[key]["department"] == row["department"]}
            if len(near) != 1:
                self.ambiguous[name] = found
                return ""
            found = near
        if name and not found:
            self.unknown.add(name)
        return next(iter(found), "")


def write_people(folder: Path, staff: Mapping[str, Row]) -> None:
    """What goes to jmltui: the columns that it needs, and managers by their keys."""
    part = folder / "people.part"
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, PEOPLE_COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(staff[key] for key in sorted(staff))
    part.replace(folder / "people.csv")


def projects(months: Sequence[Month]) -> set[int]:
    """The numbers of all projects that anybody is ever in."""
    return {organisation.project(row["projects"]) for month in months for row in month.rows.values()} - {-1}


def values(months: Sequence[Month]) -> Mapping[str, set[str]]:
    """What stands in each column that a role asks for, in any month."""
    columns = ("role", "functional_unit", "department", "projects")
    return {c: {row[c] for month in months for row in month.rows.values()} - {""} for c in columns}


def write_policy(folder: Path, months: Sequence[Month], teams: Teams, operator: str, zone: str) -> None:
    """Write the policy folder: the roles by what stands in the files, the rest by hand."""
    numbers, known = projects(months), values(months)
    (folder / "roles").mkdir(parents=True)
    (folder / "guards.yaml").write_text(GUARDS.replace("{zone}", zone), encoding="utf-8")
    (folder / "procedures.yaml").write_text(PROCEDURES, encoding="utf-8")
    attributes = {f"person.{name}": {"type": "string"} for name in ("functional_unit", "projects")}
    _dump(folder / "attributes.yaml", {"attributes": attributes})
    held = organisation.rights(numbers)
    _dump(folder / "entitlements.yaml", {"entitlements": [_entitlement(right) for right in held]})
    _dump(folder / "roles" / "business.yaml", {"roles": [_role(r, known) for r in organisation.rules()] + [_EXTERNAL]})
    of_projects = [_role(rule, known) for rule in organisation.project_rules(numbers)]
    _dump(folder / "roles" / "projects.yaml", {"roles": of_projects})
    _dump(folder / "separation.yaml", {"separation": [_apart(rule) for rule in organisation.APART]})
    _dump(folder / "people.yaml", _people(teams, operator))


_EXTERNAL: Final = {
    "id": "external",
    "match": {"person.type": list(organisation.EXTERNAL)},
    "require": {"ends": True, "max_contract": f"{outsiders.LONGEST_DAYS}d", "sponsor": True},
    "warn_before_end": f"{outsiders.WARNED_DAYS}d",
}


def _people(teams: Teams, operator: str) -> Mapping[str, Any]:
    """Who does what, who agrees to what, and who looks at it."""
    return {
        "teams": {
            "helpdesk": [operator, *teams.helpdesk],
            "it-operations": list(teams.operations),
            "security": list(teams.security),
            "finance-controllers": list(teams.finance),
            "export-office": list(teams.export),
            "audit": [operator],
        },
        "system_owners": {"erp": "team:finance-controllers"},
        "approvals": [
            {"id": "manager-only", "steps": [_stage("manager", "team:helpdesk")], "expires_after": "5d"},
            {"id": "finance-approvers",
             "steps": [_stage("manager", "team:finance-controllers"), {"any": 1, "from": ["team:finance-controllers"]}],
             "expires_after": "3d"},
            {"id": "security-two", "steps": [{"any": 2, "from": ["team:security"]}], "expires_after": "1h"},
            {"id": "export-control", "steps": [{"any": 1, "from": ["team:export-office"]}], "expires_after": "3d"},
        ],
        "break_glass": {"who": ["team:helpdesk"], "max_duration": "2h", "reason": "required", "review_within": "1d",
                        "tell": ["team:security"]},
        "reviews": [
            {"id": "quarterly", "every": "90d", "scope": "all", "reviewer": "manager", "fallback": "team:audit",
             "on_no_answer": "revoke_elevated"},
            {"id": "privileged", "every": "30d", "scope": "privileged", "reviewer": "team:security",
             "fallback": "team:audit", "on_no_answer": "escalate"},
            {"id": "payroll", "every": "30d", "scope": "role:department-payroll", "reviewer": "team:audit",
             "on_no_answer": "keep"},
            {"id": "dormant", "every": "7d", "scope": "unused:45d", "reviewer": "team:helpdesk",
             "on_no_answer": "disable"},
        ],
    }  # fmt: skip


def _stage(who: str, fallback: str) -> Mapping[str, object]:
    return {"any": 1, "from": [who], "fallback": [fallback], "fallback_after": "24h"}


def _entitlement(right: organisation.Right) -> Mapping[str, object]:
    return {"id": right.id, "system": right.system, "target": right.target, **(right.more or {})}


def _role(rule: organisation.Rule, known: Mapping[str, Collection[str]]) -> Mapping[str, object]:
    match: dict[str, object] = {"person.type": list(rule.types)}
    if rule.column:
        found = sorted(value for value in known[rule.column] if organisation.word(value) in rule.words)
        name = "title" if rule.column == "role" else rule.column
        match[f"person.{name}"] = found or list(rule.words)
    role: dict[str, object] = {"id": rule.id, "match": match, "grants": list(rule.grants)}
    return role | ({"may_request": list(rule.may_request)} if rule.may_request else {})


def _apart(rule: organisation.Apart) -> Mapping[str, object]:
    severity = "block" if rule.blocks else "warn"
    sides = {"any_of": [rule.left], "with_any_of": [rule.right]}
    return {"id": rule.id, **sides, "severity": severity, "reason": rule.reason}


def _dump(file: Path, content: Mapping[str, Any]) -> None:
    text = yaml.safe_dump({"version": 1, **content}, sort_keys=False, allow_unicode=True, width=118)
    file.write_text(text, encoding="utf-8")
