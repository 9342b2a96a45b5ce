"""Writes the practice company: an ordinary installation, with this week's events coming in by its people file.

`create` writes the company as it was; each `advance` brings the next people file, until it answers False. Reading
the sources after `create` and after each `advance` is all that has to be done.
"""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from .people import COLUMNS, Hiring, Member
from .rules import BY_ID, RIGHTS, access_file, due
from .store import connect, writing
from .texts import GUARDS, PROCEDURES, SETTINGS
from .week import week

PEOPLE_FILE: Final = "people.csv"
SYSTEMS_FILE: Final = "systems.sqlite"
COMING: Final = "coming"
LOGINS: Final = {"mail": "{email}", "doors": "{key}"}


def create(folder: Path, clock: Callable[[], datetime]) -> None:
    """Write settings, policy, systems and people files. Raises FileExistsError when a company is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "settings.toml").exists():
        raise FileExistsError(f"There is a company in {folder} already.")
    today = clock().date()
    hiring = Hiring(today)
    people = hiring.everybody()
    coming = folder / COMING
    coming.mkdir(exist_ok=True)
    feeds = week(hiring, people, today)
    for number, feed in enumerate(feeds[1:], start=2):
        _write_people(coming / f"{number:02d}-{PEOPLE_FILE}", feed)
    _write_people(folder / PEOPLE_FILE, feeds[0])
    _write_systems(folder / SYSTEMS_FILE, feeds[0], today)
    policy = folder / "policy"
    policy.mkdir(exist_ok=True)
    (policy / "access.yaml").write_text(access_file(), encoding="utf-8")
    (policy / "procedures.yaml").write_text(PROCEDURES, encoding="utf-8")
    (policy / "guards.yaml").write_text(GUARDS, encoding="utf-8")
    (folder / "settings.toml").write_text(SETTINGS, encoding="utf-8")


def advance(folder: Path) -> bool:
    """Let the next people file come in; False when there is none left."""
    left = sorted((folder / COMING).glob(f"*-{PEOPLE_FILE}"))
    if not left:
        return False
    left[0].replace(folder / PEOPLE_FILE)
    return True


def _write_people(file: Path, people: Sequence[Member]) -> None:
    part = file.with_name(f"{file.name}.part")
    with part.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(member.values for member in people)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def _write_systems(file: Path, people: Sequence[Member], today: date) -> None:
    """The six systems as they are now: what the policy gives, and a few things that it does not explain."""
    with closing(connect(file, create=True)) as link, writing(link):
        link.executemany(
            "INSERT INTO entitlement (system, id, kind, name, privileged) VALUES (?, ?, ?, ?, ?)",
            [(r.system, r.id, *_kind_and_name(r.target), "privileged" in r.flags) for r in RIGHTS]
            + [("directory", "old-project", "group", "Project Albatross", 0)],
        )
        for number, member in enumerate(people, start=1):
            _write_member(link, number, member, today)
        _write_strangers(link, today)


def _kind_and_name(target: str) -> tuple[str, str]:
    kind, _, name = target.partition(":")
    return kind, name


def _write_member(link: sqlite3.Connection, number: int, member: Member, today: date) -> None:
    account_id, random = f"u{number:06d}", Random(number)  # noqa: S311  when somebody last signed in
    left = member["status"] == "left"
    rights = due(member)
    for system in sorted({right.system for right in rights}):
        login = LOGINS.get(system, "{login}").format(email=member["email"], key=member["key"], login=member.login)
        seen = f"{today - timedelta(days=random.randint(1, 20))}T{random.randint(7, 17):02d}:12:00+00:00"
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
        if number % 40 == 1:
            held.append(("directory", account_id, "old-project"))
        link.executemany("INSERT INTO held (system, account_id, entitlement_id) VALUES (?, ?, ?)", held)


def _write_strangers(link: sqlite3.Connection, today: date) -> None:
    """Accounts that belong to nobody in the people file."""
    link.executemany(
        "INSERT INTO account (system, id, login, folded, state, email, external_id, display, kind, last_seen) "
        "VALUES (?, ?, ?, ?, 'active', '', ?, ?, 'person', ?)",
        [
            ("directory", "u900001", "b.forgotten", "b.forgotten", "E0007", "B. Forgotten",
             f"{today - timedelta(days=210)}T10:00:00+00:00"),
            ("vpn", "u900002", "install-test", "install-test", None, "Installation test", None),
        ],
    )  # fmt: skip
    right = BY_ID["vpn"]
    link.execute("INSERT INTO held (system, account_id, entitlement_id) VALUES ('vpn', 'u900002', ?)", (right.id,))
