"""The Google Workspace adapter: one customer, by a service account that acts as an administrator.

Nothing is sent to any other address than the four named here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from jmltui.adapter_api import (
    Account,
    Cap,
    Capabilities,
    Credential,
    Entitlement,
    Evidence,
    Forbidden,
    Grant,
    Option,
    OptionType,
    Page,
    Proof,
    Query,
    Receipt,
    Setup,
    Step,
    Support,
    Unavailable,
    Unsupported,
)
from jmltui.exchange import HttpExchange

from .authorization import DYNAMIC_SCOPE, LICENCE_SCOPE, SCOPES, ServiceAccount
from .credentials import Credentials
from .directory import Connections, Directory
from .proof import Proofs
from .users import account
from .workspace import Workspace, judged
from .writing import Writing

SETTLE: Final = timedelta(seconds=10)
NOT_TOLD: Final = "Google signs the user out and tells nothing of sessions: a person must look."


class GoogleAdapter:
    """One Google Workspace customer."""

    kind: ClassVar[str] = "google"
    EXERCISED_AGAINST: ClassVar[str] = "recorded exchanges"
    TOKENS: ClassVar[str] = "https://oauth2.googleapis.com"
    ADMIN: ClassVar[str] = "https://admin.googleapis.com"
    LICENSING: ClassVar[str] = "https://licensing.googleapis.com"
    IDENTITY: ClassVar[str] = "https://cloudidentity.googleapis.com"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("service_account", OptionType.SECRET, "The service account's JSON key file.", required=True),
        Option("admin", OptionType.TEXT, "The administrator whom the service account acts as.", required=True),
        Option("licences", OptionType.LIST, "Products whose licences are shown, such as Google-Apps.", ()),
        Option("dynamic_groups", OptionType.BOOLEAN, "Whether Cloud Identity is asked for dynamic groups.", True),
        Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        products = setup.options.get("licences") or ()
        self._products = tuple(map(str, products)) if not isinstance(products, str | int | float) else (str(products),)
        self._opened: tuple[HttpExchange, Connections] | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What the Admin SDK offers; what the administrator may not do is refused when it is tried."""
        read, write = Support(Proof.READ_BACK, True), Support(Proof.READ_BACK, True, SETTLE)
        return {
            Cap.LIST_ACCOUNTS: read,
            Cap.LIST_ENTITLEMENTS: read,
            Cap.LIST_GRANTS: read,
            Cap.FIND: read,
            Cap.CREATE: write,
            Cap.UPDATE: write,
            Cap.ENABLE: write,
            Cap.DISABLE: write,
            Cap.DELETE: Support(Proof.READ_BACK, False, SETTLE, "It can be restored for 20 days, by hand."),
            Cap.GRANT: write,
            Cap.REVOKE: write,
            Cap.END_SESSIONS: Support(Proof.NONE, False, note=NOT_TOLD),
            Cap.LIST_CREDENTIALS: read,
            Cap.REVOKE_CREDENTIALS: Support(Proof.READ_BACK, False, SETTLE),
        }

    async def open(self) -> None:
        """Get a token and list one user. Raises AdapterError."""
        if self._opened is None:
            self._opened = self._connections()
        async for _ in self._directory.users(1):
            break

    def _connections(self) -> tuple[HttpExchange, Connections]:
        options, clock = self._setup.options, self._setup.clock
        deadline = float(str(options.get("exchange_seconds") or 20))
        dynamic = options.get("dynamic_groups") is not False
        scopes = (*SCOPES, *((DYNAMIC_SCOPE,) if dynamic else ()), *((LICENCE_SCOPE,) if self._products else ()))
        key_file = self._setup.secret(str(options["service_account"]))
        tokens = HttpExchange(self.name, self.TOKENS, deadline=deadline, clock=clock)
        given = ServiceAccount(tokens, key_file, str(options["admin"]), scopes)

        def connection(address: str) -> Workspace:
            return Workspace(self.name, address, deadline=deadline, clock=clock, authorization=given, judge=judged)

        licensing = connection(self.LICENSING) if self._products else None
        return tokens, Connections(connection(self.ADMIN), licensing, connection(self.IDENTITY) if dynamic else None)

    async def close(self) -> None:
        """Let go of connections."""
        opened, self._opened = self._opened, None
        if opened is not None:
            tokens, found = opened
            for one in (tokens, found.admin, found.licensing, found.identity):
                if one is not None:
                    await one.close()

    def clock_offset(self) -> timedelta | None:
        """Google's time less ours, by its newest answer."""
        return self._directory.admin.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, and what the administrator may not read."""
        async for _ in self._directory.users(1):
            break
        facts = {"reachable": "yes", "authenticated": "yes", "sessions": "not verifiable here"}
        try:
            facts["groups"] = str(len(await self._directory.groups()))
        except Forbidden as error:
            facts["groups"] = f"not readable: {error.message}"[:200]
        return facts

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users. Google says no total, so a page that leaves somebody out is not noticed."""
        async for rows, token in self._directory.users(query.page_size, query.cursor):
            yield Page([account(row, self.name) for row in rows], cursor=token)

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups, and licences that somebody has."""
        yield Page(await self._directory.entitlements())

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All direct memberships and licences."""
        async for grants in self._directory.grants():
            yield Page(grants)

    async def read(self, account_id: str) -> Account:
        """One user by id."""
        return account(await self._directory.user(account_id), self.name)

    async def find(self, login: str) -> Account | None:
        """The user with exactly this primary address."""
        row = await self._directory.find(login)
        return account(row, self.name) if row else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one user holds now."""
        return await self._directory.grants_of(account_id)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Tokens and application passwords of one user."""
        return await Credentials(self._directory).of(account_id)

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the user exist, with a random first password that is kept nowhere."""
        del key
        return await self._writing.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make these attributes so."""
        return await self._writing.update(account_id, changes, if_version)

    async def enable(self, account_id: str) -> Receipt:
        """Take the suspension back."""
        return await self._writing.set_suspended(account_id, False)

    async def disable(self, account_id: str) -> Receipt:
        """Suspend the user."""
        return await self._writing.set_suspended(account_id, True)

    async def delete(self, account_id: str) -> Receipt:
        """Remove the user."""
        return await self._writing.delete(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the user a member, or give the licence."""
        if expires is not None:
            raise Unsupported(f"What {self.name} grants cannot end by itself here.", system=self.name)
        return await self._writing.set_held(account_id, entitlement_id, True)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Take the membership or the licence."""
        return await self._writing.set_held(account_id, entitlement_id, False)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """Sign the user out everywhere; Google does not end one session alone."""
        if session_id is not None:
            raise Unsupported(f"{self.name} ends all sessions of a user at once, or none.", system=self.name)
        return await self._writing.sign_out(account_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Take back one token or application password, or all."""
        return await self._writing.revoke_credential(account_id, credential_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back. Never writes."""
        return await Proofs(self._directory, self._setup.clock).of(step)

    # ---- pieces

    @property
    def _directory(self) -> Directory:
        if self._opened is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return Directory(self._opened[1], self._products)

    @property
    def _writing(self) -> Writing:
        return Writing(self._directory)
