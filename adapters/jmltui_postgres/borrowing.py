"""Being a member of roles for as long as a transaction takes, which handing over takes (REASSIGN OWNED, "Notes")."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from psycopg import sql

from .link import Link
from .memberships import PER_GRANTOR
from .roles import Role

_MAY: Final = sql.SQL("SELECT pg_catalog.pg_has_role(current_user, %s::bigint::oid, 'USAGE') AS may")
_JOIN: Final = sql.SQL("GRANT {} TO CURRENT_USER")
_JOIN_FULLY: Final = sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
_LEAVE: Final = sql.SQL("REVOKE {} FROM CURRENT_USER")
_LEAVE_OWN: Final = sql.SQL("REVOKE {} FROM CURRENT_USER GRANTED BY CURRENT_USER")


@asynccontextmanager
async def member_of(link: Link, *roles: Role) -> AsyncIterator[None]:
    """Our role has the rights of these roles, and not for longer; within a transaction that undoes it on an error."""
    join = _JOIN_FULLY if link.version >= PER_GRANTOR else _JOIN
    joined = []
    for role in roles:
        found = await link.row(_MAY, [role.oid])
        if found is not None and not found["may"]:
            await link.write(join.format(sql.Identifier(role.name)))
            joined.append(role)
    yield
    leave = _LEAVE_OWN if link.version >= PER_GRANTOR else _LEAVE
    for role in joined:
        await link.write(leave.format(sql.Identifier(role.name)))
