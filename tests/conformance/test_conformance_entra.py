"""The suite on the Entra adapter, against Graph's published exchanges played with their state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jmltui.adapter_api.conformance import CHECKS, DISTURBED, Disturbance, Result, World, run_check, run_fault
from tests.conftest import StandingClock
from tests.servers.graph_chosen import ChosenTenant, connected
from tests.servers.graph_tenant import ROLE, Tenant

SKIPPED = {"many_at_once", "sessions_end", "ownership_moves", "devices_are_wiped"}
"""Graph changes members of one group by 20 at most, lists no sessions and hands nothing over: none of it is offered.
Devices are an option, tried below."""
NO_VERSION = {"update_and_stale"}
EVERYTHING: dict[str, Any] = {"devices": "wipe", "applications": ["all"], "pim": True}
OF_CHOSEN = (
    "create_twice",
    "grant_and_revoke_twice",
    "one_group_many_members",
    "one_account_many_groups",
    "devices_are_wiped",
    "capabilities_are_honest",
)
"""The checks that are about what the options add."""


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


def chosen(tenant: ChosenTenant, clock: StandingClock, prefix: str, first: str) -> World:
    """Two app roles and an eligible one to be granted, and devices to be carried."""
    tenant.application("payroll", "admin", "clerk")

    async def wait(by: timedelta) -> None:
        clock.forward(by)

    async def carry(account_id: str) -> str:
        return tenant.device(f"{len(tenant.devices)}-{account_id}", account_id)

    ids = ["permission:sp-payroll/r-admin", "permission:sp-payroll/r-clerk", f"eligible:{ROLE}"]
    return World(prefix, sorted(ids, key=lambda one: not one.startswith(first)), wait, carry=carry)


@pytest.mark.parametrize("first", ["permission", "eligible"])
@pytest.mark.parametrize("check", OF_CHOSEN)
async def test_the_contract_is_kept_with_every_option(clock: StandingClock, check: str, first: str) -> None:
    tenant = ChosenTenant(clock)
    async with connected(tenant, clock, **EVERYTHING) as adapter:
        result = await run_check(check, adapter, chosen(tenant, clock, f"c{OF_CHOSEN.index(check)}", first))
    assert result.result is Result.PASSED, result.told
