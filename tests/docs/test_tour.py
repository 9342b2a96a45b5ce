"""Every command line of the tour is run, in its order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

TOUR = Path(__file__).resolve().parents[2] / "docs" / "tour.md"


def commands() -> list[tuple[str, int]]:
    """(command line, exit code it is said to end with)."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", TOUR.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            command, _, told = line.removeprefix("$ ").partition("   # ends with ")
            found.append((command, int(told or 0)))
    return found


def test_the_tour_is_true(private: Path) -> None:
    lines = commands()
    assert len(lines) > 15
    try:
        for line, code in lines:
            words = shlex.split(line)
            assert words[0] == "jmltui"
            command = [sys.executable, "-m", "jmltui", *words[1:]]
            done = subprocess.run(
                command, cwd=private, env=dict(os.environ), capture_output=True, text=True, check=False
            )
            assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
    finally:
        stop = [sys.executable, "-m", "jmltui", "worker", "--stop", "--home", "practice"]
        subprocess.run(stop, cwd=private, env=dict(os.environ), check=False, capture_output=True)
