"""`jmltui practice`."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path
from typing import Final

from jmltui.errors import UsageError

from .context import Context
from .workshop import add_json, done

EXAMPLES: Final = """examples:
  jmltui practice new ~/practice                          write the company
  jmltui practice next ~/practice                         bring its next people file
  jmltui practice as ~/practice grace.kim approve 1 grant run one command as another person of it
  jmltui practice as ~/practice grace.kim                 open the dashboard as that person
  jmltui practice fault ~/practice directory down         from now on the directory does not answer
  jmltui practice fault ~/practice chat failing-once      the next call to the chat fails
  jmltui practice fault ~/practice chat none              the chat is well again

`as` is refused wherever anything but practice systems is connected.
"""
NOT_AS_OTHERS: Final = ("practice", "demo", "init", "secrets")
"""Commands that are about other folders, or about what is yours."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EXAMPLES
    words = parser.add_subparsers(dest="what", metavar="WHAT", required=True, prog="jmltui practice")

    def word(name: str, summary: str, folder: str) -> argparse.ArgumentParser:
        made = words.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        made.add_argument("folder", metavar="FOLDER", help=folder)
        if name != "as":
            add_json(made)
            made.add_argument("--home", metavar="FOLDER", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return made

    there = "where the practice company is"
    word("new", "write the company", "where the practice company shall be")
    word("next", "bring its next people file", there)
    acting = word("as", "run one command as another person of the company", there)
    acting.add_argument("login", metavar="LOGIN", help="whose; `jmltui person KEY` tells the logins of a person")
    acting.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="without one: the dashboard")
    fault = word("fault", "trouble one of its systems", there)
    fault.add_argument("system", metavar="SYSTEM", help="which one")
    fault.add_argument("kind", metavar="KIND", help="what is wrong, or none")
    fault.add_argument("--times", type=int, metavar="N", help="only the next N calls")
    fault.add_argument("--seconds", type=float, default=5.0, metavar="S", help="how slow, how long to wait")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Write the company's settings, policy, people and systems; bring its next people file; act; trouble a system."""
    from jmltui_practice import company

    folder = Path(arguments.folder).absolute()
    if arguments.what == "new":
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty; nothing was written.", hint="Name a new folder.")
        company.create(folder, context.clock, context.actor.login)
        return done(context, f"The practice company is in {folder}; run `jmltui sync --home {folder}`.")
    if not (folder / company.SETTINGS_FILE).exists():
        raise UsageError(f"There is no practice company in {folder}.", hint="`jmltui practice new FOLDER` writes one.")
    if arguments.what == "as":
        return _as(arguments, context, folder)
    if arguments.what == "fault":
        return _fault(arguments, context, folder)
    if not company.advance(folder):
        return done(context, "The week is over; there is no further people file.")
    return done(context, f"The next people file is there; run `jmltui sync --home {folder}`.")


def _as(arguments: argparse.Namespace, context: Context, folder: Path) -> int:
    """Run a command in the name of somebody else, whom it and the journal call by their login."""
    from . import main
    from .practising import colleague

    words = arguments.words or ["dashboard"]
    if words[0] in NOT_AS_OTHERS or words[0].startswith("-"):
        raise UsageError(f"`{words[0]}` cannot be run as somebody else.", hint="Name a command: approve 1 grant.")
    if any(word.startswith("--ho") for word in words):
        raise UsageError("The company is named already; take --home out.")
    at_home = Context(context.environ, context.out, context.err, home=str(folder), clock=context.clock)
    somebody = colleague(at_home, folder, arguments.login)
    return main(words, actor=somebody, home=str(folder))


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
