"""What `jmltui doctor` says about the machine around us."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.ui.terminal import Terminal


def told(folder: Path, terminal: bool, **environ: str) -> str:
    command = [sys.executable, "-m", "jmltui", "doctor", "--home", str(folder)]
    full = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environ}
    if not terminal:
        return subprocess.run(command, env=full, capture_output=True, text=True, check=False).stdout
    shown = Terminal(command, full, width=200, height=50)
    shown.ended(60)
    shown.close()
    return shown.text


def test_terminal_keyring_and_worker_are_looked_at(private: Path) -> None:
    folder = private / "practice"
    subprocess.run([sys.executable, "-m", "jmltui", "practice", "new", str(folder)], check=True)
    piped = told(folder, terminal=False)
    assert "the dashboard needs one" in piped
    assert "None runs; the next request starts it" in piped
    assert "keyring" in piped
    assert "200×50, Unicode signs" in told(folder, terminal=True)
    assert "plain ASCII signs" in told(folder, terminal=True, TERM="linux")
    assert "no colour (NO_COLOR)" in told(folder, terminal=True, NO_COLOR="1")
    assert "cannot show a full screen" in told(folder, terminal=True, TERM="dumb")
