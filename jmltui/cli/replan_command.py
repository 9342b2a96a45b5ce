"""`jmltui replan`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_case, add_json, done, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_case(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Plan the case anew; what is done stays done, and nothing runs by itself."""
    from jmltui.lifecycle.replan import replan_case

    with opened(context, acts=True) as workshop:
        found = replan_case(workshop, arguments.case)
    return done(
        context, found.sentence, case=arguments.case, added=found.added, removed=found.removed, changed=found.changed
    )
