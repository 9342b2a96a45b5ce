"""The commands as a user calls them: what they print, what they end with."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jmltui import __version__
from jmltui.cli import COMMANDS

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(private: Path) -> Run:
    def call(*words: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "JMLTUI_HOME": str(private)}
        command = [sys.executable, "-m", "jmltui", *words]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    return call


def test_version_and_help(run: Run) -> None:
    assert run("--version").stdout == f"jmltui {__version__}\n"
    told = run("--help").stdout
    assert all(f"  {name} " in told for _, name, _ in COMMANDS)


@pytest.mark.parametrize("name", [name for _, name, _ in COMMANDS])
def test_every_command_explains_itself(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert "usage: jmltui" in done.stdout


def test_a_first_day(run: Run, private: Path) -> None:
    assert "written" in run("init").stdout
    assert "kept as it is" in run("init").stdout
    assert stat.S_IMODE((private / "settings.toml").stat().st_mode) == 0o600
    doctor = run("doctor")
    assert doctor.returncode == 1
    assert "people.csv cannot be read" in doctor.stdout
    (private / "people.csv").write_text(
        "employee_id,name,email,department,title,manager,first_day,last_day\n"
        "E1,Ana \x1b]52;c;ZXZpbA==\x07,ana@example.test,Finance,Analyst,,,\n"
    )
    synced = run("sync")
    assert synced.returncode == 0, synced.stderr
    assert "hr: 1 people" in synced.stdout
    assert run("explain", "E1").returncode == 0
    assert "not be altered" not in run("journal", "verify").stdout
    assert run("journal", "verify").returncode == 0


def test_no_data_reaches_the_terminal_raw(run: Run, private: Path) -> None:
    run("init")
    head = "employee_id,name,email,department,title,manager,first_day,last_day\n"
    (private / "people.csv").write_text(head + "E1,A\x1b]52;c;ZXZpbA==\x07[31mB,,,,,,\n")
    run("sync")
    for words in (("journal",), ("cases",), ("explain", "E1"), ("journal", "--json"), ("cases", "--json")):
        done = run(*words)
        assert not [c for c in done.stdout + done.stderr if ord(c) < 0x20 and c != "\n"], words


@pytest.mark.parametrize("words", [("cases",), ("sync",), ("policy", "lint")])
def test_a_mistake_in_the_settings_is_one_sentence_with_its_place(
    run: Run, private: Path, words: tuple[str, ...]
) -> None:
    (private / "settings.toml").write_text("[company]\nnmae = 'x'\n")
    done = run(*words)
    assert done.returncode == 2
    assert "settings.toml:2:1" in done.stderr
    assert "name" in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_are_json_when_json_is_asked_for(run: Run) -> None:
    run("init")
    done = run("plan", "7", "--json")
    assert done.returncode == 1
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["error"] == "There is no case 7."


def test_a_second_worker_says_so(run: Run, private: Path) -> None:
    run("init")
    environ = {**os.environ, "JMLTUI_HOME": str(private)}
    first = subprocess.Popen([sys.executable, "-m", "jmltui", "worker", "--stay"], env=environ)
    try:
        while run("worker", "--status").returncode != 0:
            assert first.poll() is None
        second = run("worker")
        assert second.returncode == 9
        assert "serves this cache already" in second.stderr
        assert run("worker", "--stop").stdout == "The worker has ended.\n"
        assert first.wait(timeout=10) == 0
    finally:
        first.kill()
