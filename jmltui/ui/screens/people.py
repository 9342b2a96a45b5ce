"""People: everyone the sources name, and one person with accounts, access and cases."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from jmltui.domain.names import fold
from jmltui.lifecycle.board import Query
from jmltui.ui import person_text
from jmltui.ui.actions import PEOPLE, PERSON
from jmltui.ui.text import show
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.window_table import Columns, WindowTable

from .base import BaseScreen
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
        return "There is nobody in this list." if name == "open" and self.table.current is None else ""

    def on_row_view_opened(self) -> None:
        """A person was clicked twice."""
        self.do_open()

    def do_open(self) -> None:
        """Open the person."""
        if self.table.current is not None:
            self.dashboard.open_person(self.table.current)


class PersonScreen(BaseScreen):
    """One person."""

    ACTIONS = PERSON
    NAME = "Person"

    def __init__(self, person_id: int) -> None:
        super().__init__()
        self.person_id = person_id

    def heading(self) -> str:
        """What this is."""
        return "Person"

    def body(self) -> Iterable[Widget]:
        """One pane."""
        yield LineList(id="person", cursor_sign=self.dashboard.glyphs.cursor)

    def start(self) -> None:
        """Read the person."""
        self.query_one("#person").focus()
        self.show_person()

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Others changed something."""
        del refs
        self.show_person()

    def show_person(self) -> None:
        """Draw what was read."""
        person = self.dashboard.board.person(self.person_id)
        if person is None:
            self.say("This person is gone.", "warn")
            return
        self.query_one("#person", LineList).set_lines(person_text.whole(person))

    def why_not(self, name: str) -> str:
        """Only a case can be opened."""
        return "This person has no case." if name == "open" and not self.query_one("#person", LineList).key else ""

    def do_open(self) -> None:
        """Open the case under the cursor."""
        self.dashboard.open_case(int(self.query_one("#person", LineList).key.removeprefix("case-")))
