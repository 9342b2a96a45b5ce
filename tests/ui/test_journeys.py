"""An operator's day, key by key: a joiner, a mover, a leaver, a refusal, an undo, a walkthrough that is resumed."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from jmltui.domain.procedure import Do
from jmltui.lifecycle.sync import sync
from jmltui.lifecycle.workshop import Workshop
from jmltui.ui.app import Dashboard
from jmltui.ui.screens.case import CaseScreen
from jmltui.ui.screens.queue import QueueScreen
from jmltui.ui.screens.walkthrough import WalkthroughScreen

from .company import Company
from .conftest import answer, lines_of, rows_of, text_of, until

SIZE = (80, 24)


def numbers(company: Company, where: str) -> list[int]:
    """Cases as the cache itself has them."""
    with sqlite3.connect(company.places.cache_file) as connection:
        return [row[0] for row in connection.execute(f"SELECT id FROM jcase WHERE {where} ORDER BY next_due, id")]


def case_of(app: Dashboard, number: int) -> dict[str, Any]:
    case = app.board.case(number)
    assert case is not None
    return case


async def read_systems(workshop: Workshop) -> None:
    """Read every system again, as `jmltui sync` does."""
    try:
        await sync(workshop, lambda text: None)
    finally:
        await workshop.adapters.close()


async def open_case(pilot: Pilot[None], app: Dashboard, number: int) -> None:
    app.open_case(number)
    await until(pilot, lambda: isinstance(app.screen, CaseScreen) and app.screen.case is not None)


async def put_cursor(pilot: Pilot[None], app: Dashboard, key: str) -> None:
    assert isinstance(app.screen, CaseScreen)
    await pilot.press("home")
    for _ in range(30):
        if app.screen.step is not None and app.screen.step["key"] == key:
            return
        await pilot.press("down")
    raise AssertionError(f"no step {key}: {lines_of(app, '#checklist')}")


async def write(pilot: Pilot[None], app: Dashboard, text: str) -> None:
    app.screen.query_one(Input).value = text
    await pilot.press("enter")
    await pilot.pause()


async def agree(pilot: Pilot[None]) -> None:
    await pilot.press("tab", "enter")
    await pilot.pause()


async def look_at_everything(pilot: Pilot[None], app: Dashboard, number: int) -> None:
    """Attest what the worker could not prove, until the case is done."""
    for _ in range(20):
        await until(pilot, lambda: settled_or_asking(app, number))
        case = case_of(app, number)
        if case["state"] == "done":
            return
        for step in case["steps"]:
            manual = step["state"] == "ready" and Do(step["do"]).is_manual
            if step["state"] == "attention" or manual:
                await put_cursor(pilot, app, step["key"])
                await until(pilot, lambda: not app.screen.why_not("attest"))  # type: ignore[attr-defined]
                await pilot.press("t")
                await write(pilot, app, "tried it myself at the door")
                await until(pilot, partial(is_done, app, number, step["key"]))
        app.look_for_changes()
    raise AssertionError(lines_of(app, "#checklist"))


def settled_or_asking(app: Dashboard, number: int) -> bool:
    case = case_of(app, number)
    ready = any(step["state"] == "ready" and Do(step["do"]).is_manual for step in case["steps"])
    return case["state"] == "done" or ready or any(step["state"] == "attention" for step in case["steps"])


def is_done(app: Dashboard, number: int, key: str) -> bool:
    return state(app, number, key) == "done"


def state(app: Dashboard, number: int, key: str) -> str:
    return next(str(step["state"]) for step in case_of(app, number)["steps"] if step["key"] == key)


async def test_a_joiner_from_the_queue_to_the_proof(company: Company) -> None:
    number = numbers(company, "kind = 'joiner' AND next_due < datetime('now')")[0]
    app = company.dashboard()
    async with app.run_test(size=SIZE) as pilot:
        assert "joiner" in "\n".join(rows_of(app))
        await open_case(pilot, app, number)
        await pilot.press("tab")
        assert "+ add" in lines_of(app, "#access"), "the reasons stand on the screen before anything is run"
        await pilot.press("shift+tab")
        await pilot.press("R")
        await agree(pilot)
        await until(pilot, lambda: case_of(app, number)["requested_by"] == "ana")
        await look_at_everything(pilot, app, number)
        await until(pilot, lambda: "State: done" in lines_of(app, "#who"))
        await pilot.press("tab", "tab")
        assert "ana asked to run the case" in lines_of(app, "#record")
        proven = [action["state"] for step in case_of(app, number)["steps"] for action in step["actions"]]
        assert set(proven) <= {"confirmed", "attested"}
        assert "confirmed" in proven
        await pilot.press("escape")
        assert isinstance(app.screen, QueueScreen)
        await until(pilot, lambda: str(number) not in [str(each) for each in app.screen.table.ids])  # type: ignore[attr-defined]
    app.close()


async def test_a_leaver_whose_number_must_be_typed(company: Company) -> None:
    number = numbers(company, "kind = 'leaver' AND state = 'open' AND due < datetime('now')")[0]
    app = company.dashboard()
    async with app.run_test(size=SIZE) as pilot:
        await open_case(pilot, app, number)
        key = case_of(app, number)["person_key"]
        await pilot.press("R")
        await write(pilot, app, "E0000")
        assert "nothing was done" in text_of(app), "a wrong number runs nothing"
        assert case_of(app, number)["requested_by"] == ""
        await write(pilot, app, key)
        await look_at_everything(pilot, app, number)
        await app.desk.ask(lambda workshop: asyncio.run(read_systems(workshop)))
        accounts = app.board.person(case_of(app, number)["person_id"])["accounts"]  # type: ignore[index]
        assert {account["state"] for account in accounts} == {"disabled"}, "so say the systems themselves"
        assert not any(account["holds"] for account in accounts)
    app.close()


async def test_nobody_approves_what_they_asked_for_and_a_refusal_has_a_reason(company: Company) -> None:
    number = numbers(company, "approvals > 0 AND state = 'open'")[0]
    ana = company.dashboard("ana")
    async with ana.run_test(size=SIZE) as pilot:
        await open_case(pilot, ana, number)
        waiting = next(step for step in case_of(ana, number)["steps"] if step["state"] == "approval")
        await pilot.press("c")
        await until(pilot, lambda: case_of(ana, number)["claimed_by"] == "ana")
        await put_cursor(pilot, ana, waiting["key"])
        await pilot.press("r")
        assert "waits for an approval" in answer(ana), "a disabled key says why"
        await pilot.press("a")
        await agree(pilot)
        await until(pilot, lambda: "another person has to decide" in text_of(ana))
        assert state(ana, number, waiting["key"]) == "approval"
    ana.close()
    ben = company.dashboard("ben")
    async with ben.run_test(size=SIZE) as pilot:
        await open_case(pilot, ben, number)
        await put_cursor(pilot, ben, waiting["key"])
        await pilot.press("x")
        await write(pilot, ben, "no")
        assert "At least 3 characters" in text_of(ben)
        await write(pilot, ben, "not needed for this work")
        await until(pilot, lambda: state(ben, number, waiting["key"]) == "refused")
        await until(pilot, lambda: "not needed for this work" in lines_of(ben, "#detail"))
    ben.close()


async def test_an_undo_puts_back_what_was_there(company: Company) -> None:
    number = numbers(company, "kind = 'leaver' AND state = 'open' AND due < datetime('now')")[0]
    app = company.dashboard()
    async with app.run_test(size=SIZE) as pilot:
        await open_case(pilot, app, number)
        await put_cursor(pilot, app, "disable")
        await pilot.press("r")
        await agree(pilot)
        await until(pilot, lambda: state(app, number, "disable") == "done" or settled_or_asking(app, number))
        await until(pilot, lambda: state(app, number, "disable") in ("done", "attention"))
        if state(app, number, "disable") == "attention":
            await pilot.press("t")
            await write(pilot, app, "seen in the log of the system")
            await until(pilot, lambda: state(app, number, "disable") == "done")
        await until(pilot, lambda: not app.screen.why_not("undo"))  # type: ignore[attr-defined]
        await pilot.press("u")
        await agree(pilot)
        await until(pilot, lambda: any(step["key"].startswith("undo") for step in case_of(app, number)["steps"]))
        back = next(step for step in case_of(app, number)["steps"] if step["key"].startswith("undo"))
        assert {action["operation"] for action in back["actions"]} == {"enable"}
        ben = company.dashboard("ben")
        await ben.desk.decide(number, back["key"], back["plan_hash"], approve=True, reason="")
        ben.close()
        await put_cursor(pilot, app, back["key"])
        await until(pilot, lambda: not app.screen.why_not("run_step"))  # type: ignore[attr-defined]
        await pilot.press("r")
        await agree(pilot)
        await until(pilot, lambda: state(app, number, back["key"]) in ("done", "attention"))
        accounts = app.board.person(case_of(app, number)["person_id"])["accounts"]  # type: ignore[index]
        assert "active" in {account["state"] for account in accounts}
    app.close()


async def test_a_walkthrough_goes_on_where_it_was_left(company: Company) -> None:
    number = numbers(company, "kind = 'leaver' AND state = 'open' AND due < datetime('now')")[0]
    first = company.dashboard()
    async with first.run_test(size=SIZE) as pilot:
        await open_case(pilot, first, number)
        await pilot.press("w")
        assert "Step 1 of" in text_of(first)
        await pilot.press("s")
        await write(pilot, first, "the badge was handed in on paper")
        await until(pilot, lambda: "“Block the badge” is skipped" in answer(first))
    first.close()
    second = company.dashboard("ben")
    async with second.run_test(size=SIZE) as pilot:
        second.push_screen(WalkthroughScreen(number))
        await until(pilot, lambda: "Step 1 of" not in text_of(second) and "Step " in text_of(second))
        await pilot.press("left")
        assert "the badge was handed in on paper" in text_of(second)
    second.close()


async def test_bulk_runs_only_after_its_plan_and_its_number(company: Company) -> None:
    app = company.dashboard()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("right")
        await until(pilot, lambda: answer(app).startswith(" Joiners"))
        await pilot.press("asterisk", "r")
        plan = lines_of(app, "#plan")
        joiners = len(numbers(company, "kind IN ('joiner', 'rehire')"))
        assert f"Cases that would be run: {joiners}" in plan
        assert "create" in plan
        await pilot.press("r")
        await write(pilot, app, str(joiners))
        await until(pilot, lambda: len(numbers(company, "requested_by = 'ana'")) == joiners)
    app.close()


async def test_a_held_batch_is_released_by_another_person_who_types_its_number(company: Company) -> None:
    held = len(numbers(company, "state = 'held'"))
    assert held
    app = company.dashboard("zoe")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("b")
        assert f"{held} people" in lines_of(app, "#batches")
        await pilot.press("enter")
        await write(pilot, app, "1")
        assert "nothing was done" in text_of(app)
        await write(pilot, app, str(held))
        await write(pilot, app, "the department was sold, HR confirmed")
        await until(pilot, lambda: not numbers(company, "state = 'held'"))
    app.close()


async def test_a_held_batch_is_dismissed_with_a_reason(company: Company) -> None:
    assert numbers(company, "state = 'held'")
    app = company.dashboard("zoe")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("b", "d")
        assert "nothing is taken away" in text_of(app)
        await write(pilot, app, "the export was cut off in the middle")
        await until(pilot, lambda: not numbers(company, "state = 'held'"))
    app.close()


async def test_filter_note_and_a_change_by_somebody_else(company: Company) -> None:
    app, other = company.dashboard(), company.dashboard("ben", worker=False)
    async with app.run_test(size=SIZE) as pilot:
        table = app.screen.query_one("#list")
        assert isinstance(app.screen, QueueScreen)
        everything = app.screen.table.count()
        await pilot.press("slash", *"e1057")
        await until(pilot, lambda: app.screen.table.count() == 1)  # type: ignore[attr-defined]
        await pilot.press("enter")
        assert app.focused is table
        number = app.screen.table.current
        assert number is not None
        await pilot.press("n")
        app.screen.query_one(Input).value = "laptop comes by post"
        await pilot.press("escape", "n")
        assert app.screen.query_one(Input).value == "laptop comes by post", "an unsent note is kept"
        await pilot.press("enter")
        await until(pilot, lambda: "laptop comes by post" in str(case_of(app, number)["journal"]))
        await other.desk.claim(number)
        await until(pilot, lambda: "Taken by ben" in lines_of(app, "#preview"))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.table.count() == everything)  # type: ignore[attr-defined]
    app.close()
    other.close()


async def test_a_case_is_planned_anew_where_the_operator_sees_it(company: Company) -> None:
    number = numbers(company, "kind = 'leaver' AND state = 'open' AND due < datetime('now')")[0]
    app = company.dashboard()
    async with app.run_test(size=SIZE) as pilot:
        await open_case(pilot, app, number)
        await pilot.press("P")
        await until(pilot, lambda: "The plan is still right" in answer(app))
        policy = next(file for file in company.folder.rglob("*.yaml") if "Disable every account" in file.read_text())
        policy.write_text(policy.read_text().replace("title: Disable every account", "title: Disable them all"))
        await pilot.press("P")
        await until(pilot, lambda: "Planned anew" in answer(app))
        await until(pilot, lambda: "Disable them all" in text_of(app))
    app.close()
