"""The options of a fleet, and what they say once they are checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from jmltui.adapter_api import Invalid, Option, OptionType, Setup

from .names import FINGERPRINT, NAME

DEFAULT_HELPER: Final = "/usr/local/sbin/jmltui-host-helper"
SSH_PORT: Final = 22
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:]+)\]|([A-Za-z0-9](?:[A-Za-z0-9._-]{0,253})))(?::([0-9]{1,5}))?", re.ASCII)
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._-]+)+", re.ASCII)

OPTIONS: Final = (
    Option("hosts", OptionType.LIST, "The hosts of the fleet, each as host or host:port.", required=True),
    Option("user", OptionType.TEXT, "The account on the hosts that may run the helper.", "jmltui"),
    Option("key_file", OptionType.PATH, "The private key."),
    Option("key", OptionType.SECRET, "The private key itself, as text, instead of a file."),
    Option("passphrase", OptionType.SECRET, "The passphrase of the private key."),
    Option("certificate_file", OptionType.PATH, "The certificate of the key, where the hosts trust an authority."),
    Option("agent", OptionType.TEXT, "The socket of an SSH agent instead of a key; “env” takes SSH_AUTH_SOCK."),
    Option("agent_key", OptionType.TEXT, "The fingerprint (SHA256:…) of the agent's key to use, if it holds several."),
    Option("known_hosts", OptionType.PATH, "The host keys that are trusted, in the form of OpenSSH's known_hosts."),
    Option("fingerprints", OptionType.MAP, "Host keys by host, as SHA256:… fingerprints, several with spaces between."),
    Option("jump", OptionType.TEXT, "A host to go through, as user@host or user@host:port."),
    Option("hosts_at_once", OptionType.INTEGER, "With how many hosts it works at the same time.", 64),
    Option("host_seconds", OptionType.NUMBER, "How long one host may take to connect and answer.", 20),
    Option("min_uid", OptionType.INTEGER, "Accounts below this number are the system's.", 1000),
    Option("sudo_rules", OptionType.BOOLEAN, "List sudo rules as well; the hosts need cvtsudoers for it.", True),
    Option("helper", OptionType.PATH, "Where the helper is on the hosts.", DEFAULT_HELPER),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host is. `name` is what the settings call it, and what evidence names."""

    name: str
    address: str
    port: int = SSH_PORT
    user: str = ""


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """The checked options. `key` and `passphrase` are still references."""

    places: Sequence[Place]
    user: str
    helper: str
    jump: Place | None
    hosts_at_once: int
    host_seconds: float
    min_uid: int
    sudo_rules: bool
    known_hosts: str
    fingerprints: Mapping[str, frozenset[str]] = field(default_factory=dict)
    key_file: str = ""
    key: str = ""
    passphrase: str = ""
    certificate_file: str = ""
    agent: str = ""
    agent_key: str = ""


def fleet_options(setup: Setup) -> FleetOptions:
    """The options of a system. Raises Invalid with one sentence for the first that is wrong."""
    given = {**{option.name: option.default for option in OPTIONS}, **setup.options}

    def text(name: str) -> str:
        return str(given.get(name) or "")

    hosts, pins = given.get("hosts"), given.get("fingerprints")
    listed = list(hosts) if isinstance(hosts, Sequence) and not isinstance(hosts, str) else []
    places = [_place(str(each), setup.name, text("user")) for each in listed]
    jump = text("jump")
    options = FleetOptions(
        places=places,
        user=text("user"),
        helper=text("helper"),
        jump=_jump(jump, setup.name) if jump else None,
        hosts_at_once=int(text("hosts_at_once") or 0),
        host_seconds=float(text("host_seconds") or 0),
        min_uid=int(text("min_uid") or 0),
        sudo_rules=given.get("sudo_rules") is not False,
        known_hosts=text("known_hosts"),
        fingerprints={k: frozenset(v.split()) for k, v in pins.items()} if isinstance(pins, Mapping) else {},
        **{name: text(name) for name in ("key_file", "key", "passphrase", "certificate_file", "agent", "agent_key")},
    )
    problem = _problem(options)
    if problem:
        raise Invalid(f"[systems.{setup.name}] {problem}", system=setup.name)
    return options


def _problem(options: FleetOptions) -> str:
    """What is wrong with the options taken together, as the rest of a sentence; empty when nothing is."""
    names = [place.name for place in options.places]
    ways = [bool(options.key_file), bool(options.key), bool(options.agent)]
    strange = sorted(set(options.fingerprints) - {*names, options.jump.name if options.jump else ""})
    wrong = [pin for pins in options.fingerprints.values() for pin in pins if FINGERPRINT.fullmatch(pin) is None]
    checks = (
        (not names, "names no host."),
        (len(names) != len(set(names)), "names a host twice."),
        (NAME.fullmatch(options.user) is None, f"“{options.user[:40]}” is no user of a Linux host."),
        (sum(ways) != 1, "needs exactly one of key_file, key and agent."),
        (_PATH.fullmatch(options.helper) is None, "“helper” has to be a path without spaces and special signs."),
        (not options.known_hosts and not options.fingerprints, "needs known_hosts or fingerprints."),
        (bool(strange), f"pins the key of {', '.join(strange)}, which is none of its hosts."),
        (bool(wrong), f"“{''.join(wrong[:1])[:60]}” is no fingerprint; `ssh-keygen -lf` shows it as SHA256:…."),
        (options.hosts_at_once < 1, "“hosts_at_once” has to be 1 or more."),
        (options.host_seconds <= 0, "“host_seconds” has to be more than 0."),
        (options.min_uid < 1, "“min_uid” has to be 1 or more: root is no person's account."),
    )  # fmt: skip
    return next((told for is_wrong, told in checks if is_wrong), "")


def _place(text: str, system: str, user: str) -> Place:
    found = _HOST.fullmatch(text)
    port = int(found[3] or SSH_PORT) if found else 0
    if found is None or not 1 <= port <= 65535:
        raise Invalid(f"[systems.{system}] “{text[:60]}” is no host; write host, host:port or [address]:port.")
    return Place(text, found[1] or found[2], port, user)


def _jump(text: str, system: str) -> Place:
    user, _, host = text.rpartition("@")
    if NAME.fullmatch(user) is None:
        raise Invalid(f"[systems.{system}] “jump” is written as user@host or user@host:port.")
    return _place(host, system, user)
