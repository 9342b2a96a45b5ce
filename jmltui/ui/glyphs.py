"""The few signs of the screens, in Unicode and in plain ASCII for terminals that show nothing else."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One sign each, one cell wide."""

    cursor: str
    chosen: str
    more: str
    rule: str
    bar: str
    dot: str
    done: str
    waiting: str
    ready: str
    running: str
    attention: str
    approval: str
    skipped: str
    refused: str
    late: str
    arrow: str
    up: str
    down: str


UNICODE: Final = Glyphs("▶", "●", "…", "─", "│", "·", "✔", "○", "◇", "◐", "!", "?", "–", "✘", "!", "→", "↑", "↓")
ASCII: Final = Glyphs(">", "*", "~", "-", "|", ".", "x", ".", "o", "~", "!", "?", "-", "X", "!", ">", "^", "v")


def encoding_name(encoding: str | None) -> str:
    """The encoding's canonical name; ASCII for none and for one that nobody knows."""
    try:
        return codecs.lookup(encoding or "ascii").name
    except LookupError:
        return "ascii"


def glyphs_for(encoding: str | None, environ: Mapping[str, str]) -> Glyphs:
    """Unicode where the terminal takes UTF-8 and its font is known to have more than a text mode's 256 signs."""
    plain_terminal = environ.get("TERM", "") in ("linux", "vt100", "vt102", "vt220", "ansi", "")
    return UNICODE if encoding_name(encoding) == "utf-8" and not plain_terminal else ASCII
