"""Files as people really send them, and files that must not be believed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from jmltui.adapter_api import BadRow, FeedFile, Person, PersonType, Setup, Unavailable
from jmltui_csv import CsvSource

COLUMNS = {"key": "id", "name": "name", "type": "kind", "ends": "last day", "team": "team"}
HEAD = "id,name,kind,last day,team\n"


async def read(path: Path, **options: Any) -> tuple[list[Person], list[BadRow], FeedFile]:
    given = {"path": str(path), "columns": COLUMNS, **options}
    source = CsvSource(Setup("hr", given, lambda _: "", lambda: datetime.now(UTC)))
    items = [item async for item in source.people()]
    people = [item for item in items if isinstance(item, Person)]
    return people, [item for item in items if isinstance(item, BadRow)], source.feed()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "people.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
async def test_encodings_and_delimiters(file: Path, encoding: str, delimiter: str) -> None:
    text = HEAD + '1,"Zoë  Müller ",contractor,2026-09-30,A\n'
    file.write_bytes(text.replace(",", delimiter).encode(encoding))
    people, bad, feed = await read(file, encoding=encoding if encoding == "cp1252" else "utf-8")
    assert (bad, feed.complete, feed.rows) == ([], True, 1)
    assert people[0].name == "Zoë Müller"
    assert people[0].type is PersonType.CONTRACTOR
    assert people[0].ends == date(2026, 9, 30)
    assert people[0].attributes == {"team": "A"}


async def test_values_dates_and_defaults(file: Path) -> None:
    file.write_text(HEAD + "1,Ana,Extern,30.09.2026,\n")
    options = {"values": {"type.Extern": "contractor"}, "dates": ["%Y-%m-%d", "%d.%m.%Y"], "defaults": {"team": "none"}}
    people, bad, _ = await read(file, **options)
    assert not bad
    assert (people[0].type, people[0].ends, people[0].attribute("team")) == (
        PersonType.CONTRACTOR,
        date(2026, 9, 30),
        "none",
    )


async def test_bad_rows_are_kept_with_their_lines(file: Path) -> None:
    rows = ["1,Ana,,,", ",Bob,,,", "3,Carl,alien,,", "4,Dora,,31/12,", "5,Eve,,", '6,"Fay\nMay",,,', "7,Guy\0,,,"]
    file.write_text(HEAD + "\n".join(rows) + "\n")
    people, bad, feed = await read(file)
    assert [p.key for p in people] == ["1", "6"]
    assert [(b.line, b.reason.split()[0:3]) for b in bad] == [
        (3, ["the", "key", "is"]),
        (4, ["type", "“alien”", "is"]),
        (5, ["ends", "“31/12”", "is"]),
        (6, ["the", "line", "has"]),
        (9, ["the", "name", "holds"]),
    ]
    assert feed.complete


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (HEAD.encode() + b"1,Ana,,,A\n2,Bo", "half written"),
        (HEAD.encode() + b'1,"Ana,,,A\n2,Bob,,,B\n', "breaks off"),
        (HEAD.encode() + b"1,Zo\xeb,,,A\n", "not utf-8: line 2 holds byte 0xeb"),
    ],
)
async def test_a_file_that_must_not_be_believed(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    people, _, feed = await read(file)
    assert people == []
    assert words in feed.problem
    assert not feed.complete


async def test_missing_columns_are_named(file: Path) -> None:
    file.write_text("id,kind\n1,\n")
    _, _, feed = await read(file)
    assert feed.missing_columns == ("name", "last day", "team")


async def test_no_file_is_told(file: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        await read(file)
