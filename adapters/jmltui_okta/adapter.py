"""The Okta adapter: one organization, through its management interface."""

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
from jmltui.exchange import ApiKey, HttpExchange

from .proof import OktaProof
from .reading import OktaReading
from .records import judged
from .writing import OktaWriting

_READ: Final = Support(Proof.READ_BACK, reversible=True)
OFFERS: Final[Capabilities] = {
    **dict.fromkeys((Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND, Cap.LIST_CREDENTIALS), _READ),
    **dict.fromkeys((Cap.CREATE, Cap.UPDATE, Cap.GRANT, Cap.REVOKE), _READ),
    Cap.DISABLE: Support(Proof.READ_BACK, True, note="Who never signed in cannot be suspended, and is deactivated."),
    Cap.ENABLE: Support(Proof.READ_BACK, True, note="Who was deactivated gets a mail to choose a password."),
    Cap.DELETE: Support(Proof.READ_BACK, False, note="Deactivated first, which Okta may finish later."),
    Cap.END_SESSIONS: Support(Proof.NONE, False, note="Okta does not list sessions; an application's own go on."),
    Cap.REVOKE_CREDENTIALS: Support(Proof.READ_BACK, False, note="Factors have to be enrolled anew."),
}


class OktaAdapter:
    """One Okta organization."""

    kind: ClassVar[str] = "okta"
    EXERCISED_AGAINST: ClassVar[str] = "emulate 0.12, and recorded exchanges for sessions, factors, rules and paging"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("url", OptionType.URL, "The organization's own address, as https://company.okta.com.", required=True),
        Option("token", OptionType.SECRET, "An API token.", required=True),
        Option("number_in", OptionType.TEXT, "The profile field with the person's number.", "employeeNumber"),
        Option("activate", OptionType.BOOLEAN, "Whether new users are activated, and so mailed, at once.", True),
        Option("privileged", OptionType.LIST, "Patterns of groups that are privileged.", ("*Admin*",)),
        Option("ca_file", OptionType.PATH, "Your own certificate authority."),
        Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._http: HttpExchange | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What Okta offers and how it is proved."""
        return OFFERS

    async def open(self) -> None:
        """Connect and see that users may be read. Raises AuthFailed, Forbidden, Unavailable, Untrusted."""
        if self._http is not None:
            return
        options = self._setup.options
        http = HttpExchange(
            self.name,
            str(options["url"]),
            deadline=float(str(options.get("exchange_seconds") or 20)),
            clock=self._setup.clock,
            authorization=ApiKey("Authorization", f"SSWS {self._setup.secret(str(options['token']))}"),
            ca_file=str(options["ca_file"]) if options.get("ca_file") else None,
            judge=judged,
        )
        try:
            (await http.get("/api/v1/users?limit=1")).items()
        except BaseException:
            await http.close()
            raise
        self._http = http

    async def close(self) -> None:
        """Let go of connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    def clock_offset(self) -> timedelta | None:
        """Okta's time less ours, by its newest answer."""
        return self._connection.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, and whether group rules can be read."""
        answer = await self._connection.get("/api/v1/users?limit=1")
        rules = await self._reading.rule_rows()
        left = answer.headers.get("x-rate-limit-remaining") or answer.headers.get("x-ratelimit-remaining")
        told = "not readable: who is in a group by a rule cannot be told" if rules is None else str(len(rules))
        facts = {"reachable": "yes", "authenticated": "yes", "group rules": told, "live sessions": "not listed by Okta"}
        return {**facts, **({"calls left this minute": left} if left else {})}

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users, deprovisioned ones too."""
        async for page in self._reading.accounts(query):
            yield page

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups."""
        async for page in self._reading.entitlements(query):
            yield page

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All memberships."""
        async for page in self._reading.grants(query):
            yield page

    async def read(self, account_id: str) -> Account:
        """One user. Raises NotFound."""
        return await self._reading.read(account_id)

    async def find(self, login: str) -> Account | None:
        """The user of exactly this login. Raises Ambiguous."""
        return await self._reading.find(login)

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """The groups of one user."""
        return await self._reading.grants_of(account_id)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """The factors of one user; Okta does not tell whether there is a password."""
        return await self._reading.factors(account_id)

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the user exist. Raises Conflict for somebody else's login."""
        return await self._writing.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make these so. Raises Stale by a comparison just before, for Okta has no conditional write."""
        return await self._writing.update(account_id, changes, if_version)

    async def enable(self, account_id: str) -> Receipt:
        """Make the user able to sign in."""
        return await self._writing.enable(account_id)

    async def disable(self, account_id: str) -> Receipt:
        """Make the user unable to sign in."""
        return await self._writing.disable(account_id)

    async def delete(self, account_id: str) -> Receipt:
        """Make the user not exist."""
        return await self._writing.delete(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the user a member."""
        if expires is not None:
            raise Unsupported(f"What {self.name} grants cannot end by itself.", system=self.name)
        return await self._writing.set(account_id, entitlement_id, True)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the user no member."""
        return await self._writing.set(account_id, entitlement_id, False)

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """Okta lists no sessions."""
        raise Unsupported(f"Okta ({self.name}) does not list sessions.", system=self.name)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """End all sessions of the user; single ones cannot be named."""
        if session_id is not None:
            raise Unsupported(f"Okta ({self.name}) does not end single sessions.", system=self.name)
        return await self._writing.end_sessions(account_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Take one factor, or all, off the user."""
        return await self._writing.revoke_factor(account_id, credential_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back."""
        return await OktaProof(self._reading).verify(step)

    # ---- pieces

    @property
    def _connection(self) -> HttpExchange:
        if self._http is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._http

    @property
    def _reading(self) -> OktaReading:
        options = self._setup.options
        value = options.get("privileged", ("*Admin*",))
        patterns = tuple(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else ()
        return OktaReading(self._connection, str(options.get("number_in") or "employeeNumber"), patterns)

    @property
    def _writing(self) -> OktaWriting:
        return OktaWriting(self._reading, self._setup.options.get("activate") is not False)
