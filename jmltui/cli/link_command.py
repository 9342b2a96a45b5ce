"""`jmltui link`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("person", metavar="PERSON", help="the person's number, as the source has it")
    parser.add_argument("system", metavar="SYSTEM", help="the system of the account")
    parser.add_argument("login", metavar="LOGIN", help="the account")
    parser.add_argument("--release", action="store_true", help="take the link away instead")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Confirm whose an account is."""
    from jmltui.lifecycle import links

    with opened(context) as workshop:
        act = links.release if arguments.release else links.link
        return done(context, act(workshop, arguments.person, arguments.system, arguments.login))
