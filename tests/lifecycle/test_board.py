"""What a screen reads of a cache: the same on every database."""

from __future__ import annotations

import pytest

from jmltui.cache.lists import CASE_ORDERS, CASE_VIEWS, Lists, Query
from jmltui.domain.names import fold
from jmltui.lifecycle import requests
from tests.lifecycle.conftest import STAFF, Office


@pytest.fixture
def board(office: Office) -> Lists:
    """The lists over the office's cache."""
    settings = office.workshop.settings
    return Lists(settings.cache_url or str(office.home / "cache.sqlite"))


def ids(board: Lists, query: Query) -> list[int]:
    return [row[0] for row in board.own.execute(query.sql, query.args).fetchall()]


async def test_lists_and_records(office: Office, board: Lists) -> None:
    assert board.is_current()
    stamp, change = board.stamp(), board.newest_change()
    leaving = {"E003", "E004"}
    office.feed([(*person, "2026-06-01" if person[0] in leaving else "") for person in STAFF])
    await office.sync()
    assert board.stamp() != stamp, "a screen sees that something was written"
    assert {kind for kind, _ in board.changes_after(change)} >= {"case"}
    for order in CASE_ORDERS:
        for view in CASE_VIEWS:
            found = ids(board, board.cases(view, order, "", "ana"))
            assert len(found) == {"all": 2, "leavers": 2, "closed": len(STAFF)}.get(view, 0), (view, order)
    [case] = ids(board, board.cases("all", "due", "person 3", "ana"))
    assert board.case_rows([case])[case]["person_key"] == "E003"
    assert ids(board, board.cases("all", "due", "e003 nobody", "ana")) == []
    assert ids(board, board.cases("all", "due", "100% _\\ \"'", "ana")) == [], "what a query could mean is only text"
    whole = board.case(case)
    assert whole is not None
    assert [step["key"] for step in whole["steps"]] == [step["key"] for step in office.case(case)["steps"]]
    assert whole["person"]["key"] == "E003"
    preview = board.preview(case)
    assert preview is not None
    assert preview["lines"] == {"remove": 2}
    requests.claim_case(office.workshop, case)
    assert ids(board, board.cases("mine", "name", "", office.workshop.actor)) == [case]
    assert board.counts(office.workshop.actor)["mine"] == 1
    assert [found["todo"] for found in board.bulk([case])] == [
        [("directory", "disable", 1), ("directory", "revoke", 1)]
    ]
    board.close()


async def test_people_and_journal(office: Office, board: Lists) -> None:
    assert len(ids(board, board.people("", ""))) == len(STAFF)
    assert len(ids(board, board.people("p", fold("p")))) == len(STAFF), "one letter: how the name begins"
    assert ids(board, board.people("zz", fold("zz"))) == []
    [person] = ids(board, board.people("e017", fold("e017")))
    whole = board.person(person)
    assert whole is not None
    assert [account["login"] for account in whole["accounts"]] == ["e017"]
    assert whole["accounts"][0]["holds"][0]["target"] in ("group:Finance", "group:IT")
    assert whole["cases"][0]["state"] == "done"
    entries = ids(board, board.entries("e017"))
    assert entries == sorted(entries, reverse=True)
    assert entries
    assert [system["name"] for system in board.systems()] == ["directory"]
    assert [source["name"] for source in board.sources()] == ["hr"]
    board.close()
