"""The Teleport adapter: one cluster, through `tctl` and an identity file."""

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
    Entitlement,
    Evidence,
    Grant,
    Invalid,
    NotFound,
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
    Verdict,
)

from .cluster import ROLE, Cluster, account, seen
from .program import Program

SERVER: Final = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}|\[[0-9A-Fa-f:]+\]:[0-9]{1,5}")
SETTLE: Final = timedelta(seconds=5)
LOCKED: Final = "A lock refuses new requests and ends open SSH, application, database, desktop and Kubernetes sessions."
RETURNS: Final = "Who comes by single sign-on returns with the next sign-in, unless locked."


class TeleportAdapter:
    """One Teleport cluster."""

    kind: ClassVar[str] = "teleport"
    EXERCISED_AGAINST: ClassVar[str] = "recorded exchanges"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("auth_server", OptionType.TEXT, "The Auth or Proxy Service, as HOST:PORT.", required=True),
        Option("identity", OptionType.PATH, "The identity file that tctl signs in with, mode 0600.", required=True),
        Option("program", OptionType.TEXT, "Which tctl is run.", "tctl"),
        Option("exchange_seconds", OptionType.NUMBER, "How long one run may take.", 30),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._opened: Cluster | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """Users, roles and locks, each provable by another command."""
        read, write = Support(Proof.READ_BACK, True), Support(Proof.READ_BACK, True, SETTLE)
        return {
            Cap.LIST_ACCOUNTS: read,
            Cap.LIST_ENTITLEMENTS: read,
            Cap.LIST_GRANTS: read,
            Cap.FIND: read,
            Cap.ENABLE: write,
            Cap.DISABLE: Support(Proof.READ_BACK, True, SETTLE, LOCKED),
            Cap.DELETE: Support(Proof.READ_BACK, False, SETTLE, RETURNS),
            Cap.GRANT: write,
            Cap.REVOKE: write,
        }

    async def open(self) -> None:
        """Check the identity file and list the users. Raises AdapterError."""
        options = self._setup.options
        server = str(options["auth_server"])
        if not SERVER.fullmatch(server):
            raise Invalid(f"auth_server of {self.name} must be HOST:PORT.", system=self.name)
        deadline = float(str(options.get("exchange_seconds") or 30))
        path = str(options.get("program") or "tctl")
        program = Program(self.name, path, server, str(options["identity"]), deadline)
        program.check()
        cluster = Cluster(program, self._setup.clock)
        await cluster.users()
        self._opened = cluster

    async def close(self) -> None:
        """Nothing stays open between two runs."""
        self._opened = None

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, how many users and locks there are."""
        users, locks = await self._cluster.users(), await self._cluster.locks()
        counts = {"users": str(len(users)), "locked users": str(len({one.user for one in locks}))}
        return {"reachable": "yes", "authenticated": "yes", **counts}

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users, in one page."""
        locked = {one.user for one in await self._cluster.locks()}
        yield Page([account(one, one.name in locked) for one in await self._cluster.users()])

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All roles."""
        roles = await self._cluster.roles()
        yield Page([Entitlement(f"{ROLE}{name}", "role", name, powerful) for name, powerful in roles.items()])

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """The roles of all users, not those that access lists or requests give for a time."""
        users = await self._cluster.users()
        yield Page([Grant(one.name, f"{ROLE}{role}") for one in users for role in dict.fromkeys(one.roles)])

    async def read(self, account_id: str) -> Account:
        """One user."""
        user = await self._cluster.user(account_id)
        return account(user, bool(await self._cluster.locks_on(account_id)))

    async def find(self, login: str) -> Account | None:
        """The user with exactly this name; names differ by capitals in Teleport. Raises Ambiguous."""
        hits = [one for one in await self._cluster.users() if one.name.casefold() == login.casefold()]
        exact = [one for one in hits if one.name == login]
        if len(hits) > 1 and not exact:
            raise Ambiguous(f"{self.name} has {len(hits)} users called {login[:80]}.", system=self.name)
        for found in (*exact, *hits):
            return account(found, bool(await self._cluster.locks_on(found.name)))
        return None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """The roles of one user."""
        roles = (await self._cluster.user(account_id)).roles
        return [Grant(account_id, f"{ROLE}{role}") for role in dict.fromkeys(roles)]

    # ---- writing

    async def enable(self, account_id: str) -> Receipt:
        """Remove the lock that jmltui set. Raises Conflict for somebody else's."""
        return await self._cluster.unlock(account_id)

    async def disable(self, account_id: str) -> Receipt:
        """Lock the user: no new requests, and open sessions end."""
        return await self._cluster.lock(account_id)

    async def delete(self, account_id: str) -> Receipt:
        """Remove the user."""
        return await self._cluster.delete(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Add a role."""
        if expires is not None:
            raise Unsupported(f"Roles of {self.name} cannot end by themselves here.", system=self.name)
        return await self._cluster.set_role(account_id, entitlement_id, True)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Take a role away."""
        return await self._cluster.set_role(account_id, entitlement_id, False)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back: locks by `get locks`, users and roles by `users ls`. Never writes."""
        cluster, clock = self._cluster, self._setup.clock
        if step.cap not in (Cap.ENABLE, Cap.DISABLE, Cap.DELETE, Cap.GRANT, Cap.REVOKE):
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, clock(), "nothing tells of it")
        locks = await cluster.locks_on(step.account_id)
        try:
            user = await cluster.user(step.account_id)
        except NotFound:
            user = None
        right = {
            Cap.ENABLE: user is not None and not locks,
            Cap.DISABLE: bool(locks) or user is None,
            Cap.DELETE: user is None,
            Cap.GRANT: user is not None and step.target in {f"{ROLE}{one}" for one in user.roles},
            Cap.REVOKE: user is None or step.target not in {f"{ROLE}{one}" for one in user.roles},
        }[step.cap]
        source = "tctl get locks" if step.cap in (Cap.ENABLE, Cap.DISABLE) else "tctl users ls"
        observed = seen(user, locks) if user is not None else {"present": False, "locks": [one.id for one in locks]}
        verdict = Verdict.CONFIRMED if right else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, clock(), source)

    # ---- pieces

    @property
    def _cluster(self) -> Cluster:
        if self._opened is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._opened
