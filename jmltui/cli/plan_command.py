"""`jmltui plan`."""

from __future__ import annotations

import argparse
from typing import Any

from jmltui.domain.diff import DiffKind
from jmltui.domain.text import clean

from .context import Context
from .workshop import add_case, add_json, opened


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_case(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Show a case whole."""
    from jmltui.cache.reading import whole_case

    with opened(context) as workshop, workshop.cache.read() as session:
        case = whole_case(session, arguments.case)
    if context.json:
        context.print_json(case)
    else:
        _print(case, context)
    return 0


def _print(case: dict[str, Any], context: Context) -> None:
    def say(text: str) -> None:
        context.say(clean(text, limit=1000))

    say(f"Case {case['id']}: {case['kind']}, {case['state']}. {case['person_name']} ({case['person_key']})")
    say(f"Due {case['due']:%Y-%m-%d %H:%M} UTC, to be closed by {case['target_at']:%Y-%m-%d %H:%M} UTC.")
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
        for action in step["actions"]:
            told = f": {action['outcome']}" if action["outcome"] else ""
            what = f"{action['operation']} {action['login']} {action['target']} on {action['system']}"
            say(f"            {action['state']:<12} {what}{told}")
        for text in step["text"].splitlines():
            say(f"            | {text}")
    context.say("\nJournal")
    for entry in case["journal"]:
        say(f"  {entry['at']:%Y-%m-%d %H:%M:%S}  {entry['actor']}  {entry['summary']}")
