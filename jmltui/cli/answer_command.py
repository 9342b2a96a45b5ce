"""`jmltui answer`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_case, add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_case(parser)
    parser.add_argument("answer", choices=("left", "stays"), help="what you know of the person")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Answer the question."""
    from jmltui.lifecycle import requests

    left = arguments.answer == "left"
    with opened(context, acts=True) as workshop:
        requests.answer(workshop, arguments.case, left)
    told = "The leaver's case is open." if left else "The question is closed; nothing is done."
    return done(context, told, case=arguments.case)
