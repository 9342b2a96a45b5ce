"""`jmltui owner`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("account", metavar="ACCOUNT", help="the service or shared account: its login, or its number")
    parser.add_argument("person", nargs="?", metavar="PERSON", help="the number of the new owner")
    parser.add_argument("--retire", metavar="REASON", help="open the case that switches it off, instead")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Name a new owner, or retire it."""
    from jmltui.errors import UsageError
    from jmltui.lifecycle import owning

    if bool(arguments.person) == bool(arguments.retire):
        raise UsageError("Name the new owner, or say --retire REASON.")
    with opened(context) as workshop:
        if arguments.person:
            return done(context, owning.give(workshop, arguments.account, arguments.person))
        numbers = owning.retire(workshop, arguments.account, arguments.retire)
    if not numbers:
        return done(context, "It has no account in use any more.", cases=numbers)
    told = f"Case {', '.join(map(str, numbers))} switches it off; until that is done a leaver's case waits for it."
    return done(context, told, cases=numbers)
