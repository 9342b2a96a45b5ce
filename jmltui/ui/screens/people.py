"""People: everyone the sources name."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from jmltui.domain.names import fold
from jmltui.lifecycle.board import Query
from jmltui.ui import person_text
from jmltui.ui.actions import PEOPLE
from jmltui.ui.text import show
from jmltui.ui.widgets.window_table import Columns, WindowTable

from .filtering import FilteredScreen


class PeopleScreen(FilteredScreen):
    """Windowed over all people."""

    ACTIONS = PEOPLE
    PLACE = "people"
    NAME = "People"
    HINT = "name, number, department, e-mail, title"

    def body(self) -> Iterable[Widget]:
        """Filter and list."""
        columns = Columns(self.dashboard.board.person_rows, person_text.row, person_text.header)
        yield WindowTable(self.dashboard.board, columns, id="list", cursor_sign=self.dashboard.glyphs.cursor)

    def start(self) -> None:
        """By name."""
        self.table.focus()
        self.table.load_now(self.query_now())

    def query_now(self) -> Query:
        """The query of the filter."""
        text = self.filter_text
        return self.dashboard.board.people(text, fold(text.strip()))

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """A sync may have changed people."""
        if any(kind != "case" for kind, _ in refs):
            self.table.forget()
            self.table.load(self.query_now(), keep=True)

    def on_window_table_counted(self, message: WindowTable.Counted) -> None:
        """How many people."""
        number = f"{message.count:,}" if message.complete else f"{message.count:,}+"
        text = self.filter_text.strip()
        found = f", filter “{show(text, 40)}” (Esc clears)" if text else ""
        self.say(f"{number} {'person' if message.count == 1 else 'people'}{found}")

    def why_not(self, name: str) -> str:
        """Nobody can be opened in an empty list."""
        return "There is nobody in this list." if name in ("open", "ask") and self.table.current is None else ""

    def on_row_view_opened(self) -> None:
        """A person was clicked twice."""
        self.do_open()

    def do_open(self) -> None:
        """Open the person."""
        if self.table.current is not None:
            self.dashboard.open_person(self.table.current)

    def do_ask(self) -> None:
        """Ask for access for the person."""
        from .ask import AskScreen

        row = self.dashboard.board.person_rows([self.table.current or 0]).get(self.table.current or 0)
        if row is not None:
            self.app.push_screen(AskScreen(str(row["key"]), str(row["name"])))
