"""Every kind of system at once: what an administrator asks each by, and the settings and policy of who manages them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.adapters.test_scim_servers import Canaille
from tests.lifecycle.helpdesk import BLOCK
from tests.servers import emulate, emulate_github
from tests.servers import openvpn as openvpn_server
from tests.servers import roundup as roundup_server
from tests.servers import samba as domain
from tests.servers import slapd as directory
from tests.servers.emulate import OktaProxy
from tests.servers.emulate_github import GithubProxy
from tests.servers.moto import Moto
from tests.servers.openvpn import OpenvpnServer
from tests.servers.roundup import Roundup
from tests.servers.samba import SambaDomain
from tests.servers.slapd import Slapd
from tests.servers.sshd import SshHost, SshLab
from tests.servers.wireguard import WireguardHost

LOGIN: Final = emulate_github.LEAVER
EMAIL: Final = f"{LOGIN}@example.com"
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
    okta: OktaProxy
    github: GithubProxy
    wireguard: tuple[SshLab, WireguardHost]

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
                    "settle_seconds": 0,
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
            "okta": ("okta", {"url": self.okta.server.url, "token": "env:OKTA_TOKEN", "number_in": "locale"}),
            "github": (
                "github",
                {
                    "url": self.github.server.url,
                    "organization": self.github.organization,
                    "token": "env:GITHUB_TOKEN",
                },
            ),
            "tunnel": ("wireguard", self.wireguard[0].options(self.wireguard[1].host)),
        }
        text = [
            '[company]\nname = "Everywhere"\nzone = "UTC"\n[policy]\nfolder = "policy"\n[sources.hr]\nadapter = "csv"\n'
            'path = "people.csv"\nabsent = "ask"\n[sources.hr.columns]\nkey = "key"\nname = "name"\nemail = "email"\n'
            'ends = "ends"\n'
        ]
        for name, (adapter, options) in blocks.items():
            login = {"linux": f"{self.lab.prefix}{{email|before_at}}", "okta": "{email}"}.get(name, "{email|before_at}")
            lines = [f"[systems.{name}]", f'adapter = "{adapter}"', f'login = "{login}"', 'deadline = "60s"']
            lines += [f"{key} = {_toml(value)}" for key, value in options.items()]
            lines += [f"[systems.{name}.attributes]", 'display = "{name}"', 'email = "{email}"']
            lines += ['"name.familyName" = "{name}"'] if adapter == "scim" else []
            text.append("\n".join([*lines, ""]))
        where = {"url": self.tickets.url, "user": roundup_server.AGENT[0], "origin": self.tickets.origin}
        text.append(BLOCK.format(description="roundup", **where))
        return "\n".join(text)


def curled(url: str, authorization: str) -> Any:
    """What curl is answered, with the headers that GitHub asks for and Okta does not mind."""
    sent = (
        "Accept: application/vnd.github+json",
        "X-GitHub-Api-Version: 2022-11-28",
        f"Authorization: {authorization}",
    )
    headers = [word for each in sent for word in ("-H", each)]
    command = ["curl", "-sS", "--fail", "-A", "jmltui", *headers, url]
    return json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def secrets() -> dict[str, str]:
    """What the settings refer to, where every run has the same."""
    return {
        "SCIM_TOKEN": "secret",
        "LDAP_PASSWORD": directory.PASSWORD,
        "AD_PASSWORD": domain.ADMINISTRATOR_PASSWORD,
        "VPN_PASSWORD": openvpn_server.PASSWORD,
        "OKTA_TOKEN": emulate.TOKEN,
        "GITHUB_TOKEN": emulate_github.TOKEN,
    }


def policy(lab: SshLab) -> str:
    """One role that gives an account everywhere and a group wherever there are groups."""
    groups = dict.fromkeys(("cloud", "intranet", "portal", "aws", "ldap", "ad"), f"group:{GROUP}")
    groups |= {"okta": f"group:{GROUP}", "github": f"group:{GROUP}"}
    groups |= {"linux": f"group:{lab.prefix}payroll", "db": "role:payroll"}
    lines = ["version: 1", "entitlements:"]
    lines += [f'  - {{id: {name}, system: {name}, target: "{target}"}}' for name, target in groups.items()]
    lines += [f"  - {{id: {name}, system: {name}, target: account}}" for name in ("vpn", "tunnel")]
    lines += ["roles:"]
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
        "      - {id: members, do: account.delete, on: system:github, title: Remove from the organization,"
        " needs: [groups, tokens]}",
        "      - {id: verify, do: access.verify, title: Read back, needs: [members, sessions, remote]}",
    ]
    return "\n".join(lines) + "\n"
