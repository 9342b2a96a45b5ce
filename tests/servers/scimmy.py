"""SCIMMY on Express: a SCIM server of another author, with another dialect."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .postgres import missing
from .scim2 import ScimServer, free_port, wait_for

PROGRAM = Path(__file__).with_suffix(".mjs")
PACKAGES = Path(__file__).parents[2] / ".cache" / "servers" / "scimmy"


@pytest.fixture
def scimmy_server(tmp_path: Path) -> Iterator[ScimServer]:
    """A fresh server without users and groups."""
    node = shutil.which("node")
    if node is None:
        missing("nodejs")
    if not (PACKAGES / "node_modules" / "scimmy-routers").is_dir():
        missing("SCIMMY")
    port, token, log = free_port(), "secret", tmp_path / "scimmy.log"
    with log.open("wb") as out:
        process = subprocess.Popen([str(node), str(PROGRAM), str(PACKAGES), str(port), token], stdout=out, stderr=out)
    try:
        wait_for(port, process, log)
        yield ScimServer(f"http://127.0.0.1:{port}/scim", token, process)
    finally:
        process.kill()
        process.wait()
