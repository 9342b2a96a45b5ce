"""`jmltui approve`."""

from __future__ import annotations

import argparse

from .context import Context
from .workshop import add_case, add_json, done, opened, see_to_it


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_case(parser)
    parser.add_argument("step", metavar="STEP", help="the step that waits (`jmltui plan CASE`)")
    parser.add_argument("--plan", default="", metavar="HASH", help="the plan you saw; another one is not approved")
    parser.add_argument("--refuse", action="store_true", help="refuse it; needs --reason")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; kept in the journal")
    parser.add_argument(
        "--ask-again", action="store_true", help="instead: ask anew, because nobody decided in time or it was refused"
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Decide, or ask again; say for whom it waits now."""
    from jmltui.lifecycle.approve import ask_again, decide, waiting

    name = f"Step “{arguments.step}” of case {arguments.case}"
    with opened(context) as workshop:
        if arguments.ask_again:
            ask_again(workshop, arguments.case, arguments.step)
        else:
            approve, reason = not arguments.refuse, arguments.reason
            decide(workshop, arguments.case, arguments.step, arguments.plan, approve=approve, reason=reason)
        see_to_it(context, workshop)
        left = [each.sentence for each in waiting(workshop, arguments.case) if each.step == arguments.step]
    if arguments.refuse:
        return done(context, f"{name} is refused.", state="refused")
    if left:
        told = "is asked for again" if arguments.ask_again else "has your approval"
        return done(context, f"{name} {told}. {left[0]}", state="approval")
    return done(context, f"{name} is approved.", state="approved")
