"""Words that name people: owners of work, approvers, reviewers, and whom to tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jmltui.domain.nearest import did_you_mean

from .fields import Fields, Where
from .known import Known

KINDS: Final = ("team", "group", "user")
OWNERS: Final = ("manager", "sponsor", "owner", "requester")
APPROVERS: Final = ("manager", "sponsor", "owner", "system-owner")
"""Who reviews is named by the same words as who approves."""


def read_word(item: Fields, key: str, role: str, words: Sequence[str], known: Known, default: str = "") -> str:
    """One word under a key: one of `words`, or team:, group: or user: and a name. `role` says what it is for."""
    value = item.text(key, default)
    if key in item.nodes:
        check_word(value, item.place(key), role, words, known)
    return value


def read_words(
    item: Fields, key: str, role: str, words: Sequence[str], known: Known, *, needed: bool = False
) -> tuple[str, ...]:
    """A list of such words, each once."""
    found = item.needed_texts(key) if needed else item.texts(key)
    for value, where in found:
        check_word(value, where, role, words, known)
    return tuple(dict.fromkeys(value for value, _ in found))


def check_word(value: str, where: Where, role: str, words: Sequence[str], known: Known) -> None:
    """A word that names nobody is a problem."""
    if value in words:
        return
    kind, colon, name = value.partition(":")
    if colon and kind in KINDS and name.strip() == name != "":
        if kind == "team" and known.teams is not None:
            known.has("team", name, where, known.teams)
        return
    near = did_you_mean(value, words) if not colon else did_you_mean(kind, KINDS)
    if not near.startswith("Did"):
        either = f", or one of {', '.join(words)}" if words else ", or group: or user: and a name"
        near = f"Write team:{name or value or 'NAME'}{either}."
    known.problems.add(where, f"“{value}” names no {role}.", near)
