"""What changed since a cookie, by content synchronization (RFC 4533, refreshOnly) as OpenLDAP's syncprov has it.

A server tells what is gone in one of two ways. With a log of its session it names each deleted entry (refreshDeletes);
without one, or with one that is too short, it names all that are still present, and what it does not name is gone. Who
does not keep a copy of all entries learns nothing from the second, and asks for everything anew: ResyncNeeded.

A cookie that the server does not understand is no error to it: it tells everything, as if nothing had been known
before, and says of no deletion. So each entry told must be newer than the cookie, of which OpenLDAP states the form
(slapd(8), option -c): `rid=NNN,sid=NNN,csn=CSN;CSN`, one change number per server, and its number within each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from jmltui.adapter_api import (
    AdapterError,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    ResyncNeeded,
    Unavailable,
    Unsupported,
)

from .entry import Control, Entry
from .judgement import SIZE_LIMIT

if TYPE_CHECKING:
    from .link import Answer, Link

REQUEST: Final = "1.3.6.1.4.1.4203.1.9.1.1"
STATE: Final = "1.3.6.1.4.1.4203.1.9.1.2"
DONE: Final = "1.3.6.1.4.1.4203.1.9.1.3"
INFO: Final = "1.3.6.1.4.1.4203.1.9.1.4"
AS_KEPT: Final = "2.16.840.1.113730.3.4.2"

ID: Final = "entryUUID"
CHANGE_NUMBER: Final = "entryCSN"
BELOW: Final = "hasSubordinates"
_NUMBER: Final = rb"[0-9]{14}(?:\.[0-9]{6})?Z#[0-9a-f]{6}#[0-9a-f]{2,3}#[0-9a-f]{6}"
_COOKIE: Final = re.compile(rb"(rid=[0-9]+,)(?:sid=[0-9a-f]+,)?(csn=(" + _NUMBER + rb"(?:;" + _NUMBER + rb")*))")

_BOOLEAN, _OCTETS, _ENUMERATED, _SEQUENCE, _SET = 0x01, 0x04, 0x0A, 0x30, 0x31
_REFRESH_ONLY: Final = b"\x01"
_ADDED, _MODIFIED, _DELETED = 1, 2, 3
_NEW_COOKIE, _REFRESH_DELETE, _REFRESH_PRESENT, _ID_SET = 0x80, 0xA1, 0xA2, 0xA3


@dataclass(frozen=True, slots=True)
class Told:
    """What changed since a cookie: entries that were added or changed, ids of those that are gone, the next cookie."""

    changed: Sequence[Entry]
    gone: Sequence[str]
    cookie: str


async def cookie_of_now(link: Link, base: str) -> str | None:
    """The cookie of this moment for all that lies under a base; None where the server does not tell us changes of it.

    One entry is asked for, the base: OpenLDAP's cookies are of the whole database.
    """
    try:
        answer = await link.changes(base, [ID], _controls(b""), scope="base")
    except (Forbidden, Unsupported, Invalid, NotFound):
        return None
    if not answer.entries or not all(STATE in mark for mark in answer.marks):
        return None
    try:
        cookie, _ = _done(answer)
        return _own(cookie) if cookie else None
    except ContractBroken:
        return None


async def changes_after(link: Link, base: str, cookie: str) -> Told:
    """What changed under a base since a cookie. Raises ResyncNeeded where that cannot be told for sure."""
    known = _numbers(cookie)
    if not known:
        raise _refused(link.system, "")
    try:
        answer = await link.changes(base, [ID, CHANGE_NUMBER, BELOW], _controls(cookie.encode()))
        return _told(link.system, answer, cookie, known)
    except ResyncNeeded:
        raise
    except (Unsupported, Invalid) as error:
        raise _refused(link.system, error.code) from error
    except (Unavailable, RateLimited, Forbidden, ContractBroken, NotFound) as error:
        raise ResyncNeeded(_why(link.system, error), system=link.system, code=error.code) from error


def _refused(system: str, code: str) -> ResyncNeeded:
    return ResyncNeeded(f"{system} does not accept the token of changes any more.", system=system, code=code)


def _why(system: str, error: AdapterError) -> str:
    if error.code == str(SIZE_LIMIT):
        return (
            f"{system} tells no more changes at once than its size limit, for changes cannot be told page by page; "
            "give the account of jmltui `size=unlimited`."
        )
    if isinstance(error, Unavailable):
        return f"{system} did not tell its changes in time."
    return f"{system} cannot tell its changes: {error.message}"


def _told(system: str, answer: Answer, cookie: str, known: Mapping[str, str]) -> Told:
    """The changes of an answer. Raises ResyncNeeded, and ContractBroken for what is no such answer."""
    absent = ResyncNeeded(
        f"{system} does not say what was deleted: its session log is not there, or does not reach back that far.",
        system=system,
    )
    gone = _between(answer, absent)
    changed: list[Entry] = []
    for entry, mark in zip(answer.entries, answer.marks or [{}] * len(answer.entries), strict=True):
        state, one = _state(mark)
        if state == _DELETED:
            gone.append(one)
        elif state in (_ADDED, _MODIFIED):
            changed.append(entry)
        else:
            raise absent
    if answer.references:
        raise ContractBroken("a part of it is on another server.")
    following, deletes = _done(answer)
    if not deletes:
        raise absent
    if not following and (changed or gone):
        raise ContractBroken("there is no cookie for the next time.")
    if any(not _is_newer(entry.text(CHANGE_NUMBER), known) for entry in changed):
        raise _refused(system, "")
    return Told(changed, list(dict.fromkeys(gone)), _own(following) if following else cookie)


def _between(answer: Answer, absent: ResyncNeeded) -> list[str]:
    """The ids that the messages between entries call gone. Raises ResyncNeeded for those that are called present."""
    gone: list[str] = []
    for oid, value in answer.between:
        if oid != INFO:
            continue
        ((kind, content),) = _elements(value)
        if kind == _REFRESH_PRESENT:
            raise absent
        if kind == _ID_SET:
            parts = dict(_elements(content))
            if not any(parts.get(_BOOLEAN, b"")):
                raise absent
            gone += [_uuid(one) for _, one in _elements(parts.get(_SET, b""))]
        elif kind not in (_NEW_COOKIE, _REFRESH_DELETE):
            raise ContractBroken("a message between entries is of no known kind.")
    return gone


def _state(mark: Mapping[str, bytes]) -> tuple[int, str]:
    """The state and id of an entry, by its control. Raises ContractBroken without one."""
    parts = dict(_content(mark.get(STATE, b"")))
    state = parts.get(_ENUMERATED, b"")
    if len(state) != 1:
        raise ContractBroken("an entry comes without its state.")
    return state[0], _uuid(parts.get(_OCTETS, b""))


def _done(answer: Answer) -> tuple[bytes, bool]:
    """The cookie for the next time, b"" for none, and whether what is gone was named. Raises ContractBroken."""
    told = answer.controls.get(DONE)
    if not isinstance(told, bytes):
        raise ContractBroken("the answer ends without saying so.")
    parts = dict(_content(told))
    return parts.get(_OCTETS, b""), any(parts.get(_BOOLEAN, b""))


def _own(cookie: bytes) -> str:
    """A cookie as we send it back, without the server's own number.

    With that a server takes us for itself, and may leave out what was changed on it. Raises ContractBroken for a cookie
    of another form.
    """
    match = _COOKIE.fullmatch(cookie)
    if match is None:
        raise ContractBroken("its cookie is none of OpenLDAP's.")
    return (match[1] + match[2]).decode()


def _numbers(cookie: str) -> Mapping[str, str]:
    """The change numbers of a cookie by the server that gave them (the third part: time, count, server, change)."""
    match = _COOKIE.fullmatch(cookie.encode())
    return {_server(one): one for one in match[3].decode().split(";")} if match else {}


def _is_newer(number: str, known: Mapping[str, str]) -> bool:
    """Whether a change came after a cookie. Change numbers of one server are in the order of their text."""
    return bool(number) and number > known.get(_server(number), "")


def _server(number: str) -> str:
    parts = number.split("#")
    return parts[2] if len(parts) == 4 else ""


# ---- BER (X.690), as much of it as these controls have


def _controls(cookie: bytes) -> Sequence[Control]:
    """The request, as OpenLDAP's own consumers make it. It is critical: none may take the search for a plain one.

    syncRequestValue ::= SEQUENCE { mode ENUMERATED, cookie OCTET STRING OPTIONAL, reloadHint BOOLEAN DEFAULT FALSE }

    The second control (RFC 3296) asks for entries as they are kept. Without it OpenLDAP's dynlist overlay fills groups
    in that list no members, and where nothing else is to be told slapd 2.5 ends itself over that (seen with 2.5.13).
    """
    known = element(_OCTETS, cookie) if cookie else b""
    value = element(_SEQUENCE, element(_ENUMERATED, _REFRESH_ONLY) + known)
    return [Control(REQUEST, True, value), Control(AS_KEPT, True)]


def element(kind: int, content: bytes) -> bytes:
    """One value in BER: kind, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((kind, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((kind, 0x80 | len(length))) + length + content


def _content(value: bytes) -> list[tuple[int, bytes]]:
    """The parts of a value that is one sequence. Raises ContractBroken."""
    found = _elements(value)
    if len(found) != 1 or found[0][0] != _SEQUENCE:
        raise ContractBroken("a control of the server is not as RFC 4533 has it.")
    return _elements(found[0][1])


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """The values that stand one after the other, as kind and content. Raises ContractBroken for what is no BER."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        start = at + 2
        size = data[at + 1] if start <= len(data) else -1
        if size >= 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2 : start], "big")
        if size < 0 or start + size > len(data):
            raise ContractBroken("a control of the server breaks off.")
        found.append((data[at], data[start : start + size]))
        at = start + size
    return found


def _uuid(raw: bytes) -> str:
    """An id as entryUUID writes it. Raises ContractBroken."""
    if len(raw) != 16:
        raise ContractBroken("an id in a control of the server is none.")
    return str(UUID(bytes=raw))
