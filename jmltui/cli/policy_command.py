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
    from jmltui.config import settings
    from jmltui.domain.text import clean
    from jmltui.errors import PolicyError
    from jmltui.policy.lint import lint

    systems = None
    if arguments.folder:
        folder = Path(arguments.folder)
    else:
        loaded = settings.load(context.places.settings_file)
        folder, systems = loaded.policy_folder, loaded.systems
    report = lint(folder, systems)
    if report.policy is None:
        raise PolicyError(report.errors)
    warnings = [str(warning) for warning in report.warnings]
    if not context.json:
        for warning in warnings:
            context.say(f"warning: {clean(warning, limit=2000)}")
    found = report.policy
    told = f"The policy is good: {len(found.roles)} roles, {len(found.entitlements)} entitlements."
    return done(context, told, hash=found.hash, warnings=warnings)
