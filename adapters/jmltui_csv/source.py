"""Reading the file: its encoding, its delimiter, its end. A file that may be half written is refused as a whole."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final

from jmltui.adapter_api import (
    BadRow,
    Cap,
    Capabilities,
    FeedFile,
    Option,
    OptionType,
    OptionValue,
    Person,
    Proof,
    Setup,
    Support,
    Unavailable,
)
from jmltui.adapter_api.person_rows import PersonMapper

MAX_BYTES: Final = 512 * 1024 * 1024
DELIMITERS: Final = (",", ";", "\t", "|")
REQUIRED: Final = ("key", "name")


class CsvSource:
    """People of a delimited text file."""

    kind: ClassVar[str] = "csv"
    EXERCISED_AGAINST: ClassVar[str] = "files written by the tests and monthly files of a real company's size"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("path", OptionType.PATH, "The file.", required=True),
        Option("columns", OptionType.MAP, "Which column holds which attribute.", required=True),
        Option("delimiter", OptionType.TEXT, "What stands between columns; empty: found in the first line.", ""),
        Option("encoding", OptionType.TEXT, "The encoding; a byte order mark wins.", "utf-8"),
        Option("dates", OptionType.LIST, "Forms of dates, the first that fits counts.", ("%Y-%m-%d",)),
        Option("values", OptionType.MAP, "Other words for values: `attribute.word` = value.", {}),
        Option("defaults", OptionType.MAP, "What an empty attribute means.", {}),
        Option("exported", OptionType.BOOLEAN, "Cells have an apostrophe before = + - @; it is taken away.", False),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._path = Path(str(setup.options["path"]))
        self._delimiter = str(setup.options.get("delimiter") or "")
        self._encoding = str(setup.options.get("encoding") or "utf-8")
        self._mapper = PersonMapper(
            columns=_map(setup.options.get("columns")),
            values=_map(setup.options.get("values")),
            defaults=_map(setup.options.get("defaults")),
            dates=_list(setup.options.get("dates")) or ("%Y-%m-%d",),
            exported=setup.options.get("exported") is True,
        )
        self._feed = FeedFile(0, "", complete=False, problem="The feed was not read yet.")

    def capabilities(self) -> Capabilities:
        """A source only lists."""
        return {Cap.LIST_ACCOUNTS: Support(Proof.READ_BACK, reversible=True)}

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def check(self) -> Mapping[str, str]:
        """Whether the file is there, its size and its age. Raises Unavailable."""
        facts = self._stat()
        return {
            "file": str(self._path),
            "bytes": str(facts[0]),
            "written": facts[1].isoformat(timespec="seconds"),
        }

    def feed(self) -> FeedFile:
        """Facts of the feed just read."""
        return self._feed

    async def people(self) -> AsyncIterator[Person | BadRow]:
        """All people of the file. `feed()` says afterwards whether it may be believed."""
        size, modified = self._stat()
        if size > MAX_BYTES:
            raise Unavailable(f"The file {self._path} is larger than {MAX_BYTES // 2**20} MiB.", system=self.name)
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise Unavailable(f"The file {self._path} cannot be read: {error.strerror}.", system=self.name) from None
        if self._stat() != (size, modified) or len(data) != size:
            self._refuse(data, modified, "The file changed while it was read; it is being written.")
            return
        text, problem = decode(data, self._encoding)
        if problem or not text.strip():
            self._refuse(data, modified, problem or "The file is empty.")
            return
        rows = 0
        for item in self._rows(text, data, modified):
            rows += 1
            yield item
        if self._feed.complete or self._feed.missing_columns:
            self._feed = FeedFile(rows, digest(data), modified, self._feed.missing_columns, self._feed.complete)

    def _rows(self, text: str, data: bytes, modified: datetime) -> list[Person | BadRow]:
        first, _, _ = text.partition("\n")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter or sniff(first), strict=True)
        found: list[Person | BadRow] = []
        try:
            heads = [head.strip() for head in next(reader)]
            missing = tuple(c for a, c in self._mapper.columns.items() if c not in heads)
            missing += tuple(a for a in REQUIRED if a not in self._mapper.columns)
            if missing:
                self._feed = FeedFile(0, digest(data), modified, missing, complete=False)
                return []
            last = 0
            for cells in reader:
                line, last = last + 1 if last else 2, reader.line_num
                if cells:
                    found.append(self._row(heads, cells, line))
                    short = len(cells) < len(heads)
        except csv.Error as error:
            self._refuse(data, modified, f"The file breaks off or is damaged near line {reader.line_num}: {error}.")
            return []
        if found and short and not text.endswith(("\n", "\r")):
            self._refuse(data, modified, "The last line breaks off in the middle; the file is half written.")
            return []
        self._feed = FeedFile(len(found), digest(data), modified)
        return found

    def _row(self, heads: list[str], cells: list[str], line: int) -> Person | BadRow:
        if len(cells) != len(heads):
            reason = f"the line has {len(cells)} columns where the head has {len(heads)}"
            return BadRow(line, reason, ",".join(cells)[:500])
        return self._mapper.person(dict(zip(heads, cells, strict=True)), line, self._path.name)

    def _refuse(self, data: bytes, modified: datetime, problem: str) -> None:
        self._feed = FeedFile(0, digest(data), modified, complete=False, problem=problem)

    def _stat(self) -> tuple[int, datetime]:
        try:
            facts = self._path.stat()
        except OSError as error:
            raise Unavailable(f"The file {self._path} cannot be read: {error.strerror}.", system=self.name) from None
        return facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC)


def sniff(first_line: str) -> str:
    """The delimiter that stands most often in the first line; a comma when there is none."""
    return max(DELIMITERS, key=first_line.count)


def decode(data: bytes, encoding: str) -> tuple[str, str]:
    """The text of a file and "", or "" and one sentence about the first byte that is not of the encoding."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            encoding = name
            break
    try:
        return data.decode(encoding), ""
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        wrong = f"byte 0x{data[error.start]:02x}" if error.start < len(data) else "its end"
        return (
            "",
            f"The file is not {encoding}: line {line} holds {wrong}. Name the right encoding in the settings.",
        )
    except LookupError:
        return "", f"There is no encoding called {encoding}."


def digest(data: bytes) -> str:
    """SHA-256 of the whole feed."""
    return hashlib.sha256(data).hexdigest()


def _map(value: OptionValue | None) -> Mapping[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def _list(value: OptionValue | None) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
