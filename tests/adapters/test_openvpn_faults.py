"""What goes wrong between jmltui and OpenVPN, and what is said then: nothing believed that is not whole."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.adapter_api import (
    AccountState,
    AdapterError,
    AuthFailed,
    Cap,
    ContractBroken,
    Forbidden,
    Invalid,
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
from jmltui_openvpn import OpenvpnAdapter
from jmltui_openvpn.client_files import ClientFiles, Shut
from jmltui_openvpn.index import read_index
from jmltui_openvpn.sessions import living
from jmltui_openvpn.status import read_status
from tests.conftest import StandingClock
from tests.servers.openvpn import PASSPHRASE, PASSWORD, Authority, OpenvpnServer

NOBODY = 65534


def adapter_of(server: OpenvpnServer, **more: object) -> OpenvpnAdapter:
    """An adapter that is not open yet."""
    options = server.options(**more)
    return OpenvpnAdapter(Setup("vpn", options, str, StandingClock(datetime.now(UTC))))  # type: ignore[arg-type]


@asynccontextmanager
async def opened(server: OpenvpnServer, **more: object) -> AsyncIterator[OpenvpnAdapter]:
    adapter = adapter_of(server, **more)
    await adapter.open()
    yield adapter
    await adapter.close()


@pytest.fixture
def server(openvpn: OpenvpnServer) -> Iterator[OpenvpnServer]:
    yield openvpn
    openvpn.hang_up()


@pytest.fixture
def ana(server: OpenvpnServer) -> str:
    name = server.name()
    server.authority.issue(name)
    return name


class Between:
    """Between the adapter and the management interface. `fault`: what is done to the conversation, by its name."""

    def __init__(self, server: OpenvpnServer) -> None:
        self._upstream = server.management_port
        self._server: asyncio.Server | None = None
        self.fault = ""
        self.port = 0

    @property
    def options(self) -> dict[str, object]:
        return {"management": f"127.0.0.1:{self.port}", "exchange_seconds": 1}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back: asyncio.StreamWriter | None = None
        try:
            if self.fault == "garbage":
                writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                await writer.drain()
                return
            if self.fault == "endless":
                while True:
                    writer.write(b"x" * 65536)
                    await writer.drain()
            if self.fault == "once ended":
                return
            if self.fault == "slow":
                await asyncio.sleep(30)
            answers, back = await asyncio.open_connection("127.0.0.1", self._upstream)
            await asyncio.gather(self._questions(reader, back), self._answers(answers, writer))
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            if back is not None:
                back.close()

    async def _questions(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            back.write(line)
            if line.startswith(b"kill") and self.fault == "once":
                self.fault = "once ended"
            if line.startswith((b"kill", b"client-kill")) and self.fault in ("cut", "late"):
                await back.drain()
                await asyncio.sleep(0.2)
                back.close()
                await asyncio.sleep(0 if self.fault == "cut" else 5)
                raise EOFError
        raise EOFError

    async def _answers(self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await answers.read(65536):
            if self.fault in ("cut", "late") and part.startswith(b"SUCCESS: common name"):
                await asyncio.sleep(5)
                continue
            if self.fault == "half" and b"HEADER\tCLIENT_LIST" in part:
                writer.write(part[: len(part) // 2])
                await writer.drain()
                raise EOFError
            if self.fault == "short row":
                part = part.replace(b"\tUNDEF\t", b"\t")
            if self.fault == "news":
                part = part.replace(b"HEADER\tCLIENT_LIST", b">LOG:1,I,somebody came\r\nHEADER\tCLIENT_LIST")
            writer.write(part)
        raise EOFError

    async def __aenter__(self) -> Between:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()


async def test_a_closed_interface(server: OpenvpnServer) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        await adapter_of(server, management="127.0.0.1:1").open()
    with pytest.raises(Unavailable, match="cannot be reached"):
        await adapter_of(server, management=str(server.folder / "nothing.sock")).open()


async def test_a_wrong_password_and_none(server: OpenvpnServer) -> None:
    with pytest.raises(AuthFailed, match="refuses the password") as refused:
        await adapter_of(server, management_password="another").open()
    assert "another" not in str(refused.value)
    with pytest.raises(AuthFailed, match="asks for a password"):
        await adapter_of(server, management_password="").open()
    with pytest.raises(AuthFailed):
        await adapter_of(server, management_password=f"{PASSWORD}\nkill ana").open()


async def test_another_client_that_holds_the_interface(server: OpenvpnServer, ana: str) -> None:
    client = server.connect(ana).wait_up()
    async with opened(server, exchange_seconds=1) as adapter:
        _, writer = await asyncio.open_connection("127.0.0.1", server.management_port)
        with pytest.raises(Unavailable, match="it takes one client at a time, and another may hold it"):
            await adapter.sessions(ana)
        # What does not need the interface is done, and what became of the tunnel is not known.
        with pytest.raises(OutcomeUnknown, match="It is shut out, and whether its tunnels have ended is not known"):
            await adapter.disable(ana)
        with pytest.raises(Unavailable):
            await adapter.verify(Step(Cap.DISABLE, ana))
        assert client.times_up == 1
        writer.close()
        await asyncio.sleep(0.2)
        assert (await adapter.verify(Step(Cap.DISABLE, ana))).verdict is Verdict.CONTRADICTED
        assert (await adapter.disable(ana)).outcome is Outcome.CHANGED
        client.wait_refused(1)
        assert (await adapter.verify(Step(Cap.DISABLE, ana))).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("garbage", ContractBroken), ("endless", ContractBroken), ("slow", Unavailable), ("half", Unavailable)],
)
async def test_answers_that_are_none(server: OpenvpnServer, ana: str, fault: str, kind: type[AdapterError]) -> None:
    async with Between(server) as between, opened(server, **between.options) as adapter:
        between.fault = fault
        for call in (adapter.sessions, adapter.end_sessions):
            with pytest.raises(kind):
                await call(ana)
        with pytest.raises(kind):
            await adapter.check()


async def test_a_row_that_lacks_a_column_is_not_believed(server: OpenvpnServer, ana: str) -> None:
    server.connect(ana).wait_up()
    async with Between(server) as between, opened(server, **between.options) as adapter:
        between.fault = "news"
        assert len(await adapter.sessions(ana)) == 1
        between.fault = "short row"
        with pytest.raises(ContractBroken, match="columns instead of"):
            await adapter.sessions(ana)


@pytest.mark.parametrize("fault", ["cut", "late"])
async def test_a_tunnel_is_ended_and_no_answer_comes(server: OpenvpnServer, ana: str, fault: str) -> None:
    async with Between(server) as between, opened(server, **between.options) as adapter:
        client = server.connect(ana).wait_up()
        await adapter.disable(ana)
        await adapter.enable(ana)
        client.wait_up(2)
        between.fault = fault
        with pytest.raises(OutcomeUnknown, match="Tunnels may have been ended"):
            await adapter.end_sessions(ana)
        between.fault = ""
        await adapter.disable(ana)
        await adapter.end_sessions(ana)  # a handshake that was under way may come to its end after the disable
        client.wait_refused()
        assert (await adapter.verify(Step(Cap.END_SESSIONS, ana))).verdict is Verdict.CONFIRMED


async def test_the_interface_goes_after_a_tunnel_was_ended(server: OpenvpnServer, ana: str) -> None:
    async with Between(server) as between, opened(server, **between.options) as adapter:
        server.connect(ana).wait_up()
        between.fault = "once"
        with pytest.raises(OutcomeUnknown, match="Tunnels were told to end before that"):
            await adapter.end_sessions(ana)


@contextmanager
def as_nobody(*folders: Path) -> Iterator[None]:
    """As somebody who may read the server's files, and write none of them."""
    for folder in folders:
        folder.chmod(0o755)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_a_folder_that_may_not_be_written_leaves_everything_as_it_was(server: OpenvpnServer, ana: str) -> None:
    client = server.connect(ana).wait_up()
    index, listed = (server.authority.folder / "index.txt").read_text(), server.authority.crl.read_bytes()
    async with opened(server) as adapter:
        with as_nobody(server.folder, server.folder / "server", server.ccd, server.authority.folder):
            with pytest.raises(Forbidden, match=r"crl\.pem of vpn cannot be written"):
                await adapter.revoke_credential(ana)
            with pytest.raises(Forbidden, match=f"ccd/{ana} of vpn cannot be written"):
                await adapter.disable(ana)
        assert (server.authority.folder / "index.txt").read_text() == index
        assert server.authority.crl.read_bytes() == listed
        assert (await adapter.read(ana)).state is AccountState.ACTIVE
    assert client.times_up == 1


async def test_the_authoritys_key_needs_its_passphrase(server: OpenvpnServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki", PASSPHRASE)
    authority.issue("ana")
    where: dict[str, object] = {"pki": str(authority.folder), "crl": str(authority.crl)}
    index = (authority.folder / "index.txt").read_text()
    for wrong in ("", "another"):
        async with opened(server, **where, ca_passphrase=wrong) as adapter:
            with pytest.raises(AuthFailed, match="is “ca_passphrase” right"):
                await adapter.revoke_credential("ana")
    assert (authority.folder / "index.txt").read_text() == index
    async with opened(server, **where, ca_passphrase=PASSPHRASE) as adapter:
        assert (await adapter.revoke_credential("ana")).outcome is Outcome.CHANGED
    assert f"Serial Number: {authority.serial('ana')}" in authority.listed()


async def test_an_authority_that_somebody_else_works_with(server: OpenvpnServer, ana: str) -> None:
    async with opened(server, exchange_seconds=1) as adapter:
        handle = os.open(server.authority.folder, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(RateLimited, match="Somebody else works in"):
            await adapter.revoke_credential(ana)
        os.close(handle)
        assert (await adapter.revoke_credential(ana)).outcome is Outcome.CHANGED


async def test_a_list_of_another_authority_is_not_believed(server: OpenvpnServer, ana: str, tmp_path: Path) -> None:
    other = Authority(tmp_path / "pki")
    async with opened(server) as adapter:
        adapter_with_other = adapter_of(server, crl=str(other.crl))
        with pytest.raises(ContractBroken, match="is not signed by its authority"):
            await adapter_with_other.open()
        (tmp_path / "page").write_text("<!DOCTYPE html>")
        with pytest.raises(ContractBroken, match="is no revocation list"):
            await adapter_of(server, crl=str(tmp_path / "page")).open()
        assert (await adapter.read(ana)).state is AccountState.ACTIVE


async def test_a_server_without_a_list_has_revoked_nobody(server: OpenvpnServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    authority.issue("ana")
    authority.revoke("ana")
    authority.crl.unlink()
    async with opened(server, pki=str(authority.folder), crl=str(authority.crl)) as adapter:
        assert (await adapter.read("ana")).state is AccountState.ACTIVE
        assert (await adapter.check())["revocation list"] == "none"


async def test_a_database_that_is_damaged_is_no_listing(server: OpenvpnServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki")
    authority.issue("ana")
    index = authority.folder / "index.txt"
    whole = index.read_text()
    async with opened(server, pki=str(authority.folder), crl=str(authority.crl)) as adapter:
        for text in (whole[:-30].replace("/", ""), whole.replace("\t", " ", 1), "<html>\n", whole + whole):
            index.write_text(text)
            with pytest.raises(ContractBroken):
                [page async for page in adapter.accounts(Query())]
        index.unlink()
        with pytest.raises(Unavailable):
            await adapter.read("ana")
        index.write_text(whole)
        for path in authority.folder.rglob("100*.pem"):
            path.unlink()
        (authority.folder / "issued" / "ana.crt").unlink()
        with pytest.raises(Unsupported, match="revoke it by hand"):
            await adapter.revoke_credential("ana")


async def test_a_renewed_certificate_in_the_file_of_the_old_one_is_not_revoked(
    server: OpenvpnServer, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "pki")
    authority.issue("ana")
    old = authority.serial("ana")
    async with opened(server, pki=str(authority.folder), crl=str(authority.crl)) as adapter:
        assert len(await adapter.credentials("ana")) == 1
        authority.issue("ana")
        for path in (authority.folder / "certs_by_serial").iterdir():
            path.unlink()
        new = authority.serial("ana")
        with pytest.raises(Unsupported, match=f"The certificate {old} of ana"):
            await adapter.revoke_credential("ana", old)
        assert (await adapter.revoke_credential("ana", new)).outcome is Outcome.CHANGED
        assert {each.id: each.active for each in await adapter.credentials("ana")} == {old: True, new: False}
    assert f"Serial Number: {old}" not in authority.listed()


@pytest.mark.parametrize("place", ["192.0.2.1:7505", "vpn.example.test:7505", "127.0.0.1", "127.0.0.1:0", "7505"])
def test_an_interface_elsewhere_is_refused(openvpn: OpenvpnServer, place: str) -> None:
    with pytest.raises(Invalid, match="is not encrypted"):
        adapter_of(openvpn, management=place)


def test_a_path_that_openssl_would_misread_is_refused(openvpn: OpenvpnServer) -> None:
    with pytest.raises(Invalid, match="would misread"):
        adapter_of(openvpn, pki="/etc/$HOME/pki")


@pytest.mark.parametrize("name", ["a/b", "..", "", "DEFAULT", "a\x01"])
def test_a_name_that_is_no_file_is_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unsupported, match="has no file of its own"):
        ClientFiles(str(tmp_path), "vpn").close(name)
    assert not list(tmp_path.iterdir())


LINES = st.lists(
    st.sampled_from(['push "route 10.0.0.0 255.0.0.0"', "# disable", "disable-occ", "", "ifconfig-push 10.1 10.2", " "])
)


@given(LINES)
def test_shutting_out_and_letting_in_leave_a_file_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("ccd")
    text = "".join(f"{line}\n" for line in lines)
    (folder / "ana").write_text(text)
    files = ClientFiles(str(folder), "vpn")
    assert files.close("ana")
    assert files.shut("ana").is_shut
    assert not files.close("ana")
    assert files.open("ana")
    assert not files.shut("ana").is_shut
    assert (folder / "ana").read_text().split() == text.split()


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_database_is_read_or_refused(text: bytes) -> None:
    try:
        read_index(text, "vpn")
    except ContractBroken:
        return


@given(st.lists(st.text(alphabet="CLIENT_LIST\tHEADERTIME 0159", max_size=60), max_size=8))
def test_any_status_is_read_or_refused(lines: list[str]) -> None:
    try:
        read_status(lines, "vpn")
    except ContractBroken:
        return


CLIENTS = (
    "TITLE\tOpenVPN 2.6.14 x86_64-pc-linux-gnu",
    "TIME\t2026-11-25 02:09:27\t1795572567",
    "HEADER\tCLIENT_LIST\tCommon Name\tReal Address\tVirtual Address\tVirtual IPv6 Address\tBytes Received\t"
    "Bytes Sent\tConnected Since\tConnected Since (time_t)\tUsername\tClient ID\tPeer ID\tData Channel Cipher",
    "CLIENT_LIST\tcleo\t127.0.0.1:40075\t\t\t1923\t1793\t2026-11-25 02:09:27\t1795572567\tUNDEF\t4\t2\tBF-CBC",
    "CLIENT_LIST\tben\t127.0.0.1:37115\t10.88.0.2\t\t1892\t1890\t"
    "2026-11-25 02:09:18\t1795572558\tUNDEF\t0\t0\tAES-256-GCM",
    "CLIENT_LIST\tUNDEF\t127.0.0.1:37116\t\t\t18\t18\t2026-11-25 02:09:27\t1795572567\tUNDEF\t5\t3\tBF-CBC",
    "HEADER\tROUTING_TABLE\tVirtual Address\tCommon Name\tReal Address\tLast Ref\tLast Ref (time_t)",
    "ROUTING_TABLE\t10.88.0.2\tben\t127.0.0.1:37115\t2026-11-25 02:09:18\t1795572558",
    "GLOBAL_STATS\tMax bcast/mcast queue length\t0",
)
"""As a server over UDP says it while it refuses cleo, whose file was written at 02:09:15."""


def test_an_attempt_that_is_being_refused_is_no_tunnel() -> None:
    tunnels = read_status(CLIENTS, "vpn").tunnels
    assert [tunnel.name for tunnel in tunnels] == ["cleo", "ben"]
    written = 1795572555.5
    assert living(tunnels, "cleo", Shut(True, "ccd/cleo", written)) == []
    assert len(living(tunnels, "cleo", Shut(False))) == 1
    assert len(living(tunnels, "cleo", Shut(True, "ccd/cleo", written + 60))) == 1  # it began before it was shut out
    assert (
        len(living(tunnels, "ben", Shut(True, "ccd/ben", written))) == 1
    )  # an address is a tunnel, whatever began when


def test_the_index_of_a_subject_in_many_scripts() -> None:
    text = (
        rb"V	351231235959Z		0A	unknown	/C=PL/CN=Zo\xC3\xAB /Nord/UID=E-7/emailAddress=z@example.test"
        + b"\n"
    )
    [entry] = read_index(text, "vpn")
    assert (entry.name, entry.person, entry.emails, entry.serial) == ("Zoë /Nord", "E-7", ("z@example.test",), 10)
