"""`jmltui plan --all`: who holds more or less than the policy says."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from pathlib import Path

from tests.nursery import calling


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = calling(*words, "--home", str(folder))
    return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)


def test_everybody_is_compared(private: Path) -> None:
    folder = private / "practice"
    assert call(folder, "practice", "new", str(folder)).returncode == 0
    assert call(folder, "sync").returncode == 0
    before = json.loads(call(folder, "plan", "--all", "--json").stdout)
    assert before["summary"]["people"] > 300
    (cache,) = folder.rglob("cache.sqlite")
    with sqlite3.connect(cache) as connection:
        person, name = connection.execute(
            "SELECT p.id, p.name FROM held h JOIN account a ON a.id = h.account JOIN person p ON p.id = a.person_id"
            " WHERE a.link = 'confirmed' AND a.state = 'active' AND p.status = 'active' AND p.ends = ''"
            " AND p.id NOT IN (SELECT value FROM json_each(?)) ORDER BY p.id",
            (json.dumps([found["person_id"] for found in before["differences"]]),),
        ).fetchone()
        connection.execute("DELETE FROM held WHERE account IN (SELECT id FROM account WHERE person_id = ?)", (person,))
    after = json.loads(call(folder, "plan", "--all", "--json").stdout)
    new = [found for found in after["differences"] if found not in before["differences"]]
    assert {found["person_id"] for found in new} == {person}
    assert {line["kind"] for found in new for line in found["lines"]} == {"add"}
    told = call(folder, "plan", "--all").stdout
    assert f"{name} (" in told
    assert "  + add " in told
    assert told.splitlines()[-1].startswith(f"{after['summary']['people']} people compared, ")


def test_a_case_or_everybody_must_be_named(private: Path) -> None:
    for words in (("plan",), ("plan", "--all", "3")):
        done = call(private, *words)
        assert done.returncode == 2
        assert "--all" in done.stderr
