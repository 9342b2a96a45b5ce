"""Opening the cache: SQLite in WAL mode, or PostgreSQL, behind the same two sessions.

Every write is a short transaction that takes the write lock at its begin (`BEGIN IMMEDIATE`), so a read that turns into
a write never fails with "database is locked". Nothing may await a network call while one is open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from jmltui.errors import CacheError, CacheFull, JmltuiError, StaleWrite

from . import migrations
from .places import prepare_file

BUSY_MILLISECONDS: Final = 15_000
WRITE_LOCK: Final = 7011971
"""The advisory lock that a writer of a PostgreSQL database holds."""


class Cache:
    """One open cache. Sessions come from `read()` and `write()`; close it when done."""

    def __init__(self, url: str, clock: Callable[[], datetime]) -> None:
        self.url = url
        self.clock = clock
        self.is_sqlite = not url.startswith("postgresql")
        self.path = Path(url) if self.is_sqlite else None
        if self.path is not None:
            self._writer = _sqlite_engine(self.path, writing=True)
            self._reader = _sqlite_engine(self.path, writing=False)
        else:
            self._writer = create_engine(url, hide_parameters=True, pool_pre_ping=True)
            self._reader = self._writer.execution_options(postgresql_readonly=True)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one write transaction: committed at the end, rolled back on any error.

        Raises CacheFull when the disk is full or the file read-only, CacheError when the database is gone.
        """
        with (
            _told(self),
            Session(self._writer, expire_on_commit=False, autoflush=True) as session,
            session.begin(),
        ):
            self._alone(session.connection())
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state and cannot write."""
        with _told(self), Session(self._reader, autoflush=False) as session, session.begin():
            yield session

    @contextmanager
    def scratch(self) -> Iterator[Session]:
        """A session that sees one consistent state and may fill temporary tables, which vanish at its end.

        It takes no write lock; nothing it does to other tables is kept.
        """
        if self.path is not None:
            engine = _sqlite_engine(self.path, writing=False, query_only=False)
        else:
            engine = self._writer.execution_options(isolation_level="REPEATABLE READ")
        try:
            with _told(self), Session(engine, autoflush=False) as session:
                yield session
        finally:
            if self.path is not None:
                engine.dispose()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection outside of any transaction, to stage into temporary tables before `write_on`."""
        with _told(self), self._writer.connect() as connection:
            yield connection

    @contextmanager
    def write_on(self, connection: Connection) -> Iterator[Session]:
        """A session as `write` gives, on a connection of `connection()`."""
        with _told(self), Session(connection, expire_on_commit=False) as session, session.begin():
            self._alone(session.connection())
            yield session

    def _alone(self, connection: Connection) -> None:
        """Take the write lock of a PostgreSQL database, as BEGIN IMMEDIATE does in SQLite: the journal's chain and the
        claims rest on writes that follow each other. The end of the transaction lets go of it."""
        if not self.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")

    @contextmanager
    def raw_write(self) -> Iterator[Any]:
        """The driver's own connection inside one write transaction, for bulk work."""
        with _told(self), self._writer.begin() as connection:
            self._alone(connection)
            yield connection.connection.dbapi_connection

    @contextmanager
    def raw_connection(self) -> Iterator[Any]:
        """The driver's own connection outside of any transaction, for staging into temporary tables."""
        with _told(self):
            proxied = self._writer.raw_connection()
            try:
                yield proxied.dbapi_connection
            finally:
                proxied.close()

    def close(self) -> None:
        """Let go of all connections."""
        self._writer.dispose()
        self._reader.dispose()


def open_cache(url: str, *, clock: Callable[[], datetime], create: bool = True) -> Cache:
    """Open the cache and bring its tables to this version.

    Raises CacheUnsafe, CacheTooNew, CacheFull, or CacheError for a file that is no cache.
    """
    if not url.startswith("postgresql"):
        path = Path(url)
        if not create and not path.exists():
            raise CacheError(f"There is no cache at {path} yet.", hint="Run `jmltui sync` first.")
        prepare_file(path)
    cache = Cache(url, clock)
    try:
        with _told(cache):
            migrations.migrate(cache)
    except BaseException:
        cache.close()
        raise
    return cache


def _sqlite_engine(path: Path, *, writing: bool, query_only: bool = True) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", hide_parameters=True, connect_args={"timeout": BUSY_MILLISECONDS / 1000}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
        if writing:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        elif query_only:
            connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


@contextmanager
def _told(cache: Cache) -> Iterator[None]:
    """Turn what the database says into one sentence."""
    try:
        yield
    except JmltuiError:
        raise
    except (DBAPIError, sqlite3.Error) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        raise _sentence(cache, original) from error


def _sentence(cache: Cache, error: BaseException | None) -> JmltuiError:
    place = str(cache.path) if cache.path is not None else "The database"
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR):
        why = {sqlite3.SQLITE_FULL: "the disk is full", sqlite3.SQLITE_READONLY: "it is read-only"}.get(
            primary or 0, "the disk does not answer properly"
        )
        return CacheFull(
            f"The cache {place} cannot be written: {why}. Nothing was changed anywhere.",
            hint="Make room or give the right to write; what was begun goes on by itself.",
        )
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return CacheError(
            f"The cache {place} is damaged or is not a cache of jmltui.",
            hint="Move it away and restore the last copy; a new one is filled by `jmltui sync`.",
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StaleWrite(
            f"The cache {place} was busy for more than {BUSY_MILLISECONDS // 1000} seconds; nothing was changed.",
            hint="Try again; if it stays so, look for a stopped jmltui process.",
        )
    if primary == sqlite3.SQLITE_CANTOPEN:
        return CacheError(f"The cache {place} cannot be opened.", hint="Look at its folder's owner and mode.")
    state = getattr(error, "sqlstate", None)
    if cache.path is None and (state is None or str(state)[:2] in ("08", "57", "53")):
        return CacheError(
            "The database server does not answer; nothing was changed.",
            hint="What the worker has begun goes on when the server is back.",
        )
    return CacheError(f"The database refused the request: {_first_line(error)}.", hint="Please report this.")


def _first_line(error: BaseException | None) -> str:
    text = str(error).strip().splitlines()
    return text[0].rstrip(".") if text else "no reason given"
