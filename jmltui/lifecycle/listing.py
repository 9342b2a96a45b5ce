"""Reading a whole system page by page: waiting when it asks to, going on where a page was lost, changes if it can.

A listing is used as a whole or not at all; what is retried here is the page, never the belief. A whole one that holds
fewer rows than the system itself says there are is not believed, whoever lost them on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar, cast

from jmltui.adapter_api import (
    Adapter,
    Cap,
    ContractBroken,
    Page,
    Query,
    RateLimited,
    Reader,
    Unavailable,
)

from .rate import Rate, Sleep

T = TypeVar("T")

ACCOUNTS: Final = "accounts"
GRANTS: Final = "grants"
KINDS: Final = (ACCOUNTS, "entitlements", GRANTS)
TRIES: Final = 4
"""How often in a row one page is asked for."""
LONGEST_WAIT: Final = timedelta(minutes=10)
"""A system that asks to wait longer than this in one listing is read at its next time."""
PAGES_DEADLINE: Final = 10
"""A page may take so many times as long as a call, for it may be many calls."""
FULL_EVERY: Final = timedelta(days=7)
"""Changes alone are trusted so long: what a system forgot to tell is found by the next whole listing."""

_END: Final[Any] = object()
Progress = Callable[[str], None]


class Stage(Protocol):
    """Where pages go."""

    def add(self, kind: str, page: Page[Any]) -> None:
        """Stage one page of a kind."""
        ...


@dataclass(frozen=True, slots=True)
class Marks:
    """What the last listing left behind: delta tokens by kind, and when everything was listed last.

    `block` tells the settings of the system then: tokens of another server, or of another filter, are worth nothing.
    """

    tokens: Mapping[str, str] = field(default_factory=dict)
    full_at: datetime | None = None
    block: str = ""

    def usable(self, adapter: Adapter, now: datetime) -> Mapping[str, str]:
        """The tokens by which the next listing may be of changes: of every kind, of accounts alone, or none."""
        is_fresh = self.full_at is not None and self.full_at <= now < self.full_at + FULL_EVERY
        if not is_fresh or Cap.DELTA not in adapter.capabilities():
            return {}
        if self.tokens.keys() >= set(KINDS):
            return self.tokens
        return {kind: token for kind, token in self.tokens.items() if kind == ACCOUNTS}

    @classmethod
    def of(cls, facts: Mapping[str, object]) -> Marks:
        """As they are kept with the system's facts."""
        kept = facts.get("listing")
        if not isinstance(kept, Mapping):
            return cls()
        at = kept.get("full_at")
        when = datetime.fromisoformat(at) if isinstance(at, str) else None
        return cls(dict(kept.get("tokens") or {}), when, str(kept.get("block", "")))

    def as_facts(self) -> Mapping[str, object]:
        """What is kept, in the same transaction as the rows."""
        at = self.full_at.isoformat() if self.full_at else None
        return {"tokens": dict(self.tokens), "full_at": at, "block": self.block}


@dataclass(slots=True)
class _Tally:
    """How many rows a listing told, and how many the system says there are by its last word.

    `at_cursor` of the rows are before the place from which a lost page is asked for again.
    """

    rows: int = 0
    at_cursor: int = 0
    total: int | None = None

    def add(self, page: Page[Any]) -> None:
        """One page more."""
        self.rows += len(page.items)
        if page.cursor is not None:
            self.at_cursor = self.rows
        if page.expected_total is not None:
            self.total = page.expected_total

    def back(self) -> None:
        """What came after the cursor comes again."""
        self.rows = self.at_cursor


class Listing:
    """One reading of one system. `deadline` is how long a call may take."""

    def __init__(
        self,
        adapter: Adapter,
        deadline: timedelta,
        rate: Rate | None,
        clock: Callable[[], datetime],
        progress: Progress,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._adapter = adapter
        self._name = adapter.name
        self._page_deadline = deadline.total_seconds() * PAGES_DEADLINE
        self._rate, self._clock = rate, clock
        self._progress = progress
        self._sleep = sleep
        self._waited = timedelta(0)
        self._anew: set[str] = set()

    async def read(self, stage: Stage, since: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Stage everything, and of kinds with a token what changed since; the tokens for the next time.

        Raises AdapterError: ResyncNeeded where a listing of changes cannot be had.
        """
        reader, tokens = cast("Reader", self._adapter), {}
        for kind in KINDS:
            token = (since or {}).get(kind)
            self._progress(f"{self._name}: listing {kind}" + (" that changed" if token else ""))
            call = getattr(reader, kind)
            async for page in self._pages(kind, call, Query(since=token)):
                stage.add(kind, page)
                if page.delta:
                    tokens[kind] = page.delta
        # What was listed twice may be of two moments; the next listing of that kind is whole, or begins where this did.
        return {kind: token for kind, token in tokens.items() if kind not in self._anew}

    async def _pages(
        self, kind: str, call: Callable[[Query], AsyncIterator[Page[T]]], query: Query
    ) -> AsyncIterator[Page[T]]:
        """All pages; after a lost one the listing goes on from the last cursor."""
        cursor, failed, tally = query.cursor, 0, _Tally()
        while True:
            if failed and cursor is None:
                self._anew.add(kind)
            pages = aiter(call(Query(query.page_size, cursor, query.since)))
            try:
                while (page := await self._next(kind, pages)) is not None:
                    yield page
                    # An adapter without cursors begins anew; what it lists twice is staged once.
                    failed, cursor = 0, page.cursor or cursor
                    tally.add(page)
                if query.since is None:
                    self._check_whole(kind, tally)
                return
            except (Unavailable, RateLimited) as error:
                failed += 1
                if failed >= TRIES:
                    raise
                await self._wait(error, failed, tally.rows, kind)
                tally.back()
            finally:
                if (close := getattr(pages, "aclose", None)) is not None:
                    await close()

    def _check_whole(self, kind: str, tally: _Tally) -> None:
        """More than was said may have come meanwhile; fewer is a listing that lost some. Raises ContractBroken."""
        if tally.total is not None and tally.rows < tally.total:
            raise ContractBroken(
                f"{self._name} said {tally.total} {kind} but told {tally.rows}; the listing is not used.",
                system=self._name,
            )

    async def _next(self, kind: str, pages: AsyncIterator[Page[T]]) -> Page[T] | None:
        if self._rate is not None:
            await self._rate.turn(self._clock(), self._sleep)
        try:
            async with asyncio.timeout(self._page_deadline):
                page = await anext(pages, _END)
        except TimeoutError:
            raise Unavailable(
                f"{self._name} did not give a page of {kind} within {self._page_deadline:g} seconds.",
                system=self._name,
            ) from None
        if page is _END:
            return None
        if not isinstance(page, Page):
            raise ContractBroken(f"The adapter of {self._name} lists something that is no page.", system=self._name)
        return page

    async def _wait(self, error: Unavailable | RateLimited, failed: int, seen: int, kind: str) -> None:
        asked = error.retry_after if isinstance(error, RateLimited) else None
        wait = asked if asked is not None else timedelta(seconds=2**failed)
        self._waited += wait
        if self._waited > LONGEST_WAIT:
            raise error
        self._progress(f"{self._name}: {error.message} Waiting {wait.total_seconds():.0f} s after {seen} {kind}.")
        await self._sleep(wait.total_seconds())
