"""Canaille: a SCIM server of a third author, and of the least obliging dialect."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .postgres import missing
from .scim2 import ScimServer, free_port, wait_for

PROGRAM = Path(__file__).with_name("canaille_program.py")
PYTHON = Path(__file__).parents[2] / ".cache" / "servers" / "canaille" / "bin" / "python"


@pytest.fixture
def canaille_server(tmp_path: Path) -> Iterator[ScimServer]:
    """A fresh server without users and groups."""
    if not PYTHON.with_name(".complete").exists():
        missing("Canaille")
    port, token, log = free_port(), "secret", tmp_path / "canaille.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(PYTHON), "-P", str(PROGRAM), str(port), token], stdout=out, stderr=out, cwd=tmp_path
        )
    try:
        wait_for(port, process, log)
        yield ScimServer(f"http://127.0.0.1:{port}/scim/v2", token, process)
    finally:
        process.kill()
        process.wait()
