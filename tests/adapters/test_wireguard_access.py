"""Access by WireGuard over SSH: whoever was put out reaches nothing any more, also not after a restart. Real peers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from jmltui.adapter_api import (
    AccountState,
    Cap,
    Conflict,
    ContractBroken,
    Forbidden,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    Setup,
    Step,
    Unavailable,
    Unsupported,
    Verdict,
)
from jmltui_ssh import WireguardAdapter
from tests.conftest import StandingClock
from tests.servers.sshd import SshLab
from tests.servers.wireguard import INTERFACE, WireguardHost, WireguardPerson

Lab = tuple[SshLab, list[WireguardHost]]


@asynccontextmanager
async def opened(lab: SshLab, *hosts: WireguardHost, **more: object) -> AsyncIterator[WireguardAdapter]:
    """An opened adapter of these hosts."""
    options = lab.options(*(each.host for each in hosts), **more)
    adapter = WireguardAdapter(Setup("vpn", options, str, StandingClock(datetime.now(UTC))))  # type: ignore[arg-type]
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


@pytest.fixture
def hosts(wireguard_lab: Lab) -> Iterator[list[WireguardHost]]:
    """Two hosts without peers."""
    _, found = wireguard_lab
    for host in found:
        if not host.host.is_on:
            host.host.start()
        host.host.fault("")
        host.host.install_helper()
    yield found
    for host in found:
        if host.host.is_on:
            host.quiet()
            host.host.run("rm", "-f", "/etc/jmltui-host-helper.json")


@pytest.fixture
def lab(wireguard_lab: Lab) -> SshLab:
    """What both hosts are in."""
    return wireguard_lab[0]


@pytest.fixture
def host(hosts: list[WireguardHost]) -> WireguardHost:
    """One of them."""
    return hosts[0]


def two_people(host: WireguardHost) -> tuple[WireguardPerson, WireguardPerson]:
    """Ana and Ben, who both reach the host."""
    ana, ben = host.person("ana"), host.person("ben")
    host.write(ana.section(), ben.section())
    host.up()
    for person in (ana, ben):
        assert person.start().reaches(5)
    return ana, ben


async def says(adapter: WireguardAdapter, cap: Cap, name: str, target: str | None = None) -> Verdict:
    """What a proof says."""
    return (await adapter.verify(Step(cap, name, target, login=name))).verdict


async def test_somebody_who_is_disabled_reaches_nothing_and_comes_back_when_enabled(
    lab: SshLab, host: WireguardHost
) -> None:
    ana, ben = two_people(host)
    before = host.text()
    async with opened(lab, host) as adapter:
        account = await adapter.find("ana")
        assert account is not None
        assert (account.id, account.state) == ("ana", AccountState.ACTIVE)
        assert account.last_seen is not None
        [session] = await adapter.sessions("ana")
        assert session.inferred
        assert session.started is None
        assert session.where.startswith(f"{host.host.address} {INTERFACE} from 10.77.")
        assert await says(adapter, Cap.DISABLE, "ana") is Verdict.CONTRADICTED

        receipt = await adapter.disable("ana")
        assert receipt.outcome is Outcome.CHANGED
        assert receipt.after == {
            host.host.address: f"{INTERFACE} {ana.key[:12]}… {ana.address}/32: not live, set aside in the file"
        }
        assert not ana.reaches(1)
        assert ben.reaches()
        evidence = await adapter.verify(Step(Cap.DISABLE, "ana"))
        assert (evidence.verdict, evidence.observed) == (Verdict.CONFIRMED, receipt.after)
        assert evidence.source == f"jmltui-host-helper wg-list on {host.host.address}"
        assert await adapter.sessions("ana") == []
        assert await says(adapter, Cap.END_SESSIONS, "ana") is Verdict.CONFIRMED
        assert (await adapter.disable("ana")).outcome is Outcome.ALREADY
        assert (await adapter.read("ana")).state is AccountState.DISABLED
        assert [credential.active for credential in await adapter.credentials("ana")] == [False]

        host.restart()
        ana.stop()
        assert not ana.start().reaches(1)

        assert await says(adapter, Cap.ENABLE, "ana") is Verdict.CONTRADICTED
        assert (await adapter.enable("ana")).outcome is Outcome.CHANGED
        ana.stop()
        assert ana.start().reaches(5)
        assert await says(adapter, Cap.ENABLE, "ana") is Verdict.CONFIRMED
        assert (await adapter.enable("ana")).outcome is Outcome.ALREADY
        assert host.text() == before


async def test_a_revoked_peer_is_gone_from_the_interface_and_the_file(lab: SshLab, host: WireguardHost) -> None:
    ana, ben = two_people(host)
    phone = host.person("ana")
    host.write(ana.section(), ben.section(), phone.section(), mode=0o640)
    host.restart()
    async with opened(lab, host) as adapter:
        keys = [credential.id for credential in await adapter.credentials("ana")]
        assert sorted(keys) == sorted([ana.key, phone.key])
        assert (await adapter.revoke_credential("ana", phone.key)).outcome is Outcome.CHANGED
        assert phone.key not in host.text()
        assert await says(adapter, Cap.REVOKE_CREDENTIALS, "ana", phone.key) is Verdict.CONFIRMED
        assert await says(adapter, Cap.REVOKE_CREDENTIALS, "ana") is Verdict.CONTRADICTED
        assert (await adapter.revoke_credential("ana", phone.key)).outcome is Outcome.ALREADY

        await adapter.disable("ana")
        assert (await adapter.revoke_credential("ana")).outcome is Outcome.CHANGED
        assert host.text() == host.interface_section + ben.section()
        mode = host.host.run("stat", "-c", "%a %U", f"/etc/wireguard/{INTERFACE}.conf")
        assert mode == "640 root\n"
        assert ana.key not in host.wg("show")
        assert not ana.reaches(1)
        assert await says(adapter, Cap.REVOKE_CREDENTIALS, "ana") is Verdict.CONFIRMED
        assert await says(adapter, Cap.DISABLE, "ana") is Verdict.CONFIRMED
        with pytest.raises(NotFound, match="has a peer of “ana”"):
            await adapter.revoke_credential("ana")
        assert await adapter.find("ana") is None
        ben.stop()
        assert ben.start().reaches(5)


async def test_a_session_is_ended_and_somebody_who_is_not_shut_out_begins_anew(
    lab: SshLab, host: WireguardHost
) -> None:
    ana, ben = two_people(host)
    async with opened(lab, host) as adapter:
        [session] = await adapter.sessions("ana")
        assert await says(adapter, Cap.END_SESSIONS, "ana", session.id) is Verdict.CONTRADICTED
        assert (await adapter.end_sessions("ana", session.id)).outcome is Outcome.CHANGED
        assert await says(adapter, Cap.END_SESSIONS, "ana", session.id) is Verdict.CONFIRMED
        assert (await adapter.end_sessions("ana")).outcome is Outcome.ALREADY
        assert len(await adapter.sessions("ben")) == 1
        ana.stop()
        assert ana.start().reaches(5)
        assert len(await adapter.sessions("ana")) == 1
        assert ben.reaches()


async def test_a_handshake_of_long_ago_is_no_session(lab: SshLab, host: WireguardHost) -> None:
    two_people(host)
    async with opened(lab, host) as adapter:
        holder, found = await adapter._open.holder("ana")
        [host_name] = found.answers
        now = found.answers[host_name].now
        assert len(holder.sessions({host_name: now + 170})) == 1
        assert holder.sessions({host_name: now + 200}) == []


async def test_one_person_on_two_hosts_of_which_one_is_off(lab: SshLab, hosts: list[WireguardHost]) -> None:
    first, second = hosts
    ana, other = first.person("ana"), second.person("ana")
    first.write(ana.section())
    second.write(other.section("ana"))
    first.up()
    assert ana.start().reaches(5)
    async with opened(lab, first, second) as adapter:
        pages = [page async for page in adapter.accounts(Query())]
        assert [account.id for page in pages for account in page.items] == ["ana"]
        second.host.stop()
        with pytest.raises(OutcomeUnknown, match=rf"Done on {first.host.address}"):
            await adapter.disable("ana")
        assert not ana.reaches(1)
        with pytest.raises(Unavailable):
            [page async for page in adapter.accounts(Query())]
        with pytest.raises(Unavailable):
            await adapter.verify(Step(Cap.DISABLE, "ana"))
        assert (await adapter.read("ana")).state is AccountState.UNKNOWN
        with pytest.raises(Unavailable):
            await adapter.read("nobody")
        second.host.start()
        assert await says(adapter, Cap.DISABLE, "ana") is Verdict.CONTRADICTED
        receipt = await adapter.disable("ana")
        assert receipt.outcome is Outcome.CHANGED
        assert await says(adapter, Cap.DISABLE, "ana") is Verdict.CONFIRMED


async def test_whose_a_peer_is(lab: SshLab, host: WireguardHost) -> None:
    people = [host.person(name) for name in ("ana", "ben", "cleo", "dan", "eve", "office")]
    ana, ben, cleo, dan, eve, office = (person.section().partition("\n")[2] for person in people)
    host.write(
        f"### Client ana\n{ana}",
        ben.replace("[Peer]\n", "[Peer]\n# friendly_name = ben\n#Endpoint = 192.0.2.1:1\n"),
        f"# laptops below\n# BEGIN_PEER cleo\n{cleo}# END_PEER cleo\n",
        dan,
        eve,
        f"# office\n{office}",
    )
    names = {people[4].key: "eve.adams"}
    async with opened(lab, host, names=names, exclude=["office"]) as adapter:
        found = [account async for page in adapter.accounts(Query(page_size=2)) for account in page.items]
        assert [account.id for account in found] == sorted(["ana", "ben", "cleo", people[3].key, "eve.adams"])
        assert {account.state for account in found} == {AccountState.ACTIVE}  # the file brings them up
        for name in ("ana", "ben", "cleo", "eve.adams"):
            assert (await adapter.disable(name)).outcome is Outcome.CHANGED
            assert (await adapter.read(name)).state is AccountState.DISABLED
        with pytest.raises(NotFound):
            await adapter.disable("office")
        assert "loses names by SaveConfig" not in await adapter.check()
        text = host.text()
        host.host.put(f"/etc/wireguard/{INTERFACE}.conf", text.replace("ListenPort", "SaveConfig = true\nListenPort"))
        assert (await adapter.check())["loses names by SaveConfig"] == f"{host.host.address} {INTERFACE}"
        host.host.put(f"/etc/wireguard/{INTERFACE}.conf", text)
        host.up()
        assert set(host.wg("show", INTERFACE, "peers").split()) == {people[3].key, people[5].key}
        assert all(secret not in str(found) for secret in (people[0].shared, "PrivateKey"))


async def test_a_peer_that_no_file_has_is_cut_off_and_a_person_is_told(lab: SshLab, host: WireguardHost) -> None:
    ana, _ = two_people(host)
    host.host.run("mv", f"/etc/wireguard/{INTERFACE}.conf", "/etc/wireguard/other.conf.off")
    async with opened(lab, host) as adapter:
        [credential] = await adapter.credentials(ana.key)
        assert credential.id == ana.key
        with pytest.raises(Unsupported, match="take it out of whatever configures wgs, or it comes back"):
            await adapter.disable(ana.key)
        assert not ana.reaches(1)
        evidence = await adapter.verify(Step(Cap.DISABLE, ana.key))
        assert evidence.verdict is Verdict.UNVERIFIABLE
        assert evidence.observed["configured elsewhere than by wg-quick"] == f"{host.host.address} {INTERFACE}"
        assert (await adapter.check())["configured elsewhere"] == f"{host.host.address} {INTERFACE}"


async def test_somebody_elses_address_is_not_taken_away_by_an_enable(lab: SshLab, host: WireguardHost) -> None:
    ana, ben = two_people(host)
    async with opened(lab, host) as adapter:
        await adapter.disable("ana")
        heir = host.person("heir")
        host.write(host.text().removeprefix(host.interface_section) + heir.section().replace(heir.address, ana.address))
        text = host.text()
        with pytest.raises(Conflict, match="has an address of this one meanwhile"):
            await adapter.enable("ana")
        assert host.text() == text
        assert ben.reaches()


async def test_a_protected_peer_is_not_touched(lab: SshLab, host: WireguardHost) -> None:
    ana, _ = two_people(host)
    host.host.put("/etc/jmltui-host-helper.json", '{"protected": ["ana"]}')
    async with opened(lab, host) as adapter:
        with pytest.raises(Forbidden, match="ana is protected here"):
            await adapter.disable("ana")
    assert ana.reaches()


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("write cut", OutcomeUnknown), ("write late", OutcomeUnknown)],
)
async def test_a_write_without_an_answer_is_read_back(
    lab: SshLab, host: WireguardHost, fault: str, kind: type[Exception]
) -> None:
    ana, _ = two_people(host)
    host.host.install_faulty_helper()
    async with opened(lab, host, host_seconds=2 if fault == "write late" else 10) as adapter:
        host.host.fault(fault)
        with pytest.raises(kind):
            await adapter.disable("ana")
        assert await says(adapter, Cap.DISABLE, "ana") is Verdict.CONFIRMED
        assert (await adapter.disable("ana")).outcome is Outcome.ALREADY
    assert not ana.reaches(1)


async def test_an_answer_that_is_none_is_not_used(lab: SshLab, host: WireguardHost) -> None:
    ana, _ = two_people(host)
    host.host.install_faulty_helper()
    async with opened(lab, host) as adapter:
        for fault in ("cut", "half", "page"):
            host.host.fault(fault)
            for call in (adapter.read, adapter.disable, adapter.sessions):
                with pytest.raises(ContractBroken):
                    await call("ana")
            with pytest.raises(ContractBroken):
                [page async for page in adapter.accounts(Query())]
    assert ana.reaches()


async def test_without_the_tools_nothing_is_claimed(lab: SshLab, host: WireguardHost) -> None:
    two_people(host)
    host.host.run("sh", "-c", "printf '#!/bin/sh\\nexit 3\\n' > /usr/local/sbin/wg; chmod 755 /usr/local/sbin/wg")
    try:
        async with opened(lab, host) as adapter:
            with pytest.raises(ContractBroken, match="wg ended with 3"):
                await adapter.read("ana")
    finally:
        host.host.run("rm", "/usr/local/sbin/wg")
