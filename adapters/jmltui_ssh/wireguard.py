"""The adapter of WireGuard on Linux hosts over SSH: peers are the credentials of whoever their sections name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, NoReturn

from jmltui.adapter_api import (
    Account,
    Cap,
    Capabilities,
    Credential,
    Entitlement,
    Evidence,
    Grant,
    NotFound,
    Option,
    OptionType,
    Page,
    Proof,
    Query,
    Receipt,
    Session,
    Setup,
    Step,
    Support,
    Unavailable,
    Unsupported,
)

from .options import OPTIONS as FLEET_OPTIONS
from .options import FleetOptions, fleet_options

if TYPE_CHECKING:
    from .fleet import Fleet
    from .peering import Peering

_NOT_OF_PEERS: Final = ("min_uid", "sudo_rules")
OPTIONS: Final = (
    *(option for option in FLEET_OPTIONS if option.name not in _NOT_OF_PEERS),
    Option("interfaces", OptionType.LIST, "The WireGuard interfaces that are meant; all.", ()),
    Option("names", OptionType.MAP, "Logins by public key, in place of what the hosts' files say.", {}),
    Option("include", OptionType.LIST, "Which names are accounts, as patterns; all.", ("*",)),
    Option("exclude", OptionType.LIST, "Which of them are not, as patterns.", ()),
)


class _Opened(NamedTuple):
    """What works once the keys are there."""

    fleet: Fleet
    peering: Peering


class WireguardAdapter:
    """The WireGuard peers of one fleet of hosts."""

    kind: ClassVar[str] = "wireguard"
    EXERCISED_AGAINST: ClassVar[str] = "wireguard-go and wireguard-tools of Debian 12, over OpenSSH 9.2"
    OPTIONS: ClassVar[tuple[Option, ...]] = OPTIONS

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._options = fleet_options(setup)
        self._parts: _Opened | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What is offered, all of it read back. Peers are not made here: their keys are the person's."""
        back = Support(Proof.READ_BACK, reversible=True)
        reads = (Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND, Cap.LIST_CREDENTIALS)
        inferred = Support(Proof.READ_BACK, reversible=True, note="inferred from handshakes of the last 3 minutes")
        ended = Support(Proof.READ_BACK, reversible=False, note="a peer that is not shut out begins anew by itself")
        gone = Support(Proof.READ_BACK, reversible=False, note="the peer has to be set up anew")
        return {
            **dict.fromkeys((*reads, Cap.ENABLE, Cap.DISABLE), back),
            Cap.LIST_SESSIONS: inferred,
            Cap.END_SESSIONS: ended,
            Cap.REVOKE_CREDENTIALS: gone,
        }

    async def open(self) -> None:
        """Make keys and known hosts ready; hosts are connected to when they are needed.

        Raises AuthFailed for a key that cannot be used, Untrusted for a known_hosts file that cannot be.
        """
        if self._parts is None:
            self._parts = await _opened(self._setup, self._options)

    async def close(self) -> None:
        """Let go of connections."""
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.fleet.close()

    async def check(self) -> Mapping[str, str]:
        """How many hosts answer, and what the others say instead. Raises AdapterError when none answers."""
        from .peers import elsewhere

        found = await self._open.look()
        found.none_left()
        told = f"{len(found.answers)} of {found.hosts} hosts"
        facts = {"reachable": told, "authenticated": told, **{host: str(e) for host, e in found.failed.items()}}
        up = [f"{host} {each.name}" for host, said in found.answers.items() for each in said.interfaces if each.up]
        facts["interfaces"] = ", ".join(up)[:400] or "none is up"
        saves = [
            f"{host} {each.name}" for host, said in found.answers.items() for each in said.interfaces if each.saves
        ]
        if saves:
            facts["loses names by SaveConfig"] = ", ".join(saves)[:400]
        if elsewhere(found.answers):
            facts["configured elsewhere"] = ", ".join(elsewhere(found.answers))[:400]
        return facts

    @property
    def _open(self) -> Peering:
        if self._parts is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._parts.peering

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """Everybody who has a peer. Raises AdapterError when one host cannot be read: a part is no listing."""
        from .reading import pages

        found = [holder.account({}) for holder in await self._open.everybody()]
        for page in pages(found, lambda each: each.id, query):
            yield page

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """None: whoever has a peer has the tunnel."""
        del query
        yield Page([], expected_total=0)

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """None."""
        del query
        yield Page([], expected_total=0)

    async def read(self, account_id: str) -> Account:
        """One login, as far as hosts answer; `raw` says what each said. Raises NotFound."""
        holder, found = await self._open.holder(account_id)
        return holder.account({host: f"not known: {error}" for host, error in found.failed.items()})

    async def find(self, login: str) -> Account | None:
        """The account with exactly this login."""
        try:
            return await self.read(login)
        except NotFound:
            return None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """None. Raises NotFound for an unknown account."""
        await self.read(account_id)
        return ()

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """Peers that shook hands within the last 3 minutes."""
        return await self._open.sessions(account_id)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Public keys. Raises AdapterError when one host cannot be read."""
        holder, found = await self._open.holder(account_id)
        found.whole()
        return holder.credentials()

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Never: raises Unsupported."""
        del wanted, key
        self._refuse("makes no peers; a peer begins with a key that only the person has")

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Never: raises Unsupported."""
        del account_id, changes, if_version
        self._refuse("changes nothing of a peer but whether it is let in")

    async def enable(self, account_id: str) -> Receipt:
        """Bring back the peers that were set aside. Raises Conflict where somebody has their address meanwhile."""
        from .peering import OPEN

        return await self._open.change(account_id, OPEN)

    async def disable(self, account_id: str) -> Receipt:
        """Take the peers off the running interfaces, and set them aside in the files."""
        from .peering import SHUT

        return await self._open.change(account_id, SHUT)

    async def delete(self, account_id: str) -> Receipt:
        """Never: raises Unsupported. Whoever has no peer left has no account."""
        del account_id
        self._refuse("has no accounts beside peers; revoke those")

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Never: raises Unsupported."""
        del account_id, entitlement_id, expires
        self._refuse("has nothing to grant")

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Never: raises Unsupported."""
        del account_id, entitlement_id
        self._refuse("has nothing to revoke but peers")

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """End one or all. A peer that is not shut out begins anew."""
        return await self._open.drop(account_id, session_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Take one peer or all out of interfaces and files for good."""
        from .peering import REMOVE

        return await self._open.change(account_id, REMOVE, credential_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back on every host. Never writes."""
        return await self._open.verify(step)

    def _refuse(self, why: str) -> NoReturn:
        raise Unsupported(f"{self.name} {why}.", system=self.name)


async def _opened(setup: Setup, options: FleetOptions) -> _Opened:
    """Keys and known hosts, ready to use. Raises AuthFailed, Untrusted, Unsupported."""
    try:
        from .entering import access
        from .fleet import Fleet
        from .peering import Peering
        from .peers import Naming
    except ModuleNotFoundError as error:
        told = f"{setup.name} needs its extra: pip install 'jmltui[ssh]' ({error.name} is missing)."
        raise Unsupported(told, system=setup.name) from error

    def patterns(name: str, default: Sequence[str]) -> Sequence[str]:
        value = setup.options.get(name)
        return tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else default

    names = setup.options.get("names")
    naming = Naming(names if isinstance(names, Mapping) else {}, patterns("include", ("*",)), patterns("exclude", ()))
    fleet = Fleet(options, await access(setup, options))
    return _Opened(fleet, Peering(fleet, naming, patterns("interfaces", ()), setup.clock))
