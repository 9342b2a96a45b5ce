"""`jmltui adapters`."""

from __future__ import annotations

import argparse

from .context import Context
from .table import print_table
from .workshop import add_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    """List them; a broken one is a row with its error."""
    del arguments
    from jmltui.plugins import inspect

    rows = [
        {
            "name": found.installed.name,
            "version": found.installed.version,
            "package": found.installed.distribution,
            "exercised_against": found.adapter.EXERCISED_AGAINST if found.adapter else "",
            "error": found.error,
        }
        for found in inspect()
    ]
    if context.json:
        context.print_json({"adapters": rows})
    else:
        heads = ["ADAPTER", "VERSION", "PACKAGE", "EXERCISED AGAINST"]
        table = [[r["name"], r["version"], r["package"], r["error"] or r["exercised_against"]] for r in rows]
        print_table(context.out, heads, table)
    return 0
