"""`jmltui journal`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .context import Context
from .table import print_table
from .workshop import add_json, opened

if TYPE_CHECKING:
    from jmltui.cache.journal import ChainState


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("what", nargs="?", choices=("list", "verify"), default="list", help="list (default) or verify")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="the newest so many (50)")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """List the newest entries, or walk the chain; a broken chain ends with 1."""
    from jmltui.cache import journal
    from jmltui.cache.reading import journal_tail

    with opened(context) as workshop, workshop.cache.read() as session:
        if arguments.what == "verify":
            state = journal.verify(session)
            return _told(state, context)
        rows = journal_tail(session, arguments.limit)
    if context.json:
        context.print_json({"journal": rows})
    else:
        table = [[r["seq"], f"{r['at']:%Y-%m-%d %H:%M:%S}", r["actor"], r["case"], r["summary"]] for r in rows]
        print_table(context.out, ["ENTRY", "AT (UTC)", "WHO", "CASE", "WHAT"], table)
    return 0


def _told(state: ChainState, context: Context) -> int:
    good = state.first_bad is None
    if context.json:
        context.print_json({"entries": state.entries, "good": good, "first_bad": state.first_bad, "why": state.reason})
    elif good:
        context.say(f"All {state.entries} entries follow one another; none was altered.")
    else:
        context.say(f"The journal cannot be believed from entry {state.first_bad} on: {state.reason}.")
    return 0 if good else 1
