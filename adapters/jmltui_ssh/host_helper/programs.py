"""Running the system's own programs, and saying why something is not done."""

from __future__ import annotations

import re
import subprocess
from typing import Final

SECONDS: Final = 15
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)


class Refused(Exception):
    """Why a request is not done. `kind`: invalid, not-found, conflict, stale, forbidden, unsupported or failed."""

    def __init__(self, kind: str, told: str) -> None:
        super().__init__(told)
        self.kind = kind


def named(value: object) -> str:
    """A name of a login or a group, of the allowed form. Raises Refused."""
    if not isinstance(value, str) or NAME.fullmatch(value) is None:
        raise Refused("invalid", "a name begins with a letter and holds letters, digits, “.”, “-” and “_” only")
    return value


def tool(*command: str, given: str = "", good: tuple[int, ...] = (0,)) -> str:
    """What a program prints; no shell is involved. Raises Refused."""
    try:
        done = subprocess.run(  # noqa: S603  the names in it were checked
            command, input=given.encode("utf-8", "surrogateescape"), capture_output=True, timeout=SECONDS, check=False
        )
    except FileNotFoundError:
        raise Refused("unsupported", f"{command[0]} is not installed here") from None
    except subprocess.TimeoutExpired:
        raise Refused("failed", f"{command[0]} did not end within {SECONDS} seconds") from None
    if done.returncode not in good:
        told = " ".join(done.stderr.decode("utf-8", "replace").split())[:200]
        raise Refused("failed", f"{command[0]} ended with {done.returncode}: {told}")
    return done.stdout.decode("utf-8", "replace")
