"""kill -9 between posting and recording: the next worker finds the comment again, and the ticket has each one once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from jmltui.lifecycle import requests, tickets
from jmltui.lifecycle.approve import decide
from tests.conftest import StandingClock
from tests.lifecycle.helpdesk import Helpdesk, helpdesk_at
from tests.servers.fault_proxy import Fault, FaultProxy, Only, fault_proxy
from tests.servers.roundup import Roundup

PATIENCE = 40.0


@pytest.fixture
async def way() -> AsyncIterator[FaultProxy]:
    async with fault_proxy() as proxy:
        yield proxy


@pytest.fixture
async def helpdesk(private: Path, roundup: Roundup, way: FaultProxy) -> AsyncIterator[Helpdesk]:
    clock = cast("StandingClock", lambda: datetime.now(UTC))  # workers of their own have no other one
    made = helpdesk_at(private, clock, roundup, way.in_front_of(roundup.url))
    yield made
    await made.close()


class Worker:
    """A worker in a process of its own."""

    def __init__(self, home: Path) -> None:
        environ = {**os.environ, "JMLTUI_HOME": str(home)}
        with (home / "worker-said").open("ab") as said:
            command = [sys.executable, "-m", "jmltui", "worker"]
            self.process = subprocess.Popen(command, env=environ, stdout=said, stderr=said, stdin=subprocess.DEVNULL)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()


async def until(happened: Callable[[], bool], what: str) -> None:
    """Wait for something, and let the way to the tracker go on meanwhile."""
    for _ in range(int(PATIENCE / 0.05)):
        if await asyncio.to_thread(happened):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"waited in vain until {what}")


def hung(way: FaultProxy, method: str, ending: str) -> bool:
    """Whether a write reached the tracker, and its answer does not come."""
    return any(
        e.fault is Fault.HANG and e.method == method and e.path.endswith(ending) and e.status in (200, 201)
        for e in way.exchanges
    )


@pytest.mark.timeout(240)
async def test_a_worker_killed_between_post_and_record_posts_nothing_twice(helpdesk: Helpdesk, way: FaultProxy) -> None:
    number, issue = await helpdesk.joiner(), helpdesk.tracker.open_issue("A new colleague")
    await asyncio.to_thread(tickets.bind_named, helpdesk.workshop, number, f"helpdesk:{issue}")
    before = helpdesk.tracker.all_messages()
    for method, ending in (("POST", "/msg"), ("PATCH", f"/issue/{issue}"), ("PUT", f"/issue/{issue}")):
        await way.switch(Fault.HANG, Only.WRITE, 1)
        worker = Worker(helpdesk.home)
        await until(lambda: hung(way, method, ending), f"{method} {ending} was sent")  # noqa: B023  waited for here
        worker.kill()
        assert "posting" in {state for _, _, state in helpdesk.states(number)}
        await way.calm()
    worker = Worker(helpdesk.home)
    try:
        await until(lambda: {s for _, _, s in helpdesk.states(number)} == {"posted"}, "all was posted")
        requests.run_case(helpdesk.workshop, number)
        await until(lambda: helpdesk.steps(number)["groups"] == "approval", "the approval is asked for")
        plan = helpdesk.step(number, "groups")["plan_hash"]
        decide(helpdesk.by("ben"), number, "groups", plan, approve=True)
        requests.attest(helpdesk.by("eve"), number, "laptop", "serial 4711")
        requests.attest(helpdesk.by("eve"), number, "badge", "number 12")
        await until(lambda: ("status", "done", "posted") in helpdesk.states(number), "the ticket is closed")
    finally:
        worker.kill()
    told = [what for kind, what, _ in helpdesk.states(number) if kind == "comment"]
    assert told == ["bound", "approval asked", "decided", "done"]
    assert len(helpdesk.told(issue)) == len(told)
    assert helpdesk.tracker.all_messages() - before == len(told)
    assert helpdesk.tracker.status(issue) == "resolved"
    assert len([entry for entry in helpdesk.entries("ticket.posted") if "there already" in entry]) == 2
