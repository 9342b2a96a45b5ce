"""`jmltui person`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .context import Context
from .workshop import add_json, opened

if TYPE_CHECKING:
    from jmltui.lifecycle.board import Board
    from jmltui.lifecycle.person_view import PersonView

WIDTH = 110


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("person", metavar="KEY", help="the person's key in the source")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Show one person whole: what they hold and why, cases, exceptions, what they own, what was found."""
    from jmltui.lifecycle import person_view
    from jmltui.lifecycle.board import open_board

    with opened(context) as workshop:
        number = person_view.number_of(workshop, arguments.person)
        view = person_view.view_of(workshop, number)
        board = open_board(context.places, workshop.settings, context.clock, context.environ)
        try:
            found = _read(board, number)
        finally:
            board.close()
    if context.json:
        context.print_json({**found, "access": _access(view), "sources": asdict(view.sources)})
    else:
        _print(found, view, context)
    return 0


def _read(board: Board, number: int) -> dict[str, Any]:
    person = board.person(number) or {}
    return {
        "person": person,
        "exceptions": board.exceptions_of(number),
        "owns": board.owned_by(str(person["key"])),
        "findings": board.findings_of(number),
        "journal": board.entries_of(number),
    }


def _access(view: PersonView) -> Mapping[str, Any]:
    """What is held with why, what is due and not held, and what is wrong with the person's record."""
    return {
        "held": [asdict(each) for each in view.held],
        "missing": [asdict(each) for each in view.missing],
        "problems": list(view.problems),
        "ends": view.ends,
    }


def _print(found: Mapping[str, Any], view: PersonView, context: Context) -> None:
    """The panes of the screen one after another."""
    from jmltui.ui import person_panes, person_text

    person, now = found["person"], context.clock()
    several = view.sources.statements
    panes = (
        person_text.head(person, WIDTH, view),
        *([person_panes.sources(view.sources, WIDTH)] if several else []),
        person_panes.access(person, view, WIDTH),
        person_panes.exceptions(found["exceptions"], now, WIDTH),
        person_panes.owned(found["owns"]),
        person_panes.findings(found["findings"], now, WIDTH),
        person_panes.history(person["cases"], found["journal"], WIDTH),
    )
    for number, pane in enumerate(panes):
        if number:
            context.say()
        for line in pane:
            context.say(line.text.rstrip())
