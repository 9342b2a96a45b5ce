"""`jmltui systems`."""

from __future__ import annotations

import argparse
import json

from .context import Context
from .table import print_table
from .workshop import add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("--go-on", metavar="NAME", help="let a stopped system go on")
    parser.add_argument("--capabilities", action="store_true", help="what each can do and how it is proved")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """List them, or let one go on."""
    from jmltui import plugins
    from jmltui.cache import actions, systems
    from jmltui.errors import UsageError

    with opened(context) as workshop:
        if arguments.go_on:
            if arguments.go_on not in workshop.settings.systems:
                raise UsageError(f"There is no system called {arguments.go_on} in the settings.")
            with workshop.cache.write() as session:
                actions.go_on(session, arguments.go_on, workshop.actor, workshop.clock())
            return done(context, f"{arguments.go_on} may go on.")
        with workshop.cache.read() as session:
            rows = systems.systems(session)
            stopped = actions.stopped_systems(session)
    for row in rows:
        row["capabilities"] = json.loads(str(row["capabilities"]))
        row["stopped"] = stopped.get(str(row["name"]), "")
        origin = plugins.stranger(str(row["kind"]))
        row["package"] = f"{origin.distribution} {origin.version}" if origin else ""
    if context.json:
        context.print_json({"systems": rows})
        return 0
    heads = ["SYSTEM", "ADAPTER", "STATE", "ACCOUNTS", "ENTITLEMENTS", "GRANTS", "LAST GOOD (UTC)", "TOLD"]
    table = []
    for row in rows:
        last = str(row["last_good"] or "never")[:16]
        state = "stopped" if row["stopped"] else row["state"]
        counts = [row["accounts"], row["entitlements"], row["grants"]]
        adapter = f"{row['kind']} ({row['package']})" if row["package"] else row["kind"]
        table.append([row["name"], adapter, state, *counts, last, row["stopped"] or row["error"]])
    print_table(context.out, heads, table)
    if arguments.capabilities:
        for row in rows:
            context.say(f"\n{row['name']}, exercised against {row['exercised_against']}")
            found = row["capabilities"]
            assert isinstance(found, dict)
            print_table(context.out, ["CAN", "PROVED BY"], [[cap, proof] for cap, proof in found.items()])
    return 0
