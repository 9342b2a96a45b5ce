"""Requests and exceptions in words: who asked for what until when, and whose approval they wait for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from jmltui.domain.text import was_altered

from . import approval_text, times
from .lines import Line, Span, line
from .text import cell, show, wrap
from .views import View

Request = Mapping[str, Any]

UNTIL: Final = 8
STATE: Final = 9

VIEW_LABELS: Final = {
    "waiting": "Waiting",
    "active": "Active",
    "emergency": "Emergency, to review",
    "mine": "Asked by me",
    "ended": "Ended",
}

STATE_STYLES: Final = {"asked": "info", "active": "good", "refused": "bad", "ended": "dim", "EMERGENCY": "bad"}


def views(counts: Mapping[str, int]) -> list[View]:
    """The views with their numbers."""
    return [(key, label, counts.get(key, 0)) for key, label in VIEW_LABELS.items()]


def state_word(request: Request) -> str:
    """The one word that says how it stands."""
    if request["break_glass"] and request["state"] == "active":
        return "EMERGENCY"
    return str(request["state"])


def who(request: Request) -> str:
    """The person it is for; a finding that is accepted may be nobody's."""
    if request["person_key"]:
        return f"{request['person_name']} ({request['person_key']})"
    return "a finding" if request["kind"] == "finding" else "somebody unknown"


def subject(request: Request) -> str:
    """What is asked for."""
    words = {"separation": "break rule ", "finding": "accept "}
    return f"{words.get(str(request['kind']), '')}{request['subject']}"


def ends(request: Request, now: datetime) -> str:
    """How soon it ends, or how long it would be."""
    if request["state"] in ("ended", "refused"):
        return times.stamp(request["ended_at"])[:6] if request["ended_at"] else ""
    if request["until"] is not None:
        return times.due(request["until"], now)
    return times.span(timedelta(seconds=int(request["seconds"]))) if request["seconds"] else "open end"


def waits(request: Request, now: datetime) -> str:
    """Whose word it waits for, or who gave it."""
    if request["state"] != "asked":
        return str(request["approved_by"]) or str(request["requested_by"])
    steps = request["waits"]
    return approval_text.short(steps[0], steps[0]["given"], now) if steps else "another person"


def _widths(width: int) -> tuple[int, int, int]:
    """Widths of person, subject, and whose word; the last is 0 where there is no room."""
    rest = width - 2 - (UNTIL + 1) - (STATE + 1)
    word = 18 if rest >= 56 else 0
    rest -= word + 1 if word else 0
    person = max(6, rest * 48 // 100)
    return person, max(4, rest - person - 1), word


def header(width: int) -> Sequence[Span]:
    """The heading of the columns."""
    person, what, word = _widths(width)
    parts = [cell("PERSON", person), cell("WHAT", what), cell("UNTIL", UNTIL), cell("STATE", STATE)]
    return [(" " + " ".join([*parts, *([cell("WHOSE WORD", word)] if word else [])]), "head")]


def row(request: Request, width: int, chosen: bool, now: datetime) -> Sequence[Span]:
    """One request as one row."""
    del chosen
    person, what, word = _widths(width)
    state = state_word(request)
    until = ends(request, now)
    return [
        (" " + " ".join([cell(who(request), person), cell(subject(request), what)]) + " ", ""),
        (cell(until, UNTIL) + " ", "bad" if until.startswith("late") else ""),
        (cell(state, STATE), STATE_STYLES.get(state, "")),
        (f" {cell(waits(request, now), word)}" if word else "", ""),
    ]


def preview(request: Request, now: datetime, width: int, rule: Callable[[str], Line]) -> list[Line]:
    """The pane below the list: who, why, whose word, until when, and what is still open."""
    department = f", {show(request['department'])}" if request["department"] else ""
    altered = any(was_altered(str(request[field] or "")) for field in ("person_name", "person_key", "subject"))
    mark = [("  altered: holds characters that are shown as signs", "warn")] if altered else []
    lines = [
        rule(f"Request {request['id']}"),
        line((show(who(request)), "head"), f"{department}: {show(subject(request))}", *mark),
    ]
    asked = f"Asked by {show(request['requested_by'])} {times.stamp(request['asked_at'])}: {request['reason']}"
    lines += [line(part) for part in wrap(asked, width)[:2]]
    lines += [line((part, "info")) for part in wrap(_standing(request, now), width)[:2]]
    if request["break_glass"]:
        reviewed = f"reviewed by {show(request['reviewed_by'])}" if request["reviewed_by"] else "NOT reviewed yet (b)"
        lines.append(line((f"EMERGENCY: taken without waiting for an approval; {reviewed}.", "bad")))
    return lines


def _standing(request: Request, now: datetime) -> str:
    case = f" Case {request['case_id']} ({show(request['case_state'])})." if request["case_id"] else ""
    outside = " No role lets the person ask for it." if request["outside_policy"] else ""
    if request["state"] == "asked":
        steps = request["waits"]
        told = approval_text.stage_text(steps[0], steps[0]["given"], now) if steps else "waits for another person"
        return f"{told[:1].upper()}{told[1:]}. It would last {_length(request, now)}.{case}{outside}"
    if request["state"] == "active":
        until = f"until {times.stamp(request['until'])} ({times.due(request['until'], now)})"
        agreed = f", approved by {show(request['approved_by'])}" if request["approved_by"] else ""
        return f"Active {until if request['until'] else 'until somebody ends it'}{agreed}.{case}{outside}"
    ended = f" {times.stamp(request['ended_at'])}" if request["ended_at"] else ""
    return f"{str(request['state']).capitalize()}{ended}.{case}"


def _length(request: Request, now: datetime) -> str:
    if request["until"] is not None:
        return f"until {times.stamp(request['until'])} ({times.due(request['until'], now)})"
    if request["seconds"]:
        return times.span(timedelta(seconds=int(request["seconds"])))
    return "until somebody ends it"


def _requestable_widths(width: int) -> tuple[int, int]:
    """Widths of the entitlement and of who agrees."""
    return max(12, (width - 24) * 40 // 100), 14 if width < 100 else 24


def requestable_lines(found: Sequence[Any], width: int) -> list[Line]:
    """What can be asked for, one line each; what cannot says why."""
    name, path = _requestable_widths(width)
    lines: list[Line] = []
    for each in found:
        longest = times.span(each.max_duration) if each.max_duration else "no end"
        told = f"{cell(each.tier, 10)} {cell(longest, 7)} {cell(each.approval_path or 'anybody else', path)}"
        why = "held already" if each.held else str(each.why_not)
        outside = "outside the policy" if each.outside_policy else ""
        head = (f" {cell(each.entitlement, name)} {told} ", "dim" if why else "")
        tail = (show(why), "warn") if why else (outside, "dim")
        lines.append(line(head, tail, key=str(each.entitlement)))
    return lines


def is_called(each: Any, words: Sequence[str]) -> bool:
    """Whether every word is a part of what an entitlement is called."""
    called = f"{each.entitlement} {each.system} {each.target} {each.tier}".casefold()
    return all(word in called for word in words)


def requestable_header(width: int) -> str:
    """The heading over it."""
    name, path = _requestable_widths(width)
    heads = [cell("ENTITLEMENT", name), cell("TIER", 10), cell("LONGEST", 7), cell("WHO AGREES", path)]
    return " " + " ".join([*heads, "BUT"])


def requestable_detail(each: Any, width: int) -> list[Line]:
    """What is known of one entitlement that could be asked for."""
    lines = [line((f"{show(each.target)} on {show(each.system)}", "head"), f"  {show(each.tier)}")]
    lines += [line(part) for part in wrap(_terms(each), width)[:2]]
    why = "Held already." if each.held else str(each.why_not)
    return lines + [line((part, "warn")) for part in wrap(why, width)[:2] if why]


def _terms(each: Any) -> str:
    path = f"Agreed to by the path {each.approval_path}" if each.approval_path else "Anybody else agrees"
    longest = f"ends by itself after {times.span(each.max_duration)}" if each.max_duration else "no end of its own"
    outside = " No role lets this person ask for it: it is an exception to the policy." if each.outside_policy else ""
    return f"{path}; {longest}.{outside}"


def asking(each: Any, name: str, key: str) -> list[str]:
    """What is being asked for, before the reason is typed."""
    return [f"{show(each.target)} on {show(each.system)} for {show(name)} ({show(key)}).", _terms(each)]


def emergency(each: Any, name: str, key: str) -> list[str]:
    """The warning before an emergency access."""
    return [
        f"TAKES {show(each.entitlement)} ({show(each.target)} on {show(each.system)}) FOR {show(name)} ({show(key)}) "
        "AT ONCE, WITHOUT AN APPROVAL.",
        "The policy says who may. It ends by itself, it stands in the journal with your name, others are told, and "
        "another person has to review it.",
    ]
