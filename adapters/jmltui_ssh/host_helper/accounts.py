"""Making accounts, describing them, and who is in which group."""

from __future__ import annotations

import re
from typing import Any, Final

from .keys import checked_key
from .programs import Refused, named, tool
from .records import Host, Person

_LONGEST: Final = 512
_FORBIDDEN: Final = re.compile(r"[:\x00-\x1f\x7f]")
_NOT_MEMBER: Final = 3
"""What gpasswd(1) ends with for somebody who is no member."""


def create(host: Host, request: dict[str, Any]) -> bool:
    """Make the account exist; whether it was made. Raises Refused: conflict when it is somebody else's."""
    login, gecos = named(request.get("login")), _gecos(request.get("gecos", ""))
    keys = [checked_key(key) for key in request.get("keys", ())]
    present = host.everybody.get(login)
    if present is not None:
        if present.uid in host.uids and _belongs_to(present.gecos) == _belongs_to(gecos):
            return False
        raise Refused("conflict", f"there is an account {login} already, and it belongs to somebody else")
    command = ["useradd", "-m", "-U", "-c", gecos, "-s", _shell(request.get("shell") or "/bin/bash")]
    command += ["-K", f"UID_MIN={host.uids.start}"]
    if request.get("uid") is not None:
        uid = request["uid"]
        if not isinstance(uid, int) or uid not in host.uids:
            raise Refused("invalid", "the uid is not one of a person's here")
        if any(person.uid == uid for person in host.everybody.values()):
            raise Refused("conflict", f"the uid {uid} is somebody else's")
        command += ["-u", str(uid)]
    if any(row[0] == login for row in host.groups):
        raise Refused("conflict", f"there is a group {login} already")
    tool(*command, login)
    made = Host(host.uids.start)
    for key in keys:
        made.keys.add(made.person(login), key)
    return True


def describe(person: Person, display: object, belongs_to: object) -> bool:
    """Give the account another full name or key of its person; what else the field holds stays. Raises Refused."""
    parts = [*person.gecos.split(",", 4), "", "", "", ""][:5]
    for place, value in ((0, display), (4, belongs_to)):
        if value is not None:
            parts[place] = _gecos(value)
    text = ",".join(parts).rstrip(",")
    if person.gecos.rstrip(",") == text:
        return False
    tool("usermod", "-c", text, person.login)
    return True


def change_members(host: Host, name: object, logins: object, add: bool) -> dict[str, Any]:
    """Put people into a group or take them out; for each login whether it changed, or why not. Raises Refused."""
    group = next((each for each in host.group_facts() if each["name"] == named(name)), None)
    if group is None:
        raise Refused("not-found", f"there is no group {name}")
    if add and not group["grantable"]:
        told = f"{name} is a system group or gives root's rights; root has to allow it under may_grant"
        raise Refused("forbidden", told)
    found: dict[str, Any] = {}
    for login in logins if isinstance(logins, list) else ():
        try:
            found[login] = {"changed": _change_member(host.target(login), group, add)}
        except Refused as refusal:
            found[str(login)] = {"kind": refusal.kind, "told": str(refusal)}
    return found


def _change_member(person: Person, group: dict[str, Any], add: bool) -> bool:
    if person.login in group["primary"]:
        if add:
            return False
        raise Refused("forbidden", f"{group['name']} is the first group of {person.login}; give it another one by hand")
    if (person.login in group["members"]) is add:
        return False
    tool("gpasswd", "-a" if add else "-d", person.login, group["name"], good=(0,) if add else (0, _NOT_MEMBER))
    return True


def _gecos(text: object) -> str:
    if not isinstance(text, str) or len(text) > _LONGEST or _FORBIDDEN.search(text):
        raise Refused("invalid", f"the full name holds a colon or a control sign, or is longer than {_LONGEST}")
    return text


def _belongs_to(gecos: str) -> str:
    """The fifth part of the field, where jmltui keeps the key of the person."""
    return gecos.split(",", 4)[4] if gecos.count(",") >= 4 else ""


def _shell(path: object) -> str:
    with open("/etc/shells", encoding="utf-8") as file:
        known = [line.strip() for line in file if line.startswith("/")]
    if path not in known:
        raise Refused("invalid", f"{path} is not one of /etc/shells")
    return str(path)
