"""`jmltui secrets`."""

from __future__ import annotations

import argparse
import sys

from .context import Context
from .workshop import add_json, done


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("what", choices=("set", "test"), help="set: store a value; test: see whether it can be opened")
    parser.add_argument("reference", metavar="REFERENCE", help="keyring:SERVICE/NAME; to test also file:PATH, env:NAME")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Store or try one secret. The value is never an argument and never printed."""
    from jmltui.config import secrets

    reference = secrets.parse_reference(arguments.reference)
    if arguments.what == "set":
        secrets.store(str(reference), secrets.Secret(_typed(str(reference))))
        return done(context, f"Stored behind {reference}.", reference=str(reference))
    secrets.read(str(reference), context.environ, base=context.places.config_dir)
    return done(context, f"{reference} can be opened. {reference.warning}".strip(), reference=str(reference))


def _typed(reference: str) -> str:
    """The value: asked for without echo on a terminal, else one line of standard input. Raises UsageError."""
    from getpass import getpass

    from jmltui.errors import UsageError

    if sys.stdin.isatty():
        value = getpass(f"Value of {reference} (not shown): ")
    else:
        value = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not value:
        raise UsageError("Nothing was typed, so nothing was stored.")
    return value
