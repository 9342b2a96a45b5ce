"""What runs for a person, from proc(5): counted, told as sessions, ended. What is a zombie runs no more."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from .programs import Refused, tool

END_SECONDS: Final = 5.0
_FROM: Final = re.compile(rb"(?:^|\0)SSH_CONNECTION=([0-9a-fA-F.:%a-z]+) ")
ROOT: Final = 0
"""What root runs is nobody else's, though sshd and this helper act as a person for a moment."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Process(NamedTuple):
    """One process; `start` in clock ticks since the boot."""

    pid: int
    parent: int
    start: int
    uids: frozenset[int]


def processes() -> list[Process]:
    """All that run now, root's own left out."""
    found: list[Process] = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                found.extend(_process(int(name)))
    return found


def counted() -> dict[int, int]:
    """How many processes each user has, whichever of its four user ids it is."""
    found: dict[int, int] = {}
    for process in processes():
        for uid in process.uids:
            found[uid] = found.get(uid, 0) + 1
    return found


def sessions(uid: int) -> list[dict[str, Any]]:
    """A person's processes by the topmost one that is the person's: a login, a job, a service."""
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    found = []
    for top, members in _trees(uid).items():
        where = next((place for place in map(_from, members) if place), "")
        started = int(boot + top.start / _TICKS)
        found.append({
            "id": f"{top.pid}-{top.start}", "started": started, "processes": len(members), "what": _title(top.pid),
            "from": where,
        })  # fmt: skip
    return found


def end(login: str, uid: int, session: str | None) -> None:
    """End all that runs for a person, or one session of it. Raises Refused when something will not end."""
    if session is None and os.path.isdir("/run/systemd/system"):
        with contextlib.suppress(Refused):
            tool("loginctl", "terminate-user", login, good=(0, 1))
    until = time.monotonic() + END_SECONDS
    while left := _members(uid, session):
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        if time.monotonic() > until:
            raise Refused("failed", f"{len(left)} processes of {login} do not end, the first one is {left[0].pid}")
        time.sleep(0.01)


def _members(uid: int, session: str | None) -> list[Process]:
    trees = _trees(uid)
    return [each for top, tree in trees.items() if session in (None, f"{top.pid}-{top.start}") for each in tree]


def _trees(uid: int) -> dict[Process, list[Process]]:
    own = {process.pid: process for process in processes() if uid in process.uids}
    found: dict[Process, list[Process]] = {}
    for process in own.values():
        top = process
        while top.parent in own:
            top = own[top.parent]
        found.setdefault(top, []).append(process)
    return found


def _process(pid: int) -> Iterable[Process]:
    with open(f"/proc/{pid}/stat", "rb") as file:
        words = file.read().rpartition(b")")[2].split()
    if words[0] in (b"Z", b"X"):
        return
    with open(f"/proc/{pid}/status", "rb") as file:
        real, *others = map(int, next(line for line in file if line.startswith(b"Uid:")).split()[1:])
    if real != ROOT:
        yield Process(pid, int(words[1]), int(words[19]), frozenset((real, *others)))


def _title(pid: int) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read(200).rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
    return ""


def _from(process: Process) -> str:
    """Where the person came from, as the process's own environment says."""
    with contextlib.suppress(OSError), open(f"/proc/{process.pid}/environ", "rb") as file:
        found = _FROM.search(file.read(1 << 17))
        return found[1].decode() if found else ""
    return ""
