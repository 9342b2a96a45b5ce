"""The Google Workspace adapter: one customer, by a service account that acts as an administrator.

Nothing is sent to any other address than the four named here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final, TypeVar

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

from .connecting import Addresses, Connections, connect
from .credentials import Credentials
from .customer import Customer
from .options import OPTIONS, Choices, Wipe
from .proof import Proofs
from .users import account

T = TypeVar("T")
SETTLE: Final = timedelta(seconds=10)
NOT_TOLD: Final = "Google signs the user out and tells nothing of sessions: a person must look."
NO_MAILBOX: Final = "Google gives {what} to the other user; the mailbox is not in it."
WIPES: Final = {
    Wipe.ACCOUNT: "Takes the company's data off the device when it is next online; of a ChromeOS device all profiles.",
    Wipe.EVERYTHING: "Resets the device when it is next online; all that is on it is lost.",
}


class GoogleAdapter:
    """One Google Workspace customer."""

    kind: ClassVar[str] = "google"
    EXERCISED_AGAINST: ClassVar[str] = "recorded exchanges"
    TOKENS: ClassVar[str] = "https://oauth2.googleapis.com"
    ADMIN: ClassVar[str] = "https://admin.googleapis.com"
    LICENSING: ClassVar[str] = "https://licensing.googleapis.com"
    IDENTITY: ClassVar[str] = "https://cloudidentity.googleapis.com"
    OPTIONS: ClassVar[tuple[Option, ...]] = OPTIONS

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._choices = Choices.of(setup.options)
        self._opened: Connections | None = None
        self._commands: dict[str, str] = {}

    # ---- life

    def capabilities(self) -> Capabilities:
        """What the Admin SDK offers; what the administrator may not do is refused when it is tried."""
        read, write = Support(Proof.READ_BACK, True), Support(Proof.READ_BACK, True, SETTLE)
        offered = {
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
        if self._choices.applications:
            note = NO_MAILBOX.format(what=" and ".join(self._choices.applications))
            offered[Cap.TRANSFER] = Support(Proof.READ_BACK, False, SETTLE, note)
        if self._choices.wipe is not Wipe.OFF:
            offered[Cap.WIPE_DEVICE] = Support(Proof.READ_BACK, False, SETTLE, WIPES[self._choices.wipe])
        return offered

    async def open(self) -> None:
        """Get a token and list one user. Raises AdapterError."""
        if self._opened is None:
            self._choices.check(self.name)
            addresses = Addresses(self.TOKENS, self.ADMIN, self.LICENSING, self.IDENTITY)
            self._opened = connect(self._setup, self._choices, addresses)
        async for _ in self._customer.directory.users(1):
            break

    async def close(self) -> None:
        """Let go of connections."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    def clock_offset(self) -> timedelta | None:
        """Google's time less ours, by its newest answer."""
        return self._customer.directory.admin.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, and what the administrator may not read."""
        customer = self._customer
        async for _ in customer.directory.users(1):
            break
        facts = {"reachable": "yes", "authenticated": "yes", "sessions": "not verifiable here"}
        facts["groups"] = await _readable(customer.directory.groups)
        if customer.transfers is not None:
            facts["transfer"] = await _readable(customer.transfers.offered, _names)
        if customer.roles is not None:
            facts["roles"] = await _readable(customer.roles.all)
        if customer.devices is not None:
            facts["devices"] = await _readable(customer.devices.all)
        return facts

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users. Google says no total, so a page that leaves somebody out is not noticed."""
        async for rows, token in self._customer.directory.users(query.page_size, query.cursor):
            yield Page([account(row, self.name) for row in rows], cursor=token)

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups, licences that somebody has, and where wanted roles and devices."""
        yield Page(await self._customer.holdings.entitlements())

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All direct memberships and licences, and where wanted roles and devices."""
        async for grants in self._customer.holdings.grants():
            yield Page(grants)

    async def read(self, account_id: str) -> Account:
        """One user by id."""
        return account(await self._customer.directory.user(account_id), self.name)

    async def find(self, login: str) -> Account | None:
        """The user with exactly this primary address."""
        row = await self._customer.directory.find(login)
        return account(row, self.name) if row else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one user holds now."""
        return await self._customer.holdings.grants_of(account_id)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Tokens and application passwords of one user."""
        return await Credentials(self._customer.directory).of(account_id)

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the user exist, with a random first password that is kept nowhere."""
        del key
        return await self._customer.writing.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make these attributes so."""
        return await self._customer.writing.update(account_id, changes, if_version)

    async def enable(self, account_id: str) -> Receipt:
        """Take the suspension back."""
        return await self._customer.writing.set_suspended(account_id, False)

    async def disable(self, account_id: str) -> Receipt:
        """Suspend the user."""
        return await self._customer.writing.set_suspended(account_id, True)

    async def delete(self, account_id: str) -> Receipt:
        """Remove the user."""
        return await self._customer.writing.delete(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the user a member, or give the licence or the role."""
        if expires is not None:
            raise Unsupported(f"What {self.name} grants cannot end by itself here.", system=self.name)
        return await self._customer.writing.set_held(account_id, entitlement_id, True)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Take the membership, the licence or the role."""
        return await self._customer.writing.set_held(account_id, entitlement_id, False)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """Sign the user out everywhere; Google does not end one session alone."""
        if session_id is not None:
            raise Unsupported(f"{self.name} ends all sessions of a user at once, or none.", system=self.name)
        return await self._customer.writing.sign_out(account_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Take back one token or application password, or all."""
        return await self._customer.writing.revoke_credential(account_id, credential_id)

    async def transfer(self, account_id: str, to_account_id: str) -> Receipt:
        """Give files and events to another user; PENDING while Google is at it."""
        transfers = self._customer.transfers
        if transfers is None:
            raise Unsupported(f"{self.name} transfers nothing: `transfer` is empty.", system=self.name)
        return await transfers.transfer(account_id, to_account_id)

    async def wipe_device(self, account_id: str, device_id: str) -> Receipt:
        """Take the company's data, or all, off a device; PENDING until the device was online."""
        wiping = self._customer.wiping
        if wiping is None:
            raise Unsupported(f'{self.name} wipes no devices: `devices` is "off".', system=self.name)
        return await wiping.wipe(account_id, device_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back. Never writes."""
        return await Proofs(self._customer, self._setup.clock).of(step)

    # ---- pieces

    @property
    def _customer(self) -> Customer:
        if self._opened is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return Customer.over(self._opened, self._choices, self._setup.clock, self._commands)


async def _readable(
    listing: Callable[[], Awaitable[Sequence[T]]], say: Callable[[Sequence[T]], str] = lambda found: str(len(found))
) -> str:
    """How many there are, or why they are not told."""
    try:
        return say(await listing())
    except Forbidden as error:
        return f"not readable: {error.message}"[:300]


def _names(rows: Sequence[Mapping[str, object]]) -> str:
    return ", ".join(str(row.get("name"))[:40] for row in rows)[:200] or "nothing"
