"""What panes show: lines of spans, each with the name of a style. Built by pure functions, drawn by the widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.style import Style

Span = tuple[str, str]
"""(text that is already clean, name of a style in STYLES)."""

STYLES: Final[dict[str, Style]] = {
    "": Style(),
    "head": Style(bold=True),
    "dim": Style(dim=True),
    "good": Style(color="green"),
    "warn": Style(color="yellow"),
    "bad": Style(color="red", bold=True),
    "add": Style(color="green"),
    "remove": Style(color="red"),
    "info": Style(color="cyan"),
    "title": Style(bold=True, reverse=True),
    "key": Style(bold=True),
    "cursor": Style(bold=True),
}
"""Colours of the terminal's own palette; each stands beside a word or sign that says the same."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a pane. `key` names what the line stands for, where a cursor may rest on it."""

    spans: tuple[Span, ...] = ()
    key: str = ""

    @property
    def text(self) -> str:
        """The line without styles."""
        return "".join(text for text, _ in self.spans)


def line(*spans: Span | str, key: str = "") -> Line:
    """A line of spans; a bare string has no style."""
    return Line(tuple((span, "") if isinstance(span, str) else span for span in spans), key)


def heading(text: str) -> Line:
    """A heading of our own words."""
    return line((text, "head"))


def widest(lines: Sequence[Line]) -> int:
    """The width of the widest line, in cells."""
    return max((cell_len(each.text) for each in lines), default=0)
