"""`jmltui doctor`."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict

from jmltui.domain.text import clean

from .context import Context
from .workshop import add_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Look at everything; ends with 1 when something is wrong."""
    del arguments
    from jmltui.lifecycle.doctor import WRONG, examine

    from .surroundings import surroundings

    found = asyncio.run(examine(context.places, context.environ, context.clock))
    found += surroundings(context.places, context.environ)
    if context.json:
        context.print_json({"findings": [asdict(finding) for finding in found]})
    else:
        for finding in found:
            # Not a table: a sentence that says what is wrong is never cut.
            context.say(clean(f"{finding.level:<8} {finding.subject:<10} {finding.sentence}", limit=2000))
    return 1 if any(finding.level == WRONG for finding in found) else 0
