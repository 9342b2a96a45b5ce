"""`jmltui policy`."""

from __future__ import annotations

import argparse
from pathlib import Path

from .context import Context
from .workshop import add_json, done


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("what", choices=("lint",), help="lint: check the whole folder, all problems at once")
    parser.add_argument("folder", nargs="?", metavar="FOLDER", help="another folder than the settings name")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Check the policy; problems end with 2, each with file, line and column."""
    from jmltui import policy
    from jmltui.config import settings

    folder = Path(arguments.folder) if arguments.folder else settings.load(context.places.settings_file).policy_folder
    found = policy.load(Path(folder))
    told = f"The policy is good: {len(found.roles)} roles, {len(found.entitlements)} entitlements."
    return done(context, told, hash=found.hash)
