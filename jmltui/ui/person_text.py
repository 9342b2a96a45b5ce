"""People in words: the columns of their list, and who one person is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jmltui.domain.person import PersonStatus
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

NAMES: Final = frozenset({"manager", "sponsor", "owner"})
"""Details that are the keys of other people."""

OF_ONE_SOURCE: Final = frozenset({"source", "row_ref"})
"""Details that stand with each source where several say something."""

MOST_DETAILS: Final = 3


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


def head(person: Mapping[str, Any], width: int, view: Any | None = None) -> list[Line]:
    """Who somebody is: name, what the source says, and what is wrong with that; `view` tells of several sources."""
    name = (f"{show(person['name'])} ({show(person['key'])})", "head")
    altered = was_altered(str(person["name"])) or was_altered(str(person["key"]))
    mark = [("  altered: holds characters that are shown as signs", "warn")] if altered else []
    lines = [line(name, f"  {show(person['status'])}", *mark)]
    if altered:
        points = " ".join(f"U+{ord(character):04X}" for character in str(person["name"])[:40])
        lines.append(line((f"code points: {points}", "dim")))
    several = view is not None and bool(view.sources.statements)
    wanted = [each for each in DETAILS if person[each[0]] and not (several and each[0] in OF_ONE_SOURCE)]
    told = [f"{word} {_named(person, field) if field in NAMES else show(person[field])}" for field, word in wanted]
    lines += [line(part) for part in wrap(", ".join(told), width)[:MOST_DETAILS]]
    if several and view is not None:
        lines += _merged(view.sources, width)
    owner = person["owned_by"]
    if owner and owner != person["owner"]:
        lines.append(line((f"Owned by {_named(person, 'owned_by')}, as decided here.", "info")))
    if not person["present"]:
        lines.append(line(("Not in the last feed.", "warn")))
    return lines


def _named(person: Mapping[str, Any], field: str) -> str:
    """Another person by name and key; the key alone where no source has them."""
    key = str(person[field])
    found = person["names"].get(key)
    if found is None:
        return f"{show(key)} (nobody has this number)"
    left = ", has left" if found["status"] == PersonStatus.LEFT else ""
    return f"{show(found['name'], 40)} ({show(key)}{left})"


def _merged(sources: Any, width: int) -> list[Line]:
    """Of which sources a person is made, and on what these differ."""
    names = " + ".join(show(each.source, 30) for each in sources.statements)
    if not sources.disputed:
        return [line((part, "dim")) for part in wrap(f"Merged from {names}; they do not differ.", width)[:2]]
    differ = ", ".join(attribute_word(each.attribute) for each in sources.disputed)
    return [line((part, "warn")) for part in wrap(f"Merged from {names}, which differ on: {differ} (Tab).", width)[:2]]


def attribute_word(attribute: str) -> str:
    """An attribute of a person as the screen calls it."""
    return dict(DETAILS).get(attribute) or show(attribute, 40)
