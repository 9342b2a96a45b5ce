"""Connections to one server. Each call takes one, and has a deadline that cuts it."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from jmltui.adapter_api import AdapterError, Clock, ContractBroken, Unavailable, Unsupported

from .judgement import judged, refused
from .target import Target

MOST_IDLE: Final = 2
LONGEST_IDLE: Final = 60.0
"""Seconds after which an unused connection is not trusted to be there still."""

Statement = sql.SQL | sql.Composed
Row = dict[str, Any]


class Link:
    """One connection during one call. `version` is the server's, as 150019."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow], system: str, operation: str) -> None:
        self._connection = connection
        self.system = system
        self._operation = operation
        self._writing = False
        self._late = False
        self.version = connection.info.server_version

    async def rows(self, query: Statement, values: Sequence[object] = ()) -> list[Row]:
        """Everything that a query answers. Raises AdapterError."""
        cursor = await self._execute(query, values)
        try:
            return await cursor.fetchall()
        except UnicodeDecodeError:
            raise ContractBroken(
                f"{self.system} holds a name that is no text in UTF-8; its database may be SQL_ASCII.",
                system=self.system,
            ) from None

    async def row(self, query: Statement, values: Sequence[object] = ()) -> Row | None:
        """The one row that a query answers, if any. Raises ContractBroken for several."""
        found = await self.rows(query, values)
        if len(found) > 1:
            raise ContractBroken(f"{self.system} answered with {len(found)} rows instead of one.", system=self.system)
        return found[0] if found else None

    @asynccontextmanager
    async def change(self) -> AsyncIterator[None]:
        """A transaction that writes; undone as a whole when anything inside raises.

        After it the link is one whose write was sent: when the connection is lost while the effect is read back, the
        outcome is unknown.
        """
        try:
            await self._execute(sql.SQL("BEGIN READ WRITE"))
        except Unsupported as error:
            raise Unavailable(
                f"{self.system} is a standby now and cannot be changed; nothing was.",
                system=self.system,
                operation=self._operation,
                code=error.code,
            ) from error
        earlier = self._writing
        try:
            yield
            await self._execute(sql.SQL("COMMIT"))
        except BaseException:
            if await self._roll_back():
                self._writing = earlier
            raise

    async def write(self, statement: Statement) -> None:
        """Send a statement that changes something. Raises AdapterError."""
        self._writing = True
        await self._execute(statement)

    async def act(self, query: Statement, values: Sequence[object]) -> list[Row]:
        """The answer of a query that does something at once, outside any transaction. Raises AdapterError."""
        self._writing = True
        return await self.rows(query, values)

    @asynccontextmanager
    async def repeatable(self) -> AsyncIterator[None]:
        """Everything read inside is as of one moment."""
        await self._execute(sql.SQL("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        try:
            yield
        finally:
            await self._roll_back()

    def cut(self) -> None:
        """The deadline has come: end the connection under whatever waits for it.

        The socket is shut rather than the task cancelled, since psycopg would then first ask a server that does not
        answer to cancel the statement.
        """
        self._late = True
        try:
            with socket.socket(fileno=os.dup(self._connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        except (OSError, psycopg.Error):
            return

    @property
    def reusable(self) -> bool:
        """Whether another call may use the connection."""
        return not self._late and self._connection.info.transaction_status is TransactionStatus.IDLE

    async def _roll_back(self) -> bool:
        """Undo; False where the connection is gone, and the server does it by itself."""
        if self._late or self._connection.info.transaction_status is TransactionStatus.IDLE:
            return False
        try:
            await self._connection.execute("ROLLBACK")
        except psycopg.Error:
            await self._connection.close()
            return False
        return True

    async def _execute(self, statement: Statement, values: Sequence[object] = ()) -> psycopg.AsyncCursor[DictRow]:
        try:
            return await self._connection.execute(statement, values or None)
        except psycopg.Error as error:
            raise judged(error, self.system, self._operation, writing=self._writing, late=self._late) from error


class Links:
    """The connections to one server; a few are kept open between calls."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._idle: list[tuple[float, psycopg.AsyncConnection[DictRow]]] = []
        self.clock_offset: timedelta | None = None

    @property
    def system(self) -> str:
        """The operator's name of the server."""
        return self._target.system

    @property
    def home(self) -> str:
        """The database that is connected to unless another is named."""
        return self._target.database

    @asynccontextmanager
    async def link(self, operation: str, database: str = "") -> AsyncIterator[Link]:
        """A connection for one call, to this database or the one of the settings. Raises AdapterError."""
        system, until = self._target.system, monotonic() + self._target.deadline
        connection = None if database else self._waiting()
        fresh = connection is None
        if connection is None:
            connection = await self._connected(operation, database)
        link = Link(connection, system, operation)
        alarm = asyncio.get_running_loop().call_later(max(0.0, until - monotonic()), link.cut)
        keep = False
        try:
            if fresh:
                await self._prepare(link)
            yield link
            keep = True
        except AdapterError:
            keep = True
            raise
        finally:
            alarm.cancel()
            await self._let_go(connection, keep=keep and link.reusable and not database)

    async def close(self) -> None:
        """Let go of all connections."""
        idle, self._idle = self._idle, []
        for _, connection in idle:
            await connection.close()

    def _waiting(self) -> psycopg.AsyncConnection[DictRow] | None:
        """A connection kept from an earlier call that, as far as can be seen from here, still stands."""
        while self._idle:
            since, connection = self._idle.pop()
            if monotonic() - since < LONGEST_IDLE and _stands(connection):
                return connection
            connection.pgconn.finish()
        return None

    async def _connected(self, operation: str, database: str) -> psycopg.AsyncConnection[DictRow]:
        target = self._target
        try:
            async with asyncio.timeout(target.deadline):
                return await psycopg.AsyncConnection.connect(
                    make_conninfo("", **target.parameters(database)),
                    autocommit=True,
                    prepare_threshold=None,
                    row_factory=dict_row,
                )
        except TimeoutError:
            raise Unavailable(f"{target.system} does not answer.", system=target.system, operation=operation) from None
        except psycopg.Error as error:
            raise refused(error, target.system, operation) from error

    async def _prepare(self, link: Link) -> None:
        """Bound what every statement may take, and learn what time it is there."""
        settings = self._target.session_settings()
        calls = sql.SQL(", ").join([sql.SQL("set_config(%s, %s, false)")] * len(settings))
        values = [part for setting in settings.items() for part in setting]
        before = self._clock()
        found = await link.row(sql.SQL("SELECT clock_timestamp() AS at, {}").format(calls), values)
        if found is not None:
            self.clock_offset = found["at"] - before

    async def _let_go(self, connection: psycopg.AsyncConnection[DictRow], *, keep: bool) -> None:
        if keep and not connection.closed and len(self._idle) < MOST_IDLE:
            self._idle.append((monotonic(), connection))
            return
        await connection.close()


def _stands(connection: psycopg.AsyncConnection[DictRow]) -> bool:
    """Whether nothing came while it was idle: that would be its end, seen here without asking the server."""
    if connection.closed:
        return False
    line = select.poll()
    line.register(connection.fileno())
    return not any(event & ~select.POLLOUT for _, event in line.poll(0))
