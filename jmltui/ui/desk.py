"""Where the screens hand in requests: each one is a short transaction that leaves intents for the worker.

What carries a request out is imported with the first one, in the desk's own thread, so that the first rows never wait.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from jmltui.config.places import Places

if TYPE_CHECKING:
    from jmltui.lifecycle.workshop import Workshop

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Outside:
    """What the dashboard needs from the process that starts it."""

    places: Places
    actor: str
    clock: Callable[[], datetime]
    environ: Mapping[str, str]
    start_worker: Callable[[], None]
    start_sync: Callable[[], None]


class Desk:
    """Runs requests one after another in one thread, with one opened workshop."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")
        self._workshop: Workshop | None = None
        self._closed = threading.Event()

    async def ask(self, request: Callable[[Workshop], Found], *, worker: bool = True) -> Found:
        """Carry out one request; `worker` starts the worker when it left intents. Raises JmltuiError."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._carry_out, request, worker)

    async def warm(self) -> None:
        """Open the workshop before the first request."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._open)

    def _open(self) -> Workshop:
        if self._workshop is None:
            from jmltui.lifecycle.workshop import open_workshop

            outside = self.outside
            self._workshop = open_workshop(outside.places, outside.actor, outside.clock, outside.environ)
        return self._workshop

    def _carry_out(self, request: Callable[[Workshop], Found], worker: bool) -> Found:
        found = request(self._open())
        if worker:
            self.outside.start_worker()
        return found

    def close(self) -> None:
        """Take no more requests and close the workshop."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._workshop is not None:
            self._workshop.cache.close()

    # The requests

    async def run_step(self, case_id: int, key: str, version: int) -> None:
        """Let the worker carry out a step."""
        await self.ask(lambda workshop: _use("requests").run_step(workshop, case_id, key, version))

    async def run_case(self, case_id: int, version: int) -> None:
        """Let the worker carry out every automatic step."""
        await self.ask(lambda workshop: _use("requests").run_case(workshop, case_id, version))

    async def attest(self, case_id: int, key: str, text: str) -> None:
        """State that a step was done."""
        await self.ask(lambda workshop: _use("requests").attest(workshop, case_id, key, text))

    async def skip(self, case_id: int, key: str, reason: str) -> None:
        """Leave a step out."""
        await self.ask(lambda workshop: _use("requests").skip(workshop, case_id, key, reason))

    async def note(self, case_id: int, text: str) -> None:
        """Write a note into a case."""
        await self.ask(lambda workshop: _use("requests").note(workshop, case_id, text), worker=False)

    async def claim(self, case_id: int, to: str = "") -> None:
        """Take a case or hand it over."""
        await self.ask(lambda workshop: _use("requests").claim_case(workshop, case_id, to), worker=False)

    async def answer(self, case_id: int, left: bool) -> None:
        """Answer whether the person left."""
        await self.ask(lambda workshop: _use("requests").answer(workshop, case_id, left))

    async def decide(self, case_id: int, key: str, plan_hash: str, *, approve: bool, reason: str) -> None:
        """Approve or refuse the plan that was shown."""
        await self.ask(
            lambda workshop: _use("approve").decide(workshop, case_id, key, plan_hash, approve=approve, reason=reason)
        )

    async def undo(self, case_id: int, key: str) -> str:
        """Plan the way back of a step; the key of the new step."""
        return str(await self.ask(lambda workshop: _use("undo").undo(workshop, case_id, key), worker=False))

    async def replan(self, case_id: int) -> str:
        """Plan a case anew; what came of it in a sentence."""
        found = await self.ask(lambda workshop: _use("replan").replan_case(workshop, case_id), worker=False)
        return str(found.sentence)

    async def confirm_batch(self, batch_id: int, typed: str, reason: str) -> list[int]:
        """Confirm a batch by the number of its people."""
        found = await self.ask(lambda workshop: _use("requests").confirm_batch(workshop, batch_id, typed, reason))
        return list(found)

    async def go_on(self, system: str) -> None:
        """Let a stopped system go on."""
        await self.ask(lambda workshop: _use("upkeep").go_on(workshop, system))

    async def verify_journal(self) -> Any:
        """Walk the chain of the journal."""
        return await self.ask(lambda workshop: _use("upkeep").verify_journal(workshop), worker=False)

    async def sync(self) -> None:
        """Start reading sources and systems, in a process of its own."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self.outside.start_sync)


def _use(case: str) -> Any:
    """A module of use cases, imported by the desk's thread and not by the thread that shows."""
    return importlib.import_module(f"jmltui.lifecycle.{case}")
