"""What a real Samba domain tells of its changes: all of them, and nothing that was not changed."""

from __future__ import annotations

import base64

import pytest

from jmltui.adapter_api import Account, AccountState, Cap, Page, Query, ResyncNeeded, Unsupported
from jmltui_ldap import LdapAdapter
from tests.conftest import StandingClock
from tests.servers.samba import LEAVERS, PEOPLE, SambaDomain, connected

PASSWORD = "T0ld-of-every-change"


async def pages(adapter: LdapAdapter, query: Query) -> list[Page[Account]]:
    """All pages of a listing."""
    return [page async for page in adapter.accounts(query)]


async def token_of(adapter: LdapAdapter) -> str:
    """The token that a full listing ends with."""
    *before, last = await pages(adapter, Query(page_size=3))
    assert not [page for page in before if page.delta]
    assert last.delta
    return last.delta


@pytest.fixture(autouse=True)
def a_deletion_of_earlier_days(samba_domain: SambaDomain) -> None:
    """Somebody left before."""
    with samba_domain.administrator() as link:
        link.delete(samba_domain.person("told-earlier"))


async def test_changes_are_told_once_and_whole(samba_domain: SambaDomain, clock: StandingClock) -> None:
    for login in ("told-changed", "told-deleted", "told-moved", "told-same", "told-hidden"):
        samba_domain.person(login)
    async with connected(samba_domain, clock, exclude=["told-hidden"]) as adapter:
        ids = {account.login: account.id for page in await pages(adapter, Query()) for account in page.items}
        token = await token_of(adapter)
        samba_domain.change(f"CN=told-changed,{PEOPLE}", displayName="Changed", userAccountControl="514")
        samba_domain.change(f"CN=told-hidden,{PEOPLE}", displayName="Changed")
        samba_domain.person("told-new", PASSWORD)
        samba_domain.group("told-group", f"CN=told-same,{PEOPLE}")
        with samba_domain.administrator() as link:
            link.delete(f"CN=told-deleted,{PEOPLE}")
            link.modify_dn(f"CN=told-moved,{PEOPLE}", "CN=told-moved", new_superior=LEAVERS)
        (page,) = await pages(adapter, Query(since=token))
        told = {account.login: account for account in page.items}
        assert told.keys() == {"told-changed", "told-new"}
        assert (told["told-changed"].display, told["told-changed"].state) == ("Changed", AccountState.DISABLED)
        assert told["told-new"] == await adapter.find("told-new")
        assert {ids["told-deleted"], ids["told-moved"]} <= set(page.deleted)
        assert not {ids["told-same"], ids["told-changed"]} & set(page.deleted)
        (again,) = await pages(adapter, Query(since=page.delta))
        assert (list(again.items), list(again.deleted)) == ([], [])


async def test_the_leavers_place_is_still_ours(samba_domain: SambaDomain, clock: StandingClock) -> None:
    async with connected(samba_domain, clock, leavers_base=LEAVERS) as adapter:
        made, _ = await adapter.create(Account("", "told-leaver", AccountState.ACTIVE, external_id="7"), key="k")
        token = await token_of(adapter)
        await adapter.disable(made.id)
        (page,) = await pages(adapter, Query(since=token))
    assert [(account.id, account.state) for account in page.items] == [(made.id, AccountState.DISABLED)]


@pytest.mark.parametrize("token", ["", "no base64!", base64.b64encode(b"no cookie").decode()])
async def test_a_token_that_is_none_asks_for_everything_anew(
    samba_domain: SambaDomain, clock: StandingClock, token: str
) -> None:
    async with connected(samba_domain, clock) as adapter:
        with pytest.raises(ResyncNeeded):
            await pages(adapter, Query(since=token))


async def test_who_may_not_replicate_is_told_no_changes_rather_than_some(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    plain = samba_domain.delegate("told-nothing", PASSWORD)
    async with connected(samba_domain, clock, user=plain, password=PASSWORD) as adapter:
        assert Cap.DELTA not in adapter.capabilities()
        assert (await adapter.check())["changes"].startswith("not told")
        assert (await pages(adapter, Query()))[-1].delta is None
        with pytest.raises(Unsupported):
            await pages(adapter, Query(since="AAAA"))


async def test_who_is_not_told_of_deletions_gets_no_token(samba_domain: SambaDomain, clock: StandingClock) -> None:
    samba_domain.person("told-gone")
    with samba_domain.administrator() as link:
        link.delete(f"CN=told-gone,{PEOPLE}")
    partly = samba_domain.delegate("told-partly", PASSWORD, changes=True)
    async with connected(samba_domain, clock, user=partly, password=PASSWORD) as adapter:
        assert (await pages(adapter, Query()))[-1].delta is None
    async with connected(samba_domain, clock) as adapter:
        assert await token_of(adapter)
