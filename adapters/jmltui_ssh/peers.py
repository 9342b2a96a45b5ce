"""WireGuard peers of a fleet as accounts: whoever a peer's section names, with every peer of that name on any host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from jmltui.adapter_api import Account, AccountState, Credential, Session

LIVE_SECONDS: Final = 180
"""After how long without a new handshake WireGuard itself takes a session for ended (REJECT_AFTER_TIME)."""
KIND: Final = "wireguard-key"
_SHOWN: Final = 12


class Interface(msgspec.Struct, frozen=True):
    """One interface of a host: whether it is up, configured by a file of wg-quick, and saved to it without comments."""

    name: str
    up: bool
    configured: bool
    saves: bool = False


class Peer(msgspec.Struct, frozen=True):
    """One peer. `file` is active, aside, or empty where no file has it; `handshake` in seconds of the epoch, or 0."""

    interface: str
    key: str
    live: bool
    file: str
    name: str = ""
    allowed: str = ""
    endpoint: str = ""
    handshake: int = 0

    @property
    def lets_in(self) -> bool:
        """Whether it can come in, now or after the next restart."""
        return self.live or self.file == "active"

    @property
    def told(self) -> str:
        """What evidence says of it."""
        state = {"active": "in the file", "aside": "set aside in the file", "": "in no file"}[self.file]
        return f"{self.interface} {self.key[:_SHOWN]}… {self.allowed}: {'live' if self.live else 'not live'}, {state}"


class Peers(msgspec.Struct, frozen=True):
    """What a host says of its interfaces and peers; `now` is its own time."""

    counts: dict[str, int]
    peers: list[Peer]
    interfaces: list[Interface] = []
    now: int = 0


class PeerChange(msgspec.Struct, frozen=True):
    """What a write did to the peers that it was asked for."""

    changed: bool
    counts: dict[str, int]
    before: list[Peer]
    peers: list[Peer]


@dataclass(frozen=True, slots=True)
class Naming:
    """Whose a peer is: by the operator's table of keys, then by the comment in the host's file, then by its key."""

    names: Mapping[str, str]
    include: Sequence[str]
    exclude: Sequence[str]

    def login(self, peer: Peer) -> str:
        """The login of a peer."""
        return self.names.get(peer.key) or " ".join(peer.name.split()) or peer.key

    def takes(self, login: str) -> bool:
        """Whether it is an account."""
        is_in = any(fnmatchcase(login, each) for each in self.include)
        return is_in and not any(fnmatchcase(login, each) for each in self.exclude)


@dataclass(frozen=True, slots=True)
class Holder:
    """One login and its peers by host."""

    login: str
    peers: Mapping[str, Sequence[Peer]]

    @property
    def keys(self) -> list[str]:
        """All public keys."""
        return sorted({peer.key for each in self.peers.values() for peer in each})

    @property
    def lets_in(self) -> bool:
        """Whether any peer can come in anywhere."""
        return any(peer.lets_in for each in self.peers.values() for peer in each)

    def account(self, others: Mapping[str, str]) -> Account:
        """As the product shows it. `others` says of hosts that did not answer why: the account may be open there."""
        state = AccountState.ACTIVE if self.lets_in else AccountState.UNKNOWN if others else AccountState.DISABLED
        seen = [peer.handshake for each in self.peers.values() for peer in each if peer.handshake]
        return Account(
            id=self.login,
            login=self.login,
            state=state,
            last_seen=datetime.fromtimestamp(max(seen), UTC) if seen else None,
            raw={"hosts": {**self.observed(), **others}},
        )

    def observed(self) -> dict[str, object]:
        """What each host says of it."""
        return {host: "; ".join(peer.told for peer in each) for host, each in self.peers.items()}

    def credentials(self) -> list[Credential]:
        """One for each key."""
        open_keys = {peer.key for each in self.peers.values() for peer in each if peer.lets_in}
        seen: dict[str, int] = {}
        for each in self.peers.values():
            for peer in each:
                seen[peer.key] = max(seen.get(peer.key, 0), peer.handshake)
        return [
            Credential(
                key,
                self.login,
                KIND,
                last_used=datetime.fromtimestamp(seen[key], UTC) if seen[key] else None,
                active=key in open_keys,
            )
            for key in self.keys
        ]

    def sessions(self, now: Mapping[str, int]) -> list[Session]:
        """Peers whose last handshake is so new that they may be talking: there is no other sign of it."""
        return [
            Session(
                f"{host}/{peer.interface}/{peer.key}",
                self.login,
                None,
                f"{host} {peer.interface}" + (f" from {peer.endpoint[:60]}" if peer.endpoint else ""),
                inferred=True,
            )
            for host, each in self.peers.items()
            for peer in each
            if peer.live and peer.handshake and now.get(host, 0) - peer.handshake < LIVE_SECONDS
        ]


def holders(found: Mapping[str, Peers], naming: Naming) -> dict[str, Holder]:
    """Everybody, in the order of their logins."""
    by_login: dict[str, dict[str, list[Peer]]] = {}
    for host, said in found.items():
        for peer in said.peers:
            login = naming.login(peer)
            if naming.takes(login):
                by_login.setdefault(login, {}).setdefault(host, []).append(peer)
    return {login: Holder(login, by_login[login]) for login in sorted(by_login)}


def elsewhere(found: Mapping[str, Peers]) -> list[str]:
    """Interfaces that are up and that no file of wg-quick configures: what is cut off there may come back."""
    return [
        f"{host} {each.name}"
        for host, said in found.items()
        for each in said.interfaces
        if each.up and not each.configured
    ]


def told(peers: Iterable[Peer]) -> str:
    """Peers as a receipt tells them."""
    return "; ".join(peer.told for peer in peers) or "no peer"
