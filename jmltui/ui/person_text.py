"""People in words: the columns of their list, and who one person is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jmltui.domain.text import was_altered

from .lines import Line, Span, line
from .text import cell, show, wrap

KEY: Final = 10
TYPE: Final = 10
STATUS: Final = 10
LAST_DAY: Final = 10

DETAILS: Final = (
    ("email", "e-mail"),
    ("type", "type"),
    ("department", "department"),
    ("title", "title"),
    ("location", "location"),
    ("manager", "manager"),
    ("sponsor", "sponsor"),
    ("owner", "owner"),
    ("starts", "first day"),
    ("ends", "last day"),
    ("source", "source"),
    ("row_ref", "row of the feed"),
)


def _widths(width: int) -> tuple[int, int]:
    rest = width - (KEY + 1) - (TYPE + 1) - (STATUS + 1) - LAST_DAY - 1
    name = max(8, rest * 55 // 100)
    return name, max(4, rest - name - 1)


def header(width: int) -> Sequence[Span]:
    """The heading of the columns."""
    name, department = _widths(width)
    parts = [cell("NAME", name), cell("NUMBER", KEY), cell("TYPE", TYPE), cell("DEPARTMENT", department)]
    return [(" ".join([*parts, cell("STATUS", STATUS), cell("LAST DAY", LAST_DAY)]), "head")]


def row(person: Mapping[str, Any], width: int, chosen: bool) -> Sequence[Span]:
    """One person as one row."""
    del chosen
    name, department = _widths(width)
    parts = [cell(person["name"], name), cell(person["key"], KEY), cell(person["type"], TYPE)]
    parts.append(cell(person["department"], department))
    status = person["status"] if person["present"] else "not in feed"
    style = "" if person["present"] and person["status"] == "active" else "warn"
    return [(" ".join(parts) + " ", ""), (cell(status, STATUS), style), (" " + cell(person["ends"], LAST_DAY), "")]


def head(person: Mapping[str, Any], owner: str, width: int) -> list[Line]:
    """Who somebody is: name, what the source says, and what is wrong with that."""
    name = (f"{show(person['name'])} ({show(person['key'])})", "head")
    altered = was_altered(str(person["name"])) or was_altered(str(person["key"]))
    mark = [("  altered: holds characters that are shown as signs", "warn")] if altered else []
    lines = [line(name, f"  {show(person['status'])}", *mark)]
    if altered:
        points = " ".join(f"U+{ord(character):04X}" for character in str(person["name"])[:40])
        lines.append(line((f"code points: {points}", "dim")))
    told = [f"{word} {show(person[field])}" for field, word in DETAILS if person[field]]
    lines += [line(part) for part in wrap(", ".join(told), width)[:3]]
    if owner and owner != person["owner"]:
        lines.append(line((f"Owned by {show(owner)}, as decided here.", "info")))
    if not person["present"]:
        lines.append(line(("Not in the last feed.", "warn")))
    return lines
