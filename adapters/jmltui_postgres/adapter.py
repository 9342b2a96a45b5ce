"""The PostgreSQL adapter: roles are accounts and entitlements, and every write is read back from the catalog."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from psycopg import sql

from jmltui.adapter_api import (
    Account,
    Cap,
    Capabilities,
    ContractBroken,
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

from .accounts import BOTH, DISABLE_BY, Accounts
from .credentials import Credentials
from .grants import Grants
from .link import Links
from .memberships import attribute_entitlements, picture_of, whole_picture
from .proof import Proofs
from .removal import Removal, owned_by
from .roles import Role, account_of, batches, by_id, by_name, oid_of
from .scope import Scope
from .sessions import Sessions
from .target import FULL, SSL_MODES, target_of
from .transfer import Transfers

OLDEST: Final = 130000
"""The oldest server version whose catalog is known here."""

_FACTS: Final = sql.SQL(
    """SELECT current_user::text AS role, current_setting('server_version') AS server, r.rolsuper AS superuser,
    r.rolcreaterole AS createrole, pg_catalog.pg_is_in_recovery() AS standby,
    pg_catalog.pg_has_role(current_user, 'pg_signal_backend', 'USAGE') AS signals,
    pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS statistics,
    pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'SELECT') AS passwords,
    (SELECT s.version FROM pg_catalog.pg_stat_ssl s WHERE s.pid = pg_catalog.pg_backend_pid()) AS tls,
    (SELECT count(*) FROM pg_catalog.pg_roles) AS roles
    FROM pg_catalog.pg_roles r WHERE r.rolname = current_user"""
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What an open adapter works with."""

    links: Links
    scope: Scope
    accounts: Accounts
    grants: Grants
    sessions: Sessions
    credentials: Credentials
    removal: Removal
    transfers: Transfers
    proofs: Proofs


class PostgresAdapter:
    """The roles of one PostgreSQL server (a cluster of databases)."""

    kind: ClassVar[str] = "postgres"
    EXERCISED_AGAINST: ClassVar[str] = "PostgreSQL 15 and 18, by a superuser and by a CREATEROLE role"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("url", OptionType.URL, "postgresql://ROLE@HOST:PORT/DATABASE, in place of the next four."),
        Option("host", OptionType.TEXT, "A name, an address, or the folder of a local socket."),
        Option("port", OptionType.INTEGER, "The port; 5432 unless said otherwise."),
        Option("dbname", OptionType.TEXT, "The database to connect to; postgres unless said otherwise."),
        Option("user", OptionType.TEXT, "The role that jmltui signs in as."),
        Option("password", OptionType.SECRET, "Its password."),
        Option("sslmode", OptionType.TEXT, "disable: only for a local socket or 127.0.0.1.", FULL, choices=SSL_MODES),
        Option("ca_file", OptionType.PATH, "Your own certificate authority."),
        Option("include", OptionType.LIST, "Which roles are accounts, as patterns; all that have LOGIN.", ("*",)),
        Option("exclude", OptionType.LIST, "Which of them are not, as patterns.", ()),
        Option("superusers", OptionType.LIST, "Superusers that are accounts all the same, as patterns.", ()),
        Option("services", OptionType.LIST, "Accounts of services rather than people, as patterns.", ()),
        Option("grantable", OptionType.LIST, "PostgreSQL's own pg_ roles that may be granted, as patterns.", ()),
        Option("privileged", OptionType.LIST, "Further roles that are privileged, as patterns.", ()),
        Option("disable_by", OptionType.TEXT, "NOLOGIN, CONNECTION LIMIT 0, or both.", BOTH, choices=DISABLE_BY),
        Option("reassign_to", OptionType.TEXT, "Who gets what a deleted role owns; empty: it is not deleted."),
        Option("exchange_seconds", OptionType.NUMBER, "How long one call may take.", 20),
        Option("lock_seconds", OptionType.NUMBER, "How long to wait for somebody else's lock.", 5),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._parts: Parts | None = None
        self._facts: dict[str, str] = {}
        self._capabilities = _capabilities(creates=True, signals=True, passwords=True, statistics=True)

    # ---- life

    def capabilities(self) -> Capabilities:
        """What can be done to roles, narrowed on opening to what our own role may do."""
        return self._capabilities

    async def open(self) -> None:
        """Connect, and learn what our role may do. Raises AdapterError and SecretError."""
        if self._parts is not None:
            return
        target = target_of(self._setup)
        links, system, options = Links(target, self._setup.clock), self.name, self._setup.options
        try:
            facts = await self._learn(links)
        except BaseException:
            await links.close()
            raise
        scope, readable = Scope(self._setup, str(facts["role"])), bool(facts["passwords"])
        accounts = Accounts(links, scope, system, str(options.get("disable_by") or BOTH))
        self._parts = Parts(
            links,
            scope,
            accounts,
            Grants(links, scope, system),
            Sessions(links, accounts, system, target.deadline),
            Credentials(links, accounts, system, readable),
            Removal(links, accounts, system, str(options.get("reassign_to") or "")),
            Transfers(links, accounts, system),
            Proofs(links, system, self._setup.clock, readable),
        )
        superuser = bool(facts["superuser"])
        self._capabilities = _capabilities(
            creates=superuser or bool(facts["createrole"]),
            signals=superuser or bool(facts["signals"]),
            passwords=readable,
            statistics=superuser or bool(facts["statistics"]),
        )

    async def _learn(self, links: Links) -> Mapping[str, object]:
        """What the server and our own role are. Raises ContractBroken for a server that is too old."""
        async with links.link("open") as link:
            if link.version < OLDEST:
                raise ContractBroken(f"{self.name} is older than PostgreSQL {OLDEST // 10000}.", system=self.name)
            found = await link.row(_FACTS)
        if found is None:
            raise ContractBroken(f"{self.name} does not show our own role.", system=self.name)
        rights = [name for name in ("superuser", "createrole", "signals", "statistics", "passwords") if found[name]]
        self._facts = {
            "server": f"PostgreSQL {found['server']}",
            "role": found["role"],
            "rights": ", ".join(rights) or "none",
            "encryption": found["tls"] or "none",
            "standby": "yes: nothing can be changed" if found["standby"] else "no",
            "roles": str(found["roles"]),
        }
        return found

    async def close(self) -> None:
        """Let go of connections."""
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.links.close()

    def clock_offset(self) -> timedelta | None:
        """The server's time less ours, by its newest connection."""
        return self._open.links.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, version, and what our role may do."""
        await self._learn(self._open.links)
        return {"reachable": "yes", "authenticated": "yes", **self._facts}

    @property
    def _open(self) -> Parts:
        if self._parts is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._parts

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All roles that somebody signs in as, as far as the settings let them be seen."""
        parts, size = self._open, max(1, query.page_size)
        page: list[Account] = []
        async for roles in batches(parts.links, oid_of(query.cursor, self.name) if query.cursor else 0):
            for role in filter(parts.scope.holds, roles):
                if len(page) == size:
                    yield Page(page, cursor=page[-1].id)
                    page = []
                page.append(self._account(role))
        yield Page(page)

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All roles that can be held, and the attributes of roles as permissions."""
        parts = self._open
        async with parts.links.link("list roles") as link:
            found = list((await whole_picture(link, parts.scope)).entitlements())
        start = oid_of(query.cursor, self.name) if query.cursor else 0
        if not query.cursor:
            yield Page(attribute_entitlements(), cursor="1")
        size, rest = max(1, query.page_size), [one for one in found if one[0] > start]
        for at in range(0, len(rest), size):
            part = rest[at : at + size]
            yield Page([one for _, one in part], cursor=str(part[-1][0]) if at + size < len(rest) else None)

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """What every account holds, account by account; `page_size` counts accounts."""
        parts = self._open
        async with parts.links.link("list memberships") as link:
            picture = await whole_picture(link, parts.scope)
        start = oid_of(query.cursor, self.name) if query.cursor else 0
        oids = [oid for oid in sorted(picture.roles) if oid > start and parts.scope.holds(picture.roles[oid])]
        size = max(1, query.page_size)
        for at in range(0, len(oids), size):
            part = oids[at : at + size]
            cursor = str(part[-1]) if at + size < len(oids) else None
            yield Page([grant for oid in part for grant in picture.grants_of(oid)], cursor=cursor)

    async def read(self, account_id: str) -> Account:
        """One role by its object identifier. Raises NotFound, and Forbidden for one that the settings keep out."""
        parts = self._open
        async with parts.links.link("read") as link:
            role = await by_id(link, oid_of(account_id, self.name))
        if role is None:
            raise NotFound(f"{self.name} holds no role {account_id}.", system=self.name)
        why = parts.scope.why_not(role)
        if why:
            raise Forbidden(f"{role.name} of {self.name} {why}.", system=self.name)
        return self._account(role)

    async def find(self, login: str) -> Account | None:
        """The role of exactly this name; letter case counts, as it does to the server."""
        parts = self._open
        async with parts.links.link("find") as link:
            role = await by_name(link, login)
        return self._account(role) if role is not None and parts.scope.holds(role) else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one account holds. Raises NotFound."""
        parts, oid = self._open, oid_of(account_id, self.name)
        async with parts.links.link("read memberships") as link:
            picture = await picture_of(link, parts.scope, oid)
        if oid not in picture.roles:
            raise NotFound(f"{self.name} holds no role {account_id}.", system=self.name)
        return picture.grants_of(oid)

    async def owned_objects(self, account_id: str) -> Mapping[str, Sequence[str]]:
        """What an account owns, database by database, as PostgreSQL describes it: what a delete would hand over."""
        return await owned_by(self._open.links, account_id, self.name)

    def _account(self, role: Role) -> Account:
        return account_of(role, self._open.scope.kind(role))

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the role exist with LOGIN and without a password. A taken name is ours only with the same key."""
        del key
        self._require(Cap.CREATE)
        return await self._open.accounts.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make login, display, external_id, expires and connection_limit so."""
        self._require(Cap.UPDATE)
        return await self._open.accounts.update(account_id, changes, if_version)

    async def enable(self, account_id: str) -> Receipt:
        """Let it sign in again."""
        self._require(Cap.ENABLE)
        return await self._open.accounts.enable(account_id)

    async def disable(self, account_id: str) -> Receipt:
        """Let it not sign in any more; open sessions stay until they are ended."""
        self._require(Cap.DISABLE)
        return await self._open.accounts.disable(account_id)

    async def delete(self, account_id: str) -> Receipt:
        """Hand over what it owns, then drop it; the receipt says what went to whom."""
        self._require(Cap.DELETE)
        return await self._open.removal.delete(account_id)

    async def transfer(self, account_id: str, to_account_id: str) -> Receipt:
        """Hand over what it owns to another account, in every database; the receipt says what went and what stays."""
        self._require(Cap.TRANSFER)
        return await self._open.transfers.transfer(account_id, to_account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the account a member."""
        if expires is not None:
            raise Unsupported("PostgreSQL memberships cannot end by themselves.", system=self.name)
        return _single(await self.grant_many(entitlement_id, [account_id]), account_id)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the account no member."""
        return _single(await self.revoke_many(entitlement_id, [account_id]), account_id)

    async def grant_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make all of them members by one GRANT."""
        self._require(Cap.GRANT)
        return await self._open.grants.give(entitlement_id, account_ids)

    async def revoke_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make none of them members."""
        self._require(Cap.REVOKE)
        return await self._open.grants.take(entitlement_id, account_ids)

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """Open sessions on this server."""
        self._require(Cap.LIST_SESSIONS)
        return await self._open.sessions.list(account_id)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """End one or all."""
        self._require(Cap.END_SESSIONS)
        return await self._open.sessions.end(account_id, session_id)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """The password, if there is one; never what it is."""
        self._require(Cap.LIST_CREDENTIALS)
        return await self._open.credentials.list(account_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Take the password away."""
        self._require(Cap.REVOKE_CREDENTIALS)
        return await self._open.credentials.revoke(account_id, credential_id)

    def _require(self, cap: Cap) -> None:
        if cap not in self._capabilities:
            raise Unsupported(
                f"The role that jmltui signs in as on {self.name} may not {cap.value}.",
                system=self.name,
                operation=cap.value,
            )

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back from the catalog. Never writes."""
        return await self._open.proofs.of(step)

    async def verify_many(self, steps: Sequence[Step]) -> Sequence[Evidence]:
        """Read memberships back, each role once."""
        return await self._open.proofs.of_many(steps)


def _capabilities(*, creates: bool, signals: bool, passwords: bool, statistics: bool) -> Capabilities:
    """What can be done, by what our own role may do."""
    proved = Support(Proof.READ_BACK, reversible=True)
    found = dict.fromkeys((Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND), proved)
    found |= dict.fromkeys((Cap.GRANT, Cap.REVOKE), proved)
    here = "on this server alone: not on its standbys, nor behind a pooler"
    where = here if statistics else f"{here}; our role is not told from where"
    found[Cap.LIST_SESSIONS] = Support(Proof.READ_BACK, reversible=False, note=where)
    if signals:
        found[Cap.END_SESSIONS] = Support(Proof.READ_BACK, reversible=False, note=here)
    if creates:
        found |= dict.fromkeys((Cap.CREATE, Cap.UPDATE, Cap.ENABLE), proved)
        found[Cap.DISABLE] = Support(Proof.READ_BACK, reversible=True, note="open sessions stay until they are ended")
        gone = "what it owns goes to `reassign_to`; a deleted role cannot be brought back"
        found[Cap.DELETE] = Support(Proof.READ_BACK, reversible=False, note=gone)
        over = "what its role owns goes to the successor's role, in every database that ours can enter"
        found[Cap.TRANSFER] = Support(Proof.READ_BACK, reversible=False, note=over)
        password = "the password alone: certificates and directories are not the server's"
        seen = Proof.READ_BACK if passwords else Proof.NONE
        found[Cap.REVOKE_CREDENTIALS] = Support(seen, reversible=False, note=password)
    if passwords:
        found[Cap.LIST_CREDENTIALS] = Support(Proof.READ_BACK, reversible=False, note="the password alone")
    return found


def _single(answers: Mapping[str, Receipt | Exception], account_id: str) -> Receipt:
    """The one receipt. Raises the error that stands in place of it."""
    answer = answers[account_id]
    if isinstance(answer, Exception):
        raise answer
    return answer
