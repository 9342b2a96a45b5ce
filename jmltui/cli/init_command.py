"""`jmltui init`."""

from __future__ import annotations

import argparse

from jmltui.domain.text import clean

from .context import Context
from .workshop import add_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Write what is missing, and say what was written."""
    del arguments
    from jmltui.config.starter import write

    written = write(context.places)
    if context.json:
        context.print_json({"files": [{"path": str(path), "written": new} for path, new in written]})
        return 0
    for path, new in written:
        context.say(f"{'written' if new else 'kept as it is'}: {clean(str(path), limit=1000)}")
    context.say("Fill in your sources and systems, then run `jmltui doctor`.")
    return 0
