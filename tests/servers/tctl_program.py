"""Plays `tctl` of a cluster whose state lies beside it as state.json, in the published forms of its answers.

It knows the commands that the adapter may run and no other; every run is written to runs.jsonl.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

HERE = Path(sys.argv[0]).resolve().parent
STATE = HERE / "state.json"


def fail(text: str) -> None:
    """As tctl tells of an error."""
    print(f"ERROR: {text}", file=sys.stderr)
    raise SystemExit(1)


def told(rows: list[Any]) -> None:
    """As tctl writes JSON."""
    print(json.dumps(rows, indent=4))


def main(arguments: list[str]) -> None:
    """One run."""
    state = json.loads(STATE.read_text())
    flags, command = arguments[:2], arguments[2:]
    with (HERE / "runs.jsonl").open("a") as runs:
        runs.write(json.dumps(command) + "\n")
    if flags != [f"--identity={HERE / 'identity'}", "--auth-server=teleport.example.com:443"]:
        fail(f"unexpected flags {flags}")
    reading = command[0] == "get" or command[1:2] == ["ls"]
    if state.get("says") and not (reading and state.get("only_writes")):
        fail(state["says"])
    if reading:
        kind = {"users": "users", "roles": "roles", "locks": "locks"}[
            command[0] if command[0] == "users" else command[1]
        ]
        told(state[kind])
        return
    write(state, command)
    STATE.write_text(json.dumps(state))
    if state.get("hangs"):
        time.sleep(30)
    if state.get("dies"):
        fail(state["dies"])


def write(state: dict[str, Any], command: list[str]) -> None:
    """A command that changes something."""
    if command[0] == "lock":
        user, message = (one.partition("=")[2] for one in command[1:])
        name = str(uuid.uuid4())
        spec = {"target": {"user": user}, "message": message, "created_by": "jmltui"}
        state["locks"].append({"kind": "lock", "version": "v2", "metadata": {"name": name}, "spec": spec})
        print(f'Created a lock with name "{name}".')
    elif command[0] == "rm":
        name = command[1].removeprefix("lock/")
        state["locks"] = [one for one in state["locks"] if one["metadata"]["name"] != name]
        print(f'lock "{name}" has been deleted')
    elif command[:2] == ["users", "rm"]:
        for name in command[2].split(","):
            state["users"] = [one for one in state["users"] if one["metadata"]["name"] != name]
            print(f"User '{name}' has been deleted")
    elif command[:2] == ["users", "update"]:
        (user,) = (one for one in state["users"] if one["metadata"]["name"] == command[2])
        user["spec"]["roles"] = command[3].removeprefix("--set-roles=").split(",")
        print(f"User {command[2]} has been updated:")
    else:
        fail(f"unknown command {command}")


main(sys.argv[1:])
