"""`jmltui dashboard`, which is also `jmltui` alone."""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from jmltui.errors import StaleWrite, UsageError

from .context import Context

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALLEST = (40, 10)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--ascii", action="store_true", help="plain ASCII signs, for terminals that show no others")
    parser.add_argument("--mouse", action="store_true", help="let the mouse click and scroll (more bytes on the line)")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Open the dashboard; returns when it is left."""
    return show(context, ascii_only=arguments.ascii, mouse=arguments.mouse)


def show(context: Context, *, ascii_only: bool = False, mouse: bool = False, home: str = "") -> int:
    """Open the board first, so that its errors reach a terminal that is still as it was; then show it."""
    _fit_terminal(context.environ)
    # Everything that starting makes stays: looking for garbage among it would cost a tenth of the start.
    gc.disable()
    from jmltui.config import settings as settings_file
    from jmltui.lifecycle.board import open_board

    places = context.places
    if not places.settings_file.exists():
        raise UsageError(
            f"There are no settings in {places.config_dir}.",
            hint="`jmltui init` writes them; `jmltui demo` opens a practice company.",
        )
    settings = settings_file.load(places.settings_file)
    board = open_board(places, settings, context.clock, context.environ)

    from jmltui.ui.app import Dashboard
    from jmltui.ui.desk import Outside
    from jmltui.ui.glyphs import ASCII

    environ = dict(context.environ)
    if context.home or home:
        environ["JMLTUI_HOME"] = os.path.abspath(context.home or home)

    def start_worker() -> None:
        from jmltui.worker.process import ensure_worker

        ensure_worker(places, environ)

    started: list[subprocess.Popen[bytes]] = []

    def start_sync() -> None:
        places.ensure_state()
        log = os.open(places.state_dir / "sync.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            started[:] = [child for child in started if child.poll() is None]
            if started:
                raise StaleWrite("The sources and systems are being read already.")
            child = subprocess.Popen(
                [sys.executable, "-m", "jmltui", "sync"],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
            started.append(child)
        finally:
            os.close(log)

    outside = Outside(places, context.actor.login, context.clock, environ, start_worker, start_sync)
    app = Dashboard(board, outside, glyphs=ASCII if ascii_only else None)
    try:
        app.run(mouse=mouse)
    finally:
        app.close()
    if app.report:
        context.err.write(app.report + "\n")
    return app.return_code or 0


def _fit_terminal(environ: Mapping[str, str]) -> None:
    """Raises UsageError where no screen can be shown, with the command that shows the same as text."""
    if not (sys.stdin.isatty() and sys.stderr.isatty() and sys.stdout.isatty()):
        raise UsageError("The dashboard needs a terminal.", hint="`jmltui cases` lists the same as text.")
    if environ.get("TERM", "") in ("dumb", ""):
        raise UsageError(
            "This terminal cannot show a full screen (TERM says so).", hint="`jmltui cases` lists the same as text."
        )
