"""What `status 3` says: who is connected, column by column as its own header names them (openvpn(8), --status-version).

A client that the server is just refusing is listed for some seconds as well, with its name and without an address: it
has come through the certificate check, and client-config-dir shuts it out only after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jmltui.adapter_api import ContractBroken

_NAME: Final = "Common Name"
_WHERE: Final = "Real Address"
_SINCE: Final = "Connected Since (time_t)"
_CLIENT: Final = "Client ID"
_ADDRESSES: Final = ("Virtual Address", "Virtual IPv6 Address")
_NOBODY: Final = "UNDEF"
"""What a client is called while it has not shown its certificate."""


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One connected client. `client` is the number that the server gives once; `address` is its own in the tunnel."""

    client: int
    name: str
    since: datetime
    where: str
    address: str
    is_routed: bool

    @property
    def id(self) -> str:
        """The number and the start: a server that was restarted begins to count again."""
        return f"{self.client}-{int(self.since.timestamp())}"


@dataclass(frozen=True, slots=True)
class Status:
    """Everybody that is connected at one moment; `at` is the server's own time."""

    at: datetime
    server: str
    tunnels: Sequence[Tunnel]


def read_status(lines: Sequence[str], system: str) -> Status:
    """The answer to `status 3`, without its END. Raises ContractBroken for anything that is not one."""
    headers: dict[str, list[str]] = {}
    clients: list[dict[str, str]] = []
    routed: set[str] = set()
    at, server = None, ""
    for line in lines:
        kind, *cells = line.split("\t")
        if kind == "TITLE":
            server = " ".join(cells)[:80]
        elif kind == "TIME":
            at = _moment(cells[-1] if cells else "", system)
        elif kind == "HEADER" and cells:
            headers[cells[0]] = cells[1:]
        elif kind in ("CLIENT_LIST", "ROUTING_TABLE"):
            row = _row(headers.get(kind, []), cells, system)
            if kind == "CLIENT_LIST":
                clients.append(row)
            else:
                routed.add(row.get(_WHERE, ""))
    if at is None or not {_NAME, _WHERE, _SINCE, _CLIENT} <= set(headers.get("CLIENT_LIST", ())):
        raise ContractBroken(f"The management interface of {system} gives no list of clients; is it a server's?")
    return Status(at, server, [_tunnel(row, routed, system) for row in clients if row[_NAME] != _NOBODY])


def _row(header: Sequence[str], cells: Sequence[str], system: str) -> dict[str, str]:
    if not header or len(cells) != len(header):
        raise ContractBroken(f"{system} lists a client with {len(cells)} columns instead of {len(header)}.")
    return dict(zip(header, cells, strict=True))


def _tunnel(row: dict[str, str], routed: set[str], system: str) -> Tunnel:
    client = row[_CLIENT]
    if not client.isdecimal():
        raise ContractBroken(f"{system} gives a client the number “{client[:20]}”.")
    address = next(filter(None, (row.get(name, "") for name in _ADDRESSES)), "")
    since = _moment(row[_SINCE], system)
    return Tunnel(int(client), row[_NAME], since, row[_WHERE], address, row[_WHERE] in routed)


def _moment(text: str, system: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise ContractBroken(f"{system} gives “{text[:20]}” as a time.") from None
