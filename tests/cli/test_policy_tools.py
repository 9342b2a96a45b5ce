"""`jmltui policy`: lint, test, diff, explain, schema and import-current as an operator calls them, on a company."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from jmltui.config.places import Places
from jmltui.lifecycle.workshop import open_workshop
from jmltui.worker.reload import Watch
from tests.nursery import calling

POLICY = """\
entitlements:
  - {id: staff, system: directory, target: "group:All staff", tier: birthright}
  - {id: mailbox, system: mail, target: "licence:Mailbox", tier: birthright}
  - {id: newsletter, system: mail, target: "group:Company news", tier: birthright}
  - {id: orders, system: erp, target: "role:Orders", tier: birthright}
  - {id: ledger, system: erp, target: "role:Ledger", tier: birthright}
  - {id: personnel, system: erp, target: "role:Personnel files", tier: birthright}
  - {id: payments, system: erp, target: "role:Payments", tier: elevated, approval: true, privileged: true}
roles:
  - {id: staff, match: {person.type: [employee, contractor, temp]}, grants: [staff, mailbox, newsletter]}
  - {id: selling, match: {person.type: [employee, contractor, temp], person.department: [Sales, Logistics]},
     grants: [orders]}
  - {id: accounting, match: {person.type: employee, person.department: Finance}, grants: [ledger]}
  - {id: people, match: {person.type: employee, person.department: People}, grants: [personnel]}
  - {id: controlling, match: {person.title: Controller}, grants: [payments]}
guards:
  removals: {floor: 20, percent: 1, ceiling: 500, window: 24h}
"""


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = calling(*words, "--home", str(folder))
    return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice company with a small policy, read once; tests that write make a copy."""
    private = tmp_path_factory.mktemp("private")
    private.chmod(0o700)
    folder = private / "practice"
    assert call(folder, "practice", "new", str(folder)).returncode == 0
    folder.chmod(0o700)
    shutil.rmtree(folder / "policy")
    (folder / "policy").mkdir()
    (folder / "policy" / "policy.yaml").write_text(POLICY)
    done = call(folder, "sync")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def other(synced: Path, tmp_path: Path) -> Path:
    """A copy of the policy in force, to be changed."""
    folder = tmp_path / "new"
    shutil.copytree(synced / "policy", folder)
    return folder


def change(folder: Path, old: str, new: str, file: str = "policy.yaml") -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def somebody(synced: Path, **wanted: str) -> str:
    """The key of a person with these values."""
    import csv

    with (synced / "people.csv").open(encoding="utf-8") as file:
        return next(
            row["key"]
            for row in csv.DictReader(file)
            if row["status"] == "active" and all(row[name] == value for name, value in wanted.items())
        )


def test_lint_tells_every_problem_with_its_place(synced: Path, other: Path) -> None:
    good = call(synced, "policy", "lint")
    assert (good.returncode, good.stdout) == (0, "The policy is good: 5 roles, 7 entitlements.\n"), good.stderr
    change(other, "tier: birthright", "teir: birthright")
    change(other, "id: selling", "id: staff")
    bad = call(synced, "policy", "lint", str(other))
    assert bad.returncode == 2
    lines = bad.stderr.splitlines()
    assert len(lines) == 7
    assert all(line.startswith("jmltui: new/policy.yaml:") and line.split("  ")[0].count(":") == 3 for line in lines)
    assert any("“teir” is not known in an entitlement. Did you mean “tier”?" in line for line in lines)
    assert any("The role “staff” is defined twice" in line for line in lines)
    found = told(call(synced, "policy", "lint", str(other), "--json"))
    assert len(found["errors"]) == len(lines)
    assert found["errors"][0].keys() == {"file", "line", "column", "message", "hint"}


def test_a_policy_that_loads_and_cannot_work_ends_with_1(synced: Path, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        'entitlements:\n  - {id: root, system: a, target: "role:R", tier: elevated, approval: two}\n'
        "roles:\n  - {id: it, match: {person.department: IT}, may_request: [root]}\n"
        "teams: {solo: [ana]}\n"
        "approvals:\n  - {id: two, steps: [{any: 2, from: [team:solo]}]}\n"
    )
    done = call(synced, "policy", "lint", str(file))
    assert done.returncode == 1, done.stderr
    assert "error: policy.yaml:" in done.stdout
    assert "The policy is not good: 1 roles, 1 entitlements." in done.stdout
    found = told(call(synced, "policy", "lint", str(file), "--json"))
    assert [error["line"] for error in found["errors"]]


def test_tests_pass_fail_and_are_recorded(synced: Path, other: Path) -> None:
    assert "There is no test" in call(synced, "policy", "test").stdout
    key = somebody(synced, department="Finance", type="employee")
    recorded = call(synced, "policy", "test", "--record", key)
    assert recorded.returncode == 0
    assert key not in recorded.stdout
    assert "person.department: Finance" in recorded.stdout
    (other / "tests").mkdir()
    (other / "tests" / "recorded.yaml").write_text(recorded.stdout, encoding="utf-8")
    passed = call(synced, "policy", "test", str(other))
    assert (passed.returncode, passed.stdout) == (0, "All 1 tests came out as expected.\n"), passed.stderr
    change(other, "grants: [ledger]", "grants: []")
    failed = call(synced, "policy", "test", str(other))
    assert failed.returncode == 1
    assert "granted lacks ledger: expected" in failed.stdout
    assert "ledger (role:Ledger on erp) for" in failed.stdout
    assert "NOT due" in failed.stdout
    assert failed.stdout.endswith("1 of 1 tests came out otherwise than expected.\n")
    found = told(call(synced, "policy", "test", str(other), "--json"))
    assert (found["tests"], len(found["failed"])) == (1, 1)
    (other / "tests" / "recorded.yaml").write_text("tests:\n  - {name: x, given: {person.departmnt: y}, expect: {}}\n")
    mistaken = call(synced, "policy", "test", str(other))
    assert mistaken.returncode == 2
    assert "new/tests/recorded.yaml:2:23  “person.departmnt” is not known. Did you mean" in mistaken.stderr


def test_diff_tells_who_loses_what_and_trips_the_guard(synced: Path, other: Path) -> None:
    same = call(synced, "policy", "diff", str(other))
    assert same.returncode == 0
    assert "\n0 notice something" in same.stdout
    change(other, "grants: [orders]", "grants: []")
    lost = call(synced, "policy", "diff", str(other))
    assert lost.returncode == 3
    assert "The guard would hold this: " in lost.stdout
    assert "that the guard “removals” allows for" in lost.stdout
    found = told(call(synced, "policy", "diff", str(other), "--people", "--json"))
    orders = next(each for each in found["entitlements"] if each["entitlement"] == "orders")
    holders = [each for each in found["changes"] if "orders" in each["loses"]]
    assert orders["loses"] == len(holders) == found["losing"] > 50
    assert found["losses"] == 2 * orders["loses"], "the account goes with it"
    assert found["held_by"]
    assert ["orders", f"-{orders['loses']}", str(orders["loses"])] in [
        line.split() for line in lost.stdout.splitlines()
    ]
    people = call(synced, "policy", "diff", str(other), "--people").stdout
    assert sum(": - lose account on erp, orders" in line for line in people.splitlines()) >= orders["loses"]


def test_diff_of_two_folders_and_what_is_given(synced: Path, other: Path) -> None:
    wider = other.with_name("wider")
    shutil.copytree(other, wider)
    change(wider, "grants: [ledger]", "grants: [ledger, personnel]")
    done = call(synced, "policy", "diff", str(other), str(wider), "--json")
    assert done.returncode == 0
    found = told(done)
    assert found["gaining"] > 30
    assert found["losing"] == 0
    back = told(call(synced, "policy", "diff", str(wider), str(other), "--json"))
    assert back["losing"] == 0, "nobody holds yet what only the first policy would give"
    given = next(each for each in back["entitlements"] if each["entitlement"] == "personnel")
    assert given["no_longer_due"] == found["gaining"]


def test_diff_tells_what_a_window_shuts_now(synced: Path, other: Path) -> None:
    day = f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()
    window = f'window: {{days: [{day}], hours: "03:00-03:30"}}'
    change(other, 'target: "licence:Mailbox",', f'target: "licence:Mailbox", {window},')
    done = call(synced, "policy", "diff", str(other))
    assert done.returncode == 3, "a guard would hold it"
    found = told(call(synced, "policy", "diff", str(other), "--json"))
    (mailbox,) = [each for each in found["entitlements"] if each["entitlement"] == "mailbox"]
    assert found["losing"] == found["shut_out"] == found["shuts"] == mailbox["shuts"] > 200
    assert found["losses"] == mailbox["shuts"]
    (hours,) = found["windows"]
    assert (hours["entitlement"], hours["old"], hours["new"]) == ("mailbox", "always", f"{day} 03:00-03:30")
    assert hours["due"] == hours["shut"] >= mailbox["shuts"]
    lost = mailbox["shuts"]
    assert f"{lost} lose something, {lost} of them only until a window opens." in done.stdout
    assert f"mailbox: due always → due {day} 03:00-03:30; due to {hours['due']} at all, shut now for" in done.stdout
    assert f"- lose it outside {day} 03:00-03:30: mailbox" in done.stdout
    assert f"{lost} losses ({lost} because a window is shut now) are more than the" in done.stdout


def test_diff_tells_what_nothing_explains_any_more_to_the_guard(synced: Path, tmp_path: Path) -> None:
    file = tmp_path / "emptied.yaml"
    file.write_text(
        'entitlements:\n  - {id: other, system: other, target: "group:Other"}\n'
        "roles:\n  - {id: other, match: {person.type: guest}, grants: [other]}\n"
    )
    done = call(synced, "policy", "diff", str(file))
    assert done.returncode == 3
    found = told(call(synced, "policy", "diff", str(file), "--json"))
    assert found["losses"] == 0
    assert found["freed"] > 500
    assert f"{found['freed']} left unexplained are more than the" in done.stdout


def test_diff_tells_changed_rules_and_marks_what_is_looser(synced: Path, other: Path) -> None:
    assert "Rules changed" not in call(synced, "policy", "diff", str(other)).stdout
    change(other, "tier: elevated, approval: true, privileged: true", "tier: elevated, approval: false")
    change(other, "ceiling: 500, window: 24h", "ceiling: 900, window: 24h")
    with (other / "policy.yaml").open("a", encoding="utf-8") as file:
        file.write("separation:\n  - {id: pay, any_of: [ledger], with_any_of: [payments], reason: nobody pays alone}\n")
    done = call(synced, "policy", "diff", str(other))
    assert done.returncode == 0, "only a guard ends it with 3"
    lines = done.stdout.splitlines()
    at = lines.index("Rules changed:")
    assert lines[at + 1 : at + 5] == [
        "  looser: The entitlement “payments”: approval by anybody else → none.",
        "  looser: The entitlement “payments”: privileged yes → no.",
        "  looser: The guard “removals”: ceiling 500 → 900.",
        "  The separation rule “pay” is new: nobody pays alone.",
    ]
    rules = told(call(synced, "policy", "diff", str(other), "--json"))["rules"]
    raised = {"part": "guard", "name": "removals", "sentence": "The guard “removals”: ceiling 500 → 900."}
    assert {**raised, "looser": True} in rules
    assert len(rules) == 4


def test_a_held_policy_is_looked_at_and_accepted(synced: Path, tmp_path: Path) -> None:
    home = tmp_path / "practice"
    shutil.copytree(synced, home)
    assert "No policy is in force yet" in call(home, "policy", "accept", "--reason", "x").stderr
    begun_by_a_worker(home)
    change(home / "policy", "grants: [orders]", "grants: []")
    diff = call(home, "policy", "diff")
    assert diff.returncode == 3, diff.stderr
    assert "The guard would hold this: " in diff.stdout
    assert call(home, "policy", "accept").returncode == 2, "without a reason"
    assert call(home, "policy", "accept", "--reason", " ").returncode == 2
    done = told(call(home, "policy", "accept", "--reason", "CHG-4711", "--json"))
    assert done["policy"] != done["in_force"]
    assert done["done"] == (
        f"The policy {done['policy'][:12]} is accepted; the worker takes it over in the place of "
        f"{done['in_force'][:12]}."
    )
    assert "CHG-4711" in call(home, "journal").stdout
    begun_by_a_worker(home)
    again = call(home, "policy", "diff")
    assert again.returncode == 0
    assert "\n0 notice something" in again.stdout
    assert "in force already" in call(home, "policy", "accept", "--reason", "x").stderr


def begun_by_a_worker(home: Path) -> None:
    """What a worker does when it begins."""
    environ = {**os.environ, "JMLTUI_HOME": str(home)}
    places = Places.from_environment(environ)
    workshop = open_workshop(places, "worker", lambda: datetime.now(UTC), environ)
    try:
        Watch(places, workshop, environ, print).begin()
    finally:
        workshop.cache.close()


def test_diff_refuses_a_policy_with_a_mistake(synced: Path, other: Path) -> None:
    change(other, "grants: [ledger]", "grants: [legder]")
    done = call(synced, "policy", "diff", str(other))
    assert done.returncode == 2
    assert "Did you mean “ledger”?" in done.stderr
    assert call(synced, "policy", "diff", "a", "b", "c").returncode == 2


def test_explain_is_one_command_under_two_names(synced: Path) -> None:
    key = somebody(synced, department="Finance", type="employee")
    one = call(synced, "explain", key, "ledger", "--at", "2026-06-01T10:00")
    two = call(synced, "policy", "explain", key, "ledger", "--at", "2026-06-01T10:00")
    assert one.returncode == two.returncode == 0, one.stderr
    assert one.stdout == two.stdout
    assert "UTC" in one.stdout.splitlines()[0]
    assert "role accounting applies" in one.stdout
    assert "policy.yaml:" in one.stdout
    wrong = call(synced, "policy", "explain", key, "legder")
    assert wrong.returncode == 2
    assert wrong.stderr == "jmltui: The policy has no entitlement “legder”. Did you mean “ledger”?\n"
    assert call(synced, "explain", "nobody").returncode == 2
    assert "is no instant" in call(synced, "explain", key, "--at", "soon").stderr
    found = told(call(synced, "policy", "explain", key, "--json"))
    assert found["person"] == key
    assert len(found["policy"]) == 64


def test_the_schema_is_written_and_nothing_else_is_overwritten(synced: Path, tmp_path: Path) -> None:
    printed = call(synced, "policy", "schema")
    assert told(printed)["title"] == "jmltui policy"
    dash = call(tmp_path, "policy", "schema", "-")
    assert (dash.returncode, dash.stdout) == (0, printed.stdout)
    assert not Path("-").exists()
    file = tmp_path / "policy.schema.json"
    for _ in range(2):
        done = call(synced, "policy", "schema", str(file))
        assert done.returncode == 0, done.stderr
        assert "# yaml-language-server: $schema=policy.schema.json" in done.stdout
    assert file.read_text(encoding="utf-8") == printed.stdout
    mine = tmp_path / "policy.yaml"
    mine.write_text("roles: []\n")
    refused = call(synced, "policy", "schema", str(mine))
    assert refused.returncode == 2
    assert mine.read_text() == "roles: []\n"


def test_what_is_held_becomes_a_policy_that_loads_and_changes_little(synced: Path, tmp_path: Path) -> None:
    file = tmp_path / "proposed.yaml"
    done = call(synced, "policy", "import-current", "--output", str(file))
    assert done.returncode == 0, done.stderr
    assert f"Read {file}, then: jmltui policy diff {file}" in done.stdout
    proposed = yaml.safe_load(file.read_text(encoding="utf-8"))
    by_id = {role["id"]: role for role in proposed["roles"]}
    assert set(by_id["everybody"]["match"]["person.type"]) == {"employee", "contractor", "temp"}
    privileged = {e["id"] for e in proposed["entitlements"] if e.get("privileged")}
    assert len(privileged) >= 2
    assert "payments" in privileged
    assert not privileged & {grant for role in proposed["roles"] for grant in role.get("grants", [])}
    assert privileged & {grant for role in proposed["roles"] for grant in role.get("may_request", [])}
    assert "held by 10, unexplained" in file.read_text(encoding="utf-8")
    assert call(synced, "policy", "lint", str(file)).returncode == 0
    found = told(call(synced, "policy", "diff", str(file), "--json"))
    assert found["gaining"] <= 12
    losses = {each["entitlement"]: each["loses"] for each in found["entitlements"] if each["loses"]}
    assert sum(count for name, count in losses.items() if name not in privileged) <= 20
    assert sum(losses.values()) < found["grants"] / 20
    again = call(synced, "policy", "import-current", "--output", str(file))
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert call(synced, "policy", "import-current").stdout == file.read_text(encoding="utf-8")
    assert call(synced, "policy", "import-current", "--share", "20").returncode == 2


def test_help_says_how_an_editor_finds_the_schema(synced: Path) -> None:
    done = subprocess.run(calling("policy", "--help"), capture_output=True, text=True, check=True)
    assert "# yaml-language-server: $schema=" in done.stdout
    for word in ("lint", "test", "diff", "accept", "explain", "schema", "import-current"):
        assert f"    {word}" in done.stdout
