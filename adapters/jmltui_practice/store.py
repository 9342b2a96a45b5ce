"""The one file in which all practice systems live; several processes use it at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BUSY_SECONDS: Final = 10.0

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS account (
  system TEXT NOT NULL, id TEXT NOT NULL, login TEXT NOT NULL, folded TEXT NOT NULL, state TEXT NOT NULL,
  email TEXT NOT NULL DEFAULT '', external_id TEXT, display TEXT NOT NULL DEFAULT '',
  kind TEXT NOT NULL DEFAULT 'person', last_seen TEXT, version INTEGER NOT NULL DEFAULT 1,
  state_before TEXT, settles_at TEXT, PRIMARY KEY (system, id), UNIQUE (system, folded)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entitlement (
  system TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
  privileged INTEGER NOT NULL DEFAULT 0, grantable INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (system, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (
  system TEXT NOT NULL, account_id TEXT NOT NULL, entitlement_id TEXT NOT NULL, via TEXT NOT NULL DEFAULT '',
  expires TEXT, PRIMARY KEY (system, account_id, entitlement_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
  system TEXT NOT NULL, id TEXT NOT NULL, account_id TEXT NOT NULL, started TEXT, place TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (system, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS credential (
  system TEXT NOT NULL, id TEXT NOT NULL, account_id TEXT NOT NULL, kind TEXT NOT NULL, created TEXT,
  active INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (system, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY, system TEXT NOT NULL, at TEXT NOT NULL, account_id TEXT NOT NULL, what TEXT NOT NULL,
  target TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS event_of ON event (system, account_id, seq);
CREATE TABLE IF NOT EXISTS fault (
  system TEXT NOT NULL, kind TEXT NOT NULL, times INTEGER, seconds REAL NOT NULL DEFAULT 0,
  PRIMARY KEY (system, kind)) WITHOUT ROWID;
"""


def connect(file: Path, *, create: bool = False) -> sqlite3.Connection:
    """Open the file. Raises sqlite3.Error; without `create` a missing file is an error, never an empty company."""
    mode = "rwc" if create else "rw"
    link = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    link.row_factory = sqlite3.Row
    try:
        if create:
            link.execute("PRAGMA journal_mode=WAL")
            link.executescript(SCHEMA)
        link.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        link.close()
        raise
    return link


@contextmanager
def writing(link: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A short transaction that holds the write lock from its beginning."""
    link.execute("BEGIN IMMEDIATE")
    try:
        yield link
    except BaseException:
        link.execute("ROLLBACK")
        raise
    link.execute("COMMIT")
