"""Faults of the practice company on request, as somebody who learns would use them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.nursery import calling


def call(folder: Path, *words: str, code: int | None = 0) -> Any:
    command = calling(*words, "--home", str(folder), "--json")
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert code in (None, done.returncode), done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice company at the end of its week."""
    private = tmp_path_factory.mktemp("private")
    private.chmod(0o700)
    folder = private / "practice"
    call(folder, "practice", "new", str(folder))
    call(folder, "sync")
    while "over" not in call(folder, "practice", "next", str(folder))["done"]:
        call(folder, "sync")
    return folder


@pytest.fixture
def week(lived: Path, private: Path) -> Path:
    """One of its own."""
    folder = private / "practice"
    shutil.copytree(lived, folder)
    return folder


def test_a_system_that_is_down_is_named_and_comes_back(week: Path) -> None:
    call(week, "practice", "fault", str(week), "chat", "down")
    report = call(week, "sync", code=3)
    assert list(report["problems"]) == ["chat"]
    assert set(report["systems"]) > {"directory", "vpn"}, "the other systems were read"
    call(week, "practice", "fault", str(week), "chat", "none")
    assert call(week, "sync")["problems"] == {}


def test_a_lie_is_found_out(week: Path) -> None:
    call(week, "practice", "fault", str(week), "directory", "lying")
    joiner = next(
        case for case in call(week, "cases")["cases"] if case["kind"] == "joiner" and case["due"] < case["opened_at"]
    )
    try:
        call(week, "run", str(joiner["id"]), "--wait", "60", code=None)
        states = [
            action["state"]
            for step in call(week, "plan", str(joiner["id"]))["steps"]
            for action in step["actions"]
            if action["system"] == "directory"
        ]
        assert "contradicted" in states, "the directory said yes and did nothing; the read-back says so"
    finally:
        call(week, "worker", "--stop")


def test_a_wrong_word_names_the_right_one(week: Path) -> None:
    told = call(week, "practice", "fault", str(week), "directory", "lyin", code=2)
    assert "lying" in told["hint"]
    told = call(week, "practice", "fault", str(week), "direktory", "down", code=2)
    assert "directory" in told["hint"]
    call(week, "practice", "fault", str(week / "elsewhere"), "chat", "down", code=2)


def test_a_stranger_is_linked_by_hand_and_stays_linked(week: Path) -> None:
    with closing(sqlite3.connect(week / "cache.sqlite")) as cache:
        login, system = cache.execute("SELECT login, system FROM account WHERE link <> 'confirmed'").fetchone()
        key = cache.execute("SELECT key FROM person WHERE present = 1 ORDER BY id").fetchone()[0]
        other = cache.execute("SELECT key FROM person WHERE present = 1 ORDER BY id DESC").fetchone()[0]
    assert login in call(week, "link", key, system, login)["done"]
    assert "already" in call(week, "link", key, system, login)["done"]
    assert key in call(week, "link", other, system, login, code=6)["error"], "nobody's account is taken from them"
    call(week, "sync")
    assert "already" in call(week, "link", key, system, login)["done"], "a sync keeps what a person said"
    call(week, "link", "--release", key, system, login)
    assert login in call(week, "link", key, system, login[:-1], code=2)["hint"], "the nearest account is named"
