"""What `jmltui doctor` says about the machine around us: the terminal, the keyring, the worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from jmltui.config.keyrings import keyring_problem
from jmltui.config.places import Places
from jmltui.lifecycle.doctor import GOOD, WARNING, Finding

COMFORT: Final = (80, 24)


def surroundings(places: Places, environ: Mapping[str, str]) -> list[Finding]:
    """Findings about terminal, keyring and worker. None of them is ever wrong: the work goes on without."""
    problem = keyring_problem()
    keyring = Finding(WARNING, "keyring", problem) if problem else Finding(GOOD, "keyring", "It is there and answers.")
    return [*_terminal(environ), _worker(places), keyring]


def _terminal(environ: Mapping[str, str]) -> list[Finding]:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return [Finding(WARNING, "terminal", "There is none here; the commands work, the dashboard needs one.")]
    from jmltui.ui.glyphs import ASCII, glyphs_for

    kind = environ.get("TERM", "")
    if kind in ("", "dumb"):
        return [Finding(WARNING, "terminal", "TERM says that it cannot show a full screen; use the commands.")]
    size = os.get_terminal_size(sys.stderr.fileno())
    signs = "plain ASCII signs" if glyphs_for(sys.stderr.encoding, environ) is ASCII else "Unicode signs"
    colour = "no colour (NO_COLOR)" if "NO_COLOR" in environ else "its own colours"
    told = f"{kind}, {size.columns}×{size.lines}, {signs}, {colour}."
    if 0 < size.columns < COMFORT[0] or 0 < size.lines < COMFORT[1]:
        return [Finding(WARNING, "terminal", f"{told} Smaller than 80×24: columns are left out.")]
    return [Finding(GOOD, "terminal", told)]


def _worker(places: Places) -> Finding:
    from jmltui.worker.place import running_worker

    number = running_worker(places.worker_lock())
    if number is None:
        return Finding(GOOD, "worker", f"None runs; the next request starts it. Its log: {places.worker_log}")
    begun = datetime.fromtimestamp(places.worker_lock().stat().st_mtime, UTC)
    return Finding(
        GOOD,
        "worker",
        f"It runs since {begun:%Y-%m-%d %H:%M} UTC, process {number or 'unknown'}. Its log: {places.worker_log}",
    )
