"""`jmltui practice`."""

from __future__ import annotations

import argparse
from pathlib import Path

from jmltui.errors import UsageError

from .context import Context
from .workshop import add_json, done


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument(
        "what", choices=("new", "next"), help="new: write the company; next: bring its next people file"
    )
    parser.add_argument("folder", metavar="FOLDER", help="where the practice company is, or shall be")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Write the company's settings, policy, people and systems, or bring its next people file."""
    from jmltui_practice import company

    folder = Path(arguments.folder).absolute()
    if arguments.what == "next":
        if not (folder / "settings.toml").exists():
            raise UsageError(
                f"There is no practice company in {folder}.", hint="`jmltui practice new FOLDER` writes one."
            )
        if not company.advance(folder):
            return done(context, "The week is over; there is no further people file.")
        return done(context, f"The next people file is there; run `jmltui sync --home {folder}`.")
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; nothing was written.", hint="Name a new folder.")
    company.create(folder, context.clock)
    return done(context, f"The practice company is in {folder}; run `jmltui sync --home {folder}`.")
