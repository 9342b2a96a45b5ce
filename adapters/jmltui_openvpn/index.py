"""The authority's database, index.txt: one line for each certificate that it ever gave (openssl-ca(1))."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from jmltui.adapter_api import ContractBroken

MAX_BYTES: Final = 64 * 1024 * 1024
_ESCAPED: Final = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_PART: Final = re.compile(r"/(?=[A-Za-z][A-Za-z0-9.]*=)")
_SERIAL: Final = re.compile(r"[0-9A-Fa-f]{1,64}")
_FIELDS: Final = 6
_EMAIL: Final = ("emailAddress", "email")
_PERSON: Final = ("UID", "userId", "0.9.2342.19200300.100.1.1")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the database. `is_revoked` is what the database says; the servers go by the revocation list."""

    serial: int
    name: str
    expires: datetime
    is_revoked: bool
    subject: Mapping[str, str] = field(default_factory=dict)

    @property
    def emails(self) -> tuple[str, ...]:
        """The addresses in the subject."""
        return tuple(self.subject[key] for key in _EMAIL if self.subject.get(key))

    @property
    def person(self) -> str | None:
        """The person's number, where the authority writes it into the subject as UID."""
        return next((self.subject[key] for key in _PERSON if self.subject.get(key)), None)


def read_index(text: bytes, system: str) -> list[Entry]:
    """Every certificate of the database. Raises ContractBroken for a line that is none: it may name somebody."""
    found: dict[int, Entry] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        cells = line.decode("utf-8", "replace").split("\t")
        if len(cells) != _FIELDS or cells[0] not in ("V", "R", "E") or not _SERIAL.fullmatch(cells[3]):
            raise ContractBroken(
                f"Line {number} of the certificate database of {system} is no certificate; nothing of it is used."
            )
        subject = _subject(line.split(b"\t")[5])
        entry = Entry(
            int(cells[3], 16), subject.get("CN", ""), _moment(cells[1], number, system), cells[0] == "R", subject
        )
        if entry.serial in found:
            raise ContractBroken(f"The certificate database of {system} holds the serial {cells[3]} twice.")
        found[entry.serial] = entry
    return [entry for entry in found.values() if entry.name]


def by_name(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """The certificates of each common name, oldest first as the database has them."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.name, []).append(entry)
    return dict(sorted(found.items()))


def _subject(text: bytes) -> dict[str, str]:
    """The parts of a subject as X509_NAME_oneline(3) writes it: `\\xNN` for a byte that is not ASCII."""
    plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), text).decode("utf-8", "replace")
    parts = (part.partition("=") for part in _PART.split(plain) if part)
    return {key: value for key, _, value in parts}


def _moment(text: str, number: int, system: str) -> datetime:
    """UTCTime or GeneralizedTime (RFC 5280 4.1.2.5)."""
    form = "%y%m%d%H%M%SZ" if len(text) == 13 else "%Y%m%d%H%M%SZ"
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        raise ContractBroken(f"Line {number} of the certificate database of {system} has no date of expiry.") from None
