"""What the Google adapter does beyond the contract: signed assertions, groups by rule, licences, limits, refusals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jmltui.adapter_api import (
    AuthFailed,
    Cap,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    Proof,
    Query,
    RateLimited,
    Step,
    Unsupported,
    Verdict,
)
from tests.adapters.google_setup import connected
from tests.conftest import StandingClock
from tests.servers.google_customer import ADMIN, Customer, refused
from tests.servers.played import Reply


@pytest.fixture
def customer(clock: StandingClock) -> Customer:
    """Three users, two groups of which one follows a rule, one licence."""
    customer = Customer(clock)
    for name in ("ana", "ben", "cem"):
        customer.user(name)
    for name in ("staff", "everybody"):
        customer.join(customer.group(name), "1000")
    customer.dynamic = {"01everybody"}
    customer.licences = [("ana@example.com", "1010020020")]
    return customer


async def test_the_service_account_acts_as_the_administrator_with_the_least_scopes(
    customer: Customer, clock: StandingClock
) -> None:
    async with connected(customer, clock, dynamic_groups=False):
        pass
    async with connected(customer, clock, licences=["Google-Apps"]) as google:
        clock.forward(timedelta(hours=1))
        await google.read("1000")
    plain, full, renewed = customer.subjects
    assert plain["sub"] == ADMIN
    assert "licensing" not in plain["scope"]
    assert "cloud-identity" not in plain["scope"]
    assert "apps.licensing" in full["scope"]
    assert "cloud-identity.groups.readonly" in full["scope"]
    assert renewed["iat"] - full["iat"] == 3600


async def test_an_administrator_that_is_not_delegated_is_told_without_the_key(
    customer: Customer, clock: StandingClock
) -> None:
    with pytest.raises(AuthFailed) as told:
        async with connected(customer, clock, admin="nobody@example.com"):
            pass
    assert "PRIVATE KEY" not in str(told.value)


@pytest.mark.parametrize(
    "secret", ["hunter2", "{}", '{"client_email": "a", "private_key_id": "b", "private_key": "c"}']
)
async def test_a_key_file_that_is_none_is_refused_and_not_repeated(
    customer: Customer, clock: StandingClock, secret: str
) -> None:
    with pytest.raises(Invalid, match="is not the JSON key file") as told:
        async with connected(customer, clock, secret=secret):
            pass
    assert secret not in str(told.value)


async def test_a_group_with_a_rule_is_not_granted(customer: Customer, clock: StandingClock) -> None:
    async with connected(customer, clock) as google:
        found = {e.id: e for p in [p async for p in google.entitlements(Query())] for e in p.items}
        with pytest.raises(Forbidden, match="is decided by its rule"):
            await google.grant("1001", "group:01everybody")
        grants = {(g.account_id, g.entitlement_id) async for p in google.grants(Query()) for g in p.items}
    assert (found["group:00staff"].grantable, found["group:01everybody"].grantable) == (True, False)
    assert grants == {("1000", "group:00staff"), ("1000", "group:01everybody")}


async def test_a_licence_is_given_and_taken(customer: Customer, clock: StandingClock) -> None:
    licence = "licence:Google-Apps/1010020020"
    async with connected(customer, clock, licences=["Google-Apps"]) as google:
        assert licence in {g.entitlement_id for g in await google.grants_of("1000")}
        for write, cap, who in ((google.grant, Cap.GRANT, "1001"), (google.revoke, Cap.REVOKE, "1000")):
            step = Step(cap, who, licence)
            assert (await google.verify(step)).verdict is Verdict.CONTRADICTED
            assert (await write(who, licence)).outcome is Outcome.CHANGED
            assert (await google.verify(step)).verdict is Verdict.CONFIRMED
            assert (await write(who, licence)).outcome is Outcome.ALREADY
    assert customer.licences == [("ben@example.com", "1010020020")]


async def test_that_sessions_ended_is_never_claimed(customer: Customer, clock: StandingClock) -> None:
    async with connected(customer, clock, transfer=[]) as google:
        assert google.capabilities()[Cap.END_SESSIONS].proof is Proof.NONE
        assert (await google.end_sessions("1000")).outcome is Outcome.CHANGED
        found = await google.verify(Step(Cap.END_SESSIONS, "1000"))
        with pytest.raises(NotFound):
            await google.end_sessions("4711")
        with pytest.raises(Unsupported):
            await google.end_sessions("1000", "one")
        facts = await google.check()
    assert (found.verdict, found.proof) == (Verdict.UNVERIFIABLE, Proof.NONE)
    assert facts["sessions"] == "not verifiable here"
    assert "POST /admin/directory/v1/users/1000/signOut" in customer.server.calls("POST")


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"])
async def test_a_403_that_asks_to_wait_is_no_refusal(customer: Customer, clock: StandingClock, reason: str) -> None:
    async with connected(customer, clock) as google:
        customer.server.instead.append(refused(403, reason, "Quota exceeded"))
        with pytest.raises(RateLimited):
            await google.disable("1000")
        customer.server.instead.append(refused(403, "forbidden", "Not Authorized to access this resource/api"))
        with pytest.raises(Forbidden):
            await google.disable("1000")
    assert customer.users["1000"]["suspended"] is False


async def test_an_alias_is_nobodys_login_and_no_id(customer: Customer, clock: StandingClock) -> None:
    customer.users["1000"]["aliases"] = ["a@example.com"]
    async with connected(customer, clock) as google:
        assert await google.find("a@example.com") is None
        with pytest.raises(NotFound):
            await google.disable("a@example.com")
        with pytest.raises(NotFound):
            await google.read("a@example.com")
    assert customer.server.calls("PATCH") == []


async def test_a_number_is_kept_beside_other_ids(customer: Customer, clock: StandingClock) -> None:
    async with connected(customer, clock) as google:
        assert (await google.update("1000", {"external_id": "K-7"})).outcome is Outcome.CHANGED
        assert (await google.read("1000")).external_id == "K-7"
        assert (await google.update("1000", {"external_id": "K-7"})).outcome is Outcome.ALREADY
    assert [one["type"] for one in customer.users["1000"]["externalIds"]] == ["custom", "organization"]


async def test_an_archived_user_is_off_and_comes_back_by_hand(customer: Customer, clock: StandingClock) -> None:
    customer.users["1000"]["archived"] = True
    async with connected(customer, clock) as google:
        assert (await google.read("1000")).state.value == "disabled"
        with pytest.raises(Forbidden, match="is archived"):
            await google.enable("1000")


async def test_a_token_that_is_refused_is_renewed_once(customer: Customer, clock: StandingClock) -> None:
    async with connected(customer, clock) as google:
        customer.server.instead.append(Reply(401))
        assert (await google.read("1000")).login == "ana@example.com"
        customer.server.instead += [Reply(401), Reply(401)]
        with pytest.raises(AuthFailed):
            await google.read("1000")
