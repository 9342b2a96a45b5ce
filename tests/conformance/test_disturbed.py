"""What the contract says of a disturbed connection, with real servers behind a proxy that disturbs it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jmltui.adapter_api import Cap, ContractBroken, Query, RateLimited, Setup, Step, Unavailable, Verdict
from jmltui.adapter_api.conformance import DISTURBED, Disturbance, Result, World, run_fault
from jmltui_scim import ScimAdapter
from tests.adapters.test_scim import wanted
from tests.conftest import StandingClock
from tests.servers.fault_proxy import Fault, FaultProxy, Only, fault_proxy
from tests.servers.scim2 import ScimServer


def through(proxy: FaultProxy, server: ScimServer, clock: StandingClock, **options: object) -> ScimAdapter:
    """The SCIM adapter, behind the proxy."""
    given = {"url": proxy.in_front_of(server.url), "token": "t", "exchange_seconds": 1, **options}
    return ScimAdapter(Setup("scim", given, lambda _: server.token, clock))


@pytest.mark.parametrize("cursor", [False, True], ids=["index", "cursor"])
@pytest.mark.parametrize("what", DISTURBED, ids=lambda what: what.name.lower())
async def test_scim_under_a_disturbed_connection(
    scim2_server: Callable[..., ScimServer], clock: StandingClock, what: Disturbance, cursor: bool
) -> None:
    server = scim2_server(cursor=cursor)
    async with fault_proxy() as proxy:
        adapter = through(proxy, server, clock)
        await adapter.open()
        result = await run_fault(what, adapter, proxy, World("d"))
        await adapter.close()
    assert result.result is Result.PASSED, result.told


async def test_a_wait_may_be_told_as_a_date(scim2_server: Callable[..., ScimServer], clock: StandingClock) -> None:
    async with fault_proxy() as proxy:
        adapter = through(proxy, scim2_server(), clock)
        await adapter.open()
        await proxy.switch(Fault.THROTTLE_UNTIL)
        with pytest.raises(RateLimited) as limited:
            await adapter.find("ana")
        await adapter.close()
    assert limited.value.retry_after is not None


async def test_an_answer_in_an_encoding_that_nobody_asked_for(
    scim2_server: Callable[..., ScimServer], clock: StandingClock
) -> None:
    async with fault_proxy() as proxy:
        adapter = through(proxy, scim2_server(), clock)
        await adapter.open()
        made, _ = await adapter.create(wanted(1), key="k")
        await proxy.switch(Fault.COMPRESSED, Only.READ)
        with pytest.raises(Exception, match="encoding that was not asked for"):
            await adapter.read(made.id)
        await adapter.close()


async def test_what_reached_the_server_was_done_once(
    scim2_server: Callable[..., ScimServer], clock: StandingClock
) -> None:
    async with fault_proxy() as proxy:
        adapter = through(proxy, scim2_server(), clock)
        await adapter.open()
        made, _ = await adapter.create(wanted(1), key="k")
        await proxy.switch(Fault.FLAKY, Only.WRITE, times=1)
        with pytest.raises(Unavailable):
            await adapter.disable(made.id)
        assert (await adapter.verify(Step(Cap.DISABLE, made.id))).verdict is Verdict.CONTRADICTED
        await adapter.disable(made.id)
        assert [a.login async for page in adapter.accounts(Query()) for a in page.items] == ["user1"]
        await adapter.close()
    assert [method for method, _ in proxy.writes()] == ["POST", "PATCH"]


@pytest.mark.parametrize("status", [405, 501])
@pytest.mark.parametrize("cursor", [False, True], ids=["index", "cursor"])
async def test_a_server_that_lists_by_post_only(
    scim2_server: Callable[..., ScimServer], clock: StandingClock, cursor: bool, status: int
) -> None:
    async with fault_proxy() as proxy:
        adapter = through(proxy, scim2_server(cursor=cursor), clock)
        await adapter.open()
        await proxy.switch(Fault.NO_LISTING_BY_GET, status=status)
        assert (await adapter.check())["reachable"] == "yes"
        made = {(await adapter.create(wanted(number), key=str(number)))[0].id for number in range(5)}
        for size in (1, 2, 200):
            assert {a.id async for page in adapter.accounts(Query(page_size=size)) for a in page.items} == made
        found = await adapter.find("user3")
        await adapter.close()
    assert found is not None
    assert found.login == "user3"
    assert len(proxy.writes()) == 5, "a search by POST is no write"


async def test_a_search_by_post_that_is_lost_is_a_read(
    scim2_server: Callable[..., ScimServer], clock: StandingClock
) -> None:
    async with fault_proxy() as proxy:
        adapter = through(proxy, scim2_server(), clock)
        await adapter.open()
        await proxy.switch(Fault.NO_LISTING_BY_GET)
        assert await adapter.find("nobody") is None
        await proxy.switch(Fault.LOSE_ANSWER, Only.LISTING)
        with pytest.raises(Unavailable):
            await adapter.find("nobody")
        await adapter.close()


async def test_a_redirect_never_takes_the_token_elsewhere(
    scim2_server: Callable[..., ScimServer], clock: StandingClock
) -> None:
    server = scim2_server()
    async with fault_proxy(server.url) as elsewhere, fault_proxy() as proxy:
        adapter = through(proxy, server, clock)
        await adapter.open()
        proxy.elsewhere = f"http://127.0.0.1:{elsewhere.port}/"
        await proxy.switch(Fault.REDIRECT)
        with pytest.raises(ContractBroken, match="not followed"):
            await adapter.find("ana")
        with pytest.raises(ContractBroken, match="not followed"):
            await adapter.create(wanted(1), key="k")
        await adapter.close()
    assert elsewhere.exchanges == []
