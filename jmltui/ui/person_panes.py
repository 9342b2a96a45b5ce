"""What the panes of a person show: access with why, explanations, history, exceptions, what is owned, findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from . import finding_text, person_text, times
from .lines import Line, heading, line
from .text import cell, show, wrap

Record = Mapping[str, Any]

WHY_STYLES: Final = {
    "role": "dim",
    "exception": "info",
    "unexplained": "warn",
    "no longer due": "remove",
    "cannot tell": "warn",
    "not confirmed": "warn",
}

ROLES: Final = {"leads": "leads    ", "states": "states   ", "completes": "completes"}

ATTRIBUTE: Final = 13
SOURCE: Final = 26

EXCEPTION_STYLES: Final = {"asked": "info", "active": "good", "refused": "bad", "ended": "dim"}


def access(person: Record, view: Any | None, width: int) -> list[Line]:
    """Accounts and what each holds, each with why; then what is due and not held. Without a view, without why."""
    why = {(each.system, each.account_id, each.target): each for each in view.held} if view is not None else {}
    lines = _problems(view, width)
    lines.append(heading(f"Accounts: {len(person['accounts'])}"))
    if view is None:
        lines.append(line(("The policy is being asked why ...", "dim")))
    for account in person["accounts"]:
        seen = f", last seen {times.stamp(account['last_seen'])}" if account["last_seen"] else ""
        told = "" if account["link"] == "confirmed" else f", link only {show(account['link'])}"
        style = "" if account["state"] == "active" else "warn"
        head = (f"{show(account['system'])}: {show(account['login'])}", "head")
        place = (str(account["system"]), str(account["account_id"]))
        lines.append(line(head, (f"  {show(account['state'])}{told}{seen}", style)))
        lines += _held_lines("account", why.get((*place, "account")), {}, width, str(account["id"]))
        for held in account["holds"]:
            row = f"{account['id']} {held['target']}"
            lines += _held_lines(str(held["target"]), why.get((*place, str(held["target"]))), held, width, row)
    if view is not None and view.missing:
        lines += [line(""), heading("Due and not held")]
        for each in view.missing:
            lines += _held_lines(f"{each.system}: {each.target}", each, {}, width, "missing")
    return lines


def _problems(view: Any | None, width: int) -> list[Line]:
    if view is None:
        return []
    found = [line((part, "warn")) for each in view.problems for part in wrap(each, width)]
    if view.ends is not None:
        found.append(line((f"Everything ends {times.stamp(view.ends)} unless the source says otherwise.", "warn")))
    return found


def _held_lines(target: str, why: Any | None, held: Record, width: int, row: str) -> list[Line]:
    """One thing that is held: what, by which reason, and how long still."""
    room = max(14, (width - 20) * 40 // 100)
    marks = [word for word in ("privileged" if held.get("privileged") else "", _via(held)) if word]
    key = f"held {row}" if why is None or not why.entitlement else f"due {why.entitlement} {row}"
    if why is None:
        return [line(f"  {cell(target, room)} ", (", ".join(marks), "warn" if marks else "dim"), key=key)]
    until = f" until {times.stamp(why.until)}" if why.until else ""
    sentence = show(why.sentence.removeprefix(f"{why.why} "), 400)
    style = WHY_STYLES.get(str(why.why), "")
    told = ", ".join([*marks, f"{sentence}{until}"])
    head = (f"  {cell(target, room)} ", "")
    return [line(head, (cell(why.why, 13) + " ", style), (told, "warn" if marks else "dim"), key=key)]


def _via(held: Record) -> str:
    return "" if not held or held["direct"] else f"through {show(held['via'])}"


def sources(found: Any, width: int) -> list[Line]:
    """Every source's row, then each attribute with the source whose word counts; what they differ on comes first."""
    lines = [heading(f"Sources: {len(found.statements)}")]
    for each in found.statements:
        told, style = f"{ROLES[each.role]}  {show(each.row) or 'no row'}", ""
        if each.missing:
            feeds = "feed" if each.missing == 1 else f"{each.missing} feeds"
            told, style = f"not in its last {feeds}: what it said counts no more", "warn"
        lines.append(line(f"  {cell(each.source, SOURCE)} ", (told, style)))
    disputed = found.disputed
    title = f"They differ on {len(disputed)}: the first value counts" if disputed else "They do not differ"
    lines += [line(""), heading(title)]
    for each in (*disputed, *(said for said in found.said if not said.others)):
        word = show(each.value, 400) or "nothing"
        rows = [(word, each.source, each.also, ""), *((said, source, (), "dim") for source, said in each.others)]
        for number, (value, source, also, style) in enumerate(rows):
            name = "" if number else person_text.attribute_word(each.attribute)
            sign = "!" if each.others and not number else " "
            lines += _said_lines(f"{sign} {cell(name, ATTRIBUTE)} ", value, (source, *also), style, width)
    return lines


def _said_lines(head: str, value: str, who: Sequence[str], style: str, width: int) -> list[Line]:
    """One value and who says it, wrapped below itself."""
    room = max(10, width - len(head) - SOURCE - 1)
    said = ", ".join(show(each, 40) for each in who)
    parts = wrap(value, room)
    first = line(head, (f"{cell(parts[0], room)} ", style), (said, style))
    return [first, *(line(" " * len(head), (part, style)) for part in parts[1:])]


def explanation(told: Sequence[Any], about: str, width: int) -> list[Line]:
    """The tree: a sign, a sentence, and the place of the rule."""
    lines = [heading(f"Why {show(about) or 'everything'} is due or is not")]
    styles = {"+": "good", "-": "remove", "?": "warn"}
    for each in told:
        before = "  " * min(each.depth, 6)
        place = f"  {show(each.place)}" if each.place else ""
        room = width - len(before) - 2
        parts = wrap(each.text, room)
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            fits = last and len(part) + len(place) <= room
            sign = (f"{each.sign} ", styles.get(each.sign, "")) if number == 0 else ("  ", "")
            lines.append(line(before, sign, part, (place if fits else "", "dim")))
            if last and place and not fits:
                lines.append(line(f"{before}  ", (place.strip(), "dim")))
    return lines


def history(cases: Sequence[Record], entries: Sequence[Record], width: int) -> list[Line]:
    """Cases, then the journal, newest first."""
    lines = [heading(f"Cases: {len(cases)}")]
    for case in cases:
        closed = f", closed {times.stamp(case['closed_at'])}" if case["closed_at"] else ""
        told = f"  case {case['id']}  {show(case['kind'])}, {show(case['state'])}, opened "
        lines.append(line(f"{told}{times.stamp(case['opened_at'])}{closed}", key=f"case {case['id']}"))
    lines += [line(""), heading("Journal, newest first")]
    for entry in entries:
        stamp = times.stamp(entry["at"])
        parts = wrap(f"{entry['actor']}: {entry['summary']}", width - len(stamp) - 4)
        key = f"case {entry['case_id']} {entry['id']}" if entry["case_id"] else ""
        lines.append(line("  ", (stamp, "dim"), f"  {parts[0]}", key=key))
        lines += [line(" " * (len(stamp) + 4) + part) for part in parts[1:]]
    if not entries:
        lines.append(line(("  none", "dim")))
    return lines


def exceptions(found: Sequence[Record], now: datetime, width: int) -> list[Line]:
    """Every exception with its end and state."""
    lines = [heading(f"Exceptions: {len(found)}")]
    for each in found:
        state = str(each["state"])
        until = f"until {times.stamp(each['until'])}" if each["until"] else "until somebody ends it"
        soon = f" ({times.due(each['until'], now)})" if each["until"] and state == "active" else ""
        marks = " EMERGENCY" if each["break_glass"] else ""
        lines.append(
            line(
                f"  {cell(each['id'], 5)} {cell(each['kind'], 10)} {cell(each['subject'], max(12, width - 62))} ",
                (cell(state, 8) + " ", EXCEPTION_STYLES.get(state, "")),
                f"{until}{soon}",
                (marks, "bad"),
                key=f"exception {each['id']}",
            )
        )
        by = f"asked by {each['requested_by']}"
        by += f", approved by {each['approved_by']}" if each["approved_by"] else ""
        lines += [line((" " * 8 + part, "dim")) for part in wrap(f"{by}: {each['reason']}", width - 10)[:2]]
    if not found:
        lines.append(line(("  none", "dim")))
    return lines


def owned(found: Sequence[Record]) -> list[Line]:
    """Service and shared accounts that this person answers for."""
    lines = [heading(f"Owns: {len(found)} service and shared accounts")]
    for each in found:
        decided = f", decided by {show(each['decided_by'])}" if each["decided_by"] else ""
        gone = "" if each["present"] else ", not in the last feed"
        who = f"  {cell(each['name'], 30)} {cell(each['key'], 12)} "
        lines.append(line(who, f"{show(each['type'])}{decided}{gone}", key=f"person {each['id']}"))
        for account in each["accounts"]:
            seen = f", last seen {times.stamp(account['last_seen'])}" if account["last_seen"] else ""
            told = f"{show(account['system'])}: {show(account['login'])}, {show(account['state'])}{seen}"
            lines.append(line("      ", (told, "dim")))
    if not found:
        lines.append(line(("  none", "dim")))
    return lines


def findings(found: Sequence[Record], now: datetime, width: int) -> list[Line]:
    """What was found about this person."""
    lines = [heading(f"Findings: {len(found)}")]
    for each in found:
        state = f"case {each['case_id']}" if each["state"] == "case" else str(each["state"])
        style = finding_text.DANGER_STYLES[min(int(each["danger"]), 3)]
        told = f"{cell(finding_text.age(each['first_seen'], now), 5)} {cell(state, 10)}"
        head = (f"  {cell(finding_text.marked(each), 16)} ", style)
        parts = wrap(each["detail"], width - 37)
        lines.append(line(head, told, f" {parts[0]}", key=f"finding {each['id']}"))
        lines += [line(" " * 36 + part) for part in parts[1:3]]
    if not found:
        lines.append(line(("  none", "dim")))
    return lines
