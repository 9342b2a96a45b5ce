"""The suite on the Entra adapter, against Graph's published exchanges played with their state."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from jmltui.adapter_api import Setup
from jmltui.adapter_api.conformance import CHECKS, DISTURBED, Disturbance, Result, World, run_check, run_fault
from jmltui_entra import EntraAdapter
from tests.conftest import StandingClock
from tests.servers.graph_tenant import CLIENT, SECRET, TENANT, Tenant
from tests.servers.played import playing

SKIPPED = {"many_at_once", "sessions_end"}
"""Graph changes members of one group by 20 at most and lists no sessions: neither is offered."""
NO_VERSION = {"update_and_stale"}


@asynccontextmanager
async def connected(tenant: Tenant, clock: StandingClock) -> AsyncIterator[EntraAdapter]:
    async with playing(tenant.server) as server:

        class Here(EntraAdapter):
            CLOUDS = {"global": (server.url, server.url)}  # noqa: RUF012

        options = {"tenant": TENANT, "client_id": CLIENT, "client_secret": "x", "exchange_seconds": 1}
        adapter = Here(Setup("entra", options, lambda _: SECRET, clock))
        await adapter.open()
        try:
            yield adapter
        finally:
            await adapter.close()


def world(tenant: Tenant, clock: StandingClock, prefix: str) -> World:
    """Three groups, and somebody with three methods, the default one first."""
    kinds = ("microsoftAuthenticator", "phone", "fido2")
    owner = tenant.user("methods")
    tenant.methods[owner] += [
        {"@odata.type": f"#microsoft.graph.{kind}AuthenticationMethod", "id": f"m-{kind}"} for kind in kinds
    ]
    tenant.methods[owner][1]["isDefault"] = True

    async def wait(by: timedelta) -> None:
        clock.forward(by)

    groups = [f"group:{tenant.group(name)}" for name in ("one", "two", "three")]
    return World(prefix, groups, wait, with_credentials=owner)


@pytest.mark.parametrize("check", CHECKS)
async def test_the_contract_is_kept(clock: StandingClock, check: str) -> None:
    tenant = Tenant(clock)
    async with connected(tenant, clock) as adapter:
        use = world(tenant, clock, f"s{list(CHECKS).index(check):02d}")
        if check == "credentials_end":  # one is removed first, and the default one goes last
            tenant.methods[use.with_credentials].append(tenant.methods[use.with_credentials].pop(1))
        result = await run_check(check, adapter, use)
    expected = Result.SKIPPED if check in SKIPPED | NO_VERSION else Result.PASSED
    assert result.result is expected, result.told
    if check in NO_VERSION:
        assert "no version" in result.told


@pytest.mark.parametrize("what", DISTURBED, ids=lambda what: what.name.lower())
async def test_under_a_disturbed_connection(clock: StandingClock, what: Disturbance) -> None:
    tenant = Tenant(clock)
    async with connected(tenant, clock) as adapter:
        use = world(tenant, clock, f"d{list(DISTURBED).index(what):02d}")
        result = await run_fault(what, adapter, tenant.server, use)
    assert result.result is Result.PASSED, result.told
