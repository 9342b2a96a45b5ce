"""What `jmltui init` writes: a commented settings file and a starter policy. Nothing is ever overwritten."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from .places import Places

SETTINGS: Final = """\
# jmltui: where people come from, and which systems they have accounts on.
# Secrets never stand here, only where they are: keyring:SERVICE/NAME, file:/path (mode 0600) or env:NAME.

[company]
name = "Example Ltd"
zone = "Europe/Berlin"            # a last day ends at midnight of this zone, unless the person has another one

[policy]
folder = "policy"                 # who should have what, and the procedures; `jmltui policy lint` checks it

[cache]
# url = "/var/lib/jmltui/cache.sqlite"   # default: in your state folder; never on a network file system

# A source of people: an export of HR.
[sources.hr]
adapter = "csv"
path = "people.csv"               # relative to this file
absent = "ask"                    # a person missing from the file: "ask", or "leaver" if the file is a full list
# delimiter = ";"                 # default: found in the first line
# encoding = "cp1252"             # default: utf-8
# dates = ["%d.%m.%Y"]            # default: %Y-%m-%d

[sources.hr.columns]              # attribute = column of the file; key and name are required
key = "employee_id"
name = "name"
email = "email"
department = "department"
title = "title"
manager = "manager"
starts = "first_day"
ends = "last_day"

# A system. Take the # away and fill in yours, then run `jmltui doctor`.
# [systems.directory]
# adapter = "scim"
# url = "https://directory.example.com/scim/v2"
# token = "keyring:directory/token"
# login = "{email|before_at|lower}"
# deadline = "30s"                # how long one call may take
# max_parallel = 4
#
# [systems.directory.attributes]  # of a new account
# display = "{name}"
# email = "{email}"
"""

POLICY: Final = """\
# Who should have what. Every mistake is told by `jmltui policy lint`, with its line and the nearest word.
entitlements: []
#  - {id: directory-account, system: directory, target: account}
#  - {id: finance-share, system: directory, target: "group:Finance"}
#  - {id: payments, system: directory, target: "group:Payments", tier: elevated, approval: true}

roles: []
#  - {id: everybody, match: {person.type: [employee, contractor]}, grants: [directory-account]}
#  - {id: finance, match: {person.department: Finance}, grants: [finance-share]}

guards:
  leavers: {floor: 5, percent: 5, ceiling: 50, window: 24h}      # more of them in this time wait for a person
  feed: {min_rows: 1, max_shrink_percent: 10, min_key_overlap_percent: 90, max_age: 36h}
  protected:
    accounts: ["break-glass-*"]

# The procedures for joiners, rehires, movers and leavers are built in; state your own here to replace one.
"""


def write(places: Places) -> list[tuple[Path, bool]]:
    """Write what is missing; each path with whether it was written (False: it was there and is as it was)."""
    places.config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    policy = places.config_dir / "policy"
    policy.mkdir(mode=0o755, exist_ok=True)
    wanted = ((places.settings_file, SETTINGS), (policy / "policy.yaml", POLICY))
    return [(path, _write_new(path, text)) for path, text in wanted]


def _write_new(path: Path, text: str) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True
