"""WireGuard peers: those that are live (wg(8)), and those that a configuration file brings back (wg-quick(8)).

Whoever is shut out is out of both: a peer that only the running interface lacks is there again after a restart. What is
set aside stays in the file, each line behind a mark that makes it a comment. Keys that are secret are never told.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from .programs import Refused, tool
from .wireguard_files import FOLDER, Section, joined, kept, sections, texts

KEY: Final = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw480]=", re.ASCII)
_INTERFACE: Final = re.compile(r"[A-Za-z0-9_=+.-]{1,15}", re.ASCII)
_PEER_FIELDS: Final = 9
Request = Mapping[str, Any]


class _Live(NamedTuple):
    """A peer of a running interface. `handshake` is in seconds of the epoch, 0 for never."""

    endpoint: str
    allowed: str
    handshake: int


def listed(request: Request) -> dict[str, Any]:
    """Interfaces and peers, live and by file; `now` is this host's time. Raises Refused."""
    running, files = _running(request), _files(request)
    names = sorted({*running, *files})
    peers = [peer for name in names for peer in _peers(name, running.get(name), files.get(name))]
    interfaces = [
        {
            "name": name,
            "up": name in running,
            "configured": name in files,
            "saves": any(each.is_saved for each in files.get(name, ())),
        }
        for name in names
    ]
    counts = {"interfaces": len(interfaces), "peers": len(peers)}
    return {"interfaces": interfaces, "peers": peers, "now": int(time.time()), "counts": counts}


def changed(request: Request, config: Mapping[str, Any]) -> dict[str, Any]:
    """Shut these peers out, let them in, take them out for good, or drop what they have running. Raises Refused."""
    keys = request.get("keys")
    if not isinstance(keys, list) or not keys or not all(isinstance(k, str) and KEY.fullmatch(k) for k in keys):
        raise Refused("invalid", "the peers are named by their public keys, 44 signs each")
    verb, before = request.get("verb"), listed(request)
    mine = [peer for peer in before["peers"] if peer["key"] in keys]
    for peer in mine:
        if peer["name"] and peer["name"] in config.get("protected", ()):
            raise Refused("forbidden", f"{peer['name']} is protected here")
    is_changed = False
    for name in sorted({peer["interface"] for peer in mine}):
        is_changed |= _WRITES[str(verb)](name, keys, request)
    after = [peer for peer in listed(request)["peers"] if peer["key"] in keys]
    return {"changed": is_changed, "before": mine, "peers": after, "counts": {"peers": len(after)}}


# ---- what is done to one interface


def _shut(name: str, keys: list[str], request: Request) -> bool:
    """Set aside in the file first: whatever brings the file into effect meanwhile does not bring the peer back."""
    return _taken(name, keys, request, [] if name in _files(request) else None, aside=True)


def _remove(name: str, keys: list[str], request: Request) -> bool:
    return _taken(name, keys, request, [] if name in _files(request) else None, aside=False)


def _taken(name: str, keys: list[str], request: Request, file: list[str] | None, *, aside: bool) -> bool:
    is_changed = False
    if file is not None:
        found = _files(request)[name]
        wanted = [each for each in found if each.key in keys and not (aside and each.is_aside)]
        if wanted:
            edited = [each.set_aside() if each in wanted else each for each in found]
            kept(name, joined(edited if aside else [each for each in found if each not in wanted]))
            is_changed = True
    live = [key for key in keys if key in _running(request).get(name, {})]
    for key in live:
        tool("wg", "set", name, "peer", key, "remove")
    if live and file is None:
        raise Refused(
            "unsupported",
            f"the peer was cut off {name}, and there is no {FOLDER}/{name}.conf; take it out of whatever configures "
            f"{name}, or it comes back",
        )
    return is_changed or bool(live)


def _open(name: str, keys: list[str], request: Request) -> bool:
    """Bring back what was set aside. Raises Refused: conflict when somebody else has the address meanwhile."""
    found = _files(request).get(name, [])
    back = [each for each in found if each.key in keys and each.is_aside]
    running = _running(request).get(name)
    for each in back:
        _free(name, each, found, running or {})
    if back:
        kept(name, joined([each.brought_back() if each in back else each for each in found]))
    lost = [each for each in found if each.key in keys and running is not None and each.key not in running]
    for each in lost:
        tool("wg", "addconf", name, "/dev/stdin", given=each.brought_back().settings())
    return bool(back or lost)


def _drop(name: str, keys: list[str], request: Request) -> bool:
    """Take live peers out and put them in again: what ran ends, and whoever is there has to begin anew."""
    live = _running(request).get(name, {})
    mine = [key for key in keys if key in live and live[key].handshake]
    shown = {each.key: each for each in sections(tool("wg", "showconf", name))} if mine else {}
    for key in mine:
        tool("wg", "set", name, "peer", key, "remove")
        tool("wg", "addconf", name, "/dev/stdin", given=shown[key].settings("endpoint"))
    return bool(mine)


_WRITES: Final = {"wg-shut": _shut, "wg-open": _open, "wg-remove": _remove, "wg-drop": _drop}
WRITES: Final = frozenset(_WRITES)


def _free(name: str, section: Section, found: list[Section], running: Mapping[str, _Live]) -> None:
    """Refuse where another peer has an address of this one: WireGuard would just take it from that one."""
    wanted = _networks(section.allowed)
    for other in found:
        if other.key != section.key and not other.is_aside and wanted & _networks(other.allowed):
            raise Refused("conflict", f"another peer of {name} has an address of this one meanwhile")
    for key, live in running.items():
        if key != section.key and wanted & _networks(live.allowed):
            raise Refused("conflict", f"another peer of {name} has an address of this one meanwhile")


def _networks(text: str) -> set[str]:
    found = set()
    for each in text.replace(",", " ").split():
        with contextlib.suppress(ValueError):
            found.add(str(ipaddress.ip_network(each, strict=False)))
    return found


# ---- what there is


def _peers(name: str, running: Mapping[str, _Live] | None, found: list[Section] | None) -> list[dict[str, Any]]:
    live = running or {}
    by_key: dict[str, Section] = {}
    for section in found or ():
        if section.key and (section.key not in by_key or not section.is_aside):
            by_key[section.key] = section
    return [_peer(name, key, live.get(key), by_key.get(key)) for key in sorted({*live, *by_key})]


def _peer(name: str, key: str, live: _Live | None, section: Section | None) -> dict[str, Any]:
    return {
        "interface": name,
        "key": key,
        "name": section.name if section else "",
        "live": live is not None,
        "file": "" if section is None else "aside" if section.is_aside else "active",
        "allowed": live.allowed if live else section.allowed if section else "",
        "endpoint": live.endpoint if live else "",
        "handshake": live.handshake if live else 0,
    }


def _running(request: Request) -> dict[str, dict[str, _Live]]:
    """The peers of the running interfaces. Raises Refused when wg is not there."""
    found: dict[str, dict[str, _Live]] = {}
    for line in tool("wg", "show", "all", "dump").splitlines():
        cells = line.split("\t")
        if not _asked(cells[0], request):
            continue
        peers = found.setdefault(cells[0], {})
        if len(cells) == _PEER_FIELDS:
            endpoint = "" if cells[3] == "(none)" else cells[3]
            allowed = "" if cells[4] == "(none)" else cells[4]
            peers[cells[1]] = _Live(endpoint, allowed, int(cells[5]) if cells[5].isdigit() else 0)
    return found


def _files(request: Request) -> dict[str, list[Section]]:
    """The sections of each configuration file, by the interface that it is for."""
    return {name: sections(text) for name, text in texts().items() if _asked(name, request)}


def _asked(name: str, request: Request) -> bool:
    wanted = request.get("interfaces")
    return _INTERFACE.fullmatch(name) is not None and (not wanted or name in wanted)
