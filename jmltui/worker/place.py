"""The place of the one worker of a database: held by a lock that is let go of at its holder's end."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from jmltui.errors import CacheError, JmltuiError

WORKER_LOCK: Final = 7011972
"""The advisory lock of a PostgreSQL database that its one worker holds."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place at a PostgreSQL database; `number` is the server's process that holds the lock for us."""

    number: int

    def is_held(self, session: Session) -> bool:
        """Whether the server still holds it for us: a cut connection or a restarted server gave it away.

        Asked in the transaction of a claim, so that nothing is begun by a worker beside whom there may be another.
        """
        query = text(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = :lock AND pid = :pid"
            " AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return session.execute(query, {"lock": WORKER_LOCK, "pid": self.number}).first() is not None


class WorkerRuns(JmltuiError):
    """Another worker serves this database already."""

    exit_code = 9


@contextmanager
def only_worker(lock: Path) -> Iterator[None]:
    """Hold the lock of the database. Raises WorkerRuns when somebody else does."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkerRuns("A worker serves this cache already; one is enough.") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


@contextmanager
def only_worker_of(url: str) -> Iterator[Place]:
    """Hold the worker's place at a PostgreSQL database, which the server frees when the connection is gone.

    Raises WorkerRuns when another worker has it, here or on another machine, and CacheError when nobody answers.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    engine = create_engine(url, hide_parameters=True, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        connection = engine.connect()
    except DBAPIError as error:
        raise CacheError(
            "The database server does not answer.", hint="Look whether it runs, then try again."
        ) from error
    with connection:
        if not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({WORKER_LOCK})").scalar():
            raise WorkerRuns("A worker serves this database already, maybe on another machine; one is enough.")
        number = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        yield Place(number)


def running_worker(lock: Path) -> int | None:
    """The process number of the worker that holds the lock, None when there is none."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 32).decode("ascii", "replace").strip()
        return int(text) if text.isdecimal() else 0
    finally:
        os.close(descriptor)
    return None
