"""The suite on the Google adapter, against the Admin SDK's published exchanges played with their state."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jmltui.adapter_api.conformance import CHECKS, DISTURBED, Disturbance, Result, World, run_check, run_fault
from tests.adapters.google_setup import connected
from tests.conftest import StandingClock
from tests.servers.google_customer import Customer
from tests.servers.google_estate import Estate

NOT_OFFERED = {"many_at_once", "sessions_end"}
"""One call changes one member, and sessions are not listed."""
NOT_THERE = {
    *(Disturbance.SHORT_LISTING, Disturbance.SMALL_TOTAL, Disturbance.LARGE_TOTAL),
    Disturbance.IGNORE_FILTER,
}
"""The Directory API has no totals, and a user is found by address, not by a filter."""


def world(customer: Customer, clock: StandingClock, prefix: str) -> World:
    """Three groups, and somebody with a token and an application password."""
    owner = customer.user("owner")
    customer.credentials[owner] = {
        "tokens": [{"clientId": "123.apps.googleusercontent.com", "displayText": "App"}],
        "asps": [{"codeId": 4, "name": "Mail", "creationTime": "1719830000000", "lastTimeUsed": "0"}],
    }

    async def wait(by: timedelta) -> None:
        clock.forward(by)

    groups = [f"group:{customer.group(name)}" for name in ("one", "two", "three")]
    return World(prefix, groups, wait, with_credentials=owner)


def estate_world(estate: Estate, clock: StandingClock, prefix: str) -> World:
    """A role among the entitlements; devices are online, and Google has done what it was asked for, after a wait."""
    plain = world(estate, clock, prefix)

    async def wait(by: timedelta) -> None:
        await plain.wait(by)
        if estate.transfers:
            estate.proceed("completed")
        estate.reach_devices()

    async def own(account_id: str) -> None:
        """Somebody who goes on working makes new files, so that only who is suspended has handed over all."""
        estate.users[account_id]["suspended"] = True

    async def carry(account_id: str) -> str:
        key = f"R{len(estate.mobiles)}"
        estate.mobile(key, estate.users[account_id]["primaryEmail"])
        return f"device:mobile/{key}"

    one, two, _ = plain.entitlement_ids
    role = f"role:{estate.role('_HELP_DESK_ADMIN_ROLE')}"
    return World(prefix, [one, role, two], wait, with_credentials=plain.with_credentials, own=own, carry=carry)


@pytest.mark.parametrize("check", CHECKS)
async def test_the_contract_is_kept(clock: StandingClock, check: str) -> None:
    estate = Estate(clock)
    async with connected(estate, clock, devices="account", roles=True) as adapter:
        result = await run_check(check, adapter, estate_world(estate, clock, f"s{list(CHECKS).index(check):02d}"))
    assert result.result is (Result.SKIPPED if check in NOT_OFFERED else Result.PASSED), result.told


@pytest.mark.parametrize("what", DISTURBED, ids=lambda what: what.name.lower())
async def test_under_a_disturbed_connection(clock: StandingClock, what: Disturbance) -> None:
    customer = Customer(clock)
    async with connected(customer, clock) as adapter:
        use = world(customer, clock, f"d{list(DISTURBED).index(what):02d}")
        result = await run_fault(what, adapter, customer.server, use)
    assert result.result is (Result.SKIPPED if what in NOT_THERE else Result.PASSED), result.told
