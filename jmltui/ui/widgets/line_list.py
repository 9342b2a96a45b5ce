"""A pane of lines that are all in memory: a checklist, a diff, a text. With or without a cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Region

from jmltui.ui.lines import Line, Span

from .row_view import RowView


class LineList(RowView):
    """Shows lines; a new set of lines repaints only those that differ."""

    def __init__(self, *, id: str | None = None, cursor_sign: str = ">", cursor: bool = True) -> None:
        super().__init__(id=id, cursor_sign=cursor_sign)
        self.lines: Sequence[Line] = ()
        self.with_cursor = cursor
        self.can_focus = cursor
        # A text is read from its top, also where the first line that can be opened stands further down.
        self.follows = False

    def count(self) -> int:
        """How many lines there are."""
        return len(self.lines)

    def spans(self, row: int, width: int) -> Sequence[Span]:
        """The spans of a line."""
        del width
        return self.lines[row].spans

    def may_rest(self, row: int) -> bool:
        """Whether the line stands for something."""
        return self.with_cursor and bool(self.lines[row].key)

    @property
    def key(self) -> str:
        """What the line under the cursor stands for; "" where there is none."""
        if self.with_cursor and 0 <= self.cursor < len(self.lines):
            return self.lines[self.cursor].key
        return ""

    def set_lines(self, lines: Sequence[Line], *, top: bool = False) -> None:
        """Show other lines; the cursor stays with its key. `top` starts at the first line again."""
        old_key, old, old_top, old_cursor = self.key, self.lines, self.top, self.cursor
        self.lines = lines
        self.follows = self.follows and not top
        keyed = [row for row, each in enumerate(lines) if each.key] if self.with_cursor else []
        if keyed:
            same = [row for row in keyed if lines[row].key == old_key and not top]
            self.cursor = same[0] if same else keyed[0]
        else:
            self.cursor = 0
        shown = self.rows_shown
        self.top = 0 if top else max(0, min(self.top, len(lines) - shown))
        if self.follows and keyed and self.size.height and not self.top <= self.cursor < self.top + shown:
            self.top = max(0, min(self.cursor, len(lines) - shown))
        self._strips.clear()
        if self.top != old_top:
            self.refresh()
            return
        changed = [
            Region(0, row - self.top, self.size.width, 1)
            for row in range(self.top, min(max(len(old), len(lines)), self.top + shown))
            if (old[row] if row < len(old) else None) != (lines[row] if row < len(lines) else None)
            or (row in (old_cursor, self.cursor) and old_cursor != self.cursor)
        ]
        if changed:
            self.refresh(*changed)

    def move_to(self, row: int, *, tell: bool = True) -> None:
        """Move the cursor; where no line can hold it, scroll."""
        self.follows = True
        if any(self.may_rest(each) for each in range(len(self.lines))):
            before = self.cursor
            super().move_to(row, tell=tell)
            if self.cursor == before and row < before and self.top > 0:
                self.top = 0
                self.refresh()
            elif self.cursor == before and row > before:
                self._show_from(self.top + row - before)
            return
        delta = row - self.cursor
        if row == len(self.lines) - 1 and delta > 1:
            self._show_from(len(self.lines))
        elif row == 0 and self.cursor == 0 and delta == 0:
            self._show_from(0)
        else:
            self._show_from(self.top + delta)

    def _show_from(self, top: int) -> None:
        wanted = max(0, min(top, len(self.lines) - self.rows_shown))
        if wanted != self.top:
            self.top = wanted
            self.refresh()

    @property
    def position(self) -> str:
        """Which part is shown, where not all is."""
        if len(self.lines) <= self.rows_shown:
            return ""
        return f"lines {self.top + 1}-{min(self.top + self.rows_shown, len(self.lines))} of {len(self.lines)}"
