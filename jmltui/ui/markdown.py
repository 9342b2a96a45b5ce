"""A runbook's text as lines: headings, lists, bold and code. Nothing else of Markdown is read, and no link is one."""

from __future__ import annotations

import re
from typing import Final

from rich.cells import cell_len

from .lines import Line, Span, line
from .text import show

LIMIT: Final = 4000
"""Characters of one source line that are shown."""

_HEADING: Final = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
_ITEM: Final = re.compile(r"(\s*)([-*+]|\d{1,3}[.)])\s+(.*)$")
_INLINE: Final = re.compile(r"\*\*(?P<bold>[^*]+)\*\*|__(?P<under>[^_]+)__|`(?P<code>[^`]+)`")
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_FENCES: Final = ("```", "~~~")

Word = tuple[str, str]


def markdown(text: str, width: int) -> list[Line]:
    """The text laid out for a width. Links are shown as their words and their address, and open nothing."""
    found: list[Line] = []
    fenced = False
    for raw in text.splitlines():
        if raw.lstrip().startswith(_FENCES):
            fenced = not fenced
            continue
        if fenced:
            found.append(line(("  " + show(raw, LIMIT), "info")))
            continue
        found += _line(_LINK.sub(_words_of_link, raw), width)
    return found


def _words_of_link(link: re.Match[str]) -> str:
    words, address = link.groups()
    return f"{words} ({address})" if address and address != words else words


def _line(raw: str, width: int) -> list[Line]:
    heading = _HEADING.fullmatch(raw)
    if heading is not None:
        return _wrapped([(show(heading[1], LIMIT), "head")], width, "", "")
    item = _ITEM.fullmatch(raw)
    if item is not None:
        indent, sign, rest = item.groups()
        sign = sign if sign[0].isdigit() else "-"
        before = " " * min(len(indent), 8) + f"{sign} "
        return _wrapped(_inline(rest), width, before, " " * len(before))
    indent_width = min(len(raw) - len(raw.lstrip(" ")), 8)
    return _wrapped(_inline(raw.strip()), width, " " * indent_width, " " * indent_width)


def _inline(text: str) -> list[Span]:
    """Spans of bold and code; what is not closed stays as it is written."""
    spans: list[Span] = []
    at = 0
    for found in _INLINE.finditer(text):
        spans.append((show(text[at : found.start()], LIMIT), ""))
        bold = found["bold"] or found["under"]
        spans.append((show(bold, LIMIT), "head") if bold else (show(found["code"], LIMIT), "info"))
        at = found.end()
    spans.append((show(text[at:], LIMIT), ""))
    return [span for span in spans if span[0]]


def _wrapped(spans: list[Span], width: int, first: str, following: str) -> list[Line]:
    """Spans broken between words; a word longer than a line is cut where the line ends."""
    room = max(8, width - len(first))
    rows: list[list[Span]] = [[]]
    used = 0
    for word, style in _words(spans):
        if used and used + cell_len(word.rstrip()) > room:
            rows.append([])
            used = 0
            if not word.strip():
                continue
        for part in _cut(word, room):
            if used and used + cell_len(part.rstrip()) > room:
                rows.append([])
                used = 0
            rows[-1].append((part, style))
            used += cell_len(part)
    return [line((first if number == 0 else following, ""), *row) for number, row in enumerate(rows)]


def _words(spans: list[Span]) -> list[Word]:
    """The words of spans, each with the space after it."""
    return [(word, style) for text, style in spans for word in re.findall(r"\S+\s*|\s+", text)]


def _cut(word: str, room: int) -> list[str]:
    if cell_len(word.rstrip()) <= room:
        return [word]
    parts, current = [], ""
    for character in word:
        if cell_len(current + character) > room:
            parts.append(current)
            current = ""
        current += character
    return [*parts, current]
