"""One-line bars: the title, the state of things, the keys."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from jmltui.ui.lines import STYLES, Span


class Bar(Widget):
    """Spans at the left and a text at the right; repainted only when they change."""

    DEFAULT_CSS = "Bar { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None, style: str = "") -> None:
        super().__init__(id=id)
        self.left: Sequence[Span] = ()
        self.right = ""
        self.base = style

    def set(self, left: Sequence[Span], right: str = "") -> None:
        """Show something else."""
        if (tuple(left), right) != (tuple(self.left), self.right):
            self.left, self.right = left, right
            self.refresh()

    @property
    def text(self) -> str:
        """What the bar says at the left."""
        return "".join(text for text, _ in self.left)

    def render_line(self, y: int) -> Strip:
        """The line."""
        del y
        width = self.size.width
        base = self.rich_style + STYLES[self.base]
        segments = [Segment(text, base + STYLES[name]) for text, name in self.left]
        used = sum(cell_len(text) for text, _ in self.left)
        right = self.right if used + cell_len(self.right) + 1 <= width else ""
        if used <= width:
            segments.append(Segment(" " * (width - used - cell_len(right)) + right, base))
            return Strip(segments, width)
        return Strip(segments, used).crop(0, width)
