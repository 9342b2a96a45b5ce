"""Which groups of a domain are powerful, and which came with it: jmltui gives nobody either unless it is told to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .active_directory_values import came_with_the_domain, rid_of, sid_of
from .entry import Entry
from .filters import all_of, any_of, equals, same_name
from .link import Link

GROUPS: Final = "(objectClass=group)"
ATTRIBUTES: Final = (
    "objectGUID",
    "objectSid",
    "sAMAccountName",
    "adminCount",
    "isCriticalSystemObject",
    "memberOf",
)
_POWERFUL_OF_DOMAIN: Final = (498, 512, 516, 517, 518, 519, 520, 521, 526, 527)
"""Domain, schema and enterprise administrators, controllers, certificate publishers, owners of group policy, key
administrators (MS-DTYP 2.4.2.4)."""
_POWERFUL_BUILTIN: Final = (544, 548, 549, 550, 551, 552, 555, 557, 562, 569, 578, 580)
"""Administrators, operators of all kinds, remote users, makers of trusts."""
_POWERFUL_NAMES: Final = ("DnsAdmins",)
"""Powerful by what the controllers do for it, and without an identifier of its own."""
_AT_ONCE: Final = 50


class PowerfulGroups:
    """The powerful groups of one domain, and those that lead to them."""

    def __init__(self) -> None:
        self._sids: frozenset[str] = frozenset()
        self._names: frozenset[str] = frozenset()

    async def learn(self, link: Link, domain: str, domain_sid: str) -> int:
        """Find them. Returns how many there are."""
        known = [f"{domain_sid}-{rid}" for rid in _POWERFUL_OF_DOMAIN]
        known += [f"S-1-5-32-{rid}" for rid in _POWERFUL_BUILTIN]
        which = any_of(
            *(equals("objectSid", sid) for sid in known), *(equals("sAMAccountName", name) for name in _POWERFUL_NAMES)
        )
        fresh = await _names(link, domain, which)
        found = set(fresh)
        while fresh:
            reached: set[str] = set()
            for part in _parts(sorted(fresh)):
                reached |= await _names(link, domain, any_of(*(equals("memberOf", dn) for dn in part)))
            fresh = {dn for dn in reached if same_name(dn) not in {same_name(one) for one in found}}
            found |= fresh
        self._sids = frozenset(known)
        self._names = frozenset(map(same_name, found))
        return len(found)

    def holds(self, group: Entry) -> bool:
        """Whether a group is powerful: itself, by a group that it is a member of, or because the domain guards it."""
        return (
            group.text("adminCount") == "1"
            or sid(group) in self._sids
            or same_name(group.dn) in self._names
            or any(same_name(parent) in self._names for parent in group.texts("memberOf"))
        )


def is_built_in(group: Entry) -> bool:
    """Whether a group came with the domain: nobody of the company made it, and it may mean more than its name says."""
    found = sid(group)
    return group.text("isCriticalSystemObject").upper() == "TRUE" or (bool(found) and came_with_the_domain(found))


def sid(entry: Entry) -> str:
    """The security identifier of an entry; "" when it has none, or it was not read."""
    raw = entry.raw("objectSid")
    return sid_of(raw[0]) if raw else ""


def primary_key(group: Entry) -> str:
    """What accounts hold in primaryGroupID when this is their primary group."""
    found = sid(group)
    return str(rid_of(found)) if found else ""


async def _names(link: Link, domain: str, which: str) -> set[str]:
    found = await link.search(domain, all_of(GROUPS, which), ["sAMAccountName"], over_references=True)
    return {entry.dn for entry in found}


def _parts(names: list[str]) -> Iterable[list[str]]:
    return (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE))
