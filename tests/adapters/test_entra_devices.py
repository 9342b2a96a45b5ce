"""Devices that Intune manages: whose they are, what wiping one does, and that it is believed only once it is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jmltui.adapter_api import (
    Cap,
    DeviceControl,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    RateLimited,
    Step,
    Unavailable,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance import Disturbance
from jmltui_entra import EntraAdapter
from tests.conftest import StandingClock
from tests.servers.graph_chosen import ChosenTenant, connected, of_intune
from tests.servers.graph_tenant import refused
from tests.servers.played import Reply

LIST = "deviceManagement/managedDevices"
ONE = f"{LIST}/([^/]+)"
ORDER = f"{LIST}/([^/]+)/(retire|wipe)"
PHONE = "device:d-phone"
WIPE = Step(Cap.WIPE_DEVICE, "u-ana", PHONE)


@pytest.fixture
def tenant(clock: StandingClock) -> ChosenTenant:
    """Two users; one has a telephone, a tablet and a computer, the other a telephone."""
    tenant = ChosenTenant(clock)
    for name in ("ana", "ben"):
        tenant.user(name)
    tenant.device("phone", "u-ana")
    tenant.device("tablet", "u-ana", model="iPad", serialNumber="0", imei="353912110000000")
    tenant.device("computer", "u-ana", model="", operatingSystem="Windows", serialNumber="System Serial Number")
    tenant.device("other", "u-ben")
    tenant.device("shared", "", userId=None)
    tenant.device("half", "u-ana", managementState="discovered")
    return tenant


async def held(entra: EntraAdapter, account_id: str) -> set[str]:
    return {g.entitlement_id for g in await entra.grants_of(account_id) if g.entitlement_id.startswith("device:")}


async def test_without_the_option_nothing_is_asked_of_intune(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock) as entra:
        assert Cap.WIPE_DEVICE not in entra.capabilities()
        assert await held(entra, "u-ana") == set()
        with pytest.raises(Unsupported, match="leave devices out"):
            await entra.wipe_device("u-ana", PHONE)
        assert (await entra.verify(WIPE)).verdict is Verdict.UNVERIFIABLE
    assert not [call for call in tenant.server.calls() if LIST in call]


async def test_devices_are_told_page_by_page_and_by_what_is_written_on_them(
    tenant: ChosenTenant, clock: StandingClock
) -> None:
    async with connected(tenant, clock, devices="retire") as entra:
        assert isinstance(entra, DeviceControl)
        found = {e.id: e for p in [p async for p in entra.entitlements(Query())] for e in p.items if e.kind == "device"}
        grants = [g for p in [p async for p in entra.grants(Query())] for g in p.items]
        mine = await held(entra, "u-ana")
    assert {e.name for e in found.values()} == {
        "Pixel 8, serial SN-phone",
        "iPad, IMEI 353912110000000",
        "Windows, called computer_Android",
        "Pixel 8, serial SN-other",
    }
    assert not any(e.grantable or e.privileged for e in found.values())
    devices = [(g.account_id, g.entitlement_id) for g in grants if g.entitlement_id.startswith("device:")]
    assert sorted(devices) == sorted([*(("u-ana", one) for one in mine), ("u-ben", "device:d-other")])
    assert mine == {PHONE, "device:d-tablet", "device:d-computer"}


async def test_two_of_the_same_name_are_told_apart(tenant: ChosenTenant, clock: StandingClock) -> None:
    tenant.device("twin", "u-ben", serialNumber="SN-phone")
    async with connected(tenant, clock, devices="retire") as entra:
        names = [e.name for p in [p async for p in entra.entitlements(Query())] for e in p.items if e.kind == "device"]
    assert {"Pixel 8, serial SN-phone (d-twin)", "Pixel 8, serial SN-phone (d-phone)"} < set(names)


@pytest.mark.parametrize(
    ("action", "promise"), [("retire", "personal data stays"), ("wipe", "everything on it is lost")]
)
async def test_a_device_is_pending_for_days_and_then_gone(
    tenant: ChosenTenant, clock: StandingClock, action: str, promise: str
) -> None:
    tenant.reach = timedelta(days=3)
    async with connected(tenant, clock, devices=action) as entra:
        support = entra.capabilities()[Cap.WIPE_DEVICE]
        assert promise in support.note
        assert not support.reversible
        assert (await entra.verify(WIPE)).verdict is Verdict.CONTRADICTED
        first = await entra.wipe_device("u-ana", PHONE)
        again = await entra.wipe_device("u-ana", PHONE)
        assert (first.outcome, again.outcome) == (Outcome.PENDING, Outcome.PENDING)
        assert first.before["device"] == "Pixel 8, serial SN-phone"
        clock.forward(timedelta(days=2))
        waiting = await entra.verify(WIPE)
        assert waiting.verdict is Verdict.PENDING
        assert waiting.observed["last seen by Intune"] == "2026-11-24T08:00:00Z"
        assert PHONE in await held(entra, "u-ana")
        clock.forward(timedelta(days=1))
        assert (await entra.verify(WIPE)).verdict is Verdict.CONFIRMED
        assert PHONE not in await held(entra, "u-ana")
        assert (await entra.wipe_device("u-ana", PHONE)).outcome is Outcome.ALREADY
    assert tenant.server.calls("POST") == [f"POST /v1.0/{LIST}/d-phone/{action}"]


async def test_a_wipe_that_failed_is_said_and_can_be_asked_for_again(
    tenant: ChosenTenant, clock: StandingClock
) -> None:
    tenant.fails = {"d-phone"}
    async with connected(tenant, clock, devices="wipe") as entra:
        await entra.wipe_device("u-ana", PHONE)
        clock.forward(timedelta(hours=1))
        found = await entra.verify(WIPE)
        assert (found.verdict, found.observed["state"]) == (Verdict.CONTRADICTED, "wipeFailed")
        tenant.fails = set()
        assert (await entra.wipe_device("u-ana", PHONE)).outcome is Outcome.PENDING
        clock.forward(timedelta(hours=1))
        assert (await entra.verify(WIPE)).verdict is Verdict.CONFIRMED


async def test_a_retired_device_is_no_wiped_one(tenant: ChosenTenant, clock: StandingClock) -> None:
    tenant.devices["d-phone"]["managementState"] = "retireIssued"
    async with connected(tenant, clock, devices="wipe") as entra:
        assert (await entra.verify(WIPE)).verdict is Verdict.CONTRADICTED
    async with connected(tenant, clock, devices="retire") as entra:
        tenant.devices["d-phone"]["managementState"] = "wipeIssued"
        assert (await entra.verify(WIPE)).verdict is Verdict.PENDING
        assert (await entra.wipe_device("u-ana", PHONE)).outcome is Outcome.PENDING
    assert tenant.server.calls("POST") == []


async def test_somebody_elses_device_is_left_alone(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, devices="wipe") as entra:
        await entra.wipe_device("u-ana", PHONE)
        tenant.orders.clear()
        tenant.devices["d-phone"] |= {"userId": "u-ben", "managementState": "managed"}
        with pytest.raises(NotFound, match="serial SN-phone of entra does not belong to this user any more"):
            await entra.wipe_device("u-ana", PHONE)
        found = await entra.verify(WIPE)
    assert (found.verdict, found.observed["theirs"]) == (Verdict.CONTRADICTED, False)
    assert len(tenant.server.calls("POST")) == 1


async def test_gone_needs_the_list_as_well(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, devices="wipe") as entra:
        tenant.refusing[ONE] = refused(404, "ResourceNotFound", "gone")
        assert (await entra.verify(WIPE)).verdict is Verdict.PENDING
        with pytest.raises(NotFound, match="has no device d-phone any more"):
            await entra.wipe_device("u-ana", PHONE)
        del tenant.devices["d-phone"]
        assert (await entra.verify(WIPE)).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_an_error_after_the_order_is_unknown_until_it_is_read(
    tenant: ChosenTenant, clock: StandingClock, status: int
) -> None:
    tenant.after[ORDER] = refused(status, "InternalServerError", "Internal Server Error")
    async with connected(tenant, clock, devices="wipe") as entra:
        with pytest.raises(OutcomeUnknown):
            await entra.wipe_device("u-ana", PHONE)
        assert (await entra.verify(WIPE)).verdict is Verdict.PENDING
        assert (await entra.wipe_device("u-ana", PHONE)).outcome is Outcome.PENDING
    assert len(tenant.server.calls("POST")) == 1


async def test_an_order_whose_answer_is_lost_is_unknown(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, devices="retire") as entra:
        await tenant.server.disturb(Disturbance.LOSE_WRITE_ANSWER)
        with pytest.raises(OutcomeUnknown):
            await entra.wipe_device("u-ana", PHONE)
        assert (await entra.verify(WIPE)).verdict is Verdict.PENDING


async def test_intune_that_asks_to_wait_is_waited_for(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, devices="retire") as entra:
        tenant.refusing[ORDER] = Reply(429, {"error": {"code": "TooManyRequests"}}, {"Retry-After": "42"})
        with pytest.raises(RateLimited) as told:
            await entra.wipe_device("u-ana", PHONE)
        tenant.refusing[LIST] = Reply(503, None)
        with pytest.raises(Unavailable):
            await entra.grants_of("u-ana")
    assert told.value.retry_after == timedelta(seconds=42)
    assert tenant.devices["d-phone"]["managementState"] == "managed"


async def test_what_is_missing_is_named(tenant: ChosenTenant, clock: StandingClock) -> None:
    denied = of_intune(403, "Forbidden", "Application is not authorized to perform this operation.")
    async with connected(tenant, clock, devices="wipe") as entra:
        tenant.refusing[ORDER] = denied
        with pytest.raises(Forbidden, match=r"refuses wiping devices .*PrivilegedOperations\.All .*ReadWrite\.All\)"):
            await entra.wipe_device("u-ana", PHONE)
        tenant.refusing[ONE] = tenant.refusing[LIST] = denied
        with pytest.raises(Forbidden, match=r"needs the permission DeviceManagementManagedDevices\.Read\.All"):
            await entra.grants_of("u-ana")
        with pytest.raises(Forbidden):
            await entra.verify(WIPE)
        tenant.refusing[LIST] = of_intune(400, "BadRequest", "Request not applicable to target tenant.")
        with pytest.raises(Unsupported, match="the tenant has no licence for Microsoft Intune"):
            [page async for page in entra.entitlements(Query())]
        assert "has no licence for Microsoft Intune" in (await entra.check())["devices"]
        tenant.refusing.clear()
        assert (await entra.check())["devices"] == "readable"


async def test_a_platform_that_cannot_do_it_is_told_in_intunes_words(
    tenant: ChosenTenant, clock: StandingClock
) -> None:
    tenant.refusing[ORDER] = of_intune(400, "BadRequest", "Device type does not support this action")
    async with connected(tenant, clock, devices="wipe") as entra:
        with pytest.raises(Invalid) as told:
            await entra.wipe_device("u-ana", PHONE)
    assert "wipe Pixel 8, serial SN-phone" in str(told.value)
    assert "Device type does not support this action." in str(told.value)
    assert "Operation ID" not in str(told.value)


async def test_a_device_is_neither_given_nor_taken(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, devices="wipe") as entra:
        with pytest.raises(Unsupported, match="neither given nor taken"):
            await entra.revoke("u-ana", PHONE)
