"""What changed since the last listing, as accounts, entitlements and grants. What a feed names is looked at again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from jmltui.adapter_api import Account, ContractBroken, Entitlement, Grant, NotFound, Page, Query

from .feed import Feed
from .mapping import account_of, entitlement_of
from .paging import records

if TYPE_CHECKING:
    from .reading import Reading


async def changed_accounts(reading: Reading, feed: Feed, query: Query) -> AsyncIterator[Page[Account]]:
    """Accounts that are new or changed, and the ids of those that are gone."""
    columns = reading.accounts_shape().columns
    async for part in feed.changed(query):
        gone, ids = list(part.gone), [feed.named(record)[0] for record in part.records]
        if feed.shape.anew:
            read = await _read(reading, list(dict.fromkeys(ids)))
            found = [one for one in read.values() if one is not None]
            gone += [account_id for account_id, one in read.items() if one is None]
        else:
            found = [account_of(reading.system, columns, record) for record in part.records]
            _same(reading.system, ids, [one.id for one in found])
        yield Page(found, gone, part.cursor, part.delta)


async def changed_entitlements(reading: Reading, feed: Feed, query: Query) -> AsyncIterator[Page[Entitlement]]:
    """Entitlements that are new or changed, and the ids of those that are gone."""
    shape = reading.entitlements_shape()
    async for part in feed.changed(query):
        found = [entitlement_of(reading.system, shape, record) for record in part.records]
        _same(reading.system, [feed.named(record)[0] for record in part.records], [one.id for one in found])
        yield Page(found, part.gone, part.cursor, part.delta)


async def changed_grants(reading: Reading, feed: Feed, query: Query) -> AsyncIterator[Page[Grant]]:
    """The grants of every entitlement that the feed names, told anew as a whole.

    No page has a cursor: what is told anew has to be told of one moment, so a lost page begins the feed again.
    """
    told, delta = dict[str, Any](), None
    async for part in feed.changed(Query(query.page_size, None, query.since)):
        told |= {entitlement: record for record in part.records for entitlement in feed.named(record)}
        told |= dict.fromkeys(part.gone)
        delta = part.delta
    for entitlement, record in told.items():
        yield Page(await _holders(reading, feed, entitlement, record), [entitlement])
    yield Page((), delta=delta)


async def _holders(reading: Reading, feed: Feed, entitlement: str, record: Any) -> list[Grant]:
    """Who holds an entitlement now: by the change itself where it lists all of them (`each`), else by another call."""
    if record is None:
        return []
    shape, given = reading.grants_shape(), {"entitlement": entitlement}
    listing = feed.shape.list
    found = [record]
    if listing.each is None:
        own = feed.shape.holders or shape.list
        assert own is not None  # the reader of descriptions has seen to it
        listing = own
        try:
            found = await records(reading.caller, listing, {"entitlement.id": entitlement})
        except NotFound:  # it is gone since
            return []
    grants = reading.grants_in(listing, found, given)
    other = next((one for one in grants if one.entitlement_id != entitlement), None)
    if other is not None:
        raise ContractBroken(
            f"{reading.system} was asked who holds {entitlement[:60]} and told of {other.entitlement_id[:60]}; "
            "its changes are not used.",
            system=reading.system,
        )
    return grants


async def _read(reading: Reading, ids: list[str]) -> dict[str, Account | None]:
    """Each account by its own call, so many at once as the description allows; None for one that is not there."""
    limit = asyncio.Semaphore(reading.description.limits.parallel)

    async def one(account_id: str) -> Account | None:
        async with limit:
            try:
                return await reading.read_any(account_id)
            except NotFound:
                return None

    tasks = [asyncio.ensure_future(one(account_id)) for account_id in ids]
    try:
        return dict(zip(ids, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()


def _same(system: str, named: list[str], mapped: list[str]) -> None:
    """Whether `id` of the changes and the column of the same name mean the same thing."""
    for one, other in zip(named, mapped, strict=True):
        if one != other:
            raise ContractBroken(
                f"A change of {system} is about “{one[:60]}” and shows “{other[:60]}”; its changes are not used.",
                system=system,
            )
