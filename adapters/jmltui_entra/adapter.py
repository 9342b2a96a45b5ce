"""The Entra adapter: one tenant, by an application with rights of its own.

Sign-in of an application: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow. The addresses
of the national clouds: learn.microsoft.com/graph/deployments. Nothing is sent to any other address.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from jmltui.adapter_api import (
    Account,
    Ambiguous,
    Cap,
    Capabilities,
    Credential,
    Entitlement,
    Evidence,
    Forbidden,
    Grant,
    Invalid,
    Option,
    OptionType,
    Page,
    Proof,
    Query,
    Receipt,
    Setup,
    Stale,
    Step,
    Support,
    Unavailable,
    Unsupported,
)
from jmltui.exchange import ClientCredentials, HttpExchange

from .applications import ALL, Applications
from .chosen import Holding
from .credentials import Credentials
from .devices import RETIRE, WIPE, Devices
from .directory import Directory
from .eligibility import ELIGIBLE, Eligibility
from .graph import Graph, judged
from .listings import Listings
from .proof import Proofs
from .schedules import Schedules
from .users import account
from .writing import Writing

SETTLE: Final = timedelta(seconds=10)
REPLICATED: Final = timedelta(seconds=30)
"""App roles and schedules show up later than what is the directory's own."""
AFTER_WIPE: Final = timedelta(minutes=1)
"""Until Intune shows that it has taken a device up; the device itself may be reached days later."""
OFF: Final = "off"
TENANT: Final = re.compile(r"[A-Za-z0-9.-]{1,253}")
AN_HOUR: Final = (
    "Refresh tokens and browser sessions end within minutes; an access token that was given out lives up to about an "
    "hour, unless the application supports continuous access evaluation."
)


WIPING: Final[Mapping[str, str]] = {
    RETIRE: "Company data and apps go and the device leaves Intune once it was reached; personal data stays.",
    WIPE: "The device is reset to factory settings once it was reached; everything on it is lost.",
}


class EntraAdapter:
    """One Microsoft Entra tenant."""

    kind: ClassVar[str] = "entra"
    EXERCISED_AGAINST: ClassVar[str] = "recorded exchanges"
    CLOUDS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "global": ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
        "us-government": ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
        "us-defence": ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
        "china": ("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
    }
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("tenant", OptionType.TEXT, "The tenant's id or one of its domains.", required=True),
        Option("client_id", OptionType.TEXT, "The application's (client) id.", required=True),
        Option("client_secret", OptionType.SECRET, "The application's secret.", required=True),
        Option("cloud", OptionType.TEXT, "Which cloud the tenant is in.", "global", choices=tuple(CLOUDS)),
        Option(
            "devices",
            OptionType.TEXT,
            "Whether Intune's devices are listed, and what wiping one means: company data alone, or everything.",
            OFF,
            choices=(OFF, RETIRE, WIPE),
        ),
        Option(
            "applications",
            OptionType.LIST,
            f"Applications whose app roles are listed, by name or application id; “{ALL}” for all enterprise ones.",
            (),
        ),
        Option(
            "pim",
            OptionType.BOOLEAN,
            "Whether roles that somebody may activate are listed (Privileged Identity Management).",
            False,
        ),
        Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._opened: tuple[HttpExchange, Graph, Directory] | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What Graph offers; what the application lacks the permission for is refused when it is tried."""
        read, write = Support(Proof.READ_BACK, True), Support(Proof.READ_BACK, True, SETTLE)
        options = self._setup.options
        settle = REPLICATED if options.get("applications") or options.get("pim") else SETTLE
        can: dict[Cap, Support] = {
            Cap.LIST_ACCOUNTS: read,
            Cap.LIST_ENTITLEMENTS: read,
            Cap.LIST_GRANTS: read,
            Cap.DELTA: read,
            Cap.FIND: read,
            Cap.CREATE: write,
            Cap.UPDATE: write,
            Cap.ENABLE: write,
            Cap.DISABLE: Support(Proof.READ_BACK, True, SETTLE, "Sessions that are open go on; end them as well."),
            Cap.DELETE: Support(Proof.READ_BACK, False, SETTLE, "It can be restored for 30 days, by hand."),
            Cap.GRANT: Support(Proof.READ_BACK, True, settle),
            Cap.REVOKE: Support(Proof.READ_BACK, True, settle),
            Cap.END_SESSIONS: Support(Proof.READ_BACK, False, timedelta(minutes=5), AN_HOUR),
            Cap.LIST_CREDENTIALS: read,
            Cap.REVOKE_CREDENTIALS: Support(Proof.READ_BACK, False, SETTLE),
        }
        if self._device_action != OFF:
            can[Cap.WIPE_DEVICE] = Support(Proof.READ_BACK, False, AFTER_WIPE, WIPING[self._device_action])
        return can

    async def open(self) -> None:
        """Sign the application in and read one user. Raises AdapterError."""
        if self._opened is None:
            self._opened = self._connections()
        await self._graph.one("users", {"$select": "id", "$top": "1"})

    def _connections(self) -> tuple[HttpExchange, Graph, Directory]:
        options, clock = self._setup.options, self._setup.clock
        tenant = str(options["tenant"])
        if not TENANT.fullmatch(tenant):
            raise Invalid(f"The tenant of {self.name} must be its id or a domain.", system=self.name)
        login, base = self.CLOUDS[str(options.get("cloud") or "global")]
        deadline = float(str(options.get("exchange_seconds") or 20))
        secret = self._setup.secret(str(options["client_secret"]))
        tokens = HttpExchange(self.name, login, deadline=deadline, clock=clock)
        given = ClientCredentials(
            tokens,
            f"/{tenant}/oauth2/v2.0/token",
            str(options["client_id"]),
            secret,
            extra={"scope": f"{base}/.default"},
            in_body=True,
        )
        graph = Graph(self.name, f"{base}/v1.0", deadline=deadline, clock=clock, authorization=given, judge=judged)
        return tokens, graph, self._chosen(graph)

    def _chosen(self, graph: Graph) -> Directory:
        """The directory, with what the options ask for besides."""
        options, holdings, bare = self._setup.options, list[Holding](), Directory(graph)
        schedules = Schedules(graph) if options.get("pim") else None
        applications = options.get("applications") or ()
        if isinstance(applications, Sequence) and applications:
            holdings.append(Applications(bare, [str(one) for one in applications]))
        if schedules is not None:
            holdings.append(Eligibility(bare, schedules))
        if self._device_action != OFF:
            holdings.append(Devices(graph, self._device_action))
        return Directory(graph, holdings, schedules)

    async def close(self) -> None:
        """Let go of connections."""
        opened, self._opened = self._opened, None
        for connection in opened[:2] if opened is not None else ():
            await connection.close()

    def clock_offset(self) -> timedelta | None:
        """Graph's time less ours, by its newest answer."""
        return self._graph.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, which tenant, and what the application may not read."""
        await self._graph.one("users", {"$select": "id", "$top": "1"})
        facts = {"reachable": "yes", "authenticated": "yes"}
        probes = {
            "organisation": ("organization", "id,displayName"),
            "groups": ("groups", "id"),
            "roles": ("roleManagement/directory/roleDefinitions", "id"),
            "licences": ("subscribedSkus", "id"),
        }
        for name, (path, fields) in probes.items():
            try:
                rows = (await self._graph.one(path, {"$select": fields})).get("value") or [{}]
            except Forbidden:
                facts[name] = "not readable: the application lacks a permission"
            else:
                facts[name] = str(rows[0].get("displayName") or "readable")[:100]
        for holding in self._directory.holdings:
            try:
                facts[holding.name] = await holding.probe()
            except (Forbidden, Unsupported, Invalid, Ambiguous) as error:
                facts[holding.name] = f"not readable: {error.message}"
        return facts

    # ---- reading

    def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users, or those that changed. Raises ResyncNeeded."""
        return Listings(self._directory).accounts(query)

    def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups, roles and licences and what the options ask for, or those that changed."""
        return Listings(self._directory).entitlements(query)

    def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """Who holds what, or what of it changed."""
        return Listings(self._directory).grants(query)

    async def read(self, account_id: str) -> Account:
        """One user by id."""
        return account(await self._directory.user(account_id), self.name)

    async def find(self, login: str) -> Account | None:
        """The user with exactly this userPrincipalName."""
        row = await self._directory.find(login)
        return account(row, self.name) if row else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one user holds now."""
        return await self._directory.grants_of(account_id)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Sign-in methods of one user, without the password."""
        return await Credentials(self._directory).of(account_id)

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the user exist, with a random first password that is kept nowhere."""
        del key
        return await self._writing.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make these properties so. Users have no version in Graph, so none can be held against it."""
        if if_version is not None:
            raise Stale(f"Users of {self.name} have no version that could be compared.", system=self.name)
        return await self._writing.update(account_id, changes)

    async def enable(self, account_id: str) -> Receipt:
        """Set accountEnabled."""
        return await self._writing.set_enabled(account_id, True)

    async def disable(self, account_id: str) -> Receipt:
        """Clear accountEnabled. Raises Forbidden for a user synchronised from on premises."""
        return await self._writing.set_enabled(account_id, False)

    async def delete(self, account_id: str) -> Receipt:
        """Remove the user."""
        return await self._writing.delete(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the user a member, give the role or the licence. Only being eligible can end by itself."""
        if expires is not None and not entitlement_id.startswith(ELIGIBLE):
            raise Unsupported(f"What {self.name} grants cannot end by itself.", system=self.name)
        return await self._writing.set_held(account_id, entitlement_id, True, expires)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Take the membership, the role or the licence."""
        return await self._writing.set_held(account_id, entitlement_id, False)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """End all sign-in sessions; Graph does not end one alone."""
        if session_id is not None:
            raise Unsupported(f"{self.name} ends all sessions of a user at once, or none.", system=self.name)
        return await self._writing.end_sessions(account_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Remove one sign-in method, or all."""
        return await Credentials(self._directory).revoke(account_id, credential_id)

    async def wipe_device(self, account_id: str, device_id: str) -> Receipt:
        """Retire or wipe a device of the user, as the options say. Raises NotFound for somebody else's."""
        devices = next((one for one in self._directory.holdings if isinstance(one, Devices)), None)
        if devices is None:
            raise Unsupported(f"The settings of {self.name} leave devices out.", system=self.name)
        return await devices.wipe(account_id, device_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back. Never writes."""
        return await Proofs(self._directory, self._setup.clock).of(step)

    # ---- pieces

    @property
    def _graph(self) -> Graph:
        return self._directory.graph

    @property
    def _directory(self) -> Directory:
        if self._opened is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._opened[2]

    @property
    def _device_action(self) -> str:
        return str(self._setup.options.get("devices") or OFF)

    @property
    def _writing(self) -> Writing:
        return Writing(self._directory)
