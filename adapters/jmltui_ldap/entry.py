"""What a directory holds and what is changed in it, without a word of any client library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from jmltui.adapter_api import ContractBroken

_NOTHING: Final[Sequence[bytes]] = ()


class Op(StrEnum):
    """What a change does to the values of an attribute (RFC 4511, section 4.6)."""

    ADD = "add"
    DELETE = "delete"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one attribute. A delete or replace without values takes the attribute away."""

    op: Op
    attribute: str
    values: tuple[str | bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Control:
    """A request control (RFC 4511, section 4.1.11); `value` is its BER encoding."""

    oid: str
    critical: bool = False
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it was read. `values` by lower-case name of the attribute, as the server sent them."""

    dn: str
    values: Mapping[str, Sequence[bytes]] = field(default_factory=dict)

    def raw(self, name: str) -> Sequence[bytes]:
        """All values of an attribute; none when it is not there."""
        return self.values.get(name.lower(), _NOTHING)

    def texts(self, name: str) -> tuple[str, ...]:
        """All values as text. Raises ContractBroken for what is none."""
        try:
            return tuple(value.decode() for value in self.values.get(name.lower(), _NOTHING))
        except UnicodeDecodeError:
            raise ContractBroken(f"The {name} of {self.dn[:200]} is no text in UTF-8.") from None

    def text(self, name: str) -> str:
        """The first value as text, "" when there is none. Raises ContractBroken for what is none."""
        found = self.values.get(name.lower())
        if not found:
            return ""
        try:
            return found[0].decode()
        except UnicodeDecodeError:
            raise ContractBroken(f"The {name} of {self.dn[:200]} is no text in UTF-8.") from None

    def has(self, name: str) -> bool:
        """Whether the attribute is there at all."""
        return name.lower() in self.values

    def classes(self) -> frozenset[str]:
        """The object classes, in lower case."""
        return frozenset(value.lower() for value in self.texts("objectClass"))


def instant_of(text: str) -> datetime | None:
    """The instant that a GeneralizedTime says (RFC 4517, section 3.3.13), as 20260131235959Z; None for none."""
    whole, _, fraction = text.rstrip("Z").replace(",", ".").partition(".")
    if not text.endswith("Z") or not (whole + fraction).isdigit():
        return None
    try:
        found = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found + timedelta(microseconds=int(fraction[:6].ljust(6, "0"))) if fraction else found


def generalized(at: datetime) -> str:
    """An instant as GeneralizedTime, whole seconds."""
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ")
