"""What accounts hold, of everybody or of what changed, and the groups themselves.

A group's own change is told by the directory, but it is not all that changes who holds it. An account may have been
renamed, and a group goes on naming the old name, or names somebody else by it; a server that cleans up after renames
and deletes (OpenLDAP's refint) does so without a trace; the primary group and the groups that a search finds are facts
of the accounts. So of a change all these groups are told anew: those that changed, that name an account that changed,
that name nobody there is, that are primary or found by a search, and all above them. Where a group is gone that was in
another, which one that was cannot be seen any more, and all are told anew: the token says which groups were in others.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final, TypeVar

from jmltui.adapter_api import Entitlement, Grant, Page, Query, ResyncNeeded

from .dialect import Dialect
from .entry import Entry
from .estate import Estate
from .link import Link
from .listing import in_pages
from .memberships import Picture
from .options import DirectoryOptions

T = TypeVar("T")

MOST_TOLD: Final = 20_000
"""More grants than these are listed sooner, whole, than told anew."""
_MOST_NESTED: Final = 200
_MANY: Final = "*"


class Holdings:
    """The groups of one directory and who is in them."""

    def __init__(self, estate: Estate, dialect: Dialect, options: DirectoryOptions) -> None:
        self._estate = estate
        self._dialect = dialect
        self._options = options
        self._system = options.system

    async def entitlements(self, link: Link, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups, or all again where one of them changed and those that are gone."""
        size = max(1, query.page_size)
        if query.since is None:
            token = await self._dialect.group_token(link)
            every = _once(list((await self._picture(link, token is not None)).entitlements()))
            async for page in in_pages(every, size, query.cursor, lambda one: one.id, self._system, token):
                yield page
            return
        changes = await self._dialect.changes(link, query.since)
        accounts = await self._estate.accounts(link, changes.changed)
        others = [one for one in changes.changed if one not in accounts]
        if not others and not changes.gone:
            yield Page([], delta=changes.token)
            return
        picture = await self._picture(link, True)
        gone = [one for one in (*others, *changes.gone) if one not in picture.ids]
        yield Page(list(picture.entitlements()), gone, delta=changes.token)

    async def grants(self, link: Link, query: Query) -> AsyncIterator[Page[Grant]]:
        """What every account holds, or anew the groups of which that may have changed."""
        size = max(1, query.page_size)
        if query.since is not None:
            async for page in self._changed_grants(link, query.since, size):
                yield page
            return
        token = await self._dialect.group_token(link)
        picture, accounts = await self._everybody(link, token is not None)
        held = list(self._held(picture, accounts))
        told = None if token is None else _token(token, picture)
        async for page in in_pages(_once(held), size, query.cursor, _pair, self._system, told):
            yield page

    async def _changed_grants(self, link: Link, since: str, size: int) -> AsyncIterator[Page[Grant]]:
        token, nested = self._parts(since)
        changes = await self._dialect.changes(link, token)
        if not changes.changed and not changes.gone:
            yield Page([], delta=since)
            return
        picture, accounts = await self._everybody(link, True)
        may_hold_others = bool(changes.gone) if nested is None else not nested.isdisjoint(changes.gone)
        again = picture.ids if may_hold_others else self._touched(picture, accounts, set(changes.changed))
        told = [grant for grant in self._held(picture, accounts) if grant.entitlement_id in again]
        if len(told) > MOST_TOLD:
            raise ResyncNeeded(
                f"{len(told):,} memberships of {self._system} may have changed, which is as much as listing all.",
                system=self._system,
            )
        parts = [told[at : at + size] for at in range(0, len(told), size)] or [[]]
        for number, part in enumerate(parts, 1):
            last = _token(changes.token, picture) if number == len(parts) else None
            yield Page(part, sorted(again) if number == 1 else (), delta=last)

    def _parts(self, since: str) -> tuple[str, frozenset[str] | None]:
        """The dialect's token, and the groups that were in others; None for too many. Raises ResyncNeeded."""
        token, _, rest = since.partition("~")
        nested, _, digest = rest.partition("~")
        if _digest(nested) != digest:
            raise ResyncNeeded(f"The token of changes of {self._system} is damaged.", system=self._system)
        return token, None if nested == _MANY else frozenset(nested.split(","))

    def _touched(self, picture: Picture, accounts: Sequence[Entry], changed: set[str]) -> set[str]:
        """The groups whose members may be others now, where nothing was deleted."""
        people = [entry for entry in accounts if self._dialect.id_of(entry) in changed]
        found = (changed & picture.ids) | picture.naming_nobody(accounts, self._options.placeholder)
        if people:
            found |= picture.of_themselves
        for entry in people:
            found |= picture.naming(entry)
        return picture.with_above(found)

    def _held(self, picture: Picture, accounts: Sequence[Entry]) -> Iterator[Grant]:
        for entry in accounts:
            if not self._estate.is_excluded(entry):
                yield from picture.grants_of(entry)

    async def _picture(self, link: Link, settled: bool) -> Picture:
        """All groups. `settled`: read once more where one names a group that is not there, which is being mended."""
        picture = Picture(await self._estate.groups(link, members=True), self._dialect, self._options)
        if settled and picture.names_missing_group():
            picture = await self._later(link)
        return picture

    async def _everybody(self, link: Link, settled: bool) -> tuple[Picture, list[Entry]]:
        """All groups, and all accounts as far as their holdings depend on them."""
        picture = Picture(await self._estate.groups(link, members=True), self._dialect, self._options)
        accounts = [
            entry async for page in self._estate.account_pages(link, self._dialect.holder_attributes) for entry in page
        ]
        if settled and picture.naming_nobody(accounts, self._options.placeholder):
            picture = await self._later(link)
        return picture, accounts

    async def _later(self, link: Link) -> Picture:
        await asyncio.sleep(self._options.settle.total_seconds())
        return Picture(await self._estate.groups(link, members=True), self._dialect, self._options)


def _token(token: str, picture: Picture) -> str:
    """A token of the dialect's, and the ids of groups that are in others."""
    ids = picture.nested
    nested = ",".join(sorted(ids)) if len(ids) <= _MOST_NESTED else _MANY
    return f"{token}~{nested}~{_digest(nested)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _pair(grant: Grant) -> str:
    return f"{grant.account_id} {grant.entitlement_id}"


async def _once(items: list[T]) -> AsyncIterator[list[T]]:
    yield items
