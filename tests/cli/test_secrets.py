"""`jmltui secrets` and the warnings of `jmltui policy lint`, as a newcomer meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

POLICY = """\
entitlements:
  - {id: mail, system: directory, target: "group:Mail"}
roles:
  - {id: everybody, match: {person.type: employee}, grants: []}
"""
IDLE = "  - {id: idle, match: {person.type: guest}, grants: []}\n"


def jmltui(home: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "JMLTUI_HOME": str(home), "TOKEN_FOR_TEST": "s3cr3t"}
    environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
    command = [sys.executable, "-m", "jmltui", *words]
    return subprocess.run(command, env=environ, input=typed, capture_output=True, text=True, check=False, timeout=60)


def test_a_secret_is_tested_and_never_printed(tmp_path: Path) -> None:
    done = jmltui(tmp_path, "secrets", "test", "env:TOKEN_FOR_TEST")
    assert done.returncode == 0
    assert "env:TOKEN_FOR_TEST can be opened." in done.stdout
    assert "s3cr3t" not in done.stdout + done.stderr


def test_a_value_in_place_of_a_reference_is_not_repeated(tmp_path: Path) -> None:
    done = jmltui(tmp_path, "secrets", "set", "hunter2")
    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr
    assert "keyring:SERVICE/NAME" in done.stderr


def test_only_a_keyring_is_written(tmp_path: Path) -> None:
    done = jmltui(tmp_path, "secrets", "set", "file:token", typed="s3cr3t\n")
    assert done.returncode == 1
    assert "chmod 600" in done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr
    assert jmltui(tmp_path, "secrets", "set", "keyring:a/b", typed="\n").returncode == 2


def test_warnings_are_told_and_do_not_fail(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace("grants: []", "grants: [mail]") + IDLE)
    done = jmltui(tmp_path, "policy", "lint", str(file))
    assert done.returncode == 0
    assert "warning: policy.yaml:5:1  The role “idle” grants nothing." in done.stdout
    told = json.loads(jmltui(tmp_path, "policy", "lint", str(file), "--json").stdout)
    assert len(told["warnings"]) == 1
    assert told["errors"] == []


def test_what_can_never_work_fails(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    done = jmltui(tmp_path, "policy", "lint", str(file))
    assert done.returncode == 1
    assert "error: policy.yaml:2:1  Nobody can get the entitlement “mail”." in done.stdout
    told = json.loads(jmltui(tmp_path, "policy", "lint", str(file), "--json").stdout)
    assert len(told["errors"]) == 1
    assert len(told["warnings"]) == 1
