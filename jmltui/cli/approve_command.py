"""`jmltui approve`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_case, add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_case(parser)
    parser.add_argument("step", metavar="STEP", help="the step that waits (`jmltui plan CASE`)")
    parser.add_argument("--plan", default="", metavar="HASH", help="the plan you saw; another one is not approved")
    parser.add_argument("--refuse", action="store_true", help="refuse it; needs --reason")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; kept in the journal")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Decide."""
    from jmltui.lifecycle.approve import decide

    with opened(context) as workshop:
        decide(
            workshop,
            arguments.case,
            arguments.step,
            arguments.plan,
            approve=not arguments.refuse,
            reason=arguments.reason,
        )
    word = "refused" if arguments.refuse else "approved"
    return done(context, f"Step “{arguments.step}” of case {arguments.case} is {word}.")
