"""The suite on moto, for IAM users and for Identity Center, directly and behind what networks and AWS do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import pytest

from jmltui.adapter_api import Setup
from jmltui.adapter_api.conformance import CHECKS, DISTURBED, Disturbance, Result, World, run_check, run_fault
from jmltui_aws import AwsAdapter
from tests.conftest import StandingClock
from tests.servers.moto import AwsProxy, Moto
from tests.servers.played import LOSING, playing

SERVICES: Final = ("iam", "identity-center")
NOT_OFFERED: Final = {
    "iam": {
        "update_and_stale": "the system gives accounts no version to compare",
        "many_at_once": "the adapter does not change many at once",
        "cursor_resumes": "the system gives no cursor to resume from",
        "sessions_end": "the system does not offer list-sessions",
        "ownership_moves": "the system does not offer transfer",
        "devices_are_wiped": "the system does not offer wipe-device",
    },
    "identity-center": {
        "update_and_stale": "the system does not offer update",
        "disable_and_enable_twice": "the system does not offer disable",
        "many_at_once": "the adapter does not change many at once",
        "sessions_end": "the system does not offer list-sessions",
        "ownership_moves": "the system does not offer transfer",
        "devices_are_wiped": "the system does not offer wipe-device",
        "credentials_end": "the system does not offer list-credentials",
    },
}
"""What is skipped, and why; moto gives all users of IAM on one page."""
NEEDS_DISABLE: Final = (*LOSING, *(Disturbance[name] for name in ("REFUSE", "THROTTLE", "BUSY", "FLAKY")))
DISTURBANCES: Final = [
    (service, what)
    for service in SERVICES
    for what in DISTURBED
    if what in AwsProxy(Moto("")).supports and (service == "iam" or what not in NEEDS_DISABLE)
]


@asynccontextmanager
async def connected(address: str, service: str, clock: StandingClock) -> AsyncIterator[AwsAdapter]:
    options: dict[str, str | int] = {
        "service": service,
        "access_key_id": "AKIAEXAMPLE",
        "secret_access_key": "secret",
        "endpoint_url": address,
        "exchange_seconds": 2,
    }
    adapter = AwsAdapter(Setup("cloud", options, str, clock))
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


def world_of(moto: Moto, service: str, prefix: str) -> World:
    """What may be used up: three groups, and in IAM a user who has credentials."""

    async def at_once(by: timedelta) -> None:
        """moto knows of a change as soon as it has answered."""

    names = [f"{prefix}-g{number}" for number in range(3)]
    if service == "iam":
        iam = moto.client("iam")
        for name in names:
            iam.create_group(GroupName=name)
        owner = iam.create_user(UserName=f"{prefix}-owner")["User"]
        iam.create_login_profile(UserName=f"{prefix}-owner", Password="Long-enough-9!")
        iam.create_access_key(UserName=f"{prefix}-owner")
        iam.create_access_key(UserName=f"{prefix}-owner")
        held = [f"group:{name}" for name in names]
        return World(prefix, held, at_once, many=3, with_credentials=owner["UserId"])
    store = moto.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]
    client = moto.client("identitystore")
    made = [client.create_group(IdentityStoreId=store, DisplayName=name)["GroupId"] for name in names]
    return World(prefix, [f"group:{one}" for one in made], at_once, many=3)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("check", CHECKS)
async def test_the_contract(moto_server: Moto, clock: StandingClock, service: str, check: str) -> None:
    proxy = AwsProxy(moto_server)
    async with playing(proxy.server), connected(proxy.server.url, service, clock) as adapter:
        world = world_of(moto_server, service, f"k{list(CHECKS).index(check):02d}")
        result = await run_check(check, adapter, world)
    why = NOT_OFFERED[service].get(check, "")
    assert (result.result, result.told) == (Result.SKIPPED if why else Result.PASSED, why)


@pytest.mark.parametrize(("service", "what"), DISTURBANCES, ids=lambda value: getattr(value, "name", value))
async def test_a_disturbed_connection(moto_server: Moto, clock: StandingClock, service: str, what: Disturbance) -> None:
    proxy = AwsProxy(moto_server)
    async with playing(proxy.server), connected(proxy.server.url, service, clock) as adapter:
        world = world_of(moto_server, service, f"d{list(DISTURBED).index(what):02d}")
        result = await run_fault(what, adapter, proxy, world)
    assert result.result is Result.PASSED, result.told
