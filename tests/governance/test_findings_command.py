"""`jmltui findings`, as somebody at a terminal uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jmltui.cli import main
from jmltui.config.identity import Actor
from jmltui.domain.person import PersonStatus
from tests.governance.findings_office import BOSS, CHIEF, Listing, Office, account, open_office, person

TODAY = datetime.now(UTC)
NASTY = "A\x1b]52;c;ZXZpbA==\x07B [@click=app.bell()]x \u202eevil"


@dataclass
class Terminal:
    """Runs commands as root, who reads what they print."""

    home: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str, code: int = 0) -> str:
        found = main(["findings", *words, "--home", str(self.home)])
        out, err = self.capsys.readouterr()
        assert found == code, out + err
        return out + err

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code))


@pytest.fixture
def office(private: Path) -> Iterator[Office]:
    made = open_office(private)
    made.employ(BOSS, CHIEF, person("E1", NASTY), person("E2", "Ana Novak", status=PersonStatus.LEFT))
    crm = Listing([account("a1", "E1", last_seen=TODAY), account("x1", login="anovak")], [("a1", f"group:{NASTY}")])
    made.list_system("crm", crm)
    yield made
    made.workshop.cache.close()


@pytest.fixture
def run(office: Office, private: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(private, capsys)


def test_a_scan_is_asked_for_and_listed(run: Terminal) -> None:
    assert "`--scan` looks again" in run()
    found = run.json("--scan")
    assert found["scan"] == {
        "orphan": {"new": 1, "open": 1, "gone": 0},
        "unexplained": {"new": 1, "open": 1, "gone": 0},
    }
    assert [row["kind"] for row in run.json("--kind", "orphan")["findings"]] == ["orphan"]
    text = run("--scan")
    assert "0 new, 0 gone, 2 open." in text
    assert "The first 1 are listed" in run("--limit", "1")


def test_nothing_of_a_source_reaches_the_terminal_raw(run: Terminal) -> None:
    assert "A␛]52;c;ZXZpbA==␇B [@click=app.bell()]x ␦evil" in run("--scan")
    for text in (run("--scan"), run("show", "1"), run("show", "2"), run("case", "1", "2"), run("--all")):
        assert not set(text) & {"\x1b", "\x07", "\u202e"}


def test_a_finding_is_shown_with_whose_it_may_be(run: Terminal) -> None:
    run("--scan")
    text = run("show", "1")
    assert "Whose it may be\n   20  E2  Ana Novak" in text
    assert "but has left" in text
    assert run.json("show", "1")["facts"]["proposals"][0]["key"] == "E2"
    assert "There is no finding 9" in run("show", "9", code=1)


def test_cases_are_opened_alone_or_together(run: Terminal) -> None:
    run("--scan")
    assert run.json("case", "1")["case"] == 1
    both = run.json("case", "1", "2", "7", code=6)["cases"]
    assert [each["case"] for each in both] == [1, 2, 0]
    assert "case 1" in run("--all")
    assert run.json()["findings"] == []
    assert "one finding" in run("case", "1", "2", "--side", "left", code=2)


def test_one_asks_and_another_agrees(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    run("--scan")
    day = f"{TODAY + timedelta(days=9):%Y-%m-%d}"
    assert "no date" in run("accept", "1", "--reason", "the vendor", "--until", "9.6.2026", code=2)
    assert "Nobody asked" in run("approve", "1", code=6)
    assert "`jmltui findings approve 1`" in run("accept", "1", "--reason", "the vendor", "--until", day)
    assert "acceptance asked" in run()
    assert "Exception 1, asked" in run("show", "1")
    assert "You asked for this yourself" in run("approve", "1", code=6)
    monkeypatch.setattr("jmltui.config.identity.current_actor", lambda: Actor(7007, "bea", 7007))
    assert "needs a reason" in run("refuse", "1", code=2)
    assert "Finding 1 is accepted" in run("approve", "1")
    assert [row["id"] for row in run.json()["findings"]] == [2]
    assert "excepted" in run("--all")


def test_an_account_is_linked_to_its_person(run: Terminal) -> None:
    run("--scan")
    assert "anovak on crm is the account of" in run("link", "1", "BOSS")
    assert run.json("--scan")["scan"]["unexplained"]["open"] == 1
    assert "nothing was linked" in run("link", "1", "BOSS", code=6)


def test_a_conflict_waits_for_the_case_of_its_exception(office: Office, run: Terminal) -> None:
    office.list_system("erp", Listing([account("b1", "E1")], [("b1", "role:Enter"), ("b1", "role:Release")]))
    found = {row["kind"]: row["id"] for row in run.json("--scan")["findings"]}
    number, day = str(found["separation"]), f"{TODAY + timedelta(days=9):%Y-%m-%d}"
    told = run("accept", number, "--reason", "the vendor", "--until", day)
    assert "case 1 waits for an approval: `jmltui plan 1` names the step" in told
    assert run.json("show", number)["acceptance"]["kind"] == "separation"
    assert "Exception 1, asked" in run("show", number)
    assert "decided in its case 1" in run("approve", number, code=6)


def test_what_is_held_and_not_due_is_a_kind_of_its_own(office: Office, run: Terminal) -> None:
    office.list_system("erp", Listing([account("b1", "E1")]))
    run("--scan")
    [row] = run.json("--kind", "not_due")["findings"]
    assert "Held, and not due" in run("show", str(row["id"]))
