"""When a Samba domain does not let us in, cannot be trusted, refuses, or goes away in the middle of a write."""

from __future__ import annotations

import asyncio

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    AuthFailed,
    Cap,
    Forbidden,
    Invalid,
    OptionValue,
    Outcome,
    Query,
    Setup,
    Step,
    Unavailable,
    Unsupported,
    Untrusted,
    Verdict,
)
from jmltui.adapter_api.conformance.bench import collected
from jmltui_ldap import LdapAdapter
from tests.conftest import StandingClock
from tests.servers.own_postgres import certificate
from tests.servers.samba import DOMAIN, LEAVERS, SambaDomain, connected

PASSWORD = "N0t-let-in-by-this"


async def opened(domain: SambaDomain, clock: StandingClock, **more: OptionValue) -> None:
    """Open and close."""
    async with connected(domain, clock, **more):
        pass


@pytest.mark.parametrize(
    ("login", "changes", "password", "told"),
    [
        ("svc-wrong", {}, "another", r"the name or the password is wrong \(data 52e\)"),
        ("svc-off", {"userAccountControl": "514"}, PASSWORD, r"its account is disabled \(data 533\)"),
        ("svc-ended", {"accountExpires": "132000000000000000"}, PASSWORD, r"its account has expired \(data 701\)"),
        ("svc-new", {"pwdLastSet": "0"}, PASSWORD, r"its password has to be changed first \(data 773\)"),
    ],
)
async def test_why_we_are_not_let_in_is_said_in_plain_words(
    samba_domain: SambaDomain, clock: StandingClock, login: str, changes: dict[str, str], password: str, told: str
) -> None:
    dn = samba_domain.person(login, PASSWORD, place=f"CN=Users,{DOMAIN}")
    if changes:
        samba_domain.change(dn, **changes)
    with pytest.raises(AuthFailed, match=told) as raised:
        await opened(samba_domain, clock, user=f"{login}@ad.example.test", password=password)
    assert raised.value.code == "49"
    assert password not in str(raised.value)


async def test_a_locked_out_account_of_ours_is_said_to_be_one(samba_domain: SambaDomain, clock: StandingClock) -> None:
    samba_domain.person("svc-locked", PASSWORD, place=f"CN=Users,{DOMAIN}")
    samba_domain.change(DOMAIN, lockoutThreshold="2")
    try:
        for _ in range(3):
            assert not samba_domain.lets_in("svc-locked", "wrong")
        with pytest.raises(AuthFailed, match=r"locked out after wrong passwords \(data 775\)"):
            await opened(samba_domain, clock, user="svc-locked@ad.example.test", password=PASSWORD)
    finally:
        samba_domain.change(DOMAIN, lockoutThreshold="0")


async def test_a_certificate_of_another_name_or_authority_is_not_trusted(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    with pytest.raises(Untrusted):
        await opened(samba_domain, clock, server_name="dc2.ad.example.test")
    await opened(samba_domain, clock, server_name="dc1.ad.example.test")
    stranger = certificate(samba_domain.certificate.parent, "stranger", "IP:127.0.0.1", [])
    with pytest.raises(Untrusted):
        await opened(samba_domain, clock, ca_file=str(stranger))
    with pytest.raises(Untrusted):
        await opened(samba_domain, clock, ca_file="")


async def test_the_plain_port_is_used_with_starttls_alone(samba_domain: SambaDomain, clock: StandingClock) -> None:
    url = f"ldap://127.0.0.1:{samba_domain.plain_port}"
    async with connected(samba_domain, clock, url=url) as adapter:
        assert (await adapter.check())["link"] == "StartTLS, verified"
        _, receipt = await adapter.create(Account("", "by-starttls", AccountState.ACTIVE), key="k")
        assert receipt.outcome is Outcome.CHANGED
    with pytest.raises(AuthFailed):
        await opened(samba_domain, clock, url=url, encryption="none")
    capabilities = LdapAdapter(Setup("ad", samba_domain.options(url=url, encryption="none"), str, clock)).capabilities()
    assert not {Cap.CREATE, Cap.REVOKE_CREDENTIALS} & capabilities.keys()


async def test_a_base_of_another_domain_is_named(samba_domain: SambaDomain, clock: StandingClock) -> None:
    with pytest.raises(Unsupported, match="`base` lies elsewhere"):
        await opened(samba_domain, clock, base="DC=else,DC=test", accounts_base="", groups_base="")


async def test_without_rights_everything_is_read_and_nothing_is_changed(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    dn = samba_domain.person("untouched", PASSWORD)
    samba_domain.group("unjoined")
    samba_domain.person("svc-reader", PASSWORD, place=f"CN=Users,{DOMAIN}")
    before = samba_domain.values(dn, "*")
    reader: dict[str, OptionValue] = {"user": "svc-reader@ad.example.test", "password": PASSWORD}
    async with connected(samba_domain, clock, **reader, leavers_base=LEAVERS) as adapter:
        found = await adapter.find("untouched")
        assert found is not None
        groups = {one.name: one.id for one in await collected(adapter.entitlements(Query()))}
        for call in (
            adapter.disable(found.id),
            adapter.update(found.id, {"display": "Else"}),
            adapter.delete(found.id),
            adapter.grant(found.id, groups["unjoined"]),
            adapter.revoke_credential(found.id),
            adapter.create(Account("", "never", AccountState.ACTIVE), key="k"),
        ):
            with pytest.raises(Forbidden):
                await call
        assert (await adapter.verify(Step(Cap.DISABLE, found.id))).verdict is Verdict.CONTRADICTED
        assert await adapter.find("never") is None
    assert samba_domain.values(dn, "*") == before
    assert samba_domain.lets_in("untouched", PASSWORD)


async def test_a_login_that_differs_by_an_accent_alone_is_somebody_else(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    samba_domain.person("zoe")
    async with connected(samba_domain, clock) as adapter:
        assert await adapter.find("zoë") is None


async def test_a_server_that_goes_away_and_comes_back(samba_domain: SambaDomain, clock: StandingClock) -> None:
    samba_domain.person("midway", PASSWORD)
    async with connected(samba_domain, clock, exchange_seconds=1) as adapter:
        found = await adapter.find("midway")
        assert found is not None
        with samba_domain.halted(), pytest.raises(Unavailable):
            await adapter.disable(found.id)
        samba_domain.stop()
        try:
            with pytest.raises(Unavailable):
                await adapter.read(found.id)
            with pytest.raises(Unavailable):
                await adapter.disable(found.id)
        finally:
            await asyncio.to_thread(samba_domain.start)
        assert samba_domain.lets_in("midway", PASSWORD)
        assert (await adapter.disable(found.id)).outcome is Outcome.CHANGED
        assert not samba_domain.lets_in("midway", PASSWORD)


@pytest.mark.parametrize("url", ["ldaps://dc1.ad.example.test:3269", "ldap://dc1.ad.example.test:3268"])
def test_settings_that_name_a_global_catalog_are_refused(clock: StandingClock, url: str) -> None:
    options: dict[str, OptionValue] = {"profile": "active-directory", "user": "a@b", "password": "c", "base": DOMAIN}
    with pytest.raises(Invalid, match="636"):
        LdapAdapter(Setup("ad", {**options, "url": url}, str, clock))
