"""Sessions of a role (pg_stat_activity), and their end (pg_terminate_backend).

NOLOGIN and CONNECTION LIMIT 0 keep new sessions out and leave open ones as they are: they are ended here, each of them
by its process number and its start, since a number is given again. A role that may not read statistics
(pg_read_all_stats) is told neither kind nor start of other people's sessions; they count all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from psycopg import sql

from jmltui.adapter_api import Outcome, Receipt, Session

from .accounts import Accounts
from .link import Link, Links, Row
from .roles import oid_of

_LIVE: Final = sql.SQL(
    """SELECT a.pid, a.backend_start AS started, pg_catalog.host(a.client_addr) AS address, a.client_port AS port,
    a.datname::text AS database, a.application_name AS program
    FROM pg_catalog.pg_stat_activity a
    WHERE a.usesysid = %s::bigint::oid AND coalesce(a.backend_type, 'client backend') IN ('client backend', 'walsender')
    AND a.pid <> pg_catalog.pg_backend_pid() ORDER BY a.backend_start, a.pid"""
)
_END: Final = sql.SQL(
    """SELECT a.pid, pg_catalog.pg_terminate_backend(a.pid) AS sent FROM pg_catalog.pg_stat_activity a
    WHERE a.usesysid = %s::bigint::oid AND a.pid = ANY(%s) AND a.backend_start IS NOT DISTINCT FROM %s
    AND coalesce(a.backend_type, 'client backend') IN ('client backend', 'walsender')"""
)
_PAUSE: Final = 0.05
_LONGEST_PATIENCE: Final = 5.0
_LONGEST_NAME: Final = 40


async def live(link: Link, oid: int) -> list[Session]:
    """The open sessions of a role on this server, without our own."""
    return [_session(row, oid) for row in await link.rows(_LIVE, [oid])]


class Sessions:
    """Ends the sessions of one server. `patience` is how long a session may take to end, in seconds."""

    def __init__(self, links: Links, accounts: Accounts, system: str, deadline: float) -> None:
        self._links = links
        self._accounts = accounts
        self._system = system
        self._patience = min(_LONGEST_PATIENCE, deadline / 2)

    async def end(self, account_id: str, session_id: str | None) -> Receipt:
        """End one or all: also those that begin meanwhile. PENDING when one is there still after a while."""
        async with self._links.link("end sessions") as link:
            role = await self._accounts.touched(link, account_id, "lose sessions through jmltui")
            before = _chosen(await live(link, role.oid), session_id)
            left, until = before, monotonic() + self._patience
            while left and monotonic() < until:
                for session in left:
                    pid = int(session.id.partition("-")[0])
                    await link.act(_END, [role.oid, [pid], session.started])
                await asyncio.sleep(_PAUSE)
                left = _chosen(await live(link, role.oid), session_id)
        outcome = Outcome.ALREADY if not before else Outcome.PENDING if left else Outcome.CHANGED
        return Receipt(outcome, before=_told(before), after=_told(left))

    async def list(self, account_id: str) -> Sequence[Session]:
        """The open sessions of an account."""
        async with self._links.link("list sessions") as link:
            return await live(link, oid_of(account_id, self._system))


def _chosen(found: Sequence[Session], session_id: str | None) -> list[Session]:
    return [session for session in found if session_id in (None, session.id)]


def _told(found: Sequence[Session]) -> dict[str, object]:
    return {"sessions": [f"{session.id} {session.where}".strip() for session in found]}


def _session(row: Row, oid: int) -> Session:
    started: datetime | None = row["started"]
    at = str(int(started.astimezone(UTC).timestamp() * 1_000_000)) if started else ""
    place = f"{row['address']}:{row['port']}" if row["address"] else "local socket" if row["port"] == -1 else ""
    parts = (place, f"database {row['database']}" if row["database"] else "", _printable(row["program"] or ""))
    return Session(f"{row['pid']}-{at}", str(oid), started, ", ".join(filter(None, parts)))


def _printable(text: str) -> str:
    """What a client calls itself: its own words, so only what can be shown, and not much of it."""
    return "".join(character for character in text if character.isprintable())[:_LONGEST_NAME]
