"""Roles as the server's catalog has them (pg_roles), and a role as an account."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import sql

from jmltui.adapter_api import Account, AccountState, Ambiguous, ContractBroken, Invalid, NotFound

from .link import Link, Links, Row
from .remark import Remark, parsed

LARGEST_OID: Final = 2**32 - 1
LONGEST_NAME: Final = 63
"""Bytes of an identifier (NAMEDATALEN less one); the server cuts a longer one short without an error."""
BATCH: Final = 1000
"""How many roles are asked for at once, whatever the size of the pages that are made of them."""
PREDEFINED: Final = "pg_"
"""What the names of PostgreSQL's own roles begin with; nobody else may make such a role."""

ATTRIBUTES: Final = {
    "superuser": "rolsuper",
    "createrole": "rolcreaterole",
    "createdb": "rolcreatedb",
    "replication": "rolreplication",
    "bypassrls": "rolbypassrls",
}
"""What a role may do by itself, without being a member of anything (CREATE ROLE)."""
PRIVILEGED_ATTRIBUTES: Final = frozenset({"superuser", "createrole", "replication", "bypassrls"})

_COLUMNS: Final = sql.SQL(
    """r.oid::bigint AS oid, r.rolname::text AS name, r.rolcanlogin AS login, r.rolconnlimit AS "limit",
    r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls,
    CASE WHEN r.rolvaliduntil < '9999-01-01' THEN greatest(r.rolvaliduntil, '1970-01-01Z') END AS until,
    coalesce(pg_catalog.shobj_description(r.oid, 'pg_authid'), '') AS comment"""
)
_BY_ID: Final = sql.SQL("SELECT {} FROM pg_catalog.pg_roles r WHERE r.oid = %s::bigint::oid").format(_COLUMNS)
_BY_IDS: Final = sql.SQL("SELECT {} FROM pg_catalog.pg_roles r WHERE r.oid::bigint = ANY(%s)").format(_COLUMNS)
_BY_NAME: Final = sql.SQL("SELECT {} FROM pg_catalog.pg_roles r WHERE r.rolname = %s::text").format(_COLUMNS)
_ALL: Final = sql.SQL("SELECT {}, count(*) OVER () AS remaining FROM pg_catalog.pg_roles r").format(_COLUMNS)
_AFTER: Final = sql.SQL(
    "SELECT {}, count(*) OVER () AS remaining FROM pg_catalog.pg_roles r "
    "WHERE r.oid > %s::bigint::oid ORDER BY r.oid LIMIT %s"
).format(_COLUMNS)


@dataclass(frozen=True, slots=True)
class Role:
    """One role. `until` is VALID UNTIL, None for never; `limit` its connection limit, -1 for none."""

    oid: int
    name: str
    login: bool
    limit: int
    until: datetime | None
    attributes: frozenset[str]
    comment: str

    @property
    def remark(self) -> Remark:
        """The parts of its comment."""
        return parsed(self.comment)

    @property
    def may_sign_in(self) -> bool:
        """Whether anybody can sign in as this role: LOGIN, and connections to use, which superusers always have."""
        return self.login and (self.limit != 0 or "superuser" in self.attributes)

    @property
    def is_account(self) -> bool:
        """A role that somebody signs in as, or did: LOGIN, or the traces that a disable leaves."""
        return self.login or self.limit == 0 or self.remark.key is not None or self.remark.limit is not None

    @property
    def predefined(self) -> bool:
        """Whether it is one of PostgreSQL's own."""
        return self.name.startswith(PREDEFINED)

    @property
    def version(self) -> str:
        """A digest of everything that is said of it here: PostgreSQL gives roles no version."""
        told = (self.oid, self.name, self.login, self.limit, self.until, sorted(self.attributes), self.comment)
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def role_of(row: Row) -> Role:
    """A role from a row of the queries above."""
    attributes = frozenset(name for name, column in ATTRIBUTES.items() if row[column])
    return Role(row["oid"], row["name"], row["login"], row["limit"], row["until"], attributes, row["comment"])


def account_of(role: Role, kind: str) -> Account:
    """A role as an account. Who signs in by password alone is shut out after `expires`."""
    remark = role.remark
    return Account(
        str(role.oid),
        role.name,
        AccountState.ACTIVE if role.may_sign_in else AccountState.DISABLED,
        external_id=remark.key,
        display=remark.text,
        kind=kind,
        expires=role.until,
        version=role.version,
        raw={"attributes": sorted(role.attributes), "connection_limit": role.limit},
    )


def seen(role: Role | None) -> dict[str, object]:
    """What goes into receipts and evidence about a role."""
    if role is None:
        return {"present": False}
    until = role.until.isoformat() if role.until else ""
    return {
        "id": str(role.oid),
        "login": role.name,
        "can_login": role.login,
        "connection_limit": role.limit,
        "valid_until": until,
        "external_id": role.remark.key or "",
    }


def oid_of(account_id: str, system: str) -> int:
    """The object identifier that an id stands for. Raises NotFound: nothing else was ever handed out as an id."""
    number = int(account_id) if account_id.isascii() and account_id.isdecimal() and len(account_id) <= 10 else 0
    if not 0 < number <= LARGEST_OID or str(number) != account_id:
        raise NotFound(f"{system} holds no role {account_id[:80]}.", system=system)
    return number


def checked_name(name: str, system: str) -> str:
    """The name, if a role can be called exactly so. Raises Invalid."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if not size or size > LONGEST_NAME or "\0" in name or name.startswith(PREDEFINED) or name in ("public", "none"):
        raise Invalid(
            f"{system} cannot have a role called “{name[:80].replace(chr(0), '␀')}”: a name has 1 to {LONGEST_NAME} "
            f"bytes, no NUL, and does not begin with {PREDEFINED}.",
            system=system,
        )
    return name


async def by_id(link: Link, oid: int) -> Role | None:
    """The role of this object identifier. Raises ContractBroken when the answer is another one."""
    found = await link.row(_BY_ID, [oid])
    if found is not None and found["oid"] != oid:
        raise ContractBroken(
            f"{link.system} was asked for role {oid} and answered with {found['oid']}.", system=link.system
        )
    return role_of(found) if found else None


async def by_ids(link: Link, oids: Sequence[int]) -> dict[int, Role]:
    """Those of these roles that there are."""
    found = [role_of(row) for row in await link.rows(_BY_IDS, [list(oids)])]
    return {role.oid: role for role in found}


async def by_name(link: Link, name: str) -> Role | None:
    """The role of exactly this name; every hit is compared again. Raises Ambiguous."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return None
    rows = [] if "\0" in name else await link.rows(_BY_NAME, [name])
    same = [role_of(row) for row in rows if row["name"] == name]
    if len(same) > 1:
        raise Ambiguous(f"{link.system} holds {len(same)} roles called {name}.", system=link.system)
    return same[0] if same else None


async def all_of(link: Link) -> dict[int, Role]:
    """Every role. Raises ContractBroken when the answer is not whole."""
    rows = await link.rows(_ALL)
    _counted(rows, rows[0]["remaining"] if rows else 0, link.system)
    return {row["oid"]: role_of(row) for row in rows}


async def batches(links: Links, last: int) -> AsyncIterator[list[Role]]:
    """All roles behind an object identifier, in the order of these.

    Every answer says how many remain, and none is the last one before one is empty: an answer that is not whole, out of
    order or repeated is not believed. Raises ContractBroken.
    """
    while True:
        async with links.link("list roles") as link:
            rows = await link.rows(_AFTER, [last, BATCH])
        _counted(rows, min(BATCH, rows[0]["remaining"]) if rows else 0, links.system)
        oids = [row["oid"] for row in rows]
        if oids != sorted({oid for oid in oids if oid > last}):
            raise ContractBroken(f"{links.system} listed roles out of order or twice.", system=links.system)
        if not oids:
            return
        yield [role_of(row) for row in rows]
        last = oids[-1]


def _counted(rows: Sequence[Row], wanted: int, system: str) -> None:
    if len(rows) != wanted:
        raise ContractBroken(
            f"{system} announced {wanted} roles and listed {len(rows)}; nothing of it is used.", system=system
        )
