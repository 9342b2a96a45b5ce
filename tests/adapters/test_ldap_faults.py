"""What the LDAP adapter says when the way to the directory, the directory, or its limits stand in its way."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    Cap,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    Setup,
    Step,
    Unavailable,
    Untrusted,
    Verdict,
)
from jmltui.adapter_api.conformance import Disturbance
from jmltui_ldap import LdapAdapter
from tests.adapters.test_ldap_system import connected, fresh, group, made, wanted
from tests.servers import slapd as server
from tests.servers.ldap_proxy import LdapProxy, proxied
from tests.servers.own_postgres import certificate
from tests.servers.scim2 import free_port
from tests.servers.slapd import PEOPLE, Slapd, running


@pytest.fixture
def own(slapd: Slapd) -> Iterator[Slapd]:
    """A server that may be killed and halted; where there is none to be had, the other fixture says so."""
    del slapd
    with running() as started:
        yield started


@asynccontextmanager
async def behind(slapd: Slapd, **options: Any) -> AsyncIterator[tuple[LdapAdapter, LdapProxy]]:
    """An adapter whose connection is disturbed."""
    async with proxied(slapd.port) as proxy:
        given = {"url": proxy.url, "encryption": "none", "exchange_seconds": 5, "page_size": 2, **options}
        async with connected(slapd, **given) as adapter:
            yield adapter, proxy


def adapter_of(slapd: Slapd, password: str = server.PASSWORD, **options: Any) -> LdapAdapter:
    given = {
        "url": slapd.secure_url,
        "ca_file": str(slapd.certificate),
        "user": server.SERVICE,
        "password": "file:x",
        "base": server.SUFFIX,
        "exchange_seconds": 2,
        **options,
    }
    return LdapAdapter(Setup("directory", given, lambda _: password, lambda: datetime.now(UTC)))


async def refusal(adapter: LdapAdapter) -> AdapterError:
    """What opening raises."""
    with pytest.raises(AdapterError) as refused:
        await adapter.open()
    await adapter.close()
    return refused.value


# ---- the way to the server


async def test_a_wrong_password_and_an_empty_one_are_told_apart_from_everything_else(slapd: Slapd) -> None:
    error = await refusal(adapter_of(slapd, "not it"))
    assert isinstance(error, AuthFailed)
    assert "not it" not in str(error)
    assert isinstance(await refusal(adapter_of(slapd, "")), AuthFailed)
    assert isinstance(await refusal(adapter_of(slapd, user=f"cn=nobody,{server.SUFFIX}")), AuthFailed)


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
async def test_a_certificate_of_another_authority_or_name_is_not_trusted(
    slapd: Slapd, tmp_path: Path, encryption: str
) -> None:
    url = slapd.secure_url if encryption == "tls" else slapd.url
    other = certificate(tmp_path, "other", "IP:127.0.0.1", [])
    error = await refusal(adapter_of(slapd, url=url, ca_file=str(other)))
    assert isinstance(error, Untrusted)
    assert "ca_file" in str(error)
    error = await refusal(adapter_of(slapd, url=url, server_name="elsewhere.example.test"))
    assert isinstance(error, Untrusted)
    assert "server_name" in str(error)
    adapter = adapter_of(slapd, url=url, server_name="directory.example.test")
    await adapter.open()
    await adapter.close()


async def test_a_file_that_is_no_certificate_and_a_server_without_tls(slapd: Slapd, tmp_path: Path) -> None:
    nothing = tmp_path / "ca.pem"
    nothing.write_text("no certificate")
    assert isinstance(await refusal(adapter_of(slapd, ca_file=str(nothing))), Invalid)
    assert isinstance(await refusal(adapter_of(slapd, url=f"ldaps://127.0.0.1:{slapd.port}")), Untrusted | Unavailable)


async def test_a_server_that_cannot_encrypt_is_not_spoken_to_in_the_clear(slapd: Slapd) -> None:
    del slapd
    with running(tls=False) as bare:
        error = await refusal(adapter_of(bare, url=bare.url))
    assert isinstance(error, Untrusted)
    assert "StartTLS" in str(error)


async def test_nobody_there(slapd: Slapd) -> None:
    error = await refusal(adapter_of(slapd, url=f"ldaps://127.0.0.1:{free_port()}"))
    assert isinstance(error, Unavailable)


async def test_a_base_that_is_not_there_is_said_at_once(slapd: Slapd) -> None:
    assert isinstance(await refusal(adapter_of(slapd, accounts_base=f"ou=none,{server.SUFFIX}")), NotFound)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ldap://directory.example.test", "encryption": "none"},
        {"url": "ldaps://directory.example.test", "encryption": "none"},
        {"url": "ldap://directory.example.test", "encryption": "tls"},
        {"url": "http://directory.example.test"},
        {"url": "ldaps://ana:secret@directory.example.test"},
        {"url": "ldaps://directory.example.test/dc=x"},
        {"ca_file": "/none/ca.pem"},
        {"user": ""},
        {"profile": "novell"},
        {"page_size": 0},
        {"account_filter": "(a=b"},
        {"account_filter": "(a=b)(c=d)"},
        {"login_attribute": "uid)(x=*"},
        {"create_base": "ou=elsewhere,dc=other"},
        {"columns": {"name": "cn"}},
    ],
)
def test_settings_that_cannot_be_meant_are_refused_before_anything_is_sent(
    slapd: Slapd, options: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        adapter_of(slapd, **options)


def test_a_link_that_something_else_protects_may_go_without_tls(slapd: Slapd) -> None:
    options = {"url": "ldap://directory.example.test", "encryption": "none", "link_protected": True}
    assert adapter_of(slapd, **options).name == "directory"


def test_the_library_is_not_loaded_before_a_directory_is_opened() -> None:
    told = "import sys, jmltui_ldap; print('ldap3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "False"


# ---- listings that are not whole


async def test_a_connection_cut_in_the_middle_of_a_listing_gives_no_listing(slapd: Slapd) -> None:
    async with behind(slapd) as (adapter, proxy):
        for _ in range(5):
            await made(adapter)
        proxy.entries_until_cut = 3
        for listing in (adapter.accounts(Query()), adapter.grants(Query()), adapter.entitlements(Query())):
            with pytest.raises(Unavailable):
                [page async for page in listing]
        proxy.entries_until_cut = None
        assert [page async for page in adapter.accounts(Query())]


async def test_a_size_limit_breaks_a_listing_and_never_shortens_it(slapd: Slapd) -> None:
    async with connected(slapd) as adapter:
        for _ in range(5):
            await made(adapter)
    async with connected(slapd, user=server.LIMITED, page_size=2) as adapter:
        with pytest.raises(ContractBroken, match="size limit"):
            [page async for page in adapter.accounts(Query())]


async def test_a_page_that_the_server_does_not_give_is_no_limit_that_passes(slapd: Slapd) -> None:
    async with connected(slapd, user=server.LIMITED, page_size=500) as adapter:
        with pytest.raises(Invalid, match="page_size"):
            [page async for page in adapter.accounts(Query())]


async def test_a_part_on_another_server_is_no_whole_listing(slapd: Slapd) -> None:
    place = fresh("branch")
    base = f"ou={place},{PEOPLE}"
    slapd.add(f"dn: {base}\nobjectClass: organizationalUnit\nou: {place}\n")
    slapd.add(
        f"dn: ou=far,{base}\nobjectClass: referral\nobjectClass: extensibleObject\nou: far\nref: ldap://far/dc=x\n"
    )
    try:
        async with connected(slapd, accounts_base=base) as adapter:
            with pytest.raises(ContractBroken, match="another server"):
                [page async for page in adapter.accounts(Query())]
    finally:
        slapd.remove(f"ou=far,{base}")


async def test_an_answer_without_anybody_proves_no_absence(slapd: Slapd) -> None:
    async with behind(slapd) as (adapter, proxy):
        account = await made(adapter)
        await proxy.disturb(Disturbance.EMPTY_LISTING)
        with pytest.raises(ContractBroken, match="not whole"):
            [page async for page in adapter.accounts(Query())]
        with pytest.raises(ContractBroken):
            await adapter.find(account.login)
        with pytest.raises(ContractBroken):
            await adapter.verify(Step(Cap.DELETE, account.id))
        with pytest.raises(ContractBroken):
            await adapter.create(wanted(account.login), key="k")
        with pytest.raises(ContractBroken):
            await adapter.delete(account.id)
        with pytest.raises(ContractBroken):
            await adapter.grants_of(account.id)
        await proxy.calm()
        assert (await adapter.read(account.id)).id == account.id


async def test_a_membership_that_may_not_be_seen_is_not_taken_for_none(slapd: Slapd) -> None:
    name = fresh("hidden")
    slapd.add(server.group(name))
    async with connected(slapd) as adapter:
        account, target = await made(adapter), (await group(adapter, name)).id
        await adapter.grant(account.id, target)
    async with connected(slapd, user=server.LIMITED, page_size=3) as adapter:
        step = Step(Cap.REVOKE, account.id, target)
        assert (await adapter.verify(step)).verdict is Verdict.CONTRADICTED
    slapd.hide("member")
    try:
        async with connected(slapd, user=server.LIMITED, page_size=3) as adapter:
            with pytest.raises(Forbidden, match="does not show the member"):
                await adapter.verify(step)
    finally:
        slapd.hide("")


# ---- servers that are slow, halted, killed, started again


async def test_locks_that_may_not_be_seen_are_not_taken_for_none(slapd: Slapd) -> None:
    slapd.hide("pwdAccountLockedTime")
    try:
        with pytest.raises(Forbidden, match="not who may sign in"):
            async with connected(slapd, user=server.LIMITED):
                pass
    finally:
        slapd.hide("")


async def test_a_slow_server_is_unavailable_in_time(slapd: Slapd) -> None:
    async with behind(slapd, exchange_seconds=2) as (adapter, proxy):
        account = await made(adapter)
        proxy.delay = 30
        began = monotonic()
        with pytest.raises(Unavailable):
            await adapter.read(account.id)
        assert monotonic() - began < 20
        proxy.delay = 0
        assert (await adapter.read(account.id)).id == account.id


async def test_a_server_that_stops_answering_in_a_write_leaves_its_outcome_unknown(own: Slapd) -> None:
    async with connected(own, exchange_seconds=2, url=own.url, encryption="none") as adapter:
        account = await made(adapter)
        async with adapter._open.directory.link("disable") as link:
            entry = await adapter._open.accounts.touched(link, account.id)
            with own.halted(), pytest.raises(OutcomeUnknown):
                await link.modify(entry.dn, list(adapter._dialect.disabling(entry)))
        with own.halted(), pytest.raises(Unavailable):
            await adapter.read(account.id)
        assert (await adapter.verify(Step(Cap.DISABLE, account.id))).verdict is Verdict.CONFIRMED
        assert (await adapter.disable(account.id)).outcome is Outcome.ALREADY


async def test_a_server_killed_between_two_calls_is_found_again_when_it_is_back(own: Slapd) -> None:
    async with connected(own) as adapter:
        account = await made(adapter)
        own.stop()
        with pytest.raises(Unavailable):
            await adapter.disable(account.id)
        own.start()
        assert (await adapter.verify(Step(Cap.DISABLE, account.id))).verdict is Verdict.CONTRADICTED
        assert (await adapter.disable(account.id)).outcome is Outcome.CHANGED


async def test_a_call_that_is_given_up_leaves_nothing_behind_for_the_next(slapd: Slapd) -> None:
    async with behind(slapd) as (adapter, proxy):
        account, other = await made(adapter), await made(adapter)
        proxy.delay = 0.3
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await adapter.read(account.id)
        proxy.delay = 0
        assert (await adapter.read(other.id)).id == other.id


async def test_what_is_asked_before_opening_says_so(slapd: Slapd) -> None:
    adapter = adapter_of(slapd)
    with pytest.raises(Unavailable, match="not open"):
        await adapter.read("00000000-0000-0000-0000-000000000000")
    await adapter.close()
