"""The suite on a real Samba domain: as its administrator, as an account with the rights it needs, and disturbed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jmltui.adapter_api import Cap, Query
from jmltui.adapter_api.conformance import CHECKS, Disturbance, Result, World, run_check, run_fault
from jmltui.adapter_api.conformance.bench import collected
from jmltui_ldap import LdapAdapter
from tests.conftest import StandingClock
from tests.servers.samba import SambaDomain, connected
from tests.servers.samba_proxy import SambaProxy, samba_proxy

PASSWORD = "D3legated-for-the-tests"
NOT_OFFERED = ("sessions_end", "ownership_moves", "devices_are_wiped")


@pytest.fixture(scope="module")
def domain(samba_domain: SambaDomain) -> SambaDomain:
    """A domain with groups to hold, and an account that may do what the documentation says."""
    for number in range(3):
        samba_domain.group(f"conformance-{number}")
    samba_domain.delegate("delegated", PASSWORD)
    return samba_domain


async def world_of(adapter: LdapAdapter, prefix: str) -> World:
    """What may be used up: the groups."""
    found = [one.id for one in await collected(adapter.entitlements(Query())) if one.name.startswith("conformance")]
    return World(prefix, found)


@pytest.mark.parametrize("check", CHECKS)
async def test_an_administrator_keeps_the_contract(domain: SambaDomain, clock: StandingClock, check: str) -> None:
    async with connected(domain, clock) as adapter:
        assert Cap.LIST_SESSIONS not in adapter.capabilities(), "a domain lists no sessions over LDAP"
        result = await run_check(check, adapter, await world_of(adapter, f"a{list(CHECKS).index(check):02d}"))
    expected = Result.SKIPPED if check in NOT_OFFERED else Result.PASSED
    assert result.result is expected, result.told


@pytest.mark.parametrize("check", CHECKS)
async def test_a_delegated_account_keeps_the_contract(domain: SambaDomain, clock: StandingClock, check: str) -> None:
    async with connected(domain, clock, user="delegated@ad.example.test", password=PASSWORD) as adapter:
        assert Cap.DELTA not in adapter.capabilities()
        world = replace(await world_of(adapter, f"d{list(CHECKS).index(check):02d}"), many=5)
        result = await run_check(check, adapter, world)
    expected = Result.SKIPPED if check in NOT_OFFERED else Result.PASSED
    assert result.result is expected, result.told


@pytest.mark.parametrize("what", sorted(SambaProxy.supports), ids=lambda what: what.name.lower())
async def test_under_a_disturbed_connection(domain: SambaDomain, clock: StandingClock, what: Disturbance) -> None:
    prefix = f"f{sorted(SambaProxy.supports).index(what):02d}"
    async with samba_proxy(domain) as proxy, connected(domain, clock, url=proxy.url, exchange_seconds=1) as adapter:
        result = await run_fault(what, adapter, proxy, World(prefix))
    assert result.result is Result.PASSED, result.told
