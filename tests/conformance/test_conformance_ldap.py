"""The suite on a real OpenLDAP, over TLS, with and without a place for leavers, and behind a proxy that disturbs it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jmltui.adapter_api import Account, AccountState, Query, Setup
from jmltui.adapter_api.conformance import CHECKS, Disturbance, Result, World, run_check, run_fault
from jmltui_ldap import LdapAdapter
from tests.conftest import StandingClock
from tests.servers import slapd as server
from tests.servers.ldap_proxy import LdapProxy, proxied
from tests.servers.slapd import Slapd

NOT_OFFERED = ("sessions_end", "ownership_moves", "devices_are_wiped")
KINDS = ("groupOfNames", "groupOfUniqueNames", "posixGroup")


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """A server that has one group of each kind to hold."""
    for kind in KINDS:
        text = server.group(f"conformance {kind}", () if kind == "posixGroup" else (server.PLACEHOLDER,), kind)
        slapd.add(text + ("gidNumber: 5000\n" if kind == "posixGroup" else ""))
    return slapd


@asynccontextmanager
async def connected(slapd: Slapd, clock: StandingClock, **options: Any) -> AsyncIterator[LdapAdapter]:
    given = {
        "url": slapd.secure_url,
        "ca_file": str(slapd.certificate),
        "user": server.SERVICE,
        "password": "file:x",
        "base": server.SUFFIX,
        "accounts_base": server.PEOPLE,
        "groups_base": server.GROUPS,
        "placeholder": server.PLACEHOLDER,
        "settle_seconds": 0.2,
        "exchange_seconds": 5,
        **options,
    }
    adapter = LdapAdapter(Setup("directory", given, lambda _: server.PASSWORD, clock))
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


async def world_of(adapter: LdapAdapter, prefix: str, with_credentials: str = "") -> World:
    """What may be used up: the groups of the suite."""
    found = [one async for page in adapter.entitlements(Query()) for one in page.items]
    ids = [one.id for one in found if one.name.startswith("conformance")]
    return World(prefix, ids, many=8, with_credentials=with_credentials)


async def keyholder(adapter: LdapAdapter, slapd: Slapd) -> str:
    """An account with a password and two SSH keys."""
    wanted = Account("", "keyholder", AccountState.ACTIVE, external_id="K-keyholder")
    account, _ = await adapter.create(wanted, key="k")
    keys = "".join(f"sshPublicKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{word}\n" for word in ("One", "Two"))
    slapd.add(
        f"dn: {account.raw['dn']}\nchangetype: modify\nadd: objectClass\nobjectClass: ldapPublicKey\n-\n"
        f"add: sshPublicKey\n{keys}-\nreplace: userPassword\nuserPassword: practice\n"
    )
    return account.id


@pytest.mark.parametrize("check", CHECKS)
async def test_openldap_keeps_the_contract(directory: Slapd, clock: StandingClock, check: str) -> None:
    first_secret = "none" if check == "credentials_end" else "random"
    async with connected(directory, clock, first_secret=first_secret) as adapter:
        owner = await keyholder(adapter, directory) if check == "credentials_end" else ""
        world = await world_of(adapter, f"c{list(CHECKS).index(check):02d}", owner)
        result = await run_check(check, adapter, world)
    expected = Result.SKIPPED if check in NOT_OFFERED else Result.PASSED
    assert result.result is expected, result.told


@pytest.mark.parametrize("check", ["disable_and_enable_twice", "update_and_stale", "grant_and_revoke_twice"])
async def test_with_a_place_for_leavers(directory: Slapd, clock: StandingClock, check: str) -> None:
    async with connected(directory, clock, leavers_base=server.LEAVERS) as adapter:
        result = await run_check(check, adapter, await world_of(adapter, f"l{list(CHECKS).index(check):02d}"))
    assert result.result is Result.PASSED, result.told


@pytest.mark.parametrize("what", sorted(LdapProxy.supports), ids=lambda what: what.name.lower())
async def test_under_a_disturbed_connection(directory: Slapd, clock: StandingClock, what: Disturbance) -> None:
    prefix = f"d{sorted(LdapProxy.supports).index(what):02d}"
    async with proxied(directory.port) as proxy:
        options: dict[str, Any] = {"url": proxy.url, "encryption": "none", "exchange_seconds": 3, "page_size": 2}
        async with connected(directory, clock, **options) as adapter:
            result = await run_fault(what, adapter, proxy, World(prefix))
    assert result.result is Result.PASSED, result.told
