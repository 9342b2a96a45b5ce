"""The settings and the policy of the trial, written into a folder of their own as a customer would."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.trials.company import MOVER_COLUMNS, Month, group_name

SETTINGS = """\
[company]
name = "Trial company"
zone = "America/New_York"

[policy]
folder = "policy"

[sources.hr]
adapter = "csv"
path = "people.csv"
absent = "leaver"
delimiter = ","

[sources.hr.columns]
key = "user_id"
name = "employee_name"
email = "email"
title = "role"
department = "department"
manager = "supervisor"
functional_unit = "functional_unit"
projects = "projects"
team = "team"
business_unit = "business_unit"

[sources.hr.defaults]
department = "none"
functional_unit = "none"
projects = "none"

[systems.directory]
adapter = "scim"
url = "{url}"
token = "env:TRIAL_TOKEN"
login = "{{key|lower}}"
max_parallel = 4
deadline = "60s"

[systems.directory.attributes]
display = "{{name}}"
email = "{{email}}"
"""

PROCEDURES = """\
procedures:
  - id: joiner
    title: New colleague
    owner: team:helpdesk
    fallback_owner: team:it-operations
    target: 3d
    steps:
      - {id: account, do: account.create, title: Create the account}
      - {id: groups, do: entitlements.apply, title: Put into the groups, needs: [account]}
      - {id: verify, do: access.verify, title: Everything read back, needs: [groups]}
  - id: mover
    title: New place in the company
    owner: team:helpdesk
    fallback_owner: team:it-operations
    target: 2d
    together: true
    steps:
      - {id: remove, do: entitlements.remove, title: Take out of old groups}
      - {id: groups, do: entitlements.apply, title: Put into new groups}
      - {id: verify, do: access.verify, title: Everything read back, needs: [remove, groups]}
  - id: leaver
    title: Leaving colleague
    owner: team:helpdesk
    fallback_owner: team:security
    target: 24h
    steps:
      - {id: disable, do: account.disable, title: Disable every account, target: 15m}
      - {id: groups, do: group.remove_all, title: Take out of every group, needs: [disable]}
      - {id: verify, do: access.verify, title: Everything read back, needs: [groups]}
"""

GUARDS = """\
guards:
  leavers: {floor: 400, percent: 20, ceiling: 500, window: 1h}
  removals: {floor: 5000, percent: 100, ceiling: 50000, window: 1h}
  feed: {min_rows: 100, max_shrink_percent: 10, min_key_overlap_percent: 90, max_age: 3650d}
"""


def entitlement_id(column: str, value: str) -> str:
    """A policy id for one column's value: letters, digits and hyphens."""
    text = f"{column}-{value}".lower()
    return "-".join("".join(c if c.isalnum() else " " for c in text).split())


def values(months: list[Month]) -> list[tuple[str, str]]:
    """Every (column, value) of the whole history that a person can hold."""
    return sorted({(c, row[c]) for m in months for row in m.rows.values() for c in MOVER_COLUMNS if row[c]})


def write(folder: Path, months: list[Month], url: str) -> None:
    """Write settings.toml and the policy folder."""
    policy = folder / "policy"
    policy.mkdir(parents=True)
    (folder / "settings.toml").write_text(SETTINGS.format(url=url), encoding="utf-8")
    (policy / "procedures.yaml").write_text(PROCEDURES, encoding="utf-8")
    (policy / "guards.yaml").write_text("version: 1\n" + GUARDS, encoding="utf-8")
    everything = values(months)
    entitlements = [
        {"id": entitlement_id(c, v), "system": "directory", "target": f"group:{group_name(c, v)}"}
        for c, v in everything
    ]
    roles: list[dict[str, object]] = [
        {"id": f"in-{entitlement_id(c, v)}", "match": {f"person.{c}": v}, "grants": [entitlement_id(c, v)]}
        for c, v in everything
    ]
    entitlements.insert(0, {"id": "directory-account", "system": "directory", "target": "account"})
    roles.insert(0, {"id": "everybody", "match": {"person.type": "employee"}, "grants": ["directory-account"]})
    attributes = {f"person.{column}": {"type": "string"} for column in ("functional_unit", "projects")}
    text = yaml.safe_dump(
        {"attributes": attributes, "entitlements": entitlements, "roles": roles}, sort_keys=False, allow_unicode=True
    )
    (policy / "roles.yaml").write_text(text, encoding="utf-8")
