"""Texts written into a policy file so that the strict reader reads back what was meant."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_VISIBLE: Final = frozenset("LNPS")
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


def quoted(text: str) -> str:
    """A text as a strict reader reads it back: bare where it can be nothing else, else in double quotes."""
    if _PLAIN.fullmatch(text) and text[0].isalpha() and text.casefold() not in _WORDS:
        return text
    return "".join(map(_written, json.dumps(text, ensure_ascii=False)))


def _written(character: str) -> str:
    """A character, or its escape where nobody could see it."""
    if " " <= character <= "~":
        return character
    if unicodedata.category(character)[0] in _VISIBLE and character not in _BLANK_LETTERS:
        return character
    return f"\\U{ord(character):08X}"
