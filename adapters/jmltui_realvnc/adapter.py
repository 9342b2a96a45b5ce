"""The RealVNC Connect adapter: one team, through the interface for its managers.

What the interface does not offer is not claimed: no disabling, no list of live sessions and no ending of one. Endpoints
and permissions: see `members`; what single sign-on does to members: help.realvnc.com article 5696494816413.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from jmltui.adapter_api import (
    Account,
    Cap,
    Capabilities,
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
    Session,
    Setup,
    Step,
    Support,
    Unavailable,
    Unsupported,
)
from jmltui.exchange import HttpExchange, TokenExchange

from .audit import Audit, Names
from .members import ROLE, account, role_entitlements
from .proof import proved
from .team import Team
from .writing import Writing

SSO_LAG: Final = timedelta(hours=1)
DIRECT: Final = (
    "Removal ends cloud connections; a computer that takes direct connections has a list of users of its own."
)
PROVIDER: Final = "Take the app away in the identity provider first, or the member returns with the next sign-in."


class RealVncAdapter:
    """One RealVNC Connect team."""

    kind: ClassVar[str] = "realvnc"
    EXERCISED_AGAINST: ClassVar[str] = "recorded exchanges"
    ADDRESS: ClassVar[str] = "https://connect-api.services.vnc.com"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("access_key_id", OptionType.TEXT, "The identifier of the access key.", required=True),
        Option("access_key", OptionType.SECRET, "The access key.", required=True),
        Option("sso", OptionType.BOOLEAN, "Whether members come by single sign-on.", False),
        Option("start_events", OptionType.LIST, "Audit types that begin a session.", ("connection_start",)),
        Option("end_events", OptionType.LIST, "Audit types that end a session.", ("connection_end",)),
        Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._sso = setup.options.get("sso") is True
        self._http: HttpExchange | None = None
        self._may_groups = self._may_audit = True

    # ---- life

    def capabilities(self) -> Capabilities:
        """What the interface offers and how it is proved; narrowed by what the access key may read."""
        lag = SSO_LAG if self._sso else timedelta(0)
        read = Support(Proof.READ_BACK, reversible=True)
        offered = {
            Cap.LIST_ACCOUNTS: read,
            Cap.LIST_ENTITLEMENTS: read,
            Cap.LIST_GRANTS: read,
            Cap.FIND: read,
            Cap.DELETE: Support(Proof.READ_BACK, False, lag, f"{PROVIDER} {DIRECT}" if self._sso else DIRECT),
            Cap.GRANT: Support(Proof.READ_BACK, True, lag),
            Cap.REVOKE: Support(Proof.READ_BACK, True, lag),
        }
        if self._may_audit:
            note = "Not a live list: starts without an end in the audit events of 30 days."
            offered[Cap.LIST_SESSIONS] = Support(Proof.AUDIT, True, note=note)
        return offered

    async def open(self) -> None:
        """Get a session token and see what the access key may read. Raises AdapterError."""
        if self._http is None:
            self._http = self._exchange()
        await self._http.get("/1.0/members")
        self._may_groups = await self._may(self._team.groups)
        self._may_audit = await self._may(self._audit.probe)

    async def _may(self, call: Callable[[], Awaitable[object]]) -> bool:
        try:
            await call()
        except Forbidden:
            return False
        return True

    def _exchange(self) -> HttpExchange:
        options, system, clock = self._setup.options, self.name, self._setup.clock
        deadline = float(str(options.get("exchange_seconds") or 20))
        secrets = {
            "accessKeyId": str(options["access_key_id"]),
            "accessKey": self._setup.secret(str(options["access_key"])),
            "expiry": "PT30M",
        }
        tokens = HttpExchange(system, self.ADDRESS, deadline=deadline, clock=clock)
        given = TokenExchange(tokens, "/1.0/sessions", secrets, lasts="expiresIn")
        self._tokens = tokens
        return HttpExchange(system, self.ADDRESS, deadline=deadline, clock=clock, authorization=given)

    async def close(self) -> None:
        """Let go of connections."""
        if self._http is not None:
            http, self._http = self._http, None
            await http.close()
            await self._tokens.close()

    def clock_offset(self) -> timedelta | None:
        """The service's time less ours, by its newest answer."""
        return self._connection.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, what the access key may read, and how the audit names its events."""
        await self._connection.get("/1.0/members")
        facts = {"reachable": "yes", "authenticated": "yes", "live sessions": "not verifiable here"}
        facts["groups"] = "readable" if self._may_groups else "not readable: the key lacks LIST_USER_GROUPS"
        facts["audit"] = "readable" if self._may_audit else "not readable: the key lacks LIST_AUDIT_EVENTS"
        if self._may_audit:
            facts["session events"] = ", ".join(await self._audit.types()) or "none in 30 days"
        for name, call in (("computers", self._team.computers), ("computers online", self._team.online)):
            try:
                facts[name] = str(await call())
            except Forbidden:
                facts[name] = "not readable with this key"
        return facts

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All members. The size of a page is the service's own."""
        async for page, cursor in self._team.members(query.cursor):
            yield Page([account(one) for one in page], cursor=cursor)

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """Roles and user groups."""
        groups = await self._team.groups() if self._may_groups else []
        yield Page([*role_entitlements(self._sso), *groups])

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All roles and memberships."""
        self._needs_groups()
        async for grants in self._team.grants():
            yield Page(grants)

    async def read(self, account_id: str) -> Account:
        """One member. Raises NotFound for one who was removed."""
        return account(await self._team.present(account_id))

    async def find(self, login: str) -> Account | None:
        """The member with exactly this address."""
        found = await self._team.find(login)
        return account(found) if found else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """Roles and groups of one member."""
        self._needs_groups()
        found = await self._team.present(account_id)
        roles = [Grant(account_id, f"{ROLE}{role}") for role in sorted(found.roles)]
        return [*roles, *(Grant(account_id, one.id) for one in await self._team.groups_of(account_id))]

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """Connections that the audit events say began and do not say ended, each `inferred`."""
        if not self._may_audit:
            raise Unsupported(f"The access key of {self.name} may not read audit events.", system=self.name)
        return await self._audit.open_sessions(account_id)

    # ---- writing

    async def delete(self, account_id: str) -> Receipt:
        """Remove the member from the team. Raises Forbidden for an Admin or Owner."""
        return await Writing(self._connection, self._team).remove(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Add a role, or the member to a group."""
        if expires is not None:
            raise Unsupported(f"What {self.name} grants cannot end by itself.", system=self.name)
        return await Writing(self._connection, self._team).set(account_id, entitlement_id, True)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Take a role away, or the member out of a group."""
        return await Writing(self._connection, self._team).set(account_id, entitlement_id, False)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back. That no session is open cannot be proved here, and is never said."""
        return await proved(step, self._team, self._audit if self._may_audit else None, self._setup.clock)

    # ---- pieces

    def _needs_groups(self) -> None:
        if not self._may_groups:
            raise Forbidden(
                f"The access key of {self.name} may not read groups; give it LIST_USER_GROUPS.", system=self.name
            )

    @property
    def _connection(self) -> HttpExchange:
        if self._http is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._http

    @property
    def _team(self) -> Team:
        return Team(self._connection)

    @property
    def _audit(self) -> Audit:
        return Audit(self._connection, Names(self._named("start_events"), self._named("end_events")))

    def _named(self, option: str) -> frozenset[str]:
        default = {"start_events": ["connection_start"], "end_events": ["connection_end"]}[option]
        value = self._setup.options.get(option)
        # The option is declared as a list, so that what is no text here can be walked through.
        return frozenset(default if value is None or isinstance(value, str) else map(str, value))  # type: ignore[arg-type]
