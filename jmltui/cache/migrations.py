"""Bringing a cache to this version: numbered SQL files, one per version and dialect, applied in one transaction."""

from __future__ import annotations

import sqlite3
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from jmltui.errors import CacheTooNew

if TYPE_CHECKING:
    from .engine import Cache

LATEST: Final = 3
SEPARATOR: Final = "\n--;;\n"


def statements(version: int, dialect: str) -> list[str]:
    """The statements of one version for `sqlite` or `postgresql`."""
    file = resources.files("jmltui.cache") / "schema" / f"{version:03}.{dialect}.sql"
    return [part.strip() for part in file.read_text(encoding="utf-8").split(SEPARATOR) if part.strip()]


def migrate(cache: Cache) -> None:
    """Apply what is missing. Raises CacheTooNew for a cache of a newer jmltui. Safe in several processes at once."""
    if _at(cache) == LATEST:
        return
    if cache.is_sqlite:
        with cache.raw_write() as connection:
            _apply_sqlite(connection)
    else:
        with cache.write() as session:
            session.execute(text("SELECT pg_advisory_xact_lock(7011970)"))
            present = session.execute(text("SELECT to_regclass('meta')")).scalar()
            current = 0
            if present is not None:
                current = int(session.execute(text("SELECT value FROM meta WHERE key='schema'")).scalar() or 0)
            for version in _missing(current):
                for statement in statements(version, "postgresql"):
                    session.connection().exec_driver_sql(statement)
            session.execute(text("UPDATE meta SET value=:v WHERE key='schema'"), {"v": str(LATEST)})


def _at(cache: Cache) -> int:
    """The version of the cache, 0 for a new one; the fast way, without a write lock."""
    if cache.is_sqlite:
        with cache.raw_connection() as connection:
            current = _sqlite_version(connection)
    else:
        with cache.read() as session:
            present = session.execute(text("SELECT to_regclass('meta')")).scalar()
            value = None
            if present is not None:
                value = session.execute(text("SELECT value FROM meta WHERE key='schema'")).scalar()
            current = int(value or 0)
    _missing(current)
    return current


def _missing(current: int) -> range:
    if current > LATEST:
        raise CacheTooNew(
            f"The cache was written by a newer jmltui (its tables have version {current}, this one knows {LATEST}).",
            hint="Install the newer jmltui again, or name another cache in the settings.",
        )
    return range(current + 1, LATEST + 1)


def _sqlite_version(connection: sqlite3.Connection) -> int:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name='meta'").fetchone()
    if found is None:
        return 0
    row = connection.execute("SELECT value FROM meta WHERE key='schema'").fetchone()
    return int(row[0]) if row else 0


def _apply_sqlite(connection: Any) -> None:
    for version in _missing(_sqlite_version(connection)):
        for statement in statements(version, "sqlite"):
            connection.execute(statement)
    connection.execute("UPDATE meta SET value=? WHERE key='schema'", (str(LATEST),))
