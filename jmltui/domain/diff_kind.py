"""What a line of the diff says, by word and by sign."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class DiffKind(StrEnum):
    """What a line says; screens show `sign` and the word, never colour alone."""

    ADD = "add"
    REMOVE = "remove"
    KEEP = "keep"
    UNEXPLAINED = "unexplained"
    BLOCKED = "blocked"
    EXPIRING = "expiring"
    CANNOT_TELL = "cannot tell"

    @property
    def sign(self) -> str:
        """One ASCII character which tells the kind without colour."""
        return _SIGNS[self.value]


_SIGNS: Final = {
    "add": "+",
    "remove": "-",
    "keep": "=",
    "unexplained": "?",
    "blocked": "!",
    "expiring": "~",
    "cannot tell": ".",
}
