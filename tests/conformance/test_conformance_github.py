"""The suite on emulate's GitHub, and behind what networks do.

GitHub keeps no number of ours, so none is wanted here; names are the people's own, and are theirs from the beginning.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import pytest

from jmltui.adapter_api import Account, Setup
from jmltui.adapter_api.conformance import CHECKS, DISTURBED, Disturbance, Result, World, run_check, run_fault
from jmltui.adapter_api.conformance.bench import Bench, judged
from jmltui_github import GithubAdapter
from tests.conftest import StandingClock
from tests.servers.emulate_github import TOKEN, EmulatedGithub, GithubProxy
from tests.servers.played import LOSING, playing

NOT_OFFERED: Final = {
    "update_and_stale": "the system does not offer update",
    "disable_and_enable_twice": "the system does not offer disable",
    "many_at_once": "the adapter does not change many at once",
    "sessions_end": "the system does not offer list-sessions",
    "ownership_moves": "the system does not offer transfer",
    "devices_are_wiped": "the system does not offer wipe-device",
}
INVITING: Final = ("create_twice", "create_is_verified")
"""Here the invited have not accepted yet; elsewhere they are members at once, as on an own server."""
NEEDS_DISABLE: Final = (*LOSING, *(Disturbance[name] for name in ("REFUSE", "THROTTLE", "BUSY", "FLAKY")))
"""Tried with other writes in test_github_members."""
SUPPORTED: Final = sorted(GithubProxy(EmulatedGithub(""), "d00").server.supports, key=list(DISTURBED).index)


class Numberless(Bench):
    """Wants accounts without a number."""

    def wanted(self, login: str = "", display: str = "") -> Account:
        return replace(super().wanted(login, display), external_id=None)


@asynccontextmanager
async def connected(proxy: GithubProxy, clock: StandingClock) -> AsyncIterator[GithubAdapter]:
    options: dict[str, str | int] = {
        "url": proxy.server.url,
        "organization": proxy.organization,
        "token": TOKEN,
        "exchange_seconds": 2,
    }
    adapter = GithubAdapter(Setup("github", options, str, clock))
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


def world_of(proxy: GithubProxy) -> World:
    """What may be used up: three teams, and a user with two credentials."""
    github, prefix = proxy.upstream, proxy.organization
    teams = [github.team(prefix, f"{prefix} team {number}") for number in range(3)]
    owner = f"{prefix}0012"
    github.call("PUT", f"/orgs/{prefix}/memberships/{owner}", {"role": "member"})
    proxy.authorized = {owner: [11, 12]}
    number = next(str(one) for one, login in github.logins.items() if login == owner)
    return World(prefix, [f"team:{one}" for one in teams], many=6, with_credentials=number)


@pytest.mark.parametrize("check", CHECKS)
async def test_the_contract(github_server: EmulatedGithub, clock: StandingClock, check: str) -> None:
    proxy = GithubProxy(github_server, f"k{list(CHECKS).index(check):02d}", accepts=check not in INVITING)
    world = world_of(proxy)
    async with playing(proxy.server), connected(proxy, clock) as adapter:
        result = await judged(check, CHECKS[check](Numberless(adapter, world)))
    why = NOT_OFFERED.get(check, "")
    assert (result.result, result.told) == (Result.SKIPPED if why else Result.PASSED, why)


async def test_without_single_sign_on_no_credentials_are_offered(
    github_server: EmulatedGithub, clock: StandingClock
) -> None:
    proxy = GithubProxy(github_server, "k30")
    world = world_of(proxy)
    proxy.authorized = None
    async with playing(proxy.server), connected(proxy, clock) as adapter:
        ending = await run_check("credentials_end", adapter, world)
        honest = await run_check("capabilities_are_honest", adapter, world)
    assert (ending.result, ending.told) == (Result.SKIPPED, "the system does not offer list-credentials")
    assert honest.result is Result.PASSED, honest.told


@pytest.mark.parametrize("what", SUPPORTED, ids=lambda what: what.name.lower())
async def test_a_disturbed_connection(github_server: EmulatedGithub, clock: StandingClock, what: Disturbance) -> None:
    proxy = GithubProxy(github_server, f"d{list(DISTURBED).index(what):02d}")
    world = world_of(proxy)
    async with playing(proxy.server), connected(proxy, clock) as adapter:
        result = await run_fault(what, adapter, proxy.server, world)
    expected = Result.SKIPPED if what in NEEDS_DISABLE else Result.PASSED
    told = "the system does not offer disable" if expected is Result.SKIPPED else ""
    assert (result.result, result.told) == (expected, told)
