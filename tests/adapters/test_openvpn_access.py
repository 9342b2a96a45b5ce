"""Access by OpenVPN: who may come in, who is in, and that whoever was put out stays out. Real server and clients."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from jmltui.adapter_api import (
    AccountState,
    Cap,
    Conflict,
    Invalid,
    NotFound,
    Outcome,
    Query,
    Setup,
    Step,
    Unavailable,
    Unsupported,
    Verdict,
)
from jmltui_openvpn import OpenvpnAdapter
from tests.conftest import StandingClock
from tests.servers.openvpn import OpenvpnServer, until


@asynccontextmanager
async def opened(server: OpenvpnServer, **more: object) -> AsyncIterator[OpenvpnAdapter]:
    """An opened adapter; secrets are what the references say."""
    options = server.options(**more)
    adapter = OpenvpnAdapter(Setup("vpn", options, str, StandingClock(datetime.now(UTC))))  # type: ignore[arg-type]
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


@pytest.fixture
def server(openvpn: OpenvpnServer) -> Iterator[OpenvpnServer]:
    """The server, and everybody gone from it afterwards."""
    yield openvpn
    openvpn.hang_up()


@pytest.fixture
def ana(server: OpenvpnServer) -> str:
    """Somebody with one certificate."""
    name = server.name()
    server.authority.issue(name)
    return name


async def says(adapter: OpenvpnAdapter, cap: Cap, name: str, target: str | None = None) -> Verdict:
    """What a proof says."""
    return (await adapter.verify(Step(cap, name, target, login=name))).verdict


async def test_accounts_are_common_names_and_never_servers(server: OpenvpnServer) -> None:
    name = server.name("Zoë Łukasz")
    server.authority.issue("zoe", subject=f"/CN={name}/emailAddress=zoe@example.test/UID=E-7", file="zoe")
    async with opened(server) as adapter:
        pages = [page async for page in adapter.accounts(Query(page_size=2))]
        accounts = [account for page in pages for account in page.items]
        assert "server" not in [account.login for account in accounts]
        zoe = next(account for account in accounts if account.login == name)
        assert (zoe.id, zoe.emails, zoe.external_id) == (name, ("zoe@example.test",), "E-7")
        assert zoe.state is AccountState.ACTIVE
        assert zoe.expires is not None
        assert timedelta(days=29) < zoe.expires - datetime.now(UTC) < timedelta(days=31)
        assert await adapter.find(name) == zoe
        assert await adapter.find(name.upper()) is None
        assert await adapter.find("server") is None
        with pytest.raises(NotFound, match="no certificate to “server”"):
            await adapter.revoke_credential("server")
        [credential] = await adapter.credentials(name)
        assert (credential.id, credential.kind, credential.active) == (
            server.authority.serial("zoe"),
            "certificate",
            True,
        )
        assert credential.created is not None
        client = server.connect("zoe").wait_up()
        [session] = await adapter.sessions(name)
        assert session.account_id == name
        assert session.where.startswith("127.0.0.1:")
        assert session.started is not None
        assert abs(session.started - datetime.now(UTC)) < timedelta(seconds=20)
        assert (await adapter.end_sessions(name)).outcome is Outcome.CHANGED
        client.wait_up(2)  # nobody shut the person out, so it comes back
    assert (await _facts(server))["shuts out by"] == "client-config-dir and revoking"


async def _facts(server: OpenvpnServer) -> dict[str, str]:
    async with opened(server) as adapter:
        assert abs(adapter.clock_offset() or timedelta(days=1)) < timedelta(seconds=5)
        return dict(await adapter.check())


async def test_somebody_who_is_disabled_is_cut_off_and_stays_out(server: OpenvpnServer, ana: str) -> None:
    own = server.ccd / ana
    own.write_text('push "route 10.9.0.0 255.255.0.0"\n')
    own.chmod(0o640)
    client = server.connect(ana).wait_up()
    async with opened(server) as adapter:
        assert await says(adapter, Cap.DISABLE, ana) is Verdict.CONTRADICTED
        receipt = await adapter.disable(ana)
        assert receipt.outcome is Outcome.CHANGED
        assert len(receipt.before["tunnels"]) == 1  # type: ignore[arg-type]
        assert receipt.after["tunnels"] == []
        client.wait_refused()
        assert "AUTH_FAILED" in client.log
        # The server lists an attempt for some seconds, though it refuses it: that is no tunnel.
        evidence = await adapter.verify(Step(Cap.DISABLE, ana))
        assert evidence.verdict is Verdict.CONFIRMED
        assert evidence.source == f"{server.ccd} and {server.authority.crl} and status 3"
        assert await adapter.sessions(ana) == []
        assert (await adapter.read(ana)).state is AccountState.DISABLED
        assert (await adapter.disable(ana)).outcome is Outcome.ALREADY
        assert own.read_text() == 'push "route 10.9.0.0 255.255.0.0"\ndisable\n'

        assert await says(adapter, Cap.ENABLE, ana) is Verdict.CONTRADICTED
        assert (await adapter.enable(ana)).outcome is Outcome.CHANGED
        client.wait_up(2)
        assert await says(adapter, Cap.ENABLE, ana) is Verdict.CONFIRMED
        assert (await adapter.enable(ana)).outcome is Outcome.ALREADY
        assert (own.read_text(), stat.S_IMODE(own.stat().st_mode)) == ('push "route 10.9.0.0 255.255.0.0"\n', 0o640)


async def test_a_file_that_is_made_to_shut_out_can_be_read_by_the_server_and_goes_again(
    server: OpenvpnServer, ana: str
) -> None:
    async with opened(server) as adapter:
        old = os.umask(0o077)
        try:
            await adapter.disable(ana)
        finally:
            os.umask(old)
        assert stat.S_IMODE((server.ccd / ana).stat().st_mode) == 0o644
        await adapter.enable(ana)
        assert not (server.ccd / ana).exists()


async def test_a_revoked_certificate_is_cut_off_and_cannot_come_back(server: OpenvpnServer, ana: str) -> None:
    serial, crl = server.authority.serial(ana), server.authority.crl
    crl.chmod(0o640)
    client = server.connect(ana).wait_up()
    before = server.log.count("certificate revoked")
    async with opened(server) as adapter:
        assert await says(adapter, Cap.REVOKE_CREDENTIALS, ana) is Verdict.CONTRADICTED
        receipt = await adapter.revoke_credential(ana)
        assert receipt.outcome is Outcome.CHANGED
        assert receipt.after["certificates"] == [f"{serial}: revoked"]
        client.wait_refused()
        assert server.log.count("certificate revoked") > before
        assert f"Serial Number: {serial}" in server.authority.listed()
        assert stat.S_IMODE(crl.stat().st_mode) == 0o640
        index = (server.authority.folder / "index.txt").read_text()
        assert any(line.startswith("R") and line.endswith(f"/CN={ana}") for line in index.splitlines())
        evidence = await adapter.verify(Step(Cap.REVOKE_CREDENTIALS, ana))
        assert (evidence.verdict, evidence.source) == (Verdict.CONFIRMED, f"{crl} and status 3")
        assert evidence.observed["certificates"] == [f"{serial}: revoked"]
        assert (await adapter.revoke_credential(ana)).outcome is Outcome.ALREADY
        account = await adapter.read(ana)
        assert (account.state, account.expires) == (AccountState.DISABLED, None)
        assert [credential.active for credential in await adapter.credentials(ana)] == [False]
        with pytest.raises(Conflict, match="needs a new one"):
            await adapter.enable(ana)
        # A new certificate of the same name lets the person in again, and is another credential.
        server.authority.issue(ana, file=f"{ana}-new")
        assert (await adapter.read(ana)).state is AccountState.ACTIVE
        server.connect(f"{ana}-new").wait_up()
    assert not list(crl.parent.glob(".jmltui-*"))


async def test_one_of_two_certificates_is_revoked_and_the_other_keeps_its_way_in(
    server: OpenvpnServer, ana: str
) -> None:
    server.authority.issue(ana, file=f"{ana}-phone")
    phone, laptop = server.connect(f"{ana}-phone").wait_up(), server.connect(ana).wait_up()
    serial = server.authority.serial(f"{ana}-phone")
    async with opened(server) as adapter:
        assert len(await adapter.sessions(ana)) == 2
        assert (await adapter.revoke_credential(ana, serial)).outcome is Outcome.CHANGED
        phone.wait_refused(1)
        laptop.wait_up(2)
        assert laptop.times_up == 2  # cut once, and not again and again
        assert await says(adapter, Cap.REVOKE_CREDENTIALS, ana, serial) is Verdict.CONFIRMED
        assert await says(adapter, Cap.REVOKE_CREDENTIALS, ana) is Verdict.CONTRADICTED
        assert (await adapter.read(ana)).state is AccountState.ACTIVE
        with pytest.raises(NotFound, match="no certificate FFFF"):
            await adapter.revoke_credential(ana, "FFFF")


async def test_one_tunnel_of_several_is_ended(server: OpenvpnServer, ana: str) -> None:
    server.connect(ana).wait_up()
    async with opened(server) as adapter:
        [first] = await adapter.sessions(ana)
        server.connect(ana).wait_up()
        receipt = await adapter.end_sessions(ana, first.id)
        assert receipt.outcome is Outcome.CHANGED
        left = [session.id for session in await adapter.sessions(ana)]
        assert first.id not in left
        assert left
        assert await says(adapter, Cap.END_SESSIONS, ana, first.id) is Verdict.CONFIRMED
        assert await says(adapter, Cap.END_SESSIONS, ana) is Verdict.CONTRADICTED
        assert (await adapter.end_sessions(ana, first.id)).outcome is Outcome.ALREADY


async def test_a_leaver_in_the_order_of_the_plan(server: OpenvpnServer, ana: str) -> None:
    client = server.connect(ana).wait_up()
    async with opened(server) as adapter:
        assert (await adapter.disable(ana)).outcome is Outcome.CHANGED
        assert (await adapter.revoke_credential(ana)).outcome is Outcome.CHANGED
        assert (await adapter.end_sessions(ana)).outcome is Outcome.ALREADY
        client.wait_refused(1)
        for cap in (Cap.DISABLE, Cap.REVOKE_CREDENTIALS, Cap.END_SESSIONS):
            assert await says(adapter, cap, ana) is Verdict.CONFIRMED


async def test_without_client_config_dir_a_disable_is_a_revocation(server: OpenvpnServer, ana: str) -> None:
    client = server.connect(ana).wait_up()
    async with opened(server, ccd="") as adapter:
        capabilities = adapter.capabilities()
        assert not capabilities[Cap.DISABLE].reversible
        assert capabilities[Cap.DISABLE].settle == timedelta(minutes=1)  # a handshake that was under way
        assert Cap.ENABLE not in capabilities
        with pytest.raises(Unsupported, match="stays revoked"):
            await adapter.enable(ana)
        assert (await adapter.disable(ana)).outcome is Outcome.CHANGED
        client.wait_refused(1)
        assert await says(adapter, Cap.DISABLE, ana) is Verdict.CONFIRMED
        assert (await adapter.disable(ana)).outcome is Outcome.ALREADY


async def test_without_the_authoritys_key_clients_are_shut_out_and_nothing_is_revoked(
    server: OpenvpnServer, ana: str
) -> None:
    client = server.connect(ana).wait_up()
    async with opened(server, ca_key=str(server.folder / "elsewhere.key")) as adapter:
        assert Cap.REVOKE_CREDENTIALS not in adapter.capabilities()
        with pytest.raises(Unsupported, match="the authority's key is not on this machine"):
            await adapter.revoke_credential(ana)
        assert (await adapter.disable(ana)).outcome is Outcome.CHANGED
        client.wait_refused(1)
        assert [credential.active for credential in await adapter.credentials(ana)] == [True]


async def test_a_revocation_that_no_list_tells_of_lets_the_person_in(server: OpenvpnServer, ana: str) -> None:
    """As after easy-rsa's `revoke` without its `gen-crl`."""
    server.authority.revoke(ana)
    client = server.connect(ana).wait_up()
    async with opened(server) as adapter:
        account = await adapter.read(ana)
        assert account.state is AccountState.ACTIVE
        assert str(account.raw["certificates"]).endswith("revoked in the database, and not in the list']")
        assert (await adapter.revoke_credential(ana)).outcome is Outcome.CHANGED
        client.wait_refused(1)


async def test_default_shuts_out_who_has_no_file(server: OpenvpnServer, ana: str) -> None:
    everybody = server.ccd / "DEFAULT"
    everybody.write_text('# nobody without a file of their own\n  "disable"  ; really\n')
    try:
        async with opened(server) as adapter:
            assert (await adapter.read(ana)).state is AccountState.DISABLED
            with pytest.raises(Conflict, match="DEFAULT"):
                await adapter.enable(ana)
            client = server.connect(ana)
            client.wait_refused(1)
            (server.ccd / ana).touch()
            assert (await adapter.read(ana)).state is AccountState.ACTIVE
            client.wait_up()
    finally:
        everybody.unlink()


async def test_a_server_that_is_restarted_in_the_middle(server: OpenvpnServer, ana: str) -> None:
    client = server.connect(ana).wait_up()
    async with opened(server) as adapter:
        [before] = await adapter.sessions(ana)
        server.stop()
        with pytest.raises(Unavailable, match="cannot be reached"):
            await adapter.end_sessions(ana)
        with pytest.raises(Unavailable):
            await adapter.sessions(ana)
        server.start()
        client.wait_up(2)
        until(lambda: "10.88.0." in server.log, "no address was given")
        [after] = await adapter.sessions(ana)
        assert after.id != before.id
        assert (await adapter.end_sessions(ana, before.id)).outcome is Outcome.ALREADY
        assert (await adapter.disable(ana)).outcome is Outcome.CHANGED
        client.wait_refused(1)


async def test_the_interface_on_a_socket_file(server: OpenvpnServer, ana: str) -> None:
    server.hang_up()
    server.stop()
    server.start(socket_file=str(server.folder / "management.sock"))
    try:
        client = server.connect(ana).wait_up()
        async with opened(server) as adapter:
            assert len(await adapter.sessions(ana)) == 1
            assert (await adapter.disable(ana)).outcome is Outcome.CHANGED
            client.wait_refused(1)
            assert (await adapter.check())["version"].startswith("OpenVPN 2.")
    finally:
        server.hang_up()
        server.stop()
        server.start()


async def test_the_servers_own_configuration_says_which_files_shut_out(server: OpenvpnServer, ana: str) -> None:
    own = server.folder / "server.conf"
    async with opened(server, server_config=str(own), crl="", ccd="") as adapter:
        assert adapter.capabilities()[Cap.DISABLE].reversible
        assert (await adapter.disable(ana)).outcome is Outcome.CHANGED
        assert (await adapter.revoke_credential(ana)).outcome is Outcome.CHANGED
        assert f"Serial Number: {server.authority.serial(ana)}" in server.authority.listed()
    with pytest.raises(Invalid, match=r"“crl” is /elsewhere/crl\.pem, and the server reads"):
        async with opened(server, server_config=str(own), crl="/elsewhere/crl.pem"):
            pass
    careless = server.folder / "careless.conf"
    careless.write_text('; crl-verify crl.pem\nclient-config-dir "ccd" # here\n<ca>\ncrl-verify x\n</ca>\n')
    async with opened(server, server_config=str(careless), crl="", ccd="") as adapter:
        assert Cap.REVOKE_CREDENTIALS not in adapter.capabilities()
        assert (await adapter.read(ana)).state is AccountState.DISABLED  # by its file in ccd
        assert [credential.active for credential in await adapter.credentials(ana)] == [True]
        with pytest.raises(Unsupported, match="the server reads no revocation list"):
            await adapter.revoke_credential(ana)
