"""The command line: one module per command, imported only when it is called.

Nothing but the standard library is imported for `--help` and `--version`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from jmltui import __version__

from .context import Context

if TYPE_CHECKING:
    from jmltui.config.identity import Actor

COMMANDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("Start", "dashboard", "open the full-screen dashboard (`jmltui` alone does, too)"),
    ("Start", "demo", "open the dashboard on a practice company, without any server"),
    ("Start", "init", "write a commented settings file and a starter policy folder"),
    ("Start", "doctor", "say what is wrong with settings, policy, cache and systems"),
    ("Start", "practice", "write a practice company to try everything on, without any server"),
    ("Start", "adapters", "list the installed adapters"),
    ("Every day", "sync", "read the sources and systems, open the cases that follow"),
    ("Every day", "cases", "list the pending cases"),
    ("Every day", "plan", "show one case whole, or (--all) what differs for everybody"),
    ("Every day", "replan", "plan a case anew, by the policy and what was read last"),
    ("Every day", "run", "let the worker carry out steps, and wait for the proof"),
    ("Every day", "approve", "approve a step that waits for it, or refuse it"),
    ("Every day", "answer", "answer a question: did this person leave or stay?"),
    ("Every day", "confirm", "confirm a batch of people by typing their number"),
    ("Every day", "attest", "state that a manual step was done, or what you saw yourself"),
    ("Every day", "skip", "skip a step, with a reason"),
    ("Every day", "undo", "plan the way back of a step that is done"),
    ("Every day", "claim", "take a case, or hand it over"),
    ("Every day", "note", "write a note into a case"),
    ("Every day", "ticket", "bind a case to a ticket, which is told how the case goes"),
    ("Every day", "link", "confirm whose an account is, or release it"),
    ("Every day", "owner", "give a service or shared account a new owner, or retire it"),
    ("Every day", "successor", "name who takes over what the accounts of a leaver own"),
    ("Every day", "request", "ask for access for a person, take it in an emergency, or end it"),
    ("Every day", "findings", "list what is not as it should be; open a case, accept it, link it"),
    ("Every day", "reviews", "list access reviews and their items, answer them, open or close one"),
    ("Look", "journal", "list the journal, or verify its chain"),
    ("Look", "systems", "list the systems: health, counts, what they can do and prove"),
    ("Look", "person", "one person whole: accounts, access and why, cases, exceptions, what they own"),
    ("Look", "explain", "why somebody is due an entitlement, or is not"),
    ("Look", "policy", "check, test, compare or explain the policy; propose roles from what is held"),
    ("Set up", "adapter", "try a description of a system or source: what it asks, what it makes of the answers"),
    ("Set up", "secrets", "store a secret behind its reference, or test one"),
    ("Set up", "worker", "run the worker here, ask whether it runs, or stop it"),
)
"""(group, name, what it does), in the order of `jmltui --help`."""


class Command(Protocol):
    """What a command's module offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments."""

    def run(self, arguments: argparse.Namespace, context: Context) -> int:
        """Do it; returns the exit code. Raises JmltuiError."""


def main(argv: Sequence[str] | None = None, *, actor: Actor | None = None, home: str | None = None) -> int:
    """The entry point; returns the exit code (0 good, 1 failed, 2 wrong use, 3.. see jmltui.errors).

    `actor` and `home` are stated for people of a practice company alone; else they are who calls, and what is asked.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    name = next((w for w in words if not w.startswith("-")), None if words else "dashboard")
    parser = _parser(name)
    arguments = parser.parse_args(words or ["dashboard"])
    context = Context.of_process(arguments, actor, home)
    return context.guarded(lambda: _module(arguments.command).run(arguments, context))


def _module(name: str) -> Command:
    module: Command = importlib.import_module(f"{__name__}.{name}_command")
    return module


def _parser(called: str | None) -> argparse.ArgumentParser:
    """The parser; only the called command's module is imported to declare its arguments."""
    parser = argparse.ArgumentParser(
        prog="jmltui",
        description="Joiners, movers and leavers: plan, approve, apply, prove.",
        epilog=_overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="jmltui [COMMAND] [--help]",
    )
    parser.add_argument("--version", action="version", version=f"jmltui {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help=argparse.SUPPRESS)
    for _, name, summary in COMMANDS:
        command = commands.add_parser(
            name,
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_argument("--home", metavar="FOLDER", help="use the settings and state of this folder")
        if name == called:
            _module(name).configure(command)
    return parser


def _overview() -> str:
    lines: list[str] = []
    group = ""
    for in_group, name, summary in COMMANDS:
        if in_group != group:
            lines += ["", f"{in_group}:"]
            group = in_group
        lines.append(f"  {name:<11} {summary}")
    lines += ["", "jmltui COMMAND --help tells more; every listing command takes --json."]
    return "\n".join(lines).strip("\n")
