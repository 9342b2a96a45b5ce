"""The one way of untrusted text to the screen: cleaned, measured in terminal cells, cut to its column."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from jmltui.domain.text import DEFAULT_LIMIT, clean


def show(value: object, limit: int = DEFAULT_LIMIT) -> str:
    """The value as text that no terminal acts on; None is nothing."""
    return "" if value is None else clean(str(value), limit)


def cell(value: object, width: int, mark: str = "…") -> str:
    """The value cleaned and exactly `width` terminal cells wide; what does not fit ends in `mark`."""
    text = show(value, limit=max(width, 1) * 4)
    if text.isascii():
        if len(text) <= width:
            return text.ljust(width)
        return (text[: width - len(mark)] + mark)[:width] if width > 0 else ""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - len(mark)) + mark if width >= len(mark) else ""


def wrap(value: object, width: int, limit: int = 4000) -> list[str]:
    """The value cleaned line by line and broken at spaces into lines of at most `width` cells."""
    found: list[str] = []
    for line in str(value).splitlines() or [""]:
        found += _wrap_line(clean(line, limit), max(width, 8))
    return found


def _wrap_line(text: str, width: int) -> list[str]:
    indent = len(text) - len(text.lstrip(" "))
    lines: list[str] = []
    current = ""
    for word in text.split(" "):
        longer = f"{current} {word}" if current else word
        if cell_len(longer) <= width:
            current = longer
            continue
        if current.strip():
            lines.append(current)
        current = " " * indent + word
        while cell_len(current) > width:
            head = set_cell_size(current, width).rstrip("\0")
            cut = _prefix(current, width)
            lines.append(head if cut == len(head) else current[:cut])
            current = current[cut:]
    lines.append(current)
    return lines


def _prefix(text: str, width: int) -> int:
    """How many characters fit into so many cells, at least one."""
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > width:
            return max(index, 1)
    return len(text)
