"""Findings, reviews, requests and a person, key by key, over a real cache and the real use cases."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from jmltui.cli import main
from jmltui.ui.app import Dashboard
from jmltui.ui.screens.ask import AskScreen
from jmltui.ui.screens.case import CaseScreen
from jmltui.ui.screens.findings import FindingsScreen
from jmltui.ui.screens.items import ItemsScreen
from jmltui.ui.screens.person import PersonScreen
from jmltui.ui.screens.requests import RequestsScreen
from jmltui.ui.screens.reviews import ReviewsScreen
from jmltui.ui.widgets.bar import Bar
from jmltui.ui.widgets.line_list import LineList

from . import governance
from .company import MONDAY, Company
from .conftest import answer, lines_of, rows_of, text_of, until

SIZE = (80, 24)


@pytest.fixture
def governed(standing: Company) -> Company:
    """The standing company with findings, a review and requests in its cache."""
    governance.governed(standing.places.cache_file, standing.clock)
    return standing


def sql(company: Company, statement: str, *args: object) -> list[Any]:
    """Rows as the cache itself has them; what changes them is kept."""
    with closing(sqlite3.connect(company.places.cache_file, isolation_level=None)) as connection:
        return connection.execute(statement, args).fetchall()


def views_of(app: Dashboard) -> str:
    return app.screen.query_one("#views", Bar).text


def words_of(app: Dashboard) -> str:
    """What a box says, whatever its width."""
    return re.sub(r"[\s│]+", " ", text_of(app))


async def fill(pilot: Pilot[None], app: Dashboard, *texts: str) -> None:
    """Type into the fields of a form, one after another."""
    for text in texts:
        field = app.focused
        assert isinstance(field, Input), text_of(app)
        field.value = text
        await pilot.press("enter")
        await pilot.pause()


# ---- the title


@pytest.mark.parametrize("width", [44, 70, 75, 80, 120])
async def test_every_place_has_its_digit_in_the_title(governed: Company, width: int) -> None:
    app = governed.dashboard(worker=False)
    async with app.run_test(size=(width, 24)) as pilot:
        for digit, name in enumerate(("Queue", "People", "Systems", "Journal", "Findings", "Reviews", "Requests"), 1):
            await pilot.press(str(digit))
            await pilot.pause()
            title = text_of(app).splitlines()[0]
            assert f"{digit}[{name}]" in title
            assert all(str(other) in title for other in range(1, 8))
            assert title.rstrip().endswith("ana")
    app.close()


# ---- findings


async def test_findings_by_kind_with_a_preview_and_whole(governed: Company) -> None:
    app = governed.dashboard(worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("5")
        assert isinstance(app.screen, FindingsScreen)
        assert "[Open 9]" in views_of(app)
        assert "Orphan 1" in views_of(app)
        assert rows_of(app)[0].startswith(" ! Separation"), "the worst first"
        await until(pilot, lambda: "together with pay-approve" in lines_of(app, "#preview"))
        await pilot.press("right")
        await until(pilot, lambda: len(rows_of(app)) == 1 and "[Separation 1]" in views_of(app))
        await pilot.press("enter")
        whole = lines_of(app, "#whole")
        assert "The left side" in whole
        assert "role:payments-create" in whole
        assert "no role and no exception" in whole.replace("\n ", "")
        await pilot.press("escape")
        assert app.focused is app.screen.query_one("#list")
        await pilot.press("right", "l")
        await until(pilot, lambda: "1 jansen" not in text_of(app) and "75/100" in text_of(app))
        await pilot.press("escape", "slash", *"nobody")
        await until(pilot, lambda: "filter “nobody”" in answer(app))
    app.close()


async def test_a_key_that_does_not_fit_a_finding_says_why(governed: Company) -> None:
    app = governed.dashboard(worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("5", "a")
        assert "Nobody asked to accept this finding" in answer(app)
        await pilot.press("l")
        assert "Only an account of nobody" in answer(app)
        await pilot.press("o")
        assert "No case works on this finding" in answer(app)
        await pilot.press("end", "c")
        assert "corrected in HR" in answer(app)
    app.close()


async def test_an_acceptance_needs_a_day_a_reason_and_another_person(governed: Company) -> None:
    sql(governed, "DELETE FROM exception")
    ana = governed.dashboard("ana", worker=False)
    async with ana.run_test(size=SIZE) as pilot:
        await pilot.press("5", "down", "e")
        await fill(pilot, ana, "soon")
        assert "Write a day" in text_of(ana)
        await fill(pilot, ana, "2020-01-01")
        assert "is over" in text_of(ana)
        await fill(pilot, ana, "30d", "The new system replaces it in July")
        await until(pilot, lambda: bool(sql(governed, "SELECT 1 FROM exception WHERE state = 'asked'")))
        await until(pilot, lambda: "waits" in "".join(rows_of(ana)))
        await pilot.press("a")
        assert "You asked for this yourself; another person has to decide." in answer(ana)
    ana.close()
    ben = governed.dashboard("ben", worker=False)
    async with ben.run_test(size=SIZE) as pilot:
        await pilot.press("5", "down")
        await until(pilot, lambda: "ana wants to accept it until" in lines_of(ben, "#preview").replace("\n", " "))
        await pilot.press("a", "tab", "enter")
        await until(pilot, lambda: sql(governed, "SELECT state FROM exception") == [("active",)])
        await pilot.press("left")
        await until(pilot, lambda: "[Accepted 1]" in views_of(ben))
    ben.close()


async def test_a_scan_finds_and_a_case_is_opened_for_what_was_found(standing: Company) -> None:
    sql(standing, "DELETE FROM finding")
    sql(standing, "DELETE FROM meta WHERE key = 'findings scan'")
    app = standing.dashboard(worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("5")
        assert "Nobody has looked for findings yet" in answer(app)
        await pilot.press("S")
        await until(pilot, lambda: "Looked at everything" in answer(app))
        number = sql(standing, "SELECT id FROM finding WHERE kind = 'orphan' AND state = 'open' ORDER BY id")[0][0]
        app.open_finding(number)
        await until(pilot, lambda: "Orphan" in lines_of(app, "#whole"))
        await pilot.press("c")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "is open; o shows it" in answer(app))
        await until(pilot, lambda: not app.screen.why_not("go_case"))  # type: ignore[attr-defined]
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and app.screen.case is not None)
        assert app.screen.case["kind"] == "orphan"  # type: ignore[attr-defined]
    app.close()


async def test_an_account_is_linked_by_its_persons_number(standing: Company) -> None:
    app = standing.dashboard(worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("5", "S")
        await until(pilot, lambda: "Looked at everything" in answer(app))
        number, login = sql(standing, "SELECT id, login FROM finding WHERE kind = 'orphan' ORDER BY id")[0]
        key = sql(standing, "SELECT key FROM person WHERE present = 1 AND status = 'active' ORDER BY key DESC")[0][0]
        app.open_finding(number)
        await pilot.pause()
        await pilot.press("l")
        await pilot.pause()
        if not isinstance(app.focused, Input):
            await pilot.press("end", "enter")
            await pilot.pause()
        await fill(pilot, app, key)
        assert f"({key})" in text_of(app), "both records stand on the screen before anything is linked"
        await fill(pilot, app, "E0")
        assert "nothing was done" in text_of(app)
        await fill(pilot, app, key)
        linked = "SELECT 1 FROM account a JOIN person p ON p.id = a.person_id WHERE a.login = ? AND p.key = ?"
        await until(pilot, lambda: bool(sql(standing, linked + " AND a.link = 'confirmed'", login, key)))
    app.close()


# ---- reviews


async def test_one_key_answers_one_item_and_goes_to_the_next(governed: Company) -> None:
    sql(governed, "UPDATE review_item SET reviewer = 'user:ana' WHERE reviewer = 'user:ana'")
    app = governed.dashboard("ana", worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("6")
        assert isinstance(app.screen, ReviewsScreen)
        assert "[###" in lines_of(app, "#campaigns")
        await until(pilot, lambda: "6 of their items are yours" in answer(app))
        assert "is taken away where it is elevated" in lines_of(app, "#preview").replace("\n", " ")
        await pilot.press("enter")
        assert isinstance(app.screen, ItemsScreen)
        await until(pilot, lambda: "[Mine 6]" in views_of(app))
        first, second, third = list(app.screen.table.ids)[:3]
        await until(pilot, lambda: "40 of 40 peers" in lines_of(app, "#preview"))
        preview = lines_of(app, "#preview")
        for fact in ("Engineering", "directory: group:", "privileged, elevated", "Why: role staff", "40d ago"):
            assert fact in preview
        await pilot.press("k")
        assert app.screen.table.current == second, "the next item, without waiting"
        await pilot.press("r")
        await pilot.press("n")
        await fill(pilot, app, "Changed the team last week")
        assert "Your note goes with it" in lines_of(app, "#preview")
        await pilot.press("u")
        wanted = [(first, "keep", ""), (second, "revoke", ""), (third, "unsure", "Changed the team last week")]
        given = "SELECT id, decision, note FROM review_item WHERE decided_by = 'ana' ORDER BY seq"
        await until(pilot, lambda: sql(governed, given) == wanted)
        await until(pilot, lambda: "[Mine 3]" in views_of(app) and "5/12" in text_of(app).splitlines()[0])
        await pilot.press("up", "j")
        assert app.screen.table.current is not None, "j and k are no movements here"
    app.close()


async def test_somebody_elses_item_is_refused_in_words(governed: Company) -> None:
    app = governed.dashboard("zoe", worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("6", "enter")
        await until(pilot, lambda: "[Unanswered 10]" in views_of(app))
        await pilot.press("k")
        await until(pilot, lambda: "to answer" in text_of(app))
        assert not sql(governed, "SELECT 1 FROM review_item WHERE decided_by = 'zoe'")
    app.close()


async def test_closing_a_review_says_what_happens_first(governed: Company) -> None:
    app = governed.dashboard("ana", worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("6", "C")
        box = text_of(app)
        assert "still have time until" in box
        assert "10 unanswered: they are unsure then" in box
        await fill(pilot, app, "9")
        assert "they are kept in the journal" in text_of(app)
        assert sql(governed, "SELECT state FROM campaign WHERE id = 1") == [("open",)]
        await fill(pilot, app, "the auditors come on Monday")
        await until(pilot, lambda: sql(governed, "SELECT state FROM campaign WHERE id = 1") == [("closed",)], 60)
        told = sql(governed, "SELECT summary FROM journal WHERE action = 'review.close-early'")
        assert [text.endswith(", with 10 unanswered: the auditors come on Monday") for (text,) in told] == [True]
        await until(pilot, lambda: "0 open reviews" in answer(app), 60)
        await pilot.press("C")
        assert "This review is closed" in answer(app)
    app.close()


async def test_a_review_is_opened_by_a_rule_of_the_policy(standing: Company) -> None:
    policy = standing.folder / "policy" / "reviews.yaml"
    policy.write_text(
        "reviews:\n  - {id: spot-check, every: 90d, scope: 'system:directory', reviewer: 'user:ana', "
        "fallback: 'team:security', answer_within: 14d, on_no_answer: keep}\n"
    )
    app = standing.dashboard("ana", worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("6", "o")
        await until(pilot, lambda: "spot-check" in text_of(app))
        await pilot.press("1")
        await until(pilot, lambda: bool(sql(standing, "SELECT 1 FROM campaign WHERE state = 'open'")), 60)
        await until(pilot, lambda: "spot-check" in lines_of(app, "#campaigns"))
    app.close()


# ---- requests


async def test_requests_say_whose_word_they_wait_for(governed: Company) -> None:
    app = governed.dashboard("ana", worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("7")
        assert isinstance(app.screen, RequestsScreen)
        assert "[Waiting 2]" in views_of(app)
        assert "1/2 manager" in rows_of(app)[0]
        await until(pilot, lambda: "Stage 1 of 2: waits for manager" in lines_of(app, "#preview"))
        assert "from 01 Jun 09:00 also team:helpdesk" in lines_of(app, "#preview").replace("\n", " ")
        await pilot.press("b")
        assert "Only an emergency access is reviewed later; this one waits for an approval." in answer(app)
        await pilot.press("right")
        await until(pilot, lambda: "[Active 2]" in views_of(app) and "EMERGENCY" in "".join(rows_of(app)))
        await pilot.press("right")
        await until(pilot, lambda: len(rows_of(app)) == 1)
        await pilot.press("b")
        await fill(pilot, app, "Only the restart; looked at the log")
        reviewed = "SELECT reviewed_by FROM exception WHERE break_glass"
        await until(pilot, lambda: sql(governed, reviewed) == [("ana",)])
        await until(pilot, lambda: "Emergency, to review 0" in views_of(app))
    app.close()


async def test_an_exception_is_ended_with_a_reason(governed: Company) -> None:
    app = governed.dashboard("ana", worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("7", "right")
        await until(pilot, lambda: len(rows_of(app)) == 2)
        await pilot.press("down", "e")
        await fill(pilot, app, "no longer needed")
        ended = "SELECT state FROM exception WHERE subject = 'finance-read'"
        await until(pilot, lambda: sql(governed, ended) == [("ended",)])
    app.close()


async def test_access_is_asked_for_a_person(standing: Company) -> None:
    person = sql(
        standing,
        "SELECT id, key FROM person p WHERE present = 1 AND status = 'active' AND type = 'employee' "
        "AND department = 'Sales' AND NOT EXISTS (SELECT 1 FROM jcase c WHERE c.person_id = p.id AND c.live = 1) "
        "ORDER BY key",
    )[0]
    app = standing.dashboard("ana", worker=False)
    async with app.run_test(size=SIZE) as pilot:
        app.open_person(person[0])
        await until(pilot, lambda: isinstance(app.screen, PersonScreen) and app.screen.view is not None)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, AskScreen) and bool(app.screen.found))
        listed = lines_of(app, "#entitlements")
        assert "held already" in listed or "due" in listed, "what cannot be asked for says why"
        wanted = next(
            number
            for number, line in enumerate(app.screen.query_one("#entitlements", LineList).lines)
            if line.key == "ledger"
        )
        app.screen.query_one("#entitlements", LineList).move_to(wanted)
        await pilot.press("enter")
        await fill(pilot, app, "Quarter's end", "often")
        assert "not a duration" in text_of(app)
        await fill(pilot, app, "14d")
        asked = "SELECT subject, seconds, requested_by FROM exception"
        await until(pilot, lambda: sql(standing, asked) == [("ledger", 14 * 86400, "ana")])
    app.close()


async def test_an_emergency_is_loud_and_only_what_the_policy_says(standing: Company) -> None:
    administrator = "title = 'System Administrator' AND present = 1 AND status = 'active'"
    key = sql(standing, f"SELECT key FROM person WHERE {administrator} ORDER BY key")[0][0]
    app = standing.dashboard("ana", worker=False)
    async with app.run_test(size=SIZE) as pilot:
        app.push_screen(AskScreen(key, "Somebody"))
        await until(pilot, lambda: isinstance(app.screen, AskScreen) and bool(app.screen.found))
        await pilot.press("slash", *"chat-g")
        await pilot.press("enter", "E")
        assert "does not let this be taken" in answer(app)
        await pilot.press("escape", "slash", *"prod-adm")
        await pilot.press("enter", "E")
        await pilot.pause()
        assert "AT ONCE, WITHOUT AN APPROVAL" in words_of(app)
        await fill(pilot, app, "wrong")
        assert "nothing was done" in text_of(app)
        await fill(pilot, app, key, "The shop is down")
        taken = "SELECT subject, state, requested_by, break_glass FROM exception"
        await until(pilot, lambda: sql(standing, taken) == [("prod-admin", "active", "ana", 1)])
        await pilot.press("escape", "escape", "7")
        await until(pilot, lambda: "NOT reviewed yet" in lines_of(app, "#preview"))
        await pilot.press("b")
        await fill(pilot, app, "I looked at it myself")
        await until(pilot, lambda: "another person has to look" in words_of(app))
    app.close()


# ---- a person


async def test_a_person_whole(governed: Company) -> None:
    some = governance.people(governed.places.cache_file, 3)
    app = governed.dashboard(worker=False)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_person(some[0]["id"])
        await until(pilot, lambda: isinstance(app.screen, PersonScreen) and app.screen.view is not None)
        await until(pilot, lambda: "staff: person.type is employee" in lines_of(app, "#person"))
        access = lines_of(app, "#person")
        assert "unexplained" in access
        await pilot.press("x")
        await until(pilot, lambda: "policy/access.yaml:" in lines_of(app, "#person"))
        await pilot.press("tab", "tab")
        assert "vpn-admin" in lines_of(app, "#person")
        assert "asked by ben" in lines_of(app, "#person")
        await pilot.press("tab")
        assert "Backup robot" in lines_of(app, "#person"), "a decision about an owner counts more than the source"
        await pilot.press("enter")
        await until(pilot, lambda: "Owned by" in lines_of(app, "#who"))
        await pilot.press("escape", "tab")
        assert "Findings: 0" in lines_of(app, "#person")
        app.pop_screen()
        app.open_person(some[1]["id"])
        await until(pilot, lambda: isinstance(app.screen, PersonScreen) and app.screen.person is not None)
        await pilot.press("shift+tab")
        assert "Separation" in lines_of(app, "#person")
        await pilot.press("enter")
        await until(pilot, lambda: "The left side" in lines_of(app, "#whole"))
    app.close()


# ---- a case


async def test_a_line_of_a_case_explains_itself(standing: Company) -> None:
    number = sql(standing, "SELECT id FROM jcase WHERE kind = 'mover' AND approvals > 0 ORDER BY id")[0][0]
    app = standing.dashboard(worker=False)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_case(number)
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and app.screen.case is not None)
        await pilot.press("e")
        access = app.screen.query_one("#access", LineList)
        row = next(n for n, line in enumerate(access.lines) if "+ add" in line.text)
        access.move_to(row)
        await until(pilot, lambda: "policy/access.yaml:" in lines_of(app, "#why"))
        assert "applies" in lines_of(app, "#why")
        await pilot.press("e")
        assert app.screen.query_one("#why").has_class("-gone")
    app.close()


async def test_a_step_says_which_stage_waits_and_who_has_it_now(governed: Company) -> None:
    case, step = sql(governed, "SELECT case_id, id FROM step WHERE approval_path <> ''")[0]
    later = (MONDAY - timedelta(minutes=5)).isoformat(" ")
    sql(governed, "UPDATE step SET escalated_at = ?, fallback_owner = 'team:it' WHERE id = ?", later, step)
    app = governed.dashboard(worker=False)
    async with app.run_test(size=SIZE) as pilot:
        app.screen.table.move_to(list(app.screen.table.ids).index(case))  # type: ignore[attr-defined]
        await until(pilot, lambda: f"Case {case}" in lines_of(app, "#preview"))
        app.open_case(case)
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and "Stage 1 of 2" in lines_of(app, "#detail"))
        assert "→ team:it" in lines_of(app, "#checklist")
        assert "since 01 Jun 07:55" in lines_of(app, "#detail")
    app.close()


async def test_only_a_mover_asks_for_an_overlap(standing: Company) -> None:
    leaver = sql(standing, "SELECT id FROM jcase WHERE kind = 'leaver' AND state = 'open'")[0][0]
    app = standing.dashboard(worker=False)
    async with app.run_test(size=SIZE) as pilot:
        app.open_case(leaver)
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and app.screen.case is not None)
        await pilot.press("O")
        assert "Only a mover" in answer(app)
    app.close()


async def test_soon_late_is_a_word_of_the_queue(standing: Company) -> None:
    sql(standing, "UPDATE jcase SET soon_at = '2026-06-01 07:00:00', next_due = '2026-06-05', target_at = '2026-06-05'")
    sql(standing, "UPDATE jcase SET approvals = 0, attention = 0, working = 0 WHERE state = 'open'")
    app = standing.dashboard(worker=False)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        assert "soon late" in "\n".join(rows_of(app))
    app.close()


async def test_a_mover_keeps_the_old_access_for_a_while(standing: Company) -> None:
    query = (
        "SELECT c.id FROM jcase c WHERE c.kind = 'mover' AND c.state = 'open' AND EXISTS "
        "(SELECT 1 FROM diffline d WHERE d.case_id = c.id AND d.kind = 'remove') ORDER BY c.id"
    )
    number = sql(standing, query)[0][0]
    app = standing.dashboard("ana", worker=False)
    async with app.run_test(size=(120, 40)) as pilot:
        app.open_case(number)
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and app.screen.case is not None)
        await pilot.press("O")
        await fill(pilot, app, "7d", "hands over the quarter's books")
        await until(pilot, lambda: "asks to keep the old access until" in answer(app))
        await pilot.press("escape", "7")
        await until(pilot, lambda: "hands over" in lines_of(app, "#preview"))
        assert "waits for manager" in lines_of(app, "#preview")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CaseScreen) and app.screen.case is not None)
        assert app.screen.case["kind"] == "exception"  # type: ignore[attr-defined]
    app.close()


# ---- without the screen


async def test_the_command_tells_the_same_of_a_person(governed: Company, capsys: pytest.CaptureFixture[str]) -> None:
    key = governance.people(governed.places.cache_file, 1)[0]["key"]
    assert main(["person", key, "--home", str(governed.folder)]) == 0
    told = capsys.readouterr().out
    for words in ("staff: person.type is employee", "unexplained", "vpn-admin", "Backup robot", "Findings: 0"):
        assert words in told
    assert main(["person", key, "--home", str(governed.folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {each["why"] for each in found["access"]["held"]} >= {"role", "unexplained"}
    assert "SVC-1" in {each["key"] for each in found["owns"]}
    assert main(["person", "nobody", "--home", str(governed.folder)]) != 0
    assert "No source has a person" in capsys.readouterr().err
