"""The SCIM adapter against a real server, with index and with cursor paging, and against one that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    AuthFailed,
    Cap,
    Conflict,
    ContractBroken,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    RateLimited,
    Setup,
    Step,
    Unavailable,
    Verdict,
)
from jmltui_scim import ScimAdapter

SIZES = (1, 2, 200)


@asynccontextmanager
async def connected(url: str, token: str = "secret", **options: Any) -> AsyncIterator[ScimAdapter]:
    setup = Setup("directory", {"url": url, "token": "x", **options}, lambda _: token, lambda: datetime.now(UTC))
    adapter = ScimAdapter(setup)
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


def wanted(number: int) -> Account:
    return Account(
        "", f"user{number}", AccountState.ACTIVE, (f"u{number}@example.test",), f"K{number}", f"User {number}"
    )


async def make_group(adapter: ScimAdapter, name: str) -> str:
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"]
    made = await adapter._http.write("POST", "Groups", {"schemas": schemas, "displayName": name})
    group_id: str = made["id"]
    return group_id


@pytest.mark.parametrize("cursor", [False, True])
async def test_an_account_lives_and_ends(scim2_server: Callable[..., Any], cursor: bool) -> None:
    server = scim2_server(cursor=cursor)
    async with connected(server.url) as adapter:
        assert (await adapter.check())["paging"] == ("cursor" if cursor else "index")
        step = Step(Cap.CREATE, "", login="user1")
        assert (await adapter.verify(step)).verdict is Verdict.CONTRADICTED
        made, receipt = await adapter.create(wanted(1), key="k")
        assert receipt.outcome is Outcome.CHANGED
        again, receipt = await adapter.create(wanted(1), key="k")
        assert (again.id, receipt.outcome) == (made.id, Outcome.ALREADY)
        assert (await adapter.verify(step)).verdict is Verdict.CONFIRMED
        group = await make_group(adapter, "Engineering")
        other, _ = await adapter.create(wanted(2), key="k2")
        await adapter.grant(other.id, group)
        assert (await adapter.grant(made.id, group)).outcome is Outcome.CHANGED
        assert (await adapter.grant(made.id, group)).outcome is Outcome.ALREADY
        assert [g.entitlement_id for g in await adapter.grants_of(made.id)] == [group]
        assert (await adapter.revoke(made.id, group)).outcome is Outcome.CHANGED
        assert (await adapter.revoke(made.id, group)).outcome is Outcome.ALREADY
        assert [g.entitlement_id for g in await adapter.grants_of(other.id)] == [group]
        assert (await adapter.disable(made.id)).outcome is Outcome.CHANGED
        assert (await adapter.disable(made.id)).outcome is Outcome.ALREADY
        assert (await adapter.read(made.id)).state is AccountState.DISABLED
        assert (await adapter.verify(Step(Cap.DISABLE, made.id))).verdict is Verdict.CONFIRMED
        assert (await adapter.verify(Step(Cap.ENABLE, made.id))).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize("cursor", [False, True])
async def test_listings_agree_at_every_page_size(scim2_server: Callable[..., Any], cursor: bool) -> None:
    server = scim2_server(cursor=cursor)
    async with connected(server.url) as adapter:
        made = {(await adapter.create(wanted(n), key=str(n)))[0].id for n in range(7)}
        group = await make_group(adapter, "All")
        await adapter.grant_many(group, sorted(made))
        for size in SIZES:
            listed = [a.id async for page in adapter.accounts(Query(page_size=size)) for a in page.items]
            assert sorted(listed) == sorted(made), f"pages of {size}"
        granted = {g.account_id async for page in adapter.grants(Query()) for g in page.items}
        assert granted == made


async def test_somebody_elses_login_is_a_conflict(scim2_server: Callable[..., Any]) -> None:
    async with connected(scim2_server().url) as adapter:
        await adapter.create(wanted(1), key="k")
        with pytest.raises(Conflict, match="belongs to somebody else"):
            await adapter.create(Account("", "user1", AccountState.ACTIVE, (), "OTHER"), key="k2")


async def test_a_login_is_one_literal(scim2_server: Callable[..., Any]) -> None:
    async with connected(scim2_server().url) as adapter:
        await adapter.create(wanted(1), key="k")
        assert await adapter.find('a" or active eq true or userName eq "user1') is None
        assert await adapter.find("user") is None


async def test_a_wrong_token_is_told(scim2_server: Callable[..., Any]) -> None:
    async with connected(scim2_server().url, token="wrong") as adapter:
        with pytest.raises(AuthFailed):
            await adapter.check()


class Scripted:
    """A server that answers each request with the next prepared bytes, then closes."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await server.wait_closed()


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


NO_CONFIG = answer(b"", "404 Not Found")
USER = b'{"id": "1", "userName": "ana", "active": true}'


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(b"<html>Sign in</html>"), ContractBroken),
        (answer(b"boom", "500 Internal Server Error"), ContractBroken),
        (answer(b"", "503 Service Unavailable"), Unavailable),
        (answer(b"", "404 Not Found"), NotFound),
        (answer(b"", "302 Found", Location="http://elsewhere.test/"), ContractBroken),
        (answer(USER), ContractBroken),
        (answer(USER[:20]), ContractBroken),
        (answer(USER, Content_Encoding="gzip"), ContractBroken),
        (None, Unavailable),
    ],
)
async def test_a_bad_answer_to_a_read_is_told(reply: bytes | None, error: type[Exception]) -> None:
    async with Scripted(NO_CONFIG, reply).running() as url, connected(url) as adapter:
        with pytest.raises(error):
            await adapter.read("42")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (None, OutcomeUnknown),
        (answer(b"", "500 Internal Server Error"), OutcomeUnknown),
        (answer(b"", "502 Bad Gateway"), OutcomeUnknown),
        (answer(b"<html>", "200 OK"), OutcomeUnknown),
    ],
)
async def test_a_lost_answer_to_a_write_is_unknown(reply: bytes | None, error: type[Exception]) -> None:
    async with Scripted(NO_CONFIG, answer(USER), reply).running() as url, connected(url) as adapter:
        with pytest.raises(error):
            await adapter.disable("1")


async def test_a_wait_is_honoured() -> None:
    reply = answer(b"", "429 Too Many Requests", Retry_After="7")
    async with Scripted(NO_CONFIG, reply).running() as url, connected(url) as adapter:
        with pytest.raises(RateLimited) as told:
            await adapter.read("42")
        assert told.value.retry_after == timedelta(seconds=7)


async def test_an_ignored_filter_finds_nobody() -> None:
    everybody = b'{"totalResults": 2, "Resources": [{"id": "1", "userName": "ana"}, {"id": "2", "userName": "bob"}]}'
    async with Scripted(NO_CONFIG, answer(everybody)).running() as url, connected(url) as adapter:
        assert await adapter.find("carl") is None
        found = await adapter.find("bob")
        assert found is not None
        assert found.id == "2"


async def test_a_listing_that_ends_short_or_never_ends_is_refused() -> None:
    page = b'{"totalResults": 5, "Resources": [{"id": "1", "userName": "ana"}]}'
    async with Scripted(NO_CONFIG, answer(page)).running() as url, connected(url) as adapter:
        with pytest.raises(ContractBroken, match="listed only 1"):
            _ = [page async for page in adapter.accounts(Query())]


async def test_a_change_that_is_accepted_and_not_made_is_told() -> None:
    async with Scripted(NO_CONFIG, answer(USER)).running() as url, connected(url) as adapter:
        with pytest.raises(ContractBroken, match="leaves it as it was"):
            await adapter.disable("1")


async def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        async with connected("http://127.0.0.1:9"):
            pass


async def test_an_empty_answer_to_a_filter_proves_no_absence() -> None:
    nobody = b'{"totalResults": 0, "Resources": []}'
    listed = b'{"totalResults": 1, "Resources": [' + USER + b"]}"
    scripted = Scripted(NO_CONFIG, answer(nobody), answer(listed), answer(USER))
    async with scripted.running() as url, connected(url) as adapter:
        evidence = await adapter.verify(Step(Cap.DISABLE, "", login="ana"))
    assert evidence.verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("group", "user"),
    [
        (b'{"id": "g", "members": [{"value": "ana"}]}', USER),
        (b'{"id": "g", "members": []}', USER[:-1] + b', "groups": [{"value": "g"}]}'),
    ],
)
async def test_a_member_not_listed_by_id_is_not_taken_as_gone(group: bytes, user: bytes) -> None:
    async with Scripted(NO_CONFIG, answer(group), answer(user)).running() as url, connected(url) as adapter:
        evidence = await adapter.verify(Step(Cap.REVOKE, "1", "g"))
    assert evidence.verdict is Verdict.CONTRADICTED


async def test_a_removal_that_is_accepted_and_not_made_is_told() -> None:
    group = b'{"id": "g", "displayName": "Staff", "members": [{"value": "1"}]}'
    async with Scripted(NO_CONFIG, answer(group)).running() as url, connected(url) as adapter:
        with pytest.raises(ContractBroken, match="Take them out by hand"):
            await adapter.revoke("1", "g")


BY_CURSOR = answer(b'{"pagination": {"cursor": true}}')
ANA = b'{"id": "1", "userName": "ana"}'
BOB = b'{"id": "2", "userName": "bob"}'


async def test_an_empty_page_with_a_next_one_is_no_end() -> None:
    pages = (
        answer(b'{"Resources": [' + ANA + b'], "nextCursor": "b"}'),
        answer(b'{"nextCursor": "c"}'),
        answer(b'{"Resources": [' + BOB + b"]}"),
    )
    async with Scripted(BY_CURSOR, *pages).running() as url, connected(url) as adapter:
        assert [a.login async for page in adapter.accounts(Query()) for a in page.items] == ["ana", "bob"]


@pytest.mark.parametrize(
    "page",
    [b'{"Resources": [' + ANA + b'], "nextCursor": "b"}', b'{"Resources": [], "nextCursor": "b"}'],
)
async def test_the_same_page_again_without_a_total_is_refused(page: bytes) -> None:
    async with Scripted(BY_CURSOR, answer(page)).running() as url, connected(url) as adapter:
        with pytest.raises(ContractBroken, match="again and again"):
            _ = [page async for page in adapter.accounts(Query())]
