"""`jmltui request`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from .context import Context
from .table import print_table
from .workshop import done, opened, see_to_it

if TYPE_CHECKING:
    from jmltui.cache.tables import ExceptionRow
    from jmltui.lifecycle.workshop import Workshop

EXAMPLES = """examples:
  jmltui request what E1042                                          what can be asked for for this person
  jmltui request access E1042 prod-admin --for 4h --reason "ticket 7"
  jmltui request separation E1042 pay-create-vs-release --until 2026-06-30 --reason "colleague ill"
  jmltui request overlap 318 --until 2026-06-14 --reason "hands over the quarter's books"
  jmltui request emergency E1042 prod-admin --reason "shop is down"
  jmltui request list                                                what is asked for and in force
  jmltui request access E1042 reports --reason "asked there" --ticket helpdesk:1042
  jmltui request end 12 --reason "not needed any more"
  jmltui request review 12 "looked at the log: only the restart"

A day means its end in the zone of the company; an instant is written 2026-06-30T18:00 or with its offset.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EXAMPLES
    words = parser.add_subparsers(dest="what", metavar="WHAT", required=True)

    def word(name: str, summary: str, *names: str) -> argparse.ArgumentParser:
        made = words.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        made.add_argument("--json", action="store_true", help="print JSON")
        made.add_argument("--home", metavar="FOLDER", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        for argument in names:
            _ARGUMENTS[argument](made)
        return made

    access = word("access", "ask for an entitlement for a person", "person", "entitlement", "reason", "ticket")
    access.add_argument("--for", dest="duration", metavar="TIME", help="how long: 4h, 30d (else: the longest allowed)")
    separation = word("separation", "ask that a person may break a separation rule for a time", "person", "ticket")
    separation.add_argument("rule", metavar="RULE", help="the policy's id of the rule")
    _until_and_reason(separation)
    overlap = word("overlap", "ask that a mover keeps for a while what the case takes away", "ticket")
    overlap.add_argument("case", type=int, metavar="CASE", help="the number of the mover's case")
    _until_and_reason(overlap)
    told = "take access at once without an approval; it is looked at afterwards"
    word("emergency", told, "person", "entitlement", "reason", "ticket")
    listing = word("list", "list what is asked for and in force")
    listing.add_argument("person", nargs="?", metavar="KEY", help="only of this person")
    listing.add_argument("--all", action="store_true", help="with what has ended or was refused")
    word("what", "list what can be asked for for a person, and what speaks against it", "person")
    word("end", "end an exception before its time, or withdraw what is asked for", "number", "reason")
    review = word("review", "state what was found when an emergency access was looked at", "number")
    review.add_argument("text", metavar="TEXT", help="what you found; kept in the journal")


def _until_and_reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--until", required=True, metavar="DATE", help="when it ends")
    _ARGUMENTS["reason"](parser)


_ARGUMENTS: Final[Mapping[str, Callable[[argparse.ArgumentParser], object]]] = {
    "person": lambda p: p.add_argument("person", metavar="KEY", help="the person's key in the source"),
    "entitlement": lambda p: p.add_argument("entitlement", metavar="ENTITLEMENT", help="the policy's id of it"),
    "number": lambda p: p.add_argument(
        "number", type=int, metavar="NUMBER", help="of the exception (`jmltui request list`)"
    ),
    "ticket": lambda p: p.add_argument(
        "--ticket", default="", metavar="TICKET", help="the ticket that is told of it, as SYSTEM:ID"
    ),
    "reason": lambda p: p.add_argument("--reason", required=True, metavar="TEXT", help="why; kept in the journal"),
}


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Ask, list, end or look at."""
    with opened(context) as workshop:
        doing: dict[str, Callable[[argparse.Namespace, Context, Workshop], int]] = {
            "access": _access,
            "separation": _separation,
            "overlap": _overlap,
            "emergency": _emergency,
            "list": _list,
            "what": _what,
            "end": _end,
            "review": _review,
        }
        if getattr(arguments, "ticket", ""):
            # Read before anything is asked for, so that a wrong number asks for nothing.
            from jmltui.lifecycle.tickets import look

            arguments.found = look(workshop, arguments.ticket)
        ended = doing[arguments.what](arguments, context, workshop)
        see_to_it(context, workshop)
        return ended


def _access(arguments: argparse.Namespace, context: Context, workshop: Workshop) -> int:
    from jmltui.lifecycle.access_requests import request_access

    length = _duration(arguments.duration) if arguments.duration else None
    number = request_access(workshop, arguments.person, arguments.entitlement, arguments.reason, length)
    return _asked(arguments, context, workshop, number, f"{arguments.entitlement} is asked for")


def _separation(arguments: argparse.Namespace, context: Context, workshop: Workshop) -> int:
    from jmltui.lifecycle.access_requests import request_separation

    until = instant(arguments.until, workshop.zone)
    number = request_separation(workshop, arguments.person, arguments.rule, arguments.reason, until)
    return _asked(arguments, context, workshop, number, f"An exception from {arguments.rule} is asked for")


def _overlap(arguments: argparse.Namespace, context: Context, workshop: Workshop) -> int:
    from jmltui.lifecycle.access_requests import request_overlap

    until = instant(arguments.until, workshop.zone)
    number = request_overlap(workshop, arguments.case, until, arguments.reason)
    told = f"To keep what case {arguments.case} takes away is asked for"
    return _asked(arguments, context, workshop, number, told)


def _emergency(arguments: argparse.Namespace, context: Context, workshop: Workshop) -> int:
    from jmltui.lifecycle.access_requests import break_glass

    number = break_glass(workshop, arguments.person, arguments.entitlement, arguments.reason)
    [row] = _rows_of(workshop, number)
    told = f"{arguments.entitlement} is taken until {row.until:%Y-%m-%d %H:%M} UTC, by case {number}; it is journaled."
    told += f" Another person has to look at it: `jmltui request review {row.id} TEXT`."
    told += _bound(arguments, workshop, number)
    return done(context, told, case=number, exception=row.id, until=row.until)


def _end(arguments: argparse.Namespace, context: Context, workshop: Workshop) -> int:
    from jmltui.lifecycle.access_requests import end_exception

    number = end_exception(workshop, arguments.number, arguments.reason)
    took = f"case {number} takes back what it gave" if number else "nothing has to be taken back"
    return done(context, f"Exception {arguments.number} has ended; {took}.", exception=arguments.number, case=number)


def _review(arguments: argparse.Namespace, context: Context, workshop: Workshop) -> int:
    from jmltui.lifecycle.access_requests import review_break_glass

    review_break_glass(workshop, arguments.number, arguments.text)
    told = f"The emergency access {arguments.number} was looked at."
    return done(context, told, exception=arguments.number)


def _bound(arguments: argparse.Namespace, workshop: Workshop, number: int) -> str:
    """Bind the case to the ticket that was named, if any; what came of it."""
    if "found" not in arguments:
        return ""
    from jmltui.lifecycle.tickets import bind

    return f" {bind(workshop, number, arguments.found)}"


def _asked(arguments: argparse.Namespace, context: Context, workshop: Workshop, number: int, what: str) -> int:
    """Say what is asked for by which case, and for whom it waits."""
    from jmltui.lifecycle.approve import waiting

    rows, waits = _rows_of(workshop, number), waiting(workshop, number)
    outside = rows[0].kind == "access" and rows[0].outside_policy and not rows[0].until
    told = f"{what}, by case {number}{', outside the policy' if outside else ''}."
    told += f" {' '.join(step.sentence for step in waits)}" if waits else " Nobody has to agree; it is in force."
    told += _bound(arguments, workshop, number)
    return done(context, told, case=number, exceptions=[row.id for row in rows], outside_policy=outside)


def _rows_of(workshop: Workshop, case_id: int) -> list[ExceptionRow]:
    from jmltui.cache import cases, exceptions

    with workshop.cache.read() as session:
        rows = exceptions.in_scope(session, cases.case_row(session, case_id))
        session.expunge_all()
        return rows


def _list(arguments: argparse.Namespace, context: Context, workshop: Workshop) -> int:
    from jmltui.cache import exceptions
    from jmltui.cache.people import person_by_key
    from jmltui.errors import UsageError

    with workshop.cache.read() as session:
        person = person_by_key(session, arguments.person) if arguments.person else None
        if arguments.person and person is None:
            raise UsageError(f"No source has a person with the key {arguments.person}.", hint="Run `jmltui sync`.")
        found = exceptions.listed(session, person.id if person else None, ended=arguments.all)
        rows = [{**row.model_dump(), "person": key} for row, key in found]
    if context.json:
        context.print_json(rows)
        return 0
    heads = ("No", "State", "Person", "What", "Until", "Asked by", "Approved by", "Case", "Note", "Reason")
    print_table(context.out, heads, [_line(row) for row in rows], shrink=len(heads) - 1)
    return 0


def _line(row: dict[str, Any]) -> tuple[object, ...]:
    from jmltui.domain.duration import format_duration

    until = f"{row['until']:%Y-%m-%d %H:%M}" if row["until"] else ""
    if not until and row["seconds"]:
        until = f"for {format_duration(timedelta(seconds=row['seconds']))}"
    if row["break_glass"]:
        note = "emergency" if row["reviewed_by"] else "emergency, not looked at"
    else:
        note = "outside the policy" if row["outside_policy"] else ""
    what = row["subject"] if row["kind"] == "access" else f"{row['kind']}: {row['subject']}"
    by = (row["requested_by"], row["approved_by"], row["case_id"] or "")
    return (row["id"], row["state"], row["person"], what, until, *by, note, row["reason"])


def _what(arguments: argparse.Namespace, context: Context, workshop: Workshop) -> int:
    from jmltui.domain.duration import format_duration
    from jmltui.lifecycle.access_requests import requestable

    rows = [
        {
            "entitlement": each.entitlement,
            "system": each.system,
            "target": each.target,
            "tier": each.tier.value,
            "longest": format_duration(each.max_duration) if each.max_duration else "",
            "approval": each.approval_path,
            "held": each.held,
            "outside_policy": each.outside_policy,
            "why_not": each.why_not,
        }
        for each in requestable(workshop, arguments.person)
    ]
    if context.json:
        context.print_json(rows)
        return 0
    heads = ("Entitlement", "System", "Target", "Tier", "Longest", "Approval", "Note")
    names = ("entitlement", "system", "target", "tier", "longest", "approval")
    lines = [
        [*(row[name] for name in names), row["why_not"] or ("outside the policy" if row["outside_policy"] else "")]
        for row in rows
    ]
    print_table(context.out, heads, lines, shrink=len(heads) - 1)
    return 0


def _duration(text: str) -> timedelta:
    from jmltui.domain.duration import parse_duration
    from jmltui.errors import UsageError

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def instant(text: str, zone: str) -> datetime:
    """The instant a text means, in UTC: of a day its end, of a time without an offset that of the zone.

    Raises UsageError.
    """
    from datetime import UTC, date
    from zoneinfo import ZoneInfo

    from jmltui.domain.person import local_midnight
    from jmltui.errors import UsageError

    try:
        if len(text) == len("2026-06-30"):
            return local_midnight(date.fromisoformat(text) + timedelta(days=1), ZoneInfo(zone))
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UsageError(f"“{text}” is no date; write 2026-06-30 or 2026-06-30T18:00.") from None
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
