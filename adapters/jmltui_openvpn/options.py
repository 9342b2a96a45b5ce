"""The options of an OpenVPN server, and what they say once they are checked."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from jmltui.adapter_api import Invalid, Option, OptionType, Setup

OPTIONS: Final = (
    Option(
        "management",
        OptionType.TEXT,
        "The management interface: 127.0.0.1:PORT, [::1]:PORT, or the path of its socket.",
        required=True,
    ),
    Option("management_password", OptionType.SECRET, "The password of the management interface, if it has one."),
    Option("pki", OptionType.PATH, "The folder of the certificate authority, with its index.txt.", required=True),
    Option("index", OptionType.PATH, "The database of the authority, if it is not PKI/index.txt."),
    Option("ca_certificate", OptionType.PATH, "The authority's certificate, if it is not PKI/ca.crt."),
    Option("ca_key", OptionType.PATH, "The authority's key, if it is not PKI/private/ca.key."),
    Option("ca_passphrase", OptionType.SECRET, "The passphrase of the authority's key."),
    Option("server_config", OptionType.PATH, "The server's configuration, if it is here: it says “crl” and “ccd”."),
    Option("crl", OptionType.PATH, "The file that the server's crl-verify names, if it is not PKI/crl.pem."),
    Option("crl_days", OptionType.INTEGER, "For how many days a new revocation list is good.", 180),
    Option("ccd", OptionType.PATH, "The folder that the server's client-config-dir names."),
    Option("include", OptionType.LIST, "Which common names are accounts, as patterns; all.", ("*",)),
    Option("exclude", OptionType.LIST, "Which of them are not, as patterns.", ()),
    Option("exchange_seconds", OptionType.NUMBER, "How long one call may take.", 20),
)
_UNFIT: Final = re.compile(r"[$#\"'\\;\x00-\x1f\x7f]")
"""What openssl's configuration file would take for something else than a part of a path (config(5))."""


@dataclass(frozen=True, slots=True)
class VpnOptions:
    """The checked options. `socket` is a path, or empty; the password and the passphrase are still references."""

    socket: str
    host: str
    port: int
    management_password: str
    pki: str
    index: str
    ca_certificate: str
    ca_key: str
    ca_passphrase: str
    server_config: str
    crl: str
    crl_days: int
    ccd: str
    include: Sequence[str]
    exclude: Sequence[str]
    seconds: float

    def with_files(self, crl: str, ccd: str) -> VpnOptions:
        """The same, with the files that the server reads."""
        return replace(self, crl=crl, ccd=ccd)

    def takes(self, name: str) -> bool:
        """Whether a common name is an account."""
        return any(fnmatchcase(name, each) for each in self.include) and not any(
            fnmatchcase(name, each) for each in self.exclude
        )


def vpn_options(setup: Setup) -> VpnOptions:
    """The options of a system. Raises Invalid with one sentence for the first that is wrong."""
    given = {**{option.name: option.default for option in OPTIONS}, **setup.options}

    def text(name: str) -> str:
        return str(given.get(name) or "")

    def patterns(name: str) -> Sequence[str]:
        value = given.get(name)
        return tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ()

    pki = text("pki")
    socket, host, port = _place(text("management"), setup.name)
    options = VpnOptions(
        socket=socket,
        host=host,
        port=port,
        management_password=text("management_password"),
        pki=pki,
        index=text("index") or os.path.join(pki, "index.txt"),
        ca_certificate=text("ca_certificate") or os.path.join(pki, "ca.crt"),
        ca_key=text("ca_key") or os.path.join(pki, "private", "ca.key"),
        ca_passphrase=text("ca_passphrase"),
        server_config=text("server_config"),
        crl=text("crl") or ("" if text("server_config") else os.path.join(pki, "crl.pem")),
        crl_days=int(text("crl_days") or 0),
        ccd=text("ccd"),
        include=patterns("include"),
        exclude=patterns("exclude"),
        seconds=float(text("exchange_seconds") or 0),
    )
    problem = _problem(options)
    if problem:
        raise Invalid(f"[systems.{setup.name}] {problem}", system=setup.name)
    return options


def _problem(options: VpnOptions) -> str:
    """What is wrong with the options taken together, as the rest of a sentence; empty when nothing is."""
    paths = (options.pki, options.index, options.ca_certificate, options.ca_key, options.crl)
    unfit = next((path for path in paths if _UNFIT.search(path)), "")
    checks = (
        (not options.pki, "names no “pki”, the folder of the certificate authority."),
        (bool(unfit), f"“{unfit[:60]}” holds a sign that openssl would misread; use another path."),
        (options.crl_days < 1, "“crl_days” has to be 1 or more: with an old list the server lets nobody in."),
        (options.seconds <= 0, "“exchange_seconds” has to be more than 0."),
    )
    return next((told for is_wrong, told in checks if is_wrong), "")


def _place(text: str, system: str) -> tuple[str, str, int]:
    """Where the management interface is. It has no encryption, so nothing but this machine is taken."""
    if text.startswith("/"):
        return text, "", 0
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not loopback or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise Invalid(
            f"[systems.{system}] “management” is 127.0.0.1:PORT, [::1]:PORT or the path of a socket: what passes there "
            "is not encrypted. Reach another machine through an SSH tunnel.",
            system=system,
        )
    return "", host, int(port)
