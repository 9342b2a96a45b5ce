"""Who is who on this host: passwd(5), shadow(5), group(5), login.defs(5), read once for one request."""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from .keys import KeyFiles
from .programs import Refused, named
from .running import counted

CONFIG: Final = "/etc/jmltui-host-helper.json"
"""Root's own settings, if any: `may_grant` names groups that may be granted though they are the system's or give root's
rights, `protected` logins that are never touched, `sshd_config` the file that sshd was started with."""
PRIVILEGED: Final = frozenset(
    ("root", "sudo", "wheel", "adm", "docker", "lxd", "libvirt", "disk", "shadow", "kmem", "systemd-journal")
)
DAY: Final = 86400
_LASTLOG: Final = struct.Struct("=i32s256s")
_CRONTABS: Final = ("/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron")


class Person(NamedTuple):
    """A line of passwd(5)."""

    login: str
    uid: int
    gid: int
    gecos: str
    home: str
    shell: str
    hashed: str


class Host:
    """What this host's files say."""

    def __init__(self, min_uid: object = None) -> None:
        """`min_uid` raises the number from which accounts are people's; nothing lowers it."""
        self.config = _config()
        limits = _limits()
        first = max(limits["UID_MIN"], min_uid if isinstance(min_uid, int) else 0)
        self.uids = range(first, limits["UID_MAX"] + 1)
        self.first_gid = limits["GID_MIN"]
        self.everybody = {
            row[0]: Person(row[0], int(row[2]), int(row[3]), row[4], row[5], row[6], row[1])
            for row in _rows("/etc/passwd", 7)
            if row[2].isdigit() and row[3].isdigit()
        }
        self.groups = [row for row in _rows("/etc/group", 4) if row[2].isdigit()]
        self.keys = KeyFiles(str(self.config.get("sshd_config", "/etc/ssh/sshd_config")))
        self._shadow = {row[0]: row for row in _rows("/etc/shadow", 8)}
        self._running: dict[int, int] | None = None

    def person(self, login: object) -> Person:
        """A person's account. Raises Refused: not-found, forbidden for a system account."""
        found = self.everybody.get(named(login))
        if found is None:
            raise Refused("not-found", f"there is no local account {login}")
        if found.uid not in self.uids:
            raise Refused("forbidden", f"{login} is a system account, and those are never touched")
        return found

    def target(self, login: object) -> Person:
        """A person's account that may be changed. Raises Refused."""
        found = self.person(login)
        if found.login == os.environ.get("SUDO_USER") or found.login in self.config.get("protected", ()):
            raise Refused("forbidden", f"{found.login} is protected here")
        return found

    def people(self) -> list[Person]:
        """Everybody but the system's own accounts."""
        return [person for person in self.everybody.values() if person.uid in self.uids]

    def facts(self, person: Person) -> dict[str, Any]:
        """All that is known of one account, secrets left out."""
        shadow = self._shadow.get(person.login)
        changed, expires = (shadow[2], shadow[7]) if shadow else ("", "")
        until = int(expires) if expires.isdigit() else None
        if self._running is None:
            self._running = counted()
        return {
            "login": person.login,
            "uid": person.uid,
            "gecos": person.gecos,
            "home": person.home,
            "shell": person.shell,
            "password": _password(shadow[1] if shadow else person.hashed),
            "password_changed": int(changed) if changed.isdigit() else None,
            "expires": until,
            "expired": until is not None and time.time() // DAY > until,
            "keys": self.keys.of(person),
            "keys_by_command": self.keys.by_command(person),
            "processes": self._running.get(person.uid, 0),
            "crontab": has_crontab(person.login),
            "last_login": _last_login(person.uid),
        }

    def group_facts(self) -> list[dict[str, Any]]:
        """All groups but private ones. `primary` are the people whose first group it is; `grantable` may be granted."""
        from .sudo_rules import sudoers_text

        people = {person.login: person for person in self.people()}
        text, may_grant = sudoers_text(), self.config.get("may_grant", ())
        found = []
        for name, _, number, listed, *_ in self.groups:
            gid = int(number)
            own = people.get(name)
            primary = [person.login for person in people.values() if person.gid == gid and person is not own]
            members = [member for member in listed.split(",") if member in people and member not in primary]
            if own is not None and own.gid == gid and not primary and not members:
                continue
            privileged = name in PRIVILEGED or re.search(rf"%{re.escape(name)}(?![\w.-])", text) is not None
            grantable = name in may_grant or (gid >= self.first_gid and not privileged)
            found.append({
                "name": name, "gid": gid, "members": members, "primary": primary,
                "privileged": privileged, "grantable": grantable,
            })  # fmt: skip
        return found


def has_crontab(login: str) -> bool:
    """Whether there is a crontab, wherever this system keeps them."""
    return any(os.path.isfile(os.path.join(folder, login)) for folder in _CRONTABS)


def _rows(path: str, fields: int) -> Iterator[list[str]]:
    """The lines of a file such as passwd(5); entries of NIS (`+`, `-`) are nobody's."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            row = line.rstrip("\n").split(":")
            if len(row) >= fields and row[0] and line[0] not in "#+-":
                yield row


def _limits() -> dict[str, int]:
    found = {"UID_MIN": 1000, "UID_MAX": 60000, "GID_MIN": 1000}
    with contextlib.suppress(FileNotFoundError), open("/etc/login.defs", encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if len(words) >= 2 and words[0] in found and words[1].isdigit():
                found[words[0]] = int(words[1])
    return found


def _config() -> dict[str, Any]:
    try:
        with open(CONFIG, encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != 0 or status.st_mode & 0o022:
                raise Refused("failed", f"{CONFIG} can be written by others than root")
            found = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError:
        raise Refused("failed", f"{CONFIG} is no JSON") from None
    if not isinstance(found, dict):
        raise Refused("failed", f"{CONFIG} is no JSON object")
    return found


def _password(hashed: str) -> str:
    """`usable`, `empty` (anybody gets in), `locked` (it comes back when unlocked) or `none` (shadow(5))."""
    if not hashed:
        return "empty"
    if hashed[0] not in "!*":
        return "usable"
    return "locked" if hashed.strip("!*") else "none"


def _last_login(uid: int) -> int | None:
    """When the person signed in last, by lastlog(8); seconds of the epoch."""
    with contextlib.suppress(OSError, struct.error), open("/var/log/lastlog", "rb") as file:
        file.seek(uid * _LASTLOG.size)
        return _LASTLOG.unpack(file.read(_LASTLOG.size))[0] or None
    return None
