"""The ticket of a case on its screen: bound by a key, its last posting in one line, told again and let go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from textual.widgets import Input

from jmltui.ui.screens.case import CaseScreen
from jmltui.ui.screens.dialogs import Confirm, Tell
from tests.conftest import StandingClock
from tests.lifecycle.helpdesk import Helpdesk, helpdesk_at
from tests.servers.roundup import Roundup

from .company import Company
from .conftest import answer, text_of, until


@pytest.fixture
async def helpdesk(private: Path, roundup: Roundup) -> AsyncIterator[Helpdesk]:
    made = helpdesk_at(private, cast("StandingClock", lambda: datetime.now(UTC)), roundup)
    yield made
    await made.close()


async def test_a_case_is_bound_and_let_go_on_its_screen(helpdesk: Helpdesk) -> None:
    number, issue = await helpdesk.joiner(), helpdesk.tracker.open_issue("A new colleague")
    app = Company(helpdesk.home, helpdesk.clock).dashboard(worker=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_case(number)
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and app.screen.case is not None)
        assert "Ticket" not in text_of(app)
        await pilot.press("T")
        await until(pilot, lambda: bool(app.screen.query(Input)))
        app.screen.query_one(Input).value = "helpdesk:99999"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Tell))
        assert "no such issue 99999" in " ".join(text_of(app).replace("│", " ").split())
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CaseScreen))
        await pilot.press("T")
        await until(pilot, lambda: bool(app.screen.query(Input)))
        app.screen.query_one(Input).value = f"helpdesk:{issue}"
        await pilot.press("enter")
        await until(pilot, lambda: f"Ticket helpdesk:{issue}" in text_of(app))
        assert "2 to post" in text_of(app)
        await helpdesk.post()
        app.look_for_changes()
        await until(pilot, lambda: "“bound” posted" in text_of(app))
        assert "[in-progress]" in text_of(app)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "A new colleague" in text_of(app)
        await pilot.press("tab", "tab", "tab", "enter")
        await until(pilot, lambda: "is bound to no ticket any more" in answer(app))
        await until(pilot, lambda: "Ticket helpdesk" not in text_of(app))
