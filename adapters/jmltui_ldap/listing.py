"""Cutting what was read into pages that can be taken up again.

A directory has no order that can be asked for everywhere and its own paging cookie dies with the connection. A cursor
here is how many items were given and a digest of their ids: the listing is read again, and goes on only where it begins
with exactly those; otherwise it is begun anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TypeVar

from jmltui.adapter_api import Page, ResyncNeeded

T = TypeVar("T")


async def in_pages(
    items: AsyncIterator[Sequence[T]],
    size: int,
    cursor: str | None,
    key: Callable[[T], str],
    system: str,
    delta: str | None = None,
) -> AsyncIterator[Page[T]]:
    """Pages of at most `size` items, after those that the cursor stands for. Raises ResyncNeeded."""
    skip, expected = _parsed(cursor, system)
    digest, given, page = hashlib.sha256(), 0, list[T]()
    async for batch in items:
        for item in batch:
            if given < skip:
                digest.update(key(item).encode() + b"\0")
                given += 1
                if given == skip and digest.hexdigest()[:32] != expected:
                    raise _changed(system)
                continue
            if len(page) == size:
                yield Page(page, cursor=f"{given}-{digest.hexdigest()[:32]}")
                page = []
            digest.update(key(item).encode() + b"\0")
            given += 1
            page.append(item)
    if given < skip:
        raise _changed(system)
    yield Page(page, delta=delta)


def _parsed(cursor: str | None, system: str) -> tuple[int, str]:
    if not cursor:
        return 0, ""
    count, _, digest = cursor.partition("-")
    if not count.isdecimal() or not digest:
        raise _changed(system)
    return int(count), digest


def _changed(system: str) -> ResyncNeeded:
    return ResyncNeeded(f"{system} changed since the listing was left off, and is listed in full.", system=system)
