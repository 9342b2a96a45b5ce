"""Rows drawn one by one: a cursor, a window over them, and repaints of only what changed.

Textual writes every dirty region whole, so a list is cheap over a slow link only when little is dirty: a cursor move
touches two cells, the edge of the window jumps by half a page, and there is no scroll bar.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from jmltui.ui.lines import STYLES, Span

WHEEL_ROWS: Final = 3


class RowView(Widget, can_focus=True):
    """Base of all lists: subclasses say how many rows there are and what each shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("home", "go_to(0)", show=False),
        Binding("end", "go_to(-1)", show=False),
    ]

    class Moved(Message):
        """The cursor rests on another row."""

        def __init__(self, view: RowView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> RowView:
            """The list that the message is about."""
            return self.view

    class Opened(Moved):
        """Enter was pressed on a row, or it was clicked twice."""

    def __init__(self, *, id: str | None = None, cursor_sign: str = ">", header: bool = False) -> None:
        super().__init__(id=id)
        self.cursor = 0
        self.top = 0
        self.cursor_sign = cursor_sign
        self.has_header = header
        self.follows = True
        self._strips: dict[tuple[int, bool, int], Strip] = {}
        self._styles: dict[str, Style] = {}

    # What subclasses say

    def count(self) -> int:
        """How many rows there are."""
        return 0

    def spans(self, row: int, width: int) -> Sequence[Span]:
        """What a row shows, at most `width` cells."""
        del row, width
        return ()

    def header(self, width: int) -> Sequence[Span]:
        """The heading of the columns."""
        del width
        return ()

    def may_rest(self, row: int) -> bool:
        """Whether the cursor may rest on a row."""
        del row
        return True

    # Drawing

    @property
    def rows_shown(self) -> int:
        """How many rows fit into the window."""
        return max(1, self.size.height - int(self.has_header))

    def notify_style_update(self) -> None:
        """Forget what was drawn in the old style."""
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """One line of the widget."""
        width = self.size.width
        if self.has_header and y == 0:
            return self._strip(" ", self.header(width - 1), width, head=True)
        row = y - int(self.has_header) + self.top
        if row >= self.count():
            return Strip([Segment(" " * width, self._style(""))], width)
        at_cursor = self.may_rest(row) and row == self.cursor
        key = (row, at_cursor, width)
        found = self._strips.get(key)
        if found is None:
            found = self._strip(self.cursor_sign if at_cursor else " ", self.spans(row, width - 1), width)
            if len(self._strips) > 2000:
                self._strips.clear()
            self._strips[key] = found
        return found

    def _style(self, name: str) -> Style:
        found = self._styles.get(name)
        if found is None:
            found = self._styles[name] = self.rich_style + STYLES[name]
        return found

    def _strip(self, sign: str, spans: Sequence[Span], width: int, *, head: bool = False) -> Strip:
        segments: list[Segment] = []
        pending, style = sign, "head" if head else ""
        for text, name in spans:
            wanted = "head" if head else name
            if wanted == style:
                pending += text
            else:
                segments.append(Segment(pending, self._style(style)))
                pending, style = text, wanted
        segments.append(Segment(pending, self._style(style)))
        used = sum(cell_len(segment.text) for segment in segments)
        if used < width:
            last = segments.pop()
            plain = self._style("")
            if last.style == plain:
                segments.append(Segment(last.text + " " * (width - used), plain))
            else:
                segments += [last, Segment(" " * (width - used), plain)]
            return Strip(segments, width)
        if used <= width:
            return Strip(segments, width)
        if segments[-1].text[-1:] in ("─", "-"):
            # A rule is longer than any screen, and loses nothing.
            return Strip(segments, used).crop(0, width)
        kept = list(Strip(segments, used).crop(0, width - 1))
        return Strip([*kept, Segment("…", kept[-1].style if kept else None)], width)

    def redraw(self, rows: Sequence[int] | None = None) -> None:
        """Draw some rows anew, or all."""
        if rows is None:
            self._strips.clear()
            self.refresh()
            return
        width = self.size.width
        regions = []
        for row in rows:
            for key in ((row, False, width), (row, True, width)):
                self._strips.pop(key, None)
            if self.top <= row < self.top + self.rows_shown:
                regions.append(Region(0, row - self.top + int(self.has_header), width, 1))
        if regions:
            self.refresh(*regions)

    # Moving

    def move_to(self, row: int, *, tell: bool = True) -> None:
        """Rest the cursor on the nearest row it may rest on, and keep it in the window."""
        count = self.count()
        row = self._nearest(max(0, min(count - 1, row)), 1 if row >= self.cursor else -1)
        old, self.cursor = self.cursor, row
        shown = self.rows_shown
        if row != old and self.top <= row < self.top + shown:
            head = int(self.has_header)
            self.refresh(Region(0, old - self.top + head, 1, 1), Region(0, row - self.top + head, 1, 1))
        elif not self.top <= row < self.top + shown:
            if abs(row - old) == 1:
                wanted = row - shown // 2 if row > old else row - shown + shown // 2 + 1
            else:
                wanted = row - shown + 1 if row >= self.top + shown else row
            self.top = max(0, min(wanted, count - shown))
            self.refresh()
        if tell and row != old:
            self.post_message(self.Moved(self))

    def _nearest(self, row: int, direction: int) -> int:
        count = self.count()
        for step in (direction, -direction):
            found = row
            while 0 <= found < count:
                if self.may_rest(found):
                    return found
                found += step
        return max(0, row)

    def on_resize(self) -> None:
        """Keep the cursor in the window."""
        self._strips.clear()
        shown = self.rows_shown
        self.top = max(0, min(self.top, self.count() - shown))
        if self.follows and self.cursor >= self.top + shown:
            self.top = self.cursor - shown + 1

    def action_move(self, rows: int) -> None:
        """Move by rows."""
        self.move_to(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Move by windows."""
        self.move_to(self.cursor + pages * self.rows_shown)

    def action_go_to(self, row: int) -> None:
        """Move to a row; -1 is the last."""
        self.move_to(row if row >= 0 else self.count() - 1)

    def on_mouse_scroll_down(self) -> None:
        """The wheel moves the cursor too, so that it never leaves the window."""
        self.move_to(self.cursor + WHEEL_ROWS)

    def on_mouse_scroll_up(self) -> None:
        """The wheel moves the cursor too, so that it never leaves the window."""
        self.move_to(self.cursor - WHEEL_ROWS)

    def on_click(self, event: events.Click) -> None:
        """A click rests the cursor on a row, a second one opens it."""
        row = event.y - int(self.has_header) + self.top
        if 0 <= row < self.count() and self.may_rest(row):
            if row == self.cursor and event.chain > 1:
                self.post_message(self.Opened(self))
            else:
                self.move_to(row)


def fit(text: str, width: int) -> str:
    """Text that is already clean, exactly so many cells wide."""
    return text[:width].ljust(width) if text.isascii() else set_cell_size(text, width)
