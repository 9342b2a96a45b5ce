"""The rehearsal of a description: every read once, the first records as they are mapped, writes only named."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from jmltui.adapter_api import AdapterError, BadRow, Call, Mapped, Query

from .feed import Feed

if TYPE_CHECKING:
    from jmltui.exchange import Observed

    from .changes import ChangesShape
    from .connecting import Connection

LENGTH: Final = 200
"""How much of a value is shown."""


async def rehearse(connection: Connection, limit: int, seen: list[Observed]) -> AsyncIterator[Call | Mapped]:
    """Read a little of everything. `seen` is where the exchange writes its calls down."""
    for purpose, items in _reads(connection, limit):
        async for told in _told(purpose, items, limit, seen):
            yield told
    for cap, operation in connection.caller.description.operations.items():
        yield Call(cap.value, operation.call.method, operation.call.path.text, made=False)


def _reads(connection: Connection, limit: int) -> Iterator[tuple[str, AsyncGenerator[Any, None]]]:
    """What is listed, each begun only when it is asked for."""
    description, reading, query = connection.caller.description, connection.reading, Query(page_size=limit)
    if description.check is not None:
        yield "check", _checked(connection)
    if connection.people is not None:
        yield "people", connection.people.read(limit)
    if description.accounts is not None and description.accounts.list is not None:
        yield "accounts", _items(reading.accounts(query))
    if description.entitlements is not None:
        yield "entitlements", _items(reading.entitlements(query))
    if description.grants is not None and description.grants.list is not None:
        yield "grants", _items(reading.grants(query))
    for name in ("accounts", "entitlements", "grants"):
        changes: ChangesShape | None = getattr(getattr(description, name), "changes", None)
        if changes is not None:
            yield f"changes of {name}", _changes(connection, name, changes, limit)


async def _told(
    purpose: str, items: AsyncGenerator[Any, None], limit: int, seen: list[Observed]
) -> AsyncIterator[Call | Mapped]:
    mapped: list[Mapped] = []
    try:
        async with aclosing(items):
            async for item in items:
                mapped.append(_mapped(purpose, item))
                if len(mapped) >= limit:
                    break
    except AdapterError as error:
        mapped.append(Mapped(purpose, {}, f"{error.message} {error.advice}"))
    for one in seen:
        yield Call(purpose, one.method, one.path, True, one.status, one.size, one.seconds)
    seen.clear()
    for found in mapped:
        yield found


async def _checked(connection: Connection) -> AsyncGenerator[Any, None]:
    """Its call is what is shown; nothing of its answer is."""
    await connection.check()
    return
    yield


async def _changes(connection: Connection, name: str, shape: ChangesShape, limit: int) -> AsyncGenerator[Any, None]:
    """What changed of late. A token that only the end of a whole listing gives is not waited for."""
    token = await Feed(connection.caller, shape).trial()
    if token is None:
        told = "a whole listing ends with the first token; the changes are not tried"
        yield Mapped(f"changes of {name}", {"call": shape.list.call.told, "note": told})
        return
    async for page in getattr(connection.reading, name)(Query(page_size=limit, since=token)):
        for item in (*page.items, *page.deleted):
            yield item


async def _items(pages: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    async for page in pages:
        for item in page.items:
            yield item


def _mapped(purpose: str, item: Any) -> Mapped:
    if isinstance(item, Mapped):
        return item
    if isinstance(item, str):
        return Mapped(purpose, {"told anew" if purpose.endswith("grants") else "gone": item[:LENGTH]})
    if isinstance(item, BadRow):
        return Mapped(purpose, {}, f"Record {item.line} cannot be believed: {item.reason}.")
    found = {}
    for one in fields(item):
        value = getattr(item, one.name)
        if one.name in ("attributes", "raw"):
            found.update({name: str(part)[:LENGTH] for name, part in value.items()})
        elif value not in (None, "", (), 0, False) and one.name != "row":
            found[one.name] = (", ".join(map(str, value)) if isinstance(value, tuple) else str(value))[:LENGTH]
    return Mapped(purpose, found)
