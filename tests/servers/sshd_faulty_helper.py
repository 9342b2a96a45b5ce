#!/usr/bin/python3 -IS
"""Stands in the helper's place on a host: runs the real one beside it, then does to its answer what a file says.

The file holds the name of a disturbance (jmltui.adapter_api.conformance.Disturbance), and goes away with the first
answer that a `once` one was done to.
"""

import json
import os
import subprocess
import sys
import time

PATH = os.path.abspath(sys.argv[0])
READS = ("list", "read", "keys-list", "groups", "sudo-list", "sessions", "wg-list")


def main() -> None:
    request = sys.stdin.buffer.read()
    verb = json.loads(request)["verb"]
    fault = ""
    if os.path.exists(f"{PATH}.fault"):
        with open(f"{PATH}.fault") as file:
            fault = file.read()
    if fault.startswith("write ") and verb not in READS:
        os.unlink(f"{PATH}.fault")
    elif fault.startswith(("write ", "list ")) and not (fault.startswith("list ") and verb == "list"):
        fault = ""
    done = subprocess.run([f"{PATH}.real"], input=request, stdout=subprocess.PIPE)
    answer = disturbed(fault.rpartition(" ")[2], done.stdout)
    while answer:
        answer = answer[os.write(1, answer) :]


def disturbed(fault: str, answer: bytes) -> bytes:
    mark, _, text = answer.strip().split(b" ", 2)
    told = json.loads(text)
    data = told.get("data", {})
    if fault == "lost":
        return b""
    if fault == "late":
        time.sleep(60)
    if fault == "cut":
        return answer[: len(answer) // 2]
    if fault == "half":
        return b"\n%s %d %s\n" % (mark, len(text) // 2, text[: len(text) // 2])
    if fault == "page":
        return b"<!DOCTYPE html><html><body>Please sign in</body></html>\n"
    if fault == "huge":
        return b"x" * (34 << 20) + answer
    if fault == "noise":
        return b"Welcome to this host!\nsudo: unable to resolve host\n" + answer
    if fault == "other" and "login" in data:
        data["login"] = "somebody-else"
    if fault == "short":
        data["accounts"].pop()
    if fault in ("smaller", "larger"):
        data["counts"]["accounts"] += 1 if fault == "larger" else -1
    if fault == "empty":
        for name in data["counts"]:
            data[name], data["counts"][name] = [], 0
    text = json.dumps(told).encode()
    return b"\n%s %d %s\n" % (mark, len(text), text)


main()
