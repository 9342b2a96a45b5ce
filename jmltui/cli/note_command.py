"""`jmltui note`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_case, add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_case(parser)
    parser.add_argument("text", metavar="TEXT", help="the note; kept in the journal")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Write it."""
    from jmltui.lifecycle import requests

    with opened(context) as workshop:
        requests.note(workshop, arguments.case, arguments.text)
    return done(context, f"The note stands in case {arguments.case}.")
