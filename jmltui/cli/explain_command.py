"""`jmltui explain`."""

from __future__ import annotations

import argparse

from jmltui.domain.text import clean

from .context import Context
from .workshop import add_json, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("person", metavar="KEY", help="the person's key in the source")
    parser.add_argument("entitlement", nargs="?", metavar="ENTITLEMENT", help="only this entitlement of the policy")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Tell why each entitlement is due, is not, or cannot be told."""
    from jmltui.cache.people import person_by_key
    from jmltui.errors import UsageError

    with opened(context) as workshop:
        with workshop.cache.read() as session:
            person = person_by_key(session, arguments.person)
        if person is None:
            raise UsageError(f"No source has a person with the key {arguments.person}.", hint="Run `jmltui sync`.")
        explanation = workshop.policy.explain(person, arguments.entitlement)
    lines = [clean(line, limit=500) for line in explanation.lines()]
    if context.json:
        context.print_json({"person": person.key, "explanation": lines})
    else:
        for line in lines:
            context.say(line)
    return 0
