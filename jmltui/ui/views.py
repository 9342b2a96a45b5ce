"""The line of views above a list: each with its number, the one that is shown in brackets."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from .lines import Span

View = tuple[str, str, int | None]
"""(key, label that is already clean, how many; None where nobody counted)."""


def view_spans(views: Sequence[View], shown: str, width: int, more: str = "…") -> list[Span]:
    """The views on one line, scrolled so far that the one that is shown is on it."""
    labels = [f"{label} {count:,}" if count is not None else label for _, label, count in views]
    words = [f"[{label}]" if key == shown else f" {label} " for (key, _, _), label in zip(views, labels, strict=True)]
    place = next((number for number, (key, _, _) in enumerate(views) if key == shown), 0)
    first = 0
    while first < place and sum(cell_len(word) for word in words[first : place + 1]) + 2 > width:
        first += 1
    spans: list[Span] = [(more if first else " ", "dim")]
    used = 1
    for number in range(first, len(words)):
        if used + cell_len(words[number]) > width - 1 and number > place:
            spans.append((more, "dim"))
            break
        spans.append((words[number], "title" if number == place else "dim" if views[number][2] == 0 else ""))
        used += cell_len(words[number])
    return spans


def turned(views: Sequence[View], shown: str, by: int) -> str:
    """The key of the next view, or of the one before."""
    keys = [key for key, _, _ in views]
    place = keys.index(shown) if shown in keys else 0
    return keys[(place + by) % len(keys)]
