"""The second net below every screen: no control or direction character of any segment reaches the terminal."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from jmltui.domain.text import clean

_LIMIT: Final = 1_000_000
_PLAIN: Final = str.maketrans(
    {"…": "~", "→": ">", "“": '"', "”": '"', "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "+", "┘": "+"}
)


class ControlFilter(LineFilter):
    """Cleans what a widget forgot to clean; `clean` keeps the number of characters, so columns stay.

    For a terminal of another encoding than UTF-8, or one with a text mode's few signs, our own signs become ASCII and
    what the encoding cannot hold becomes as many question marks as it had columns.
    """

    def __init__(self, *, encoding: str = "utf-8", plain: bool = False) -> None:
        super().__init__()
        self._encoding = encoding
        self._plain = plain

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with nothing in them that a terminal acts on."""
        del background
        if all(text.isascii() and text.isprintable() for text, _, _ in segments):
            return segments
        return [
            segment if segment.control else Segment(self._safe(segment.text), segment.style) for segment in segments
        ]

    def _safe(self, text: str) -> str:
        text = clean(text, _LIMIT)
        if self._plain:
            text = text.translate(_PLAIN)
            if self._encoding != "utf-8":
                text = "".join(self._encodable(character) for character in text)
        return text

    def _encodable(self, character: str) -> str:
        try:
            character.encode(self._encoding)
        except UnicodeEncodeError:
            return "?" * cell_len(character)
        return character
