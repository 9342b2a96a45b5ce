"""`jmltui plan`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.text import clean
from jmltui.errors import UsageError

from .context import Context
from .workshop import add_json, opened

if TYPE_CHECKING:
    from jmltui.lifecycle.approve import Waiting
    from jmltui.lifecycle.everyone import Difference
    from jmltui.lifecycle.workshop import Workshop


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.add_argument("case", type=int, nargs="?", metavar="CASE", help="the number of the case (`jmltui cases`)")
    parser.add_argument(
        "--all", action="store_true", help="instead of a case: everybody who holds more or less than the policy says"
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Show a case whole, or what differs for everybody."""
    if arguments.all == (arguments.case is not None):
        raise UsageError("Name the number of a case, or say --all.", hint="`jmltui cases` lists the pending ones.")
    if arguments.all:
        return _everybody(context)
    from jmltui.cache.reading import whole_case
    from jmltui.lifecycle.approve import waiting

    with opened(context) as workshop:
        with workshop.cache.read() as session:
            case = whole_case(session, arguments.case)
        waits = {each.step: each for each in waiting(workshop, arguments.case)} if case["approvals"] else {}
        people = _people_named(workshop, case) if waits else {}
    if context.json:
        context.print_json({**case, "waits": {key: asdict(each) for key, each in waits.items()}})
    else:
        told = {key: _waits(case, each, people) for key, each in waits.items()}
        _print(case, told, context)
    return 0


def _waits(case: Mapping[str, Any], step: Waiting, people: Mapping[str, str]) -> list[str]:
    """For whom an approval waits, and whether the caller may give it."""
    command = f"jmltui approve {case['id']} {step.step}"
    if step.expired:
        return [f"Nobody decided in time; `{command} --ask-again` asks anew."]
    named = [f"The {word} is {who}." for word, who in people.items() if word in step.asked]
    word = f"You may decide: `{command}`, or `{command} --refuse --reason TEXT`."
    return [" ".join([step.sentence, *named]), word if step.mine else f"You may not decide. {step.why_not}"]


def _people_named(workshop: Workshop, case: Mapping[str, Any]) -> dict[str, str]:
    """Who the manager, sponsor and owner are whom an approval may wait for, by name and key."""
    from jmltui.cache.people import person_by_key, persons

    with workshop.cache.read() as session:
        found = persons(session, [case["person_id"]]) if case["person_id"] else []
        keys = {word: getattr(found[0], word) for word in ("manager", "sponsor", "owner")} if found else {}
        others = {word: person_by_key(session, key) for word, key in keys.items() if key}
    return {word: f"{other.name} ({other.key})" for word, other in others.items() if other is not None}


def _everybody(context: Context) -> int:
    """Tell the differences as they are found, so that a large company needs no large memory."""
    from jmltui.lifecycle.everyone import Everyone, differences

    counts, first = Everyone(), True
    with opened(context) as workshop:
        if context.json:
            context.out.write('{"differences": [')
        for found in differences(workshop, counts):
            if context.json:
                context.out.write(
                    ("\n" if first else ",\n") + json.dumps(asdict(found), ensure_ascii=True, default=str)
                )
            else:
                _print_difference(found, context)
            first = False
    if context.json:
        context.out.write(f'\n], "summary": {json.dumps(vars(counts))}}}\n')
        return 0
    lines = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.lines.items()))
    context.say(
        f"{counts.people} people compared, {counts.leavers} of them gone, {counts.waiting} still to begin left out; "
        f"{counts.differing} differ{': ' + lines if lines else ''}."
    )
    return 0


def _print_difference(found: Difference, context: Context) -> None:
    case = f", case {found.case}" if found.case else ""
    context.say(clean(f"{found.name} ({found.key}) on {found.system}{case}", limit=1000))
    for line in found.lines:
        who = line.login or "nobody"
        text = f"  {line.kind.sign} {line.kind.value:<11} {line.target}  ({who}): {line.reason}"
        context.say(clean(text, limit=1000))


def _print(case: dict[str, Any], waits: Mapping[str, Sequence[str]], context: Context) -> None:
    def say(text: str) -> None:
        context.say(clean(text, limit=1000))

    say(f"Case {case['id']}: {case['kind']}, {case['state']}. {case['person_name']} ({case['person_key']})")
    say(f"Due {case['due']:%Y-%m-%d %H:%M} UTC, to be closed by {case['target_at']:%Y-%m-%d %H:%M} UTC.")
    if case["ticket"]:
        told = f": {case['ticket']['problem']}" if case["ticket"]["problem"] else ""
        say(f"Ticket {case['ticket']['reference']}, {case['ticket']['title']}{told}")
    if case["held_reason"]:
        say(f"Held: {case['held_reason']}.")
    say(f"Plan {case['plan_hash'][:16]}, policy {case['policy_hash'][:16]}")
    context.say("\nDifference")
    for line in case["diff"]:
        sign = DiffKind(line["kind"]).sign
        who = line["login"] or "nobody"
        say(f"  {sign} {line['kind']:<11} {line['system']}  {line['target']}  ({who}): {line['reason']}")
    context.say("\nChecklist")
    for step in case["steps"]:
        say(f"  {step['state']:<9} {step['key']:<10} {step['title']}{': ' + step['note'] if step['note'] else ''}")
        for sentence in waits.get(step["key"], ()):
            say(f"            {sentence}")
        for action in step["actions"]:
            told = f": {action['outcome']}" if action["outcome"] else ""
            what = f"{action['operation']} {action['login']} {action['target']} on {action['system']}"
            say(f"            {action['state']:<12} {what}{told}")
        for text in step["text"].splitlines():
            say(f"            | {text}")
    context.say("\nJournal")
    for entry in case["journal"]:
        say(f"  {entry['at']:%Y-%m-%d %H:%M:%S}  {entry['actor']}  {entry['summary']}")
