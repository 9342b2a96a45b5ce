"""Filters of lists: every word that was typed has to be found, whatever signs it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

SHORT_WORD: Final = 3
"""Words of at least so many characters can be looked up in a trigram index."""


def words_of(text: str) -> list[str]:
    """The words of a filter; NUL cannot be part of a query."""
    return text.replace("\0", " ").split()


def like(word: str) -> str:
    r"""The word with what LIKE would take for a pattern escaped by `\`."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def trigrams(word: str) -> str:
    """An FTS5 expression that every text holding the word satisfies, for an index without positions."""
    pieces = {word[start : start + 3] for start in range(len(word) - 2)}
    return " AND ".join(f'"{piece.replace(chr(34), chr(34) * 2)}"' for piece in sorted(pieces))


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the databases."""

    name: str
    like: str
    full_text: bool


SQLITE: Final = Dialect("sqlite", "LIKE", full_text=True)
SQLITE_PLAIN: Final = Dialect("sqlite", "LIKE", full_text=False)
POSTGRESQL: Final = Dialect("postgresql", "ILIKE", full_text=False)


def by_words(
    dialect: Dialect, where: list[str], args: list[Any], text: str, index: str, key: str, fields: Sequence[str]
) -> None:
    """Add one condition per word: the trigram index finds candidates, LIKE settles what is longer than a trigram."""
    indexed = []
    for word in words_of(text):
        searched = dialect.full_text and len(word) >= SHORT_WORD
        if searched:
            indexed.append(trigrams(word))
        if not searched or (len(word) > SHORT_WORD and word.isascii()):
            pattern = f"%{like(word)}%"
            where.append("(" + " OR ".join(f"{field} {dialect.like} ? ESCAPE '\\'" for field in fields) + ")")
            args += [pattern] * len(fields)
    if indexed:
        where.insert(0, f"{key} IN (SELECT rowid FROM {index} WHERE {index} MATCH ?)")
        args.insert(0, " AND ".join(indexed))
