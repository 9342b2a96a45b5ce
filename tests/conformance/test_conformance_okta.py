"""The suite on emulate's Okta, and behind what networks do; emulate keeps no employeeNumber, so `locale` has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from jmltui.adapter_api import Setup
from jmltui.adapter_api.conformance import CHECKS, DISTURBED, Disturbance, Result, World, run_check, run_fault
from jmltui_okta import OktaAdapter
from tests.conftest import StandingClock
from tests.servers.emulate import TOKEN, Emulated, OktaProxy
from tests.servers.played import playing

NOT_OFFERED: Final = {
    "many_at_once": "the adapter does not change many at once",
    "sessions_end": "the system does not offer list-sessions",
    "ownership_moves": "the system does not offer transfer",
    "devices_are_wiped": "the system does not offer wipe-device",
}


@asynccontextmanager
async def connected(proxy: OktaProxy, clock: StandingClock) -> AsyncIterator[OktaAdapter]:
    options: dict[str, str | int] = {
        "url": proxy.server.url,
        "token": TOKEN,
        "number_in": "locale",
        "exchange_seconds": 2,
    }
    adapter = OktaAdapter(Setup("okta", options, str, clock))
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


def world_of(okta: Emulated, proxy: OktaProxy, prefix: str) -> World:
    """What may be used up: three groups, and a user with two factors."""
    groups = [okta.post("/api/v1/groups", {"profile": {"name": f"{prefix}-g{n}"}})["id"] for n in range(3)]
    login = f"{prefix}-owner@example.test"
    owner = okta.post("/api/v1/users", {"profile": {"login": login, "email": login}})["id"]
    proxy.factors[owner] = ["uftm3iHSGFQXHCUSDAND", "ostf17zuKEUMYQAQGCOV"]
    return World(prefix, [f"group:{one}" for one in groups], many=6, with_credentials=owner)


@pytest.mark.parametrize("check", CHECKS)
async def test_the_contract(okta_server: Emulated, clock: StandingClock, check: str) -> None:
    proxy = OktaProxy(okta_server)
    async with playing(proxy.server), connected(proxy, clock) as adapter:
        world = world_of(okta_server, proxy, f"k{list(CHECKS).index(check):02d}")
        result = await run_check(check, adapter, world)
    why = NOT_OFFERED.get(check, "")
    assert (result.result, result.told) == (Result.SKIPPED if why else Result.PASSED, why)


@pytest.mark.parametrize(
    "what",
    sorted(OktaProxy(Emulated("")).server.supports, key=list(DISTURBED).index),
    ids=lambda what: what.name.lower(),
)
async def test_a_disturbed_connection(okta_server: Emulated, clock: StandingClock, what: Disturbance) -> None:
    proxy = OktaProxy(okta_server)
    async with playing(proxy.server), connected(proxy, clock) as adapter:
        world = world_of(okta_server, proxy, f"d{list(DISTURBED).index(what):02d}")
        result = await run_fault(what, adapter, proxy.server, world)
    assert result.result is Result.PASSED, result.told
