"""The SCIM adapter: one server, in the manner of its profile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from jmltui.adapter_api import (
    Account,
    BadRow,
    Cap,
    Capabilities,
    ContractBroken,
    Entitlement,
    Evidence,
    FeedFile,
    Grant,
    NotFound,
    Option,
    OptionType,
    Page,
    Person,
    Proof,
    Query,
    Receipt,
    Setup,
    Step,
    Unavailable,
    Unsupported,
    Verdict,
)

from .capabilities import offered
from .listing import User
from .memberships import Memberships
from .people import PeopleFeed
from .profiles import BASIC, CLIENT_AUTH, PROFILES
from .users import account, is_active, seen

if TYPE_CHECKING:
    from .server import Server
    from .transport import Transport


class ScimAdapter:
    """One SCIM 2.0 server, as a system or as a source of people."""

    kind: ClassVar[str] = "scim"
    EXERCISED_AGAINST: ClassVar[str] = (
        "scim2-server 0.8, with index and with cursor paging, in the dialect of each profile, by OAuth and without "
        "PATCH; SCIMMY 1.3 on Express 5; Canaille 0.3"
    )
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("url", OptionType.URL, "The base address, up to and without /Users.", required=True),
        Option("token", OptionType.SECRET, "The bearer token, where it is one that lasts."),
        Option("client_id", OptionType.TEXT, "In place of it: the client whose OAuth tokens are got and renewed."),
        Option("client_secret", OptionType.SECRET, "Its secret."),
        Option("token_url", OptionType.URL, "Where tokens are given, unless the profile knows."),
        Option("scope", OptionType.TEXT, "What a token shall be good for, unless the profile knows."),
        Option("token_parameters", OptionType.MAP, "What else is told there, such as account_id.", {}),
        Option("client_auth", OptionType.TEXT, "The secret as HTTP Basic or in the body.", BASIC, choices=CLIENT_AUTH),
        Option("profile", OptionType.TEXT, "Whose SCIM it is.", "generic", choices=tuple(PROFILES)),
        Option("ca_file", OptionType.PATH, "Your own certificate authority.", None),
        Option("page_size", OptionType.INTEGER, "How many are asked for at once.", 200),
        Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
        Option("columns", OptionType.MAP, "For a source of people: which SCIM attribute is which of a person.", {}),
        Option("values", OptionType.MAP, "Other words for values: `attribute.word` = value.", {}),
        Option("defaults", OptionType.MAP, "What an empty attribute means.", {}),
        Option("dates", OptionType.LIST, "Forms of dates, the first that fits counts.", ("%Y-%m-%d",)),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._opened: Server | None = None
        self._profile = PROFILES[str(setup.options.get("profile") or "generic")]
        self._feed = PeopleFeed(setup.name, setup.options)
        self._facts: dict[str, str] = {}

    # ---- life

    def capabilities(self) -> Capabilities:
        """What SCIM offers by this profile: accounts and groups, each provable by another read."""
        return offered(self._profile)

    async def open(self) -> None:
        """Connect and learn what the server announces (RFC 7643 section 5). Raises AdapterError."""
        self._feed.check()
        if self._opened is None:
            from .server import Server  # it needs the HTTP library, which nobody waits for before it is used

            self._opened = Server.of(self._setup, self._profile)
        try:
            announced = await self._http.json("ServiceProviderConfig")
        except (NotFound, Unsupported, ContractBroken):
            announced = {}
        paging, versions, patch = (announced.get(name) for name in ("pagination", "etag", "patch"))
        listings, resources = self._server.listings, self._server.resources
        resources.conditional = isinstance(versions, dict) and versions.get("supported") is True
        resources.patches = not (isinstance(patch, dict) and patch.get("supported") is False)
        listings.by_cursor |= isinstance(paging, dict) and paging.get("cursor") is True
        self._facts = {
            "profile": self._profile.name,
            "paging": "cursor" if listings.by_cursor else "index",
            "changes": "PATCH" if resources.patches else "PUT of whole resources",
            "announces": "ServiceProviderConfig" if announced else "nothing",
            "credential": "bearer token" if self._setup.options.get("token") else "OAuth client credentials",
            **({"limits": self._profile.limits} if self._profile.limits else {}),
        }

    async def close(self) -> None:
        """Let go of connections."""
        if self._opened is not None:
            server, self._opened = self._opened, None
            await server.resources.transport.close()

    def clock_offset(self) -> timedelta | None:
        """The server's time less ours, by its newest answer."""
        return self._http.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, how it pages."""
        await self._server.listings.probe()
        return {"reachable": "yes", "authenticated": "yes", **self._facts}

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users. Paging never trusted."""
        async for users in self._server.listings.users(query):
            yield Page([account(user) for user in users])

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups, without their members."""
        if not self._profile.groups:
            return
        async for groups in self._server.listings.groups(query, "id,displayName"):
            yield Page([Entitlement(group.id, "group", group.displayName) for group in groups])

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All memberships. Raises ContractBroken for members that are no known account: they are unresolved."""
        if not self._profile.groups:
            return
        async for page in self._server.grants.all(query):
            yield page

    async def read(self, account_id: str) -> Account:
        """One user by id."""
        return account(await self._server.resources.user(account_id))

    async def find(self, login: str) -> Account | None:
        """The user with exactly this userName, compared here. Raises Ambiguous."""
        found = await self._server.listings.find(login)
        return account(found) if found else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """The groups that hold one user, from the groups themselves."""
        return await self._server.grants.of(account_id) if self._profile.groups else []

    # ---- reading people

    def people(self) -> AsyncIterator[Person | BadRow]:
        """All users as people, by the `columns` of the settings. `feed()` says whether they may be believed."""
        return self._feed.people(self._server.listings)

    def feed(self) -> FeedFile:
        """Facts of the feed just read."""
        return self._feed.facts

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the user exist. A taken userName is ours only when the external id is the same."""
        del key
        return await self._server.accounts.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Replace these attributes."""
        return await self._server.accounts.update(account_id, changes, if_version)

    async def enable(self, account_id: str) -> Receipt:
        """Set active."""
        return await self._server.accounts.set_active(account_id, True)

    async def disable(self, account_id: str) -> Receipt:
        """Set inactive."""
        return await self._server.accounts.set_active(account_id, False)

    async def delete(self, account_id: str) -> Receipt:
        """Remove the user."""
        return await self._server.accounts.delete(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the user a member."""
        if expires is not None:
            raise Unsupported("SCIM memberships cannot end by themselves.", system=self.name)
        return _single(await self.grant_many(entitlement_id, [account_id]), account_id)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the user no member."""
        return _single(await self.revoke_many(entitlement_id, [account_id]), account_id)

    async def grant_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make all of them members by as few PATCHes as possible."""
        return await self._groups().add(entitlement_id, account_ids)

    async def revoke_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make none of them members, checking who left."""
        return await self._groups().take_out(entitlement_id, account_ids)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back by GET. Never writes."""
        if step.cap in (Cap.GRANT, Cap.REVOKE):
            return (await self.verify_many([step]))[0]
        found = await self._find_for(step)
        at, source = (
            self._setup.clock(),
            f"GET /Users/{found.id}" if found else f"GET /Users?userName={step.login}",
        )
        want = {
            Cap.CREATE: found is not None,
            Cap.DELETE: found is None,
            Cap.ENABLE: found is not None and is_active(found) is True,
            Cap.DISABLE: found is None or is_active(found) is False,
        }.get(step.cap)
        if want is None:
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, at, source)
        verdict = Verdict.CONFIRMED if want else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, seen(found) if found else {"present": False}, at, source)

    async def verify_many(self, steps: Sequence[Step]) -> Sequence[Evidence]:
        """Read back membership steps, each group once."""
        return await self._groups().evidence(steps, self._setup.clock)

    async def _find_for(self, step: Step) -> User | None:
        resources, listings = self._server.resources, self._server.listings
        if step.account_id:
            try:
                return await resources.user(step.account_id)
            except NotFound:
                return None
        known = await listings.find(step.login) or await listings.listed(step.login)
        return await resources.user(known.id) if known else None

    # ---- pieces

    @property
    def _server(self) -> Server:
        if self._opened is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._opened

    @property
    def _http(self) -> Transport:
        return self._server.resources.transport

    def _groups(self) -> Memberships:
        if not self._profile.groups:
            raise Unsupported(f"{self.name} has no groups.", system=self.name)
        return self._server.memberships


def _single(answers: Mapping[str, Receipt | Exception], account_id: str) -> Receipt:
    answer = answers[account_id]
    if isinstance(answer, Exception):
        raise answer
    return answer
