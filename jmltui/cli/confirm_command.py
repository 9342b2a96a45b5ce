"""`jmltui confirm`."""

from __future__ import annotations

import argparse

from jmltui.domain.text import clean
from jmltui.errors import UsageError

from .context import Context
from .table import print_table
from .workshop import add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("batch", type=int, nargs="?", metavar="BATCH", help="the batch; without it all are listed")
    parser.add_argument("--number", metavar="N", help="how many people it holds, as you counted them")
    parser.add_argument("--dismiss", action="store_true", help="drop its cases instead; nothing is taken from anybody")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for what a guard holds or is dismissed")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Show a batch's people, open their cases when their number was typed, or drop them.

    Raises UsageError for --dismiss without a batch, or together with a number.
    """
    from jmltui.cache.reading import waiting_batches
    from jmltui.lifecycle import requests

    if arguments.dismiss and (arguments.batch is None or arguments.number is not None):
        raise UsageError("--dismiss drops one batch: name the batch, and give no --number.")
    with opened(context, acts=True) as workshop:
        if arguments.dismiss:
            numbers = requests.dismiss_batch(workshop, arguments.batch, arguments.reason)
            return done(context, f"{len(numbers)} cases were dropped; nothing was taken away.", cases=numbers)
        if arguments.batch is not None and arguments.number is not None:
            numbers = requests.confirm_batch(workshop, arguments.batch, arguments.number, arguments.reason)
            return done(context, f"{len(numbers)} cases are open now.", cases=numbers)
        with workshop.cache.read() as session:
            found = [b for b in waiting_batches(session) if arguments.batch in (None, b["id"])]
    if context.json:
        context.print_json({"batches": found})
        return 0
    for batch in found:
        context.say(f"Batch {batch['id']} of {clean(batch['source'])}: {clean(batch['reason'], limit=500)}")
        rows = [[p["case"], p["name"], p["key"], p["department"]] for p in batch["people"]]
        print_table(context.out, ["CASE", "PERSON", "KEY", "DEPARTMENT"], rows, shrink=1)
        context.say(f"To open these cases: jmltui confirm {batch['id']} --number HOW-MANY")
        context.say(f"To drop them: jmltui confirm {batch['id']} --dismiss --reason TEXT")
    if not found:
        context.say("No batch waits.")
    return 0
