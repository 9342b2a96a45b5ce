"""Feeds of any size, and cells that an export made harmless."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jmltui.adapter_api import BadRow, FeedFile, Person, Setup
from jmltui_csv import CsvSource

COLUMNS = {"key": "id", "name": "name", "starts": "first day"}


async def read(path: Path, **options: Any) -> tuple[list[Person], list[BadRow], FeedFile]:
    given = {"path": str(path), "columns": COLUMNS, **options}
    source = CsvSource(Setup("hr", given, str, lambda: datetime.now(UTC)))
    items = [item async for item in source.people()]
    people = [item for item in items if isinstance(item, Person)]
    return people, [item for item in items if isinstance(item, BadRow)], source.feed()


@pytest.mark.parametrize("name", ["=1+1", "+49 30 1", "-5", "@x", "＝1"])
async def test_an_exported_cell_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"id,name,first day\n1,'{name},2026-01-01\n", encoding="utf-8")
    assert [p.name for p in (await read(file, exported=True))[0]] == [name]
    assert [p.name for p in (await read(file))[0]] == [f"'{name}"]


async def test_an_apostrophe_of_a_name_stays(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("id,name,first day\n1,'s-Gravesande,\n", encoding="utf-8")
    assert [p.name for p in (await read(file, exported=True))[0]] == ["'s-Gravesande"]


async def test_a_large_feed_keeps_every_row(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    rows = "".join(f'{n},"Name\n{n}",2026-01-{n % 28 + 1:02d}\n' for n in range(100_000))
    file.write_text(f"id,name,first day\n{rows}", encoding="utf-8")
    people, bad, feed = await read(file)
    assert (len(people), bad, feed.rows, feed.complete) == (100_000, [], 100_000, True)
    assert people[-1].row == "people.csv:200000"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [("x" * 257, "257 characters"), ("a\0b", "no system can store")],
)
async def test_a_cell_that_cannot_be_a_name_is_quarantined(tmp_path: Path, cell: str, reason: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"id,name,first day\n1,{cell},\n2,Bob,\n", encoding="utf-8")
    people, bad, _ = await read(file)
    assert [p.key for p in people] == ["2"]
    assert [(b.line, reason in b.reason) for b in bad] == [(2, True)]
