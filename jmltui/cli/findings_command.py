"""`jmltui findings`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from jmltui.domain.danger import Danger
from jmltui.domain.finding import FindingKind
from jmltui.domain.person import local_midnight
from jmltui.domain.text import clean
from jmltui.errors import NotAllowed, UsageError

from .context import Context
from .table import print_table
from .workshop import add_json, done, opened, see_to_it

if TYPE_CHECKING:
    from jmltui.lifecycle.workshop import Workshop

_SECTIONS: Final[Mapping[str, str]] = {
    "proposals": "Whose it may be",
    "accounts": "Accounts",
    "left": "Left half",
    "right": "Right half",
}
"""The facts that are lists of their own, and what stands above them."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    kinds = [kind.value for kind in FindingKind]
    parser.add_argument("--kind", choices=kinds, metavar="KIND", help=f"only this kind: {', '.join(kinds)}")
    parser.add_argument("--all", action="store_true", help="also those that are accepted, or that a case works on")
    parser.add_argument("--scan", action="store_true", help="look again first, at what was read from the systems last")
    parser.add_argument("--limit", type=int, default=200, metavar="N", help="at most so many (200)")
    parser.epilog = "Without a word the open findings are listed: the worst first."
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--home", metavar="FOLDER", help="use the settings and state of this folder")
    add_json(common)
    words = parser.add_subparsers(dest="what", metavar="WORD", title="words", prog="jmltui findings")

    def word(name: str, told: str, *, many: bool = False) -> argparse.ArgumentParser:
        found = words.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.", parents=[common])
        more = {"nargs": "+"} if many else {}
        found.add_argument("finding", type=int, metavar="FINDING", help="its number (`jmltui findings`)", **more)  # type: ignore[arg-type]  # argparse's own words
        return found

    word("show", "show a finding whole")
    case = word("case", "open the case that settles a finding; several at once", many=True)
    case.add_argument("--side", choices=("left", "right"), default="", help="which half of a conflict is taken away")
    case.add_argument("--ticket", default="", metavar="TICKET", help="the ticket that is told of it, as SYSTEM:ID")
    accept = word("accept", "ask that a finding is left as it is until a day; another person agrees")
    accept.add_argument("--reason", required=True, metavar="TEXT", help="why; kept in the journal")
    accept.add_argument("--until", required=True, metavar="DATE", help="the last day, at most a year from now")
    for name, told in (("approve", "agree that a finding is left as it is"), ("refuse", "refuse that it is left")):
        word(name, told).add_argument("--reason", default="", metavar="TEXT", help="why; kept in the journal")
    link = word("link", "confirm whose an account is, or who owns a service or shared account")
    link.add_argument("person", metavar="PERSON", help="the person's number, as the source has it")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """List, scan, show, settle."""
    with opened(context) as workshop:
        return _WORDS[arguments.what](workshop, arguments, context)


def _list(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.cache import findings

    report: dict[str, Any] | None = None
    if arguments.scan:
        from jmltui.governance.findings import scan

        found = scan(workshop)
        report = {kind: {"new": c.new, "open": c.open, "gone": c.gone} for kind, c in found.kinds.items()}
        if not context.json:
            context.say(f"{found.new} new, {found.gone} gone, {found.open} open.")
    with workshop.cache.read() as session:
        rows = findings.listed(session, arguments.kind or "", all_of_them=arguments.all, limit=max(arguments.limit, 0))
    if context.json:
        context.print_json({"findings": rows} | ({"scan": report} if report is not None else {}))
        return 0
    table = [
        [
            row["id"],
            row["kind"],
            Danger(row["danger"]).word,
            _state(row),
            row["detail"],
            f"{row['first_seen']:%Y-%m-%d}",
        ]
        for row in rows
    ]
    print_table(context.out, ["FINDING", "KIND", "DANGER", "STATE", "WHAT", "SINCE"], table, shrink=4)
    if not rows:
        context.say("Nothing was found." if arguments.scan else "No finding is open. `--scan` looks again.")
    elif len(rows) == arguments.limit:
        context.say(f"The first {len(rows)} are listed; --limit lists more.")
    return 0


def _state(row: Mapping[str, Any]) -> str:
    if row["state"] == "case":
        return f"case {row['case_id']}"
    if row["state"] == "open" and row["exception_id"]:
        return "acceptance asked"
    return str(row["state"])


def _show(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.cache import findings

    with workshop.cache.read() as session:
        row = findings.whole_finding(session, arguments.finding)
    if context.json:
        context.print_json(row)
        return 0
    for line in _told(row):
        context.say(clean(line, limit=2000) if line else "")
    return 0


def _told(row: Mapping[str, Any]) -> Iterator[str]:
    """A finding whole, line by line."""
    facts = row["facts"]
    yield f"Finding {row['id']}: {FindingKind(row['kind']).heading}"
    yield row["detail"]
    yield f"{Danger(row['danger']).word}, {_state(row)}; first seen {row['first_seen']:%Y-%m-%d %H:%M} UTC"
    for name, value in facts.items():
        if name not in _SECTIONS and value not in ("", [], 0, False):
            yield f"  {name.replace('_', ' ')}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
    for name, heading in _SECTIONS.items():
        if facts.get(name):
            yield from ("", heading, *(f"  {_line(name, each)}" for each in facts[name]))
    accepted = row["acceptance"]
    if accepted:
        until = f"{accepted['until']:%Y-%m-%d %H:%M} UTC" if accepted["until"] else "somebody ends it"
        who = f"{accepted['requested_by']} asked, {accepted['approved_by'] or 'nobody yet'} agreed"
        yield f"Exception {accepted['id']}, {accepted['state']}, until {until}: {accepted['reason']} ({who})"


def _line(section: str, each: Mapping[str, Any]) -> str:
    if section == "proposals":
        why = "; ".join([*each["reasons"], *(f"but {warning}" for warning in each["warnings"])])
        return f"{each['score']:>3}  {each['key']}  {each['name']}, {each['department'] or 'no department'}: {why}"
    if section == "accounts":
        used = str(each["last_used"])[:10] or "never seen"
        return f"{each['login']} on {each['system']}, {each['state']}; last used: {used}"
    return f"{each['entitlement']}: {each['target']} of {each['login']} on {each['system']}; {each['reason']}"


def _case(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.governance.findings import open_case, open_cases
    from jmltui.lifecycle import tickets

    numbers = arguments.finding
    if len(numbers) == 1:
        found = tickets.look(workshop, arguments.ticket) if arguments.ticket else None
        case = open_case(workshop, numbers[0], arguments.side)
        told = f" {tickets.bind(workshop, case, found)}" if found is not None else ""
        see_to_it(context, workshop)
        return done(context, f"Case {case} settles finding {numbers[0]}.{told}", case=case)
    if arguments.side or arguments.ticket:
        raise UsageError("--side and --ticket are about one finding; open the others apart.")
    opened_ = open_cases(workshop, numbers)
    if context.json:
        context.print_json({"cases": [{"finding": o.finding, "case": o.case, "refused": o.refused} for o in opened_]})
    else:
        for each in opened_:
            context.say(clean(f"{each.finding}: {f'case {each.case}' if each.case else each.refused}", limit=1000))
    return 0 if all(each.case for each in opened_) else NotAllowed.exit_code


def _accept(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.cache import exceptions
    from jmltui.governance.findings import accept

    until = _end_of(arguments.until, workshop.zone)
    number = accept(workshop, arguments.finding, arguments.reason, until)
    with workshop.cache.read() as session:
        case = exceptions.exception_row(session, number).case_id
    told = f"Exception {number} asks to accept finding {arguments.finding}"
    if case:
        waits = f"case {case} waits for an approval: `jmltui plan {case}` names the step"
        return done(context, f"{told} until {arguments.until}; {waits}.", exception=number, case=case)
    decide = f"another person decides: `jmltui findings approve {arguments.finding}`"
    return done(context, f"{told} until {arguments.until}; {decide}.", exception=number)


def _end_of(text: str, zone: str) -> datetime:
    """The end of a day, in the zone of the company."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"“{text}” is no date.", hint="Write it as 2026-12-31.") from None
    return local_midnight(day + timedelta(days=1), ZoneInfo(zone)).astimezone(UTC)


def _decide(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.cache import findings
    from jmltui.governance.findings import decide_acceptance

    approve = arguments.what == "approve"
    with workshop.cache.read() as session:
        asked = findings.whole_finding(session, arguments.finding)["acceptance"]
    if asked is None:
        raise NotAllowed(
            f"Nobody asked to accept finding {arguments.finding}.",
            hint=f"`jmltui findings accept {arguments.finding} --reason TEXT --until DATE` asks.",
        )
    decide_acceptance(workshop, asked["id"], approve, arguments.reason)
    word = "accepted" if approve else "not accepted"
    return done(context, f"Finding {arguments.finding} is {word}.", exception=asked["id"])


def _link(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.governance.findings import link

    return done(context, link(workshop, arguments.finding, arguments.person))


_WORDS: Final[Mapping[str | None, Callable[[Workshop, argparse.Namespace, Context], int]]] = {
    None: _list,
    "show": _show,
    "case": _case,
    "accept": _accept,
    "approve": _decide,
    "refuse": _decide,
    "link": _link,
}
