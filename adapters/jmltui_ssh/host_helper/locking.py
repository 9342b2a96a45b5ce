"""Locking a person out of this host whole, and letting them in again as they were."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import Any, Final

from . import running
from .programs import Refused, tool
from .records import DAY, Host, Person, has_crontab

STATE: Final = "/var/lib/jmltui-host-helper"
"""Root's own folder: what a lock has to remember, and what was taken out."""
PAST: Final = "1970-01-02"
"""The expiry of a locked account; shadow(5) warns that some read day 0 as never."""


def is_locked(facts: dict[str, Any]) -> bool:
    """Whether no way in is left and nothing runs."""
    shut = facts["expired"] and facts["password"] in ("locked", "none")
    return bool(shut) and not (any(key["active"] for key in facts["keys"]) or facts["processes"] or facts["crontab"])


def lock(host: Host, person: Person, facts: dict[str, Any]) -> bool:
    """Password locked, account expired, keys and crontab set aside, all that runs ended. Raises Refused.

    The keys go last but one, since what runs could write them again; and nothing can begin once the account expired.
    """
    if is_locked(facts):
        return False
    memory = _state_file(person, "json")
    # What an earlier lock remembers counts only where that lock is what is being finished here.
    if not facts["expired"] or not os.path.exists(memory):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_state_file(person, "crontab"))
        _write(memory, json.dumps({"uid": person.uid, "expires": None if facts["expired"] else facts["expires"]}))
    set_crontab_aside(person, "crontab")
    tool("usermod", "-L", "-e", PAST, person.login)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"/var/lib/systemd/linger/{person.login}")
    running.end(person.login, person.uid, None)
    host.keys.set_aside(person)
    running.end(person.login, person.uid, None)
    return True


def unlock(host: Host, person: Person, facts: dict[str, Any]) -> bool:
    """The account as it was before the lock; an expiry that has passed meanwhile is taken off. Raises Refused."""
    memory = _state_file(person, "json")
    told = _read(memory)
    if not facts["expired"] and told is None:
        return False
    before = json.loads(told) if told else {}
    until = before.get("expires") if before.get("uid") == person.uid else None
    if until is not None and time.time() // DAY > until:
        until = None
    command = ["-e", "" if until is None else _day(until)] if facts["expired"] else []
    command += ["-U"] if facts["password"] == "locked" else []
    if command:
        tool("usermod", *command, person.login)
    host.keys.bring_back(person)
    crontab = _state_file(person, "crontab")
    if os.path.exists(crontab):
        if before.get("uid") == person.uid and not has_crontab(person.login):
            tool("crontab", "-u", person.login, crontab)
        os.unlink(crontab)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(memory)
    return True


def expire(person: Person, facts: dict[str, Any], day: object) -> bool:
    """Let the account end after this day, counted from 1970, or never. Raises Refused."""
    if day is not None and (not isinstance(day, int) or not 1 <= day <= 1_000_000):
        raise Refused("invalid", "the day of expiry is a number of days since 1970, or nothing")
    if facts["expires"] == day:
        return False
    tool("usermod", "-e", "" if day is None else _day(day), person.login)
    return True


def set_crontab_aside(person: Person, kind: str) -> bool:
    """Keep the crontab in root's folder and take it out; whether there was one. Raises Refused."""
    if not has_crontab(person.login):
        return False
    _write(_state_file(person, kind), tool("crontab", "-u", person.login, "-l"))
    tool("crontab", "-u", person.login, "-r")
    return True


def prepare() -> None:
    """Make root's folder. Raises Refused when it is not root's alone."""
    os.makedirs(STATE, mode=0o700, exist_ok=True)
    status = os.lstat(STATE)
    if status.st_uid != 0 or status.st_mode & 0o077 or os.path.islink(STATE):
        raise Refused("failed", f"{STATE} has to be root's alone")


def _day(number: int) -> str:
    import datetime

    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=number)).isoformat()


def _state_file(person: Person, kind: str) -> str:
    return os.path.join(STATE, f"{person.login}.{kind}")


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _write(path: str, text: str) -> None:
    fresh = f"{path}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
