"""What an operator notices of a GitHub organization: emulate, and what it lacks played from GitHub's REST reference."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    AuthFailed,
    Cap,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    RateLimited,
    Setup,
    Step,
    Unavailable,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance import Disturbance
from jmltui_github import GithubAdapter
from tests.conftest import StandingClock
from tests.servers.emulate_github import KEEPER, TOKEN, EmulatedGithub, GithubProxy
from tests.servers.played import LOSING, Played, Reply, playing

OWNER = "role:admin"


@pytest.fixture
async def proxy(github_server: EmulatedGithub) -> AsyncIterator[GithubProxy]:
    proxy = GithubProxy(github_server, github_server.fresh.pop())
    async with playing(proxy.server):
        yield proxy


def adapter_of(proxy: GithubProxy, clock: StandingClock, **more: str | bool) -> GithubAdapter:
    options: dict[str, str | int] = {"url": proxy.server.url, "organization": proxy.organization, "token": TOKEN}
    return GithubAdapter(Setup("github", {**options, "exchange_seconds": 2, **more}, str, clock))


@pytest.fixture
async def github(proxy: GithubProxy, clock: StandingClock) -> AsyncIterator[GithubAdapter]:
    proxy.authorized = {}
    adapter = adapter_of(proxy, clock)
    await adapter.open()
    yield adapter
    await adapter.close()


def login_of(proxy: GithubProxy, number: int) -> str:
    return f"{proxy.organization}{number:04d}"


def id_of(proxy: GithubProxy, login: str) -> str:
    return next(str(one) for one, found in proxy.upstream.logins.items() if found == login)


def member(proxy: GithubProxy, number: int, role: str = "member") -> str:
    """A member that another owner made; the id."""
    login = login_of(proxy, number)
    proxy.upstream.call("PUT", f"{proxy.base}/memberships/{login}", {"role": role})
    return id_of(proxy, login)


def wanted(login: str) -> Account:
    return Account("", login, AccountState.ACTIVE, (f"{login}@example.test",), "K-1", login)


async def listed(github: GithubAdapter) -> dict[str, Account]:
    return {one.login: one async for page in github.accounts(Query()) for one in page.items}


# ---- who is in the organization


async def test_an_invitation_stands_until_it_is_accepted(github: GithubAdapter, proxy: GithubProxy) -> None:
    proxy.accepts, login = False, login_of(proxy, 1)
    made, receipt = await github.create(wanted(login), key="1")
    assert (made.state, receipt.outcome) == (AccountState.INVITED, Outcome.PENDING)
    assert made.id == id_of(proxy, login)
    assert (await github.verify(Step(Cap.CREATE, "", login=login))).verdict is Verdict.CONFIRMED
    assert (await listed(github))[login].state is AccountState.INVITED
    assert (await github.create(wanted(login), key="1"))[1].outcome is Outcome.ALREADY
    assert len(proxy.server.calls("PUT")) == 1


async def test_an_invitation_is_taken_back_as_a_member_is_removed(github: GithubAdapter, proxy: GithubProxy) -> None:
    proxy.accepts, login = False, login_of(proxy, 1)
    made, _ = await github.create(wanted(login), key="1")
    assert (await github.delete(made.id)).outcome is Outcome.CHANGED
    assert proxy.pending == {}
    assert (await github.verify(Step(Cap.DELETE, made.id))).verdict is Verdict.CONFIRMED
    assert (await github.delete(made.id)).outcome is Outcome.ALREADY


async def test_a_member_of_that_login_is_not_taken_for_the_person(github: GithubAdapter, proxy: GithubProxy) -> None:
    member(proxy, 1)
    with pytest.raises(Conflict, match="link it by hand"):
        await github.create(wanted(login_of(proxy, 1)), key="1")


@pytest.mark.parametrize("login", ["no-such-user-anywhere", "anna@example.test", "a b", "../x"])
async def test_only_logins_of_github_are_invited(github: GithubAdapter, proxy: GithubProxy, login: str) -> None:
    with pytest.raises(Invalid):
        await github.create(wanted(login), key="1")


async def test_who_was_invited_by_address_is_an_account_too(github: GithubAdapter, proxy: GithubProxy) -> None:
    proxy.addresses[77] = "anna@example.test"
    found = await github.find("Anna@example.test")
    assert found is not None
    assert (found.id, found.state, found.emails) == ("invitation:77", AccountState.INVITED, ("anna@example.test",))
    assert (await listed(github))["anna@example.test"] == found
    assert await github.grants_of(found.id) == []
    assert await github.credentials(found.id) == []
    assert (await github.verify(Step(Cap.DELETE, found.id))).verdict is Verdict.CONTRADICTED
    assert (await github.delete(found.id)).outcome is Outcome.CHANGED
    assert proxy.addresses == {}
    assert (await github.verify(Step(Cap.DELETE, found.id))).verdict is Verdict.CONFIRMED


async def test_outside_collaborators_are_marked_and_removed(github: GithubAdapter, proxy: GithubProxy) -> None:
    login = login_of(proxy, 1)
    proxy.outside.append(login)
    found = (await listed(github))[login]
    assert (found.kind, found.state, found.raw["membership"]) == (
        "person",
        AccountState.ACTIVE,
        "outside collaborator",
    )
    again = await github.find(login)
    assert again is not None
    assert (again.id, again.raw["membership"]) == (found.id, "outside collaborator")
    team = proxy.upstream.team(proxy.organization, "Builders")
    for target in (f"team:{team}", OWNER):
        with pytest.raises(Unsupported, match="invite the person first"):
            await github.grant(found.id, target)
        assert (await github.revoke(found.id, target)).outcome is Outcome.ALREADY
    assert proxy.server.calls("PUT") == []
    assert (await github.delete(found.id)).outcome is Outcome.CHANGED
    assert proxy.server.calls("DELETE") == [f"DELETE {proxy.base}/outside_collaborators/{login}"]
    assert (await github.verify(Step(Cap.DELETE, found.id))).verdict is Verdict.CONFIRMED


async def test_who_is_invited_and_has_repositories_loses_both(github: GithubAdapter, proxy: GithubProxy) -> None:
    proxy.accepts, login = False, login_of(proxy, 1)
    proxy.outside.append(login)
    made, _ = await github.create(wanted(login), key="1")
    found = [one async for page in github.accounts(Query()) for one in page.items if one.login == login]
    assert [(one.id, one.state) for one in found] == [(made.id, AccountState.INVITED)]
    await github.delete(made.id)
    assert (proxy.outside, proxy.pending) == ([], {})
    assert (await github.verify(Step(Cap.DELETE, made.id))).verdict is Verdict.CONFIRMED


async def test_names_are_read_in_listings_where_that_is_wanted(proxy: GithubProxy, clock: StandingClock) -> None:
    member(proxy, 1)
    names = {}
    for profiles in (False, True):
        adapter = adapter_of(proxy, clock, profiles=profiles)
        await adapter.open()
        names[profiles] = (await listed(adapter))[login_of(proxy, 1)].display
        await adapter.close()
    assert names == {False: login_of(proxy, 1), True: "Zoë Łukasz"}


async def test_the_last_owner_stays(github: GithubAdapter, proxy: GithubProxy) -> None:
    keeper = id_of(proxy, KEEPER)
    with pytest.raises(Forbidden, match="last owner"):
        await github.delete(keeper)
    with pytest.raises(Forbidden, match="last owner"):
        await github.revoke(keeper, OWNER)
    assert proxy.server.calls("DELETE") == proxy.server.calls("PUT") == []
    second = member(proxy, 1, "admin")
    assert (await github.revoke(second, OWNER)).outcome is Outcome.CHANGED
    assert (await github.verify(Step(Cap.REVOKE, second, OWNER))).verdict is Verdict.CONFIRMED


async def test_owners_are_made_and_listed(github: GithubAdapter, proxy: GithubProxy) -> None:
    account = member(proxy, 1)
    step = Step(Cap.GRANT, account, OWNER)
    assert (await github.verify(step)).verdict is Verdict.CONTRADICTED
    assert (await github.grant(account, OWNER)).outcome is Outcome.CHANGED
    assert (await github.grant(account, OWNER)).outcome is Outcome.ALREADY
    assert (await github.verify(step)).verdict is Verdict.CONFIRMED
    roles = [one async for page in github.entitlements(Query()) for one in page.items if one.kind == "role"]
    assert [(one.id, one.privileged, one.grantable) for one in roles] == [(OWNER, True, True)]
    owners = [one.account_id async for page in github.grants(Query()) for one in page.items]
    assert sorted(owners) == sorted([id_of(proxy, KEEPER), account])


# ---- teams


async def test_who_is_in_a_child_team_is_in_its_parent_through_it(github: GithubAdapter, proxy: GithubProxy) -> None:
    account, by_hand = member(proxy, 1), member(proxy, 2)
    above, below = (proxy.upstream.team(proxy.organization, name) for name in ("Engineering", "Compilers"))
    proxy.parents[below] = above
    await github.grant(account, f"team:{below}")
    await github.grant(by_hand, f"team:{above}")

    grants = {one.entitlement_id: one for one in await github.grants_of(account)}
    assert (grants[f"team:{above}"].direct, grants[f"team:{above}"].via) == (False, (f"team:{below}",))
    assert grants[f"team:{below}"].direct
    all_of_them = [one async for page in github.grants(Query()) for one in page.items if one.entitlement_id != OWNER]
    assert {one for one in all_of_them if one.account_id == account} == set(grants.values())
    assert [one.direct for one in all_of_them if one.account_id == by_hand] == [True]

    assert (await github.grant(account, f"team:{above}")).outcome is Outcome.ALREADY
    with pytest.raises(Unsupported, match="through Compilers"):
        await github.revoke(account, f"team:{above}")
    assert proxy.server.calls("DELETE") == []
    assert (await github.revoke(account, f"team:{below}")).outcome is Outcome.CHANGED
    assert (await github.verify(Step(Cap.REVOKE, account, f"team:{above}"))).verdict is Verdict.CONFIRMED


async def test_a_team_waits_for_who_is_invited(github: GithubAdapter, proxy: GithubProxy) -> None:
    proxy.accepts, team = False, f"team:{proxy.upstream.team(proxy.organization, 'Waiting')}"
    made, _ = await github.create(wanted(login_of(proxy, 1)), key="1")
    for _ in range(2):
        assert (await github.grant(made.id, team)).outcome is Outcome.PENDING
        assert (await github.verify(Step(Cap.GRANT, made.id, team))).verdict is Verdict.PENDING
    assert await github.grants_of(made.id) == []
    assert (await github.verify(Step(Cap.REVOKE, made.id, team))).verdict is Verdict.CONTRADICTED
    assert (await github.revoke(made.id, team)).outcome is Outcome.CHANGED
    assert (await github.verify(Step(Cap.REVOKE, made.id, team))).verdict is Verdict.CONFIRMED


async def test_the_role_of_owners_waits_for_who_is_invited(github: GithubAdapter, proxy: GithubProxy) -> None:
    proxy.accepts = False
    made, _ = await github.create(wanted(login_of(proxy, 1)), key="1")
    assert (await github.grant(made.id, OWNER)).outcome is Outcome.PENDING
    assert (await github.verify(Step(Cap.GRANT, made.id, OWNER))).verdict is Verdict.PENDING
    assert (await github.verify(Step(Cap.REVOKE, made.id, OWNER))).verdict is Verdict.CONTRADICTED
    assert (await github.revoke(made.id, OWNER)).outcome is Outcome.CHANGED
    assert (await github.verify(Step(Cap.REVOKE, made.id, OWNER))).verdict is Verdict.CONFIRMED


async def test_a_team_that_an_identity_provider_fills_is_left_alone(proxy: GithubProxy, clock: StandingClock) -> None:
    account = member(proxy, 1)
    filled, by_hand = (proxy.upstream.team(proxy.organization, name) for name in ("Filled", "Admins by hand"))
    proxy.upstream.call("PUT", f"{proxy.base}/teams/{filled}/memberships/{login_of(proxy, 1)}", {"role": "member"})
    proxy.groups = {filled: ["Engineering"]}
    github = adapter_of(proxy, clock)
    await github.open()
    found = {one.id: one async for page in github.entitlements(Query()) for one in page.items}
    assert (found[f"team:{filled}"].grantable, found[f"team:{filled}"].privileged) == (False, False)
    assert (found[f"team:{by_hand}"].grantable, found[f"team:{by_hand}"].privileged) == (True, True)
    [grant] = await github.grants_of(account)
    assert (grant.direct, grant.via) == (False, ("idp-group:Engineering",))
    with pytest.raises(Unsupported, match="follows from the identity provider"):
        await github.revoke(account, f"team:{filled}")
    assert (await github.grant(account, f"team:{by_hand}")).outcome is Outcome.CHANGED
    assert (await github.check())["team synchronization"] == "read"
    await github.close()


async def test_a_team_of_the_enterprise_is_not_granted(github: GithubAdapter, proxy: GithubProxy) -> None:
    account = member(proxy, 1)
    told = {"id": 4711, "slug": "ent:all", "name": "All", "type": "enterprise", "parent": None}
    proxy.over["GET", f"{proxy.base}/teams/ent:all"] = Reply(200, told)
    proxy.over["GET", f"{proxy.base}/teams/ent:all/memberships/{login_of(proxy, 1)}"] = Reply(404, {})
    with pytest.raises(Unsupported, match="or the enterprise"):
        await github.grant(account, "team:ent:all")


# ---- credentials and what is not there


async def test_credentials_are_the_persons_own_alone(github: GithubAdapter, proxy: GithubProxy) -> None:
    account, login = member(proxy, 1), login_of(proxy, 1)
    rows = [
        {"login": login, "credential_id": 1, "credential_type": "SSH key"},
        {
            "login": login,
            "credential_id": 2,
            "credential_type": "personal access token",
            "authorized_credential_expires_at": "2020-01-01T00:00:00Z",
        },
        {"login": KEEPER, "credential_id": 3, "credential_type": "personal access token"},
    ]
    path = f"{proxy.base}/credential-authorizations"
    proxy.over["GET", path] = Reply(200, rows)
    found = await github.credentials(account)
    assert [(one.id, one.kind, one.active) for one in found] == [("1", "ssh-key", True), ("2", "token", False)]
    del proxy.over["GET", path]
    proxy.authorized = {login: [1, 2], KEEPER: [3]}
    assert (await github.revoke_credential(account)).outcome is Outcome.CHANGED
    assert proxy.authorized == {login: [], KEEPER: [3]}
    assert (await github.verify(Step(Cap.REVOKE_CREDENTIALS, account))).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize("status", [403, 404])
async def test_without_single_sign_on_it_is_said(proxy: GithubProxy, clock: StandingClock, status: int) -> None:
    proxy.over["GET", f"{proxy.base}/credential-authorizations"] = Reply(status, {"message": "No SAML"})
    github = adapter_of(proxy, clock)
    await github.open()
    assert (await github.check())["single sign-on credentials"] == "not available to this plan or token"
    assert Cap.REVOKE_CREDENTIALS not in github.capabilities()
    for call in (github.credentials("1"), github.revoke_credential("1")):
        with pytest.raises(Unsupported, match="no SAML single sign-on"):
            await call
    await github.close()


async def test_what_github_has_not_is_refused_with_what_to_do(github: GithubAdapter) -> None:
    with pytest.raises(Unsupported, match="remove the person instead"):
        await github.disable("1")
    with pytest.raises(Unsupported, match="invite the person anew"):
        await github.enable("1")
    with pytest.raises(Unsupported, match="does not list sessions"):
        await github.sessions("1")
    assert not {Cap.DISABLE, Cap.ENABLE, Cap.UPDATE, Cap.LIST_SESSIONS, Cap.END_SESSIONS} & github.capabilities().keys()


# ---- whole listings, limits, rights


async def test_a_listing_follows_the_link_header_to_its_end(github: GithubAdapter, proxy: GithubProxy) -> None:
    proxy.size = 2
    ids = {member(proxy, number) for number in range(1, 6)}
    team = proxy.upstream.team(proxy.organization, "Many")
    for account_id in ids:
        await github.grant(account_id, f"team:{team}")
    found = [one.id async for page in github.accounts(Query()) for one in page.items]
    assert sorted(found) == sorted({*ids, id_of(proxy, KEEPER)})
    grants = [
        one.account_id async for page in github.grants(Query()) for one in page.items if team in one.entitlement_id
    ]
    assert sorted(grants) == sorted(ids)


async def test_a_link_to_another_host_is_not_followed(github: GithubAdapter, proxy: GithubProxy) -> None:
    elsewhere = {"Link": '<https://evil.example.test/orgs/x/members?page=2>; rel="next"'}
    proxy.over["GET", f"{proxy.base}/members"] = Reply(200, [{"id": 1, "login": "a"}], elsewhere)
    with pytest.raises(ContractBroken, match="leads to another address"):
        [page async for page in github.accounts(Query())]


async def test_pages_without_anybody_come_to_an_end(github: GithubAdapter, proxy: GithubProxy) -> None:
    more = {"Link": f'<{proxy.server.url}{proxy.base}/members?page=2>; rel="next"'}
    proxy.over["GET", f"{proxy.base}/members"] = Reply(200, [], more)
    with pytest.raises(ContractBroken, match="without end"):
        [page async for page in github.accounts(Query())]
    assert len(proxy.server.calls("GET")) < 30


async def test_an_answer_that_leaves_people_out_is_not_believed(github: GithubAdapter, proxy: GithubProxy) -> None:
    headers = {"X-GitHub-SSO": "partial-results; organizations=1,2"}
    proxy.over["GET", f"{proxy.base}/members"] = Reply(200, [], headers)
    with pytest.raises(ContractBroken, match="single sign-on"):
        [page async for page in github.accounts(Query())]


@pytest.mark.parametrize(
    ("status", "headers", "message", "seconds"),
    [
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+90"}, "API rate limit exceeded", 90),
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "+90"}, "API rate limit exceeded", 90),
        (403, {"Retry-After": "30", "X-RateLimit-Remaining": "4000"}, "a secondary rate limit", 30),
        (403, {"X-RateLimit-Remaining": "4000"}, "You have exceeded a secondary rate limit", 60),
        (429, {"X-RateLimit-Remaining": "4000", "X-RateLimit-Reset": "+3000"}, "Wait", 60),
    ],
)
async def test_both_limits_say_how_long_to_wait(
    github: GithubAdapter,
    proxy: GithubProxy,
    clock: StandingClock,
    status: int,
    headers: dict[str, str],
    message: str,
    seconds: int,
) -> None:
    account, team = member(proxy, 1), proxy.upstream.team(proxy.organization, "Limited")
    told = {
        name: str(int(clock().timestamp()) + int(value)) if value.startswith("+") else value
        for name, value in headers.items()
    }
    path = f"{proxy.base}/teams/{team}/memberships/{login_of(proxy, 1)}"
    proxy.over["PUT", path] = Reply(status, {"message": message}, told)
    with pytest.raises(RateLimited) as caught:
        await github.grant(account, f"team:{team}")
    assert caught.value.retry_after == timedelta(seconds=seconds)


async def test_a_right_that_is_missing_is_no_limit(github: GithubAdapter, proxy: GithubProxy) -> None:
    account, team = member(proxy, 1), proxy.upstream.team(proxy.organization, "Refused")
    path = f"{proxy.base}/teams/{team}/memberships/{login_of(proxy, 1)}"
    proxy.over["PUT", path] = Reply(403, {"message": "Must have admin rights"}, {"X-RateLimit-Remaining": "12"})
    with pytest.raises(Forbidden, match="Must have admin rights"):
        await github.grant(account, f"team:{team}")
    proxy.over["PUT", path] = Reply(403, {"message": "x"}, {"X-GitHub-SSO": "required; url=https://github.com/x"})
    with pytest.raises(Forbidden, match="not authorized for the organization's single sign-on"):
        await github.grant(account, f"team:{team}")


async def test_a_foreign_token_is_refused_and_never_shown(proxy: GithubProxy, clock: StandingClock) -> None:
    with pytest.raises(AuthFailed) as caught:
        await adapter_of(proxy, clock, token="ghp_wrong").open()
    assert "ghp_wrong" not in f"{caught.value} {caught.value.__dict__}"


async def test_a_token_that_sees_public_members_alone_is_refused(proxy: GithubProxy, clock: StandingClock) -> None:
    proxy.over["GET", f"{proxy.base}/invitations"] = Reply(404, {"message": "Not Found"})
    with pytest.raises(Forbidden, match="does not see everybody"):
        await adapter_of(proxy, clock).open()


async def test_a_login_that_went_to_somebody_else_is_not_taken_for_it(
    github: GithubAdapter, proxy: GithubProxy
) -> None:
    account, login = member(proxy, 1), login_of(proxy, 1)
    told = {"state": "active", "role": "member", "user": {"id": 1, "login": login}}
    proxy.over["GET", f"{proxy.base}/memberships/{login}"] = Reply(200, told)
    for call in (github.read(account), github.delete(account)):
        with pytest.raises(ContractBroken, match="told of another"):
            await call
    with pytest.raises(NotFound):
        await github.read("no-such-id")


# ---- disturbed writes


@pytest.mark.parametrize("what", LOSING, ids=lambda what: what.name.lower())
async def test_a_lost_answer_is_read_back(proxy: GithubProxy, clock: StandingClock, what: Disturbance) -> None:
    account, team = member(proxy, 1), f"team:{proxy.upstream.team(proxy.organization, 'Lost')}"
    github = adapter_of(proxy, clock)
    await github.open()
    await proxy.server.disturb(what)
    with pytest.raises(OutcomeUnknown):
        await github.grant(account, team)
    assert (await github.verify(Step(Cap.GRANT, account, team))).verdict is Verdict.CONFIRMED
    assert (await github.grant(account, team)).outcome is Outcome.ALREADY
    if what is not Disturbance.CUT_WRITE_ANSWER:  # 204 has nothing to cut
        await proxy.server.disturb(what)
        with pytest.raises(OutcomeUnknown):
            await github.delete(account)
        assert (await github.verify(Step(Cap.DELETE, account))).verdict is Verdict.CONFIRMED
        assert (await github.delete(account)).outcome is Outcome.ALREADY
    await github.close()


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        (Disturbance.REFUSE, Unavailable),
        (Disturbance.FLAKY, Unavailable),
        (Disturbance.THROTTLE, RateLimited),
        (Disturbance.BUSY, RateLimited),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
async def test_what_does_not_reach_github_changes_nothing(
    github: GithubAdapter, proxy: GithubProxy, what: Disturbance, kind: type[Exception]
) -> None:
    account = member(proxy, 1)
    await proxy.server.disturb(what)
    for call in (github.read(account), github.delete(account), github.verify(Step(Cap.DELETE, account))):
        with pytest.raises(kind):
            await call
    await proxy.server.calm()
    assert (await github.verify(Step(Cap.DELETE, account))).verdict is Verdict.CONTRADICTED


async def test_an_answer_that_does_not_say_what_was_done_is_read_back(
    github: GithubAdapter, proxy: GithubProxy
) -> None:
    account, team = member(proxy, 1), proxy.upstream.team(proxy.organization, "Unclear")
    path = f"{proxy.base}/teams/{team}/memberships/{login_of(proxy, 1)}"
    for body in ({"role": "member"}, b"<html>"):
        proxy.over["PUT", path] = Reply(200, body)
        with pytest.raises(OutcomeUnknown, match="did not say what it did"):
            await github.grant(account, f"team:{team}")


# ---- an own server


async def test_an_own_server_is_reached_below_its_path(clock: StandingClock) -> None:
    server = Played()
    server.on("GET", "/api/v3/orgs/acme", lambda _: Reply(200, {"login": "acme"}))
    server.on("GET", "/api/v3/orgs/acme/members", lambda _: Reply(200, [{"id": 5, "login": "anna"}]))
    for listing in ("invitations", "outside_collaborators"):
        server.on("GET", f"/api/v3/orgs/acme/{listing}", lambda _: Reply(200, []))
    for listing in ("credential-authorizations", "external-groups", "team-sync/groups"):
        server.on("GET", f"/api/v3/orgs/acme/{listing}", lambda _: Reply(404, {"message": "Not Found"}))
    async with playing(server):
        options = {"url": f"{server.url}/api/v3", "organization": "acme", "token": TOKEN}
        github = GithubAdapter(Setup("github", options, str, clock))
        await github.open()
        assert list(await listed(github)) == ["anna"]
        await github.close()
