"""Untrusted text made fit for a terminal: everything that could act on it becomes visible or is replaced."""

from __future__ import annotations

import unicodedata
from typing import Final

DEFAULT_LIMIT: Final = 256
MARKS_KEPT: Final = 3

_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE: Final = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060\u3164\ufeff\uffa0")
_JOINERS: Final = frozenset("\u200c\u200d")
_LINE_ENDS: Final = frozenset("\n\x0b\x0c\x85\u2028\u2029")


def clean(value: str, limit: int = DEFAULT_LIMIT) -> str:
    """The value as one line that no terminal acts on, at most `limit` characters long.

    Control characters become their pictures (`␛`), bidi controls `␦`, zero-width characters `·`, lone surrogates `�`,
    line ends `⏎`; more than three combining marks in a row are dropped. Joiners of scripts and emoji stay.
    """
    if len(value) <= limit and value.isascii() and value.isprintable():
        return value
    out: list[str] = []
    marks = 0
    for character in value[: limit + 1]:
        if unicodedata.combining(character) and character not in _INVISIBLE:
            marks += 1
            if marks > MARKS_KEPT:
                continue
        else:
            marks = 0
        out.append(_safe(character))
    if len(value) > limit:
        out = out[: limit - 1]
        out.append("…")
    return "".join(out)


def was_altered(value: str, limit: int = DEFAULT_LIMIT) -> bool:
    """Whether `clean` shows something else than the value itself."""
    return clean(value, limit) != value


def _safe(character: str) -> str:
    code = ord(character)
    if 0x20 <= code < 0x7F:
        return character
    if character in _LINE_ENDS or character == "\r":
        return "⏎"
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code < 0xA0:
        return "�"
    if character in _JOINERS:
        return character
    if character in _BIDI:
        return "␦"
    if character in _INVISIBLE or 0xE0000 <= code <= 0xE007F or 0xFFF9 <= code <= 0xFFFB:
        return "·"
    if 0xD800 <= code <= 0xDFFF:
        return "�"
    return character
