"""What a leaver owns goes to somebody else: asked for once, waited for, proved by Google's list of transfers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jmltui.adapter_api import (
    Cap,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    OwnershipTransfer,
    RateLimited,
    Step,
    Unavailable,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance import Disturbance
from jmltui_google import GoogleAdapter
from tests.adapters.google_setup import connected
from tests.conftest import StandingClock
from tests.servers.google_customer import refused
from tests.servers.google_estate import CALENDAR, DRIVE, Estate
from tests.servers.played import Reply

TRANSFERS = "/admin/datatransfer/v1/transfers"
STEP = Step(Cap.TRANSFER, "1000", "1001")


@pytest.fixture
def estate(clock: StandingClock) -> Estate:
    """Ana is suspended and signed in last a week ago; Ben takes over."""
    estate = Estate(clock)
    estate.user("ana", suspended=True, lastLoginTime="2026-05-25T08:00:00.000Z")
    estate.user("ben")
    return estate


async def verdict(google: GoogleAdapter, step: Step = STEP) -> Verdict:
    """What the read-back says."""
    return (await google.verify(step)).verdict


async def test_all_files_and_events_are_asked_for_once_and_proved_when_google_is_done(
    estate: Estate, clock: StandingClock
) -> None:
    async with connected(estate, clock) as google:
        assert isinstance(google, OwnershipTransfer)
        assert await verdict(google) is Verdict.CONTRADICTED
        asked = await google.transfer("1000", "1001")
        assert (asked.outcome, asked.job) == (Outcome.PENDING, "T1")
        assert await verdict(google) is Verdict.PENDING
        again = await google.transfer("1000", "1001")
        assert (again.outcome, again.job) == (Outcome.PENDING, "T1")
        estate.proceed("completed", CALENDAR)
        estate.transfers[0]["overallTransferStatusCode"] = "inProgress"
        assert await verdict(google) is Verdict.PENDING
        estate.proceed("completed")
        clock.forward(timedelta(minutes=20))
        found = await google.verify(STEP)
        assert (found.verdict, found.source) == (Verdict.CONFIRMED, f"GET {TRANSFERS}")
        assert found.observed["drive"] == "completed"
        assert (await google.transfer("1000", "1001")).outcome is Outcome.ALREADY
    assert estate.server.calls("POST") == [f"POST {TRANSFERS}"]
    assert estate.transfers[0]["applicationDataTransfers"][0]["applicationTransferParams"] == [
        {"key": "PRIVACY_LEVEL", "value": ["PRIVATE", "SHARED"]}
    ]
    assert estate.transfers[0]["applicationDataTransfers"][1]["applicationTransferParams"] == []


async def test_rooms_are_let_go_where_that_is_wanted(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock, transfer=["calendar"], release_rooms=True) as google:
        await google.transfer("1000", "1001")
    (one,) = estate.transfers[0]["applicationDataTransfers"]
    assert one["applicationId"] == CALENDAR
    assert one["applicationTransferParams"] == [{"key": "RELEASE_RESOURCES", "value": ["TRUE"]}]


async def test_the_note_says_that_the_mailbox_stays(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock) as google:
        support = google.capabilities()[Cap.TRANSFER]
    assert "the mailbox is not in it" in support.note
    assert not support.reversible


@pytest.mark.parametrize(
    ("state", "asked", "levels", "suspended", "repeated"),
    [
        ("completed", "2026-06-01T07:30:00.000Z", "PRIVATE,SHARED", True, False),
        ("completed", "2026-06-01T07:30:00.000Z", "PRIVATE,SHARED", False, True),
        ("completed", "2026-06-01T07:30:00.000Z", "SHARED", True, True),
        ("completed", "2026-05-31T08:00:00.000Z", "PRIVATE,SHARED", True, True),
        ("failed", "2026-06-01T07:30:00.000Z", "PRIVATE,SHARED", True, True),
        ("inProgress", "2026-05-31T08:00:00.000Z", "PRIVATE,SHARED", True, False),
    ],
    ids=["just now", "not suspended", "shared files alone", "yesterday", "failed", "still under way"],
)
async def test_only_a_transfer_that_left_nothing_is_not_asked_for_again(
    estate: Estate, clock: StandingClock, state: str, asked: str, levels: str, suspended: bool, repeated: bool
) -> None:
    estate.users["1000"]["suspended"] = suspended
    estate.transferred(state, asked, DRIVE, levels=levels)
    async with connected(estate, clock, transfer=["drive"]) as google:
        receipt = await google.transfer("1000", "1001")
    assert (len(estate.transfers) == 2) is repeated
    assert receipt.outcome is (Outcome.PENDING if repeated or state == "inProgress" else Outcome.ALREADY)


async def test_only_what_is_lacking_is_asked_for(estate: Estate, clock: StandingClock) -> None:
    estate.transferred("inProgress", "2026-06-01T07:00:00.000Z", DRIVE)
    async with connected(estate, clock) as google:
        assert (await google.transfer("1000", "1001")).outcome is Outcome.PENDING
        estate.proceed("completed")
        assert await verdict(google) is Verdict.PENDING
    assert [one["applicationId"] for one in estate.transfers[1]["applicationDataTransfers"]] == [CALENDAR]


async def test_an_old_transfer_proves_nothing(estate: Estate, clock: StandingClock) -> None:
    estate.transferred("completed", "2026-05-24T08:00:00.000Z", DRIVE, CALENDAR)
    async with connected(estate, clock) as google:
        assert await verdict(google) is Verdict.CONTRADICTED  # she signed in the day after
        estate.users["1000"]["lastLoginTime"] = "2026-01-01T08:00:00.000Z"
        assert await verdict(google) is Verdict.CONTRADICTED  # longer ago than a week
        estate.transfers[0]["requestTime"] = "2026-05-26T08:00:00.000Z"
        assert await verdict(google) is Verdict.CONFIRMED


async def test_a_transfer_that_failed_at_google_is_told_and_can_be_asked_for_again(
    estate: Estate, clock: StandingClock
) -> None:
    async with connected(estate, clock) as google:
        await google.transfer("1000", "1001")
        estate.proceed("completed")
        estate.proceed("failed", CALENDAR)
        found = await google.verify(STEP)
        assert (found.verdict, found.observed["calendar"]) == (Verdict.CONTRADICTED, "failed")
        assert (await google.transfer("1000", "1001")).outcome is Outcome.PENDING
        estate.proceed("somethingNew")
        assert await verdict(google) is Verdict.UNVERIFIABLE
    assert [one["applicationId"] for one in estate.transfers[1]["applicationDataTransfers"]] == [CALENDAR]


@pytest.mark.parametrize("what", [Disturbance.LOSE_WRITE_ANSWER, Disturbance.CUT_WRITE_ANSWER])
async def test_an_insert_whose_answer_was_lost_is_found_in_the_list(
    estate: Estate, clock: StandingClock, what: Disturbance
) -> None:
    async with connected(estate, clock) as google:
        await estate.server.disturb(what)
        with pytest.raises(OutcomeUnknown):
            await google.transfer("1000", "1001")
        await estate.server.calm()
        assert await verdict(google) is Verdict.PENDING
        assert (await google.transfer("1000", "1001")).job == "T1"
    assert len(estate.transfers) == 1


async def test_an_insert_that_google_broke_off_is_unknown_and_then_told_as_not_done(
    estate: Estate, clock: StandingClock
) -> None:
    async with connected(estate, clock, transfer="drive") as google:
        await google.read("1000")
        for reply, error in ((Reply(500), OutcomeUnknown), (Reply(503), Unavailable), (Reply(200, {}), OutcomeUnknown)):
            await google.verify(STEP)
            estate.answer_next("POST", TRANSFERS, reply)
            with pytest.raises(error):
                await google.transfer("1000", "1001")
            assert await verdict(google) is Verdict.CONTRADICTED
    assert estate.transfers == []


async def test_what_is_not_delegated_is_refused_in_a_sentence_and_stops_nothing_else(
    estate: Estate, clock: StandingClock
) -> None:
    estate.undelegated = {"admin.datatransfer"}
    async with connected(estate, clock) as google:
        with pytest.raises(Forbidden, match=r"delegate admin\.datatransfer to the service account") as told:
            await google.transfer("1000", "1001")
        facts = await google.check()
        assert (await google.disable("1001")).outcome is Outcome.CHANGED
    assert "`transfer = []`" in told.value.message
    assert facts["transfer"].startswith("not readable: google does not let jmltui transfer what a user owns")


async def test_refusals_say_what_is_lacking(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock) as google:
        for reason, error, words in (
            ("rateLimitExceeded", RateLimited, "Quota"),
            ("insufficientPermissions", Forbidden, "A scope is not delegated"),
            ("forbidden", Forbidden, "may lack the privilege"),
        ):
            estate.answer_next("POST", TRANSFERS, refused(403, reason, "Quota or right"))
            with pytest.raises(error, match=words):
                await google.transfer("1000", "1001")
    assert estate.transfers == []


async def test_nobody_who_cannot_keep_it_gets_anything(estate: Estate, clock: StandingClock) -> None:
    off = estate.user("cem", suspended=True)
    async with connected(estate, clock) as google:
        with pytest.raises(Invalid, match="cannot hand over to itself"):
            await google.transfer("1000", "1000")
        with pytest.raises(Invalid, match="nobody could open"):
            await google.transfer("1000", off)
        for pair in (("4711", "1001"), ("1000", "4711")):
            with pytest.raises(NotFound):
                await google.transfer(*pair)
        assert await verdict(google, Step(Cap.TRANSFER, "4711", "1001")) is Verdict.CONTRADICTED
    assert estate.server.calls("POST") == []


async def test_what_the_customer_does_not_have_is_named(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock, transfer=["drive", "looker"]) as google:
        with pytest.raises(Unsupported, match="cannot transfer looker, but Drive and Docs, Calendar"):
            await google.transfer("1000", "1001")
    with pytest.raises(Invalid, match="“gmail” of google cannot be transferred; drive, calendar, looker can"):
        async with connected(estate, clock, transfer=["gmail"]):
            pass


async def test_without_applications_nothing_is_offered_nor_asked_for(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock, transfer=[]) as google:
        assert Cap.TRANSFER not in google.capabilities()
        with pytest.raises(Unsupported):
            await google.transfer("1000", "1001")
        assert await verdict(google) is Verdict.UNVERIFIABLE
        await google.check()
    assert not any("datatransfer" in claims["scope"] for claims in estate.subjects)
