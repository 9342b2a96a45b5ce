"""Search filters (RFC 4515) and names (RFC 4514), built from values alone: what a value holds never becomes syntax."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from jmltui.adapter_api import Invalid

_ATTRIBUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?:;[A-Za-z0-9-]+)*|[0-9]+(?:\.[0-9]+)+", re.ASCII)
_SPECIAL_IN_NAME: Final = frozenset(',+"\\<>;=')
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-")
_ESCAPED: Final = re.compile(r"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)

EVERYTHING: Final = "(objectClass=*)"


def escaped(value: str | bytes) -> str:
    """A value as it stands in a filter: all but plain letters, digits and a few signs in hexadecimal.

    RFC 4515 asks for less, but the client library strips spaces and reads signs such as `>` and `~` for itself. Raises
    Invalid for text that no directory can hold.
    """
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02x}" for byte in encoded(value))


def encoded(value: str | bytes) -> bytes:
    """A value in UTF-8. Raises Invalid for half of a surrogate pair."""
    if isinstance(value, bytes):
        return value
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise Invalid("A value holds a character that no directory can store.") from None


def equals(attribute: str, value: str | bytes) -> str:
    """`(attribute=value)`."""
    return f"({checked_attribute(attribute)}={escaped(value)})"


def present(attribute: str) -> str:
    """`(attribute=*)`."""
    return f"({checked_attribute(attribute)}=*)"


def all_of(*filters: str) -> str:
    """What meets every one of these filters."""
    kept = [one for one in filters if one]
    return kept[0] if len(kept) == 1 else f"(&{''.join(kept)})"


def any_of(*filters: str) -> str:
    """What meets one of these filters."""
    kept = [one for one in filters if one]
    return kept[0] if len(kept) == 1 else f"(|{''.join(kept)})"


def none_of(one: str) -> str:
    """What does not meet a filter."""
    return f"(!{one})"


def checked_attribute(name: str) -> str:
    """A name of an attribute (RFC 4512, section 2.5). Raises Invalid for anything else."""
    if _ATTRIBUTE.fullmatch(name) is None:
        raise Invalid(f"“{name[:40]}” is no name of an attribute.")
    return name


def rdn(attribute: str, value: str) -> str:
    """A relative name, `uid=value` with all that has a meaning escaped. Raises Invalid for an empty one and for NUL."""
    if not encoded(value) or "\0" in value:
        raise Invalid("A name in a directory can neither be empty nor hold NUL.")
    signs = [f"\\{sign}" if sign in _SPECIAL_IN_NAME else sign for sign in value]
    if value[0] in "# ":
        signs[0] = f"\\{value[0]}"
    if value[-1] == " " and len(value) > 1:
        signs[-1] = "\\ "
    return f"{checked_attribute(attribute)}={''.join(signs)}"


def parent_of(dn: str) -> str:
    """The name of the entry above; "" for the topmost."""
    parts = _split(dn, ",;")
    return dn[len(parts[0]) + 1 :].lstrip() if len(parts) > 1 else ""


def first_of(dn: str) -> str:
    """The relative name of an entry, the first part of its name."""
    return _split(dn, ",;")[0]


@lru_cache(maxsize=65536)
def same_name(dn: str) -> str:
    """A form of a name that is equal for names that a directory takes as equal: letter case, spaces and escapes."""
    if "\\" not in dn and " " not in dn and "+" not in dn and '"' not in dn and ";" not in dn:
        return dn.casefold()
    return ",".join("+".join(sorted(map(_assertion, _split(part, "+")))) for part in _split(dn, ",;"))


def is_under(dn: str, base: str) -> bool:
    """Whether an entry is the base or lies under it."""
    name, top = same_name(dn), same_name(base)
    return not top or name == top or name.endswith(f",{top}")


def _assertion(text: str) -> str:
    attribute, _, value = text.partition("=")
    return f"{attribute.strip().casefold()}={_again(_plain(value))}"


def _plain(value: str) -> str:
    """The value that a name's escapes and quotes stand for; pairs of hexadecimal digits are bytes of UTF-8."""
    kept = value.strip()
    if value.endswith(" ") and kept.endswith("\\") and not kept.endswith("\\\\"):
        kept += " "
    if len(kept) > 1 and kept[0] == kept[-1] == '"':
        kept = kept[1:-1]
    found = bytearray()
    at = 0
    for match in _ESCAPED.finditer(kept):
        found += kept[at : match.start()].encode(errors="surrogatepass")
        code = match[1]
        found += bytes([int(code, 16)]) if len(code) == 2 else code.encode(errors="surrogatepass")
        at = match.end()
    found += kept[at:].encode(errors="surrogatepass")
    return found.decode(errors="surrogateescape")


def _again(value: str) -> str:
    """A plain value in one form: letter case and runs of spaces do not count, all that has a meaning is escaped."""
    folded = " ".join(value.casefold().split())
    return "".join(f"\\{sign}" if sign in _SPECIAL_IN_NAME else sign for sign in folded)


def _split(text: str, separators: str) -> list[str]:
    """The parts between separators that are neither escaped nor quoted."""
    parts, start, quoted, skip = [], 0, False, False
    for at, sign in enumerate(text):
        if skip:
            skip = False
        elif sign == "\\":
            skip = True
        elif sign == '"':
            quoted = not quoted
        elif sign in separators and not quoted:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return parts
