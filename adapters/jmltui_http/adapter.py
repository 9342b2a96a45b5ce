"""A system or a source described in one YAML file, spoken to over HTTP. What it can do follows from the file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from jmltui.adapter_api import (
    Account,
    BadRow,
    Call,
    Cap,
    Capabilities,
    Entitlement,
    Evidence,
    FeedFile,
    Grant,
    Mapped,
    Option,
    OptionType,
    Page,
    Person,
    Proof,
    Query,
    Receipt,
    Session,
    Setup,
    Step,
    Support,
    Ticket,
    Unavailable,
    Unsupported,
)

from .choices import Choices

if TYPE_CHECKING:
    from jmltui.exchange import Observed

    from .connecting import Connection
    from .ticket_sink import Tickets

_WRITES: Final = (
    Cap.CREATE, Cap.UPDATE, Cap.ENABLE, Cap.DISABLE, Cap.DELETE, Cap.GRANT, Cap.REVOKE, Cap.END_SESSIONS,
)  # fmt: skip


class HttpAdapter:
    """One described system or source."""

    kind: ClassVar[str] = "http"
    EXERCISED_AGAINST: ClassVar[str] = (
        "scim2-server 0.8 and Roundup 2.6 through descriptions; the others that come along on answers written by hand "
        "after what the vendors publish, not on their services"
    )
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("description", OptionType.PATH, "The YAML file, or the name of a shipped description.", required=True),
        Option("base", OptionType.URL, "The base address; empty: as the description says.", None),
        Option("secrets", OptionType.MAP, "Secret references by the names that the description asks for.", {}),
        Option("parameters", OptionType.MAP, "What the description asks for beside secrets.", {}),
        Option("columns", OptionType.MAP, "Your own columns of people: attribute = JMESPath.", {}),
        Option("values", OptionType.MAP, "Other words for values of people: `attribute.word` = value.", {}),
        Option("defaults", OptionType.MAP, "What an empty attribute of people means.", {}),
        Option("dates", OptionType.LIST, "Forms of dates; empty: as the description says.", ()),
        Option("page_size", OptionType.INTEGER, "How many are asked for at once; 0: as the description says.", 0),
        Option("private_network", OptionType.BOOLEAN, "Whether the system stands on your own network.", False),
        Option("ca_file", OptionType.PATH, "Your own certificate authority.", None),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self.choices = Choices.of(setup)
        self.description = self.choices.description
        self._connection: Connection | None = None
        self._observer: Callable[[Observed], None] | None = None
        self._feed: FeedFile | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What the description describes, and how it is proved."""
        found, description = dict[Cap, Support](), self.description
        read = Support(Proof.READ_BACK, reversible=True)
        accounts, grants = description.accounts, description.grants
        offered = {
            Cap.LIST_ACCOUNTS: description.people is not None or (accounts is not None and accounts.list is not None),
            Cap.FIND: accounts is not None,
            Cap.LIST_ENTITLEMENTS: description.entitlements is not None,
            Cap.LIST_GRANTS: grants is not None and grants.list is not None,
            Cap.LIST_SESSIONS: description.sessions is not None,
            Cap.DELTA: accounts is not None and accounts.changes is not None,
        }
        found.update({cap: read for cap, is_offered in offered.items() if is_offered})
        for cap in _WRITES:
            operation = description.operations.get(cap)
            if operation is not None:
                proof = Proof.NONE if operation.blind else Proof.READ_BACK
                reversible = cap not in (Cap.DELETE, Cap.END_SESSIONS)
                found[cap] = Support(proof, reversible, operation.settle, operation.note)
        if description.ticket is not None:
            ticket = description.ticket
            found[Cap.TICKET] = Support(Proof.READ_BACK, False, ticket.settle, ticket.remark)
        return found

    async def open(self) -> None:
        """Make the connection; nothing is asked yet. Raises SecretError, Invalid and Untrusted."""
        from .connecting import Connection

        if self._connection is None:
            self._connection = await Connection.to(self.choices, self._observe)

    async def close(self) -> None:
        """Let go of connections."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def check(self) -> Mapping[str, str]:
        """One harmless call: the description's own, or the first page of what it lists."""
        await self._open().check()
        return {
            "reachable": "yes",
            "authenticated": "yes",
            "description": self.description.name,
            "exercised against": self.description.exercised_against or "nothing known",
        }

    def clock_offset(self) -> timedelta | None:
        """The system's time less ours, by its newest answer."""
        return self._connection.caller.exchange.clock_offset if self._connection is not None else None

    def _open(self) -> Connection:
        if self._connection is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._connection

    def _observe(self, seen: Observed) -> None:
        if self._observer is not None:
            self._observer(seen)

    # ---- people

    async def people(self) -> AsyncIterator[Person | BadRow]:
        """All people. `feed()` says afterwards whether they may be believed."""
        people = self._open().people
        if people is None:
            raise Unsupported(f"The description of {self.name} has no people.", system=self.name)
        try:
            async for item in people.read():
                yield item
        finally:
            self._feed = people.feed

    def feed(self) -> FeedFile:
        """Facts of the feed just read."""
        return self._feed or FeedFile(0, "", complete=False, problem="The feed was not read yet.")

    # ---- reading

    def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All accounts, page by page."""
        return self._open().reading.accounts(query)

    def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All entitlements, page by page."""
        return self._open().reading.entitlements(query)

    def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All grants, page by page."""
        return self._open().reading.grants(query)

    async def read(self, account_id: str) -> Account:
        """One account. Raises NotFound only when the system itself said so."""
        return await self._open().reading.read(account_id)

    async def find(self, login: str) -> Account | None:
        """The account with exactly this login, compared here."""
        return await self._open().reading.find(login)

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one account holds now."""
        return await self._open().reading.grants_of(account_id)

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """Live sessions of one account."""
        reading = self._open().reading
        if self.description.sessions is None:
            raise Unsupported(f"The description of {self.name} has no sessions.", system=self.name)
        return await reading.sessions(await reading.read(account_id))

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the account exist."""
        del key
        return await self._open().writing.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make these attributes so."""
        return await self._open().writing.update(account_id, changes, if_version)

    async def enable(self, account_id: str) -> Receipt:
        """Make the account able to sign in."""
        return await self._open().writing.state(Cap.ENABLE, account_id)

    async def disable(self, account_id: str) -> Receipt:
        """Make the account unable to sign in."""
        return await self._open().writing.state(Cap.DISABLE, account_id)

    async def delete(self, account_id: str) -> Receipt:
        """Make the account not exist."""
        return await self._open().writing.state(Cap.DELETE, account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the account hold the entitlement."""
        return await self._open().writing.holding(Cap.GRANT, account_id, entitlement_id, expires)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the account not hold the entitlement."""
        return await self._open().writing.holding(Cap.REVOKE, account_id, entitlement_id)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """End one or all."""
        return await self._open().writing.end_sessions(account_id, session_id)

    async def verify(self, step: Step) -> Evidence:
        """Whether a step's effect stands. Never writes."""
        return await self._open().verifying.verify(step)

    # ---- tickets

    async def ticket(self, ticket: str) -> Ticket:
        """One ticket. Raises NotFound only when the system itself said so."""
        return await self._tickets().ticket(ticket)

    async def note(self, ticket: str, text: str, *, key: str, public: bool = False) -> Receipt:
        """Make the ticket hold a comment with this key."""
        return await self._tickets().note(ticket, text, key=key, public=public)

    async def transition(self, ticket: str, to: str) -> Receipt:
        """Make the ticket stand at the status of this name."""
        return await self._tickets().transition(ticket, to)

    def _tickets(self) -> Tickets:
        from .ticket_sink import Tickets

        caller, shape = self._open().caller, self.description.ticket
        if shape is None:
            raise Unsupported(f"The description of {self.name} has no tickets.", system=self.name)
        return Tickets(caller, shape)

    # ---- rehearsal

    async def rehearse(self, limit: int) -> AsyncIterator[Call | Mapped]:
        """Every read of the description, the first records as they are mapped, and the writes that it would make."""
        from .rehearsing import rehearse

        seen: list[Observed] = []
        self._observer = seen.append
        try:
            async for item in rehearse(self._open(), limit, seen):
                yield item
        finally:
            self._observer = None
