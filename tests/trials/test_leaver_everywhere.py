"""Somebody known everywhere leaves: walked through the dashboard once, then each server is asked by its own tools.

The joiner is carried out by jmltui as well, so that every account is one that it made or that a person linked.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest

from jmltui.cli.context import utc_now
from jmltui.config.places import Places
from jmltui.config.settings import load
from jmltui.lifecycle.board import open_board
from jmltui.ui.app import Dashboard
from jmltui.ui.desk import Outside
from jmltui.worker.process import ensure_worker, stop_worker
from tests.adapters.test_scim_servers import Canaille
from tests.lifecycle.helpdesk import BLOCK
from tests.servers import openvpn as openvpn_server
from tests.servers import roundup as roundup_server
from tests.servers import samba as domain
from tests.servers import slapd as directory
from tests.servers.moto import AwsProxy, Moto
from tests.servers.openvpn import OpenvpnServer
from tests.servers.played import playing
from tests.servers.roundup import Roundup
from tests.servers.samba import SambaDomain
from tests.servers.slapd import Slapd
from tests.servers.sshd import SshHost, SshLab
from tests.ui.test_journeys import case_of, look_at_everything, open_case, write

pytestmark = [pytest.mark.trial, pytest.mark.timeout(300)]

LOGIN: Final = "farewell"
GROUP: Final = "Payroll"


@dataclass
class Estate:
    """Every server, with what an administrator asks it by."""

    scim: Any
    scimmy: Any
    canaille: Any
    portal_group: str
    portal: Canaille
    aws: Moto
    aws_url: str
    tickets: Roundup
    ldap: Slapd
    ad: SambaDomain
    lab: SshLab
    host: SshHost
    postgres: int
    vpn: OpenvpnServer

    def give_secrets(self, dn: str, secret: str) -> None:
        """What the person signs in by: passwords in the directories, a key on the host."""
        admin = ["-x", "-H", self.ldap.url, "-D", directory.ADMIN, "-w", directory.PASSWORD]
        subprocess.run(["ldappasswd", *admin, "-s", secret, dn], check=True, capture_output=True)
        with self.ad.administrator() as link:
            link.search(domain.DOMAIN, f"(sAMAccountName={LOGIN})", attributes=["cn"])
            place = link.response[0]["dn"]
        self.ad.change(place, unicodePwd=f'"{secret}"'.encode("utf-16-le"), pwdLastSet="-1")
        login = f"{self.lab.prefix}{LOGIN}"
        self.host.run("install", "-d", "-m", "700", "-o", login, "-g", login, f"/home/{login}/.ssh")
        self.host.put(f"/home/{login}/.ssh/authorized_keys", self.lab.key(f"{LOGIN}-0"), 0o600)
        self.host.run("chown", f"{login}:", f"/home/{login}/.ssh/authorized_keys")

    def settings(self) -> str:
        """The settings of an installation that manages all of it."""
        self.host.group("payroll")
        blocks: dict[str, tuple[str, Mapping[str, Any]]] = {
            "cloud": ("scim", {"url": self.scim.url, "token": "env:SCIM_TOKEN"}),
            "intranet": ("scim", {"url": self.scimmy.url, "token": "env:SCIM_TOKEN"}),
            "portal": ("scim", {"url": self.canaille.url, "token": "env:PORTAL_TOKEN"}),
            "aws": (
                "aws",
                {
                    "access_key_id": "env:SCIM_TOKEN",
                    "secret_access_key": "env:SCIM_TOKEN",
                    "endpoint_url": self.aws_url,
                },
            ),
            "ldap": (
                "ldap",
                {
                    "url": self.ldap.secure_url,
                    "ca_file": str(self.ldap.certificate),
                    "user": directory.SERVICE,
                    "password": "env:LDAP_PASSWORD",
                    "base": directory.SUFFIX,
                    "accounts_base": directory.PEOPLE,
                    "groups_base": directory.GROUPS,
                    "leavers_base": directory.LEAVERS,
                    "placeholder": directory.PLACEHOLDER,
                },
            ),
            "ad": ("ldap", {**self.ad.options(), "password": "env:AD_PASSWORD"}),
            "linux": ("ssh", self.lab.options(self.host)),
            "db": (
                "postgres",
                {"host": "127.0.0.1", "port": self.postgres, "user": "jmltui", "sslmode": "disable"},
            ),
            "vpn": ("openvpn", {**self.vpn.options(), "management_password": "env:VPN_PASSWORD"}),
        }
        text = [
            '[company]\nname = "Everywhere"\nzone = "UTC"\n[policy]\nfolder = "policy"\n[sources.hr]\nadapter = "csv"\n'
            'path = "people.csv"\nabsent = "ask"\n[sources.hr.columns]\nkey = "key"\nname = "name"\nemail = "email"\n'
            'ends = "ends"\n'
        ]
        for name, (adapter, options) in blocks.items():
            login = f"{self.lab.prefix}{{email|before_at}}" if name == "linux" else "{email|before_at}"
            lines = [f"[systems.{name}]", f'adapter = "{adapter}"', f'login = "{login}"', 'deadline = "60s"']
            lines += [f"{key} = {_toml(value)}" for key, value in options.items()]
            lines += [f"[systems.{name}.attributes]", 'display = "{name}"', 'email = "{email}"']
            lines += ['"name.familyName" = "{name}"'] if adapter == "scim" else []
            text.append("\n".join([*lines, ""]))
        where = {"url": self.tickets.url, "user": roundup_server.AGENT[0], "origin": self.tickets.origin}
        text.append(BLOCK.format(description="roundup", **where))
        return "\n".join(text)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def policy(lab: SshLab) -> str:
    """One role that gives an account everywhere and a group wherever there are groups."""
    groups = dict.fromkeys(("cloud", "intranet", "portal", "aws", "ldap", "ad"), f"group:{GROUP}")
    groups |= {"linux": f"group:{lab.prefix}payroll", "db": "role:payroll"}
    lines = ["version: 1", "entitlements:"]
    lines += [f'  - {{id: {name}, system: {name}, target: "{target}"}}' for name, target in groups.items()]
    lines += ["  - {id: vpn, system: vpn, target: account}", "roles:"]
    lines += [f"  - {{id: everybody, match: {{person.type: employee}}, grants: [{', '.join(groups)}]}}"]
    lines += [
        "procedures:",
        "  - id: leaver",
        "    title: Leaver",
        "    owner: team:helpdesk",
        "    fallback_owner: team:security",
        "    target: 24h",
        "    steps:",
        "      - {id: disable, do: account.disable, title: Disable every account}",
        "      - {id: remote, do: remote_access.remove, on: remote_access, title: Remove remote access,"
        " needs: [disable], verify: no_active_sessions}",
        "      - {id: sessions, do: session.revoke, title: End sign-in sessions, needs: [disable]}",
        "      - {id: tokens, do: token.revoke, title: Revoke keys and certificates, needs: [disable]}",
        "      - {id: groups, do: group.remove_all, title: Remove every group, needs: [disable]}",
        "      - {id: verify, do: access.verify, title: Read back, needs: [groups, sessions, tokens, remote]}",
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
async def estate(
    scim2_server: Callable[..., Any],
    scimmy_server: Any,
    canaille_server: Any,
    moto_server: Moto,
    roundup: Roundup,
    slapd: Slapd,
    samba_domain: SambaDomain,
    ssh_lab: SshLab,
    postgres_cluster: int,
    openvpn: OpenvpnServer,
) -> AsyncIterator[Estate]:
    """All servers, each with a group to hold."""
    scim = scim2_server()
    portal, proxy = Canaille(canaille_server), AwsProxy(moto_server)
    async with playing(proxy.server):  # moto knows no credentials of single services
        made = Estate(
            scim, scimmy_server, canaille_server, portal.group(GROUP), portal, moto_server, proxy.server.url, roundup,
            slapd, samba_domain, ssh_lab, ssh_lab.hosts()[0], postgres_cluster, openvpn,
        )  # fmt: skip
        moto_server.client("iam").create_group(GroupName=GROUP)
        for server in (scim, scimmy_server):
            body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": GROUP}
            asked(server, "POST", "/Groups", body)
        slapd.add(directory.group(GROUP))
        samba_domain.group(GROUP)
        with psycopg.connect(f"postgresql://jmltui@127.0.0.1:{postgres_cluster}/postgres", autocommit=True) as link:
            link.execute(f"DROP ROLE IF EXISTS {LOGIN}")
            link.execute("DROP ROLE IF EXISTS payroll")
            link.execute("CREATE ROLE payroll")
        yield made


def asked(server: Any, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/scim+json"}
    answer = httpx.request(method, server.url + path, headers=headers, json=body, timeout=30, trust_env=False)
    answer.raise_for_status()
    return answer.json() if answer.content else {}


class Installation:
    """A settings folder that the command line and the dashboard work on."""

    def __init__(self, home: Path, estate: Estate) -> None:
        self.home, self.estate = home, estate
        self.environ = {
            **os.environ, "JMLTUI_HOME": str(home), "SCIM_TOKEN": "secret",
            "PORTAL_TOKEN": estate.canaille.token, "LDAP_PASSWORD": directory.PASSWORD,
            "AD_PASSWORD": domain.ADMINISTRATOR_PASSWORD, "VPN_PASSWORD": openvpn_server.PASSWORD,
        }  # fmt: skip
        (home / "policy").mkdir()
        (home / "policy" / "policy.yaml").write_text(policy(estate.lab), encoding="utf-8")
        (home / "settings.toml").write_text(estate.settings(), encoding="utf-8")
        (home / "helpdesk-password").write_text(roundup_server.AGENT[1])
        (home / "helpdesk-password").chmod(0o600)
        self.feed()

    def feed(self, ends: str = "") -> None:
        """What HR says."""
        lines = ["key,name,email,ends", f"E77,Zoe Leaver,{LOGIN}@example.com,{ends}"]
        lines += [f"E{n},Person {n},p{n}@example.com,2020-01-01" for n in range(80, 92)]
        (self.home / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    async def run(self, *words: str) -> Any:
        """Run a command; what it printed. Servers of the test's own loop answer meanwhile."""
        command = [sys.executable, "-m", "jmltui", *words, "--json"]
        done = await asyncio.to_thread(
            subprocess.run, command, env=self.environ, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return json.loads(done.stdout)

    def dashboard(self) -> Dashboard:
        """The dashboard of an operator, with a real worker."""
        places = Places(self.home, self.home)
        board = open_board(places, load(places.settings_file), utc_now, self.environ)

        def start_worker() -> None:
            ensure_worker(places, self.environ)

        return Dashboard(board, Outside(places, "ana", utc_now, self.environ, start_worker, lambda: None))


@pytest.fixture
def installation(private: Path, estate: Estate) -> Iterator[Installation]:
    made = Installation(private, estate)
    yield made
    stop_worker(Places(private, private))


def active(server: Any) -> dict[str, Any]:
    """The account as the SCIM server itself says."""
    found = asked(server, "GET", "/Users").get("Resources", [])
    [user] = [each for each in found if each["userName"] == LOGIN]
    groups = asked(server, "GET", "/Groups").get("Resources", [])
    members = [m["value"] for group in groups for m in group.get("members", [])]
    return {"active": user["active"], "groups": members.count(user["id"])}


def sessions_of(port: int) -> int:
    done = subprocess.run(
        ["psql", "-XtA", "-h", "127.0.0.1", "-p", str(port), "-U", "jmltui", "-d", "postgres", "-c",
         f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{LOGIN}'"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


def psql_lets_in(port: int) -> bool:
    command = ["psql", "-XtA", "-h", "127.0.0.1", "-p", str(port), "-U", LOGIN, "-d", "postgres", "-c", "SELECT 1"]
    return subprocess.run(command, capture_output=True).returncode == 0


async def test_a_leaver_is_out_of_everything(installation: Installation, estate: Estate) -> None:
    estate.vpn.authority.issue(LOGIN)
    report = await installation.run("sync")
    assert report["problems"] == {}
    assert report["opened"] == {"joiner": 1}
    await installation.run("run", "--all", "--wait", "120")
    await installation.run("sync")
    await installation.run("link", "E77", "vpn", LOGIN)
    secret = "Ein langes Passwort 1"
    dn = f"uid={LOGIN},{directory.PEOPLE}"
    estate.give_secrets(dn, secret)
    iam = estate.aws.client("iam")
    iam.create_access_key(UserName=LOGIN)
    assert active(estate.scim) == active(estate.scimmy) == {"active": True, "groups": 1}
    assert estate.ldap.signs_in(dn, secret)
    assert estate.ad.lets_in(LOGIN, secret)
    assert estate.host.lets_in(LOGIN)
    assert psql_lets_in(estate.postgres)
    assert estate.portal.members(estate.portal_group) == {"keeper", LOGIN}
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName=LOGIN)["Groups"]] == [GROUP]

    tunnel = estate.vpn.connect(LOGIN).wait_up()
    shell = subprocess.Popen(estate.host.ssh(LOGIN, "sleep 600"))
    with psycopg.connect(f"postgresql://{LOGIN}@127.0.0.1:{estate.postgres}/postgres", autocommit=True) as link:
        assert sessions_of(estate.postgres) == 1
        installation.feed(ends="2026-01-31")
        assert (await installation.run("sync"))["opened"] == {"leaver": 1}
        issue = estate.tickets.open_issue("Zoe leaves")
        await walk_through(installation, f"helpdesk:{issue}")
        with pytest.raises(psycopg.OperationalError):
            link.execute("SELECT 1")
    assert shell.wait(20) != 0, "the shell that was open ended"

    assert active(estate.scim) == active(estate.scimmy) == {"active": False, "groups": 0}
    assert not estate.ldap.signs_in(dn, secret)
    assert not estate.ldap.signs_in(f"uid={LOGIN},{directory.LEAVERS}", secret)
    assert f"uid={LOGIN}," not in estate.ldap.found(f"cn={GROUP},{directory.GROUPS}", "(objectClass=*)", "member")
    assert not estate.ad.lets_in(LOGIN, secret)
    assert (
        LOGIN.encode()
        not in b"".join(estate.ad.values(f"CN={GROUP},{domain.GROUPS}", "member").get("member", [])).lower()
    )
    assert not estate.host.lets_in(LOGIN)
    assert "payroll" not in estate.host.run("id", "-nG", f"{estate.lab.prefix}{LOGIN}")
    assert not psql_lets_in(estate.postgres)
    assert sessions_of(estate.postgres) == 0
    tunnel.wait_refused()
    assert estate.vpn.authority.serial(LOGIN) in estate.vpn.authority.listed()
    assert estate.portal.members(estate.portal_group) == {"keeper"}
    users = {each["userName"]: each["active"] for each in estate.portal.http.get("/Users").json()["Resources"]}
    assert users[LOGIN] is False
    assert iam.list_groups_for_user(UserName=LOGIN)["Groups"] == []
    assert {key["Status"] for key in iam.list_access_keys(UserName=LOGIN)["AccessKeyMetadata"]} <= {"Inactive"}
    told = [comment["content"] for comment in estate.tickets.comments(issue)]
    assert len(told) == len({text.rpartition("Reference")[2] for text in told}), "no comment twice"
    assert any("proved" in text for text in told), told
    assert estate.tickets.status(issue) == "resolved"
    assert (await installation.run("journal", "verify"))["good"] is True


async def walk_through(installation: Installation, ticket: str) -> None:
    """Open the leaver's case on the dashboard, bind its ticket, run it, and look at what nobody can prove."""
    app = installation.dashboard()
    async with app.run_test(size=(80, 24)) as pilot:
        [number] = [case["id"] for case in (await installation.run("cases"))["cases"] if case["kind"] == "leaver"]
        await open_case(pilot, app, number)
        await pilot.press("T")
        await write(pilot, app, ticket)
        await pilot.press("R")
        await write(pilot, app, "E77")

        await look_at_everything(pilot, app, number)
        actions = [action for step in case_of(app, number)["steps"] for action in step["actions"]]
        assert {action["state"] for action in actions} == {"confirmed", "attested"}
        by_hand = {(each["operation"], each["system"]) for each in actions if each["state"] == "attested"}
        assert by_hand == {
            *(("end-sessions", name) for name in ("ad", "cloud", "intranet", "ldap", "portal")),
            *(("revoke-credentials", name) for name in ("cloud", "intranet", "portal")),
        }, "what these systems have no words for is said, and a person answers for it"
    app.close()
