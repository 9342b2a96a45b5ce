"""Long attributes that a directory hands over part by part: Active Directory does beyond 1,500 values (MS-ADTS
3.1.1.3.1.3.3). The rest is fetched until the server says that it was the last part; nothing less is believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from jmltui.adapter_api import ContractBroken

from .entry import Entry

if TYPE_CHECKING:
    from .link import Link

_PART: Final = re.compile(r"(?P<attribute>[^;]+);range=(?P<first>[0-9]+)-(?P<last>[0-9]+|\*)", re.IGNORECASE)
_MOST_PARTS: Final = 10_000


def is_in_parts(entry: Entry) -> bool:
    """Whether only a part of an attribute came."""
    return any(";range=" in name for name in entry.values)


async def whole(link: Link, entry: Entry) -> Entry:
    """The entry with all values of each attribute. Raises ContractBroken when the rest does not come."""
    values: dict[str, Sequence[bytes]] = {}
    for name, part in entry.values.items():
        match = _PART.fullmatch(name)
        if match is None:
            if part or name not in values:
                values[name] = part
            continue
        attribute = match["attribute"].lower()
        values[attribute] = [*part, *await _rest(link, entry.dn, attribute, match)]
    return Entry(entry.dn, values)


async def _rest(link: Link, dn: str, attribute: str, match: re.Match[str]) -> list[bytes]:
    found: list[bytes] = []
    if int(match["first"]) != 0:
        raise _broken(link, attribute, dn)
    for _ in range(_MOST_PARTS):
        if match["last"] == "*":
            return found
        due = int(match["last"]) + 1
        entry = await link.one_part(dn, f"{attribute};range={due}-*")
        following, part = _part_of(entry.values if entry is not None else {}, attribute)
        if following is None or int(following["first"]) != due or not part:
            raise _broken(link, attribute, dn)
        found += part
        match = following
    raise _broken(link, attribute, dn)


def _part_of(values: Mapping[str, Sequence[bytes]], attribute: str) -> tuple[re.Match[str] | None, Sequence[bytes]]:
    for name, part in values.items():
        match = _PART.fullmatch(name)
        if match is not None and match["attribute"].lower() == attribute:
            return match, part
    return None, ()


def _broken(link: Link, attribute: str, dn: str) -> ContractBroken:
    return ContractBroken(f"{link.system} gives a part of the {attribute} of {dn[:200]} and not the rest.")
