"""Where the server is and how far the way to it is trusted: the settings as libpq takes them.

Nothing of the environment takes part: every parameter that PG* variables or a service file could set otherwise is given
(libpq, "Environment Variables"), and a password comes from its secret reference alone.
"""

from __future__ import annotations

import ipaddress
import math
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from jmltui.adapter_api import Invalid, OptionValue, Setup

FULL: Final = "verify-full"
DISABLE: Final = "disable"
SSL_MODES: Final = (FULL, DISABLE)
LONGEST_LOCK_WAIT: Final = 5.0
_ANSWER_FIRST: Final = 0.8
"""The server gives up on a statement at this part of the deadline, so that its answer comes before the deadline."""
_BUNDLES: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_NO_FILE: Final = f"{os.devnull}/none"
"""A path that cannot exist: libpq would otherwise look for a password in ~/.pgpass."""


@dataclass(frozen=True, slots=True)
class Target:
    """One server. `deadline` bounds one exchange and `lock_wait` the wait for somebody else's lock, both in seconds."""

    system: str
    host: str
    port: int
    database: str
    user: str
    password: str
    sslmode: str
    ca_file: str
    deadline: float
    lock_wait: float

    def parameters(self, database: str = "") -> dict[str, str]:
        """What to connect with, to `database` or to the one of the settings."""
        return {
            "host": self.host,
            "hostaddr": "",
            "port": str(self.port),
            "dbname": database or self.database,
            "user": self.user,
            "password": self.password,
            "passfile": _NO_FILE,
            "sslmode": self.sslmode,
            "sslrootcert": self.ca_file,
            "gssencmode": "disable",
            "channel_binding": "prefer",
            "target_session_attrs": "any",
            "application_name": "jmltui",
            "client_encoding": "utf8",
            "options": "",
            "connect_timeout": str(max(2, math.ceil(self.deadline))),
            "keepalives": "1",
            "keepalives_idle": "30",
            "tcp_user_timeout": str(self._milliseconds(self.deadline)),
        }

    def session_settings(self) -> dict[str, str]:
        """What every session has set before anything is asked of it."""
        return {
            "statement_timeout": f"{self._milliseconds(self.deadline * _ANSWER_FIRST)}ms",
            "lock_timeout": f"{self._milliseconds(min(self.lock_wait, self.deadline * _ANSWER_FIRST))}ms",
            "idle_in_transaction_session_timeout": f"{self._milliseconds(self.deadline)}ms",
            "default_transaction_read_only": "on",
            "search_path": "pg_catalog",
            "timezone": "UTC",
            "datestyle": "ISO",
        }

    @staticmethod
    def _milliseconds(seconds: float) -> int:
        return max(1, round(seconds * 1000))


def target_of(setup: Setup) -> Target:
    """The server that the settings name. Raises Invalid and SecretError."""
    options, system = setup.options, setup.name
    named = _address(str(options.get("url") or ""), system)
    host = _one_of("host", named, options, system)
    if not host:
        raise Invalid(f"{system} names no server; set `host` (a name, an address or the folder of a socket).")
    user = _one_of("user", named, options, system)
    if not user:
        raise Invalid(f"{system} names no `user`, the role that jmltui signs in as.", system=system)
    sslmode = str(options.get("sslmode") or FULL)
    _may_go_without_tls(host, sslmode, system)
    deadline = float(str(options.get("exchange_seconds") or 20))
    return Target(
        system=system,
        host=host,
        port=int(_one_of("port", named, options, system) or 5432),
        database=_one_of("dbname", named, options, system) or "postgres",
        user=user,
        password=setup.secret(str(options["password"])) if options.get("password") else "",
        sslmode=sslmode,
        ca_file=_authority(str(options.get("ca_file") or ""), system) if sslmode == FULL else "",
        deadline=deadline,
        lock_wait=float(str(options.get("lock_seconds") or LONGEST_LOCK_WAIT)),
    )


def _address(url: str, system: str) -> dict[str, str]:
    """The parts of an address. A password or a parameter in it is refused: the first is a secret in a settings file,
    the second could weaken how the server is verified.
    """
    if not url:
        return {}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid(f"The address of {system} is not one.", system=system) from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise Invalid(f"The address of {system} must begin with postgresql://.", system=system)
    if parts.password is not None:
        raise Invalid(
            f"The address of {system} holds a password. Take it out, and name where it is kept as `password`.",
            system=system,
        )
    if parts.query or parts.fragment:
        raise Invalid(f"The address of {system} ends with the database; set the rest as settings.", system=system)
    return {
        "host": unquote(parts.hostname or ""),
        "port": str(port or ""),
        "dbname": unquote(parts.path.lstrip("/")),
        "user": unquote(parts.username or ""),
    }


def _one_of(name: str, named: Mapping[str, str], options: Mapping[str, OptionValue], system: str) -> str:
    """A part of the address or the setting of this name. Raises Invalid for two, a list, or a NUL."""
    given, own = named.get(name, ""), str(options.get(name) or "")
    if given and own and given != own:
        raise Invalid(f"{system} names two of `{name}`: “{given}” in its url, and “{own}”.", system=system)
    found = given or own
    if "\0" in found or (name in ("host", "port") and "," in found):
        raise Invalid(f"`{name}` of {system} must name one, and nothing else.", system=system)
    return found


def _may_go_without_tls(host: str, sslmode: str, system: str) -> None:
    """Without TLS only where nothing leaves this machine, and only when the settings say so. Raises Invalid."""
    socket = host.startswith("/")
    if socket and sslmode != DISABLE:
        raise Invalid(f'A local socket has no TLS; if {system} is meant to use it, set sslmode = "disable".')
    if sslmode == DISABLE and not socket and not _is_loopback(host):
        raise Invalid(
            f'{system} is at {host}, and sslmode = "disable" is for a local socket, 127.0.0.1 and ::1 only; '
            "everything else is verified.",
            system=system,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _authority(ca_file: str, system: str) -> str:
    """The file of certificate authorities: the one of the settings, else this machine's. Raises Invalid."""
    candidates = (ca_file,) if ca_file else (ssl.get_default_verify_paths().cafile or "", *_BUNDLES)
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return candidate
    told = f"The file {ca_file} of certificate authorities" if ca_file else "A file of certificate authorities"
    raise Invalid(f"{told} is not there; name it as ca_file for {system}.", system=system)
