"""How Active Directory writes ids, instants and flags (MS-DTYP 2.3.3, 2.3.4 and 2.4.2; MS-ADTS 2.2.16)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

from jmltui.adapter_api import ContractBroken, NotFound

from .entry import Entry

# userAccountControl (MS-ADTS 2.2.16)
SHUT: Final = 0x0002
NORMAL: Final = 0x0200
# msDS-User-Account-Control-Computed (MS-ADTS 3.1.1.4.5.17)
LOCKED: Final = 0x0010
PASSWORD_EXPIRED: Final = 0x800000

NEVER: Final = "0"
"""What accountExpires holds for an account that does not expire; the largest number means it too."""
_LARGEST: Final = 0x7FFF_FFFF_FFFF_FFFF
_BEGINNING: Final = datetime(1601, 1, 1, tzinfo=UTC)
_BUILTIN: Final = "S-1-5-32-"
FIRST_OWN_RID: Final = 1000
"""From here on the last part of a security identifier is of what people made; what is below came with the domain."""


def guid_of(raw: bytes) -> str:
    """An objectGUID as text. Raises ContractBroken."""
    if len(raw) != 16:
        raise ContractBroken("An objectGUID is not 16 bytes long.")
    return str(uuid.UUID(bytes_le=raw))


def guid_bytes(text: str) -> bytes:
    """An objectGUID as the directory holds it. Raises NotFound for what is none."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        raise NotFound(f"“{text[:80]}” is no id that Active Directory gives.") from None
    if str(found) != text.casefold():
        raise NotFound(f"“{text[:80]}” is no id that Active Directory gives.")
    return found.bytes_le


def sid_of(raw: bytes) -> str:
    """A security identifier as text, as S-1-5-32-544. Raises ContractBroken."""
    if len(raw) < 8 or len(raw) != 8 + 4 * raw[1]:
        raise ContractBroken("An objectSid is not as long as it says.")
    parts = [int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4)]
    return "-".join(["S", str(raw[0]), str(int.from_bytes(raw[2:8], "big")), *map(str, parts)])


def rid_of(sid: str) -> int:
    """The last part of a security identifier, which is unique in its domain."""
    return int(sid.rpartition("-")[2])


def came_with_the_domain(sid: str) -> bool:
    """Whether a security identifier is one of those that every domain or every Windows has."""
    return sid.startswith(_BUILTIN) or rid_of(sid) < FIRST_OWN_RID


def number(entry: Entry, attribute: str) -> int:
    """A whole number; 0 when it is not there. Raises ContractBroken for what is none."""
    text = entry.text(attribute)
    try:
        return int(text) if text else 0
    except ValueError:
        raise ContractBroken(f"The {attribute} of {entry.dn[:200]} is no number.") from None


def instant(ticks: int) -> datetime | None:
    """The instant of a FILETIME (100 ns since 1601); None for never, and for what is past the year 9999."""
    if not 0 < ticks < _LARGEST:
        return None
    try:
        return _BEGINNING + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def ticks(at: datetime | None) -> str:
    """An instant as a FILETIME; never for none."""
    return NEVER if at is None else str((at.astimezone(UTC) - _BEGINNING) // timedelta(microseconds=1) * 10)


def password_value(secret: str) -> bytes:
    """A password as unicodePwd takes it: in quotes, in UTF-16 (MS-ADTS 3.1.1.3.1.5)."""
    return f'"{secret}"'.encode("utf-16-le")
