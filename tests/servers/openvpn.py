"""A real OpenVPN with a certificate authority of its own, and real clients that come in by their certificates.

The server has a tun device without an address, and its clients have none at all: tunnels come up, are refused and end
as they do anywhere, and nothing of this machine's network is changed.
"""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from .postgres import missing
from .scim2 import free_port

UP = "Initialization Sequence Completed"
PASSWORD = "management-secret"
PASSPHRASE = "authority-secret"
_AUTHORITY = """\
[ca]
default_ca = authority
[authority]
database = {pki}/index.txt
serial = {pki}/serial
new_certs_dir = {pki}/certs_by_serial
certificate = {pki}/ca.crt
private_key = {pki}/private/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
[any]
commonName = supplied
emailAddress = optional
UID = optional
[server]
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
"""
_EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


class Authority:
    """A certificate authority in the layout of easy-rsa."""

    def __init__(self, folder: Path, passphrase: str = "") -> None:
        self.folder = folder
        self.crl = folder.parent / "server" / "crl.pem"
        self._passphrase = passphrase
        for name in ("private", "issued", "certs_by_serial"):
            (folder / name).mkdir(parents=True)
        self.crl.parent.mkdir(exist_ok=True)
        (folder / "index.txt").touch()
        (folder / "serial").write_text("1000\n")
        (folder / "ca.cnf").write_text(_AUTHORITY.format(pki=folder))
        self._openssl(
            "req", "-x509", *_EC, *(["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]), "-days", "30",
            "-subj", "/CN=Authority", "-keyout", str(folder / "private" / "ca.key"), "-out", str(folder / "ca.crt"),
        )  # fmt: skip
        self.publish()
        self.issue("server", usage="server")

    def issue(self, name: str, *, usage: str = "client", subject: str = "", file: str = "") -> Path:
        """A certificate; its key is beside it. The file, whose serial `serial` tells."""
        file = file or name
        request, key = self.folder / f"{file}.csr", self.folder / "private" / f"{file}.key"
        made = self.folder / "issued" / f"{file}.crt"
        self._openssl(
            "req", "-new", *_EC, "-nodes", "-utf8", "-subj", subject or f"/CN={name}", "-keyout", str(key),
            "-out", str(request),
        )  # fmt: skip
        self._ca("-utf8", "-batch", "-extensions", usage, "-notext", "-in", str(request), "-out", str(made))
        return made

    def serial(self, file: str) -> str:
        """The serial number of a certificate, as openssl shows it."""
        path = str(self.folder / "issued" / f"{file}.crt")
        return self._openssl("x509", "-noout", "-serial", "-in", path).strip().partition("=")[2]

    def revoke(self, file: str) -> None:
        """Revoke by hand, without a new list."""
        self._ca("-revoke", str(self.folder / "issued" / f"{file}.crt"))

    def publish(self) -> None:
        """A new list of what is revoked, where the server reads it."""
        self._ca("-gencrl", "-out", str(self.crl))

    def listed(self) -> str:
        """What openssl shows of the list that the server reads."""
        return self._openssl("crl", "-noout", "-text", "-in", str(self.crl))

    def _ca(self, *arguments: str) -> str:
        known = ["-passin", f"pass:{self._passphrase}"] if self._passphrase else []
        return self._openssl("ca", "-config", str(self.folder / "ca.cnf"), *known, *arguments)

    @staticmethod
    def _openssl(*arguments: str) -> str:
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout


class OpenvpnClient:
    """OpenVPN as a person runs it. It tries again and again, as it does for a person."""

    def __init__(self, server: OpenvpnServer, file: str) -> None:
        self._log = server.folder / f"client-{file}-{free_port()}.log"
        pki = server.authority.folder
        command = [
            "openvpn", "--client", "--dev", "null", "--proto", "tcp-client", "--remote", "127.0.0.1", str(server.port),
            "--nobind", "--ca", str(pki / "ca.crt"), "--cert", str(pki / "issued" / f"{file}.crt"),
            "--key", str(pki / "private" / f"{file}.key"), "--ifconfig-noexec", "--route-noexec",
            "--connect-retry", "1", "1", "--auth-retry", "nointeract", "--verb", "3",
        ]  # fmt: skip
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)

    @property
    def log(self) -> str:
        """What it said so far."""
        return self._log.read_text("utf-8", "replace")

    @property
    def times_up(self) -> int:
        """How often it had a tunnel."""
        return self.log.count(UP)

    @property
    def tries(self) -> int:
        """How often it has tried."""
        return self.log.count("TCP connection established with")

    def wait_up(self, times: int = 1) -> OpenvpnClient:
        """Until it has had a tunnel so many times."""
        until(lambda: self.times_up >= times, lambda: f"the client has no tunnel: {self.log[-2000:]}")
        return self

    def wait_refused(self, more: int = 2) -> None:
        """Until it has tried so many times more. It must not have had a tunnel by any of them."""
        tries, times = self.tries, self.times_up
        until(lambda: self.tries >= tries + more, lambda: f"the client does not try: {self.log[-2000:]}")
        assert self.times_up == times, "the client came in again"

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


class OpenvpnServer:
    """One server. `management` is how the settings name its interface."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder / "pki")
        self.port, self.management_port = free_port(), free_port()
        self.ccd = folder / "ccd"
        self.ccd.mkdir()
        (folder / "password").write_text(f"{PASSWORD}\n")
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: list[OpenvpnClient] = []
        self._names = itertools.count(1)
        self._socket = ""

    @property
    def management(self) -> str:
        """Where its management interface is."""
        return self._socket or f"127.0.0.1:{self.management_port}"

    @property
    def log(self) -> str:
        """What it said so far."""
        return (self.folder / "server.log").read_text("utf-8", "replace")

    def start(self, *, socket_file: str = "") -> None:
        """Start it, with its interface on a socket file instead of a port if one is named."""
        pki, self._socket = self.authority.folder, socket_file
        where = f"{socket_file} unix" if socket_file else f"127.0.0.1 {self.management_port} {self.folder / 'password'}"
        (self.folder / "server.conf").write_text(
            f"mode server\ntls-server\nproto tcp-server\nport {self.port}\nlocal 127.0.0.1\ndev tun\nifconfig-noexec\n"
            "route-noexec\ntopology subnet\nifconfig 10.88.0.1 255.255.255.0\n"
            "ifconfig-pool 10.88.0.2 10.88.0.200 255.255.255.0\npush \"topology subnet\"\ndh none\nduplicate-cn\n"
            f"ca {pki}/ca.crt\ncert {pki}/issued/server.crt\nkey {pki}/private/server.key\n"
            f"crl-verify {self.authority.crl}\nclient-config-dir {self.ccd}\nmanagement {where}\nverb 3\n"
        )  # fmt: skip
        with (self.folder / "server.log").open("ab") as out:
            before = self.log.count(UP)
            self._process = subprocess.Popen(
                ["openvpn", "--config", str(self.folder / "server.conf")], stdout=out, stderr=out, cwd=self.folder
            )
        until(lambda: self.log.count(UP) > before, lambda: f"openvpn does not start: {self.log[-2000:]}")

    def stop(self) -> None:
        """End it at once."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)

    def name(self, stem: str = "ana") -> str:
        """A common name that nobody has yet."""
        return f"{stem}{next(self._names)}"

    def connect(self, file: str) -> OpenvpnClient:
        """A client that comes in by this certificate."""
        client = OpenvpnClient(self, file)
        self._clients.append(client)
        return client

    def hang_up(self) -> None:
        """End all clients, and wait until the server has seen it."""
        for client in self._clients:
            client.close()
        self._clients.clear()

    def options(self, **more: object) -> dict[str, object]:
        """The adapter's options."""
        return {
            "management": self.management,
            "management_password": PASSWORD,
            "pki": str(self.authority.folder),
            "crl": str(self.authority.crl),
            "ccd": str(self.ccd),
            "exchange_seconds": 10,
            **more,
        }

    def close(self) -> None:
        """End everything."""
        self.hang_up()
        self.stop()


def until(is_so: Callable[[], bool], told: Callable[[], str] | str, seconds: float = 20) -> None:
    """Wait. Fails the test when it does not come true."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, told if isinstance(told, str) else told()
        time.sleep(0.05)


def has_tun() -> bool:
    """Whether this machine lets us make tun devices."""
    with suppress(OSError):
        return os.geteuid() == 0 and stat.S_ISCHR(os.stat("/dev/net/tun").st_mode)
    return False


@pytest.fixture(scope="session")
def openvpn() -> Iterator[OpenvpnServer]:
    """The server that the tests of a module share."""
    if shutil.which("openvpn") is None or shutil.which("openssl") is None:
        missing("openvpn or openssl")
    if not has_tun():
        if os.environ.get("CI"):
            pytest.fail("a tun device is needed, and only root can make one")
        pytest.skip("a tun device is needed, and only root can make one")
    folder = Path(tempfile.mkdtemp(prefix="jmltui-openvpn-"))
    server = OpenvpnServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.close()
        shutil.rmtree(folder)
