"""`jmltui undo`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_case, add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_case(parser)
    parser.add_argument("step", metavar="STEP", help="the step that is done (`jmltui plan CASE`)")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Plan the way back; it is carried out by `jmltui run`."""
    from jmltui.lifecycle.undo import undo

    with opened(context, acts=True) as workshop:
        key = undo(workshop, arguments.case, arguments.step)
    sentence = f"The way back stands as step “{key}”; look at it with `jmltui plan {arguments.case}`, then run it."
    return done(context, sentence, case=arguments.case, step=key)
