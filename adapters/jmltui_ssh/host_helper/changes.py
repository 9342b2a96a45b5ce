"""What changes a host: one at a time, as it was before and is after."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping
from typing import Any, Final

from . import accounts, locking, running, sudo_rules, wireguard
from .programs import Refused, tool
from .records import Host, Person

LOCK: Final = "/run/jmltui-host-helper.lock"
Request = Mapping[str, Any]


def _keys_remove(host: Host, person: Person, facts: dict[str, Any], request: Request) -> bool:
    """Take out one key, the password, or both kinds whole."""
    fingerprint, password = request.get("fingerprint"), bool(request.get("password"))
    keys = request.get("keys") is not False
    mine = [key for key in facts["keys"] if keys and fingerprint in (None, key["fingerprint"])]
    if mine:
        host.keys.take_out(person, fingerprint)
    if password and facts["password"] != "none":
        tool("usermod", "-p", "!", person.login)
        return True
    return bool(mine)


def _kill(_host: Host, person: Person, _facts: dict[str, Any], request: Request) -> bool:
    session = request.get("session")
    found = [each["id"] for each in running.sessions(person.uid) if session in (None, each["id"])]
    running.end(person.login, person.uid, session)
    return bool(found)


WRITES: Final[Mapping[str, Callable[[Host, Person, dict[str, Any], Request], bool]]] = {
    "lock": lambda host, person, facts, _: locking.lock(host, person, facts),
    "unlock": lambda host, person, facts, _: locking.unlock(host, person, facts),
    "expire": lambda _, person, facts, request: locking.expire(person, facts, request.get("day")),
    "keys-remove": _keys_remove,
    "kill": _kill,
    "cron-remove": lambda _, person, _facts, _request: locking.set_crontab_aside(person, "crontab-removed"),
    "describe": lambda _, person, _facts, r: accounts.describe(person, r.get("display"), r.get("belongs_to")),
    "sudo-remove": lambda _, person, _facts, r: sudo_rules.remove(person, r.get("rule"), locking.STATE),
}
"""What changes one account that is there; the answer says how it was before and is after."""


def changed(request: Request) -> dict[str, Any]:
    """Do what the request asks for, while nobody else does anything. Raises Refused."""
    verb = request.get("verb")
    if verb not in WRITES and verb not in wireguard.WRITES and verb not in ("create", "grant", "revoke"):
        raise Refused("unsupported", f"{verb!r:.60} is not a word of this helper; perhaps it is too old")
    with open(LOCK, "w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        locking.prepare()
        host = Host(request.get("min_uid"))
        if verb in wireguard.WRITES:
            return wireguard.changed(request, host.config)
        if verb == "create":
            was_made = accounts.create(host, dict(request))
            return {"changed": was_made, "after": _after(request)}
        if verb in ("grant", "revoke"):
            group, logins = request.get("group"), request.get("logins")
            return {"results": accounts.change_members(host, group, logins, verb == "grant")}
        person = host.target(request.get("login"))
        before = host.facts(person)
        is_changed = WRITES[str(verb)](host, person, before, request)
        return {"changed": is_changed, "before": before, "after": _after(request) if is_changed else before}


def _after(request: Request) -> dict[str, Any]:
    """The account as a fresh look at the host's files shows it."""
    host = Host(request.get("min_uid"))
    return host.facts(host.person(request.get("login")))
