"""Every command line of the tour is run, in its order."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.nursery import calling, program

TOUR = Path(__file__).resolve().parents[2] / "docs" / "tour.md"


def commands() -> list[tuple[str, int]]:
    """(command line, exit code it is said to end with)."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", TOUR.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            command, _, told = line.removeprefix("$ ").partition("   # ends with ")
            found.append((command, int(told or 0)))
    return found


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_tour_is_true(private: Path) -> None:
    lines = commands()
    assert len(lines) > 80
    programs = private / "bin"
    programs.mkdir()
    program(programs / "jmltui")
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    try:
        for line, code in lines:
            done = subprocess.run(
                ["bash", "-c", line], cwd=private, env=environ, capture_output=True, text=True, check=False
            )
            assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
    finally:
        for home in ("practice", "office"):
            stop = calling("worker", "--stop", "--home", home)
            subprocess.run(stop, cwd=private, env=dict(os.environ), check=False, capture_output=True)
