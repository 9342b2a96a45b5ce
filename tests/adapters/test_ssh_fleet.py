"""Many hosts as one system: what fails on one is told of that one, and done again there alone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.adapter_api import (
    Account,
    AccountState,
    AdapterError,
    Cap,
    Conflict,
    Forbidden,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    Step,
    Unavailable,
    Unsupported,
    Untrusted,
    Verdict,
)
from jmltui.cache.actions import Claimed
from jmltui.domain.case import ActionEvent
from jmltui.domain.guards import Protected
from jmltui.lifecycle.execute import Executor
from jmltui_ssh.answers import Facts
from jmltui_ssh.merging import NOT_THERE, account
from jmltui_ssh.reading import pages
from tests.adapters.test_ssh_people import opened
from tests.conftest import StandingClock
from tests.servers.sshd import SshHost, SshLab

LOCKED = "locked; password none; expires 1970-01-02; 0 keys; 0 processes"


@pytest.fixture
def hosts(ssh_lab: SshLab) -> list[SshHost]:
    """Four hosts that are on and whole."""
    found = ssh_lab.hosts(4)
    for host in found:
        host.fault("")
        host.install_helper()
        host.install_rule()
    return found


def everywhere(lab: SshLab, hosts: list[SshHost]) -> str:
    """A person's account on all of them."""
    name = lab.name()
    logins = {host.person(name) for host in hosts}
    return logins.pop()


async def test_a_fleet_of_which_half_is_off(ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock) -> None:
    login = everywhere(ssh_lab, hosts)
    names = [host.address for host in hosts]
    async with opened(ssh_lab, clock, *hosts) as adapter:
        for host in hosts[:2]:
            host.stop()
        step = Step(Cap.DISABLE, login)
        with pytest.raises(OutcomeUnknown) as lost:
            await adapter.disable(login)
        told = lost.value.message
        assert told.startswith(f"{names[0]} cannot be reached (")
        assert told.endswith(f"2 of 4 hosts failed: {names[0]}, {names[1]}. Done on {names[2]}, {names[3]}.")
        with pytest.raises(Unavailable, match="2 of 4 hosts failed"):
            await adapter.verify(step)
        with pytest.raises(Unavailable):
            [page async for page in adapter.accounts(Query())]
        with pytest.raises(Unavailable):
            await adapter.disable(login)  # nothing is left to change on those that answer
        read = await adapter.read(login)
        assert read.state is AccountState.UNKNOWN
        assert {host: str(said).partition(" (")[0] for host, said in dict(read.raw)["hosts"].items()} == {  # type: ignore[attr-defined]
            names[0]: f"not known: {names[0]} cannot be reached",
            names[1]: f"not known: {names[1]} cannot be reached",
            names[2]: f"uid {hosts[2].run('id', '-u', login).strip()}; {LOCKED}",
            names[3]: f"uid {hosts[3].run('id', '-u', login).strip()}; {LOCKED}",
        }
        assert (await adapter.check())["reachable"] == "2 of 4 hosts"

        for host in hosts[:2]:
            host.start()
        assert (await adapter.verify(step)).verdict is Verdict.CONTRADICTED
        receipt = await adapter.disable(login)
        assert receipt.outcome is Outcome.CHANGED
        assert [name for name in names if receipt.before[name] != receipt.after[name]] == names[:2]
        evidence = await adapter.verify(step)
        assert (evidence.verdict, evidence.observed) == (Verdict.CONFIRMED, dict.fromkeys(names, LOCKED))
        assert evidence.source == f"jmltui-host-helper read on {', '.join(names)}"


async def test_the_engine_reads_back_and_does_what_is_missing_on_the_host_that_was_off(
    ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock
) -> None:
    login = everywhere(ssh_lab, hosts)
    planned = Claimed(
        1, 1, 1, 1, "linux", Cap.DISABLE, login, login, "", "account", {}, {"login": login}, "key", 1, "K1", "someone",
        checking=False, was_unknown=False, attempts=1, checks=0,
    )  # fmt: skip
    async with opened(ssh_lab, clock, *hosts) as adapter:
        executor = Executor(adapter, Protected(), timedelta(seconds=30), clock, lambda: 0.5)
        hosts[3].stop()
        [lost] = await executor.write([planned])
        assert lost.events == (ActionEvent.LOSE,)
        unknown = replace(planned, checking=True, was_unknown=True)
        [unread] = await executor.check([unknown])
        assert unread.events == (ActionEvent.LOSE,)
        assert hosts[3].address in unread.outcome
        hosts[3].start()
        [absent] = await executor.check([unknown])
        assert absent.events == (ActionEvent.ABSENT,)
        [done] = await executor.write([replace(planned, attempts=2)])
        assert done.events == (ActionEvent.APPLY, ActionEvent.CHECK)
        [proved] = await executor.check([replace(planned, attempts=2, checking=True)])
        assert proved.events == (ActionEvent.CONFIRM,)
        assert set(proved.observed or {}) == {host.address for host in hosts}


async def test_an_account_that_is_on_some_hosts_only(
    ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock
) -> None:
    login = everywhere(ssh_lab, hosts[1:3])
    group = hosts[2].group(ssh_lab.name())
    lacking = {hosts[0].address: NOT_THERE, hosts[3].address: NOT_THERE}
    async with opened(ssh_lab, clock, *hosts) as adapter:
        found = await adapter.find(login)
        assert found is not None
        assert lacking.items() <= dict(found.raw)["hosts"].items()  # type: ignore[attr-defined]
        receipt = await adapter.grant(login, f"group:{group}")
        assert receipt.after == {hosts[2].address: "member"}
        evidence = await adapter.verify(Step(Cap.GRANT, login, f"group:{group}"))
        assert (evidence.verdict, evidence.observed) == (
            Verdict.CONFIRMED,
            {**lacking, hosts[1].address: "no such group", hosts[2].address: "member"},
        )
        await adapter.disable(login)
        evidence = await adapter.verify(Step(Cap.DISABLE, login))
        assert (evidence.verdict, lacking.items() <= evidence.observed.items()) == (Verdict.CONFIRMED, True)
        assert (await adapter.read(login)).state is AccountState.DISABLED
        hosts[1].run("usermod", "-e", "", login)
        assert (await adapter.read(login)).state is AccountState.ACTIVE, "one host lets the person in"
        with pytest.raises(NotFound):
            await adapter.grant(f"{login}x", f"group:{group}")
        hosts[0].stop()
        assert (await adapter.read(login)).login == login
        with pytest.raises(Unavailable):
            await adapter.find(f"{login}x")  # the host that is off may have it


async def test_nothing_is_created_before_every_host_has_said_that_it_is_free(
    ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock
) -> None:
    login = f"{ssh_lab.prefix}{ssh_lab.name()}"
    wanted = Account("", login, AccountState.ACTIVE, external_id="K1")
    async with opened(ssh_lab, clock, *hosts) as adapter:
        hosts[3].stop()
        with pytest.raises(Unavailable):
            await adapter.create(wanted, key="k")
        hosts[3].start()
        hosts[3].run("useradd", login)
        with pytest.raises(Conflict, match=f"^{hosts[3].address} already has an account"):
            await adapter.create(wanted, key="k")
        assert [host.run("getent", "passwd", login, good=(2,)) for host in hosts[:3]] == ["", "", ""]
        hosts[3].run("userdel", login)
        _, receipt = await adapter.create(wanted, key="k")
        assert len(receipt.after) == 5
        assert (await adapter.verify(Step(Cap.CREATE, "", login=login, wanted={"external_id": "K1"}))).verdict is (
            Verdict.CONFIRMED
        )
        hosts[0].run("userdel", "-r", login)
        step = Step(Cap.CREATE, "", login=login, wanted={"external_id": "K1"})
        assert (await adapter.verify(step)).verdict is Verdict.CONTRADICTED
        _, receipt = await adapter.create(wanted, key="k")
        assert receipt.outcome is Outcome.CHANGED


BROKEN = {
    "sudo asks for a password": (Forbidden, "does not let jmltui run the helper without a password"),
    "sudo forbids it": (Forbidden, "does not let jmltui run the helper without a password"),
    "the helper is missing": (Unsupported, "helper is not installed on"),
    "another host key": (Untrusted, "is not the one that is pinned"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_one_host_that_cannot_be_used_holds_up_no_other(
    ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock, what: str
) -> None:
    login, (broken, *good) = everywhere(ssh_lab, hosts), hosts
    known = ssh_lab.folder / "known_before"
    known.write_text(ssh_lab.known_hosts().read_text())
    if what == "sudo asks for a password":
        broken.install_rule(f"{ssh_lab.operator} ALL=(root) {ssh_lab.helper}\n")
    elif what == "sudo forbids it":
        broken.install_rule("")
    elif what == "the helper is missing":
        broken.run("rm", ssh_lab.helper)
    else:
        broken.change_host_key()
    kind, told = BROKEN[what]
    async with opened(ssh_lab, clock, *hosts, known_hosts=str(known)) as adapter:
        with pytest.raises(kind, match=told) as caught:
            await adapter.disable(login)
        assert caught.value.message.endswith(f"Done on {', '.join(host.address for host in good)}.")
        assert type(caught.value) is kind
        with pytest.raises(kind, match=told):
            await adapter.verify(Step(Cap.DISABLE, login))
        with pytest.raises(kind):
            [page async for page in adapter.accounts(Query())]
    assert [host.run("getent", "shadow", login).split(":")[7] for host in hosts] == ["", "1", "1", "1"]


async def test_a_host_that_hangs_after_the_write_is_unknown_within_its_deadline(
    ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock
) -> None:
    login = everywhere(ssh_lab, hosts)
    hosts[1].install_faulty_helper()
    async with opened(ssh_lab, clock, *hosts, host_seconds=4.0) as adapter:
        await adapter.check()
        hosts[1].fault("write late")
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown, match=r"was sent the change and does not answer within 4 seconds"):
            await adapter.disable(login)
        assert time.monotonic() - began < 15
        evidence = await adapter.verify(Step(Cap.DISABLE, login))
        assert (evidence.verdict, len(evidence.observed)) == (Verdict.CONFIRMED, 4)
        assert (await adapter.disable(login)).outcome is Outcome.ALREADY


async def test_what_a_login_shell_prints_is_no_answer(
    ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock
) -> None:
    login = everywhere(ssh_lab, hosts[:1])
    hosts[0].install_faulty_helper()
    hosts[0].fault("noise")
    async with opened(ssh_lab, clock, hosts[0]) as adapter:
        assert (await adapter.read(login)).login == login
        assert (await adapter.disable(login)).outcome is Outcome.CHANGED


async def test_a_connection_that_died_unseen_is_made_again(
    ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock
) -> None:
    login = everywhere(ssh_lab, hosts)
    async with opened(ssh_lab, clock, *hosts) as adapter:
        await adapter.read(login)
        for host in hosts:
            host.stop()
            host.start()
        assert (await adapter.disable(login)).outcome is Outcome.CHANGED


async def test_more_calls_than_a_host_has_room_for_sessions(
    ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock
) -> None:
    login = everywhere(ssh_lab, hosts[:1])
    async with opened(ssh_lab, clock, hosts[0]) as adapter:
        found = await asyncio.gather(*(adapter.read(login) for _ in range(25)))
    assert {each.login for each in found} == {login}


async def test_a_call_that_is_given_up_leaves_the_fleet_usable(
    ssh_lab: SshLab, hosts: list[SshHost], clock: StandingClock
) -> None:
    login = everywhere(ssh_lab, hosts)
    async with opened(ssh_lab, clock, *hosts, hosts_at_once=2) as adapter:
        for seconds in (0.0, 0.05, 0.2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(seconds):
                    await adapter.read(login)
                    await asyncio.sleep(9)
        assert (await adapter.check())["reachable"] == "4 of 4 hosts"


def test_a_name_that_cannot_be_resolved_is_a_host_that_is_off(ssh_lab: SshLab, clock: StandingClock) -> None:
    async def check() -> None:
        async with opened(ssh_lab, clock, hosts=["no-such-host.invalid"]) as adapter:
            await adapter.check()

    with pytest.raises(Unavailable, match=r"no-such-host\.invalid cannot be reached"):
        asyncio.run(check())


facts = st.builds(
    Facts,
    login=st.just("ana"),
    uid=st.integers(1000, 1005),
    gecos=st.sampled_from(["Ana", "Ana,,,,jmltui=K1", "", ",,,,jmltui=K2"]),
    home=st.just("/home/ana"),
    shell=st.sampled_from(["/bin/bash", "/usr/sbin/nologin"]),
    password=st.sampled_from(["usable", "empty", "locked", "none"]),
    expired=st.booleans(),
    keys=st.just([]),
    keys_by_command=st.booleans(),
    processes=st.integers(0, 3),
    crontab=st.booleans(),
    expires=st.none() | st.integers(1, 40000),
)


@given(
    st.dictionaries(st.sampled_from("abc"), facts, min_size=1), st.sampled_from([{}, {"d": NOT_THERE}, {"d": "off"}])
)
def test_one_host_that_lets_somebody_in_makes_the_account_active(
    by_host: dict[str, Facts], others: dict[str, str]
) -> None:
    found = account(by_host, others)
    lets_in = any(not each.expired for each in by_host.values())
    unknown = others.get("d") == "off"
    assert (found.state is AccountState.ACTIVE) is lets_in
    assert (found.state is AccountState.UNKNOWN) is (unknown and not lets_in)
    assert (found.version is None) is unknown
    assert set(dict(found.raw)["hosts"]) == {*by_host, *others}  # type: ignore[call-overload]


@given(st.sets(st.text(max_size=3)), st.integers(0, 5), st.sets(st.text(max_size=3)))
def test_pages_taken_up_again_lose_nothing_whatever_came_meanwhile(
    items: set[str], size: int, meanwhile: set[str]
) -> None:
    whole, seen, cursor = sorted(items), [], None
    while True:
        page = pages(whole, str, Query(page_size=size, cursor=cursor))[0]
        seen += page.items
        if page.cursor is None:
            break
        cursor, whole = page.cursor, sorted({*whole, *meanwhile})
    assert len(seen) == len(set(seen))
    assert items <= set(seen)


def test_every_error_of_a_fleet_decides_in_the_same_order() -> None:
    from jmltui_ssh.fleet import Gathered

    kinds: list[type[AdapterError]] = [Untrusted, OutcomeUnknown, Forbidden, Unavailable]
    for number, worst in enumerate(kinds):
        failed = {kind.__name__: kind(f"{kind.__name__}.") for kind in reversed(kinds[number:])}
        with pytest.raises(worst, match=f"^{worst.__name__}"):
            Gathered("linux", {"good": 1}, {}, failed).whole()
