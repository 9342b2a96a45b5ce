"""The practice company, from nothing to a proved case."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.nursery import calling


def call(folder: Path, *words: str, code: int | None = 0) -> Any:
    command = calling(*words, "--home", str(folder), "--json")
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert code in (None, done.returncode), done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_week_in_the_practice_company(private: Path) -> None:
    folder = private / "practice"
    call(folder, "practice", "new", str(folder))
    call(folder, "practice", "new", str(folder), code=2)
    assert call(folder, "sync")["opened"] == {}
    while "over" not in call(folder, "practice", "next", str(folder))["done"]:
        call(folder, "sync")
    cases = call(folder, "cases")["cases"]
    assert {"joiner", "rehire", "mover", "leaver"} <= {case["kind"] for case in cases}
    assert {"held", "question", "open"} <= {case["state"] for case in cases}
    assert any(case["approvals"] for case in cases)
    try:
        joiner = next(c for c in cases if c["kind"] == "joiner" and c["due"] < c["opened_at"])
        number = str(joiner["id"])
        left = call(folder, "run", number, "--wait", "60", code=1)
        assert left["unsettled"] == {"unverifiable": 1}, "the doors cannot prove anything: a person has to look"
        for _ in range(4):
            seen = call(folder, "plan", number)
            for step in seen["steps"]:
                if step["state"] == "attention":
                    call(folder, "attest", number, step["key"], "tried the badge at the door, it opens")
            if call(folder, "plan", number)["state"] == "done":
                break
            call(folder, "run", number, "--wait", "60", code=None)
        done = call(folder, "plan", number)
        assert done["state"] == "done"
        states = [action["state"] for step in done["steps"] for action in step["actions"]]
        assert set(states) == {"confirmed", "attested"}
        assert call(folder, "journal", "verify")["good"]
    finally:
        call(folder, "worker", "--stop")
