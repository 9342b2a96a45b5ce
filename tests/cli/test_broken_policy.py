"""A policy folder with mistakes: the policy in force stays in force, for commands and for a worker that starts anew."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from jmltui.lifecycle import policy_in_force
from tests.lifecycle.small_firm import Firm, firm
from tests.nursery import calling

__all__ = ["firm"]


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = calling(*words, "--home", str(home))
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


async def test_commands_and_a_new_worker_go_on_by_what_was_in_force(firm: Firm) -> None:
    policy_in_force.take_over(firm.workshop)
    before = firm.workshop.policy.hash
    firm.rewrite_policy("grants: [staff]", "grants: [stuff]")
    listed = run(firm.home, "request", "what", "E7", "--json")
    assert listed.returncode == 0, listed.stderr
    assert "the policy folder has 1 mistake" in listed.stderr
    assert before[:12] in listed.stderr
    assert "prod-admin" in {each["entitlement"] for each in json.loads(listed.stdout)}
    told = run(firm.home, "policy", "accept", "--reason", "it is fine")
    assert told.returncode == 2
    assert "There is no entitlement “stuff”" in told.stderr
    firm.rewrite_policy("grants: [stuff]", "grants: [staff]")
    assert run(firm.home, "request", "what", "E7").stderr == ""


async def test_without_any_in_force_the_mistakes_are_told(firm: Firm) -> None:
    firm.rewrite_policy("grants: [staff]", "grants: [stuff]")
    told = run(firm.home, "request", "what", "E7")
    assert told.returncode == 2
    assert "policy.yaml:" in told.stderr
    assert "Did you mean “staff”?" in told.stderr
