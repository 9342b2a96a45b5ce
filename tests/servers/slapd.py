"""A real OpenLDAP server of the tests' own, with the overlays that companies use and a certificate of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .own_postgres import certificate
from .scim2 import free_port

PROGRAM = Path("/usr/sbin/slapd")
SUFFIX = "dc=example,dc=test"
PEOPLE = f"ou=people,{SUFFIX}"
LEAVERS = f"ou=leavers,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ADMIN = f"cn=admin,{SUFFIX}"
SERVICE = f"cn=jmltui,ou=services,{SUFFIX}"
LIMITED = f"cn=limited,ou=services,{SUFFIX}"
PLACEHOLDER = f"cn=placeholder,ou=services,{SUFFIX}"
PASSWORD = "practice-only"
LOG = "syncprov-sessionlog 500"
"""The lines of an overlay that tells changes, deletions too."""
HIDDEN = "access to  attrs="
"""What a rule that hides an attribute begins with; the second space tells it from the others."""

CONFIG = """\
{first}include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/dyngroup.schema
attributetype ( 1.3.6.1.4.1.24552.500.1.1.1.13 NAME 'sshPublicKey' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 1.3.6.1.4.1.24552.500.1.1.2.0 NAME 'ldapPublicKey' SUP top AUXILIARY MAY ( sshPublicKey $ uid ) )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload refint
moduleload ppolicy
moduleload unique
moduleload dynlist
{modules}pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
sizelimit size.soft=500 size.hard=1000 size.pr=1000 size.prtotal=unlimited
database mdb
maxsize 1073741824
dbnosync
directory {folder}/data
suffix {suffix}
rootdn {admin}
rootpw {password}
limits dn.exact="{service}" size.soft={most} size.hard=1000 size.pr=1000 size.prtotal=unlimited
limits dn.exact="{limited}" size.soft=3 size.hard=3 size.pr=3 size.prtotal=3
index objectClass,uid,entryUUID,entryCSN,member,uniqueMember,memberUid eq
{rules}access to attrs=userPassword by dn.exact="{service}" write by self write by anonymous auth by * none
access to * by dn.exact="{service}" write by users read by anonymous auth
{provider}overlay memberof
overlay refint
refint_attributes member uniqueMember memberOf manager
refint_nothing {placeholder}
overlay ppolicy
ppolicy_default cn=default,ou=policies,{suffix}
ppolicy_use_lockout
ppolicy_hash_cleartext
overlay unique
unique_uri ldap:///{suffix}?uid?sub
overlay dynlist
dynlist-attrset groupOfURLs memberURL member
{monitor}"""

TREE = """\
dn: {suffix}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

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

dn: ou=policies,{suffix}
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,{suffix}
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdLockout: TRUE

dn: cn=unlocking,ou=policies,{suffix}
objectClass: device
objectClass: pwdPolicy
cn: unlocking
pwdAttribute: userPassword
pwdLockout: FALSE

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

dn: {placeholder}
objectClass: organizationalRole
cn: placeholder
"""


class Slapd:
    """One server: `url` without encryption or with StartTLS, `secure_url` with TLS."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "slapd.conf"
        # A copy, since AppArmor's profile of the program where it is installed knows nothing of folders of tests.
        self._program = shutil.copy2(PROGRAM, folder / "slapd")
        self._addresses: list[str] = []
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

    def make(
        self,
        tree: str = "",
        *,
        tls: bool = True,
        changes: str | None = None,
        most: int = 500,
        first: str = "",
        rules: str = "",
        monitor: str = "database monitor\n",
    ) -> None:
        """Write the configuration and fill the database with the tree, and with more of it if given.

        `changes` are the lines of the overlay that tells changes, which is not there without; `most` is how much is
        told to the service account at once where it does not ask for pages; `first` and `rules` are lines that stand
        before all, and before the rules of access; `monitor` is the database in
        which the server shows what it does.
        """
        (self._folder / "data").mkdir()
        certificate(self._folder, "server", "IP:127.0.0.1,DNS:directory.example.test", [])
        facts = {
            "folder": self._folder,
            "certificate": self.certificate,
            "key": self._folder / "server.key",
            "suffix": SUFFIX,
            "admin": ADMIN,
            "service": SERVICE,
            "limited": LIMITED,
            "placeholder": PLACEHOLDER,
            "password": PASSWORD,
            "most": most,
            "first": first,
            "rules": rules,
            "monitor": monitor,
            "modules": "moduleload syncprov\n" if changes is not None else "",
            "provider": f"overlay syncprov\n{changes}\n" if changes is not None else "",
        }
        lines = CONFIG.format(**facts).splitlines()
        self._config.write_text("\n".join(line for line in lines if tls or not line.startswith("TLS")) + "\n")
        self._addresses = [self.url, self.secure_url] if tls else [self.url]
        command = [str(self._program), "-T", "add", "-q", "-f", str(self._config)]
        done = subprocess.run(
            command, input=TREE.format(**facts) + "\n" + tree, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(self._program), "-f", str(self._config), "-h", " ".join(self._addresses), "-d", "0"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if self._ask("ldapwhoami").returncode == 0:
                return
            assert self._process.poll() is None, "slapd ended by itself"
            time.sleep(0.05)
        raise AssertionError("slapd does not answer")

    def stop(self) -> None:
        """End it at once, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """Let it end in order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            self._process = None

    @contextmanager
    def halted(self) -> Iterator[None]:
        """It neither answers nor ends meanwhile."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        while any(state != "T" for state in _states(self._process.pid)):
            time.sleep(0.005)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def add(self, ldif: str) -> None:
        """Add entries, or change them, as the administrator."""
        done = self._ask("ldapmodify", "-a", "-c", given=ldif)
        assert done.returncode == 0, done.stdout + done.stderr

    def tries(self, ldif: str) -> None:
        """Add an entry, or change one, as far as the server lets that happen."""
        self._ask("ldapmodify", "-a", given=ldif)

    def remove(self, dn: str) -> None:
        """Delete an entry, a referral too."""
        done = self._ask("ldapdelete", "-M", dn)
        assert done.returncode == 0, done.stdout + done.stderr

    def hide(self, attribute: str) -> None:
        """Let nobody but the service account see an attribute; "" shows all again. The server starts anew for it."""
        self.stop()
        text = self._config.read_text()
        lines = [line for line in text.splitlines() if not line.startswith(HIDDEN)]
        if attribute:
            at = next(number for number, line in enumerate(lines) if line.startswith("access to"))
            lines.insert(at, f'{HIDDEN}{attribute} by dn.exact="{SERVICE}" write by * none')
        self._config.write_text("\n".join(lines) + "\n")
        self.start()

    def found(self, base: str, which: str = "(objectClass=*)", *attributes: str) -> str:
        """What ldapsearch finds as the administrator."""
        done = self._ask("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-b", base, which, *attributes)
        return done.stdout

    def signs_in(self, dn: str, password: str) -> bool:
        """Whether the server lets somebody in, asked by OpenLDAP's own client."""
        command = ["ldapwhoami", "-x", "-H", self.url, "-D", dn, "-w", password]
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0

    def _ask(self, program: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [program, "-x", "-H", self.url, "-D", ADMIN, "-w", PASSWORD, *arguments]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)


def _states(process: int) -> list[str]:
    """The state of each thread of a process; T is stopped."""
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks]


def group(name: str, members: Sequence[str] = (PLACEHOLDER,), object_class: str = "groupOfNames") -> str:
    """A group as LDIF."""
    attribute = {"groupOfNames": "member", "groupOfUniqueNames": "uniqueMember", "posixGroup": "memberUid"}[
        object_class
    ]
    lines = [f"dn: cn={name},{GROUPS}", f"objectClass: {object_class}", f"cn: {name}"]
    lines += [f"{attribute}: {member}" for member in members]
    return "\n".join(lines) + "\n"


@contextmanager
def running(tree: str = "", **facts: Any) -> Iterator[Slapd]:
    """A server of one's own, as `Slapd.make` has it."""
    _present()
    folder = Path(tempfile.mkdtemp(prefix="jmltui-slapd-"))
    server = Slapd(folder)
    try:
        server.make(tree, **facts)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _present() -> None:
    """Skip where there is no slapd, but never where CI is set."""
    if PROGRAM.exists() and shutil.which("ldapsearch"):
        return
    told = "slapd and ldap-utils are not installed; .ci/servers installs them"
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    """One server for the whole run."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def telling() -> Iterator[Slapd]:
    """One server that tells its changes, for the whole run: thirty people, and places for more."""
    units = (f"ou=further,{GROUPS}", f"ou=played,{PEOPLE}", f"ou=played,{GROUPS}")
    tree = [f"dn: {unit}\nobjectClass: organizationalUnit\nou: {unit[3:].partition(',')[0]}\n" for unit in units]
    tree += [
        f"dn: uid=here{number},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: here{number}\ncn: Here\nsn: Here\n"
        for number in range(30)
    ]
    with running("\n".join(tree), changes=LOG) as server:
        yield server
