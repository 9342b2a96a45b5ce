"""Reading a system that asks to wait, loses a page, hangs, or tells only what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlmodel import col, select

from jmltui import plugins
from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    Capabilities,
    ContractBroken,
    Page,
    Proof,
    Query,
    RateLimited,
    ResyncNeeded,
    Setup,
    Support,
    Unavailable,
)
from jmltui.cache.tables import AccountRow, SystemRow
from jmltui.lifecycle.listing import LONGEST_WAIT, Listing, Marks
from jmltui.lifecycle.rate import Rate
from jmltui_http import HttpAdapter
from tests.conftest import StandingClock
from tests.lifecycle.small_firm import founded
from tests.servers.recorded import Exchange, recorded
from tests.servers.stranger import Installs

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Slow:
    """A system of forty accounts, ten a page, that fails where it is told to; the cursor is the next account."""

    kind: ClassVar[str] = "slow"

    def __init__(self, *errors: Exception | None, cursors: bool = True, totals: Sequence[int | None] = ()) -> None:
        self.name = "erp"
        self.totals = totals
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
            total = self.totals[min(start // 10, len(self.totals) - 1)] if self.totals else None
            yield Page(items, cursor=cursor, delta="now" if last else None, expected_total=total)

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


@pytest.mark.parametrize("totals", [(41,), (None, 41), (40, 40, 40, 41), (41, None)])
async def test_fewer_than_the_system_says_there_are_is_not_believed(totals: Sequence[int | None]) -> None:
    adapter, naps = Slow(totals=totals), Naps()
    with pytest.raises(ContractBroken, match=r"^erp said 41 accounts but told 40; the listing is not used\.$"):
        await read(adapter, naps)
    assert (len(adapter.asked), naps.taken) == (1, []), "it is read again at its next time, not at once"


@pytest.mark.parametrize("totals", [(40,), (39,), (0,), (45, 42, 40)], ids=str)
async def test_more_than_the_system_said_first_is_somebody_who_came_meanwhile(totals: Sequence[int]) -> None:
    ids, _, _ = await read(Slow(totals=totals), Naps())
    assert len(ids) == 40


@pytest.mark.parametrize("cursors", [True, False])
async def test_what_is_listed_twice_after_a_lost_page_is_counted_once(cursors: bool) -> None:
    lost = [None, None, Unavailable("gone"), Unavailable("gone")]
    with pytest.raises(ContractBroken, match="said 41 accounts but told 40"):
        await read(Slow(*lost, cursors=cursors, totals=(41,)), Naps())
    ids, _, _ = await read(Slow(*lost, cursors=cursors, totals=(40,)), Naps())
    assert set(ids) == {str(n) for n in range(40)}


async def test_what_was_known_stays_when_a_system_tells_fewer_than_it_says(
    private: Path, clock: StandingClock, installs: Installs
) -> None:
    installs(
        "\n    count = 1\n    said = 1\n"
        "\n    async def accounts(self, query):"
        "\n        told = [Account(str(n), f'u{n}', AccountState.ACTIVE) for n in range(type(self).count)]"
        "\n        yield Page(told, expected_total=type(self).said)\n"
        "\n    async def grants(self, query):\n        yield Page([])\n"
    )
    firm = founded(private, clock, '[systems.odd]\nadapter = "odd"\nlogin = "{email|before_at}"\n')
    odd: Any = plugins.load("odd")
    states = []
    for odd.count, odd.said in ((812, 812), (640, 812), (640, 640), (641, 640)):
        report = await firm.sync()
        with firm.workshop.cache.read() as session:
            known = len(session.exec(select(AccountRow).where(col(AccountRow.system) == "odd")).all())
            row = session.get_one(SystemRow, "odd")
            states.append((known, row.state))
        assert report.systems.keys() >= {"directory", "erp"}
        if odd.said > odd.count:
            assert report.problems["odd"].startswith("odd said 812 accounts but told 640; the listing is not used.")
    assert states == [(812, "good"), (812, "error"), (640, "good"), (641, "good")]
    await firm.workshop.close()


async def test_a_listing_of_changes_is_shorter_than_what_there_is() -> None:
    since = dict.fromkeys(("accounts", "entitlements", "grants"), "t")
    ids, _, _ = await read(Slow(totals=(812,)), Naps(), since=since)
    assert len(ids) == 40


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


DESCRIBED = """
description: 1
name: Odd
auth: {kind: none}
accounts:
  columns: {id: id, login: login, state: kind}
  words: {state: {active: ["*"]}}
  list: {call: {path: /users}, records: users, id: id, total: count, where: kind == 'person'}
  read: {call: {path: "/users/{account.id}"}}
"""


async def test_whom_a_description_leaves_out_is_missed_by_nobody(tmp_path: Path) -> None:
    users = [{"id": str(n), "login": f"u{n}", "kind": kind} for n, kind in enumerate(("person", "robot", "person"))]
    (tmp_path / "odd.yaml").write_text(DESCRIBED)
    with recorded(Exchange("GET", "/users", None, {"users": users, "count": 3})) as server:
        options = {"description": str(tmp_path / "odd.yaml"), "base": server.origin, "private_network": True}
        adapter = HttpAdapter(Setup("odd", options, str, lambda: NOW))
        await adapter.open()
        listing, kept = Listing(adapter, timedelta(seconds=5), None, lambda: NOW, print), Kept()
        pages = listing._pages("accounts", adapter.accounts, Query())
        async for page in pages:
            kept.add("accounts", page)
        await adapter.close()
    assert kept.ids == ["0", "2"]
