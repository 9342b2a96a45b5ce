"""A practice company that was prepared once, and dashboards over copies of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jmltui.cli.context import Context, utc_now
from jmltui.cli.demo_command import prepare
from jmltui.config.places import Places
from jmltui.config.settings import load
from jmltui.lifecycle.board import open_board
from jmltui.ui.app import Dashboard
from jmltui.ui.desk import Outside
from jmltui.ui.glyphs import UNICODE, Glyphs
from jmltui.worker.process import ensure_worker

MONDAY = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


@dataclass
class Company:
    """A prepared practice company of one test."""

    folder: Path
    clock: Callable[[], datetime] = utc_now

    @property
    def places(self) -> Places:
        return Places(self.folder, self.folder)

    def dashboard(self, actor: str = "ana", glyphs: Glyphs = UNICODE, *, worker: bool = True) -> Dashboard:
        """A dashboard of one operator; each test closes it by leaving `run_test`."""
        environ = {**os.environ, "JMLTUI_HOME": str(self.folder)}
        board = open_board(self.places, load(self.places.settings_file), self.clock, environ)

        def start_worker() -> None:
            if worker:
                ensure_worker(self.places, environ)

        outside = Outside(self.places, actor, self.clock, environ, start_worker, lambda: None)
        return Dashboard(board, outside, glyphs=glyphs)


def prepared(folder: Path, clock: Callable[[], datetime]) -> Path:
    """Write the company and live through its week at the instant of the clock."""
    environ = {**os.environ, "JMLTUI_HOME": str(folder)}
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        prepare(folder, Context(environ, nowhere, nowhere, home=str(folder), clock=clock), "ana")
    with closing(sqlite3.connect(folder / "cache.sqlite", isolation_level=None)) as connection:
        # The only thing that a real clock measured.
        connection.execute("UPDATE system SET seconds = 0.2")
    return folder
