"""People in words: the columns of their list, and one person whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jmltui.domain.text import was_altered

from . import times
from .lines import Line, Span, heading, line
from .text import cell, show

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


def whole(person: Mapping[str, Any]) -> list[Line]:
    """Details, accounts with what each holds, cases."""
    name = (f"{show(person['name'])} ({show(person['key'])})", "head")
    altered = was_altered(str(person["name"])) or was_altered(str(person["key"]))
    mark = [("  altered: holds characters that are shown as signs", "warn")] if altered else []
    lines = [line(name, *mark)]
    if altered:
        points = " ".join(f"U+{ord(character):04X}" for character in str(person["name"])[:40])
        lines.append(line((f"code points: {points}", "dim")))
    told = [f"{word} {show(person[field])}" for field, word in DETAILS if person[field]]
    lines += [line("  " + ", ".join(told[start : start + 3])) for start in range(0, len(told), 3)]
    if not person["present"]:
        lines.append(line(("  not in the last feed", "warn")))
    lines += [line(""), heading(f"Accounts: {len(person['accounts'])}")]
    for account in person["accounts"]:
        seen = f", last seen {times.stamp(account['last_seen'])}" if account["last_seen"] else ""
        told_link = "" if account["link"] == "confirmed" else f", link only {show(account['link'])}"
        style = "" if account["state"] == "active" else "warn"
        head = (f"  {show(account['system'])}: {show(account['login'])}", "head")
        lines.append(line(head, (f"  {show(account['state'])}{told_link}{seen}", style)))
        for held in account["holds"]:
            marks = " privileged" if held["privileged"] else ""
            via = f" through {show(held['via'])}" if not held["direct"] else ""
            lines.append(line(f"    {show(held['target'])}", (f"{via}{marks}", "warn" if marks else "dim")))
    lines += [line(""), heading(f"Cases: {len(person['cases'])}")]
    for case in person["cases"]:
        closed = f", closed {times.stamp(case['closed_at'])}" if case["closed_at"] else ""
        told_case = f"  case {case['id']}  {show(case['kind'])}, {show(case['state'])}, opened "
        lines.append(line(f"{told_case}{times.stamp(case['opened_at'])}{closed}", key=f"case-{case['id']}"))
    return lines
