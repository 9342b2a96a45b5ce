"""A person whom several sources state: which source said what, on the screen and in the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jmltui.cli import main
from jmltui.lifecycle.person_view import number_of
from jmltui.ui.screens.person import PersonScreen
from tests.conftest import StandingClock
from tests.lifecycle.small_firm import founded
from tests.lifecycle.test_merged import CONTRACTORS, PEOPLE, Merged

from .company import Company
from .conftest import lines_of, text_of, until


@pytest.fixture
async def firm(private: Path, clock: StandingClock) -> Merged:
    """Employee E2 was a contractor under another name and department; C1 is in one source that states people."""
    made = Merged(founded(private, clock, CONTRACTORS.format(absent="leaver") + PEOPLE))
    made.rows["E2"] = "Ana Nowak-Contractor,,E1,Sales,,2025-12-31"
    await made.sync()
    del made.phones["C1"]
    await made.sync()
    del made.phones["C2"]
    await made.sync()
    return made


async def test_the_screen_says_who_said_what_at_80_by_24(firm: Merged) -> None:
    number = number_of(firm.firm.workshop, "E2")
    await firm.firm.workshop.close()
    app = Company(firm.firm.home, firm.firm.clock).dashboard(worker=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_person(number)
        await until(pilot, lambda: isinstance(app.screen, PersonScreen) and "Sources" in text_of(app))
        assert "Merged from hr + contractors + phones, which differ on: name" in lines_of(app, "#who")
        await pilot.press("tab")
        await until(pilot, lambda: "Sources: 3" in lines_of(app, "#person"))
        told = [" ".join(each.split()) for each in lines_of(app, "#person").splitlines()]
        assert any(each.startswith("hr leads people.csv:") for each in told)
        assert any(each.startswith("contractors states contractors.csv:") for each in told)
        assert any(each.startswith("phones completes phones.csv:") for each in told)
        assert "! department Finance hr" in told
        assert told[told.index("! department Finance hr") + 1] == "Sales contractors"
        assert "e-mail ana@firm.test phones, hr" in told
        assert all(len(each) < 80 for each in lines_of(app, "#person").splitlines())


async def test_nothing_more_is_shown_of_who_has_one_source(firm: Merged) -> None:
    number = number_of(firm.firm.workshop, "E1")
    await firm.firm.workshop.close()
    app = Company(firm.firm.home, firm.firm.clock).dashboard(worker=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_person(number)
        await until(pilot, lambda: isinstance(app.screen, PersonScreen) and app.screen.view is not None)
        await pilot.pause()
        assert "Sources" not in text_of(app)
        assert "Merged" not in text_of(app)
        assert "source hr, row of the feed people.csv:2" in " ".join(lines_of(app, "#who").split())


async def test_the_command_says_it_as_well(firm: Merged, capsys: pytest.CaptureFixture[str]) -> None:
    home = firm.firm.home
    await firm.firm.workshop.close()
    assert main(["person", "C1", "--home", str(home), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [(each["source"], each["missing"]) for each in found["sources"]["statements"]] == [
        ("contractors", 0),
        ("phones", 2),
    ]
    assert main(["person", "C1", "--home", str(home)]) == 0
    assert "not in its last 2 feeds" in capsys.readouterr().out
