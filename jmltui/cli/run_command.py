"""`jmltui run`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jmltui.domain.text import clean
from jmltui.errors import UsageError

from .context import Context
from .workshop import add_json, opened, see_to_it

if TYPE_CHECKING:
    from jmltui.lifecycle.workshop import Workshop

POLL_SECONDS = 0.3
SHOWN_WAITS = 10


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
        waits = _waits(workshop, numbers)
    if context.json:
        context.print_json({"cases": numbers, "unsettled": left, "stopped": stopped, "waits": waits})
    else:
        for system, reason in stopped.items():
            context.err.write(f"jmltui: {system} is stopped: {reason}\n")
        _tell(context, len(numbers), left, waits)
    return 1 if left else 0


def _tell(context: Context, count: int, left: Mapping[str, int], waits: Sequence[Mapping[str, Any]]) -> None:
    """What came of it, and what waits for somebody's approval before it is even begun."""
    told = f"{count} case{'' if count == 1 else 's'} run; "
    if left:
        told += f"left: {', '.join(f'{number} {state}' for state, number in left.items())}"
    else:
        told += "every effect was read back" if not waits else "every effect that was begun was read back"
    if waits:
        told += f"; {len(waits)} step{' waits' if len(waits) == 1 else 's wait'} for an approval"
    context.say(f"{told}." if waits or not left else told)
    for each in waits[:SHOWN_WAITS]:
        context.say(clean(f"  case {each['case']}, “{each['step']}”: {each['sentence']}", limit=500))
    if len(waits) > SHOWN_WAITS:
        context.say(f"  and {len(waits) - SHOWN_WAITS} more; the dashboard lists them under “To approve”.")


def _waits(workshop: Workshop, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """The steps of these cases that wait for an approval, each with for whom."""
    from jmltui.cache import cases
    from jmltui.lifecycle.approve import waiting

    with workshop.cache.read() as session:
        asking = [number for number in numbers if cases.case_row(session, number).approvals]
    return [
        {"case": number, "step": each.step, "sentence": each.sentence, "mine": each.mine}
        for number in asking
        for each in waiting(workshop, number)
    ]


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
