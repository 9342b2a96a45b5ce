"""The GitHub adapter: one organization, on github.com or a GitHub Enterprise Server."""

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
from jmltui.exchange import Bearer, HttpExchange

from .credentials import LISTING, Credentials
from .organization import Organization
from .people import People
from .proof import GithubProof
from .records import judged
from .teams import Synchronised, Teams
from .writing import Writing

ADDRESS: Final = "https://api.github.com"
HEADERS: Final = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "jmltui",  # GitHub refuses calls without one
}
STRONG: Final = ("*admin*",)
_READ: Final = Support(Proof.READ_BACK, reversible=True)
OFFERS: Final[Capabilities] = {
    **dict.fromkeys((Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND), _READ),
    Cap.CREATE: Support(Proof.READ_BACK, True, note="An invitation, which the person has to accept within a week."),
    Cap.DELETE: Support(Proof.READ_BACK, False, note="Removal from the organization; the person keeps the login."),
    Cap.GRANT: Support(Proof.READ_BACK, True, note="Waits for the person where an invitation is not accepted yet."),
    Cap.REVOKE: _READ,
}
WITH_SIGN_ON: Final[Capabilities] = {
    Cap.LIST_CREDENTIALS: _READ,
    Cap.REVOKE_CREDENTIALS: Support(Proof.READ_BACK, False, note="The person's own token or key stays on GitHub."),
}
"""Only with the organization's SAML single sign-on."""


class GithubAdapter:
    """One GitHub organization."""

    kind: ClassVar[str] = "github"
    EXERCISED_AGAINST: ClassVar[str] = (
        "emulate 0.12, and recorded exchanges for invitations, outside collaborators, nested and synchronised teams, "
        "credentials and limits"
    )
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("organization", OptionType.TEXT, "The organization's login.", required=True),
        Option("token", OptionType.SECRET, "An owner's token, or one of an app.", required=True),
        Option("url", OptionType.URL, "For an own server: https://HOST/api/v3.", ADDRESS),
        Option("profiles", OptionType.BOOLEAN, "Whether listings read each member's public name and address.", False),
        Option("privileged", OptionType.LIST, "Patterns of teams' short names that are privileged.", STRONG),
        Option("ca_file", OptionType.PATH, "Your own certificate authority."),
        Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._http: HttpExchange | None = None
        self._signs_on = True
        self._synchronised = Synchronised()

    # ---- life

    def capabilities(self) -> Capabilities:
        """What GitHub offers and how it is proved; credentials only where the organization has single sign-on."""
        return {**OFFERS, **WITH_SIGN_ON} if self._signs_on else OFFERS

    async def open(self) -> None:
        """Connect, see that the token sees everybody, and what the plan offers.

        Raises AuthFailed, Forbidden for a token that sees a part only, NotFound, Unavailable, Untrusted.
        """
        if self._http is not None:
            return
        http = self._exchange()
        organization = Organization(http, str(self._setup.options["organization"]))
        try:
            await http.get(organization.path())
            await self._refuse_half_seen(organization)
            self._signs_on = await organization.offers(LISTING)
            self._synchronised = Synchronised(
                external=await organization.offers("external-groups"),
                mappings=await organization.offers("team-sync", "groups"),
            )
        except BaseException:
            await http.close()
            raise
        self._http = http

    async def _refuse_half_seen(self, organization: Organization) -> None:
        """Who may not read invitations is told of public members alone, without a word of the others."""
        try:
            await organization.http.get(f"{organization.path('invitations')}?per_page=1")
        except (Forbidden, NotFound) as error:
            raise Forbidden(
                f"The token of {self.name} does not see everybody in {organization.name}: it has to be an owner's with "
                "“admin:org”, or have the permission “Members”.",
                system=self.name,
                code=error.code,
            ) from error

    def _exchange(self) -> HttpExchange:
        options = self._setup.options
        return HttpExchange(
            self.name,
            str(options.get("url") or ADDRESS),
            deadline=float(str(options.get("exchange_seconds") or 20)),
            clock=self._setup.clock,
            authorization=Bearer(self._setup.secret(str(options["token"]))),
            headers=HEADERS,
            ca_file=str(options["ca_file"]) if options.get("ca_file") else None,
            judge=judged,
        )

    async def close(self) -> None:
        """Let go of connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    def clock_offset(self) -> timedelta | None:
        """GitHub's time less ours, by its newest answer."""
        return self._connection.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, what the plan and the token offer, and when the token ends."""
        answer = await self._connection.get(self._organization.path())
        await self._refuse_half_seen(self._organization)
        synchronised = self._synchronised.external or self._synchronised.mappings
        facts = {
            "reachable": "yes",
            "authenticated": "yes",
            "single sign-on credentials": "listed" if self._signs_on else "not available to this plan or token",
            "team synchronization": "read" if synchronised else "none, or not readable with this token",
            "live sessions": "not listed by GitHub",
        }
        told = {
            "calls left this hour": answer.headers.get("x-ratelimit-remaining", ""),
            "token ends": answer.headers.get("github-authentication-token-expiration", ""),
        }
        return {**facts, **{name: value[:40] for name, value in told.items() if value}}

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All members, invitations and outside collaborators."""
        async for page in self._people.accounts(query):
            yield page

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """The role of owners, and all teams."""
        async for page in self._teams.entitlements(query):
            yield page

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All owners and memberships of teams."""
        async for page in self._teams.grants(query):
            yield page

    async def read(self, account_id: str) -> Account:
        """One account. Raises NotFound."""
        return await self._people.read(account_id)

    async def find(self, login: str) -> Account | None:
        """The account of exactly this login, or the invitation of exactly this address. Raises Ambiguous."""
        return await self._people.find(login)

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one account holds."""
        return await self._teams.grants_of(account_id)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """What one account authorized for single sign-on. Raises Unsupported without it."""
        self._needs_sign_on()
        return await self._credentials.of(account_id)

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Invite the login. Raises Conflict for who is a member already."""
        return await self._writing.invite(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """What a login says of its person is the person's own."""
        raise Unsupported("On GitHub people change their own names and addresses.", system=self.name)

    async def enable(self, account_id: str) -> Receipt:
        """A removed member is invited anew."""
        raise Unsupported("GitHub has no disabled members; invite the person anew.", system=self.name)

    async def disable(self, account_id: str) -> Receipt:
        """A member is removed."""
        raise Unsupported("GitHub cannot disable a member; remove the person instead.", system=self.name)

    async def delete(self, account_id: str) -> Receipt:
        """Remove from the organization. Raises Forbidden for the last owner."""
        return await self._writing.remove(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the account a member of a team, or an owner."""
        if expires is not None:
            raise Unsupported(f"What {self.name} grants cannot end by itself.", system=self.name)
        return await self._writing.set(account_id, entitlement_id, True)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Take the account out of a team, or the role of owners from it."""
        return await self._writing.set(account_id, entitlement_id, False)

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """GitHub lists no sessions."""
        raise Unsupported(f"GitHub ({self.name}) does not list sessions.", system=self.name)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """Sessions are the person's own."""
        raise Unsupported(f"GitHub ({self.name}) does not end sessions of its users.", system=self.name)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Take the authorization of one credential, or of all, away. Raises Unsupported without single sign-on."""
        self._needs_sign_on()
        return await self._credentials.revoke(account_id, credential_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back."""
        if step.cap is Cap.REVOKE_CREDENTIALS:
            self._needs_sign_on()
        return await GithubProof(self._connection, self._people, self._teams, self._credentials).verify(step)

    # ---- pieces

    def _needs_sign_on(self) -> None:
        if not self._signs_on:
            raise Unsupported(
                f"{self.name} shows no credentials: the organization has no SAML single sign-on, or the token may not "
                "read its authorizations.",
                system=self.name,
            )

    @property
    def _connection(self) -> HttpExchange:
        if self._http is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._http

    @property
    def _organization(self) -> Organization:
        return Organization(self._connection, str(self._setup.options["organization"]))

    @property
    def _people(self) -> People:
        return People(self._organization, self._setup.options.get("profiles") is True)

    @property
    def _teams(self) -> Teams:
        value = self._setup.options.get("privileged", STRONG)
        patterns = tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ()
        return Teams(self._organization, self._people, self._synchronised, patterns)

    @property
    def _credentials(self) -> Credentials:
        return Credentials(self._organization, self._people)

    @property
    def _writing(self) -> Writing:
        return Writing(self._organization, self._people, self._teams)
