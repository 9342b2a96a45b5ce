"""`jmltui reviews`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from .context import Context
from .table import print_table
from .workshop import add_json, done, opened

if TYPE_CHECKING:
    from jmltui.lifecycle.workshop import Workshop

ANSWERS: Final = ("keep", "revoke", "unsure")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.epilog = "Without a word the reviews are listed: those that wait first."
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--home", metavar="FOLDER", help="use the settings and state of this folder")
    add_json(common)
    words = parser.add_subparsers(dest="what", metavar="WORD", title="words", prog="jmltui reviews")

    def word(name: str, told: str) -> argparse.ArgumentParser:
        return words.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.", parents=[common])

    word("open", "open a review by a rule of the policy").add_argument("rule", metavar="RULE", help="its id")
    items = word("items", "list what a review asks about")
    _add_review(items)
    items.add_argument("--mine", action="store_true", help="only what you are asked about and have not answered")
    items.add_argument("--open", action="store_true", dest="only_open", help="only what nobody answered yet")
    items.add_argument("--limit", type=int, default=200, metavar="N", help="at most so many (200)")
    answer = word("answer", "answer an item; a later answer counts until the review is closed")
    answer.add_argument("items", metavar="ITEM", type=int, nargs="+", help="its number; several are answered alike")
    answer.add_argument("decision", choices=ANSWERS, help="keep it, revoke it, or leave it to somebody else")
    answer.add_argument("--note", default="", metavar="TEXT", help="why; kept in the journal")
    close = word("close", "close a review: what is revoked becomes cases")
    _add_review(close)
    close.add_argument("--now", action="store_true", help="even if something is unanswered, which is unsure then")
    close.add_argument("--reason", default="", metavar="WHY", help="why now; kept in the journal")
    suggestions = word("suggestions", "list what the answers of closed reviews say of the policy")
    suggestions.add_argument("review", type=int, nargs="?", metavar="REVIEW", help="of this one; else the newest ones")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """List, open, answer, close."""
    with opened(context) as workshop:
        return _WORDS[arguments.what](workshop, arguments, context)


def _add_review(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("review", type=int, metavar="REVIEW", help="its number (`jmltui reviews`)")


def _list(workshop: Workshop, _: argparse.Namespace, context: Context) -> int:
    from jmltui.cache import reviews

    with workshop.cache.read() as session:
        rows = reviews.campaigns(session)
    if context.json:
        context.print_json({"reviews": rows})
        return 0
    table = []
    for row in rows:
        late = " late" if row["state"] == "open" and row["due_at"] < context.clock() else ""
        due = f"{row['closed_at'] or row['due_at']:%Y-%m-%d %H:%M}{late}"
        progress = f"{row['answered']}/{row['items']}"
        table.append([row["id"], row["rule"], row["scope"], row["state"], progress, due, row["on_no_answer"]])
    print_table(context.out, ["REVIEW", "RULE", "SCOPE", "STATE", "ANSWERED", "DUE", "NO ANSWER"], table, shrink=2)
    if not rows:
        rules = ", ".join(workshop.policy.definitions.reviews)
        told = f"`jmltui reviews open RULE` opens one: {rules}." if rules else "The policy has none under `reviews`."
        context.say(f"No review was opened yet. {told}")
    return 0


def _open(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.governance.reviews import open_campaign

    number = open_campaign(workshop, arguments.rule)
    return done(context, f"Review {number} is open: `jmltui reviews items {number}` lists its items.", review=number)


def _items(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.cache import reviews
    from jmltui.governance.reviews import words_of

    with workshop.cache.read() as session:
        reviews.campaign_row(session, arguments.review)
        words = words_of(workshop, session, workshop.actor, arguments.review) if arguments.mine else None
        only_open = arguments.only_open or arguments.mine
        rows = reviews.items(session, arguments.review, words, only_open=only_open, limit=arguments.limit)
    if context.json:
        context.print_json({"items": rows})
        return 0
    heads = ["ITEM", "PERSON", "LOGIN", "SYSTEM", "HOLDS", "WHY", "LAST USED", "PEERS", "ASKED", "ANSWER"]
    print_table(context.out, heads, [_line(row) for row in rows], shrink=5)
    if not rows:
        context.say("Nothing is asked of you here." if arguments.mine else "Nothing to list.")
    elif len(rows) == arguments.limit:
        context.say(f"The first {len(rows)} are listed; --limit lists more.")
    return 0


def _line(row: Mapping[str, Any]) -> list[object]:
    person = f"{row['person_name']} ({row['person_key']})" if row["person_key"] else "nobody"
    holds = f"{row['target']} !" if row["privileged"] else row["target"]
    peers = f"{row['peers_hold']} of {row['peers']}" if row["peers"] else ""
    used = f"{row['last_used']:%Y-%m-%d}" if row["last_used"] else "unknown"
    by = "nobody answered" if row["by_default"] else row["decided_by"]
    answer = f"{row['decision']} ({by})" if row["decision"] else ""
    asked = row["reviewer"] or "nobody"
    return [row["id"], person, row["login"], row["system"], holds, row["why"], used, peers, asked, answer]


def _answer(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.governance.reviews import decide_many

    count = decide_many(workshop, arguments.items, arguments.decision, arguments.note)
    what = f"Item {arguments.items[0]} is" if count == 1 else f"{count} items are"
    return done(context, f"{what} answered: {arguments.decision}.", items=count)


def _close(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.errors import UsageError
    from jmltui.governance.reviews import close_campaign

    if arguments.now and not arguments.reason.strip():
        raise UsageError("Say why it is closed now.", hint="--reason WHY: it is kept in the journal.")
    report = close_campaign(workshop, arguments.review, force=arguments.now, reason=arguments.reason)
    if report.escalated:
        told = f"Review {report.campaign} stays open: the fallback is asked about {report.escalated} items now."
        return done(context, told, **asdict(report))
    told = (
        f"Review {report.campaign} is closed: {report.kept} kept, {report.revoked} revoked, {report.unsure} unsure "
        f"({report.by_default} because nobody answered); {len(report.cases)} cases."
    )
    if report.held:
        told += f" A guard holds all {report.held}: another person releases them with `jmltui confirm {report.batch}`."
    return done(context, told, **asdict(report))


def _suggestions(workshop: Workshop, arguments: argparse.Namespace, context: Context) -> int:
    from jmltui.governance.reviews import suggestions

    found = suggestions(workshop, arguments.review)
    if context.json:
        context.print_json({"suggestions": [asdict(suggestion) for suggestion in found]})
        return 0
    from jmltui.domain.text import clean

    for suggestion in found:
        context.say(clean(suggestion.sentence, limit=500))
    if not found:
        context.say("The answers suggest no change of the policy.")
    return 0


_WORDS: Final[Mapping[str | None, Callable[[Workshop, argparse.Namespace, Context], int]]] = {
    None: _list,
    "open": _open,
    "items": _items,
    "answer": _answer,
    "close": _close,
    "suggestions": _suggestions,
}
