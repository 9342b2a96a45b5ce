"""What depends on a role, database by database (pg_shdepend): what it owns, and what was granted to it.

Rules of default privileges and user mappings are kept as owned there, and belong to nobody else when what is owned is
handed over: REASSIGN OWNED leaves them, DROP OWNED drops them (PostgreSQL documentation, "REASSIGN OWNED", "Notes").
So they count as what stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from psycopg import sql

from .link import Link, Row

MOST_NAMED: Final = 50
"""How many objects of one database are named one by one; the count is always whole."""

_BOUND: Final = sql.SQL(
    "ARRAY['pg_catalog.pg_auth_members'::regclass, 'pg_catalog.pg_default_acl'::regclass, "
    "'pg_catalog.pg_user_mapping'::regclass]"
)
"""Catalogs whose entries are bound to the role itself: they cannot be somebody else's."""

_WHERE: Final = sql.SQL(
    """SELECT coalesce(d.datname, '')::text AS database,
    coalesce(d.datallowconn AND pg_catalog.has_database_privilege(d.oid, 'CONNECT'), true) AS open,
    count(*) FILTER (WHERE s.deptype = 'o' AND s.classid <> ALL({bound})) AS owned,
    count(*) FILTER (WHERE s.deptype = 'o' AND s.classid = 'pg_catalog.pg_default_acl'::regclass) AS defaults,
    count(*) FILTER (WHERE s.deptype = 'o' AND s.classid = 'pg_catalog.pg_user_mapping'::regclass) AS mappings,
    count(*) FILTER (WHERE s.deptype <> 'o') AS named,
    count(*) AS entries
    FROM pg_catalog.pg_shdepend s LEFT JOIN pg_catalog.pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = %s::bigint::oid
    GROUP BY 1, 2 ORDER BY 1"""
).format(bound=_BOUND)
_OWNED_HERE: Final = sql.SQL(
    """SELECT pg_catalog.pg_describe_object(s.classid, s.objid, s.objsubid) AS object
    FROM pg_catalog.pg_shdepend s
    WHERE s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = %s::bigint::oid AND s.deptype = 'o'
    AND s.classid <> ALL({bound})
    AND (s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
         OR (s.dbid = 0 AND %s))
    ORDER BY 1"""
).format(bound=_BOUND)

_BY_COLUMNS: Final = sql.SQL(
    """SELECT coalesce(sum(found.count), 0)::bigint AS count FROM (
    SELECT count(*) FROM pg_catalog.pg_class WHERE relowner = %s::bigint::oid UNION ALL
    SELECT count(*) FROM pg_catalog.pg_proc WHERE proowner = %s::bigint::oid UNION ALL
    SELECT count(*) FROM pg_catalog.pg_type WHERE typowner = %s::bigint::oid UNION ALL
    SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspowner = %s::bigint::oid UNION ALL
    SELECT count(*) FROM pg_catalog.pg_largeobject_metadata WHERE lomowner = %s::bigint::oid UNION ALL
    SELECT count(*) FROM pg_catalog.pg_database WHERE datdba = %s::bigint::oid UNION ALL
    SELECT count(*) FROM pg_catalog.pg_tablespace WHERE spcowner = %s::bigint::oid) found"""
)

SHARED: Final = ""
"""In place of a database: what belongs to the cluster as a whole, such as databases and tablespaces."""
CLUSTER: Final = "(cluster)"
"""What that is called in receipts and evidence."""


@dataclass(frozen=True, slots=True)
class Estate:
    """How many objects a role owns in each database, in which it has any entry, and which of those are closed.

    `bound` says in words what stays its own in each database whoever gets the rest.
    """

    owned: Mapping[str, int] = field(default_factory=dict)
    entries: Mapping[str, int] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    bound: Mapping[str, str] = field(default_factory=dict)

    def order(self, home: str, where: Mapping[str, int]) -> list[str]:
        """The databases of `where`; `home` last, also for what belongs to the whole cluster."""
        databases = sorted(name for name in where if name not in (SHARED, home))
        return [*databases, home] if len(where) > len(databases) else databases

    def within_reach(self) -> dict[str, int]:
        """What is owned where our role can connect."""
        return {name: count for name, count in self.owned.items() if name not in self.closed}

    def counts(self) -> dict[str, int]:
        """How many objects are owned, for a receipt."""
        return {name or CLUSTER: count for name, count in self.owned.items()}

    def bound_told(self) -> dict[str, str]:
        """What stays bound to the role, for a receipt; of a closed database it is not all that stays."""
        return {name or CLUSTER: words for name, words in self.bound.items()}

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
        {row["database"]: bound for row in rows if (bound := _bound(row))},
    )


def _bound(row: Row) -> str:
    """What of a database stays bound to the role: “2 rules of default privileges, 1 grant or policy naming it”."""
    words = (
        ("defaults", "rule of default privileges", "rules of default privileges"),
        ("mappings", "user mapping", "user mappings"),
        ("named", "grant or policy naming it", "grants or policies naming it"),
    )
    return ", ".join(f"{row[key]} {one if row[key] == 1 else many}" for key, one, many in words if row[key])


async def owned_here(link: Link, oid: int, *, shared: bool) -> list[str]:
    """What a role owns in the connected database, and where `shared` of the cluster, as PostgreSQL describes it."""
    return [row["object"] for row in await link.rows(_OWNED_HERE, [oid, shared])]


async def by_owner_columns(link: Link, oid: int) -> int:
    """How many tables, functions, types, schemas and large objects of the connected database, and how many databases
    and tablespaces, name a role as their owner themselves."""
    found = await link.row(_BY_COLUMNS, [oid] * 7)
    return int(found["count"]) if found else 0


def shortened(objects: Sequence[str]) -> list[str]:
    """The first of many objects, and how many more there are."""
    more = len(objects) - MOST_NAMED
    return [*objects[:MOST_NAMED], f"and {more} more"] if more > 0 else list(objects)
