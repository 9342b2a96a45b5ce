"""Which hosts are trusted, how they are entered, and what is never sent to one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.adapter_api import (
    Account,
    AccountState,
    AdapterError,
    AuthFailed,
    Cap,
    Invalid,
    NotFound,
    Setup,
    Step,
    Unavailable,
    Unsupported,
    Untrusted,
)
from jmltui_ssh import SshAdapter
from tests.adapters.test_ssh_people import opened, wait_until
from tests.conftest import StandingClock
from tests.servers.sshd import SshHost, SshLab, new_key, run


@pytest.fixture
def host(ssh_lab: SshLab) -> Iterator[SshHost]:
    """One host that is on, and afterwards is as it was."""
    [found] = ssh_lab.hosts()
    yield found
    found.stop()
    found.write_config()
    found.start()


async def refused(lab: SshLab, clock: StandingClock, host: SshHost, **more: object) -> AdapterError:
    """The error of a check."""
    with pytest.raises(AdapterError) as caught:
        async with opened(lab, clock, host, **more) as adapter:
            await adapter.check()
    return caught.value


def fingerprint(path: Path) -> str:
    """As ssh-keygen shows it."""
    return run("ssh-keygen", "-lf", str(path)).split()[1]


async def test_a_host_that_shows_another_key_is_not_entered(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock
) -> None:
    login = host.person(ssh_lab.name())
    pinned, old = ssh_lab.folder / "pinned", fingerprint(host.folder / "host_key.pub")
    pinned.write_text(host.known)
    host.change_host_key()
    new = fingerprint(host.folder / "host_key.pub")
    async with opened(ssh_lab, clock, host, known_hosts=str(pinned)) as adapter:
        for call in (adapter.check(), adapter.read(login), adapter.disable(login)):
            with pytest.raises(Untrusted) as caught:
                await call
            assert caught.value.message == (
                f"The host key of {host.address} is not the one that is pinned: it shows {new}, expected is {old}."
            )
    assert pinned.read_text() != host.known, "the new key was written down by itself"
    assert "Accepted publickey" not in (host.folder / "sshd.log").read_text().rsplit("Server listening", 1)[1]


async def test_a_host_that_nobody_knows_is_not_entered(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    empty = ssh_lab.folder / "empty"
    empty.write_text("")
    error = await refused(ssh_lab, clock, host, known_hosts=str(empty))
    shown = fingerprint(host.folder / "host_key.pub")
    assert isinstance(error, Untrusted)
    assert error.message == (
        f"The host key of {host.address} is not known: it shows {shown}. Compare it on the host itself, then pin it."
    )
    assert empty.read_text() == ""


async def test_a_key_known_for_another_name_is_not_enough(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    by_address = ssh_lab.folder / "by_address"
    by_address.write_text(host.known)
    named = [f"localhost:{host.port}"]
    assert isinstance(await refused(ssh_lab, clock, host, hosts=named, known_hosts=str(by_address)), Untrusted)
    by_address.write_text(host.known.replace("127.0.0.1", "localhost"))
    async with opened(ssh_lab, clock, host, hosts=named, known_hosts=str(by_address)) as adapter:
        assert (await adapter.check())["reachable"] == "1 of 1 hosts"


async def test_a_fingerprint_can_be_pinned_instead(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    shown = fingerprint(host.folder / "host_key.pub")
    async with opened(ssh_lab, clock, host, known_hosts="", fingerprints={host.address: shown}) as adapter:
        assert (await adapter.check())["reachable"] == "1 of 1 hosts"
    wrong = {host.address: "SHA256:" + "A" * 43}
    error = await refused(ssh_lab, clock, host, fingerprints=wrong)
    assert isinstance(error, Untrusted)
    assert "expected is SHA256:AAAA" in error.message


async def test_a_host_key_of_another_kind_is_another_key(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    pinned = ssh_lab.folder / "pinned"
    pinned.write_text(host.known)
    host.stop()
    run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(host.folder / "ecdsa"))
    host.write_config()
    config = host.folder / "sshd_config"
    config.write_text(config.read_text().replace(f"{host.folder}/host_key", f"{host.folder}/ecdsa"))
    host.start()
    error = await refused(ssh_lab, clock, host, known_hosts=str(pinned))
    assert isinstance(error, Untrusted)
    assert f"it shows {fingerprint(host.folder / 'ecdsa.pub')}" in error.message
    pinned.write_text(host.known + f"[127.0.0.1]:{host.port} {(host.folder / 'ecdsa.pub').read_text()}")
    config.write_text(config.read_text() + f"HostKey {host.folder}/host_key\n")
    host.stop()
    host.start()
    pinned.write_text(pinned.read_text().splitlines()[1] + "\n")
    async with opened(ssh_lab, clock, host, known_hosts=str(pinned)) as adapter:
        assert (await adapter.check())["reachable"] == "1 of 1 hosts", "the pinned kind is asked for first"


async def test_an_authority_vouches_for_hosts_and_for_the_operator(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock
) -> None:
    folder = ssh_lab.folder
    authority, key = folder / "authority", folder / "certified"
    new_key(authority)
    new_key(key)
    sign = ["ssh-keygen", "-q", "-s", str(authority)]
    run(*sign, "-h", "-I", "host", "-n", "127.0.0.1", str(host.folder / "host_key.pub"))
    run(*sign, "-I", "operator", "-n", ssh_lab.operator, "-V", "+1h", f"{key}.pub")
    host.stop()
    host.write_config(f"HostCertificate {host.folder}/host_key-cert.pub", f"TrustedUserCAKeys {authority}.pub")
    host.start()
    known = folder / "authorities"
    known.write_text(f"@cert-authority * {Path(f'{authority}.pub').read_text()}")
    given = {"known_hosts": str(known), "key_file": str(key), "certificate_file": f"{key}-cert.pub"}
    async with opened(ssh_lab, clock, host, **given) as adapter:
        assert (await adapter.check())["authenticated"] == "1 of 1 hosts"
    known.write_text(f"@cert-authority * {ssh_lab.key('operator')}")
    error = await refused(ssh_lab, clock, host, **given)
    assert isinstance(error, Untrusted)
    assert "not vouched for" in error.message


async def test_a_key_comes_from_a_secret_with_its_passphrase_or_from_an_agent(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock
) -> None:
    plain, locked = ssh_lab.folder / "operator", ssh_lab.folder / "locked"
    locked.write_bytes(plain.read_bytes())
    locked.chmod(0o600)
    run("ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(locked))
    secrets = {"env:KEY": locked.read_text(), "env:WORD": "open sesame", "env:OTHER": "wrong"}

    def options(**more: object) -> dict[str, object]:
        return ssh_lab.options(host, key_file="", **more)

    for word, good in (("env:WORD", True), ("env:OTHER", False)):
        setup = Setup("linux", options(key="env:KEY", passphrase=word), secrets.__getitem__, clock)  # type: ignore[arg-type]
        adapter = SshAdapter(setup)
        if good:
            await adapter.open()
            assert (await adapter.check())["reachable"] == "1 of 1 hosts"
        else:
            with pytest.raises(AuthFailed, match="cannot be used") as caught:
                await adapter.open()
            assert "wrong" not in caught.value.message
        await adapter.close()
    socket = ssh_lab.folder / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as agent:
        wait_until(socket.exists)
        new_key(ssh_lab.folder / "other")
        run("env", f"SSH_AUTH_SOCK={socket}", "ssh-add", "-q", str(ssh_lab.folder / "other"), str(plain))
        ours = fingerprint(ssh_lab.folder / "operator.pub")
        async with opened(ssh_lab, clock, host, key_file="", agent=str(socket), agent_key=ours) as adapter:
            assert (await adapter.check())["reachable"] == "1 of 1 hosts"
        theirs = fingerprint(ssh_lab.folder / "other.pub")
        error = await refused(ssh_lab, clock, host, key_file="", agent=str(socket), agent_key=theirs)
        assert isinstance(error, AuthFailed)
        agent.kill()
    error = await refused(ssh_lab, clock, host, key_file="", agent=str(socket))
    assert isinstance(error, AuthFailed)


async def test_a_host_that_refuses_our_key_says_so(ssh_lab: SshLab, host: SshHost, clock: StandingClock) -> None:
    stranger = ssh_lab.folder / "stranger"
    new_key(stranger)
    error = await refused(ssh_lab, clock, host, key_file=str(stranger))
    assert isinstance(error, AuthFailed)
    assert error.message == f"{host.address} refuses the key of {ssh_lab.operator}."
    missing = await refused(ssh_lab, clock, host, key_file=str(ssh_lab.folder / "nowhere"))
    assert isinstance(missing, AuthFailed)


async def test_nothing_of_the_operators_own_ssh_settings_is_used(
    ssh_lab: SshLab, host: SshHost, clock: StandingClock, tmp_path: Path
) -> None:
    own = Path(os.environ["HOME"]) / ".ssh"
    own.mkdir(mode=0o700)
    (own / "known_hosts").write_text(host.known)
    (own / "config").write_text("Host *\n  StrictHostKeyChecking no\n  ProxyCommand touch proxied\n")
    (own / "id_ed25519").write_bytes((ssh_lab.folder / "operator").read_bytes())
    empty, stranger = tmp_path / "empty", tmp_path / "stranger"
    empty.write_text("")
    new_key(stranger)
    assert isinstance(await refused(ssh_lab, clock, host, known_hosts=str(empty)), Untrusted)
    assert isinstance(await refused(ssh_lab, clock, host, key_file=str(stranger)), AuthFailed)
    assert not Path("proxied").exists()


async def test_a_host_behind_another_one(ssh_lab: SshLab, clock: StandingClock) -> None:
    host, door = ssh_lab.hosts(2) if ssh_lab.is_apart else ssh_lab.hosts() * 2
    jump = f"{ssh_lab.operator}@{door.address}"
    login = host.person(ssh_lab.name())
    async with opened(ssh_lab, clock, host, jump=jump) as adapter:
        assert (await adapter.read(login)).login == login
    if not ssh_lab.is_apart:
        return
    door.stop()
    error = await refused(ssh_lab, clock, host, jump=jump)
    assert isinstance(error, Unavailable)
    assert door.address in error.message
    door.change_host_key()
    only = ssh_lab.folder / "only_host"
    only.write_text(host.known)
    assert isinstance(await refused(ssh_lab, clock, host, jump=jump, known_hosts=str(only)), Untrusted)
    host.stop()
    error = await refused(ssh_lab, clock, host, jump=jump)
    assert isinstance(error, Unavailable)
    assert host.address in error.message


HOSTILE = (
    "-oProxyCommand=x",
    "a;id",
    "a$(id)",
    "../a",
    "a b",
    "a\n",
    "",
    "a" * 65,
    "é",
    "a|b",
    "root\x00",
    "a/b",
    "`id`",
)


@pytest.fixture
async def listener(tmp_path: Path) -> object:
    """A port where nothing must arrive; the options of an adapter that would go there, and what came."""
    came: list[str] = []

    def note(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append("a connection")
        writer.close()

    new_key(tmp_path / "key")
    server = await asyncio.start_server(note, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hosts = tmp_path / "known_hosts"
    hosts.write_text("")
    yield {"hosts": [f"127.0.0.1:{port}"], "key_file": str(tmp_path / "key"), "known_hosts": str(hosts)}, came
    server.close()


@pytest.mark.parametrize("login", HOSTILE)
async def test_what_is_no_name_is_refused_before_a_connection(
    listener: tuple[dict[str, object], list[str]], clock: StandingClock, login: str
) -> None:
    options, came = listener
    adapter = SshAdapter(Setup("linux", options, str, clock))  # type: ignore[arg-type]
    await adapter.open()
    group = f"group:{login}"
    rule = f"permission:sudo-{login}"
    calls = (
        adapter.read(login), adapter.grants_of(login), adapter.sessions(login), adapter.credentials(login),
        adapter.create(Account("", login, AccountState.ACTIVE), key="k"), adapter.update(login, {"display": "x"}),
        adapter.enable(login), adapter.disable(login), adapter.grant(login, "group:users"),
        adapter.revoke(login, "group:users"), adapter.end_sessions(login), adapter.revoke_credential(login),
        adapter.verify(Step(Cap.DISABLE, login)), adapter.verify(Step(Cap.CREATE, "", login=login)),
        adapter.grant("ana", group), adapter.revoke("ana", group), adapter.revoke("ana", rule),
        adapter.verify(Step(Cap.GRANT, "ana", group)), adapter.verify(Step(Cap.REVOKE, "ana", rule)),
        adapter.revoke_credential("ana", login or "-"),
    )  # fmt: skip
    for call in calls:
        with pytest.raises((Invalid, NotFound)):
            await call
    assert await adapter.find(login) is None
    await adapter.close()
    assert came == []


@given(st.text(max_size=40).filter(lambda text: not text.isascii() or not text.isidentifier()))
def test_no_sign_of_a_shell_or_a_path_gets_through(text: str) -> None:
    from jmltui_ssh.names import is_name

    if is_name(text):
        assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        assert text[0] not in ".-0123456789"


GOOD: dict[str, object] = {"hosts": ["web1"], "key_file": "/k", "known_hosts": "/h"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"hosts": []}, "names no host"),
        ({"hosts": ["web1", "web1"]}, "names a host twice"),
        ({"hosts": ["-oProxyCommand=x"]}, "is no host"),
        ({"hosts": ["web1:0"]}, "is no host"),
        ({"hosts": ["web1;id"]}, "is no host"),
        ({"user": "-l"}, "is no user"),
        ({"key_file": ""}, "exactly one of key_file, key and agent"),
        ({"agent": "env"}, "exactly one of key_file, key and agent"),
        ({"known_hosts": ""}, "needs known_hosts or fingerprints"),
        ({"fingerprints": {"web2": "SHA256:" + "A" * 43}}, "web2, which is none of its hosts"),
        ({"fingerprints": {"web1": "MD5:aa"}}, "is no fingerprint"),
        ({"helper": "/x; id"}, "has to be a path"),
        ({"jump": "door"}, "user@host"),
        ({"hosts_at_once": -1}, "hosts_at_once"),
        ({"host_seconds": -1.0}, "host_seconds"),
        ({"min_uid": -5}, "min_uid"),
    ],
)
def test_options_that_cannot_be_meant_are_told(clock: StandingClock, change: dict[str, object], told: str) -> None:
    SshAdapter(Setup("linux", GOOD, str, clock))  # type: ignore[arg-type]
    with pytest.raises(Invalid, match=told):
        SshAdapter(Setup("linux", {**GOOD, **change}, str, clock))  # type: ignore[arg-type]


def test_what_is_installed_on_hosts_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        run(sys.executable, "-m", "jmltui_ssh", "helper", str(path))
    assert first.read_bytes() == second.read_bytes()
    assert run("sha256sum", str(first)).split()[0] == run(sys.executable, "-m", "jmltui_ssh", "digest").strip()
    rule = tmp_path / "rule"
    rule.write_text(run(sys.executable, "-m", "jmltui_ssh", "sudoers", "operator"))
    assert rule.read_text().startswith('operator ALL=(root) NOPASSWD: /usr/local/sbin/jmltui-host-helper ""\n')
    run("visudo", "-c", "-f", str(rule))
    assert run(sys.executable, "-m", "jmltui_ssh", "sudoers", "a b", good=(2,)) == ""


async def test_without_the_client_library_it_says_what_to_install(
    clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("jmltui_ssh.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    with pytest.raises(Unsupported, match="asyncssh"):
        await SshAdapter(Setup("linux", GOOD, str, clock)).open()  # type: ignore[arg-type]
