"""`jmltui worker`."""

from __future__ import annotations

import argparse
from datetime import timedelta

from .context import Context
from .workshop import add_json, done


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("--status", action="store_true", help="only say whether it runs; ends with 1 when it does not")
    parser.add_argument("--stop", action="store_true", help="ask it to end; what it began is settled by the next one")
    parser.add_argument("--stay", action="store_true", help="do not end when idle (for a service)")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Be the worker, or ask about it."""
    from jmltui.worker import place, process

    if arguments.status:
        number = place.running_worker(context.places.worker_lock())
        done(context, f"The worker runs as process {number}." if number else "No worker runs.", process=number)
        return 0 if number else 1
    if arguments.stop:
        there = process.stop_worker(context.places)
        return done(context, "The worker has ended." if there else "No worker ran.")
    idle: timedelta | None = None if arguments.stay else process.IDLE
    process.serve(context.places, context.clock, context.environ, idle)
    return 0
