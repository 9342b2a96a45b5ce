"""The package that docs/adapters.md starts from: installed as a stranger would, listed, tested and read by jmltui."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[2] / "docs" / "adapter-template"

SETTINGS = """\
[company]
name = "Example"
zone = "UTC"
[policy]
folder = "policy"
[systems.shop]
adapter = "example"
file = "shop.sqlite"
login = "{key}"
"""


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command that must succeed, told when it does not."""
    done = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_the_template_is_installed_tested_and_read(tmp_path: Path, private: Path) -> None:
    site, copy = tmp_path / "site", tmp_path / "copy"
    shutil.copytree(TEMPLATE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(copy))
    shutil.rmtree(copy / "jmltui_example")

    listed = run(sys.executable, "-m", "jmltui", "adapters", "--json", PYTHONPATH=str(site)).stdout
    row = next(row for row in json.loads(listed)["adapters"] if row["name"] == "example")
    assert (row["package"], row["version"], row["error"]) == ("jmltui-example", "0.1.0", "")

    own = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(copy / "tests")]
    told = run(*own, PYTHONPATH=str(site), PYTEST_ADDOPTS="").stdout
    assert "passed" in told
    assert "failed" not in told

    sys.path.insert(0, str(site))
    try:
        from jmltui_example.application import TABLES  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(site))
    with closing(sqlite3.connect(private / "shop.sqlite")) as db, db:
        db.executescript(TABLES)
        db.execute("INSERT INTO account VALUES (1, 'ana', 'Ana', 'ana@example.test', 'E1', 1, 1)")
        db.execute("INSERT INTO role VALUES (7, 'Till')")
        db.execute("INSERT INTO holds VALUES (1, 7)")
    (private / "policy").mkdir()
    (private / "policy" / "roles.yaml").write_text("roles: []\n", encoding="utf-8")
    (private / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    home = ["--home", str(private)]
    read = json.loads(run(sys.executable, "-m", "jmltui", "sync", "--json", *home, PYTHONPATH=str(site)).stdout)
    assert read["problems"] == {}
    assert read["systems"]["shop"] == {"accounts": 1, "entitlements": 1, "grants": 1}
    shown = run(sys.executable, "-m", "jmltui", "systems", *home, PYTHONPATH=str(site)).stdout
    assert "example (jmltui-example 0.1.0)" in shown
