"""`jmltui claim`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_case, add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_case(parser)
    parser.add_argument("--to", default="", metavar="LOGIN", help="hand it over to this colleague")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Take it, or hand it over."""
    from jmltui.lifecycle import requests

    with opened(context) as workshop:
        requests.claim_case(workshop, arguments.case, arguments.to)
    return done(context, f"Case {arguments.case} is {arguments.to + chr(39) + 's' if arguments.to else 'yours'}.")
