"""The contract between jmltui and an adapter: small protocols, each optional but `Adapter` itself.

Rules that signatures cannot say:

1. Every write is "make it so": look, write, and return CHANGED, ALREADY or PENDING. ALREADY needs a positive read, or
   a code of the system that leaves no doubt.
2. `verify` never writes, uses another call than the write, and never trusts the write's own answer.
3. `OutcomeUnknown` whenever a write was sent and no answer came.
4. A listing de-duplicates by id and raises ContractBroken when it ends short; it is resumable by `Page.cursor`.
5. Limits and back-off belong to the engine, not to the adapter.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from jmltui.domain.access import Account, Credential, Entitlement, Grant, Session
from jmltui.domain.operation import Cap, Capabilities, Proof
from jmltui.domain.person import Person

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing. `cursor` None means last page.

    `expected_total` is the system's own count of all rows of this listing, with nothing left out by the adapter; a
    whole listing with fewer is not believed.

    `delta` stands on the last page only: the token for the next listing of changes, where `Cap.DELTA` is offered. In a
    listing of changes `deleted` are the ids of accounts or entitlements that are gone; of grants they are the ids of
    entitlements whose grants are told anew: what was known of them is forgotten, and `items` are all that remain.
    """

    items: Sequence[T]
    deleted: Sequence[str] = ()
    cursor: str | None = None
    delta: str | None = None
    expected_total: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What to list: `cursor` resumes an interrupted listing, `since` is a delta token of an earlier one.

    A listing of changes whose token is not accepted any more raises ResyncNeeded.
    """

    page_size: int = 200
    cursor: str | None = None
    since: str | None = None


class Outcome(StrEnum):
    """What a write did."""

    CHANGED = "changed"
    ALREADY = "already"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The system's answer to a write. `before` and `after` are what it said of the target, secrets removed."""

    outcome: Outcome
    request_id: str | None = None
    job: str | None = None
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)


class Verdict(StrEnum):
    """What a read-back says of an intended change."""

    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    PENDING = "pending"
    UNVERIFIABLE = "unverifiable"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the system said when it was read back: `source` is the call (`GET /Users/42`)."""

    verdict: Verdict
    proof: Proof
    observed: Mapping[str, object]
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Step:
    """One intended change; also what `verify` is asked about.

    `target` is the id of an entitlement (a device is one), session or credential, or of the account that gets what is
    transferred. `login` lets a lost create be found again; `key` is the idempotency key, stable across all tries.
    `wanted` are the attributes of an account to create.
    """

    cap: Cap
    account_id: str
    target: str | None = None
    key: str = ""
    login: str = ""
    wanted: Mapping[str, str] = field(default_factory=dict)
    if_version: str | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a feed that cannot be believed; `raw` is at most 500 characters of it."""

    line: int
    reason: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class FeedFile:
    """What is known of a feed as a whole, once it was read to its end. `modified` is the file's or feed's own time."""

    rows: int
    digest: str
    modified: datetime | None = None
    missing_columns: tuple[str, ...] = ()
    complete: bool = True
    problem: str = ""


@runtime_checkable
class Adapter(Protocol):
    """What every adapter is. `kind` is the entry-point name, `name` the operator's name for this system."""

    kind: ClassVar[str]
    name: str

    def capabilities(self) -> Capabilities:
        """What can be done and how it is proved. No I/O; `open` may narrow it by discovery."""
        ...

    async def open(self) -> None:
        """Connect and discover. Raises Unavailable, AuthFailed, Untrusted, ContractBroken."""
        ...

    async def close(self) -> None:
        """Let go of connections. Never raises for a connection that is gone already."""
        ...

    async def check(self) -> Mapping[str, str]:
        """Read-only facts for `doctor` and the Systems screen: reachable, authenticated, versions."""
        ...


@runtime_checkable
class PeopleSource(Protocol):
    """A source of people. Yields persons and bad rows as they come; `feed` is valid after the last one."""

    def people(self) -> AsyncIterator[Person | BadRow]:
        """All people of the feed. Raises Unavailable or ContractBroken when it cannot be read to its end."""
        ...

    def feed(self) -> FeedFile:
        """Facts of the feed just read."""
        ...


@runtime_checkable
class Reader(Protocol):
    """Reads accounts, entitlements and grants."""

    def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All accounts, page by page."""
        ...

    def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All entitlements, page by page."""
        ...

    def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All grants, page by page."""
        ...

    async def read(self, account_id: str) -> Account:
        """One account. Raises NotFound only when the system itself said so."""
        ...

    async def find(self, login: str) -> Account | None:
        """The account with exactly this login, re-checked here. Raises Ambiguous when there are several."""
        ...

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one account holds now."""
        ...


@runtime_checkable
class AccountWriter(Protocol):
    """Writes accounts."""

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the account exist. Raises Conflict when the login exists with another external id."""
        ...

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make these attributes so."""
        ...

    async def enable(self, account_id: str) -> Receipt:
        """Make the account able to sign in."""
        ...

    async def disable(self, account_id: str) -> Receipt:
        """Make the account unable to sign in."""
        ...

    async def delete(self, account_id: str) -> Receipt:
        """Make the account not exist."""
        ...


@runtime_checkable
class GrantWriter(Protocol):
    """Writes grants."""

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the account hold the entitlement."""
        ...

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the account not hold the entitlement."""
        ...


@runtime_checkable
class BulkGrantWriter(Protocol):
    """Optional: one call for many accounts and one entitlement; the answer has one receipt or error per account."""

    async def grant_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make all of them hold it. Raises as `grant` does when the call failed as a whole."""
        ...

    async def revoke_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make none of them hold it."""
        ...

    async def verify_many(self, steps: Sequence[Step]) -> Sequence[Evidence]:
        """Read back many grant or revoke steps of one entitlement; evidence in the order of the steps."""
        ...


@runtime_checkable
class SessionControl(Protocol):
    """Lists and ends live sessions."""

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """Live sessions of one account."""
        ...

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """End one or all."""
        ...


@runtime_checkable
class CredentialControl(Protocol):
    """Lists and revokes secrets."""

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Credentials of one account, never their values."""
        ...

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Revoke one or all."""
        ...


@runtime_checkable
class OwnershipTransfer(Protocol):
    """Hands over what an account owns: files, calendars, objects."""

    async def transfer(self, account_id: str, to_account_id: str) -> Receipt:
        """Make what the account owns belong to the other account; PENDING where the system does it by and by.

        Raises NotFound for either account, Invalid where the other one may not own it.
        """
        ...


@runtime_checkable
class DeviceControl(Protocol):
    """Wipes devices. A device is an entitlement of kind `device` that an account holds."""

    async def wipe_device(self, account_id: str, device_id: str) -> Receipt:
        """Make the device hold nothing of the company any more, or nothing at all, as the adapter's options say.

        PENDING until the device was reached. Raises NotFound where the account has no such device.
        """
        ...


@runtime_checkable
class ClockWitness(Protocol):
    """Optional: a system whose answers say what time it is there."""

    def clock_offset(self) -> timedelta | None:
        """Its time less ours, by its newest answer; None before one told it."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """Reads back."""

    async def verify(self, step: Step) -> Evidence:
        """Whether the step's effect stands. Never writes. Raises Unavailable and its kin when it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as its system states it. `status` is the system's own word; `url` is where a person opens it, or ""."""

    id: str
    title: str
    status: str
    url: str = ""


@runtime_checkable
class TicketSink(Protocol):
    """Writes into tickets of a helpdesk's ticketing system, which has no idempotency key: so the text carries one."""

    async def ticket(self, ticket: str) -> Ticket:
        """One ticket. Raises NotFound only when the system itself said so."""
        ...

    async def note(self, ticket: str, text: str, *, key: str, public: bool = False) -> Receipt:
        """Make the ticket hold a comment of this plain text and this key.

        Every comment of the ticket is looked through for the key first, and ALREADY is the answer where one has it.
        The requester sees the comment only if it is `public`. Raises Unsupported where the system cannot keep it
        internal.
        """
        ...

    async def transition(self, ticket: str, to: str) -> Receipt:
        """Make the ticket stand at the status of this name. Raises Invalid where no way leads there from where it is.

        ALREADY where it stands there. The receipt's `before` and `after` have `status`.
        """
        ...
