"""What depends on a role, database by database (pg_shdepend): what it owns, and what was granted to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from psycopg import sql

from .link import Link

MOST_NAMED: Final = 50
"""How many objects of one database are named one by one; the count is always whole."""

_WHERE: Final = sql.SQL(
    """SELECT coalesce(d.datname, '')::text AS database,
    coalesce(d.datallowconn AND pg_catalog.has_database_privilege(d.oid, 'CONNECT'), true) AS open,
    count(*) FILTER (WHERE s.deptype = 'o' AND s.classid <> 'pg_catalog.pg_auth_members'::regclass) AS owned,
    count(*) AS entries
    FROM pg_catalog.pg_shdepend s LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = %s::bigint::oid
    GROUP BY 1, 2 ORDER BY 1"""
)
_OWNED_HERE: Final = sql.SQL(
    """SELECT pg_catalog.pg_describe_object(s.classid, s.objid, s.objsubid) AS object
    FROM pg_catalog.pg_shdepend s
    WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = %s::bigint::oid AND s.deptype = 'o'
    AND s.classid <> 'pg_catalog.pg_auth_members'::regclass
    AND (s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
         OR (s.dbid = 0 AND %s))
    ORDER BY 1"""
)

SHARED: Final = ""
"""In place of a database: what belongs to the cluster as a whole, such as databases and tablespaces."""


@dataclass(frozen=True, slots=True)
class Estate:
    """How many objects a role owns in each database, in which it has any entry, and which of those are closed."""

    owned: Mapping[str, int] = field(default_factory=dict)
    entries: Mapping[str, int] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()

    def told(self) -> str:
        """In words: “3 objects in sales, 1 object of the whole cluster”."""
        parts = []
        for database, count in self.owned.items():
            where = f"in {database}" if database != SHARED else "of the whole cluster"
            parts.append(f"{count} object{'s' if count != 1 else ''} {where}")
        return ", ".join(parts)


async def estate_of(link: Link, oid: int) -> Estate:
    """What depends on a role, in every database of the cluster."""
    rows = await link.rows(_WHERE, [oid])
    return Estate(
        {row["database"]: row["owned"] for row in rows if row["owned"]},
        {row["database"]: row["entries"] for row in rows},
        frozenset(row["database"] for row in rows if not row["open"]),
    )


async def owned_here(link: Link, oid: int, *, shared: bool) -> list[str]:
    """What a role owns in the connected database, and where `shared` of the cluster, as PostgreSQL describes it."""
    return [row["object"] for row in await link.rows(_OWNED_HERE, [oid, shared])]
