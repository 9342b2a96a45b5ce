"""Samba as an Active Directory domain controller: its LDAP service alone, on the loopback address.

The domain is provisioned once per machine, into `.cache/servers/samba`; each run works on a copy of its own. Samba's
ports are fixed, so that it runs in a network of its own behind ports that are free here (see samba_program.py). Where
that is not allowed it takes the real ones, one run at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pytest

from jmltui.adapter_api import Clock, OptionValue, Setup

from .postgres import missing
from .scim2 import free_port, wait_for

if TYPE_CHECKING:
    from jmltui_ldap import LdapAdapter

REALM: Final = "AD.EXAMPLE.TEST"
DOMAIN: Final = "DC=ad,DC=example,DC=test"
ADMINISTRATOR: Final = "administrator@ad.example.test"
ADMINISTRATOR_PASSWORD: Final = "Adm1nistrator-of-the-tests"
PEOPLE: Final = f"OU=People,{DOMAIN}"
LEAVERS: Final = f"OU=Leavers,{DOMAIN}"
GROUPS: Final = f"OU=Groups,{DOMAIN}"
PROGRAM: Final = Path(__file__).with_name("samba_program.py")
PROVISIONED: Final = Path(__file__).parents[2] / ".cache" / "servers" / "samba"
PLACE: Final = "@place@"

SETTINGS: Final = f"""[global]
realm = {REALM}
workgroup = ADTEST
netbios name = DC1
server role = active directory domain controller
server services = ldap
interfaces = lo
bind interfaces only = yes
private dir = {PLACE}/private
lock directory = {PLACE}
state directory = {PLACE}/state
cache directory = {PLACE}
pid directory = {PLACE}
ncalrpc dir = {PLACE}/ncalrpc
ntp signd socket directory = {PLACE}/ntp
winbindd socket directory = {PLACE}/winbindd
log file = {PLACE}/log
idmap_ldb:use rfc2307 = yes
tls certfile = {PLACE}/server.crt
tls keyfile = {PLACE}/server.key
tls cafile = {PLACE}/server.crt
"""


class SambaDomain:
    """One domain with one controller. `administrator` may do everything by hand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.plain_port = free_port()
        self.certificate = folder / "server.crt"
        self.log = folder / "samba.log"

    def start(self) -> None:
        """Start it; ready when it returns."""
        ports = [f"{self.port}:636", f"{self.plain_port}:389"]
        samba = [
            "samba",
            "--interactive",
            "--no-process-group",
            "--model=single",
            f"--configfile={self._folder}/etc/smb.conf",
        ]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, str(PROGRAM), *ports, "--", *samba],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        wait_for(self.port, self._process, self.log)

    def stop(self) -> None:
        """End it at once, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    @contextlib.contextmanager
    def halted(self) -> Iterator[None]:
        """It takes connections meanwhile and answers nothing."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._process.pid, signal.SIGCONT)

    @contextlib.contextmanager
    def administrator(self) -> Iterator[Any]:
        """A connection of ldap3's own as somebody who may do everything; it raises what the server refuses."""
        import ldap3

        server = ldap3.Server("127.0.0.1", self.port, use_ssl=True, get_info=ldap3.NONE)
        with ldap3.Connection(
            server,
            ADMINISTRATOR,
            ADMINISTRATOR_PASSWORD,
            raise_exceptions=True,
            return_empty_attributes=False,
            auto_range=False,
        ) as link:
            yield link

    def lets_in(self, login: str, password: str) -> bool:
        """Whether somebody can sign in."""
        import ldap3

        server = ldap3.Server("127.0.0.1", self.port, use_ssl=True, get_info=ldap3.NONE)
        link = ldap3.Connection(server, f"{login}@ad.example.test", password)
        try:
            return bool(link.bind())
        finally:
            link.unbind()

    def person(self, login: str, password: str = "", place: str = PEOPLE, **attributes: str) -> str:
        """Make an account by hand; its name. With a password it can sign in."""
        dn = f"CN={login},{place}"
        values = {"sAMAccountName": login, "userPrincipalName": f"{login}@ad.example.test", **attributes}
        if password:
            values |= {"userAccountControl": "512", "unicodePwd": f'"{password}"'.encode("utf-16-le")}  # type: ignore[dict-item]
        with self.administrator() as link:
            link.add(dn, ["top", "person", "organizationalPerson", "user"], values)
        return dn

    def group(self, name: str, *members: str, place: str = GROUPS) -> str:
        """Make a security group by hand; its name."""
        dn = f"CN={name},{place}"
        with self.administrator() as link:
            link.add(dn, ["top", "group"], {"sAMAccountName": name, **({"member": list(members)} if members else {})})
        return dn

    def change(self, dn: str, **values: str | bytes | Sequence[str]) -> None:
        """Replace attributes by hand."""
        import ldap3

        changes = {
            name: [(ldap3.MODIFY_REPLACE, list(value) if isinstance(value, list | tuple) else [value])]
            for name, value in values.items()
        }
        with self.administrator() as link:
            link.modify(dn, changes)

    def allow(self, dn: str, *entries: str) -> None:
        """Add entries in SDDL to the access list of an entry."""
        command = ["samba-tool", "dsacl", "set", f"--configfile={self._folder}/etc/smb.conf"]
        command += ["-H", f"{self._folder}/private/sam.ldb", f"--objectdn={dn}", f"--sddl={''.join(entries)}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def delegate(self, login: str, password: str, *, changes: bool = False) -> str:
        """Make an account with the rights that the documentation names; the name that it signs in by."""
        user, group = "bf967aba-0de6-11d0-a285-00aa003049e2", "bf967a9c-0de6-11d0-a285-00aa003049e2"
        member, reset = "bf9679c0-0de6-11d0-a285-00aa003049e2", "00299570-246d-11d0-a768-00aa006e0529"
        trustee = self.sid(self.person(login, password, place=f"CN=Users,{DOMAIN}"))
        rights = [
            f"(OA;CI;CCDC;{user};;{trustee})",
            f"(OA;CIIO;RPWPSD;;{user};{trustee})",
            f"(OA;CIIO;CR;{reset};{user};{trustee})",
        ]
        for place in (PEOPLE, LEAVERS):
            self.allow(place, *rights)
        self.allow(GROUPS, f"(OA;CIIO;WP;{member};{group};{trustee})")
        if changes:
            self.allow(DOMAIN, f"(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;{trustee})")
        return f"{login}@ad.example.test"

    def sid(self, dn: str) -> str:
        """The security identifier of an entry."""
        raw = self.values(dn, "objectSid")["objectSid"][0]
        parts = [int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4)]
        return "-".join(["S-1-5", *map(str, parts)])

    def values(self, dn: str, *attributes: str) -> Mapping[str, list[bytes]]:
        """Attributes as they are."""
        import ldap3

        with self.administrator() as link:
            link.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(attributes))
            return dict(link.response[0]["raw_attributes"])

    def options(self, **more: OptionValue) -> dict[str, OptionValue]:
        """The adapter's options for this domain."""
        return {
            "url": f"ldaps://127.0.0.1:{self.port}",
            "profile": "active-directory",
            "ca_file": str(self.certificate),
            "user": ADMINISTRATOR,
            "password": ADMINISTRATOR_PASSWORD,
            "base": DOMAIN,
            "accounts_base": PEOPLE,
            "groups_base": GROUPS,
            "exchange_seconds": 10,
            **more,
        }


@contextlib.asynccontextmanager
async def connected(domain: SambaDomain, clock: Clock, **more: OptionValue) -> AsyncIterator[LdapAdapter]:
    """The adapter on this domain, open."""
    from jmltui_ldap import LdapAdapter

    adapter = LdapAdapter(Setup("ad", domain.options(**more), str, clock))
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


def provisioned() -> Path:
    """The folder of a fresh domain, made once per machine."""
    command = [
        "samba-tool", "domain", "provision", f"--realm={REALM}", "--domain=ADTEST", "--server-role=dc",
        "--dns-backend=SAMBA_INTERNAL", f"--adminpass={ADMINISTRATOR_PASSWORD}", f"--targetdir={PROVISIONED}",
        "--host-name=dc1", "--host-ip=127.0.0.1", "--use-rfc2307", "--option=interfaces=lo",
        "--option=bind interfaces only=yes", "--option=acl_xattr:security_acl_name=user.NTACL",
    ]  # fmt: skip
    done = PROVISIONED / ".complete"
    PROVISIONED.parent.mkdir(parents=True, exist_ok=True)
    with PROVISIONED.with_suffix(".lock").open("w") as others:
        fcntl.flock(others, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != " ".join(command):
            shutil.rmtree(PROVISIONED, ignore_errors=True)
            run = subprocess.run(command, capture_output=True, text=True, timeout=120)
            assert run.returncode == 0, run.stdout + run.stderr
            done.write_text(" ".join(command))
    return PROVISIONED


@contextlib.contextmanager
def own_samba() -> Iterator[SambaDomain]:
    """A running controller of a domain of its own, with places for people, leavers and groups."""
    from .own_postgres import certificate

    folder = Path(tempfile.mkdtemp(prefix="jmltui-samba-"))
    place = folder / "dc"
    try:
        shutil.copytree(provisioned(), place, symlinks=True, ignore=shutil.ignore_patterns("msg.*"))
        (place / "etc" / "smb.conf").write_text(SETTINGS.replace(PLACE, str(place)))
        certificate(place, "server", "DNS:dc1.ad.example.test,IP:127.0.0.1", [])
        domain = SambaDomain(place)
        with Path("/run/jmltui-test-samba.lock").open("w") as others:
            if not can_be_apart():
                fcntl.flock(others, fcntl.LOCK_EX)
            domain.start()
            try:
                with domain.administrator() as link:
                    for name in (PEOPLE, LEAVERS, GROUPS):
                        link.add(name, ["top", "organizationalUnit"])
                yield domain
            finally:
                domain.stop()
    finally:
        shutil.rmtree(folder)


@functools.cache
def can_be_apart() -> bool:
    """Whether programs may have a network of their own here."""
    return subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0


def _scope(fixture_name: str, config: pytest.Config) -> Literal["session", "module"]:
    """Where there is one place for all runs it is given back after each module."""
    del fixture_name, config
    return "session" if can_be_apart() else "module"


@pytest.fixture(scope=_scope)
def samba_domain() -> Iterator[SambaDomain]:
    """The domain that the tests of a run share; each uses names of its own."""
    if os.geteuid() != 0:
        missing("Samba as a domain controller, which only root may start,")
    if shutil.which("samba") is None or shutil.which("samba-tool") is None or shutil.which("openssl") is None:
        missing("samba, samba-ad-provision, samba-dsdb-modules, samba-vfs-modules or openssl")
    with own_samba() as domain:
        yield domain
