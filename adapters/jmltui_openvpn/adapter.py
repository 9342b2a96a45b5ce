"""The OpenVPN adapter: common names are accounts, certificates their credentials, tunnels their sessions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
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

from .options import OPTIONS, VpnOptions, vpn_options

if TYPE_CHECKING:
    from .holdings import Holdings
    from .management import Management
    from .proof import Proofs
    from .sessions import Sessions
    from .writing import Writing


HANDSHAKE: Final = timedelta(seconds=60)
"""How long a client may take for its handshake (openvpn(8), --hand-window)."""


class _Opened(NamedTuple):
    """What works once the server has answered."""

    management: Management
    holdings: Holdings
    sessions: Sessions
    writing: Writing
    proofs: Proofs
    has_key: bool


class OpenvpnAdapter:
    """One OpenVPN server with its certificate authority."""

    kind: ClassVar[str] = "openvpn"
    EXERCISED_AGAINST: ClassVar[str] = "OpenVPN 2.6 with authorities of openssl 3 in the layout of easy-rsa"
    OPTIONS: ClassVar[tuple[Option, ...]] = OPTIONS

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._options = vpn_options(setup)
        self._parts: _Opened | None = None
        self._has_key = True
        self._offset: timedelta | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What is offered; opening narrows it where the authority's key is not on this machine."""
        by_files = bool(self._options.ccd or (self._options.server_config and self._parts is None))
        return _capabilities(by_files=by_files, by_authority=self._has_key)

    async def open(self) -> None:
        """Look for the authority's key, and greet the server. Raises AdapterError and SecretError."""
        if self._parts is not None:
            return
        from .server_file import as_the_server

        options = await asyncio.to_thread(as_the_server, self._options, self.name)
        parts = _opened(self._setup, options)
        status = await parts.management.status()
        await parts.holdings.revocations()
        self._offset = status.at - self._setup.clock()
        self._has_key = parts.has_key
        self._options = options
        self._parts = parts

    async def close(self) -> None:
        """Nothing is kept open: the management interface takes one client at a time."""
        self._parts = None

    async def check(self) -> Mapping[str, str]:
        """Version, tunnels, the age of the revocation list, and by what clients can be shut out."""
        from .certificates import utc

        parts = self._open
        async with parts.management.talk() as conversation:
            version, status = await conversation.version(), await conversation.status()
        gone = await parts.holdings.revocations()
        return {
            "reachable": "yes",
            "authenticated": "yes",
            "version": version,
            "tunnels": str(len(status.tunnels)),
            "revocation list": f"{len(gone.serials)} revoked; good until {utc(gone.until)}"
            if gone.is_there
            else "none",
            "shuts out by": " and ".join(["client-config-dir"] * bool(self._options.ccd) + ["revoking"] * self._has_key)
            or "nothing",
        }

    def clock_offset(self) -> timedelta | None:
        """The server's time less ours, when it was opened."""
        return self._offset

    @property
    def _open(self) -> _Opened:
        if self._parts is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._parts

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All common names that the authority has given a client's certificate to."""
        found = [client.account() for client in await self._open.holdings.clients()]
        rest = [account for account in found if query.cursor is None or account.id > query.cursor]
        size = max(1, query.page_size)
        parts = [rest[begin : begin + size] for begin in range(0, len(rest), size)] or [[]]
        for number, part in enumerate(parts, 1):
            yield Page(part, cursor=part[-1].id if number < len(parts) else None, expected_total=len(found))

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """None: whoever has an account has the tunnel."""
        del query
        yield Page([], expected_total=0)

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """None."""
        del query
        yield Page([], expected_total=0)

    async def read(self, account_id: str) -> Account:
        """One common name. Raises NotFound when the database does not know it."""
        return (await self._open.holdings.client(account_id)).account()

    async def find(self, login: str) -> Account | None:
        """The account of exactly this common name."""
        try:
            return await self.read(login)
        except NotFound:
            return None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """None. Raises NotFound for an unknown account."""
        await self.read(account_id)
        return ()

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """Live tunnels."""
        from .sessions import session

        client = await self._open.holdings.client(account_id)
        return [session(tunnel) for tunnel in await self._open.sessions.live(client.name, client.shut)]

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Certificates, by serial number."""
        return (await self._open.holdings.client(account_id)).credentials()

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Never: raises Unsupported. A certificate begins with a key that only the person has."""
        del wanted, key
        self._refuse("gives certificates to nobody through jmltui; issue one at the authority")

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Never: raises Unsupported."""
        del account_id, changes, if_version
        self._refuse("cannot change what a certificate says")

    async def enable(self, account_id: str) -> Receipt:
        """Let a client in again that client-config-dir shut out."""
        if not self._options.ccd:
            self._refuse("has no client-config-dir here; a revoked certificate stays revoked")
        return await self._open.writing.enable(account_id)

    async def disable(self, account_id: str) -> Receipt:
        """Shut a client out, and cut its tunnels."""
        if not self._options.ccd and not self._has_key:
            self._refuse("has neither client-config-dir nor the authority's key on this machine")
        return await self._open.writing.disable(account_id)

    async def delete(self, account_id: str) -> Receipt:
        """Never: raises Unsupported. A database without the certificate could not revoke it any more."""
        del account_id
        self._refuse("keeps every certificate in its database; revoke it")

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Never: raises Unsupported."""
        del account_id, entitlement_id, expires
        self._refuse("has nothing to grant but the account itself")

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Never: raises Unsupported."""
        del account_id, entitlement_id
        self._refuse("has nothing to revoke but the account itself")

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """Cut one tunnel or all. A client that is not shut out comes back."""
        return await self._open.writing.end_sessions(account_id, session_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Revoke one certificate or all, and cut the client's tunnels."""
        if not self._has_key:
            reads = "the authority's key is not on this machine"
            self._refuse(f"cannot revoke here: {reads if self._options.crl else 'the server reads no revocation list'}")
        return await self._open.writing.revoke(account_id, credential_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back. Never writes."""
        return await self._open.proofs.verify(step)

    def _refuse(self, why: str) -> NoReturn:
        raise Unsupported(f"{self.name} {why}.", system=self.name)


def _capabilities(*, by_files: bool, by_authority: bool) -> Capabilities:
    back = Support(Proof.READ_BACK, reversible=True)
    # A handshake whose certificate was good when it was shown may come to its end after the first look; the client's
    # file is read after that, so whoever has one there cannot come in by it.
    settle = timedelta(0) if by_files else HANDSHAKE
    final = Support(Proof.READ_BACK, reversible=False, settle=settle, note="a revoked certificate stays revoked")
    cut = Support(Proof.READ_BACK, reversible=False, note="a client that is not shut out comes back by itself")
    reads = (Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND)
    found = dict.fromkeys((*reads, Cap.LIST_SESSIONS, Cap.LIST_CREDENTIALS), back)
    found[Cap.END_SESSIONS] = cut
    if by_authority:
        found |= dict.fromkeys((Cap.REVOKE_CREDENTIALS, Cap.DISABLE), final)
    if by_files:
        found |= dict.fromkeys((Cap.DISABLE, Cap.ENABLE), back)
    return found


def _opened(setup: Setup, options: VpnOptions) -> _Opened:
    """The parts, not yet tried. Raises Unsupported when the library for certificates is not installed."""
    try:
        from .authority import Authority
        from .client_files import ClientFiles
        from .holdings import Holdings
        from .management import Management
        from .proof import Proofs
        from .sessions import Sessions
        from .writing import Writing
    except ModuleNotFoundError as error:
        told = f"{setup.name} needs its extra: pip install 'jmltui[openvpn]' ({error.name} is missing)."
        raise Unsupported(told, system=setup.name) from error
    files = ClientFiles(options.ccd, setup.name) if options.ccd else None
    management = Management(options, setup.name, _secret(setup, options.management_password))
    holdings = Holdings(options, files, setup.name, setup.clock)
    sessions = Sessions(management, options.seconds)
    has_key = bool(options.crl) and os.path.exists(options.ca_key)
    authority = Authority(options, setup.name, _secret(setup, options.ca_passphrase)) if has_key else None
    writing = Writing(holdings, sessions, files, authority, setup.name)
    proofs = Proofs(options, holdings, sessions, setup.clock)
    return _Opened(management, holdings, sessions, writing, proofs, has_key)


def _secret(setup: Setup, reference: str) -> Callable[[], str]:
    return lambda: setup.secret(reference) if reference else ""
