"""Reading a system that asks to wait, loses a page, hangs, or tells only what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    Capabilities,
    Page,
    Proof,
    Query,
    RateLimited,
    ResyncNeeded,
    Support,
    Unavailable,
)
from jmltui.lifecycle.listing import LONGEST_WAIT, Listing, Marks
from jmltui.lifecycle.rate import Rate

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Slow:
    """A system of forty accounts, ten a page, that fails where it is told to; the cursor is the next account."""

    kind: ClassVar[str] = "slow"

    def __init__(self, *errors: Exception | None, cursors: bool = True) -> None:
        self.name = "erp"
        self.errors = list(errors)
        self.asked: list[Query] = []
        self._cursors = cursors

    def capabilities(self) -> Capabilities:
        return {Cap.DELTA: Support(Proof.READ_BACK, reversible=True)}

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        self.asked.append(query)
        for start in range(int(query.cursor or 0), 40, 10):
            error = self.errors.pop(0) if self.errors else None
            if error is not None:
                raise error
            last = start + 10 >= 40
            items = [Account(str(n), f"u{n}", AccountState.ACTIVE) for n in range(start, start + 10)]
            cursor = str(start + 10) if self._cursors and not last else None
            yield Page(items, cursor=cursor, delta="now" if last else None)

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Any]]:
        yield Page([], delta="now")

    grants = entitlements


class Kept:
    """Pages as they came."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def add(self, kind: str, page: Page[Any]) -> None:
        self.ids += [item.id for item in page.items]


class Naps:
    """Sleeps that take no time."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


async def read(
    adapter: Slow, naps: Naps, rate: Rate | None = None, since: Mapping[str, str] | None = None
) -> tuple[list[str], Mapping[str, str], Sequence[str]]:
    told: list[str] = []
    kept = Kept()
    listing = Listing(adapter, timedelta(seconds=0.02), rate, lambda: NOW, told.append, naps)  # type: ignore[arg-type]
    tokens = await listing.read(kept, since)
    return kept.ids, tokens, told


@pytest.mark.parametrize("error", [Unavailable("gone"), RateLimited("slow down", retry_after=timedelta(seconds=7))])
async def test_a_lost_page_is_asked_for_again_and_no_other(error: Exception) -> None:
    adapter, naps = Slow(None, None, error), Naps()
    ids, tokens, told = await read(adapter, naps)
    assert ids == [str(n) for n in range(40)], "each once"
    assert [query.cursor for query in adapter.asked] == [None, "20"]
    assert naps.taken == [7 if isinstance(error, RateLimited) else 2]
    assert any("after 20 accounts" in line for line in told), told
    assert tokens == dict.fromkeys(("accounts", "entitlements", "grants"), "now")


async def test_an_adapter_without_cursors_begins_anew() -> None:
    adapter = Slow(None, Unavailable("gone"), cursors=False)
    ids, _, _ = await read(adapter, Naps())
    assert ids == [*map(str, range(10)), *map(str, range(40))], "the stage keeps the first of two"


async def test_a_system_that_stays_away_is_given_up() -> None:
    naps = Naps()
    with pytest.raises(Unavailable):
        await read(Slow(*[Unavailable("gone")] * 9), naps)
    assert naps.taken == [2, 4, 8]


async def test_a_system_that_asks_for_too_long_is_read_at_its_next_time() -> None:
    naps = Naps()
    with pytest.raises(RateLimited):
        await read(Slow(RateLimited("no", retry_after=LONGEST_WAIT * 2)), naps)
    assert naps.taken == []


async def test_a_page_that_never_comes_is_not_waited_for_for_ever() -> None:
    class Hanging(Slow):
        async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
            import asyncio

            await asyncio.Event().wait()
            yield Page([])

    with pytest.raises(Unavailable, match=r"did not give a page of accounts within 0\.2 seconds"):
        await read(Hanging(), Naps())


async def test_pages_keep_to_the_rate() -> None:
    naps = Naps()
    await read(Slow(), naps, Rate(1))
    assert naps.taken == [2.0 * n for n in range(1, len(naps.taken) + 1)], "half of one a second"


async def test_changes_are_asked_for_by_the_tokens_of_the_last_time() -> None:
    adapter = Slow()
    await read(adapter, Naps(), since={"accounts": "t1", "entitlements": "t2", "grants": "t3"})
    assert [query.since for query in adapter.asked] == ["t1"]
    with pytest.raises(ResyncNeeded):
        await read(
            Slow(ResyncNeeded("too old")), Naps(), since=dict.fromkeys(("accounts", "entitlements", "grants"), "t")
        )


def test_changes_are_trusted_for_a_week() -> None:
    tokens = dict.fromkeys(("accounts", "entitlements", "grants"), "t")
    marks = Marks.of({"listing": Marks(tokens, NOW).as_facts()})
    adapter: Any = Slow()
    assert marks.usable(adapter, NOW + timedelta(days=6)) == tokens
    assert not marks.usable(adapter, NOW + timedelta(days=7))
    assert not marks.usable(adapter, NOW - timedelta(days=1)), "our clock was put back"
    assert Marks({"accounts": "t"}, NOW).usable(adapter, NOW) == {"accounts": "t"}
    assert not Marks({"grants": "t"}, NOW).usable(adapter, NOW)
    assert not Marks().usable(adapter, NOW)
