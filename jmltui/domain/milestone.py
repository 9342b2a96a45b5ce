"""What a ticket is told of a case: which milestones a case has come to, and the words for each.

Every milestone has a mark that names it for good, so that it is told once however often a case is looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from .case import ActionState, CaseState, StepState
from .text import clean

MOST_LINES: Final = 40
"""Of one list in a comment; the rest is counted."""
WORD: Final = 200
SENTENCE: Final = 400


class Milestone(StrEnum):
    """What a comment tells, in the order in which they are told."""

    BOUND = "bound"
    REOPENED = "reopened"
    OPENED = "opened"
    DECIDED = "decided"
    ASKED = "approval asked"
    ATTENTION = "needs a person"
    CANCELLED = "cancelled"
    DONE = "done"


class Standing(StrEnum):
    """Where a ticket is moved to; the settings of its system say which status that is."""

    IN_PROGRESS = "in progress"
    DONE = "done"


MOVES: Final = {
    Milestone.BOUND: Standing.IN_PROGRESS,
    Milestone.OPENED: Standing.IN_PROGRESS,
    Milestone.REOPENED: Standing.IN_PROGRESS,
    Milestone.DONE: Standing.DONE,
}
"""Where the ticket goes after a comment. A case that ends undone leaves that to a person."""


ENDS: Final = (Milestone.DONE, Milestone.CANCELLED)
"""What the first comment does not tell."""


@dataclass(frozen=True, slots=True)
class Call:
    """One action of a step. `runs` counts how often anything was done about it."""

    system: str
    operation: str
    target: str
    login: str
    state: ActionState
    outcome: str = ""
    runs: int = 0

    def __str__(self) -> str:
        target = "" if self.target in ("", "account") else f" {clean(self.target, WORD)}"
        who = clean(self.login, WORD) or "the new account"
        return f"{self.operation} {who}{target} on {clean(self.system, WORD)}"


@dataclass(frozen=True, slots=True)
class Line:
    """One step of the checklist. `asked` names one asking of its approval, `asks` says whom it waits for."""

    id: int
    title: str
    state: StepState
    owner: str = ""
    done_by: str = ""
    done_at: datetime | None = None
    note: str = ""
    asked: str = ""
    asks: str = ""
    calls: Sequence[Call] = ()

    @property
    def name(self) -> str:
        """The title in quotes, safe to write."""
        return f"“{clean(self.title, WORD)}”"


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision about a step; `mark` names it."""

    mark: str
    step: int
    approver: str
    agreed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """A case as far as it has come. `why` says why it ended, where it was cancelled."""

    id: int
    kind: str
    state: CaseState
    name: str
    key: str
    due: datetime
    target_at: datetime
    closed_at: datetime | None
    steps: Sequence[Line]
    decided: Sequence[Decided] = ()
    held: str = ""
    why: str = ""

    @property
    def title(self) -> str:
        """Which case, of whom."""
        return f"Case {self.id}: {self.kind} of {clean(self.name, WORD)} ({clean(self.key, WORD)})"


@dataclass(frozen=True, slots=True)
class Message:
    """What a ticket is told; `marks` are the milestones in it."""

    milestone: Milestone
    text: str
    marks: tuple[str, ...]


def key_of(binding: Iterable[object], marks: Iterable[str]) -> str:
    """The key of a comment, the same whenever it is made of the same milestones of the same binding.

    `binding` tells this binding from every other one, of other installations too.
    """
    told = "\n".join([*map(str, binding), *marks])
    return f"jmltui-{hashlib.sha256(told.encode()).hexdigest()[:20]}"


def first(case: Progress) -> Message:
    """The comment with which a ticket is bound: how the case stands. What it tells is not told again."""
    lines = [
        f"{case.title} is worked on in jmltui, bound to this ticket.",
        f"Due {_stamp(case.due)}, to be closed by {_stamp(case.target_at)}.",
    ]
    if case.state is CaseState.QUESTION:
        lines.append("A person has to say first whether the person left or stays.")
    if case.state is CaseState.HELD:
        lines.append(f"A guard holds it: {clean(case.held, SENTENCE)}.")
    lines += _section("Steps:", (f"{line.name}: {line.state.value}{_whose(line)}" for line in case.steps))
    known = _found(case)
    covered = [mark for kind, marks in known.items() if kind not in ENDS for mark in marks]
    return Message(Milestone.BOUND, "\n".join(lines), ("bound", *covered))


def news(case: Progress, told: frozenset[str]) -> list[Message]:
    """What has to be told and was not, one message per kind of milestone."""
    found = {kind: [mark for mark in marks if mark not in told] for kind, marks in _found(case).items()}
    if case.state is CaseState.OPEN and (ended := _last_end(told)) and f"reopened:{ended}" not in told:
        found = {Milestone.REOPENED: [f"reopened:{ended}"], **found}
    made = [(kind, tuple(found[kind])) for kind in Milestone if found.get(kind)]
    return [Message(kind, _TEXTS[kind](case, frozenset(marks)), marks) for kind, marks in made]


def _found(case: Progress) -> dict[Milestone, list[str]]:
    """Every milestone that the case stands at now, or has left behind where that stays known."""
    closed = f"{case.state.value}:{case.closed_at.timestamp() if case.closed_at else 0}"
    return {
        Milestone.OPENED: ["opened"] if case.state is CaseState.OPEN else [],
        Milestone.DECIDED: [each.mark for each in case.decided],
        Milestone.ASKED: [line.asked for line in case.steps if line.state is StepState.APPROVAL],
        Milestone.ATTENTION: [_trouble(line) for line in case.steps if line.state is StepState.ATTENTION],
        Milestone.CANCELLED: [closed] if case.state is CaseState.CANCELLED else [],
        Milestone.DONE: [closed] if case.state is CaseState.DONE else [],
    }


def _trouble(line: Line) -> str:
    """Names one trouble of a step; another try that ends in trouble is another one."""
    return f"trouble:{line.id}:{sum(call.runs for call in line.calls)}"


def _last_end(told: frozenset[str]) -> str:
    return max((mark for mark in told if mark.startswith(f"{CaseState.DONE.value}:")), default="")


def _opened(case: Progress, marks: frozenset[str]) -> str:
    return f"{case.title} is open now; it is due {_stamp(case.due)}."


def _reopened(case: Progress, marks: frozenset[str]) -> str:
    left = [line.name for line in case.steps if not line.state.is_settled]
    return "\n".join([f"{case.title} is open again.", *_section("To be done:", left)])


def _decided(case: Progress, marks: frozenset[str]) -> str:
    names = {line.id: line.name for line in case.steps}
    found = [each for each in case.decided if each.mark in marks]
    lines = []
    for each in found:
        why = f": {clean(each.reason, SENTENCE)}" if each.reason else ""
        word = "approved" if each.agreed else "refused"
        lines.append(f"{names.get(each.step, 'a step')}: {word} by {clean(each.approver, WORD)}{why}")
    word = "An approval was given" if all(each.agreed for each in found) else "An approval was refused"
    return "\n".join([f"{case.title}. {word}.", *_section("", lines)])


def _asked(case: Progress, marks: frozenset[str]) -> str:
    lines = [f"{line.name}: {clean(line.asks, SENTENCE)}" for line in case.steps if line.asked in marks]
    return "\n".join([f"{case.title}. An approval is asked for.", *_section("", lines)])


def _attention(case: Progress, marks: frozenset[str]) -> str:
    lines = []
    for line in case.steps:
        if line.state is StepState.ATTENTION and _trouble(line) in marks:
            lines.append(f"{line.name}{_whose(line)}")
            lines += [f"  {call}: {_told(call)}" for call in line.calls if call.state.needs_person]
    return "\n".join([f"{case.title}. Something needs a person.", *_section("", lines)])


def _cancelled(case: Progress, marks: frozenset[str]) -> str:
    why = f": {clean(case.why, SENTENCE)}" if case.why else ""
    open_steps = [line.name for line in case.steps if not line.state.is_settled]
    return "\n".join([f"{case.title} ended before it was done{why}.", *_section("Not done:", open_steps)])


def _closed(case: Progress, marks: frozenset[str]) -> str:
    """The closing summary: what was proved, what was stated by whom, what was left out, what is left."""
    proved, stated, left_out, rest = [], [], [], []
    for line in case.steps:
        calls = list(line.calls)
        proved += [f"{line.name}: {call} ({_told(call)})" for call in calls if call.state is ActionState.CONFIRMED]
        stated += [f"{line.name}: {call}: {_told(call)}" for call in calls if call.state is ActionState.ATTESTED]
        by = f"{clean(line.done_by, WORD)}{f', {_stamp(line.done_at)}' if line.done_at else ''}"
        if line.state is StepState.SKIPPED:
            left_out.append(f"{line.name}, by {by}: {clean(line.note, SENTENCE)}")
            continue
        left_out += [f"{line.name}: {call}: {_told(call)}" for call in calls if call.state is ActionState.SKIPPED]
        rest += [f"{line.name}: {call}: {_told(call)}" for call in calls if not call.state.is_settled]
        if not calls and line.state is StepState.DONE and line.done_by not in ("", "jmltui"):
            stated.append(f"{line.name}, by {by}: {clean(line.note, SENTENCE)}")
    lines = [f"{case.title} is closed: every step is proved or stated by a person."]
    lines += _section("Proved by reading back:", proved)
    lines += _section("Stated by a person:", stated)
    lines += _section("Left out:", left_out)
    lines += _section("Left:", rest) or ["", "Left: nothing."]
    return "\n".join(lines)


_TEXTS: Final[dict[Milestone, Callable[[Progress, frozenset[str]], str]]] = {
    Milestone.REOPENED: _reopened,
    Milestone.OPENED: _opened,
    Milestone.DECIDED: _decided,
    Milestone.ASKED: _asked,
    Milestone.ATTENTION: _attention,
    Milestone.CANCELLED: _cancelled,
    Milestone.DONE: _closed,
}


def _section(head: str, lines: Iterable[str]) -> list[str]:
    found = list(lines)
    if not found:
        return []
    shown = [line if line.startswith("  ") else f"- {line}" for line in found[:MOST_LINES]]
    more = [f"- and {len(found) - MOST_LINES} more, which the case in jmltui has"] if len(found) > MOST_LINES else []
    return [*(["", head] if head else []), *shown, *more]


def _whose(line: Line) -> str:
    return f", with {clean(line.owner, WORD)}" if line.owner and not line.state.is_settled else ""


def _told(call: Call) -> str:
    return clean(call.outcome, SENTENCE).rstrip(".") or call.state.value


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
