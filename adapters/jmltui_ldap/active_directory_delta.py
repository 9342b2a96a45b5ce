"""What changed since a token, by DirSync (MS-ADTS 3.1.1.3.4.1.3): told by the domain's own account of its changes.

It needs the right “Replicating Directory Changes” on the domain. Some controllers keep deleted entries to themselves
all the same (Samba does, but for administrators). So a token is given only where deletions of earlier days were told.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jmltui.adapter_api import ContractBroken, Forbidden, Invalid, ResyncNeeded, Unsupported

from .entry import Control, Entry
from .filters import all_of, equals, none_of
from .link import Link
from .syncrepl import element

OID: Final = "1.2.840.113556.1.4.841"
_MOST_BYTES: Final = 1_048_576
_NOBODY: Final = equals("objectGUID", bytes(16))
_PEOPLE: Final = all_of(equals("objectClass", "user"), none_of(equals("objectClass", "computer")))
"""What deleted entries still meet: they keep their classes alone."""
_DELETED: Final = all_of(_PEOPLE, equals("isDeleted", "TRUE"))
_MOST_ROUNDS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Changes:
    """A part of what changed: entries with their objectGUID and what is new; `more` follows at `cookie`."""

    entries: Sequence[Entry]
    cookie: bytes
    more: bool


async def is_allowed(link: Link, domain: str) -> bool:
    """Whether the domain tells us its changes."""
    try:
        await _asked(link, domain, b"", _NOBODY, ())
    except (Forbidden, Unsupported, Invalid):
        return False
    return True


async def token_of_now(link: Link, domain: str) -> str | None:
    """The token of this moment. All changes are passed by but deletions; None where no deletion of a person is told."""
    cookie = b""
    tells = False
    for _ in range(_MOST_ROUNDS):
        part = await _asked(link, domain, cookie, _DELETED, ())
        tells = tells or bool(part.entries)
        if not part.more:
            return token_of(part) if tells else None
        cookie = part.cookie
    raise ContractBroken(f"{link.system} tells of changes without end.", system=link.system)


def token_of(part: Changes) -> str:
    """Where the next part begins, as text."""
    return base64.b64encode(part.cookie).decode()


async def changes_after(link: Link, domain: str, token: str, attributes: Sequence[str]) -> Changes:
    """What changed of people's accounts, deleted ones with isDeleted. Raises ResyncNeeded."""
    try:
        cookie = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        raise ResyncNeeded(f"The token of changes of {link.system} is damaged.", system=link.system) from None
    if not cookie:
        raise ResyncNeeded(f"There is no token of changes of {link.system}.", system=link.system)
    try:
        return await _asked(link, domain, cookie, _PEOPLE, attributes)
    except (Forbidden, Unsupported, Invalid, ContractBroken) as error:
        raise ResyncNeeded(
            f"{link.system} does not accept the token of changes any more.", system=link.system, code=error.code
        ) from error


async def _asked(link: Link, domain: str, cookie: bytes, which: str, attributes: Sequence[str]) -> Changes:
    control = Control(OID, True, _request(cookie))
    answer = await link.exchange(domain, which, ["objectGUID", "isDeleted", *attributes], controls=[control])
    told = answer.controls.get(OID)
    found = told.get("cookie") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(found, bytes) or not found:
        raise ContractBroken(f"{link.system} tells of changes without a token for the next time.", system=link.system)
    more = bool(told.get("more_results"))
    if more and found == cookie:
        raise ContractBroken(f"{link.system} tells of the same changes again and again.", system=link.system)
    return Changes(answer.entries, found, more)


def _request(cookie: bytes) -> bytes:
    """DirSyncRequestValue ::= SEQUENCE { Flags INTEGER, MaxBytes INTEGER, Cookie OCTET STRING }, in BER."""
    return element(0x30, _integer(0) + _integer(_MOST_BYTES) + element(0x04, cookie))


def _integer(number: int) -> bytes:
    return element(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))
