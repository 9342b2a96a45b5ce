"""The six systems of the practice company as they are before the week: what the policy gives, and what is amiss."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from .people import Member
from .rules import BY_ID, RIGHTS, due
from .store import connect, writing

LOGINS: Final = {"mail": "{email}", "doors": "{key}"}

UNUSED: Final[Mapping[tuple[str, str], int]] = {
    ("E1073", "vpn"): 63,
    ("E1139", "erp"): 118,
    ("E1146", "directory"): 95,
    ("E1147", "mail"): 51,
    ("E1394", "directory"): 300,
}
"""Accounts that nobody used for so many days; the third is of somebody on leave, the last a service account."""

BESIDES: Final[Mapping[str, tuple[str, str]]] = {"E1028": ("erp", "payment-release")}
"""What somebody holds that nobody agreed to: a controller who enters payments can release them, too."""

STRANGERS: Final = (
    ("directory", "u900001", "b.forgotten", "B. Forgotten", "E0007", 210),
    ("vpn", "u900002", "install-test", "Installation test", None, None),
    ("erp", "u900003", "jsmith", "Jürgen Smith", None, 12),
    ("chat", "u900004", "juergen.smith.admin", "Jürg\u0435n Smith", None, 3),
)
"""Accounts of nobody in the people file: system, id, login, display name, key, days since they were used.

The third looks like that of E1118 (or E1332), the last one only looks so: a letter of its name is of another script.
"""


def write_systems(file: Path, people: Sequence[Member], now: datetime) -> None:
    """Write the systems' file. Raises sqlite3.Error."""
    with closing(connect(file, create=True)) as link, writing(link):
        link.executemany(
            "INSERT INTO entitlement (system, id, kind, name, privileged) VALUES (?, ?, ?, ?, ?)",
            [(r.system, r.id, *_kind_and_name(r.target), r.privileged) for r in RIGHTS]
            + [("directory", "old-project", "group", "Project Albatross", 0)],
        )
        for number, member in enumerate(people, start=1):
            _write_member(link, number, member, now)
        _write_strangers(link, now)


def _kind_and_name(target: str) -> tuple[str, str]:
    kind, _, name = target.partition(":")
    return kind, name


def _write_member(link: sqlite3.Connection, number: int, member: Member, now: datetime) -> None:
    account_id, random = f"u{number:06d}", Random(number)  # noqa: S311  when somebody last signed in
    left, today = member["status"] == "left", now.date()
    rights = due(member, now)
    for system in sorted({right.system for right in rights}):
        login = LOGINS.get(system, "{login}").format(email=member["email"], key=member["key"], login=member.login)
        days, hour = random.randint(1, 20), random.randint(7, 17)
        seen = f"{today - timedelta(days=UNUSED.get((member['key'], system), days))}T{hour:02d}:12:00+00:00"
        kind = member["type"] if member["type"] in ("service", "shared") else "person"
        link.execute(
            "INSERT INTO account (system, id, login, folded, state, email, external_id, display, kind, last_seen) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (system, account_id, login, login.casefold(), "disabled" if left else "active", member["email"],
             member["key"], member["name"], kind, seen),
        )  # fmt: skip
        if system in ("directory", "chat") and not left:
            for what in ("mfa", "token"):
                row = (system, f"{what}-{account_id}", account_id, what, f"{today - timedelta(days=80)}T09:00:00+00:00")
                link.execute(
                    "INSERT INTO credential (system, id, account_id, kind, created) VALUES (?, ?, ?, ?, ?)", row
                )
        if system in ("directory", "vpn") and not left and number % 3:
            where = random.choice(("laptop", "phone", "home office"))
            row = (system, f"{system}-{account_id}", account_id, f"{today}T06:{number % 60:02d}:00+00:00", where)
            link.execute("INSERT INTO session (system, id, account_id, started, place) VALUES (?, ?, ?, ?, ?)", row)
    if not left:
        held = [(right.system, account_id, right.id) for right in rights]
        if member["key"] in BESIDES:
            system, right = BESIDES[member["key"]]
            held.append((system, account_id, right))
        if number % 40 == 1:
            held.append(("directory", account_id, "old-project"))
        link.executemany("INSERT INTO held (system, account_id, entitlement_id) VALUES (?, ?, ?)", held)


def _write_strangers(link: sqlite3.Connection, now: datetime) -> None:
    for system, account_id, login, display, key, days in STRANGERS:
        seen = None if days is None else f"{now.date() - timedelta(days=days)}T10:00:00+00:00"
        link.execute(
            "INSERT INTO account (system, id, login, folded, state, email, external_id, display, kind, last_seen) "
            "VALUES (?, ?, ?, ?, 'active', '', ?, ?, 'person', ?)",
            (system, account_id, login, login.casefold(), key, display, seen),
        )
    right = BY_ID["vpn"]
    link.execute("INSERT INTO held (system, account_id, entitlement_id) VALUES ('vpn', 'u900002', ?)", (right.id,))
