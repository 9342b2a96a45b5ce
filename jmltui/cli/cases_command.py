"""`jmltui cases`."""

from __future__ import annotations

import argparse

from .context import Context
from .table import print_table
from .workshop import add_json, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("--kind", choices=("joiner", "rehire", "mover", "leaver"), help="only this kind")
    parser.add_argument("--filter", metavar="TEXT", default="", help="only people whose name, key or department has it")
    parser.add_argument("--limit", type=int, default=200, metavar="N", help="at most so many (200)")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """List what is pending, by what is due next."""
    from jmltui.cache.reading import pending_cases

    with opened(context) as workshop, workshop.cache.read() as session:
        rows = pending_cases(session, arguments.kind, arguments.filter, arguments.limit)
    if context.json:
        context.print_json({"cases": rows})
        return 0
    heads = ["CASE", "KIND", "STATE", "PERSON", "KEY", "NEXT STEP", "DUE", "DONE", "WHO"]
    table = []
    for row in rows:
        state = "attention" if row["attention"] else "approval" if row["approvals"] else row["state"]
        late = " late" if row["next_due"] < context.clock() else ""
        due = f"{row['next_due']:%Y-%m-%d %H:%M}{late}"
        done = f"{row['steps_done']}/{row['steps_total']}"
        who = row["claimed_by"] or row["owner"]
        table.append(
            [row["id"], row["kind"], state, row["person_name"], row["person_key"], row["next_step"], due, done, who]
        )
    print_table(context.out, heads, table, shrink=3)
    if not rows:
        context.say("Nothing is pending.")
    return 0
