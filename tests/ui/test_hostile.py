"""Names that try to style the screen, run an action or reach the terminal raw (H01 to H15), drawn by every screen."""

from __future__ import annotations

import itertools
import re
import sqlite3

import pytest
from rich.cells import cell_len

from jmltui.ui.screens.case import CaseScreen
from jmltui.ui.screens.person import PersonScreen
from jmltui.ui.screens.queue import QueueScreen
from jmltui.ui.text import cell, show, wrap

from . import governance
from .company import Company
from .conftest import lines_of, text_of, until

HOSTILE = {
    "H01": ("A\x1b[31;5mRED\x1b[0mB", "A␛[31;5mRED␛[0mB"),
    "H02": ("A\x1b]52;c;ZXZpbA==\x07B", "A␛]52;c;ZXZpbA==␇B"),
    "H03": ("A\x1b]0;pwned\x07B", "A␛]0;pwned␇B"),
    "H05": ("A\x9b31mB", "A�31mB"),
    "H06": ("A\x1b[2J\x1b[H", "A␛[2J␛[H"),
    "H07": ("Good\rEvil", "Good⏎Evil"),
    "H08": ("[red]Ana[/red]", "[red]Ana[/red]"),
    "H09": ("[@click=app.quit()]An[/]", "[@click=app.quit()]An[/]"),
    "H10": ("Ana [/nope]", "Ana [/nope]"),
    "H11": ("Smith [IT] [1] [a-z] [$x]", "Smith [IT] [1] [a-z] [$x]"),
    "H12": ("user\u202etxt.exe\u202c", "user␦txt.exe␦"),
    "H13": ("Ad\u200bmin\ufeff", "Ad·min·"),
    "H14": ("Z" + "\u0301" * 200, "Z" + "\u0301" * 3),
    "H15": ("漢字 محمد नेहा", "漢字 محمد नेहा"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_name_is_shown_as_signs_on_every_screen(standing: Company, name: str) -> None:
    raw, shown = HOSTILE[name]
    with sqlite3.connect(standing.places.cache_file) as connection:
        connection.execute("UPDATE jcase SET person_name = ?, department = ? WHERE id = 1", (raw, raw))
        connection.execute("UPDATE person SET name = ? WHERE id = (SELECT person_id FROM jcase WHERE id = 1)", (raw,))
        person = connection.execute("SELECT person_id FROM jcase WHERE id = 1").fetchone()[0]
    connection.close()
    app = standing.dashboard(worker=False)
    async with app.run_test(size=(120, 40)) as pilot:
        assert isinstance(app.screen, QueueScreen)
        app.screen.table.move_to(list(app.screen.table.ids).index(1))
        await until(pilot, lambda: shown in lines_of(app, "#preview"))
        seen = [text_of(app)]
        app.open_case(1)
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and shown in lines_of(app, "#who"))
        seen.append(text_of(app))
        app.open_person(person)
        await until(pilot, lambda: isinstance(app.screen, PersonScreen) and shown in lines_of(app, "#who"))
        await pilot.pause()
        seen.append(text_of(app))
        if name in ("H12", "H13"):
            await until(pilot, lambda: "altered" in text_of(app))
        for text in seen:
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufeff]", text)
    app.close()


@pytest.mark.parametrize("width", [1, 2, 5, 8, 20, 60])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_cell_is_exactly_as_wide_as_its_column(name: str, width: int) -> None:
    assert cell_len(cell(HOSTILE[name][0], width)) == width


def test_a_family_of_emoji_stays_one_picture() -> None:
    assert show("👨‍👩‍👧") == "👨‍👩‍👧"


def test_lines_are_broken_inside_the_width_and_lose_no_character() -> None:
    text = "漢字テスト" * 30 + " and then " + "x" * 200
    parts = wrap(text, 20)
    assert all(cell_len(part) <= 20 for part in parts)
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


GOVERNANCE = {
    "person": "UPDATE person SET name = ?, department = ? WHERE key = 'E1001'",
    "finding": "UPDATE finding SET person_name = ?, login = ?, target = ?, detail = ?, system = ?",
    "campaign": "UPDATE campaign SET rule = ?, scope = ?, reviewer = ?, opened_by = ?",
    "review_item": "UPDATE review_item SET person_name = ?, department = ?, system = ?, target = ?, login = ?, "
    "why = ?, note = ?, peers_of = ?, reviewer = ?, tier = ?",
    "exception": "UPDATE exception SET reason = ?, requested_by = ?, approved_by = ? WHERE kind <> 'finding'",
    "acceptance": "UPDATE exception SET reason = ?, requested_by = ? WHERE kind = 'finding'",
    "facts": "UPDATE finding SET facts = json_object('proposals', json_array(json_object('key', 'E1002', 'name', ?, "
    "'reasons', json_array(?), 'warnings', json_array(?))), ?, ?) WHERE kind = 'orphan'",
    "entitlement": "UPDATE entitlement SET target = ?, name = ?",
    "step": "UPDATE step SET text = ?, note = ?, fallback_owner = ?",
    "diffline": "UPDATE diffline SET target = ?, reason = ?, login = ?, entitlement = ?",
}


@pytest.mark.parametrize("turn", range(3))
async def test_hostile_values_are_shown_as_signs_on_every_screen_of_governance(standing: Company, turn: int) -> None:
    some = governance.governed(standing.places.cache_file, standing.clock)
    values = itertools.cycle(list(HOSTILE.values())[turn * 5 :] + list(HOSTILE.values())[: turn * 5])
    with sqlite3.connect(standing.places.cache_file) as connection:
        for statement in GOVERNANCE.values():
            connection.execute(statement, [next(values)[0] for _ in range(statement.count("?"))])
    connection.close()
    app = standing.dashboard(worker=False)
    seen: list[str] = []
    async with app.run_test(size=(120, 40)) as pilot:

        async def look(*keys: str, expects: bool = True) -> None:
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            if expects:
                await until(pilot, lambda: any(shown[:6] in text_of(app) for _, shown in HOSTILE.values()))
            await pilot.pause(0.1)
            seen.append(text_of(app))

        await look("5")
        await look("down", "enter")
        await look("escape", "l")
        await look("escape", "e")
        await look("escape", "6")
        await look("C")
        await look("escape", "enter", "end")
        await look("n", expects=False)
        await look("escape", "escape", "7")
        await look("e")
        await look("escape", "right")
        app.open_person(some[0]["id"])
        await until(pilot, lambda: isinstance(app.screen, PersonScreen) and app.screen.view is not None)
        await look()
        for _ in range(5):
            await look("tab")
        await look("R")
        app.open_case(1)
        await look("e")
        assert app.is_running, "nothing ran an action or ended the program"
    for text in seen:
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ufeff]", text)
    app.close()
