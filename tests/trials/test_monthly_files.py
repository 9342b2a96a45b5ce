"""Monthly people files forwards, then backwards, through the commands, against a real SCIM server.

The files are those of an invented company; `make trial DATA=FOLDER` runs the same on those of a real one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.nursery import calling
from tests.trials import company, installation
from tests.trials.directory import Directory

pytestmark = [pytest.mark.trial, pytest.mark.timeout(1500)]

GIVEN = company.given()


@dataclass
class Installation:
    """A settings folder, driven by the command line alone."""

    folder: Path
    environ: dict[str, str]

    def run(self, *words: str) -> Any:
        """Run one command with --json and return what it printed; a failure shows both streams."""
        command = calling(*words, "--json")
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, f"{' '.join(words)} ended {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def month(self, month: company.Month) -> dict[str, int]:
        """Put a month's file in place, sync, confirm who is absent, run everything; cases opened per kind."""
        shutil.copyfile(month.path, self.folder / "people.csv")
        report = self.run("sync")
        opened: dict[str, int] = report["opened"]
        for batch in report["batches"]:
            self.run("confirm", str(batch["id"]), "--number", str(batch["absents"]))
        if opened:
            self.run("run", "--all", "--wait", "900")
        left = self.run("cases")
        assert left["cases"] == [], f"cases still open after {month.name}: {left['cases'][:3]}"
        return {kind: count for kind, count in opened.items() if count}


Trial = tuple[Installation, Directory, list[company.Month]]


@pytest.fixture(params=["invented", *(["given"] if GIVEN else [])])
def installed(request: pytest.FixtureRequest, tmp_path: Path, scim2_server: Callable[..., Any]) -> Iterator[Trial]:
    """A fresh server with the groups, settings and policy written for it from outside."""
    place = GIVEN
    if request.param == "invented" or place is None:
        place = company.generate(tmp_path / "files", people=200, count=5, seed=7)
    server = scim2_server()
    months = company.months(place)
    directory = Directory(server.url, server.token)
    directory.make_groups(company.group_name(c, v) for c, v in installation.values(months))
    home = tmp_path / "trial"
    home.mkdir()
    installation.write(home, months, server.url)
    environ = {**os.environ, "JMLTUI_HOME": str(home), "TRIAL_TOKEN": server.token}
    trial = Installation(home, environ)
    yield trial, directory, months
    subprocess.run(calling("worker", "--stop"), env=environ, check=False, timeout=60)


def test_forwards_then_backwards(installed: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    """Every month opens exactly the cases counted from the files, and the server ends as the file says."""
    trial, directory, forwards = installed
    seen: set[str] = set()
    before: company.Month | None = None
    rows = []
    for month in [*forwards, *reversed(forwards[:-1])]:
        wanted = company.expected(before, month, seen).counts()
        began = time.monotonic()
        opened = trial.month(month)
        rows.append((month.name, len(month.rows), opened, wanted, time.monotonic() - began))
        with capsys.disabled():
            print(f"\n{month.name}  people {len(month.rows):>5}  opened {opened}  counted {wanted}"
                  f"  {rows[-1][-1]:.0f} s", end="", flush=True)  # fmt: skip
        assert opened == wanted, f"{month.name}: opened {opened}, counted from the files {wanted}"
        seen |= month.rows.keys()
        before = month
        if month in (forwards[0], forwards[1], forwards[-1]):
            agree(directory, month, seen)
    assert before is not None
    agree(directory, before, seen)


def agree(directory: Directory, month: company.Month, seen: set[str]) -> None:
    """The server's own word: everybody of the file active and in exactly their groups, everybody else out."""
    truth = directory.truth()
    assert truth.keys() == seen, "the server's people are not the people of the feeds"
    for key, (active, groups) in truth.items():
        if key in month.rows:
            assert active, f"{key} works here, but the account is disabled"
            assert groups == month.groups_of(key), f"{key} is in {sorted(groups)}"
        else:
            assert not active, f"{key} left, but the account is active"
            assert not groups, f"{key} left, but is still in {sorted(groups)}"
