"""Running `tctl`: fixed arguments, no shell, nothing of our environment, bounded in time and size.

`--identity` with `--auth-server`: goteleport.com/docs/reference/cli/tctl. What it writes about a failure is the text of
the cluster's error (github.com/gravitational/trace); only words that leave no doubt are told apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    ContractBroken,
    Forbidden,
    Invalid,
    OutcomeUnknown,
    Unavailable,
    Untrusted,
)

MOST_BYTES: Final = 32 * 1024 * 1024
TOLD: Final = 200
PATHS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
UNREACHED: Final = ("connection refused", "no such host", "network is unreachable", "no route to host")
LOST: Final = ("deadline exceeded", "i/o timeout", "connection reset", "unavailable", "eof")


@dataclass(frozen=True, slots=True)
class Program:
    """One `tctl` for one cluster. `deadline` is how long one run may take, in seconds."""

    system: str
    path: str
    auth_server: str
    identity: str
    deadline: float

    def check(self) -> None:
        """Raises Invalid for an identity file that is not there or that others can read."""
        try:
            mode = Path(self.identity).stat().st_mode
        except OSError:
            raise Invalid(f"The identity file of {self.system} is not there: {self.identity}.") from None
        if mode & 0o077:
            raise Invalid(f"Others can read the identity file of {self.system}; make it 0600: {self.identity}.")

    async def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """The JSON array that a reading command writes. Raises AdapterError."""
        operation = f"tctl {' '.join(arguments)}"
        text = await self._run(arguments, operation, reading=True)
        try:
            found = json.loads(text or b"[]")
        except (ValueError, RecursionError):
            raise self._broken(operation) from None
        rows = found if isinstance(found, list) else [found] if isinstance(found, dict) else None
        if found is None:
            rows = []
        if rows is None or not all(isinstance(row, dict) for row in rows):
            raise self._broken(operation)
        return rows

    async def write(self, *arguments: str) -> None:
        """Run a command that changes something. Raises AdapterError; OutcomeUnknown where it may have been done."""
        await self._run(arguments, f"tctl {' '.join(arguments[:2])}", reading=False)

    async def _run(self, arguments: tuple[str, ...], operation: str, *, reading: bool) -> bytes:
        with tempfile.TemporaryDirectory(prefix="jmltui-tctl-") as home:
            try:
                process = await asyncio.create_subprocess_exec(
                    self.path,
                    f"--identity={self.identity}",
                    f"--auth-server={self.auth_server}",
                    *arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    env={"PATH": os.environ.get("PATH", PATHS), "HOME": home, "LC_ALL": "C.UTF-8"},
                    cwd=home,
                )
            except OSError:
                told = f"{self.system} needs Teleport's tctl, and it cannot be run: {self.path}. Name it as program."
                raise Invalid(told, system=self.system, operation=operation) from None
            try:
                async with asyncio.timeout(self.deadline):
                    out, err = await process.communicate()
            except TimeoutError:
                raise self._lost(operation, reading, "no answer came in time") from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        if process.returncode != 0:
            raise self._judged(err.decode("utf-8", "replace"), operation, reading)
        if len(out) > MOST_BYTES:
            raise self._broken(operation)
        return out

    def _judged(self, text: str, operation: str, reading: bool) -> AdapterError:
        said, low = text.strip().removeprefix("ERROR:").strip()[:TOLD].strip().rstrip("."), text.casefold()
        facts = {"system": self.system, "operation": operation}
        if "access denied" in low or "access to this resource is denied" in low:
            return Forbidden(f"{self.system} refuses {operation}: {said}.", **facts)
        if "unknown authority" in low or "certificate is not trusted" in low:
            return Untrusted(f"The certificate of {self.system} is not trusted: {said}.", **facts)
        if "expired" in low or "bad certificate" in low:
            return AuthFailed(f"The identity of {self.system} is not accepted any more: {said}.", **facts)
        if any(word in low for word in UNREACHED):
            return Unavailable(f"{self.system} cannot be reached: {said}.", **facts)
        if any(word in low for word in LOST):
            return self._lost(operation, reading, said)
        if reading:
            return Invalid(f"{self.system} refused {operation}: {said}.", **facts)
        return OutcomeUnknown(f"{self.system}: {operation} failed, and it may have been done: {said}.", **facts)

    def _lost(self, operation: str, reading: bool, why: str) -> AdapterError:
        facts = {"system": self.system, "operation": operation}
        if reading:
            return Unavailable(f"{self.system}: {why} ({operation}).", **facts)
        return OutcomeUnknown(f"{self.system}: {operation} was begun and {why}; it may have been done.", **facts)

    def _broken(self, operation: str) -> ContractBroken:
        told = f"{self.system} answered {operation} with something that is not a list of resources."
        return ContractBroken(told, system=self.system, operation=operation)
