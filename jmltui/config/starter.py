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
# Who should have what, who has to agree, what is done. A # without a blank after it, or with two, is there to be taken
# away. `jmltui policy lint` tells every mistake, with its line and the nearest word; `jmltui policy diff FOLDER` what a
# change would do; docs/policy.md describes every word, and the policy of the practice company (`jmltui practice new
# FOLDER`) uses nearly all of them. The folder may be divided into as many files as you like.
version: 1
#timezone: Europe/Berlin                  # of people who have none

# Further columns of the people file that rules may look at. Where one is empty nobody can tell: nothing is granted or
# taken away.
#attributes:
#  device.managed: {type: bool}

# What accounts can hold: account, or kind:name as the system lists it (`jmltui policy import-current` proposes them).
#entitlements:
#  - {id: directory-account, system: directory, target: account}
#  - {id: finance-share, system: directory, target: "group:Finance"}
#  - {id: mailbox, system: directory, target: "licence:Mailbox", licence: {sku: mail-standard, monthly_cost: "7.50"}}
#  - {id: vpn, system: directory, target: "group:VPN", remote_access: true, when: device.managed}
#  - id: remote-desktop
#    system: directory
#    target: "group:Remote desktop"
#    remote_access: true
#    window: {days: [mon, tue, wed, thu, fri], hours: "06:00-20:00"}
# Elevated waits for an approval, jit always ends by itself.
#  - {id: payments, system: directory, target: "group:Payments", tier: elevated, approval: true}
#  - id: release
#    system: directory
#    target: "group:Release"
#    tier: elevated
#    approval: in-two-stages
#    max_duration: 90d
#  - id: admin
#    system: directory
#    target: "group:Administrators"
#    tier: jit
#    approval: two-of-security
#    privileged: true
#    max_duration: 8h
#    break_glass: true

# Who gets what, and who may ask for what. All attributes of a match must have one of their values.
#roles:
#  - {id: everybody, match: {person.type: [employee, contractor]}, grants: [directory-account, mailbox, vpn]}
#  - {id: finance, match: {person.department: Finance}, grants: [finance-share], may_request: [release]}
#  - {id: cashier, match: {person.title: Cashier}, grants: [payments]}
#  - {id: from-home, when: 'person.title.startsWith("Shift") && device.managed', grants: [remote-desktop]}
#  - {id: it, match: {person.department: IT}, may_request: [admin]}
#  - id: from-outside
#    match: {person.type: [contractor, vendor, temp, guest]}
#    require: {ends: true, sponsor: true, max_contract: 365d}
#    warn_before_end: 14d

# What one person must not hold together.
#separation:
#  - id: enter-and-release
#    any_of: [payments]
#    with_any_of: [release]
#    severity: block
#    reason: one person must not both enter and release a payment

# Who has to agree, one stage after the other; a team without an entry here is the group of that name on this host.
#approvals:
#  - id: in-two-stages
#    steps:
#      - {any: 1, from: [manager], fallback: [team:helpdesk], fallback_after: 24h}
#      - {any: 1, from: [team:finance-control]}
#    expires_after: 5d
#  - {id: two-of-security, steps: [{any: 2, from: [team:security]}], expires_after: 4h}
#break_glass: {who: [team:it-operations], max_duration: 2h, review_within: 1d, tell: [team:security]}

# Access reviews open by themselves.
#reviews:
#  - {id: quarterly, every: 90d, scope: privileged, reviewer: manager, fallback: team:security}
#  - {id: dormant, every: 7d, scope: "unused:45d", reviewer: team:helpdesk, on_no_answer: disable}

# What holds a change that looks like a disaster.
guards:
  leavers: {floor: 5, percent: 5, ceiling: 50, window: 24h}      # more of them in this time wait for a person
  removals: {floor: 20, percent: 10, ceiling: 500, window: 24h}  # so do more of these
  feed: {min_rows: 1, max_shrink_percent: 10, min_key_overlap_percent: 90, max_age: 36h}
  protected:
    accounts: ["break-glass-*"]

# The procedures of every kind of case are built in; state your own to replace one. Targets run in working time, if any.
#working_time: {zone: Europe/Berlin, days: [mon, tue, wed, thu, fri], hours: "09:00-17:00"}
#procedures:
#  - id: joiner
#    title: New colleague
#    trigger: {event: joiner, when: 3d before person.starts}
#    owner: team:helpdesk
#    fallback_owner: team:it-operations
#    target: 3d
#    steps:
#      - {id: account, do: account.create, target: 4h}
#      - {id: groups, do: entitlements.apply, needs: [account]}
#      - {id: laptop, do: manual, text: "Hand over the laptop and write down its number."}
#      - {id: verify, do: access.verify, needs: [groups]}
#      - {id: evidence, do: evidence.pack, needs: [verify, laptop]}

# Invented people, and what should come of them: `jmltui policy test`.
#tests:
#  - name: who works in finance may ask to release payments
#    given: {person.type: employee, person.department: Finance, person.title: Accountant, device.managed: true}
#    expect: {includes: [mailbox, vpn, finance-share], may_request: [release]}
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
