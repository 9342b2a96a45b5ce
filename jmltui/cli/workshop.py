"""Opening what most commands need, and printing what most commands print."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .context import Context

if TYPE_CHECKING:
    from jmltui.lifecycle.workshop import Workshop


@contextmanager
def opened(context: Context, *, acts: bool = False) -> Iterator[Workshop]:
    """The workshop of this installation and this caller; the cache is closed at the end.

    `acts` for a command that moves cases: a worker is seen to where a ticket is to be told of it.
    """
    from jmltui.lifecycle.workshop import open_workshop

    workshop = open_workshop(context.places, context.actor.login, context.clock, context.environ)
    if workshop.broken is not None:
        count = len(workshop.broken.problems)
        context.err.write(
            f"jmltui: the policy folder has {count} mistake{'s' * (count > 1)} (`jmltui policy lint` tells "
            f"{'them' if count > 1 else 'it'}); the policy in force, {workshop.policy.hash[:12]}, stays in force.\n"
        )
    try:
        yield workshop
        if acts:
            _tell_tickets(context, workshop)
    finally:
        workshop.cache.close()


def see_to_it(context: Context, workshop: Workshop, *, always: bool = False) -> None:
    """See that a worker runs where there is something that it can carry out without a person."""
    from jmltui.cache import tickets
    from jmltui.cache.actions import work_left

    with workshop.cache.read() as session:
        waits, _ = work_left(session, workshop.clock())
        waits = waits or tickets.left(session)
    if waits or always:
        _start_worker(context)


def _tell_tickets(context: Context, workshop: Workshop) -> None:
    from jmltui.cache import tickets

    with workshop.cache.read() as session:
        waits = tickets.left(session)
    if waits:
        _start_worker(context)


def _start_worker(context: Context) -> None:
    from jmltui.worker.process import ensure_worker

    environ = {**context.environ}
    if context.home is not None:
        environ["JMLTUI_HOME"] = str(context.places.config_dir)
    ensure_worker(context.places, environ)


def add_json(parser: argparse.ArgumentParser) -> None:
    """The switch that every command has."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_case(parser: argparse.ArgumentParser) -> None:
    """The case a command is about."""
    parser.add_argument("case", type=int, metavar="CASE", help="the number of the case (`jmltui cases`)")


def done(context: Context, sentence: str, **facts: object) -> int:
    """Say what was done."""
    if context.json:
        context.print_json({"done": sentence, **facts})
    else:
        from jmltui.domain.text import clean

        context.say(clean(sentence, limit=500))
    return 0
