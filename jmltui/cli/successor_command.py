"""`jmltui successor`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("person", metavar="PERSON", help="the number of who leaves")
    parser.add_argument("to", metavar="SUCCESSOR", help="the number of who takes over what their accounts own")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Name who takes over from a leaver; without it their manager does."""
    from jmltui.lifecycle import succeeding

    with opened(context) as workshop:
        return done(context, succeeding.name(workshop, arguments.person, arguments.to))
