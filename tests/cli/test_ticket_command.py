"""`jmltui ticket`: bind, show, retry, unbind, with a worker of its own that posts to a real Roundup."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jmltui.cli import main
from jmltui.config.places import Places
from jmltui.worker.process import stop_worker
from tests.conftest import StandingClock
from tests.lifecycle.helpdesk import Helpdesk, helpdesk_at
from tests.servers.roundup import Roundup


@pytest.fixture
async def helpdesk(private: Path, clock: StandingClock, roundup: Roundup) -> AsyncIterator[Helpdesk]:
    made = helpdesk_at(private, clock, roundup)
    yield made
    stop_worker(Places.from_environment({"JMLTUI_HOME": str(private)}))
    await made.close()


async def jmltui(helpdesk: Helpdesk, *words: str) -> int:
    """Run a command as a process would, in a thread without a loop."""
    return await asyncio.to_thread(main, list(words), home=str(helpdesk.home))


async def test_a_case_is_bound_shown_and_let_go(helpdesk: Helpdesk, capsys: pytest.CaptureFixture[str]) -> None:
    number, issue = await helpdesk.joiner(), helpdesk.tracker.open_issue("A new colleague")
    assert await jmltui(helpdesk, "ticket", "bind", str(number), f"helpdesk:{issue}") == 0
    assert f"Case {number} is bound to ticket {issue} of helpdesk: A new colleague." in capsys.readouterr().out
    end = time.monotonic() + 30
    while ("status", "bound", "posted") not in helpdesk.states(number):
        assert time.monotonic() < end, helpdesk.states(number)
        await asyncio.sleep(0.1)
    assert len(helpdesk.told(issue)) == 1
    assert await jmltui(helpdesk, "ticket", "show", str(number)) == 0
    shown = capsys.readouterr().out
    assert f"helpdesk:{issue}: A new colleague [in-progress] {helpdesk.tracker.url}/issue{issue}" in shown
    assert "bound" in shown
    assert "status: in progress" in shown
    assert await jmltui(helpdesk, "cases") == 0
    assert f"helpdesk:{issue}" in capsys.readouterr().out
    assert await jmltui(helpdesk, "plan", str(number)) == 0
    assert f"Ticket helpdesk:{issue}, A new colleague" in capsys.readouterr().out
    assert await jmltui(helpdesk, "ticket", "retry", str(number), "--json") == 0
    assert json.loads(capsys.readouterr().out)["done"] == "Nothing waits to be posted."
    assert await jmltui(helpdesk, "ticket", "unbind", str(number)) == 0
    assert await jmltui(helpdesk, "ticket", "show", str(number)) == 6
    assert "is bound to no ticket" in capsys.readouterr().err


async def test_a_wrong_ticket_asks_for_nothing(helpdesk: Helpdesk, capsys: pytest.CaptureFixture[str]) -> None:
    number = await helpdesk.joiner()
    assert await jmltui(helpdesk, "ticket", "bind", str(number), "helpdesk:99999") == 1
    assert "no such issue 99999" in capsys.readouterr().err
    words = ("request", "access", "E1", "vault", "--reason", "needed", "--ticket", "helpdesk:99999")
    assert await jmltui(helpdesk, *words) == 1
    assert "no such issue 99999" in capsys.readouterr().err
    assert helpdesk.cases("exception") == []
