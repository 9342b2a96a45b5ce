"""What an operator notices of Okta users: emulate, and what it lacks played from Okta's published interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    Ambiguous,
    AuthFailed,
    Cap,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    Query,
    RateLimited,
    Setup,
    Step,
    Unsupported,
    Verdict,
)
from jmltui_okta import OktaAdapter
from tests.conftest import StandingClock
from tests.servers.emulate import TOKEN, Emulated, OktaProxy, limited
from tests.servers.played import Reply, playing


@pytest.fixture
async def proxy(okta_server: Emulated) -> AsyncIterator[OktaProxy]:
    proxy = OktaProxy(okta_server)
    async with playing(proxy.server):
        yield proxy


def adapter_of(proxy: OktaProxy, clock: StandingClock, token: str = TOKEN) -> OktaAdapter:
    return OktaAdapter(Setup("okta", {"url": proxy.server.url, "token": token, "number_in": "locale"}, str, clock))


@pytest.fixture
async def okta(proxy: OktaProxy, clock: StandingClock) -> AsyncIterator[OktaAdapter]:
    adapter = adapter_of(proxy, clock)
    await adapter.open()
    yield adapter
    await adapter.close()


async def made(okta: OktaAdapter, name: str) -> Account:
    login = f"{name}@example.test"
    return (await okta.create(Account("", login, AccountState.ACTIVE, (login,), f"K-{name}", name), key=name))[0]


def group_of(proxy: OktaProxy, name: str) -> str:
    return str(proxy.upstream.post("/api/v1/groups", {"profile": {"name": name}})["id"])


async def test_an_active_user_is_suspended_and_comes_back_as_before(okta: OktaAdapter, proxy: OktaProxy) -> None:
    account = await made(okta, "anna")
    receipt = await okta.disable(account.id)
    assert (receipt.before["status"], receipt.after["status"]) == ("ACTIVE", "SUSPENDED")
    assert proxy.upstream.get(f"/api/v1/users/{account.id}")["status"] == "SUSPENDED"
    await okta.enable(account.id)
    assert proxy.upstream.get(f"/api/v1/users/{account.id}")["status"] == "ACTIVE"


async def test_who_never_signed_in_cannot_be_suspended_and_is_deactivated(okta: OktaAdapter, proxy: OktaProxy) -> None:
    login = "bela@example.test"
    staged = proxy.upstream.post("/api/v1/users?activate=false", {"profile": {"login": login, "email": login}})["id"]
    assert (await okta.read(staged)).state is AccountState.INVITED
    receipt = await okta.disable(staged)
    assert receipt.after["status"] == "DEPROVISIONED"
    assert "POST /api/v1/users/" + staged + "/lifecycle/suspend" not in proxy.server.calls()
    assert (await okta.verify(Step(Cap.DISABLE, staged))).verdict is Verdict.CONFIRMED


async def test_a_delete_has_two_steps_and_waits_for_the_first(okta: OktaAdapter, proxy: OktaProxy) -> None:
    account = await made(okta, "carl")
    path = f"/api/v1/users/{account.id}"
    going = {**proxy.upstream.get(path), "transitioningToStatus": "DEPROVISIONED"}
    proxy.over["GET", path] = Reply(200, going)
    assert (await okta.delete(account.id)).outcome is Outcome.PENDING
    assert (await okta.verify(Step(Cap.DELETE, account.id))).verdict is Verdict.PENDING
    assert proxy.server.calls("DELETE") == []
    proxy.over.clear()
    assert (await okta.delete(account.id)).outcome is Outcome.CHANGED
    with pytest.raises(NotFound):
        await okta.read(account.id)


async def test_sessions_are_ended_and_nothing_is_claimed_of_it(okta: OktaAdapter, proxy: OktaProxy) -> None:
    account = await made(okta, "dora")
    assert (await okta.end_sessions(account.id)).outcome is Outcome.CHANGED
    assert proxy.ended == [account.id]
    assert (await okta.verify(Step(Cap.END_SESSIONS, account.id))).verdict is Verdict.UNVERIFIABLE
    with pytest.raises(Unsupported):
        await okta.sessions(account.id)


async def test_a_group_that_a_rule_fills_is_shown_and_left_alone(okta: OktaAdapter, proxy: OktaProxy) -> None:
    account, by_rule, by_hand = (
        await made(okta, "emil"),
        group_of(proxy, "Emil by rule"),
        group_of(proxy, "Emil by hand"),
    )
    for group in (by_rule, by_hand):
        await okta.grant(account.id, f"group:{group}")
    actions = {"assignUserToGroups": {"groupIds": [by_rule]}}
    proxy.rules = [{"id": "0pr3", "name": "Engineers", "status": "ACTIVE", "actions": actions}]

    grants = {one.entitlement_id: one for one in await okta.grants_of(account.id)}

    assert grants[f"group:{by_rule}"].via == ("rule:Engineers",)
    assert not grants[f"group:{by_rule}"].direct
    assert grants[f"group:{by_hand}"].direct
    listed = {one.id: one async for page in okta.entitlements(Query()) for one in page.items}
    assert not listed[f"group:{by_rule}"].grantable
    assert not listed["group:00g_everyone"].grantable
    assert listed[f"group:{by_hand}"].grantable
    with pytest.raises(Unsupported, match="follows from a rule"):
        await okta.revoke(account.id, f"group:{by_rule}")
    assert (await okta.revoke(account.id, f"group:{by_hand}")).outcome is Outcome.CHANGED


async def test_a_listing_follows_the_link_header_to_its_end(okta: OktaAdapter, proxy: OktaProxy) -> None:
    proxy.size = 2
    names = {(await made(okta, f"finn{number}")).id for number in range(5)}
    group = group_of(proxy, "Finns")
    for account_id in names:
        await okta.grant(account_id, f"group:{group}")
    listed = [one.id async for page in okta.accounts(Query()) for one in page.items]
    assert names <= set(listed)
    assert len(listed) == len(set(listed))
    grants = [g.account_id async for page in okta.grants(Query()) for g in page.items if group in g.entitlement_id]
    assert sorted(grants) == sorted(names)


async def test_a_link_to_another_host_is_not_followed(okta: OktaAdapter, proxy: OktaProxy) -> None:
    elsewhere = {"Link": '<https://evil.example.test/api/v1/users?after=1>; rel="next"'}
    proxy.over["GET", "/api/v1/users"] = Reply(200, proxy.upstream.get("/api/v1/users"), elsewhere)
    with pytest.raises(ContractBroken, match="leads to another address"):
        [page async for page in okta.accounts(Query())]


async def test_a_login_that_is_taken_is_a_conflict_and_a_bad_value_is_not(okta: OktaAdapter, proxy: OktaProxy) -> None:
    await made(okta, "gina")
    taken = Account("", "gina2@example.test", AccountState.ACTIVE, ("gina@example.test",), "K-2", "Gina")
    with pytest.raises(Conflict, match="already exists"):
        await okta.create(taken, key="2")
    causes = [{"errorSummary": "login: Username must be in the form of an email address"}]
    body = {"errorCode": "E0000001", "errorSummary": "Api validation failed: login", "errorCauses": causes}
    proxy.over["POST", "/api/v1/users"] = Reply(400, body)
    with pytest.raises(Invalid, match="must be in the form of an email address"):
        await okta.create(Account("", "h", AccountState.ACTIVE, (), "K-h", "H"), key="h")


async def test_a_limit_says_until_when_to_wait(okta: OktaAdapter, proxy: OktaProxy, clock: StandingClock) -> None:
    account = await made(okta, "ines")
    proxy.server.instead.append(limited(clock()))
    with pytest.raises(RateLimited) as caught:
        await okta.read(account.id)
    assert caught.value.retry_after == timedelta(seconds=9)


async def test_a_foreign_token_is_refused_and_never_shown(proxy: OktaProxy, clock: StandingClock) -> None:
    adapter = adapter_of(proxy, clock, "00wrong-token")
    with pytest.raises(AuthFailed) as caught:
        await adapter.open()
    assert "00wrong-token" not in f"{caught.value} {caught.value.__dict__}"


async def test_a_token_that_may_not_read_rules_says_so(okta: OktaAdapter, proxy: OktaProxy) -> None:
    assert (await okta.check())["group rules"] == "0"
    body = {"errorCode": "E0000006", "errorSummary": "You do not have permission to perform the requested action"}
    proxy.over["GET", "/api/v1/groups/rules"] = Reply(403, body)
    assert "not readable" in (await okta.check())["group rules"]
    account = await made(okta, "jana")
    proxy.over["DELETE", f"/api/v1/users/{account.id}/sessions"] = Reply(403, body)
    with pytest.raises(Forbidden, match="do not have permission"):
        await okta.end_sessions(account.id)


async def test_two_users_of_one_login_are_ambiguous(okta: OktaAdapter, proxy: OktaProxy) -> None:
    account = await made(okta, "karl")
    one = proxy.upstream.get(f"/api/v1/users/{account.id}")
    both = [one, {**one, "id": "00uother"}]
    proxy.over["GET", "/api/v1/users/karl@example.test"] = Reply(404, {"errorCode": "E0000007"})
    proxy.over["GET", "/api/v1/users"] = Reply(200, both)
    with pytest.raises(Ambiguous):
        await okta.find("karl@example.test")
