"""The queue in words: its columns at any width, and the preview of one case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from jmltui.domain.danger import Danger
from jmltui.domain.diff_kind import DiffKind

from . import times
from .glyphs import Glyphs
from .lines import Line, Span, line
from .text import cell, show

KIND: Final = 9
KEY: Final = 9
DUE: Final = 8
STATE: Final = 9
DONE: Final = 5
SMALLEST_STEP: Final = 24
"""Cells that person and next step must have between them; with fewer, the person has them all."""

STATE_STYLES: Final = {
    "held": "warn",
    "question": "warn",
    "look": "bad",
    "approve": "info",
    "working": "info",
    "late": "bad",
    "soon late": "warn",
    "done": "good",
}

EVENT_WORDS: Final = {
    "starts": "first day",
    "ends": "last day",
    "reason": "reason",
    "absent": "",
    "department": "department",
    "title": "title",
}


def state_word(case: Mapping[str, Any], now: datetime) -> str:
    """The one word that says what a case needs."""
    state = str(case["state"])
    if state in ("held", "question", "done", "cancelled"):
        return state
    if case["attention"]:
        return "look"
    if case["approvals"]:
        return "approve"
    if case["working"]:
        return "working"
    if times.over(case["next_due"], now) or times.over(case["target_at"], now):
        return "late"
    return "soon late" if times.over(case["soon_at"], now) else "open"


def done_width(width: int) -> int:
    """The progress is the first to go where there is no room."""
    return DONE if width >= 60 else 0


def fixed(width: int) -> tuple[int, int]:
    """Widths of kind and number: narrower where there is little room."""
    return (KIND, KEY) if width >= 60 else (KIND - 2, KEY - 3)


def widths(width: int) -> tuple[int, int, int, int]:
    """Widths of person, next step, department and owner; all but the first are 0 where there is no room."""
    kind, key = fixed(width)
    rest = width - 2 - (kind + 1) - (key + 1) - (DUE + 1) - (STATE + 1) - (done_width(width) + 1)
    if rest < SMALLEST_STEP:
        return max(6, rest), 0, 0, 0
    department = 16 if rest >= 62 else 0
    owner = 16 if rest >= 80 else 0
    rest -= (department + 1 if department else 0) + (owner + 1 if owner else 0)
    person = max(6, rest * 45 // 100)
    return person, max(4, rest - person - 1), department, owner


def header(width: int) -> Sequence[Span]:
    """The heading of the columns."""
    person, step, department, owner = widths(width)
    kind, key = fixed(width)
    parts = [cell("KIND", kind), cell("PERSON", person), cell("NUMBER", key)]
    parts += [cell("DEPARTMENT", department)] if department else []
    parts += [cell("NEXT STEP", step)] if step else []
    parts += [cell("DUE", DUE), cell("STATE", STATE), cell("DONE", done_width(width))]
    parts += [cell("WHO", owner)] if owner else []
    return [(" " + " ".join(parts), "head")]


def row(case: Mapping[str, Any], width: int, chosen: bool, now: datetime, glyphs: Glyphs) -> Sequence[Span]:
    """One case as one row."""
    person, step, department, owner = widths(width)
    state = state_word(case, now)
    late = case["state"] == "open" and times.over(case["next_due"], now)
    kind, key = fixed(width)
    parts = [cell(case["kind"], kind), cell(case["person_name"], person), cell(case["person_key"], key)]
    parts += [cell(case["department"], department)] if department else []
    parts += [cell(case["next_step"], step)] if step else []
    told = f"{case['steps_done']}/{case['steps_total']}"
    tail = f" {cell(told, done_width(width))}" + (
        f" {cell(case['claimed_by'] or case['owner'], owner)}" if owner else ""
    )
    return [
        (glyphs.chosen if chosen else " ", "key"),
        (" ".join(parts) + " ", ""),
        (cell(times.due(case["next_due"], now), DUE), "bad" if late else ""),
        (" ", ""),
        (cell(state, STATE), STATE_STYLES.get(state, "")),
        (tail, ""),
    ]


def event_text(event: Mapping[str, Any]) -> str:
    """What happened to the person, in words."""
    told = []
    for name, value in event.items():
        word = EVENT_WORDS.get(name, name)
        if isinstance(value, Mapping):
            told.append(f"{word} {value.get('before') or 'none'} > {value.get('after') or 'none'}")
        elif value not in (None, "", False):
            told.append(f"{word} {value}".strip())
    return ", ".join(told)


def step_glyph(state: str, glyphs: Glyphs) -> str:
    """One sign for a step's state; the word stands beside it wherever there is room."""
    return {
        "waiting": glyphs.waiting,
        "approval": glyphs.approval,
        "ready": glyphs.ready,
        "queued": glyphs.running,
        "running": glyphs.running,
        "attention": glyphs.attention,
        "done": glyphs.done,
        "skipped": glyphs.skipped,
        "refused": glyphs.refused,
    }.get(state, " ")


def counts_text(counts: Mapping[str, int]) -> str:
    """The diff in numbers, by sign and word."""
    told = [f"{kind.sign}{counts[kind.value]} {kind.value}" for kind in DiffKind if counts.get(kind.value)]
    return "  ".join(told) or "nothing to change"


def why(case: Mapping[str, Any]) -> str:
    """Why the case does not go on by itself, "" where it does."""
    if case["held_reason"]:
        return f"Held: {case['held_reason']}. Another person releases the batch (b)."
    if case["state"] == "question":
        return "The person is absent from the feed. Did they leave or stay? Open the case and answer (A)."
    return ""


def escalation(step: Mapping[str, Any]) -> str:
    """That a step went over to the fallback, and when; "" where it did not."""
    if not step["escalated_at"]:
        return ""
    return f" → {show(step['fallback_owner']) or 'nobody'} since {times.stamp(step['escalated_at'])}"


def preview(case: Mapping[str, Any], now: datetime, glyphs: Glyphs, rule: Callable[[str], Line]) -> list[Line]:
    """The pane below the queue: six lines about the case under the cursor."""
    name = f"{show(case['person_name'])} ({show(case['person_key'])})"
    danger = Danger(case["danger"]).word
    lines = [
        rule(f"Case {case['id']}"),
        line((name, "head"), f"  {show(case['kind'])}: {show(event_text(case['event']))}"),
        line(f"Changes: {counts_text(case['lines'])}   worst step: {danger}"),
    ]
    signs = [step_glyph(str(step["state"]), glyphs) for step in case["steps"]]
    following = next((step for step in case["steps"] if step["state"] not in ("done", "skipped")), None)
    owner = show(following["owner"]) + escalation(following) if following else ""
    told = f"{times.due(case['next_due'], now)}, {times.stamp(case['next_due'])}"
    lines.append(line(f"Steps: {''.join(signs)}  next: {show(case['next_step'])} by {owner}, {told}"))
    claimed = f"Taken by {show(case['claimed_by'])}. " if case["claimed_by"] else "Nobody has taken it. "
    looked = [step for step in case["steps"] if step["state"] in ("attention", "approval", "refused")]
    reason = why(case)
    if not reason and looked:
        step = looked[0]
        what = {"attention": "has to be looked at", "approval": "waits for an approval", "refused": "was refused"}
        reason = f"“{show(step['title'])}” {what[str(step['state'])]}. {show(step['note'])}"
    lines.append(line((claimed + show(reason, limit=500), "warn" if reason else "dim")))
    return lines
