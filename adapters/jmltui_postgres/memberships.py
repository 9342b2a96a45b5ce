"""Memberships (pg_auth_members): who is a member of what, directly and through what.

Up to PostgreSQL 15 a membership is there or not. From 16 on there is one row for each grantor, and a row may give the
right to pass the role on without giving the role itself (neither INHERIT nor SET): it is listed and taken back like
any other, but it makes nobody a holder of what lies behind the role.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from jmltui.adapter_api import Entitlement, Grant

from .link import Link
from .roles import ATTRIBUTES, PRIVILEGED_ATTRIBUTES, Role, all_of, by_ids
from .scope import Scope

PER_GRANTOR: Final = 160000
"""The server version from which on each grantor's membership is a row of its own (PostgreSQL 16, release notes)."""
ATTRIBUTE: Final = "attribute:"
"""What the ids of a role's own attributes begin with, as permissions that an account holds."""

_ROW: Final = sql.SQL(
    "m.roleid::bigint AS role, m.member::bigint AS member, m.grantor::bigint AS grantor, {} AS usable"
)
_REACHED: Final = sql.SQL(
    "WITH RECURSIVE reached(role) AS (SELECT roleid FROM pg_catalog.pg_auth_members WHERE member = %s::bigint::oid "
    "UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN reached ON m.member = reached.role) "
    "SELECT {} FROM pg_catalog.pg_auth_members m WHERE m.member = %s::bigint::oid OR m.member IN (TABLE reached)"
)
_BETWEEN: Final = sql.SQL(
    "SELECT {} FROM pg_catalog.pg_auth_members m WHERE m.roleid = %s::bigint::oid AND m.member::bigint = ANY(%s)"
)
_EVERY: Final = sql.SQL("SELECT {} FROM pg_catalog.pg_auth_members m")


@dataclass(frozen=True, slots=True)
class Edge:
    """One membership by one grantor. `usable` when it gives the role itself."""

    role: int
    member: int
    grantor: int
    usable: bool


def _columns(link: Link) -> sql.Composed:
    usable = "m.inherit_option OR m.set_option" if link.version >= PER_GRANTOR else "true"
    return _ROW.format(sql.SQL(usable))


async def between(link: Link, role: int, members: Sequence[int]) -> list[Edge]:
    """The direct memberships of these members in one role."""
    rows = await link.rows(_BETWEEN.format(_columns(link)), [role, list(members)])
    return [Edge(**row) for row in rows]


class Picture:
    """Roles and memberships as of one moment."""

    def __init__(self, roles: Mapping[int, Role], edges: Sequence[Edge], scope: Scope) -> None:
        self.roles = roles
        self._scope = scope
        self._above: dict[int, dict[int, bool]] = {}
        self._has_members: set[int] = set()
        for edge in sorted(edges, key=lambda edge: (edge.member, edge.role)):
            if edge.role in roles and edge.member in roles and not self._is_makers_own(edge):
                of = self._above.setdefault(edge.member, {})
                of[edge.role] = of.get(edge.role, False) or edge.usable
                self._has_members.add(edge.role)

    def _is_makers_own(self, edge: Edge) -> bool:
        """Whether it is what PostgreSQL 16 gives the maker of a role: ours, in an account that jmltui made."""
        return not edge.usable and self._scope.is_own(self.roles[edge.member]) and self.roles[edge.role].is_account

    def entitlements(self) -> Iterator[tuple[int, Entitlement]]:
        """What can be held, in the order of object identifiers: roles that nobody signs in as, or that have members."""
        for oid in sorted(self.roles):
            if self._is_entitlement(oid):
                role = self.roles[oid]
                privileged = any(self._scope.is_privileged(self.roles[one]) for one in (oid, *self._reach(oid)))
                yield oid, Entitlement(str(oid), "role", role.name, privileged, self._scope.is_grantable(role))

    def grants_of(self, oid: int) -> list[Grant]:
        """What one account holds: its attributes, its memberships, and what lies behind them."""
        account, direct = str(oid), self._above.get(oid, {})
        held = [Grant(account, f"{ATTRIBUTE}{name}") for name in ATTRIBUTES if name in self.roles[oid].attributes]
        held += [Grant(account, str(role)) for role in direct]
        for role, path in self._reach(oid).items():
            if role not in direct and self._is_entitlement(role):
                held.append(Grant(account, str(role), False, tuple(self.roles[one].name for one in path)))
        return held

    def _is_entitlement(self, oid: int) -> bool:
        return oid in self._has_members or not self.roles[oid].is_account

    def _reach(self, start: int) -> dict[int, tuple[int, ...]]:
        """Every role that is reached by usable memberships, by the shortest way, with what lies between."""
        found: dict[int, tuple[int, ...]] = {}
        waiting: deque[tuple[int, tuple[int, ...]]] = deque([(start, ())])
        while waiting:
            at, path = waiting.popleft()
            for role, usable in self._above.get(at, {}).items():
                if usable and role != start and role not in found:
                    found[role] = path
                    waiting.append((role, (*path, role)))
        return found


def attribute_entitlements() -> list[Entitlement]:
    """A role's own attributes as permissions: they can be taken away, never given by jmltui."""
    return [
        Entitlement(f"{ATTRIBUTE}{name}", "permission", name.upper(), name in PRIVILEGED_ATTRIBUTES, grantable=False)
        for name in ATTRIBUTES
    ]


async def whole_picture(link: Link, scope: Scope) -> Picture:
    """Everything there is."""
    async with link.repeatable():
        roles = await all_of(link)
        rows = await link.rows(_EVERY.format(_columns(link)))
    return Picture(roles, [Edge(**row) for row in rows], scope)


async def picture_of(link: Link, scope: Scope, oid: int) -> Picture:
    """One account and everything that it reaches."""
    async with link.repeatable():
        rows = await link.rows(_REACHED.format(_columns(link)), [oid, oid])
        edges = [Edge(**row) for row in rows]
        roles = await by_ids(link, sorted({oid, *(edge.role for edge in edges), *(edge.member for edge in edges)}))
    return Picture(roles, edges, scope)
