"""Real WireGuard: wireguard-go and wg-quick on a host of `sshd.py`, people behind network namespaces of their own.

The host's interface lives in a network namespace of its own as well, so that nothing of this machine's network changes;
`wg` finds it by its socket under the host's own /run, as the helper does.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .openvpn import has_tun, until
from .postgres import missing
from .sshd import SshHost, SshLab, ssh_lab_of_its_own

PROGRAMS = ("wireguard-go", "wg", "wg-quick", "ip", "nsenter", "unshare")
PORT = 51820
ADDRESS = "10.99.0.1"
INTERFACE = "wgs"
_REACHES = (
    "import socket, sys\n"
    "line = socket.socket()\n"
    "line.settimeout(float(sys.argv[2]))\n"
    "try:\n    line.connect((sys.argv[1], 9))\n"
    "except ConnectionRefusedError:\n    sys.exit(0)\n"
    "except OSError:\n    sys.exit(1)\n"
)
"""Nothing listens there, so the host refuses: which it can only do when the tunnel carries."""


class WireguardPerson:
    """Somebody with a peer. `key` is the public one."""

    def __init__(self, host: WireguardHost, number: int, name: str) -> None:
        self._host = host
        self._number = number
        self.name = name
        self.address = f"10.99.0.{number}"
        self._secret = _wg("genkey").strip()
        self.key = _wg("pubkey", given=self._secret).strip()
        self.shared = _wg("genpsk").strip()
        self._process: subprocess.Popen[bytes] | None = None
        self._enter: list[str] = []

    def section(self, comment: str = "") -> str:
        """The person's part of the host's file."""
        head = f"# {comment or self.name}\n"
        return f"{head}[Peer]\nPublicKey = {self.key}\nPresharedKey = {self.shared}\nAllowedIPs = {self.address}/32\n\n"

    def start(self) -> WireguardPerson:
        """Begin, as with the app on a laptop."""
        script = "mount -t tmpfs none /run/wireguard && exec sleep 1000"
        os.makedirs("/run/wireguard", exist_ok=True)
        self._process = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", script])
        until(lambda: _is_apart(self._process), "no namespace")
        self._enter = ["nsenter", "-t", str(self._process.pid), "-n", "-m", "--"]
        near, far = f"10.77.{self._number}.1", f"10.77.{self._number}.2"
        self._host.cable(self._process.pid, f"v{self._number}", near)
        self._run("ip", "addr", "add", f"{far}/30", "dev", "cable")
        self._run("ip", "link", "set", "cable", "up")
        self._run("wireguard-go", "wgc")
        text = (
            f"[Interface]\nPrivateKey = {self._secret}\n[Peer]\nPublicKey = {self._host.key}\n"
            f"PresharedKey = {self.shared}\nAllowedIPs = {ADDRESS}/32\nEndpoint = {near}:{PORT}\n"
        )
        self._run("wg", "setconf", "wgc", "/dev/stdin", given=text)
        self._run("ip", "addr", "add", f"{self.address}/32", "dev", "wgc")
        self._run("ip", "link", "set", "wgc", "up")
        self._run("ip", "route", "add", f"{ADDRESS}/32", "dev", "wgc")
        return self

    def reaches(self, seconds: float = 2) -> bool:
        """Whether anything passes through the tunnel and back."""
        command = [*self._enter, sys.executable, "-c", _REACHES, ADDRESS, str(seconds)]
        return subprocess.run(command, timeout=30).returncode == 0

    def stop(self) -> None:
        """End."""
        process, self._process = self._process, None
        if process is not None:
            subprocess.run([*self._enter, "ip", "link", "del", "wgc"], capture_output=True)
            process.kill()
            process.wait()

    def _run(self, *command: str, given: str = "") -> None:
        done = subprocess.run([*self._enter, *command], input=given, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{command}: {done.stderr}"


class WireguardHost:
    """A host with WireGuard. Its file is /etc/wireguard/wgs.conf, which wg-quick(8) brings into effect."""

    def __init__(self, host: SshHost) -> None:
        self.host = host
        self._secret = _wg("genkey").strip()
        self.key = _wg("pubkey", given=self._secret).strip()
        self._numbers = itertools.count(2)
        self._people: list[WireguardPerson] = []
        self.host.run("mkdir", "-p", "-m", "700", "/etc/wireguard")
        self.host.run("mkdir", "-p", "/run/wireguard")
        self._process = subprocess.Popen(["unshare", "--net", *host._enter, "sleep", "1000"])
        until(lambda: _is_apart(self._process), "no namespace")
        # From outside: the host has process numbers of its own.
        self._enter = ["nsenter", "-t", str(self._process.pid), "-n", "--", *host._enter]
        self._run("ip", "link", "set", "lo", "up")

    @property
    def interface_section(self) -> str:
        """The first part of the file."""
        return f"[Interface]\nPrivateKey = {self._secret}\nListenPort = {PORT}\nAddress = {ADDRESS}/24\n\n"

    def person(self, name: str) -> WireguardPerson:
        """Somebody who is in no file yet."""
        person = WireguardPerson(self, next(self._numbers), name)
        self._people.append(person)
        return person

    def write(self, *sections: str, mode: int = 0o600) -> None:
        """The file, from its parts."""
        self.host.put(f"/etc/wireguard/{INTERFACE}.conf", self.interface_section + "".join(sections), mode)

    def text(self) -> str:
        """What the file holds now."""
        return self.host.text(f"/etc/wireguard/{INTERFACE}.conf")

    def up(self) -> None:
        """Bring the file into effect."""
        self._run("wg-quick", "up", INTERFACE)

    def down(self) -> None:
        """Take the interface away."""
        self._run("wg-quick", "down", INTERFACE)

    def restart(self) -> None:
        """Both, as when the host is started again."""
        self.down()
        self.up()

    def cable(self, pid: int, name: str, address: str) -> None:
        """A cable between the host and the network namespace of a process, whose end is called `cable`."""
        subprocess.run(
            [*self._enter[:5], "ip", "link", "add", name, "type", "veth", "peer", "name", "cable", "netns", str(pid)],
            check=True,
            timeout=30,
        )
        self._run("ip", "addr", "add", f"{address}/30", "dev", name)
        self._run("ip", "link", "set", name, "up")

    def wg(self, *arguments: str) -> str:
        """What wg says on the host."""
        return self.host.run("wg", *arguments)

    def quiet(self) -> None:
        """Everybody gone, no interface, no file."""
        for person in self._people:
            person.stop()
        self._people.clear()
        if self.wg("show", "interfaces").strip():
            self._run("ip", "link", "del", INTERFACE)
            until(lambda: not self.wg("show", "interfaces").strip(), "the interface does not go")
        self.host.run("sh", "-c", "rm -f /etc/wireguard/*")

    def close(self) -> None:
        """End everything."""
        self.quiet()
        self._process.kill()
        self._process.wait()

    def _run(self, *command: str) -> None:
        done = subprocess.run([*self._enter, *command], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _is_apart(process: subprocess.Popen[bytes] | None) -> bool:
    """Whether unshare has become what it was asked to run."""
    assert process is not None
    assert process.poll() is None, "the namespace has ended"
    with open(f"/proc/{process.pid}/comm") as file:
        return file.read().strip() in ("sleep", "nsenter")


def _wg(*arguments: str, given: str = "") -> str:
    return subprocess.run(["wg", *arguments], input=given, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def wireguard_lab() -> Iterator[tuple[SshLab, list[WireguardHost]]]:
    """Two hosts with WireGuard, and the lab that they are in."""
    for program in PROGRAMS:
        if shutil.which(program) is None:
            missing("wireguard-go, wireguard-tools or iproute2")
    if not has_tun():
        if os.environ.get("CI"):
            pytest.fail("a tun device is needed, and only root can make one")
        pytest.skip("a tun device is needed, and only root can make one")
    with ssh_lab_of_its_own() as lab:
        if not lab.is_apart:
            pytest.skip("hosts need the right to make namespaces")
        hosts = [WireguardHost(host) for host in lab.hosts(2)]
        try:
            yield lab, hosts
        finally:
            for host in hosts:
                host.close()
