"""The queue: pending cases by what is due next, with a preview of the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from textual import events
from textual.timer import Timer
from textual.widget import Widget

from jmltui.lifecycle.board import CASE_ORDERS, Query
from jmltui.ui import queue_text
from jmltui.ui.actions import QUEUE
from jmltui.ui.lines import Line
from jmltui.ui.text import show
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView
from jmltui.ui.widgets.window_table import Columns, WindowTable

from .filtering import FilteredScreen

VIEWS: Final = (
    "all",
    "joiners",
    "movers",
    "leavers",
    "requests",
    "findings",
    "approvals",
    "attention",
    "held",
    "mine",
    "closed",
)
VIEW_LABELS: Final = {
    "all": "All",
    "joiners": "Joiners",
    "movers": "Movers",
    "leavers": "Leavers",
    "requests": "Requests",
    "findings": "From findings and reviews",
    "approvals": "To approve",
    "attention": "To look at",
    "held": "Held",
    "mine": "Mine",
    "closed": "Closed",
}
PREVIEW_HEIGHT: Final = 5
PREVIEW_DELAY: Final = 0.06
SMALLEST_WITH_PREVIEW: Final = 18


class QueueScreen(FilteredScreen):
    """Home."""

    ACTIONS = QUEUE
    PLACE = "queue"
    NAME = "Queue"
    HINT = "name, number, department"

    def __init__(self) -> None:
        super().__init__()
        self.view = "all"
        self.order = "due"
        self.preview_timer: Timer | None = None
        self.told: tuple[int, bool] = (0, True)

    def body(self) -> Iterable[Widget]:
        """The filter, the list, the preview."""
        board, glyphs = self.dashboard.board, self.dashboard.glyphs
        clock = self.dashboard.outside.clock

        def spans(row: dict[str, Any], width: int, chosen: bool) -> Sequence[tuple[str, str]]:
            return queue_text.row(row, width, chosen, clock(), glyphs)

        columns = Columns(board.case_rows, spans, queue_text.header)
        yield WindowTable(board, columns, id="list", cursor_sign=glyphs.cursor)
        yield LineList(id="preview", cursor=False)

    def start(self) -> None:
        """The first rows in the first frame."""
        self.resized()
        self.table.focus()
        self.table.load_now(self.query_now())

    def query_now(self) -> Query:
        """The query of view, order and filter."""
        text = self.filter_text
        return self.dashboard.board.cases(self.view, self.order, text, self.dashboard.outside.actor)

    def resized(self) -> None:
        """Small terminals have no preview."""
        self.query_one("#preview").set_class(self.app.size.height < SMALLEST_WITH_PREVIEW, "-gone")

    def heading(self) -> str:
        """The view, where it is not the whole queue."""
        return ""

    # Answer line

    def show_counts(self) -> None:
        """View, number, order, chosen."""
        count, complete = self.told
        text = self.filter_text.strip()
        number = f"{count:,}" if complete else f"{count:,}+"
        parts = [f"{VIEW_LABELS[self.view]}: {number} case{'' if count == 1 else 's'}"]
        if text:
            parts.append(f"filter “{show(text, 40)}” (Esc clears)")
        if self.order != "due":
            parts.append(f"by {self.order}")
        if self.table.chosen:
            parts.append(f"{len(self.table.chosen):,} chosen")
        waiting = self.dashboard.board.batches()
        if waiting:
            parts.append(f"{len(waiting)} batch{'' if len(waiting) == 1 else 'es'} to confirm: b")
        if not count and complete:
            parts[0] = "No case matches." if text or self.view != "all" else "Nothing is pending. Read the sources: S"
        self.say(", ".join(parts))

    def on_window_table_counted(self, message: WindowTable.Counted) -> None:
        """The number of cases changed."""
        self.told = (message.count, message.complete)
        self.show_counts()
        if not message.count:
            self.show_preview()

    # Preview

    def on_row_view_moved(self, message: RowView.Moved) -> None:
        """Preview the case once the cursor has come to rest."""
        if message.view is self.table:
            if self.preview_timer is not None:
                self.preview_timer.stop()
            self.preview_timer = self.set_timer(PREVIEW_DELAY, self.show_preview)

    def show_preview(self) -> None:
        """Six lines about the case under the cursor."""
        pane = self.query_one("#preview", LineList)
        number = self.table.current
        case = self.dashboard.board.preview(number) if number is not None else None
        lines: list[Line] = []
        if case is not None:
            now = self.dashboard.outside.clock()
            lines = queue_text.preview(case, now, self.dashboard.glyphs, self.rule)
        pane.set_lines(lines)

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Read again what others changed; the cursor stays on its case."""
        numbers = [int(ref) for kind, ref in refs if kind == "case" and ref.isdigit()]
        self.table.forget(numbers if len(numbers) == len(refs) else None)
        self.table.load(self.query_now(), keep=True)
        self.show_preview()

    # Actions

    def why_not(self, name: str) -> str:
        """Nothing can be done to no case."""
        if name in ("open", "run", "claim", "hand_over", "note", "choose") and self.table.current is None:
            return "There is no case in this list."
        if name == "batches" and not self.dashboard.board.batches():
            return "No batch waits for a person."
        return ""

    def on_row_view_opened(self) -> None:
        """A case was clicked twice."""
        self.do_open()

    def do_open(self) -> None:
        """Open the case."""
        if self.table.current is not None:
            self.dashboard.open_case(self.table.current)

    def filtered(self) -> None:
        """What was chosen may not be in the list any more."""
        self.table.choose_none()
        super().filtered()

    def do_leave(self) -> None:
        """Esc clears the filter first, then the choice."""
        if not self.filter_text and self.table.chosen:
            self.table.choose_none()
            self.show_counts()
        else:
            super().do_leave()

    def _turn(self, by: int) -> None:
        self.view = VIEWS[(VIEWS.index(self.view) + by) % len(VIEWS)]
        self.table.choose_none()
        self.table.load(self.query_now())

    def do_next_view(self) -> None:
        """The next view."""
        self._turn(1)

    def do_previous_view(self) -> None:
        """The previous view."""
        self._turn(-1)

    def do_order(self) -> None:
        """Another order."""
        orders = list(CASE_ORDERS)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        self.table.load(self.query_now())

    def do_choose(self) -> None:
        """Choose the case and go to the next."""
        self.table.choose()
        self.table.move_to(self.table.cursor + 1)
        self.show_counts()

    def do_choose_all(self) -> None:
        """Choose all of the list, or none."""
        if not self.table.complete:
            self.say("The list is still being read; try again in a moment.", "warn")
            return
        self.table.choose_all()
        self.show_counts()

    def wanted(self) -> list[int]:
        """The chosen cases in the order of the list, else the one under the cursor."""
        if self.table.chosen:
            return [number for number in self.table.ids if number in self.table.chosen]
        return [self.table.current] if self.table.current is not None else []

    def do_run(self) -> None:
        """Preview what running would do."""
        from .bulk import BulkScreen

        self.app.push_screen(BulkScreen(self.wanted()))

    def do_claim(self) -> None:
        """Take the chosen cases."""
        self._claim("")

    def do_hand_over(self) -> None:
        """Ask to whom."""
        from .dialogs import Ask

        def named(login: str | None) -> None:
            if login:
                self._claim(login)

        text = [f"Give {self._these()} to whom? Type their login."]
        self.app.push_screen(Ask("Hand over", text, draft="hand-over", least=1), named)

    def _these(self) -> str:
        wanted = self.wanted()
        return f"{len(wanted)} cases" if len(wanted) != 1 else f"case {wanted[0]}"

    def _claim(self, to: str) -> None:
        wanted, desk = self.wanted(), self.dashboard.desk

        async def work() -> None:
            for number in wanted:
                await desk.claim(number, to)

        told = f"You have taken {self._these()}." if not to else f"{self._these().capitalize()} given to {to}."
        self.request(work, told)

    def do_note(self) -> None:
        """Write a note."""
        from .dialogs import Ask

        number = self.table.current
        if number is None:
            return

        def written(text: str | None) -> None:
            if text:
                self.request(lambda: self.dashboard.desk.note(number, text), f"The note is in case {number}.")

        self.app.push_screen(Ask("Note", [f"A note into case {number}:"], draft=f"note-{number}"), written)

    def do_batches(self) -> None:
        """Look at the batches."""
        from .batches import BatchesScreen

        self.app.push_screen(BatchesScreen())

    def do_sync(self) -> None:
        """Read sources and systems."""
        self.request(self.dashboard.desk.sync, "Reading the sources and systems; what changes appears here.")

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Back from another screen: the counts may have changed."""
        del event
        if self.is_mounted and self.told != (0, True):
            self.show_counts()
