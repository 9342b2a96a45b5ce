"""`jmltui ticket`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from .context import Context
from .table import print_table
from .workshop import add_case, add_json, done, opened, see_to_it

if TYPE_CHECKING:
    from jmltui.lifecycle.workshop import Workshop

EXAMPLES = """examples:
  jmltui ticket bind 318 helpdesk:1042   read the ticket, bind the case to it, and tell it how the case stands
  jmltui ticket show 318                 the ticket, and what was posted or waits
  jmltui ticket retry 318                try now what failed or waits, and let a stopped ticketing system go on
  jmltui ticket unbind 318               let them go; what waits is not posted any more
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EXAMPLES
    words = parser.add_subparsers(dest="what", metavar="WHAT", required=True)

    def word(name: str, summary: str) -> argparse.ArgumentParser:
        made = words.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        add_json(made)
        made.add_argument("--home", metavar="FOLDER", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        add_case(made)
        return made

    bind = word("bind", "bind a case to a ticket; one that it was bound to before is let go")
    bind.add_argument("ticket", metavar="TICKET", help="the ticket as SYSTEM:ID, as helpdesk:1042")
    word("unbind", "let a case and its ticket go")
    word("show", "show the ticket of a case, and what was posted or waits")
    word("retry", "try now what failed or waits")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Bind, unbind, show, or try again."""
    with opened(context) as workshop:
        ended = _WORDS[arguments.what](workshop, arguments, context)
        see_to_it(context, workshop)
        return ended


def _bind(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.lifecycle import tickets

    told = tickets.bind_named(workshop, arguments.case, arguments.ticket)
    return done(context, f"{told} Its comments are internal.", case=arguments.case, ticket=arguments.ticket)


def _unbind(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.lifecycle import tickets

    return done(context, tickets.unbind(workshop, arguments.case), case=arguments.case)


def _retry(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.lifecycle import tickets

    return done(context, tickets.retry(workshop, arguments.case), case=arguments.case)


def _show(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.domain.text import clean
    from jmltui.lifecycle import tickets

    found = tickets.standing(workshop, arguments.case)
    if context.json:
        context.print_json(found)
        return 0
    status = f" [{found['status']}]" if found["status"] else ""
    context.say(clean(f"{found['reference']}: {found['title']}{status} {found['url']}".rstrip(), limit=1000))
    for told in (
        found["problem"],
        found["system_stopped"] and f"{found['system']} is stopped: {found['system_stopped']}",
    ):
        if told:
            context.say(clean(told, limit=1000))
    print_table(
        context.out, ["WHEN (UTC)", "WHAT", "STATE", "TRIES", "TOLD"], [_line(each) for each in found["messages"]]
    )
    return 0


def _line(message: Mapping[str, Any]) -> list[object]:
    what = message["milestone"] if message["kind"] == "comment" else f"status: {message['text']}"
    at = message["posted_at"] or message["made_at"]
    return [f"{at:%Y-%m-%d %H:%M:%S}", what, message["state"], message["tries"], message["problem"]]


_WORDS: Final[Mapping[str, Callable[[Workshop, argparse.Namespace, Context], int]]] = {
    "bind": _bind,
    "unbind": _unbind,
    "show": _show,
    "retry": _retry,
}
