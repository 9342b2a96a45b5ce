"""A real 389 Directory Server of the tests' own, made without systemd and without its installer, with TLS.

Its installer (dscreate) fills the same template that is filled here; beyond that it makes users and services of the
machine, which nobody needs for a server that lives in a folder.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from .own_postgres import certificate
from .scim2 import free_port
from .slapd import ADMIN, LIMITED, PASSWORD, PLACEHOLDER, SERVICE, SUFFIX

PROGRAM = Path("/usr/sbin/ns-slapd")
SHARE = Path("/usr/share/dirsrv")
DATABASE = "userRoot"
PLUGINS = (
    "MemberOf Plugin",
    "referential integrity postoperation",
    "attribute uniqueness",
    "Account Policy Plugin",
)
"""What companies switch on; the last one notes the time of the last sign-in."""

RIGHTS = (
    f'(targetattr="*")(version 3.0; acl "all"; allow (all) userdn="ldap:///{SERVICE}";)',
    f'(targetattr="nsAccountLock")(version 3.0; acl "lock"; allow (all) userdn="ldap:///{LIMITED}";)',
    '(targetattr!="userPassword || nsAccountLock")(version 3.0; acl "look"; allow (read, search, compare) userdn="ldap:///all";)',
)

OWN_SCHEMA = """\
dn: cn=schema
objectClass: top
objectClass: ldapSubentry
objectClass: subschema
cn: schema
"""

TREE = """\
dn: {suffix}
objectClass: top
objectClass: domain
dc: example
{rights}

dn: ou=people,{suffix}
objectClass: organizationalUnit
ou: people

dn: ou=leavers,{suffix}
objectClass: organizationalUnit
ou: leavers

dn: ou=groups,{suffix}
objectClass: organizationalUnit
ou: groups

dn: ou=services,{suffix}
objectClass: organizationalUnit
ou: services

dn: {service}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: jmltui
userPassword: {password}

dn: {limited}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: limited
userPassword: {password}
nsSizeLimit: 3

dn: {placeholder}
objectClass: organizationalRole
cn: placeholder
"""


class Dirsrv:
    """One server: `url` without encryption or with StartTLS, `secure_url` with TLS."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # The server's semaphore, which the whole machine sees, has the name of this folder.
        self._config = folder / f"slapd-{folder.name}"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.tls_port = free_port()
        self.certificate = folder / "server.crt"

    @property
    def url(self) -> str:
        """Where it answers without encryption."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def secure_url(self) -> str:
        """Where it answers with TLS; the certificate carries 127.0.0.1."""
        return f"ldaps://127.0.0.1:{self.tls_port}"

    def make(self) -> None:
        """Write the configuration, and fill the database with the tree."""
        (self._config / "schema").mkdir(parents=True)
        for name in ("lock", "tmp", "ldif", "bak", "run", "instance", "log", "db"):
            (self._folder / name).mkdir()
        (self._config / "certmap.conf").write_text("certmap default default\n")
        (self._config / "slapd-collations.conf").write_text("")
        (self._config / "schema" / "99user.ldif").write_text(OWN_SCHEMA)
        self._keep_certificate()
        parts = [(SHARE / "data" / f"template-{name}.ldif").read_text() for name in ("dse", "suffix-db")]
        text = "\n".join(line for line in "\n\n".join(parts).splitlines() if not line.startswith("#"))
        for name, value in self._facts().items():
            text = text.replace(f"%{name}%", value)
        (self._config / "dse.ldif").write_text(_switched(text, self.tls_port))
        tree = self._folder / "ldif" / "tree.ldif"
        rights = "\n".join(f"aci: {one}" for one in RIGHTS)
        names = {"suffix": SUFFIX, "service": SERVICE, "limited": LIMITED, "placeholder": PLACEHOLDER}
        tree.write_text(TREE.format(**names, password=PASSWORD, rights=rights))
        self._run([str(PROGRAM), "ldif2db", "-D", str(self._config), "-n", DATABASE, "-i", str(tree)])

    def _facts(self) -> Mapping[str, str]:
        folders = ("lock", "tmp", "ldif", "bak", "run", "log", "db")
        return {
            **{f"{name}_dir": str(self._folder / name) for name in folders},
            "config_dir": str(self._config),
            "cert_dir": str(self._config),
            "schema_dir": str(self._config / "schema"),
            "inst_dir": str(self._folder / "instance"),
            "db_home_dir": str(self._folder / "db"),
            "db_lib": "bdb",
            "fqdn": "localhost",
            "ds_port": str(self.port),
            "ds_user": getpass.getuser(),
            "rootdn": ADMIN,
            "ds_passwd": self._run(["pwdhash", "-s", "SSHA512", PASSWORD]).strip(),
            "ds_suffix": SUFFIX,
            "ds_bename": DATABASE,
            "ldapi_enabled": "off",
            "ldapi": str(self._folder / "run" / "ldapi"),
            "ldapi_autobind": "off",
        }

    def _keep_certificate(self) -> None:
        """Put a certificate into the server's own store."""
        certificate(self._folder, "server", "IP:127.0.0.1,DNS:directory.example.test", [])
        store, both = f"sql:{self._config}", self._folder / "server.p12"
        self._run(["certutil", "-N", "-d", store, "--empty-password"])
        self._run(
            ["openssl", "pkcs12", "-export", "-in", str(self.certificate), "-inkey", str(self._folder / "server.key"),
             "-name", "Server-Cert", "-out", str(both), "-passout", "pass:"]
        )  # fmt: skip
        self._run(["pk12util", "-i", str(both), "-d", store, "-W", "", "-K", ""])

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(PROGRAM), "-D", str(self._config), "-i", str(self._folder / "run" / "pid"), "-d", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            if self._ask("ldapwhoami").returncode == 0:
                return
            assert self._process.poll() is None, (self._folder / "log" / "errors").read_text()[-2000:]
            time.sleep(0.05)
        raise AssertionError("ns-slapd does not answer")

    def stop(self) -> None:
        """Let it end in order, so that it leaves nothing behind in the memory of the machine."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def add(self, ldif: str) -> None:
        """Add entries, or change them, as the administrator."""
        done = self._ask("ldapmodify", "-a", "-c", given=ldif)
        assert done.returncode == 0, done.stdout + done.stderr

    def found(self, base: str, which: str = "(objectClass=*)", *attributes: str) -> str:
        """What ldapsearch finds as the administrator."""
        return self._ask("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", base, which, *attributes).stdout

    def signs_in(self, dn: str, password: str) -> str:
        """ "" where the server lets somebody in, else its words, asked by OpenLDAP's own client."""
        command = ["ldapwhoami", "-x", "-H", self.url, "-D", dn, "-w", password]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        return "" if done.returncode == 0 else done.stderr

    def _ask(self, program: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [program, "-x", "-H", self.url, "-D", ADMIN, "-w", PASSWORD, *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)


def _switched(text: str, tls_port: int) -> str:
    """The configuration with TLS and the plugins on, on this machine alone, and without waiting for disks."""
    entries = re.split(r"\n{2,}", text)
    for at, entry in enumerate(entries):
        first = entry.lstrip().partition("\n")[0]
        if first == "dn: cn=config":
            entries[at] += (
                f"\nnsslapd-security: on\nnsslapd-securePort: {tls_port}\nnsslapd-listenhost: 127.0.0.1"
                "\nnsslapd-securelistenhost: 127.0.0.1\nnsslapd-accesslog-logging-enabled: off"
            )
        elif first == "dn: cn=config,cn=ldbm database,cn=plugins,cn=config":
            entries[at] += "\nnsslapd-db-durable-transaction: off\nnsslapd-dbcachesize: 10000000"
            entries[at] += "\nnsslapd-cache-autosize: 0"
        elif first == "dn: cn=config,cn=Account Policy Plugin,cn=plugins,cn=config":
            entries[at] = (
                entry.replace("recordlogin: no", "recordlogin: yes")
                + "\nstateattrname: lastLoginTime\naltstateattrname: createTimestamp"
            )
        elif first.removeprefix("dn: cn=").partition(",")[0] in PLUGINS:
            entries[at] = entry.replace("pluginenabled: off", "pluginenabled: on").replace(
                "pluginEnabled: off", "pluginEnabled: on"
            )
    return "\n\n".join(entries)


@contextmanager
def running() -> Iterator[Dirsrv]:
    """A server of one's own."""
    folder = Path(tempfile.mkdtemp(prefix="jmltui-dirsrv-"))
    server = Dirsrv(folder)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def dirsrv() -> Iterator[Dirsrv]:
    """One server for the whole run; skips where there is none, but never where CI is set."""
    if not (PROGRAM.exists() and shutil.which("ldapsearch") and shutil.which("pk12util")):
        told = "389-ds-base and ldap-utils are not installed; .ci/servers installs them"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    with running() as server:
        yield server
