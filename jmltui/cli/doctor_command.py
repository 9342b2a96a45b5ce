"""`jmltui doctor`."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict

from .context import Context
from .table import print_table
from .workshop import add_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Look at everything; ends with 1 when something is wrong."""
    del arguments
    from jmltui.lifecycle.doctor import WRONG, examine

    found = asyncio.run(examine(context.places, context.environ, context.clock))
    if context.json:
        context.print_json({"findings": [asdict(finding) for finding in found]})
    else:
        print_table(context.out, ["", "WHAT", ""], [[f.level, f.subject, f.sentence] for f in found])
    return 1 if any(finding.level == WRONG for finding in found) else 0
