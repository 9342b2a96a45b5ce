"""Keys of a case that are not for everybody or everywhere: tickets, approvals, and rules that stand in the way."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest
from textual.widgets import Input

from jmltui.cli import main
from jmltui.config.settings import load
from jmltui.lifecycle.replan import replan_case
from jmltui.lifecycle.workshop import open_workshop
from jmltui.ui.app import Dashboard
from jmltui.ui.screens.case import CaseScreen
from jmltui.ui.widgets.bar import Bar

from .company import Company
from .conftest import answer, lines_of, text_of, until

RULE = """
  - id: it-and-staff
    any_of: [dept-it]
    with_any_of: [staff]
    severity: block
    reason: nobody of it is staff
"""
SOMEBODY_ELSE = "You asked for this yourself; another person has to decide."


def case_where(company: Company, condition: str) -> int:
    """The first case for which a condition holds."""
    with closing(sqlite3.connect(company.places.cache_file)) as connection:
        return int(connection.execute(f"SELECT id FROM jcase WHERE {condition} ORDER BY id").fetchone()[0])


def mover_to_it(company: Company) -> int:
    """Somebody who gets a privileged group, for which somebody else's approval is needed."""
    lines = "SELECT case_id FROM diffline WHERE target = 'group:IT' AND kind = 'add'"
    return case_where(company, f"kind = 'mover' AND approvals > 0 AND id IN ({lines})")


def keys(app: Dashboard) -> str:
    return app.screen.query_one("#keys", Bar).text


async def test_a_ticket_is_not_asked_for_where_no_system_keeps_any(standing: Company) -> None:
    app = standing.dashboard(worker=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_case(mover_to_it(standing))
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and app.screen.case is not None)
        await pilot.press("T")
        told = "No system keeps tickets. Set one up (docs/tickets.md), then sync (queue, S)."
        assert answer(app).strip() == told
        assert told in text_of(app), "it fits"
        assert not app.screen.query(Input)
        await pilot.press("question_mark")
        await until(pilot, lambda: f"now not: {told[:30]}" in lines_of(app, "#help"))


@pytest.mark.parametrize(
    ("actor", "label", "reason"), [("ana", "a (Approve)", SOMEBODY_ELSE), ("eve", "a Approve", "")]
)
async def test_approve_is_closed_to_who_asked(standing: Company, actor: str, label: str, reason: str) -> None:
    app = standing.dashboard(actor, worker=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_case(mover_to_it(standing))
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and bool(app.screen.waiting))
        await until(pilot, lambda: label in keys(app))
        assert app.screen.why_not("refuse").startswith(reason)  # type: ignore[attr-defined]  # a CaseScreen
        await pilot.press("w")
        now = reason or "a approves exactly this"
        await until(pilot, lambda: now in " ".join(lines_of(app, "#step").split()))


async def test_a_line_that_a_rule_blocks_leads_to_an_exception(standing: Company) -> None:
    number = mover_to_it(standing)
    file = load(standing.places.settings_file).policy_folder / "separation.yaml"
    file.write_text(file.read_text(encoding="utf-8") + RULE, encoding="utf-8")
    workshop = open_workshop(standing.places, "ana", standing.clock, os.environ)
    replan_case(workshop, number)
    workshop.cache.close()
    app = standing.dashboard("ana", worker=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_case(number)
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and app.screen.case is not None)
        assert isinstance(app.screen, CaseScreen)
        await pilot.press("B")
        assert "Tab goes to the access" in answer(app)
        await pilot.press("tab", "B")
        assert "No separation rule blocks the line under the cursor." in answer(app)
        for _ in app.screen.case["diff"] if app.screen.case else ():
            if app.screen.diff_line is not None and app.screen.diff_line["kind"] == "blocked":
                break
            await pilot.press("down")
        await pilot.press("e")
        await until(pilot, lambda: "B asks that the rule may be broken" in lines_of(app, "#why"))
        await pilot.press("B")
        await until(pilot, lambda: len(app.screen.query(Input)) == 2)
        assert "nobody of it is staff" in text_of(app)
        await pilot.press(*"14d", "enter", *"ill", "enter")
        await until(pilot, lambda: "asks for it until 15 Jun" in answer(app))
        await pilot.press("7")
        await until(pilot, lambda: "break rule it-and-staff" in text_of(app))
        await pilot.press("b")
        assert "Only an emergency access is reviewed later; this one waits for an approval." in text_of(app)


def test_the_commands_say_for_whom_an_approval_waits(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    number, home = mover_to_it(company), str(company.folder)
    assert main(["run", str(number), "--wait", "30", "--home", home]) == 0
    told = capsys.readouterr().out
    assert told.startswith("1 case run; every effect that was begun was read back; 2 steps wait for an approval.")
    assert "“grant”: It waits for anybody else than who asked for it and whom it is about." in told
    assert main(["plan", str(number), "--home", home]) == 0
    assert f"You may not decide. {SOMEBODY_ELSE}" in capsys.readouterr().out
    assert main(["practice", "as", home, "grace.kim", "plan", str(number)]) == 0
    assert f"You may decide: `jmltui approve {number} grant`" in capsys.readouterr().out
    done = case_where(company, "kind = 'mover' AND approvals = 0 AND steps_done = 1")
    assert main(["run", str(done), "--wait", "30", "--home", home]) == 0
    assert capsys.readouterr().out == "1 case run; every effect was read back.\n"
