"""One request in, one answer out."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from . import MARK, VERSION, running
from .programs import Refused
from .records import Host

_LARGEST: Final = 1 << 20
Request = Mapping[str, Any]


def _rules() -> list[dict[str, Any]]:
    from .sudo_rules import rules

    return rules()


def _list(host: Host, request: Request) -> dict[str, Any]:
    people, groups = [host.facts(person) for person in host.people()], host.group_facts()
    rules = _rules() if request.get("sudo") else []
    counts = {"accounts": len(people), "groups": len(groups), "rules": len(rules)}
    return {"accounts": people, "groups": groups, "rules": rules, "counts": counts}


def _read(host: Host, request: Request) -> dict[str, Any]:
    return host.facts(host.person(request.get("login")))


def _keys_list(host: Host, request: Request) -> dict[str, Any]:
    return {"keys": host.keys.of(host.person(request.get("login")))}


def _groups(host: Host, request: Request) -> dict[str, Any]:
    found = host.group_facts()
    present = [person.login for person in host.people() if person.login in request.get("logins", ())]
    return {"groups": found, "present": present, "counts": {"groups": len(found)}}


def _sudo_list(host: Host, request: Request) -> dict[str, Any]:
    found = _rules()
    people = [{"login": person.login, "uid": person.uid} for person in host.people()]
    asked = [each for each in people if each["login"] in request.get("logins", ())]
    return {"rules": found, "people": asked, "counts": {"rules": len(found)}}


def _sessions(host: Host, request: Request) -> dict[str, Any]:
    found = running.sessions(host.person(request.get("login")).uid)
    return {"sessions": found, "counts": {"sessions": len(found)}}


def _wg_list(_host: Host, request: Request) -> dict[str, Any]:
    from .wireguard import listed

    return listed(request)


READS: Final[Mapping[str, Callable[[Host, Request], dict[str, Any]]]] = {
    "list": _list,
    "read": _read,
    "keys-list": _keys_list,
    "groups": _groups,
    "sudo-list": _sudo_list,
    "sessions": _sessions,
    "wg-list": _wg_list,
}


def answered(request: Request) -> dict[str, Any]:
    """What the request asks for, done and told. Raises Refused."""
    verb = request.get("verb")
    if verb in READS:
        return READS[str(verb)](Host(request.get("min_uid")), request)
    from .changes import changed  # a read has no use for it, and compiling it takes longer than the read

    return changed(request)


def main() -> None:
    """Read the request to its end, answer it by one line."""
    # A connection that is lost must not stop a change halfway.
    for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.environ.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C")
    os.umask(0o077)
    answer: dict[str, Any] = {"version": VERSION, "time": time.time()}
    try:
        request = json.loads(sys.stdin.buffer.read(_LARGEST))
        if not isinstance(request, dict) or sys.argv[1:]:
            raise ValueError
        answer.update({name: request.get(name) for name in ("nonce", "verb", "login")})
        if os.geteuid() != 0:
            raise Refused("forbidden", "the helper was not started as root")
        answer["data"] = answered(request)
    except ValueError:
        answer["refused"] = {"kind": "invalid", "told": "a request is one JSON object on standard input"}
    except Refused as refusal:
        answer["refused"] = {"kind": refusal.kind, "told": str(refusal)}
    except OSError as error:
        answer["refused"] = {"kind": "failed", "told": f"{error.strerror}: {error.filename}"}
    except Exception as error:  # whoever asked has to hear of it, whatever broke
        answer["refused"] = {"kind": "failed", "told": f"the helper broke: {type(error).__name__}: {error}"}
    text = json.dumps(answer)
    sys.stdout.write(f"\n{MARK} {len(text)} {text}\n")
