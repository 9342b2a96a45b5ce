"""People on a Linux host over SSH: locked out whole and let in again, and what they hold."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    Query,
    Setup,
    Step,
    Unsupported,
    Verdict,
)
from jmltui_ssh import SshAdapter
from tests.conftest import StandingClock
from tests.servers.sshd import SshHost, SshLab

CONFIG = "/etc/jmltui-host-helper.json"


@asynccontextmanager
async def opened(lab: SshLab, clock: StandingClock, *hosts: SshHost, **more: object) -> AsyncIterator[SshAdapter]:
    """An opened adapter of a fleet of these hosts; of the first one when none is named."""
    options = lab.options(*(hosts or lab.hosts()), **more)
    adapter = SshAdapter(Setup("linux", options, str, clock))  # type: ignore[arg-type]
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


def wait_until(fact: object, seconds: float = 20) -> None:
    """Until a call says yes."""
    end = time.monotonic() + seconds
    while not fact():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def host(ssh_lab: SshLab) -> SshHost:
    """One host that is on."""
    return ssh_lab.hosts()[0]


async def test_a_leaver_is_locked_out_whole_and_can_be_let_in_again(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock
) -> None:
    name = ssh_lab.name()
    login = host.person(name, keys=1, password="correct horse")
    host.run("usermod", "-e", "2031-12-31", login)
    host.run("crontab", "-u", login, "-", given="@daily true\n")
    shadow = host.run("getent", "shadow", login)
    with subprocess.Popen(host.ssh(name, "sleep 300")) as session:
        wait_until(lambda: host.run("pgrep", "-u", login, "sleep", good=(0, 1)))
        async with opened(ssh_lab, clock) as adapter:
            receipt = await adapter.disable(login)
            assert session.wait(10) != 0, "the open session did not end"
            assert not host.lets_in(name)
            hashed, expires = (host.run("getent", "shadow", login).split(":")[field] for field in (1, 7))
            assert (hashed[:2], expires) == ("!$", "1")
            assert host.run("pgrep", "-r", "R,S,D", "-u", login, good=(0, 1)) == ""
            assert host.run("crontab", "-u", login, "-l", good=(1,)) == ""
            assert "authorized_keys\n" not in host.run("ls", f"/home/{login}/.ssh")
            evidence = await adapter.verify(Step(Cap.DISABLE, login))
            assert (receipt.outcome, evidence.verdict) == (Outcome.CHANGED, Verdict.CONFIRMED)
            told = "locked; password locked; expires 1970-01-02; 0 keys and 1 set aside; 0 processes"
            assert evidence.observed == receipt.after == {host.address: told}
            assert (await adapter.read(login)).state is AccountState.DISABLED

            await adapter.enable(login)
            assert host.lets_in(name)
    assert host.run("getent", "shadow", login) == shadow
    assert "@daily true" in host.run("crontab", "-u", login, "-l")


async def test_a_lock_that_somebody_loosened_is_contradicted_and_made_again(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock
) -> None:
    login = host.person(ssh_lab.name(), keys=1, password="x")
    keys = f"/home/{login}/.ssh/authorized_keys"
    loosened = {
        "the expiry": ("usermod", "-e", "", login),
        "the password": ("usermod", "-U", login),
        "a key": ("sh", "-c", f"cp -p {keys}.jmltui-locked-* {keys}"),
        "a process": ("sh", "-c", f"runuser -u {login} -- sleep 300 >/dev/null 2>&1 &"),
        "a crontab": ("sh", "-c", f"echo @daily true | crontab -u {login} -"),
    }  # fmt: skip
    async with opened(ssh_lab, clock) as adapter:
        await adapter.disable(login)
        for what, command in loosened.items():
            host.run(*command)
            if what == "a process":
                wait_until(lambda: host.run("pgrep", "-u", login, good=(0, 1)))
            step = Step(Cap.DISABLE, login)
            assert (await adapter.verify(step)).verdict is Verdict.CONTRADICTED, what
            assert (await adapter.disable(login)).outcome is Outcome.CHANGED, what
            assert (await adapter.verify(step)).verdict is Verdict.CONFIRMED, what
        await adapter.enable(login)
        assert (await adapter.read(login)).state is AccountState.ACTIVE


async def test_sessions_are_told_and_ended_one_or_all(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    name = ssh_lab.name()
    login = host.person(name, keys=1)
    runs = [subprocess.Popen(host.ssh(name, f"sleep {number}")) for number in (300, 301, 302)]
    wait_until(lambda: len(host.run("pgrep", "-u", login, "sleep", good=(0, 1)).split()) == 3)
    async with opened(ssh_lab, clock) as adapter:
        found = await adapter.sessions(login)
        assert len(found) == 3
        assert all(each.where.endswith("from 127.0.0.1") and each.started for each in found)
        step = Step(Cap.END_SESSIONS, login, found[0].id)
        assert (await adapter.verify(step)).verdict is Verdict.CONTRADICTED
        assert (await adapter.end_sessions(login, found[0].id)).outcome is Outcome.CHANGED
        assert (await adapter.end_sessions(login, found[0].id)).outcome is Outcome.ALREADY
        assert (await adapter.verify(step)).verdict is Verdict.CONFIRMED
        assert {each.id for each in await adapter.sessions(login)} == {each.id for each in found[1:]}
        assert (await adapter.end_sessions(login)).outcome is Outcome.CHANGED
        assert (await adapter.verify(Step(Cap.END_SESSIONS, login))).verdict is Verdict.CONFIRMED
    assert [each.wait(10) != 0 for each in runs] == [True] * 3


async def test_what_was_revoked_does_not_come_back_with_the_account(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock
) -> None:
    name = ssh_lab.name()
    login = host.person(name, keys=2, password="x")
    async with opened(ssh_lab, clock) as adapter:
        await adapter.disable(login)
        assert [(each.kind, each.active) for each in await adapter.credentials(login)] == [
            ("password", False), ("ssh-key", False), ("ssh-key", False),
        ]  # fmt: skip
        assert (await adapter.revoke_credential(login)).outcome is Outcome.CHANGED
        assert (await adapter.revoke_credential(login)).outcome is Outcome.ALREADY
        assert (await adapter.verify(Step(Cap.REVOKE_CREDENTIALS, login))).verdict is Verdict.CONFIRMED
        await adapter.enable(login)
        assert await adapter.credentials(login) == []
    assert not host.lets_in(name)


async def test_one_key_is_taken_out_and_the_others_stay(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    name = ssh_lab.name()
    login = host.person(name, keys=3)
    async with opened(ssh_lab, clock) as adapter:
        second = (await adapter.credentials(login))[1].id
        await adapter.revoke_credential(login, second)
        left = host.text(f"/home/{login}/.ssh/authorized_keys")
        with pytest.raises(NotFound):
            await adapter.revoke_credential(login, "SHA256:nothing")
    assert left == "# mine\n" + ssh_lab.key(f"{name}-0") + ssh_lab.key(f"{name}-2")
    assert host.lets_in(name)


async def test_links_in_a_home_lead_the_helper_nowhere(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    victim, thief = host.person(ssh_lab.name(), keys=1), host.person(ssh_lab.name())
    theirs = f"/home/{victim}/.ssh/authorized_keys"
    host.run("ln", "-s", f"/home/{victim}/.ssh", f"/home/{thief}/.ssh")
    host.run("install", "-d", "/etc/ssh/kept")
    host.put("/etc/ssh/kept/authorized_keys", host.text(theirs))
    async with opened(ssh_lab, clock) as adapter:
        assert await adapter.credentials(thief) == []
        await adapter.disable(thief)
        host.run("ln", "-sfn", "/etc/ssh/kept", f"/home/{thief}/.ssh")
        assert len(await adapter.credentials(thief)) == 1, "sshd would follow the link, so the key is in effect"
        with pytest.raises(Exception, match="is a link into a folder of root's"):
            await adapter.disable(thief)
        assert (await adapter.verify(Step(Cap.DISABLE, thief))).verdict is Verdict.CONTRADICTED
        assert len(await adapter.credentials(victim)) == 1
    assert host.text("/etc/ssh/kept/authorized_keys") == host.text(theirs)


async def test_a_joiner_gets_an_account_that_works(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    name = ssh_lab.name()
    login, key = f"{ssh_lab.prefix}{name}", ssh_lab.key(f"{name}-0").strip()
    raw = {"ssh_key": key, "uid": "31337", "shell": "/bin/sh"}
    wanted = Account("", login, AccountState.ACTIVE, external_id="K:1,é", display="Núñez, Ana: ops", raw=raw)
    async with opened(ssh_lab, clock) as adapter:
        made, receipt = await adapter.create(wanted, key="k")
        assert (made.external_id, made.display, receipt.outcome) == ("K:1,é", "Núñez Ana ops", Outcome.CHANGED)
        assert host.lets_in(name)
        assert host.run("getent", "passwd", login).split(":")[2::4] == ["31337", "/bin/sh\n"]
        again, receipt = await adapter.create(wanted, key="k")
        assert (again.id, receipt.outcome, "login" in receipt.after) == (login, Outcome.ALREADY, False)
        with pytest.raises(Conflict, match="belongs to somebody else"):
            await adapter.create(Account("", login, AccountState.ACTIVE, external_id="K2"), key="k")
        with pytest.raises(Conflict, match="the uid 31337 is somebody else"):
            other = Account("", f"{login}x", AccountState.ACTIVE, raw={"uid": "31337"})
            await adapter.create(other, key="k")
        await adapter.update(login, {"expires": "2031-05-06", "display": "Ana Núñez", "external_id": "K9"})
        read = await adapter.read(login)
        assert (read.display, read.external_id, str(read.expires)[:10]) == ("Ana Núñez", "K9", "2031-05-07")
        step = Step(Cap.UPDATE, login, wanted={"expires": "2031-05-06", "display": "Ana Núñez", "external_id": "K9"})
        assert (await adapter.verify(step)).verdict is Verdict.CONFIRMED
        await adapter.update(login, {"expires": ""})
        assert (await adapter.read(login)).expires is None


@pytest.mark.parametrize(
    "raw",
    [
        {"ssh_key": 'command="id" ssh-ed25519 AAAA'},
        {"ssh_key": "ssh-ed25519 AAAA\nssh-ed25519 AAAA"},
        {"shell": "/usr/bin/id"},
        {"shell": "-p"},
        {"uid": "0"},
        {"uid": "-1"},
        {"groups": "sudo"},
    ],
    ids=str,
)
async def test_a_joiner_gets_nothing_that_is_not_offered(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock, raw: dict[str, object]
) -> None:
    login = f"{ssh_lab.prefix}{ssh_lab.name()}"
    async with opened(ssh_lab, clock) as adapter:
        with pytest.raises(Invalid):
            await adapter.create(Account("", login, AccountState.ACTIVE, raw=raw), key="k")
    assert host.run("getent", "passwd", login, good=(2,)) == ""


async def test_groups_that_give_roots_rights_are_given_only_where_root_allows_it(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock
) -> None:
    login, plain, power = host.person(ssh_lab.name()), host.group(ssh_lab.name()), host.group(ssh_lab.name())
    host.put(f"/etc/sudoers.d/{power}", f"%{power} ALL=(root) /usr/bin/id\n", 0o440)
    async with opened(ssh_lab, clock) as adapter:
        found = {each.name: each async for page in adapter.entitlements(Query()) for each in page.items}
        told = {
            name: (found[name].privileged, found[name].grantable) for name in (plain, power, "sudo", "shadow", "mail")
        }
        assert told == {
            plain: (False, True), power: (True, False), "sudo": (True, False), "shadow": (True, False),
            "mail": (False, False),
        }  # fmt: skip
        for name in (power, "sudo", "mail"):
            with pytest.raises(Forbidden, match="may_grant"):
                await adapter.grant(login, f"group:{name}")
        host.put(CONFIG, json.dumps({"may_grant": [power]}), 0o600)
        await adapter.grant(login, f"group:{power}")
        host.put(CONFIG, "{}", 0o666)
        with pytest.raises(Exception, match="can be written by others than root"):
            await adapter.read(login)
        host.run("rm", CONFIG)
        await adapter.grant(login, f"group:{plain}")
        held = {each.entitlement_id: each.via for each in await adapter.grants_of(login)}
        assert held == {f"group:{plain}": (), f"group:{power}": (), f"permission:sudo-{power}": (power,)}
        await adapter.revoke(login, f"group:{power}")
        assert {each.entitlement_id for each in await adapter.grants_of(login)} == {f"group:{plain}"}


async def test_sudo_rules_are_told_and_a_person_is_taken_out_of_them(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock
) -> None:
    ana, ben = host.person(ssh_lab.name()), host.person(ssh_lab.name())
    own, shared, alias = (f"{ssh_lab.prefix}{name}" for name in ("own", "shared", "alias"))
    host.put(f"/etc/sudoers.d/{own}", f"{ana} ALL=(root) NOPASSWD: /usr/bin/id\n", 0o440)
    rest = "Defaults:%s !lecture\n%s ALL=(root) /usr/bin/id, \\\n  /usr/bin/true\n# %s too\n"
    text = f"{ben}, {ana} web=(root) /usr/bin/id : db=(root) ALL\n"
    host.put(f"/etc/sudoers.d/{shared}", text + rest % (ben, ben, ana), 0o440)
    host.put(f"/etc/sudoers.d/{alias}", f"User_Alias CREW = {ana}, {ben}\nCREW ALL=(root) /usr/bin/id\n", 0o440)
    ids = [f"permission:sudo-{name}" for name in (own, shared, alias)]
    async with opened(ssh_lab, clock) as adapter:
        assert {each.entitlement_id for each in await adapter.grants_of(ana)} == set(ids)
        listed = {each async for page in adapter.grants(Query()) for each in page.items}
        assert {each.entitlement_id for each in listed if each.account_id == ben} == set(ids[1:])
        for id_ in ids[:2]:
            step = Step(Cap.REVOKE, ana, id_)
            assert (await adapter.verify(step)).verdict is Verdict.CONTRADICTED
            assert (await adapter.revoke(ana, id_)).outcome is Outcome.CHANGED
            assert (await adapter.verify(step)).verdict is Verdict.CONFIRMED
            assert (await adapter.revoke(ana, id_)).outcome is Outcome.ALREADY
        with pytest.raises(Forbidden, match="take it out by hand"):
            await adapter.revoke(ana, ids[2])
        with pytest.raises(Unsupported, match="through groups only"):
            await adapter.grant(ana, ids[0])
        assert {each.entitlement_id for each in await adapter.grants_of(ben)} == set(ids[1:])
    assert host.text(f"/etc/sudoers.d/{shared}") == text.replace(f"{ben}, {ana} web", f"{ben} web") + rest % (
        ben,
        ben,
        ana,
    )
    host.run("visudo", "-c")
    host.run("rm", *(f"/etc/sudoers.d/{name}" for name in (own, shared, alias)))


async def test_the_operator_and_the_systems_accounts_are_never_touched(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock
) -> None:
    guarded = host.person(ssh_lab.name())
    host.put(CONFIG, json.dumps({"protected": [guarded]}), 0o600)
    number = host.run("id", "-u", ssh_lab.operator).strip()
    host.run("usermod", "-u", "42042", ssh_lab.operator)
    try:
        async with opened(ssh_lab, clock) as adapter:
            for login in (guarded, ssh_lab.operator, "root", "www-data"):
                with pytest.raises(Forbidden, match=r"protected|system account"):
                    await adapter.disable(login)
            assert (await adapter.read(ssh_lab.operator)).state is AccountState.ACTIVE
            with pytest.raises(Forbidden):
                await adapter.create(Account("", "www-data", AccountState.ACTIVE), key="k")
    finally:
        host.run("pkill", "-KILL", "-u", ssh_lab.operator, good=(0, 1))
        wait_until(lambda: not host.run("pgrep", "-r", "R,S,D", "-u", ssh_lab.operator, good=(0, 1)))
        host.run("usermod", "-u", number, ssh_lab.operator)
        host.run("rm", CONFIG)


async def test_the_helper_says_no_by_itself(ssh_lab: SshLab, host: SshHost) -> None:
    login = host.person(ssh_lab.name())
    requests: dict[str, object] = {
        "": "invalid",
        "[]": "invalid",
        json.dumps({"verb": "read", "login": login})[:-1]: "invalid",
        json.dumps({"verb": "sh", "login": login}): "unsupported",
        **{json.dumps({"verb": "lock", "login": bad}): "invalid" for bad in ("-a", "a;id", "../a", "a\n", "", None, 7)},
        json.dumps({"verb": "lock", "login": "root"}): "forbidden",
        json.dumps({"verb": "grant", "group": "sudo", "logins": [login]}): "forbidden",
        json.dumps({"verb": "grant", "group": "-x", "logins": [login]}): "invalid",
        json.dumps({"verb": "expire", "login": login, "day": "1; id"}): "invalid",
        json.dumps({"verb": "describe", "login": login, "display": "x:0:0"}): "invalid",
        json.dumps({"verb": "sudo-remove", "login": login, "rule": "../passwd"}): "not-found",
    }
    for request, kind in requests.items():
        answer = host.run(ssh_lab.helper, given=request)
        assert json.loads(answer.split(" ", 2)[2])["refused"]["kind"] == kind, request
    assert "invalid" in host.run(ssh_lab.helper, "--verb", given=json.dumps({"verb": "list"}))
    as_operator = host.run("runuser", "-u", ssh_lab.operator, "--", ssh_lab.helper, given=json.dumps({"verb": "list"}))
    assert "not started as root" in as_operator


async def test_every_word_of_the_helper_does_its_own_part(ssh_lab: SshLab, host: SshHost) -> None:
    login = host.person(ssh_lab.name(), keys=1)
    host.run("crontab", "-u", login, "-", given="@daily true\n")

    def ask(verb: str, **more: object) -> dict[str, object]:
        answer = host.run(ssh_lab.helper, given=json.dumps({"verb": verb, "login": login, **more}))
        data: dict[str, object] = json.loads(answer.split(" ", 2)[2])["data"]
        return data

    assert len(ask("keys-list")["keys"]) == 1  # type: ignore[arg-type]
    assert ask("cron-remove")["changed"] is True
    assert ask("cron-remove")["changed"] is False
    assert ask("expire", day=30000)["changed"] is True
    assert ask("read")["expires"] == 30000
    assert ask("groups", logins=[login])["present"] == [login]
    assert ask("sessions")["sessions"] == []
    assert ask("unlock")["changed"] is False


async def test_who_is_a_person_is_said_by_the_number(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    low, new = host.person(ssh_lab.name()), f"{ssh_lab.prefix}{ssh_lab.name()}"
    async with opened(ssh_lab, clock, min_uid=50_000) as adapter:
        with pytest.raises(Forbidden, match="system account"):
            await adapter.disable(low)
        made, _ = await adapter.create(Account("", new, AccountState.ACTIVE), key="k")
        assert [each.id async for page in adapter.accounts(Query()) for each in page.items if each.id != made.id] == []
    assert int(host.run("id", "-u", new)) >= 50_000


async def test_an_expiry_is_put_back_unless_it_has_passed(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    login = host.person(ssh_lab.name(), keys=1, password="x")
    keys = f"/home/{login}/.ssh/authorized_keys"
    async with opened(ssh_lab, clock) as adapter:
        for expiry, after in (("1999-01-01", ""), ("2031-01-01", "22280"), ("", "")):
            host.run("usermod", "-e", expiry, login)
            await adapter.disable(login)
            assert (await adapter.enable(login)).outcome is Outcome.CHANGED
            assert host.run("getent", "shadow", login).split(":")[7] == after
            assert (await adapter.verify(Step(Cap.ENABLE, login))).verdict is Verdict.CONFIRMED
            assert (await adapter.enable(login)).outcome is Outcome.ALREADY
        host.run("crontab", "-u", login, "-", given="@daily old\n")
        await adapter.disable(login)
        by_hand = f"usermod -U -e 2032-02-02 {login} && mv {keys}.jmltui-locked-* {keys}"
        host.run("sh", "-c", by_hand)
        await adapter.disable(login)
        await adapter.enable(login)
        assert host.run("getent", "shadow", login).split(":")[7] == "22677"
        assert host.run("crontab", "-u", login, "-l", good=(1,)) == "", "the crontab of an older lock is not put back"
        assert [each.active for each in await adapter.credentials(login)] == [True, True]
