"""Changes by a description: what is new, changed and gone; a token that ran out; a clock that differs; lies."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jmltui.adapter_api import Cap, ContractBroken, Grant, Query, ResyncNeeded
from jmltui.lifecycle.listing import Listing
from tests.adapters.changing_directory import ACCOUNTS, HEAD, LOGGED, TIMED, Directory, described, told
from tests.conftest import StandingClock
from tests.servers.played import Played, Reply

ALONE = ("accounts",)


@pytest.fixture
def directory(clock: StandingClock) -> Directory:
    """Five users in two groups, an hour old."""
    directory = Directory(clock)
    for name in ("ana", "ben", "cem", "eva", "udo"):
        directory.user(name)
    directory.group("staff", "ana", "ben", "cem")
    directory.group("admins", "ana")
    clock.forward(timedelta(hours=1))
    return directory


async def test_what_changed_is_told_alone(directory: Directory, clock: StandingClock, tmp_path: Path) -> None:
    async with described(directory, clock, tmp_path) as adapter:
        assert Cap.DELTA in adapter.capabilities()
        everything, tokens = await told(adapter)
        assert len(everything["accounts"]) == 5
        clock.forward(timedelta(hours=1))
        directory.user("ida")
        directory.user("ben", "disabled")
        directory.remove("users", "cem")
        directory.remove("groups", "admins")
        directory.group("guests", "ida")
        clock.forward(timedelta(hours=1))
        changed, later = await told(adapter, tokens)
        clock.forward(timedelta(hours=1))
        nothing, _ = await told(adapter, later)
    assert {(one.id, one.state.value) for one in changed["accounts"]} == {("ida", "active"), ("ben", "disabled")}
    assert changed["gone accounts"] == ["cem"]
    assert {one.id for one in changed["entitlements"]} == {"staff", "guests"}
    assert changed["gone entitlements"] == ["admins"]
    assert {(one.account_id, one.entitlement_id) for one in changed["grants"]} == {
        ("ana", "staff"), ("ben", "staff"), ("ida", "guests"),
    }  # fmt: skip
    assert sorted(changed["gone grants"]) == ["admins", "guests", "staff"]
    assert not any(nothing.values()), nothing


async def test_events_say_only_whom_to_look_at(directory: Directory, clock: StandingClock, tmp_path: Path) -> None:
    async with described(directory, clock, tmp_path, LOGGED) as adapter:
        _, tokens = await told(adapter, kinds=ALONE)
        directory.user("ida")
        directory.remove("users", "cem")
        directory.user("ida", "disabled")
        directory.log.append(("users", "nobody"))  # a change of what never was
        changed, later = await told(adapter, tokens, ALONE)
        nothing, _ = await told(adapter, later, ALONE)
    assert {one.id: one.state.value for one in changed["accounts"]} == {"ida": "disabled"}
    assert sorted(changed["gone accounts"]) == ["cem", "nobody"]
    assert not any(nothing.values())


@pytest.mark.parametrize("minutes", [-20, 20])
async def test_another_clock_loses_nothing(clock: StandingClock, tmp_path: Path, minutes: int) -> None:
    directory = Directory(clock, ahead=timedelta(minutes=minutes))
    directory.user("ana")
    clock.forward(timedelta(hours=1))
    async with described(directory, clock, tmp_path) as adapter:
        _, tokens = await told(adapter, kinds=ALONE)
        clock.forward(timedelta(seconds=1))
        directory.user("eva")
        clock.forward(timedelta(minutes=30))
        changed, _ = await told(adapter, tokens, ALONE)
    assert [one.id for one in changed["accounts"]] == ["eva"]
    assert directory.server.asked[-1].query["since"] == f"2026-06-01T{'08:39' if minutes < 0 else '09:19'}:00Z"


async def test_a_system_that_tells_no_time_has_the_overlap(clock: StandingClock, tmp_path: Path) -> None:
    directory = Directory(clock, ahead=timedelta(seconds=-50))
    directory.silent = True
    async with described(directory, clock, tmp_path) as adapter:
        _, tokens = await told(adapter, kinds=ALONE)
        directory.user("eva")
        changed, _ = await told(adapter, tokens, ALONE)
    assert [one.id for one in changed["accounts"]] == ["eva"]


async def test_what_changes_while_everything_is_listed_is_told_next(
    directory: Directory, clock: StandingClock, tmp_path: Path
) -> None:
    async with described(directory, clock, tmp_path, TIMED.replace("overlap: 60", "overlap: 0")) as adapter:
        pages = adapter.accounts(Query())
        await anext(pages)
        directory.user("ana", "disabled")  # stood on the first page
        clock.forward(timedelta(minutes=10))
        tokens = {"accounts": [page.delta async for page in pages][-1] or ""}
        changed, _ = await told(adapter, tokens, ALONE)
    assert [(one.id, one.state.value) for one in changed["accounts"]] == [("ana", "disabled")]


# ---- a token that is worth nothing any more


async def test_a_token_that_ran_out_asks_for_a_whole_listing(
    directory: Directory, clock: StandingClock, tmp_path: Path
) -> None:
    async with described(directory, clock, tmp_path) as adapter:
        _, tokens = await told(adapter)
        directory.oldest = clock() + timedelta(days=1)
        for kind in tokens:
            with pytest.raises(ResyncNeeded, match="does not accept the place any more"):
                await told(adapter, tokens, (kind,))
    logged = Directory(clock)
    async with described(logged, clock, tmp_path, LOGGED) as adapter:
        _, tokens = await told(adapter, kinds=ALONE)
        logged.oldest = 10**6
        with pytest.raises(ResyncNeeded):
            await told(adapter, tokens, ALONE)


async def test_a_token_of_another_time_or_description_is_not_tried(
    directory: Directory, clock: StandingClock, tmp_path: Path
) -> None:
    remembers = TIMED.replace("overlap: 60", "overlap: 60\n    lasts: 24")
    async with described(directory, clock, tmp_path, remembers) as adapter:
        _, tokens = await told(adapter, kinds=ALONE)
        asked = len(directory.server.asked)
        clock.forward(timedelta(hours=23, minutes=59, seconds=30))
        with pytest.raises(ResyncNeeded, match="does not remember changes so long"):
            await told(adapter, tokens, ALONE)
        with pytest.raises(ResyncNeeded, match="cannot be read"):
            await told(adapter, {"accounts": "soon"}, ALONE)
        assert len(directory.server.asked) == asked
        clock.forward(timedelta(hours=-24))
        directory.ahead = timedelta(hours=-3)
        with pytest.raises(ResyncNeeded, match="was set back"):
            await told(adapter, tokens, ALONE)
    again = Directory(clock)
    async with described(again, clock, tmp_path, remembers.replace("login: login", "login: id")) as adapter:
        with pytest.raises(ResyncNeeded, match="description of directory is another"):
            await told(adapter, tokens, ALONE)


# ---- lost pages


class Losing:
    """Where pages go, as the engine reads them; after the first page of a kind the next answer is lost."""

    def __init__(self, server: Played, lose: str) -> None:
        self.ids: list[str] = []
        self._server, self._lose = server, lose

    def add(self, kind: str, page: Any) -> None:
        self.ids += [item.id for item in page.items] if kind == "accounts" else []
        if kind == self._lose:
            self._lose = ""
            self._server.instead.append(Reply(503))


async def no_time(_: float) -> None:
    """Waits that take none."""


@pytest.mark.parametrize("lose", ["accounts", "grants"])
async def test_a_lost_page_loses_no_change(
    directory: Directory, clock: StandingClock, tmp_path: Path, lose: str
) -> None:
    async with described(directory, clock, tmp_path) as adapter:
        _, tokens = await told(adapter)
        clock.forward(timedelta(hours=1))
        for number in range(5):
            directory.user(f"new{number}")
        directory.group("staff", "new1")
        directory.group("guests", "new2")
        asked = len(directory.server.asked)
        stage = Losing(directory.server, lose)
        later = await Listing(adapter, timedelta(seconds=5), None, clock, lambda _: None, no_time).read(stage, tokens)
        pages = [one.query["page"] for one in directory.server.asked[asked:] if one.path == "/users/changes"]
    assert stage.ids == [f"new{number}" for number in range(5)]
    assert pages == (["0", "1", "1", "2", "3"] if lose == "accounts" else ["0", "1", "2", "3"])
    assert ("grants" in later) is (lose == "accounts"), "what was listed twice may be of two moments"


# ---- lies


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([{"login": "x", "state": "active"}], "lists something of GET /users/changes without an id"),
        ([{"id": "ana", "deleted": "yes"}], "neither true nor false"),
        ([{"id": "ana"}], "names something without login"),
        ("nobody", "without the list"),
    ],
)
async def test_a_feed_that_cannot_be_understood_is_not_used(
    directory: Directory, clock: StandingClock, tmp_path: Path, answer: object, sentence: str
) -> None:
    async with described(directory, clock, tmp_path) as adapter:
        _, tokens = await told(adapter, kinds=ALONE)
        directory.server.instead.append(Reply(200, {"items": answer}))
        with pytest.raises(ContractBroken, match=sentence):
            await told(adapter, tokens, ALONE)


async def test_a_feed_that_repeats_itself_is_not_used(
    directory: Directory, clock: StandingClock, tmp_path: Path
) -> None:
    async with described(directory, clock, tmp_path) as adapter:
        _, tokens = await told(adapter, kinds=ALONE)
        page = [{"id": one, "login": one, "state": "active"} for one in ("x", "y")]
        directory.server.instead += [Reply(200, {"items": page})] * 2
        with pytest.raises(ContractBroken, match="again"):
            await told(adapter, tokens, ALONE)


async def test_holders_of_something_else_are_not_used(
    directory: Directory, clock: StandingClock, tmp_path: Path
) -> None:
    text = TIMED.replace("columns: {account: id}", "columns: {account: id, entitlement: group}")
    async with described(directory, clock, tmp_path, text) as adapter:
        _, tokens = await told(adapter)
        clock.forward(timedelta(hours=1))
        directory.group("staff", "ana")
        assert (await told(adapter, tokens, ("grants",)))[0]["grants"] == [Grant("ana", "staff")]
        directory.server.instead += [
            Reply(200, {"items": [{"id": "staff"}]}),
            Reply(200, {"items": []}),
            Reply(200, {"items": [{"id": "eva", "group": "admins"}]}),
        ]
        with pytest.raises(ContractBroken, match="was asked who holds staff and told of admins"):
            await told(adapter, tokens, ("grants",))


IN_ONE = (
    HEAD
    + ACCOUNTS
    + """
  changes:
    start: last-page
    call: {path: /sync, query: {token: "{since}"}}
    records: users
    where: kind != 'robot'
    id: ref
    deleted: {ids: "gone"}
    token: token
"""
)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"users": [{"ref": "1", "id": "2", "login": "x"}], "gone": [], "token": "t2"}, "is about “1” and shows “2”"),
        ({"users": [{"ref": "1", "id": "1", "login": "x"}], "gone": ["1"], "token": "t2"}, "both as changed and as"),
        ({"users": [], "token": "t2"}, "does not list “gone”"),
        ({"users": [], "gone": {}, "token": "t2"}, "does not list “gone”"),
        ({"users": [], "gone": [None], "token": "t2"}, "without saying of what"),
        ({"users": [], "gone": []}, "does not say from where its changes go on"),
    ],
)
async def test_a_feed_that_contradicts_itself_is_not_used(
    clock: StandingClock, tmp_path: Path, answer: object, sentence: str
) -> None:
    server = Played()
    server.on("GET", "/users", lambda asked: Reply(200, {"items": [], "total": 0, "token": "t/1"}))
    server.on("GET", "/sync", lambda asked: Reply(200, answer))
    directory = Directory(clock)
    directory.server = server
    async with described(directory, clock, tmp_path, IN_ONE) as adapter:
        _, tokens = await told(adapter, kinds=ALONE)
        with pytest.raises(ContractBroken, match=sentence):
            await told(adapter, tokens, ALONE)
    assert server.asked[-1].query == {"token": "t/1"}
