"""`jmltui skip`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_case, add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_case(parser)
    parser.add_argument("step", metavar="STEP", help="the step (`jmltui plan CASE`)")
    parser.add_argument("text", metavar="TEXT", help="why it is left out; kept in the journal")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Leave a step out."""
    from jmltui.lifecycle import requests

    with opened(context, acts=True) as workshop:
        requests.skip(workshop, arguments.case, arguments.step, arguments.text)
    return done(context, f"Step “{arguments.step}” of case {arguments.case} is skipped.")
