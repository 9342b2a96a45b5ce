"""The place of the one worker of a database: held by a lock that is let go of at its holder's end."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from jmltui.errors import CacheError, JmltuiError

WORKER_LOCK: Final = 7011972
"""The advisory lock of a PostgreSQL database that its one worker holds."""

FREE_WHEN_CUT: Final = (
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
    "SET idle_session_timeout = 0",
)
"""What the server is told: to let go of the place within half a minute when the worker's machine is cut off."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place at a PostgreSQL database; `number` and `began` name the server's process that holds the lock for us."""

    number: int
    began: datetime

    def is_held(self, session: Session) -> bool:
        """Whether the server still holds it for us: a cut connection or a restarted server gave it away.

        Asked in the transaction of a claim, so that nothing is begun by a worker beside whom there may be another.
        """
        query = text(
            "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory'"
            " AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND l.classid = 0 AND l.objid = :lock AND l.objsubid = 1 AND l.pid = :pid AND a.backend_start = :began"
        )
        facts = {"lock": WORKER_LOCK, "pid": self.number, "began": self.began}
        return session.execute(query, facts).first() is not None


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
        for statement in FREE_WHEN_CUT:
            connection.exec_driver_sql(statement)
        own = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        number, began = connection.exec_driver_sql(own).one()
        yield Place(number, began)


def owner_name() -> str:
    """The name that a worker claims with."""
    return f"worker:{socket.gethostname()}:{os.getpid()}"


def surely_gone(owner: str) -> bool:
    """Whether the process of an owner is known to have ended: it was of this machine and is no more.

    A worker of another machine may have lost its place and still be in the middle of a call: its lease tells.
    """
    host, _, number = owner.partition(":")[2].rpartition(":")
    if host != socket.gethostname() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


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
