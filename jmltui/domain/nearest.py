"""The nearest valid word, for every message about a word that is not valid."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 8


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that is most like the word, or None when nothing is."""
    from difflib import get_close_matches

    by_fold = {choice.casefold(): choice for choice in choices}
    found = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def did_you_mean(word: str, choices: Iterable[str], *, kind: str = "Known") -> str:
    """A hint: the nearest choice, or the first choices when nothing is near; empty when there are none."""
    known = sorted(set(choices))
    near = nearest(word, known)
    if near is not None:
        return f"Did you mean “{near}”?"
    if not known:
        return ""
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"{kind}: {', '.join(known[:_SHOWN])}{more}."
