"""What a screen reads of a cache: the same on every database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache.tables import CampaignRow, ExceptionRow, FindingRow, OwnershipRow, PersonRow, ReviewItemRow
from jmltui.domain.names import fold
from jmltui.lifecycle import requests
from jmltui.lifecycle.board import CASE_ORDERS, CASE_VIEWS, EXCEPTION_VIEWS, ITEM_VIEWS, Board, Query
from tests.lifecycle.conftest import STAFF, Office


@pytest.fixture
def board(office: Office) -> Board:
    """The lists over the office's cache."""
    settings = office.workshop.settings
    return Board(settings.cache_url or str(office.home / "cache.sqlite"))


def board_person(session: Session, key: str) -> int:
    return session.scalars(select(col(PersonRow.id)).where(col(PersonRow.key) == key)).one() or 0


def ids(board: Board, query: Query) -> list[int]:
    return [row[0] for row in board.own.execute(query.sql, query.args).fetchall()]


async def test_lists_and_records(office: Office, board: Board) -> None:
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


async def test_people_and_journal(office: Office, board: Board) -> None:
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


async def test_governance(office: Office, board: Board) -> None:
    now = office.workshop.clock()
    [person] = ids(board, board.people("e017", fold("e017")))
    common = {"first_seen": now - timedelta(days=1), "last_seen": now}
    asked = {"requested_by": "ben", "asked_at": now}
    item = {"campaign_id": 1, "system": "directory", "account_id": "x", "target": "group:IT"}
    with office.workshop.cache.write() as session:
        session.add_all(
            [
                FindingRow(kind="orphan", key="orphan:1", detail="50% of it_", login="jansen", danger=1, **common),
                FindingRow(kind="dormant", key="dormant:1", detail="unused", person_id=person, danger=2, **common),
                FindingRow(kind="orphan", key="orphan:2", state="gone", **common),
                ExceptionRow(kind="finding", subject="orphan:1", reason="known", **asked),
                ExceptionRow(kind="access", person_id=person, subject="it", state="active", until=now, **asked),
                ExceptionRow(kind="access", person_id=person, subject="vpn", state="ended", break_glass=True, **asked),
                CampaignRow(id=1, rule="all", scope="all", opened_at=now, due_at=now, items=3, answered=1),
                ReviewItemRow(seq=1, reviewer="user:ben", **item),
                ReviewItemRow(seq=2, reviewer="manager:E001", **item),
                ReviewItemRow(seq=3, reviewer="manager:E001", decision="revoke", **item),
                PersonRow(
                    source="hr",
                    key="S1",
                    name="Robot",
                    sort_name="robot",
                    type="service",
                    owner="E001",
                    first_seen=now,
                    read_at=now,
                ),
                PersonRow(
                    source="hr",
                    key="S2",
                    name="Relay",
                    sort_name="relay",
                    type="shared",
                    owner="E017",
                    first_seen=now,
                    read_at=now,
                ),
            ]
        )
        session.flush()
        robot, relay = (board_person(session, key) for key in ("S1", "S2"))
        session.add(OwnershipRow(person_id=robot, owner="E017", feed_owner="E001", at=now))
        session.add(OwnershipRow(person_id=relay, owner="E002", feed_owner="E003", at=now))

    orphan, dormant = sorted(ids(board, board.findings("open", "")))
    assert ids(board, board.findings("open", "")) == [dormant, orphan], "the worst first"
    assert ids(board, board.findings("orphan", "")) == ids(board, board.findings("waiting", "")) == [orphan]
    assert ids(board, board.findings("open", "50% it_")) == [orphan], "signs of a pattern are only signs"
    assert ids(board, board.findings("open", "5_%")) == []
    assert board.finding_counts() == {
        "open": 2, "waiting": 1, "case": 0, "excepted": 0, "dormant": 1, "orphan": 1,
    }  # fmt: skip
    assert [bool(board.finding_rows([number])[number]["waits"]) for number in (orphan, dormant)] == [True, False]
    whole = board.finding(orphan)
    assert whole is not None
    assert whole["acceptance"]["reason"] == "known"
    assert board.finding_of("orphan:1") == orphan

    assert {view: len(ids(board, board.exceptions(view, "", "ben"))) for view in EXCEPTION_VIEWS} == {
        "waiting": 1, "active": 1, "emergency": 1, "mine": 2, "ended": 1,
    }  # fmt: skip
    assert board.exception_counts("ana")["mine"] == 0
    [active] = ids(board, board.exceptions("active", "e017", "ana"))
    assert board.exception_rows([active])[active]["person_key"] == "E017"
    assert [each["subject"] for each in board.exceptions_of(person)] == ["it", "vpn"]
    assert [each["kind"] for each in board.findings_of(person)] == ["dormant"]

    words = ("manager:E001",)
    assert [each["mine"] for each in board.campaigns(words)] == [1]
    assert [each["mine"] for each in board.campaigns(())] == [0]
    assert board.item_counts(1, words) == {
        "mine": 1, "unanswered": 2, "unsure": 0, "revoked": 1, "answered": 1, "all": 3,
    }  # fmt: skip
    counted = {view: len(ids(board, board.items(1, view, "", words))) for view in ITEM_VIEWS}
    assert board.item_counts(1, words) == counted
    order = [board.item_rows([number])[number]["seq"] for number in ids(board, board.items(1, "all", "", words))]
    assert order == [2, 3, 1], "mine come first"
    assert board.decisions(1) == {"": 2, "revoke": 1}

    assert [each["key"] for each in board.owned_by("E017")] == ["S2", "S1"], "a decision counts until the feed moves on"
    assert board.owned_by("E001") == board.owned_by("E002") == []
    assert board.owner_of(relay) == "E017"
    board.close()
