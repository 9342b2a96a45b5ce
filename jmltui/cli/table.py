"""Plain tables on standard output: cleaned, aligned by the width a terminal gives each character."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Sequence
from typing import TextIO

from jmltui.domain.text import clean


def width_of(text: str) -> int:
    """Terminal cells of a cleaned text: wide East Asian characters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(c) or c in "\u200c\u200d" else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fit(text: str, width: int) -> str:
    """The text in exactly `width` cells, cut with an ellipsis or padded."""
    if width_of(text) <= width:
        return text + " " * (width - width_of(text))
    kept = ""
    for c in text:
        if width_of(kept + c) > width - 1:
            break
        kept += c
    return kept + "…" + " " * (width - 1 - width_of(kept))


def print_table(out: TextIO, heads: Sequence[str], rows: Sequence[Sequence[object]], *, shrink: int = -1) -> None:
    """Print rows under heads. On a terminal the column `shrink` gives way so that lines do not wrap."""
    cells = [[clean("" if value is None else str(value), limit=300) for value in row] for row in rows]
    widths = [max([width_of(head), *(width_of(row[i]) for row in cells)]) for i, head in enumerate(heads)]
    if out.isatty() and widths:
        room = shutil.get_terminal_size().columns - 2 * (len(widths) - 1) - (sum(widths) - widths[shrink])
        widths[shrink] = max(8, min(widths[shrink], room))
    for row in [list(heads), *cells]:
        out.write("  ".join(fit(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
