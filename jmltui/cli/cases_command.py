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
    from jmltui.cache import tickets
    from jmltui.cache.reading import pending_cases

    with opened(context) as workshop, workshop.cache.read() as session:
        rows = pending_cases(session, arguments.kind, arguments.filter, arguments.limit)
        bound = tickets.shown(session, [row["id"] for row in rows])
    for row in rows:
        row["ticket"] = bound[row["id"]]["reference"] if row["id"] in bound else ""
    if context.json:
        context.print_json({"cases": rows})
        return 0
    heads = [
        "CASE",
        "KIND",
        "STATE",
        "PERSON",
        "KEY",
        "NEXT STEP",
        "DUE",
        "DONE",
        "WHO",
        *(["TICKET"] if bound else []),
    ]
    table = []
    for row in rows:
        state = "attention" if row["attention"] else "approval" if row["approvals"] else row["state"]
        late = " late" if row["next_due"] < context.clock() else ""
        due = f"{row['next_due']:%Y-%m-%d %H:%M}{late}"
        done = f"{row['steps_done']}/{row['steps_total']}"
        who = row["claimed_by"] or row["owner"]
        ticket = [row["ticket"]] if bound else []
        about = [row["person_name"], row["person_key"], row["next_step"]]
        table.append([row["id"], row["kind"], state, *about, due, done, who, *ticket])
    print_table(context.out, heads, table, shrink=3)
    if not rows:
        context.say("Nothing is pending.")
    return 0
