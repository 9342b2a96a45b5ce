"""The suite on a real 389 Directory Server, over TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jmltui.adapter_api import Account, AccountState, Query, Setup
from jmltui.adapter_api.conformance import CHECKS, Result, World, run_check
from jmltui_ldap import LdapAdapter
from tests.conftest import StandingClock
from tests.servers.dirsrv import Dirsrv
from tests.servers.slapd import GROUPS, LEAVERS, PASSWORD, PEOPLE, PLACEHOLDER, SERVICE, SUFFIX, group

NOT_OFFERED = ("sessions_end", "ownership_moves", "devices_are_wiped")
KINDS = ("groupOfNames", "groupOfUniqueNames", "posixGroup")


@pytest.fixture(scope="module")
def directory(dirsrv: Dirsrv) -> Dirsrv:
    """A server that has one group of each kind to hold."""
    for kind in KINDS:
        text = group(f"conformance {kind}", (), kind)
        dirsrv.add(text + ("gidNumber: 5000\n" if kind == "posixGroup" else ""))
    return dirsrv


@asynccontextmanager
async def connected(dirsrv: Dirsrv, clock: StandingClock, **options: Any) -> AsyncIterator[LdapAdapter]:
    given = {
        "url": dirsrv.secure_url,
        "ca_file": str(dirsrv.certificate),
        "profile": "389ds",
        "user": SERVICE,
        "password": "file:x",
        "base": SUFFIX,
        "accounts_base": PEOPLE,
        "groups_base": GROUPS,
        "placeholder": PLACEHOLDER,
        "settle_seconds": 0.2,
        "exchange_seconds": 5,
        **options,
    }
    adapter = LdapAdapter(Setup("directory", given, lambda _: PASSWORD, clock))
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


async def keyholder(adapter: LdapAdapter, dirsrv: Dirsrv) -> str:
    """An account with a password and two SSH keys."""
    wanted = Account("", "keyholder", AccountState.ACTIVE, external_id="K-keyholder")
    account, _ = await adapter.create(wanted, key="k")
    keys = "".join(f"nsSshPublicKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{word}\n" for word in ("One", "Two"))
    dirsrv.add(
        f"dn: {account.raw['dn']}\nchangetype: modify\nadd: objectClass\nobjectClass: nsAccount\n-\n"
        f"add: nsSshPublicKey\n{keys}-\nreplace: userPassword\nuserPassword: practice-too\n"
    )
    return account.id


@pytest.mark.parametrize("check", CHECKS)
async def test_389_directory_server_keeps_the_contract(directory: Dirsrv, clock: StandingClock, check: str) -> None:
    first_secret = "none" if check == "credentials_end" else "random"
    async with connected(directory, clock, first_secret=first_secret) as adapter:
        owner = await keyholder(adapter, directory) if check == "credentials_end" else ""
        found = [one async for page in adapter.entitlements(Query()) for one in page.items]
        ids = [one.id for one in found if one.name.startswith("conformance")]
        prefix = f"c{list(CHECKS).index(check):02d}"
        result = await run_check(check, adapter, World(prefix, ids, many=8, with_credentials=owner))
    expected = Result.SKIPPED if check in NOT_OFFERED else Result.PASSED
    assert result.result is expected, result.told


@pytest.mark.parametrize("check", ["disable_and_enable_twice", "grant_and_revoke_twice"])
async def test_389_with_a_place_for_leavers(directory: Dirsrv, clock: StandingClock, check: str) -> None:
    async with connected(directory, clock, leavers_base=LEAVERS) as adapter:
        found = [one async for page in adapter.entitlements(Query()) for one in page.items]
        ids = [one.id for one in found if one.name.startswith("conformance")]
        result = await run_check(check, adapter, World(f"l{check[0]}", ids, many=8))
    assert result.result is Result.PASSED, result.told
