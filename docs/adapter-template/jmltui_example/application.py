"""The application's side: its tables, and every failure of it as one typed error."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from jmltui.adapter_api import Conflict, ContractBroken, OutcomeUnknown, Unavailable

T = TypeVar("T")

TABLES = """
CREATE TABLE account (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL,
    email TEXT NOT NULL, staff_number TEXT, active INTEGER NOT NULL, version INTEGER NOT NULL);
CREATE TABLE role (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE holds (account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
    role INTEGER NOT NULL REFERENCES role, PRIMARY KEY (account, role));
"""
"""The tables as the application makes them."""


class Application:
    """The file of one application. Each call has a connection of its own, in a thread: nothing waits for the disk."""

    def __init__(self, system: str, file: Path) -> None:
        self._system = system
        self._file = file

    async def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The answer to a question. Raises Unavailable, ContractBroken."""
        return await asyncio.to_thread(self._ask, question, False)

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Make a change in one transaction. Raises Unavailable where nothing was changed, OutcomeUnknown."""
        return await asyncio.to_thread(self._ask, change, True)

    def _ask(self, question: Callable[[sqlite3.Connection], T], writing: bool) -> T:
        if not self._file.is_file():
            raise Unavailable(f"The file {self._file} of {self._system} is not there.", system=self._system)
        sent = False
        try:
            place = f"{self._file.as_uri()}?mode=rw"
            with closing(sqlite3.connect(place, uri=True, isolation_level=None, timeout=5)) as db:
                db.execute("PRAGMA foreign_keys = ON")
                db.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
                answer = question(db)
                sent = writing
                db.execute("COMMIT")
                return answer
        except sqlite3.IntegrityError as error:
            raise Conflict(f"{self._system} refuses the change: {error}.", system=self._system) from error
        except sqlite3.OperationalError as error:
            if sent:
                told = f"{self._system} did not say whether it kept the change: {error}."
                raise OutcomeUnknown(told, system=self._system) from error
            raise Unavailable(f"{self._system} cannot be asked: {error}.", system=self._system) from error
        except sqlite3.DatabaseError as error:
            told = f"{self._system} is no file of the application: {error}."
            raise ContractBroken(told, system=self._system) from error
