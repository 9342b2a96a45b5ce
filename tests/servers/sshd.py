"""Real hosts behind real sshds on the loopback address, with the helper installed as its documentation says.

Each host is a set of namespaces with its own /etc, /home, /run, processes and name, so that nothing of this machine's
accounts is touched. Where that is not allowed there is one host, this machine itself: its people and groups have names
that begin with a prefix nobody else has, and are removed afterwards.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from jmltui_ssh.packing import packed, sudoers

from .postgres import missing
from .scim2 import free_port, wait_for

PROGRAMS = ("/usr/sbin/sshd", "ssh", "ssh-keygen", "sudo", "visudo", "cvtsudoers", "useradd", "crontab", "pkill")
STATE = Path("/var/lib/jmltui-host-helper")
APART = ("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc")
FAULTY_HELPER = Path(__file__).with_name("sshd_faulty_helper.py")
OWN = ("/etc", "/home", "/run", "/var/log", "/var/mail", "/var/spool/cron", "/usr/local/sbin", str(STATE))
"""What a host has for itself; copied from this machine where it has to begin like it."""
COPIED = frozenset({"/etc", "/var/spool/cron"})


class SshHost:
    """One host. `address` is how the settings name it."""

    def __init__(self, lab: SshLab, number: int) -> None:
        self.lab = lab
        self.port = free_port()
        self.folder = lab.folder / f"host{number}"
        self.folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        self._enter: list[str] = []
        self._host_key = new_key(self.folder / "host_key")
        if lab.is_apart:
            for path in OWN:
                there = self.folder / path.replace("/", "_")
                if path in COPIED:
                    shutil.copytree(path, there, symlinks=True, copy_function=_copy_with_owner)
                    shutil.copystat(path, there)
                else:
                    there.mkdir(mode=0o700 if path == str(STATE) else 0o755)
            # sudo looks its host's name up, and waits for an answer from elsewhere where no file has one.
            self.put("/etc/hosts", "127.0.0.1 localhost apart\n")
        self.write_config()
        self.start()
        self._equip()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def known(self) -> str:
        """The line of known_hosts."""
        return f"[127.0.0.1]:{self.port} {self._host_key}"

    def change_host_key(self) -> None:
        """Be installed anew: another host key, unlike what is pinned."""
        self.stop()
        for path in self.folder.glob("host_key*"):
            path.unlink()
        self._host_key = new_key(self.folder / "host_key")
        self.start()

    def write_config(self, *lines: str) -> None:
        """The server's configuration, with these lines before all others."""
        folder = self.folder
        (folder / "sshd_config").write_text(
            "".join(f"{line}\n" for line in lines)
            + f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nPidFile none\nUsePAM yes\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 200\nStrictModes no\n"
            f"AuthorizedKeysFile .ssh/authorized_keys {self.lab.folder}/%u.keys\n"
        )

    def start(self) -> None:
        """Switch on."""
        command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.folder / "sshd_config")]
        if self.lab.is_apart:
            binds = [f"mount --bind {self.folder / path.replace('/', '_')} {path}" for path in OWN]
            script = " && ".join([*binds, "mkdir -p -m 755 /run/sshd", "hostname apart", f"exec {' '.join(command)}"])
            command = [*APART, "sh", "-c", script]
        else:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        log = self.folder / "sshd.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        wait_for(self.port, self._process, log)
        if self.lab.is_apart:
            inner = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()[0]
            self._enter = ["nsenter", "-t", inner, "-m", "-p", "-u", "-w/", "--"]

    def stop(self) -> None:
        """Switch off, as by its power cord."""
        process, self._process = self._process, None
        if process is not None:
            # What is apart ends with its first process, and unshare only after that.
            run("pkill", "-KILL", "-P", str(process.pid), good=(0, 1))
            if not self.lab.is_apart:
                process.kill()
            process.wait()

    @property
    def is_on(self) -> bool:
        """Whether it is switched on."""
        return self._process is not None

    def run(self, *command: str, given: str = "", good: tuple[int, ...] = (0,)) -> str:
        """What a program prints that root runs on the host."""
        return run(*self._enter, *command, given=given, good=good)

    def put(self, path: str, text: str | bytes, mode: int = 0o644) -> None:
        """Write a file of root's on the host."""
        place = self._place(path)
        place.write_bytes(text if isinstance(text, bytes) else text.encode())
        place.chmod(mode)

    def text(self, path: str) -> str:
        """What a file on the host holds."""
        return self._place(path).read_text()

    def person(self, name: str, *, keys: int = 0, password: str = "") -> str:
        """Make an account by hand; the login. Its private keys are in the lab's folder as NAME-0, NAME-1, …"""
        login = f"{self.lab.prefix}{name}"
        self.run("useradd", "-m", "-U", "-s", "/bin/bash", login)
        if password:
            self.run("chpasswd", given=f"{login}:{password}\n")
        if keys:
            lines = [self.lab.key(f"{name}-{number}") for number in range(keys)]
            self.run("install", "-d", "-m", "700", "-o", login, "-g", login, f"/home/{login}/.ssh")
            self.put(f"/home/{login}/.ssh/authorized_keys", "# mine\n" + "".join(lines), 0o600)
            self.run("chown", f"{login}:{login}", f"/home/{login}/.ssh/authorized_keys")
        return login

    def group(self, name: str, *options: str) -> str:
        """Make a group; its name."""
        self.run("groupadd", *options, f"{self.lab.prefix}{name}")
        return f"{self.lab.prefix}{name}"

    def ssh(self, name: str, *command: str) -> list[str]:
        """The arguments of OpenSSH's own client, as this person with the person's first key."""
        return [
            "ssh", "-F", "none", "-p", str(self.port), "-i", str(self.lab.folder / f"{name}-0"), "-o", "BatchMode=yes",
            "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={self.lab.known_hosts()}",
            f"{self.lab.prefix}{name}@127.0.0.1", *command,
        ]  # fmt: skip

    def lets_in(self, name: str) -> bool:
        """Whether OpenSSH's own client gets in as this person."""
        return subprocess.run(self.ssh(name, "true"), capture_output=True, timeout=30).returncode == 0

    def install_helper(self, program: bytes | None = None) -> None:
        """Install the helper, or another program in its place."""
        self.put(self.lab.helper, packed() if program is None else program, 0o755)

    def install_faulty_helper(self) -> None:
        """Install a program in the helper's place that runs the real one and spoils its answers by `fault`."""
        self.put(f"{self.lab.helper}.real", packed(), 0o755)
        self.install_helper(FAULTY_HELPER.read_bytes())

    def fault(self, name: str) -> None:
        """Spoil answers from now on; none for an empty name."""
        if name:
            self.put(f"{self.lab.helper}.fault", name)
        else:
            self._place(f"{self.lab.helper}.fault").unlink(missing_ok=True)

    def install_rule(self, text: str | None = None) -> None:
        """Install the operator's sudo rule, or another one."""
        rule = sudoers(self.lab.operator, self.lab.helper) if text is None else text
        self.put(f"/etc/sudoers.d/{self.lab.operator}", rule, 0o440)

    def _equip(self) -> None:
        self.run("useradd", "-r", "-M", "-d", str(self.lab.folder), "-s", "/bin/sh", self.lab.operator)
        self.install_helper()
        self.install_rule()

    def _place(self, path: str) -> Path:
        """Where a path of the host is on this machine."""
        own = next((each for each in OWN if path.startswith(f"{each}/")), None)
        if own is None or not self.lab.is_apart:
            return Path(path)
        return self.folder / own.replace("/", "_") / path[len(own) + 1 :]


class SshLab:
    """The hosts of a test run. `prefix` begins every name that is made on them."""

    def __init__(self, folder: Path, is_apart: bool) -> None:
        self.folder = folder
        self.prefix = f"jt{secrets.token_hex(2)}"
        self.operator = f"{self.prefix}op"
        self.helper = f"/usr/local/sbin/jmltui-host-helper-{self.prefix}"
        self.is_apart = is_apart
        self._hosts: list[SshHost] = []
        self._names = 0
        folder.chmod(0o755)
        STATE.mkdir(mode=0o700, exist_ok=True)
        (folder / f"{self.operator}.keys").write_text(self.key("operator"))

    def hosts(self, number: int = 1) -> list[SshHost]:
        """So many hosts that are switched on."""
        if number > 1 and not self.is_apart:
            _lacking("several hosts need the right to make namespaces")
        while len(self._hosts) < number:
            self._hosts.append(SshHost(self, len(self._hosts)))
        for host in self._hosts[:number]:
            if not host.is_on:
                host.start()
        return self._hosts[:number]

    def name(self) -> str:
        """A name that nobody has yet, without the prefix."""
        self._names += 1
        return f"p{self._names}"

    def key(self, name: str) -> str:
        """The public line of a key pair of this name in the folder."""
        path = self.folder / name
        return path.with_name(f"{name}.pub").read_text() if path.exists() else new_key(path)

    def known_hosts(self) -> Path:
        """The host keys of all hosts, as they are now."""
        path = self.folder / "known_hosts"
        path.write_text("".join(host.known for host in self._hosts))
        return path

    def options(self, *hosts: SshHost, **more: object) -> dict[str, object]:
        """The adapter's options for a fleet of these hosts."""
        return {
            "hosts": [host.address for host in hosts],
            "user": self.operator,
            "key_file": str(self.folder / "operator"),
            "known_hosts": str(self.known_hosts()),
            "helper": self.helper,
            **more,
        }

    def close(self) -> None:
        """Switch everything off; on this machine itself, take everything away again."""
        for host in self._hosts:
            host.stop()
        if not self.is_apart:
            _clean(self)


def _lacking(told: str) -> NoReturn:
    """Skip the test, or fail it where everything has to be there (CI is set)."""
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


def run(*command: str, given: str = "", good: tuple[int, ...] = (0,)) -> str:
    """What a program prints."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode in good, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def new_key(path: Path, *options: str) -> str:
    """Make a key pair; the public line."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path), *options)
    return path.with_name(f"{path.name}.pub").read_text()


def _copy_with_owner(source: str, target: str) -> None:
    shutil.copy2(source, target, follow_symlinks=False)
    status = os.lstat(source)
    os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)


def _clean(lab: SshLab) -> None:
    for line in Path("/etc/passwd").read_text().splitlines():
        login = line.split(":", 1)[0]
        if login.startswith(lab.prefix):
            run("pkill", "-KILL", "-u", login, good=(0, 1))
            run("crontab", "-u", login, "-r", good=(0, 1))
            # Forced: what was killed may lie about as a zombie still, and counts as in use.
            run("userdel", "-f", *([] if login == lab.operator else ["-r"]), login, good=(0, 12))
    for line in Path("/etc/group").read_text().splitlines():
        if line.startswith(lab.prefix):
            run("groupdel", line.split(":", 1)[0], good=(0, 6))
    for path in (*Path("/etc/sudoers.d").glob(f"{lab.prefix}*"), *STATE.glob(f"*{lab.prefix}*")):
        path.unlink()
    for path in Path("/usr/local/sbin").glob(f"*{lab.prefix}*"):
        path.unlink()


@contextlib.contextmanager
def ssh_lab_of_its_own() -> Iterator[SshLab]:
    """A lab until the end of the block. On this machine itself there is one at a time: listings must stand still."""
    folder = Path(tempfile.mkdtemp(prefix="jmltui-ssh-"))
    is_apart = subprocess.run([*APART, "true"], capture_output=True).returncode == 0
    with open("/run/jmltui-test-ssh.lock", "w") as others:
        fcntl.flock(others, fcntl.LOCK_SH if is_apart else fcntl.LOCK_EX)
        lab = SshLab(folder, is_apart)
        try:
            yield lab
        finally:
            lab.close()
            shutil.rmtree(folder)
            with contextlib.suppress(OSError):
                fcntl.flock(others, fcntl.LOCK_EX | fcntl.LOCK_NB)
                STATE.rmdir()


@pytest.fixture(scope="module")
def ssh_lab() -> Iterator[SshLab]:
    """The hosts that the tests of a module share."""
    if os.geteuid() != 0:
        _lacking("accounts are made by root only, and the tests run as somebody else")
    for program in PROGRAMS:
        if shutil.which(program) is None:
            missing("openssh-server, openssh-client, sudo or cron")
    with ssh_lab_of_its_own() as lab:
        yield lab
