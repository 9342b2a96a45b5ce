"""`jmltui practice`."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

from jmltui.errors import UsageError

from .context import Context
from .workshop import add_json, done

EXAMPLES = """examples:
  jmltui practice new ~/practice                        write the company
  jmltui practice next ~/practice                       bring its next people file
  jmltui practice fault ~/practice directory down       from now on the directory does not answer
  jmltui practice fault ~/practice chat failing-once    the next call to the chat fails
  jmltui practice fault ~/practice chat none            the chat is well again
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.epilog = EXAMPLES
    parser.add_argument(
        "what",
        choices=("new", "next", "fault"),
        help="new: write the company; next: bring its next people file; fault: trouble one of its systems",
    )
    parser.add_argument("folder", metavar="FOLDER", help="where the practice company is, or shall be")
    parser.add_argument("system", nargs="?", metavar="SYSTEM", help="with fault: the system")
    parser.add_argument("kind", nargs="?", metavar="KIND", help="with fault: what is wrong, or none")
    parser.add_argument("--times", type=int, metavar="N", help="with fault: only the next N calls")
    parser.add_argument(
        "--seconds", type=float, default=5.0, metavar="S", help="with fault: how slow, how long to wait"
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Write the company's settings, policy, people and systems; bring its next people file; trouble a system."""
    from jmltui_practice import company

    folder = Path(arguments.folder).absolute()
    if arguments.what != "fault" and arguments.system is not None:
        raise UsageError(f"`jmltui practice {arguments.what}` takes a folder and nothing else.")
    if arguments.what == "new":
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty; nothing was written.", hint="Name a new folder.")
        company.create(folder, context.clock)
        return done(context, f"The practice company is in {folder}; run `jmltui sync --home {folder}`.")
    if not (folder / "settings.toml").exists():
        raise UsageError(f"There is no practice company in {folder}.", hint="`jmltui practice new FOLDER` writes one.")
    if arguments.what == "fault":
        return _fault(arguments, context, folder)
    if not company.advance(folder):
        return done(context, "The week is over; there is no further people file.")
    return done(context, f"The next people file is there; run `jmltui sync --home {folder}`.")


def _fault(arguments: argparse.Namespace, context: Context, folder: Path) -> int:
    from jmltui.config.settings import load
    from jmltui.domain.nearest import did_you_mean
    from jmltui_practice.company import SYSTEMS_FILE
    from jmltui_practice.faults import Fault, FaultKind, clear_faults, set_fault

    names = sorted(load(folder / "settings.toml").systems)
    kinds = [*(kind.value for kind in FaultKind), "none"]
    for value, known, what in ((arguments.system, names, "system"), (arguments.kind, kinds, "fault")):
        if value not in known:
            hint = did_you_mean(value or "", known, kind="Name one of")
            raise UsageError(f"{value or 'Nothing'} is no {what} of the practice company.", hint=hint)
    file = folder / SYSTEMS_FILE
    try:
        if arguments.kind == "none":
            clear_faults(file, arguments.system)
            return done(context, f"{arguments.system} is well again.")
        set_fault(file, arguments.system, Fault(FaultKind(arguments.kind), arguments.times, arguments.seconds))
    except ValueError as error:
        raise UsageError(str(error)) from None
    except sqlite3.Error as error:
        raise UsageError(f"The systems of {folder} cannot be written: {error}.") from None
    until = f"for the next {arguments.times} calls" if arguments.times else "until `none` is set"
    once = arguments.kind == FaultKind.FAILING_ONCE.value and not arguments.times
    return done(context, f"{arguments.system} is {arguments.kind} {'for its next call' if once else until}.")
