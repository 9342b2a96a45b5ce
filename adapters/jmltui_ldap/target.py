"""Where the server is and how far the way to it is trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jmltui.adapter_api import Invalid, OptionValue

TLS: Final = "tls"
START_TLS: Final = "starttls"
NONE: Final = "none"
ENCRYPTIONS: Final = ("", TLS, START_TLS, NONE)
_PORTS: Final[Mapping[str, int]] = {"ldap": 389, "ldaps": 636}


@dataclass(frozen=True, slots=True)
class Target:
    """One server. `server_name` is the name its certificate must carry; `deadline` bounds one exchange, in seconds.

    `password` is still a reference.
    """

    system: str
    host: str
    port: int
    encryption: str
    ca_file: str
    server_name: str
    user: str
    password: str
    deadline: float


def target_of(system: str, options: Mapping[str, OptionValue | None]) -> Target:
    """The server that the settings name. Raises Invalid."""

    def text(name: str) -> str:
        return str(options.get(name) or "").strip()

    scheme, host, port = _address(text("url"), system)
    encryption = text("encryption") or (TLS if scheme == "ldaps" else START_TLS)
    if (encryption == TLS) != (scheme == "ldaps"):
        raise Invalid(
            f"{system}: `encryption` is tls with ldaps:// alone, and ldaps:// is nothing else.", system=system
        )
    if encryption == NONE and not is_loopback(host) and options.get("link_protected") is not True:
        raise Invalid(
            f"{system} is at {host}, and its link would not be encrypted. Use ldaps:// or StartTLS; "
            "if something else protects the link, say so by link_protected = true.",
            system=system,
        )
    ca_file = text("ca_file")
    if ca_file and not Path(ca_file).is_file():
        raise Invalid(f"{system}: the file {ca_file} of certificate authorities is not there.", system=system)
    deadline = float(text("exchange_seconds") or 20)
    if deadline <= 0:
        raise Invalid(f"{system}: `exchange_seconds` has to be more than 0.", system=system)
    user, password = text("user"), text("password")
    if not user or not password:
        raise Invalid(f"{system}: name the `user` that jmltui signs in as, and its `password`.", system=system)
    name = text("server_name") or host
    return Target(system, host, port, encryption, ca_file, name, user, password, deadline)


def is_loopback(host: str) -> bool:
    """Whether nothing sent there leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def _address(url: str, system: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid(f"{system}: “{url[:100]}” is no address.", system=system) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Invalid(f"{system}: its `url` has to be ldaps://HOST or ldap://HOST.", system=system)
    if parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment:
        raise Invalid(f"{system}: its `url` ends with the port; set the rest as settings.", system=system)
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]
