"""A filtered list with a line of views above it and a preview of the row under the cursor below it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final

from textual import events
from textual.timer import Timer
from textual.widget import Widget

from jmltui.ui.lines import Line
from jmltui.ui.text import show
from jmltui.ui.views import View, turned, view_spans
from jmltui.ui.widgets.bar import Bar
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView
from jmltui.ui.widgets.window_table import Columns, WindowTable

from .filtering import FilteredScreen

PREVIEW_DELAY: Final = 0.06
SMALLEST_WITH_PREVIEW: Final = 18


class ViewedScreen(FilteredScreen):
    """Subclasses say which views there are, how a row looks, and what the preview tells."""

    PREVIEW: ClassVar[int] = 6
    WHAT: ClassVar[tuple[str, str]] = ("row", "rows")

    def __init__(self, view: str) -> None:
        super().__init__()
        self.view = view
        self.preview_timer: Timer | None = None
        self.told: tuple[int, bool] = (0, True)
        self.answered = False

    @abstractmethod
    def views(self) -> Sequence[View]:
        """The views, with how many rows each holds."""

    @abstractmethod
    def columns(self) -> Columns:
        """How the list reads and draws its rows."""

    @abstractmethod
    def preview_lines(self, number: int) -> list[Line]:
        """What the preview tells of a row."""

    def body(self) -> Iterable[Widget]:
        """Views, filter, list, preview."""
        yield Bar(id="views")
        yield self.make_table()
        yield LineList(id="preview", cursor=False)

    def make_table(self) -> WindowTable:
        """The list."""
        return WindowTable(self.dashboard.board, self.columns(), id="list", cursor_sign=self.dashboard.glyphs.cursor)

    def start(self) -> None:
        """The first rows in the first frame."""
        self.query_one("#preview").styles.height = self.PREVIEW
        self.resized()
        self.table.focus()
        self.table.load_now(self.query_now())
        self.show_views()

    def resized(self) -> None:
        """Small terminals have no preview."""
        self.query_one("#preview").set_class(self.app.size.height < SMALLEST_WITH_PREVIEW, "-gone")
        self.show_views()
        self.show_preview()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Back from another screen."""
        del event
        if self.is_mounted and self.query("#views"):
            self.show_views()

    # Views

    def show_views(self) -> None:
        """Draw the line of views."""
        spans = view_spans(self.views(), self.view, self.app.size.width, self.dashboard.glyphs.more)
        self.query_one("#views", Bar).set(spans)

    def turn(self, by: int) -> None:
        """Show another view."""
        self.view = turned(self.views(), self.view, by)
        self.table.choose_none()
        self.show_views()
        self.table.load(self.query_now())

    def do_next_view(self) -> None:
        """The next view."""
        self.turn(1)

    def do_previous_view(self) -> None:
        """The view before."""
        self.turn(-1)

    # Answer line

    def say(self, text: str, style: str = "") -> None:
        """Answer in one line; what came of a request stays until the next key, whatever is read again meanwhile."""
        super().say(text, style)
        self.answered = style in ("good", "bad")

    async def action_do(self, name: str) -> None:
        """Another key: its answer counts now."""
        self.answered = False
        await super().action_do(name)

    def on_window_table_counted(self, message: WindowTable.Counted) -> None:
        """The number of rows changed."""
        self.told = (message.count, message.complete)
        if not self.answered:
            self.show_counts()
        self.show_keys()
        if not message.count:
            self.show_preview()

    def show_counts(self) -> None:
        """Number, filter, chosen."""
        count, complete = self.told
        text = self.filter_text.strip()
        number = f"{count:,}" if complete else f"{count:,}+"
        parts = [f"{number} {self.WHAT[0] if count == 1 else self.WHAT[1]}"]
        if text:
            parts.append(f"filter “{show(text, 40)}” (Esc clears)")
        if self.table.chosen:
            parts.append(f"{len(self.table.chosen):,} chosen")
        if not count and complete:
            parts[0] = "Nothing matches." if text else self.nothing()
        self.say(", ".join(parts))

    def nothing(self) -> str:
        """What an empty view says."""
        return f"No {self.WHAT[1]} here."

    # Preview

    def on_row_view_moved(self, message: RowView.Moved) -> None:
        """Preview the row once the cursor has come to rest."""
        if message.view is self.table:
            if self.preview_timer is not None:
                self.preview_timer.stop()
            self.preview_timer = self.set_timer(PREVIEW_DELAY, self.show_preview)

    def show_preview(self) -> None:
        """Draw the preview, and the keys that its row allows."""
        number = self.table.current
        self.query_one("#preview", LineList).set_lines(self.preview_lines(number) if number is not None else [])
        self.show_keys()

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Read again what others changed; the cursor stays on its row."""
        del refs
        self.table.forget()
        self.table.load(self.query_now(), keep=True)
        self.show_views()
        self.show_preview()

    def current_row(self) -> dict[str, Any] | None:
        """The row under the cursor."""
        number = self.table.current
        if number is None:
            return None
        return self.table.row(number) or self.table.columns.read([number]).get(number)

    def on_row_view_opened(self) -> None:
        """A row was clicked twice."""
        self.run_worker(self.action_do("open"))

    def do_leave(self) -> None:
        """Esc clears the filter first, then the choice."""
        if not self.filter_text and self.table.chosen:
            self.table.choose_none()
            self.show_counts()
        else:
            super().do_leave()
