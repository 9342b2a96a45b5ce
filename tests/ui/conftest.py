"""The practice company behind a dashboard that a test holds in its hands."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from jmltui.cli.context import utc_now
from jmltui.ui.app import Dashboard
from jmltui.ui.widgets.bar import Bar
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView
from jmltui.worker.process import stop_worker

from .company import MONDAY, Company, prepared


@pytest.fixture(scope="session")
def week_now(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("week") / "now", utc_now)


@pytest.fixture(scope="session")
def week_then(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("week") / "then", lambda: MONDAY)


def _copy(week: Path, to: Path) -> Path:
    shutil.copytree(week, to)
    os.chmod(to, 0o700)
    return to


@pytest.fixture
def company(week_now: Path, tmp_path: Path) -> Iterator[Company]:
    """A practice company of today, with a real worker."""
    made = Company(_copy(week_now, tmp_path / "company"))
    yield made
    stop_worker(made.places)


@pytest.fixture
def standing(week_then: Path, tmp_path: Path) -> Company:
    """A practice company of a Monday that never ends, without a worker."""
    return Company(_copy(week_then, tmp_path / "company"), lambda: MONDAY)


def text_of(app: Dashboard) -> str:
    """What an operator reads on the screen."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


async def until(pilot: Pilot[None], seen: Callable[[], bool], seconds: float = 40) -> None:
    """Wait for something that another process does."""
    end = asyncio.get_running_loop().time() + seconds
    while not seen():
        assert asyncio.get_running_loop().time() < end, text_of(pilot.app)  # type: ignore[arg-type]  # our app
        await pilot.pause(0.05)


def answer(app: Dashboard) -> str:
    """What the answer line says."""
    return app.screen.query_one("#answer", Bar).text


def lines_of(app: Dashboard, widget: str) -> str:
    """The text of a pane, "" while its screen is still being put together."""
    return "\n".join(line.text for pane in app.screen.query(widget).results(LineList) for line in pane.lines)


def rows_of(app: Dashboard) -> list[str]:
    """The rows of the list that are on the screen."""
    view = app.screen.query_one("#list", RowView)
    return ["".join(text for text, _ in view.spans(row, 78)) for row in range(min(view.count(), 20))]
