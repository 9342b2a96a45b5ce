"""Somebody known everywhere leaves: walked through the dashboard once, then each server is asked by its own tools.

The joiner is carried out by jmltui as well, so that every account is one that it made or that a person linked.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

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
from tests.nursery import calling
from tests.servers import emulate, emulate_github
from tests.servers import roundup as roundup_server
from tests.servers import samba as domain
from tests.servers import slapd as directory
from tests.servers.emulate import Emulated, OktaProxy
from tests.servers.emulate_github import EmulatedGithub, GithubProxy
from tests.servers.moto import AwsProxy, Moto
from tests.servers.openvpn import OpenvpnServer
from tests.servers.played import playing
from tests.servers.roundup import Roundup
from tests.servers.samba import SambaDomain
from tests.servers.slapd import Slapd
from tests.servers.sshd import SshLab
from tests.servers.wireguard import WireguardHost
from tests.trials.everywhere import EMAIL, GROUP, LOGIN, Estate, curled, policy, secrets
from tests.ui.test_journeys import case_of, look_at_everything, open_case, write

pytestmark = [pytest.mark.trial, pytest.mark.timeout(300)]


@pytest.fixture
def wireguard(wireguard_lab: tuple[SshLab, list[WireguardHost]]) -> Iterator[tuple[SshLab, WireguardHost]]:
    """A host with WireGuard and nobody in its file."""
    lab, [host, *_] = wireguard_lab
    if not host.host.is_on:
        host.host.start()
    host.host.install_helper()
    yield lab, host
    host.quiet()


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
    okta_server: Emulated,
    github_server: EmulatedGithub,
    wireguard: tuple[SshLab, WireguardHost],
) -> AsyncIterator[Estate]:
    """All servers, each with a group to hold."""
    scim = scim2_server()
    portal, aws = Canaille(canaille_server), AwsProxy(moto_server)
    okta = OktaProxy(okta_server)
    github = GithubProxy(github_server, github_server.fresh.pop(), authorized={})
    async with AsyncExitStack() as played:  # what moto and emulate lack
        for proxy in (aws, okta, github):
            await played.enter_async_context(playing(proxy.server))
        made = Estate(
            scim, scimmy_server, canaille_server, portal.group(GROUP), portal, moto_server, aws.server.url, roundup,
            slapd, samba_domain, ssh_lab, ssh_lab.hosts()[0], postgres_cluster, openvpn, okta, github, wireguard,
        )  # fmt: skip
        okta_server.post("/api/v1/groups", {"profile": {"name": GROUP}})
        github_server.team(github.organization, GROUP)
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
            **os.environ,
            **secrets(),
            "JMLTUI_HOME": str(home),
            "PORTAL_TOKEN": estate.canaille.token,
        }
        (home / "policy").mkdir()
        (home / "policy" / "policy.yaml").write_text(policy(estate.lab), encoding="utf-8")
        (home / "settings.toml").write_text(estate.settings(), encoding="utf-8")
        (home / "helpdesk-password").write_text(roundup_server.AGENT[1])
        (home / "helpdesk-password").chmod(0o600)
        self.feed()

    def feed(self, ends: str = "") -> None:
        """What HR says."""
        lines = ["key,name,email,ends", f"E77,Zoe Leaver,{EMAIL},{ends}"]
        lines += [f"E{n},Person {n},p{n}@example.com,2020-01-01" for n in range(80, 92)]
        (self.home / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    async def run(self, *words: str) -> Any:
        """Run a command; what it printed. Servers of the test's own loop answer meanwhile."""
        done = await asyncio.to_thread(
            subprocess.run, calling(*words, "--json"), env=self.environ, capture_output=True, text=True, timeout=120
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


def at_okta(estate: Estate) -> dict[str, Any]:
    """The user as Okta says, asked by curl."""
    base, authorization = f"{estate.okta.upstream.url}/api/v1", f"SSWS {emulate.TOKEN}"
    user = curled(f"{base}/users/{EMAIL}", authorization)
    [group] = [each for each in curled(f"{base}/groups", authorization) if each["profile"]["name"] == GROUP]
    members = {each["id"] for each in curled(f"{base}/groups/{group['id']}/users", authorization)}
    return {"id": user["id"], "status": user["status"], "is_member": user["id"] in members}


async def factors_at_okta(estate: Estate, user: str) -> list[str]:
    """The factors that the user has, asked by curl."""
    address = f"{estate.okta.server.url}/api/v1/users/{user}/factors"
    return [each["id"] for each in await asyncio.to_thread(curled, address, f"SSWS {emulate.TOKEN}")]


async def at_github(estate: Estate) -> dict[str, set[str]]:
    """Where the login stands in the organization, asked by curl."""
    base, authorization = f"{estate.github.server.url}{estate.github.base}", f"Bearer {emulate_github.TOKEN}"
    lists = ("members", f"teams/{GROUP.lower()}/members", "credential-authorizations")
    found = {}
    for name in lists:
        rows = await asyncio.to_thread(curled, f"{base}/{name}?per_page=100", authorization)
        found[name] = {each["login"] for each in rows}
    return found


async def test_a_leaver_is_out_of_everything(installation: Installation, estate: Estate) -> None:
    estate.vpn.authority.issue(LOGIN)
    _, gate = estate.wireguard
    peer, other = gate.person(LOGIN), gate.person("keeper")
    gate.write(peer.section(), other.section())
    gate.up()
    report = await installation.run("sync")
    assert report["problems"] == {}
    assert report["opened"] == {"joiner": 1}
    await installation.run("run", "--all", "--wait", "120")
    await installation.run("sync")
    for system in ("vpn", "tunnel"):
        await installation.run("link", "E77", system, LOGIN)
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

    user = at_okta(estate)
    assert (user["status"], user["is_member"]) == ("ACTIVE", True)
    estate.okta.factors[user["id"]] = ["app-on-the-phone"]
    assert await factors_at_okta(estate, user["id"]) == ["app-on-the-phone"]
    estate.github.authorized = {LOGIN: [1, 2]}
    assert all(LOGIN in logins for logins in (await at_github(estate)).values())

    tunnel = estate.vpn.connect(LOGIN).wait_up()
    assert peer.start().reaches(5)
    assert other.start().reaches(5)
    handshakes = dict(line.split() for line in gate.wg("show", "wgs", "latest-handshakes").splitlines())
    assert int(handshakes[peer.key]) > 0
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
    assert gate.wg("show", "wgs", "peers").split() == [other.key]
    assert not peer.reaches(1)
    assert other.reaches(5), "a colleague's tunnel carries on"
    assert at_okta(estate) == {"id": user["id"], "status": "SUSPENDED", "is_member": False}
    assert await factors_at_okta(estate, user["id"]) == []
    assert estate.okta.ended == [user["id"]], "Okta lists no sessions; it was told to end them"
    assert not any(LOGIN in logins for logins in (await at_github(estate)).values())
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
            *(("end-sessions", name) for name in ("ad", "cloud", "github", "intranet", "ldap", "okta", "portal")),
            ("disable", "github"),
            *(("revoke-credentials", name) for name in ("cloud", "intranet", "portal")),
        }, "what these systems have no words for is said, and a person answers for it"
    app.close()
