"""`jmltui run`."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from jmltui.errors import UsageError

from .context import Context
from .workshop import add_json, opened, see_to_it

if TYPE_CHECKING:
    from jmltui.lifecycle.workshop import Workshop

POLL_SECONDS = 0.3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("cases", type=int, nargs="*", metavar="CASE", help="the cases to run through")
    parser.add_argument("--all", action="store_true", help="every open case")
    parser.add_argument("--step", metavar="STEP", help="only this step of the one case, again if it failed")
    parser.add_argument("--wait", type=float, default=120, metavar="SECONDS", help="how long to wait (120; 0: not)")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Ask, see that the worker runs, and wait. Ends with 1 when something needs a person or time is over."""
    from jmltui.lifecycle import requests

    if arguments.all == bool(arguments.cases) or (arguments.step and len(arguments.cases) != 1):
        raise UsageError("Name the cases to run, or --all; --step goes with one case.")
    with opened(context) as workshop:
        if arguments.all:
            numbers = requests.run_all(workshop)
        elif arguments.step:
            numbers = list(arguments.cases)
            requests.run_step(workshop, numbers[0], arguments.step)
        else:
            numbers = list(arguments.cases)
            for number in numbers:
                requests.run_case(workshop, number)
        see_to_it(context, workshop, always=True)
        left = wait(workshop, context, arguments.wait)
        stopped = _stopped(workshop)
    if context.json:
        context.print_json({"cases": numbers, "unsettled": left, "stopped": stopped})
    else:
        for system, reason in stopped.items():
            context.err.write(f"jmltui: {system} is stopped: {reason}\n")
        told = ", ".join(f"{count} {state}" for state, count in left.items())
        context.say(f"{len(numbers)} cases run; " + (f"left: {told}" if told else "every effect was read back."))
    return 1 if left else 0


def wait(workshop: Workshop, context: Context, seconds: float) -> dict[str, int]:
    """Until nothing moves without a person any more, or time is over; what is left per state."""
    from jmltui.cache import actions
    from jmltui.cache.reading import unsettled

    end = time.monotonic() + seconds
    while True:
        with workshop.cache.read() as session:
            now = workshop.clock()
            left, later = actions.work_left(session, now)
            stopped = actions.stopped_systems(session)
            found = unsettled(session)
        rest = end - time.monotonic()
        too_late = later is not None and (later - now).total_seconds() > rest
        if not left or too_late or stopped or rest <= 0:
            if context.err.isatty():
                context.err.write("\r\x1b[K")
            return found
        if context.err.isatty():
            context.err.write(f"\r\x1b[K{left} actions to go")
            context.err.flush()
        time.sleep(POLL_SECONDS)


def _stopped(workshop: Workshop) -> dict[str, str]:
    from jmltui.cache import actions

    with workshop.cache.read() as session:
        return actions.stopped_systems(session)
