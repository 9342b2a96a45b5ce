"""Who may use sudo by name: read through sudo's own cvtsudoers, taken out only where visudo agrees."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol

from .programs import Refused, tool

SUDOERS: Final = "/etc/sudoers"
_INCLUDE: Final = re.compile(r"^[@#]include(dir)?\s+(\S.*?)\s*$", re.MULTILINE)
_USERS: Final = re.compile(r"(\s*)([^\s=,]+(?:\s*,\s*[^\s=,]+)*)(\s+[^=]*=.*)", re.DOTALL)


class Known(Protocol):
    """What has to be known of an account to tell whether a rule names it."""

    @property
    def login(self) -> str:
        """The name."""

    @property
    def uid(self) -> int:
        """The number."""


def sudoers_text() -> str:
    """All rules as they are written."""
    return "".join(map(_text, _files().values()))


def rules() -> list[dict[str, Any]]:
    """The files that give somebody a right; `users` by name, number or `ALL`, `groups` by name. Raises Refused."""
    aliases, found = _aliases(), []
    for name, path in _files().items():
        users: list[str] = []
        groups: list[str] = []
        for spec in _parsed(path).get("User_Specs", []):
            _named(spec.get("User_List", []), aliases, users, groups)
        if users or groups:
            removable = os.path.dirname(path) != os.path.dirname(SUDOERS)
            found.append({"name": name, "users": users, "groups": groups, "removable": removable})
    return found


def remove(person: Known, name: object, backups: str) -> bool:
    """Take a person out of one file's rules; whether there was anything to take out. Raises Refused."""
    path = _files().get(name) if isinstance(name, str) else None
    if path is None:
        raise Refused("not-found", f"there is no sudo rule file {name}")
    if not _names(path, person):
        return False
    if os.path.dirname(path) == os.path.dirname(SUDOERS):
        raise Refused("forbidden", f"{path} is edited by hand only")
    text = _text(path)
    fresh = os.path.join(os.path.dirname(path), f".{name}.jmltui-new")  # sudo reads no file with a dot in its name
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o440), "w") as file:
        file.write(_without(text, person.login))
        os.fchmod(file.fileno(), 0o440)
    try:
        tool("visudo", "-c", "-q", "-f", fresh)
        if _names(fresh, person) or _rest(fresh, person) != _rest(path, person):
            told = f"{path} names {person.login} in a way that is not safe to edit; take it out by hand"
            raise Refused("forbidden", told)
        shutil.copy2(path, os.path.join(backups, f"sudoers-{name}-{int(time.time())}"))
        os.replace(fresh, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
    return True


def _files() -> dict[str, str]:
    """The files in use by their short name (sudoers(5): a name with a dot or a `~` at its end is left out)."""
    found = {os.path.basename(SUDOERS): SUDOERS}
    for is_folder, place in _INCLUDE.findall(_text(SUDOERS)):
        names = sorted(os.listdir(place)) if is_folder and os.path.isdir(place) else []
        for path in [os.path.join(place, name) for name in names] if is_folder else [place]:
            name = os.path.basename(path)
            if os.path.isfile(path) and not (is_folder and ("." in name or name.endswith("~"))):
                found.setdefault(name, path)
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _parsed(path: str) -> dict[str, Any]:
    """What one file says by itself: what it includes is a file of its own here."""
    found = json.loads(tool("cvtsudoers", "-f", "json", "-", given=_INCLUDE.sub("", _text(path))) or "{}")
    return found if isinstance(found, dict) else {}


def _aliases() -> dict[str, Any]:
    """User aliases of all files: each may use those of another."""
    return {name: users for path in _files().values() for name, users in _parsed(path).get("User_Aliases", {}).items()}


def _named(listed: list[dict[str, Any]], aliases: Mapping[str, Any], users: list[str], groups: list[str]) -> None:
    for each in listed:
        if each.get("negated"):
            continue
        if "useralias" in each:
            inner = {name: value for name, value in aliases.items() if name != each["useralias"]}
            _named(aliases.get(each["useralias"], []), inner, users, groups)
        elif "usergroup" in each:
            groups.append(str(each["usergroup"]))
        elif "username" in each or "userid" in each:
            users.append(str(each.get("username", each.get("userid"))))


def _is(each: Mapping[str, Any], person: Known) -> bool:
    return person.login == each.get("username") or str(person.uid) == str(each.get("userid", ""))


def _names(path: str, person: Known) -> bool:
    parsed = _parsed(path)
    aliases = {**_aliases(), **parsed.get("User_Aliases", {})}
    users: list[str] = []
    for spec in parsed.get("User_Specs", []):
        _named(spec.get("User_List", []), aliases, users, [])
    return person.login in users or str(person.uid) in users


def _rest(path: str, person: Known) -> list[dict[str, Any]]:
    """What a file gives to all others."""
    found = []
    for spec in _parsed(path).get("User_Specs", []):
        others = [each for each in spec.get("User_List", []) if not _is(each, person)]
        if others:
            found.append({**spec, "User_List": others})
    return found


def _without(text: str, login: str) -> str:
    """The text with this login out of the user lists that stand before a rule's first `=`."""
    lines = re.findall(r"(?:[^\n\\]|\\.)*(?:\n|$)", text, re.DOTALL)
    return "".join(_line_without(line, login) for line in lines)


def _line_without(line: str, login: str) -> str:
    found = None if line.lstrip().startswith("#") else _USERS.fullmatch(line)
    if found is None:
        return line
    users = [user.strip() for user in found[2].split(",")]
    if login not in users:
        return line
    kept = [user for user in users if user != login]
    return f"{found[1]}{', '.join(kept)}{found[3]}" if kept else ""
