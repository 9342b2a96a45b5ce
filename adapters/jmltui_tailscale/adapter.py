"""The Tailscale adapter: one tailnet.

A token as bearer, or an OAuth client that gets one at /oauth/token: tailscale.com/kb/1101 and 1215. Nothing is sent to
any other address. What a suspension and a deletion stop: tailscale.com/kb/1145.
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
    Invalid,
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
    Verdict,
)
from jmltui.exchange import Authorization, Bearer, ClientCredentials, HttpExchange

from .tailnet import ROLE, Tailnet, account, role_entitlements, seen, user_path
from .writing import Writing

SETTLE: Final = timedelta(seconds=30)
CUT_OFF: Final = (
    "Devices of the user cannot connect, and access tokens and keys stop working, until the user is restored."
)
GONE: Final = "Devices of the user are deleted, and access tokens and keys stop working."


class TailscaleAdapter:
    """One tailnet."""

    kind: ClassVar[str] = "tailscale"
    EXERCISED_AGAINST: ClassVar[str] = "recorded exchanges"
    ADDRESS: ClassVar[str] = "https://api.tailscale.com"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("tailnet", OptionType.TEXT, "The tailnet's name; - is the one of the credential.", "-"),
        Option("token", OptionType.SECRET, "An API access token."),
        Option("client_id", OptionType.TEXT, "An OAuth client, in place of a token."),
        Option("client_secret", OptionType.SECRET, "The OAuth client's secret."),
        Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._opened: tuple[HttpExchange, HttpExchange] | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What the API offers; what the credential lacks a scope for is refused when it is tried."""
        read, write = Support(Proof.READ_BACK, True), Support(Proof.READ_BACK, True, SETTLE)
        return {
            Cap.LIST_ACCOUNTS: read,
            Cap.LIST_ENTITLEMENTS: read,
            Cap.LIST_GRANTS: read,
            Cap.FIND: read,
            Cap.ENABLE: write,
            Cap.DISABLE: Support(Proof.READ_BACK, True, SETTLE, CUT_OFF),
            Cap.DELETE: Support(Proof.READ_BACK, False, SETTLE, GONE),
            Cap.GRANT: write,
            Cap.REVOKE: write,
            Cap.LIST_SESSIONS: read,
            Cap.END_SESSIONS: Support(Proof.READ_BACK, False, SETTLE, "The key of each connected device expires."),
            Cap.LIST_CREDENTIALS: read,
            Cap.REVOKE_CREDENTIALS: Support(Proof.READ_BACK, False, SETTLE),
        }

    async def open(self) -> None:
        """List the users. Raises AdapterError."""
        if self._opened is None:
            self._opened = self._connections()
        await self._tailnet.users()

    def _connections(self) -> tuple[HttpExchange, HttpExchange]:
        options, clock = self._setup.options, self._setup.clock
        base = f"{self.ADDRESS}/api/v2"
        deadline = float(str(options.get("exchange_seconds") or 20))
        tokens = HttpExchange(self.name, base, deadline=deadline, clock=clock)
        http = HttpExchange(self.name, base, deadline=deadline, clock=clock, authorization=self._authorization(tokens))
        return tokens, http

    def _authorization(self, tokens: HttpExchange) -> Authorization:
        options = self._setup.options
        if options.get("token"):
            return Bearer(self._setup.secret(str(options["token"])))
        if not options.get("client_id") or not options.get("client_secret"):
            raise Invalid(f"{self.name} needs a token, or client_id and client_secret.", system=self.name)
        secret = self._setup.secret(str(options["client_secret"]))
        return ClientCredentials(tokens, "/oauth/token", str(options["client_id"]), secret, in_body=True)

    async def close(self) -> None:
        """Let go of connections."""
        opened, self._opened = self._opened, None
        for connection in opened or ():
            await connection.close()

    def clock_offset(self) -> timedelta | None:
        """Tailscale's time less ours, by its newest answer."""
        return self._tailnet.http.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, and what the credential may not read."""
        users = await self._tailnet.users()
        facts = {"reachable": "yes", "authenticated": "yes", "users": str(len(users))}
        for name, path in (("devices", "devices"), ("keys", "keys")):
            try:
                await self._tailnet.http.get(f"{self._tailnet.path}/{path}")
            except Forbidden:
                facts[name] = "not readable with this credential"
            else:
                facts[name] = "readable"
        return facts

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users, in one page: the API has no other."""
        yield Page([account(row) for row in await self._tailnet.users()])

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """The roles."""
        yield Page(role_entitlements())

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """The role of each user."""
        yield Page([Grant(str(row["id"]), f"{ROLE}{row['role']}") for row in await self._tailnet.users()])

    async def read(self, account_id: str) -> Account:
        """One user."""
        return account(await self._tailnet.user(account_id))

    async def find(self, login: str) -> Account | None:
        """The user with exactly this login name."""
        row = await self._tailnet.find(login)
        return account(row) if row else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """The role of one user."""
        return [Grant(account_id, f"{ROLE}{(await self._tailnet.user(account_id))['role']}")]

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """Devices of one user that are connected now."""
        return await self._tailnet.sessions_of(await self._tailnet.user(account_id))

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Device keys, access tokens and keys for devices of one user, never their values."""
        return await self._tailnet.credentials_of(await self._tailnet.user(account_id))

    # ---- writing

    async def enable(self, account_id: str) -> Receipt:
        """Restore a suspended user."""
        return await Writing(self._tailnet).set_suspended(account_id, False)

    async def disable(self, account_id: str) -> Receipt:
        """Suspend the user. Raises Forbidden for the owner."""
        return await Writing(self._tailnet).set_suspended(account_id, True)

    async def delete(self, account_id: str) -> Receipt:
        """Remove the user. Raises Forbidden for the owner."""
        return await Writing(self._tailnet).delete(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Give a role to a plain member."""
        if expires is not None:
            raise Unsupported(f"Roles of {self.name} cannot end by themselves.", system=self.name)
        return await Writing(self._tailnet).set_role(account_id, entitlement_id, True)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the user a plain member."""
        return await Writing(self._tailnet).set_role(account_id, entitlement_id, False)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """Expire the key of one connected device, or of all."""
        return await Writing(self._tailnet).end_sessions(account_id, session_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Expire a device key or delete a key, or all."""
        return await Writing(self._tailnet).revoke_credential(account_id, credential_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back. Never writes."""
        clock, source = self._setup.clock, f"GET /{user_path(step.account_id)}"
        try:
            row = await self._tailnet.user(step.account_id)
        except NotFound:
            right = step.cap not in (Cap.ENABLE, Cap.GRANT)
            verdict = Verdict.CONFIRMED if right else Verdict.CONTRADICTED
            return Evidence(verdict, Proof.READ_BACK, {"present": False}, clock(), f"{source}: 404")
        observed: dict[str, object] = seen(row)
        if step.cap in (Cap.GRANT, Cap.REVOKE):
            right = (f"{ROLE}{row['role']}" == step.target) is (step.cap is Cap.GRANT)
        elif step.cap in (Cap.ENABLE, Cap.DISABLE):
            right = (row["status"] == "suspended") is (step.cap is Cap.DISABLE)
        elif step.cap is Cap.DELETE:
            right = False
        elif step.cap is Cap.END_SESSIONS:
            source = f"GET /{self._tailnet.path}/devices"
            left = [one.where for one in await self._tailnet.sessions_of(row) if step.target in (None, one.id)]
            right, observed = not left, {"connected": left[:20]}
        elif step.cap is Cap.REVOKE_CREDENTIALS:
            source = f"GET /{self._tailnet.path}/devices and keys"
            live = [one for one in await self._tailnet.credentials_of(row) if one.active]
            ids = [one.id for one in live if step.target in (None, one.id)]
            right, observed = not ids, {"live": ids[:20]}
        else:
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, clock(), "nothing tells of it")
        verdict = Verdict.CONFIRMED if right else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, clock(), source)

    # ---- pieces

    @property
    def _tailnet(self) -> Tailnet:
        if self._opened is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return Tailnet(self._opened[1], str(self._setup.options.get("tailnet") or "-"))
