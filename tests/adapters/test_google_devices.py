"""Devices of leavers: whose they are, what a wipe takes, how far it is, and whose are left alone."""

from __future__ import annotations

import pytest

from jmltui.adapter_api import (
    Cap,
    Conflict,
    ContractBroken,
    DeviceControl,
    Entitlement,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    RateLimited,
    Step,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance import Disturbance
from jmltui_google import GoogleAdapter
from tests.adapters.google_setup import connected
from tests.conftest import StandingClock
from tests.servers.google_customer import refused
from tests.servers.google_estate import HERE, Estate
from tests.servers.played import Reply

ANA, BEN = "ana@example.com", "ben@example.com"
PHONE, BOOK = "device:mobile/R1", "device:chromeos/B1"
WIPE_PHONE = Step(Cap.WIPE_DEVICE, "1000", PHONE)
WIPE_BOOK = Step(Cap.WIPE_DEVICE, "1000", BOOK)


@pytest.fixture
def estate(clock: StandingClock) -> Estate:
    """Ana is suspended and has a phone and a Chromebook; Ben and Joana have a phone each, Cem has nothing."""
    estate = Estate(clock)
    estate.user("ana", suspended=True, aliases=["a.old@example.com"])
    for name in ("ben", "joana", "cem"):
        estate.user(name)
    estate.mobile("R1", ANA)
    estate.mobile("R2", BEN)
    estate.mobile("R3", "joana@example.com")
    estate.chrome("B1", ANA)
    return estate


async def listed(google: GoogleAdapter) -> dict[str, Entitlement]:
    """All devices."""
    found = [one async for page in google.entitlements(Query()) for one in page.items]
    return {one.id: one for one in found if one.kind == "device"}


async def held(google: GoogleAdapter, account_id: str) -> set[str]:
    """The devices of one account; both listings must say the same."""
    single = {one.entitlement_id for one in await google.grants_of(account_id)}
    every = [one async for page in google.grants(Query()) for one in page.items]
    assert single == {one.entitlement_id for one in every if one.account_id == account_id}
    return single


async def verdict(google: GoogleAdapter, step: Step) -> Verdict:
    """What the read-back says."""
    return (await google.verify(step)).verdict


async def test_devices_are_shown_under_names_that_a_desk_knows(estate: Estate, clock: StandingClock) -> None:
    estate.mobile("R4", BEN, model="Galaxy\x1b[2J S24", serialNumber="", imei="356938035643809")
    estate.mobile("R5-0123456789ab", BEN, model="", brand="Fairphone", serialNumber="")
    estate.mobile("R6", "joana@example.com", serialNumber="S-R2")
    async with connected(estate, clock, devices="account") as google:
        found = await listed(google)
        assert isinstance(google, DeviceControl)
        assert not any(one.grantable for one in found.values())
        assert {key.partition("/")[2]: one.name for key, one in found.items()} == {
            "R1": "Pixel 8, serial S-R1",
            "R2": "Pixel 8, serial S-R2 (ben@example.com)",
            "R3": "Pixel 8, serial S-R3",
            "R4": "Galaxy[2J S24, IMEI 356938035643809",
            "R5-0123456789ab": "Fairphone, id 0123456789ab",
            "R6": "Pixel 8, serial S-R2 (joana@example.com)",
            "B1": "Chromebook 14, serial C-B1",
        }


async def test_a_suspended_user_keeps_a_readable_list_and_a_search_that_finds_too_much_is_compared(
    estate: Estate, clock: StandingClock
) -> None:
    estate.mobile("R7", "A.Old@example.com")
    async with connected(estate, clock, devices="account") as google:
        assert (await google.read("1000")).state.value == "disabled"
        assert await held(google, "1000") == {PHONE, "device:mobile/R7", BOOK}
        assert await held(google, "1003") == set()
        with pytest.raises(NotFound):
            await google.grants_of("4711")


async def test_a_phone_is_pending_until_it_was_online(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock, devices="account") as google:
        assert await verdict(google, WIPE_PHONE) is Verdict.CONTRADICTED
        assert (await google.wipe_device("1000", PHONE)).outcome is Outcome.PENDING
        assert estate.mobiles["R1"]["status"] == "ACCOUNT_WIPING"
        assert await verdict(google, WIPE_PHONE) is Verdict.PENDING
        assert (await google.wipe_device("1000", PHONE)).outcome is Outcome.PENDING
        assert PHONE in await held(google, "1000")
        estate.reach_devices()
        found = await google.verify(WIPE_PHONE)
        assert (found.verdict, found.observed["status"]) == (Verdict.CONFIRMED, "ACCOUNT_WIPED")
        assert (await google.wipe_device("1000", PHONE)).outcome is Outcome.ALREADY
        assert PHONE not in await held(google, "1000")
        assert PHONE not in await listed(google)
    assert estate.server.calls("POST") == [f"POST {HERE}/devices/mobile/R1/action"]
    assert estate.mobiles["R2"]["status"] == "APPROVED"


async def test_everything_resets_the_phone_even_one_whose_account_was_wiped(
    estate: Estate, clock: StandingClock
) -> None:
    estate.mobiles["R1"]["status"] = "ACCOUNT_WIPED"
    async with connected(estate, clock, devices="everything") as google:
        assert PHONE in await held(google, "1000")
        assert "all that is on it is lost" in google.capabilities()[Cap.WIPE_DEVICE].note
        await google.wipe_device("1000", PHONE)
        assert estate.mobiles["R1"]["status"] == "WIPING"
        estate.reach_devices()
        assert await verdict(google, WIPE_PHONE) is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("BLOCKED", Verdict.CONTRADICTED),
        ("PENDING", Verdict.CONTRADICTED),
        ("Account Wiped", Verdict.CONFIRMED),
        ("WIPED", Verdict.CONFIRMED),
        ("WIPING", Verdict.PENDING),
        ("UNKNOWN", Verdict.UNVERIFIABLE),
        ("DELETED", Verdict.UNVERIFIABLE),
    ],
)
async def test_a_status_says_how_far_it_is(estate: Estate, clock: StandingClock, status: str, told: Verdict) -> None:
    estate.mobiles["R1"]["status"] = status
    async with connected(estate, clock, devices="account") as google:
        assert await verdict(google, WIPE_PHONE) is told


async def test_a_device_that_is_listed_no_more_proves_nothing(estate: Estate, clock: StandingClock) -> None:
    estate.mobiles["R2"]["status"] = "DELETED"
    del estate.mobiles["R1"]
    async with connected(estate, clock, devices="account") as google:
        assert await verdict(google, WIPE_PHONE) is Verdict.UNVERIFIABLE
        for unknown in (PHONE, "device:tablet/R2", "device:mobile/", "group:R2"):
            with pytest.raises(NotFound):
                await google.wipe_device("1000", unknown)
        with pytest.raises(Conflict, match=r"managed no more \(DELETED\)"):
            await google.wipe_device("1001", "device:mobile/R2")
    assert estate.server.calls("POST") == []


async def test_nobody_elses_device_is_wiped(estate: Estate, clock: StandingClock) -> None:
    estate.mobiles["R1"]["email"].append(BEN)
    estate.chrome("B2", "", ANA, BEN)
    estate.chrome("B3", "gone@example.com", ANA)
    async with connected(estate, clock, devices="account") as google:
        with pytest.raises(NotFound, match=f"does not belong to {ANA}"):
            await google.wipe_device("1000", "device:mobile/R2")
        with pytest.raises(Conflict, match=f"used by {BEN} too"):
            await google.wipe_device("1000", PHONE)
        with pytest.raises(Conflict, match=f"used by {BEN} too"):
            await google.wipe_device("1000", "device:chromeos/B2")
        with pytest.raises(Conflict, match=r"used by gone@example\.com too"):
            await google.wipe_device("1000", "device:chromeos/B3")
        assert await held(google, "1001") == {PHONE, "device:mobile/R2", "device:chromeos/B2"}
        with pytest.raises(NotFound):
            await google.wipe_device("4711", PHONE)
    assert estate.server.calls("POST") == []


async def test_two_accounts_on_one_phone_stop_a_reset_but_not_the_wipe_of_one_account(
    estate: Estate, clock: StandingClock
) -> None:
    estate.mobile("R8", BEN, serialNumber="S-R1")
    estate.mobile("R9", BEN, serialNumber="S-R11")
    async with connected(estate, clock, devices="everything") as google:
        with pytest.raises(Conflict, match=f"used by {BEN} too"):
            await google.wipe_device("1000", PHONE)
    async with connected(estate, clock, devices="account") as google:
        assert (await google.wipe_device("1000", PHONE)).outcome is Outcome.PENDING
    assert [estate.mobiles[key]["status"] for key in ("R1", "R8")] == ["ACCOUNT_WIPING", "APPROVED"]


@pytest.mark.parametrize(("devices", "command"), [("account", "WIPE_USERS"), ("everything", "REMOTE_POWERWASH")])
async def test_a_chromebook_is_told_and_proved_by_its_command(
    estate: Estate, clock: StandingClock, devices: str, command: str
) -> None:
    async with connected(estate, clock, devices=devices) as google:
        assert await verdict(google, WIPE_BOOK) is Verdict.UNVERIFIABLE
        asked = await google.wipe_device("1000", BOOK)
        assert (asked.outcome, asked.job) == (Outcome.PENDING, "700")
        for state in ("PENDING", "SENT_TO_CLIENT", "ACKED_BY_CLIENT"):
            estate.commands["700"]["state"] = state
            assert await verdict(google, WIPE_BOOK) is Verdict.PENDING
        assert (await google.wipe_device("1000", BOOK)).job == "700"
        estate.reach_devices()
        assert await verdict(google, WIPE_BOOK) is Verdict.CONFIRMED
        assert (await google.wipe_device("1000", BOOK)).outcome is Outcome.ALREADY
    assert [one["type"] for one in estate.commands.values()] == [command]


async def test_a_command_that_came_to_nothing_is_told_and_given_again(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock, devices="account") as google:
        await google.wipe_device("1000", BOOK)
        estate.commands["700"] |= {
            "state": "EXECUTED_BY_CLIENT",
            "commandResult": {"result": "FAILURE", "errorMessage": "no space"},
        }
        found = await google.verify(WIPE_BOOK)
        assert (found.verdict, found.observed["error"]) == (Verdict.CONTRADICTED, "no space")
        estate.commands["700"]["state"] = "EXPIRED"
        assert await verdict(google, WIPE_BOOK) is Verdict.CONTRADICTED
        assert (await google.wipe_device("1000", BOOK)).job == "701"
        await estate.server.disturb(Disturbance.LOSE_WRITE_ANSWER)
        estate.commands["701"]["state"] = "CANCELLED"
        with pytest.raises(OutcomeUnknown):
            await google.wipe_device("1000", BOOK)
        await estate.server.calm()
        assert await verdict(google, WIPE_BOOK) is Verdict.UNVERIFIABLE
        estate.answer_next("POST", f"{HERE}/devices/chromeos/B1:issueCommand", Reply(200, {}))
        with pytest.raises(OutcomeUnknown, match="gave it no name"):
            await google.wipe_device("1000", BOOK)


async def test_a_chromebook_belongs_to_whom_an_administrator_noted_else_to_who_uses_it(
    estate: Estate, clock: StandingClock
) -> None:
    estate.chrome("B4", "help desk", BEN)
    estate.chrome("B5", BEN, ANA, BEN)
    estate.chrome("B6", ANA, status="DEPROVISIONED")
    async with connected(estate, clock, devices="account") as google:
        assert await held(google, "1001") == {"device:mobile/R2", "device:chromeos/B4", "device:chromeos/B5"}
        assert await held(google, "1000") == {PHONE, BOOK}
        with pytest.raises(Conflict, match="managed no more"):
            await google.wipe_device("1000", "device:chromeos/B6")


async def test_a_lost_answer_is_read_back_from_the_phone(estate: Estate, clock: StandingClock) -> None:
    path = f"{HERE}/devices/mobile/R1/action"
    async with connected(estate, clock, devices="account") as google:
        estate.answer_next("POST", path, Reply(500))
        with pytest.raises(OutcomeUnknown):
            await google.wipe_device("1000", PHONE)
        assert await verdict(google, WIPE_PHONE) is Verdict.CONTRADICTED
        await estate.server.disturb(Disturbance.LOSE_WRITE_ANSWER)
        with pytest.raises(OutcomeUnknown):
            await google.wipe_device("1000", PHONE)
        await estate.server.calm()
        assert await verdict(google, WIPE_PHONE) is Verdict.PENDING
        other = Reply(200, estate.mobiles["R2"])
        estate.answer_next("GET", f"{HERE}/devices/mobile/R1", other)
        with pytest.raises(ContractBroken, match="told of another"):
            await google.verify(WIPE_PHONE)


async def test_refusals_are_sentences(estate: Estate, clock: StandingClock) -> None:
    path = f"{HERE}/devices/mobile/R1/action"
    async with connected(estate, clock, devices="account") as google:
        for status, reason, error, words in (
            (403, "userRateLimitExceeded", RateLimited, "Google says"),
            (403, "forbidden", Forbidden, "may lack the privilege"),
            (404, "notFound", NotFound, "Google says"),
            (400, "invalid", Invalid, "Google says"),
        ):
            estate.answer_next("POST", path, refused(status, reason, "Google says"))
            with pytest.raises(error, match=words):
                await google.wipe_device("1000", PHONE)
    estate.mobiles["R1"]["privilege"] = "basic"
    async with connected(estate, clock, devices="everything") as google:
        with pytest.raises(Invalid, match="only a device under advanced management can be reset"):
            await google.wipe_device("1000", PHONE)
    assert estate.mobiles["R1"]["status"] == "APPROVED"


async def test_devices_are_off_unless_asked_for_and_need_their_scopes(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock) as google:
        assert Cap.WIPE_DEVICE not in google.capabilities()
        assert await listed(google) == {}
        with pytest.raises(Unsupported):
            await google.wipe_device("1000", PHONE)
    assert not any("device" in claims["scope"] for claims in estate.subjects)
    estate.undelegated = {"admin.directory.device.chromeos"}
    async with connected(estate, clock, devices="account") as google:
        with pytest.raises(Forbidden, match=r"delegate admin\.directory\.device\.mobile\.action, admin\.directory"):
            await google.grants_of("1000")
        assert (await google.check())["devices"].startswith("not readable")
    async with connected(estate, clock, devices="account", chrome_devices=False) as google:
        assert await held(google, "1000") == {PHONE}
        with pytest.raises(NotFound):
            await google.wipe_device("1000", BOOK)
