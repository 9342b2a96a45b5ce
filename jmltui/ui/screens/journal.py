"""The journal: everything that was done, newest first, and whether its chain is whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from textual.widget import Widget

from jmltui.lifecycle.board import Query
from jmltui.ui import times
from jmltui.ui.actions import JOURNAL
from jmltui.ui.lines import Span, line
from jmltui.ui.text import cell, wrap
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView
from jmltui.ui.widgets.window_table import Columns, WindowTable

from .filtering import FilteredScreen

STAMP = 12
ACTOR = 12


class JournalScreen(FilteredScreen):
    """Windowed over the whole journal."""

    ACTIONS = JOURNAL
    PLACE = "journal"
    NAME = "Journal"
    HINT = "who, what"

    def body(self) -> Iterable[Widget]:
        """Filter, entries, the entry in full."""
        columns = Columns(self.dashboard.board.entry_rows, entry_spans, entry_header)
        yield WindowTable(self.dashboard.board, columns, id="list", cursor_sign=self.dashboard.glyphs.cursor)
        yield LineList(id="preview", cursor=False)

    def start(self) -> None:
        """Newest first."""
        self.table.focus()
        self.table.load_now(self.query_now())

    def query_now(self) -> Query:
        """The query of the filter."""
        return self.dashboard.board.entries(self.filter_text)

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Something was done."""
        del refs
        self.table.load(self.query_now(), keep=True)

    def on_window_table_counted(self, message: WindowTable.Counted) -> None:
        """How many entries."""
        number = f"{message.count:,}" if message.complete else f"{message.count:,}+"
        self.say(f"{number} entr{'y' if message.count == 1 else 'ies'}, newest first. v verifies the chain.")

    def on_row_view_moved(self, message: RowView.Moved) -> None:
        """The entry in full."""
        del message
        entry = self.entry()
        lines = [self.rule("Entry")]
        if entry is not None:
            told = f"{entry['id']}  {times.full(entry['at'])}  {entry['actor']}  {entry['action']}"
            place = f"  case {entry['case_id']}" if entry["case_id"] else ""
            lines += [line((part, "dim")) for part in wrap(told + place, self.app.size.width - 3)]
            lines += [line(part) for part in wrap(entry["summary"], self.app.size.width - 3)]
        self.query_one("#preview", LineList).set_lines(lines)

    def entry(self) -> dict[str, Any] | None:
        """The entry under the cursor."""
        number = self.table.current
        if number is None:
            return None
        return self.table.row(number) or self.dashboard.board.entry_rows([number]).get(number)

    def on_row_view_opened(self) -> None:
        """An entry was clicked twice."""
        self.do_open()

    def do_open(self) -> None:
        """Open the case of the entry."""
        entry = self.entry()
        if entry is None or not entry["case_id"]:
            self.say("This entry belongs to no case.", "warn")
            return
        self.dashboard.open_case(int(entry["case_id"]))

    async def do_verify(self) -> None:
        """Walk the chain."""
        self.say("Walking the chain of the journal ...")
        state = await self.dashboard.desk.verify_journal()
        if state.first_bad is None:
            self.say(f"The chain is whole: {state.entries:,} entries, none changed, removed or inserted.", "good")
        else:
            self.say(f"THE CHAIN IS BROKEN: {state.reason}.", "bad")


def entry_header(width: int) -> Sequence[Span]:
    """The heading of the columns."""
    return [(f"{cell('WHEN', STAMP)} {cell('WHO', ACTOR)} {cell('WHAT', max(4, width - STAMP - ACTOR - 2))}", "head")]


def entry_spans(entry: dict[str, Any], width: int, chosen: bool) -> Sequence[Span]:
    """One entry as one row."""
    del chosen
    what = cell(entry["summary"], max(4, width - STAMP - ACTOR - 2))
    return [(f"{cell(times.stamp(entry['at']), STAMP)} {cell(entry['actor'], ACTOR)} {what}", "")]
