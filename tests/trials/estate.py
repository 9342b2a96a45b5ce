"""The systems as they were before jmltui came, and what they say themselves: by plain HTTP and plain SQL."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jmltui_practice.store import connect, writing
from tests.trials.directory import Directory
from tests.trials.reckoning import ACCOUNT, Place

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
LONG_AGO: Final = timedelta(days=80)
LATELY: Final = timedelta(days=2)


@dataclass(frozen=True)
class Stranger:
    """An account that belongs to nobody in a personnel file."""

    system: str
    login: str
    email: str = ""
    kind: str = "person"


@dataclass(frozen=True)
class Before:
    """What was there: who held what by key, names for the directory, strangers, and accounts in nobody's use."""

    held: Mapping[str, Iterable[Place]]
    names: Mapping[str, str]
    emails: Mapping[str, str]
    kinds: Mapping[str, str]
    strangers: Sequence[Stranger]
    unused: frozenset[tuple[str, str]]


@dataclass
class Estate:
    """The real directory server, and the file of the practice systems."""

    directory: Directory
    file: Path

    def fill(self, before: Before, targets: Iterable[Place], now: datetime) -> None:
        """Make everything as it was: the entitlements, the accounts and who held what."""
        members = self._fill_directory(before)
        for system, target in targets:
            if system == "directory" and target != ACCOUNT:
                body: dict[str, Any] = {"schemas": [GROUP], "displayName": target.partition(":")[2]}
                body |= {"members": [{"value": number} for number in members[target]]} if members[target] else {}
                self.directory.client.post("/Groups", json=body).raise_for_status()
        with closing(connect(self.file, create=True)) as link, writing(link):
            for system, target in targets:
                if system != "directory" and target != ACCOUNT:
                    kind, _, name = target.partition(":")
                    row = (system, target, kind, name)
                    link.execute("INSERT INTO entitlement (system, id, kind, name) VALUES (?, ?, ?, ?)", row)
            self._fill_practice(link, before, now)

    def _fill_directory(self, before: Before) -> Mapping[str, list[str]]:
        """Post the users; the ids of those who are to be in each group."""
        members: dict[str, list[str]] = defaultdict(list)
        for key, places in sorted(before.held.items()):
            mine = [target for system, target in places if system == "directory"]
            if ACCOUNT in mine:
                number = self._post(key.lower(), key, before.names[key], before.emails.get(key, ""))
                for target in mine:
                    members[target].append(number)
        for stranger in before.strangers:
            if stranger.system == "directory":
                self._post(stranger.login, "", stranger.login, stranger.email)
        return members

    def _post(self, login: str, key: str, name: str, email: str) -> str:
        body: dict[str, Any] = {"schemas": [USER], "userName": login, "displayName": name, "active": True}
        body |= {"externalId": key} if key else {}
        body |= {"emails": [{"value": email}]} if email else {}
        answer = self.directory.client.post("/Users", json=body)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def _fill_practice(self, link: sqlite3.Connection, before: Before, now: datetime) -> None:
        accounts: list[tuple[str, str, str, str | None, str, datetime]] = []
        held: list[tuple[str, str, str]] = []
        for key, places in sorted(before.held.items()):
            for system, target in places:
                if system == "directory":
                    continue
                if target == ACCOUNT:
                    seen = now - (LONG_AGO if (system, key) in before.unused else LATELY)
                    accounts.append((system, f"u-{key}", key.lower(), key, before.kinds.get(key, "person"), seen))
                else:
                    held.append((system, f"u-{key}", target))
        for number, s in enumerate(before.strangers):
            if s.system != "directory":
                accounts.append((s.system, f"s-{number}", s.login, None, s.kind, now - LATELY))
        link.executemany(
            "INSERT INTO account (system, id, login, folded, state, external_id, kind, last_seen) "
            "VALUES (?, ?, ?, ?, 'active', ?, ?, ?)",
            [(system, number, login, login, key, kind, seen.isoformat())
             for system, number, login, key, kind, seen in accounts],
        )  # fmt: skip
        link.executemany("INSERT INTO held (system, account_id, entitlement_id) VALUES (?, ?, ?)", held)

    def truth(self) -> dict[str, set[Place]]:
        """The systems' own word, by key: accounts that can sign in, and whatever any account holds.

        A user whom the server shows on two pages, because it changed meanwhile, is one.
        """
        found: dict[str, set[Place]] = defaultdict(set)
        keys: dict[str, str] = {}
        for user in {user["id"]: user for user in self.directory.listing("Users")}.values():
            keys[user["id"]] = key = user.get("externalId") or f"login:{user['userName']}"
            if user.get("active", True):
                assert ("directory", ACCOUNT) not in found[key], f"{key} has two accounts in the directory"
                found[key].add(("directory", ACCOUNT))
        for group in self.directory.listing("Groups"):
            for member in group.get("members", []):
                found[keys.get(member["value"], "")].add(("directory", f"group:{group['displayName']}"))
        with closing(connect(self.file)) as link:
            for row in link.execute("SELECT system, external_id, login FROM account WHERE state = 'active'"):
                found[row["external_id"] or f"login:{row['login']}"].add((row["system"], ACCOUNT))
            query = "SELECT h.system, h.entitlement_id, a.external_id, a.login FROM held h JOIN account a ON "
            query += "a.system = h.system AND a.id = h.account_id"
            for row in link.execute(query):
                found[row["external_id"] or f"login:{row['login']}"].add((row["system"], row["entitlement_id"]))
        return {key: places for key, places in found.items() if places}
