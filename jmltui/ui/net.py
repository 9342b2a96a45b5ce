"""The second net below every screen: no control or direction character of any segment reaches the terminal."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from jmltui.domain.text import clean

_LIMIT = 1_000_000


class ControlFilter(LineFilter):
    """Cleans what a widget forgot to clean. `clean` keeps the number of characters, so columns stay."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with nothing in them that a terminal acts on."""
        del background
        if all(text.isascii() and text.isprintable() for text, _, _ in segments):
            return segments
        return [
            segment if segment.control else Segment(clean(segment.text, _LIMIT), segment.style) for segment in segments
        ]
