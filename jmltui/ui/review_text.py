"""Access reviews in words: campaigns with their progress, and items with what is needed to answer each in one key."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from jmltui.domain.text import was_altered

from . import times
from .finding_text import age
from .lines import Line, Span, heading, line
from .text import cell, show, wrap
from .views import View

Campaign = Mapping[str, Any]
Item = Mapping[str, Any]

BAR: Final = 20
SYSTEM: Final = 11
PEERS: Final = 8
TIER: Final = 10
ANSWER: Final = 9

VIEW_LABELS: Final = {
    "mine": "Mine",
    "unanswered": "Unanswered",
    "unsure": "Unsure",
    "revoked": "Revoke",
    "answered": "Answered",
    "all": "All",
}

ANSWER_STYLES: Final = {"keep": "good", "revoke": "remove", "unsure": "warn"}

NO_ANSWER: Final = {
    "keep": "is kept",
    "revoke": "is taken away",
    "revoke_elevated": "is taken away where it is elevated or just-in-time, and kept where it is birthright",
    "disable": "has its account disabled",
    "escalate": "goes to the fallback reviewer",
    "unsure": "is unsure: nothing is taken away, and it is a finding",
}
"""What becomes of an item that nobody answered, as the policy writes it and in words."""


def progress(done: int, total: int, width: int = BAR) -> str:
    """A bar of text, as `[######----]`."""
    filled = width * done // total if total else width
    return f"[{'#' * filled}{'-' * (width - filled)}]"


def campaign_lines(campaigns: Sequence[Campaign], now: datetime, width: int) -> list[Line]:
    """One line per campaign below a heading."""
    bar = BAR if width >= 76 else 8
    rule = max(8, width - 4 - bar - 2 - 10 - 9 - 9 - 6 - 2)
    heads = [cell("ID", 4), cell("REVIEW", rule), cell("PROGRESS", bar + 2), cell("", 10), cell("DUE", 9)]
    lines = [heading(" ".join([*heads, cell("MINE", 6), "STATE"]))]
    for each in campaigns:
        is_open = each["state"] == "open"
        due = times.due(each["due_at"], now) if is_open else times.stamp(each["closed_at"])[:6]
        told = f"{each['answered']:,}/{each['items']:,}"
        lines.append(
            line(
                f"{cell(each['id'], 4)} {cell(each['rule'], rule)} ",
                (progress(int(each["answered"]), int(each["items"]), bar), "good" if is_open else "dim"),
                f" {cell(told, 10)} ",
                (f"{cell(due, 9)} ", "bad" if due.startswith("late") else ""),
                (f"{cell(each['mine'] or '', 6)} ", "info" if each["mine"] else ""),
                (show(each["state"]), "" if is_open else "dim"),
                key=str(each["id"]),
            )
        )
    return lines


def campaign_detail(campaign: Campaign, decisions: Mapping[str, int], now: datetime, width: int) -> list[Line]:
    """Who answers what until when, and what becomes of the rest."""
    told = [f"{decisions.get(word, 0):,} {word or 'unanswered'}" for word in ("keep", "revoke", "unsure", "")]
    reviewer = f"Reviewer {show(campaign['reviewer'])}, else {show(campaign['fallback']) or 'nobody'}."
    opened = f"Opened {times.stamp(campaign['opened_at'])} by {show(campaign['opened_by'])}."
    lines = [line(part) for part in wrap(f"{show(campaign['scope'])}: {reviewer} {opened}", width)]
    lines.append(line("Answers: " + ", ".join(told)))
    if campaign["state"] == "open":
        due = f"Due {times.stamp(campaign['due_at'])} ({times.due(campaign['due_at'], now)}). "
        lines += [line(part) for part in wrap(due + no_answer(campaign), width)]
    else:
        lines.append(line(f"Closed {times.stamp(campaign['closed_at'])}."))
    return lines


def no_answer(campaign: Campaign) -> str:
    """What becomes of an item that nobody answers."""
    word = str(campaign["on_no_answer"])
    return f"What nobody answers {NO_ANSWER.get(word, show(word))}."


def closing(campaign: Campaign, decisions: Mapping[str, int], now: datetime) -> list[str]:
    """What closing does, said before it is done."""
    left, unsure, revoke = (decisions.get(word, 0) for word in ("", "unsure", "revoke"))
    text = [
        f"Closes the review “{show(campaign['rule'])}”: {campaign['answered']} of {campaign['items']} are answered."
    ]
    early = not times.over(campaign["due_at"], now)
    if left and early:
        text.append(f"Its reviewers still have time until {times.stamp(campaign['due_at'])}.")
        text.append(f"{left} unanswered: they are unsure then, and nothing is taken away there.")
    elif left:
        text.append(f"{left} unanswered. {no_answer(campaign)}")
    if unsure:
        text.append(f"{unsure} unsure: nothing is taken away there.")
    text.append(f"{revoke} to be taken away by its reviewers: one case for each person, which nobody has run yet.")
    return text


def rule_text(rule: Any) -> str:
    """A rule of the policy by which a review can be opened."""
    every, within = times.span(rule.every), times.span(rule.answer_within)
    return f"{show(rule.id)}: {show(rule.scope)}, every {every}, {show(rule.reviewer)} has {within}"


def closed(report: Any) -> str:
    """What closing came to."""
    if report.escalated:
        return f"The fallback reviewers are asked about {report.escalated:,} items now; the review stays open."
    told = f"Closed: {report.kept:,} kept, {report.revoked:,} taken away in {len(report.cases):,} cases"
    told += f", {report.unsure:,} unsure" if report.unsure else ""
    told += f", {report.by_default:,} of it because nobody answered" if report.by_default else ""
    held = f" A guard holds {report.held:,} of the cases: another person releases batch {report.batch} (queue, b)."
    return f"{told}.{held if report.held else ''}"


def views(counts: Mapping[str, int] | None = None) -> list[View]:
    """The views of the items."""
    return [(key, label, None if counts is None else counts.get(key)) for key, label in VIEW_LABELS.items()]


def _widths(width: int) -> tuple[int, int, int, int]:
    """Widths of person, system, target, tier; where there is no room, tier and system go first."""
    rest = width - 2 - (PEERS + 1) - ANSWER - 1
    tier = TIER if rest >= 70 else 0
    rest -= tier + 1 if tier else 0
    system = SYSTEM if rest >= 44 else 0
    rest -= system + 1 if system else 0
    person = max(6, rest * 48 // 100)
    return person, system, max(4, rest - person - 1), tier


def item_header(width: int) -> Sequence[Span]:
    """The heading of the columns."""
    person, system, target, tier = _widths(width)
    parts = [cell("PERSON", person)]
    parts += [cell("SYSTEM", system)] if system else []
    parts += [cell("HOLDS", target)]
    parts += [cell("TIER", tier)] if tier else []
    return [(" " + " ".join([*parts, cell("PEERS", PEERS), cell("ANSWER", ANSWER)]), "head")]


def item_row(item: Item, width: int, chosen: bool, mine: bool, sign: str) -> Sequence[Span]:
    """One item as one row; the sign marks what whoever looks has to answer."""
    del chosen
    person, system, target, tier = _widths(width)
    parts = [cell(f"{item['person_name']} ({item['person_key']})" if item["person_key"] else item["login"], person)]
    parts += [cell(item["system"], system)] if system else []
    parts += [cell(("! " if item["privileged"] else "") + str(item["target"]), target)]
    parts += [cell(item["tier"], tier)] if tier else []
    peers = f"{item['peers_hold']}/{item['peers']}" if item["peers"] else ""
    answer = str(item["decision"]) + ("*" if item["by_default"] else "")
    return [
        (sign if mine else " ", "key"),
        (" ".join([*parts, cell(peers, PEERS)]) + " ", ""),
        (cell(answer, ANSWER), ANSWER_STYLES.get(str(item["decision"]), "")),
    ]


def item_preview(item: Item, now: datetime, width: int, rule: Callable[[str], Line], note: str) -> list[Line]:
    """What is needed to answer: who, what, why, last use, peers, risk, and the answer that was given."""
    altered = any(was_altered(str(item[field])) for field in ("person_name", "person_key", "login", "target"))
    name = f"{show(item['person_name'])} ({show(item['person_key'])})" if item["person_key"] else "Nobody's account"
    department = f", {show(item['department'])}" if item["department"] else ""
    lines = [
        rule(f"Item {item['seq']}, reviewer {show(item['reviewer'])}"),
        line((name, "head"), department, ("  altered: characters shown as signs", "warn") if altered else ""),
    ]
    risk = [word for word in ("privileged" if item["privileged"] else "", show(item["tier"])) if word]
    holds = (f"{show(item['system'])}: {show(item['target'])}", "head")
    lines.append(line(holds, f" by login {show(item['login'])}  ", (", ".join(risk), "warn" if len(risk) > 1 else "")))
    why = f"role {item['role']}: {item['why']}" if item["role"] and item["role"] not in item["why"] else item["why"]
    lines += [line(part) for part in wrap(f"Why: {why or 'nothing in the policy explains it'}", width)[:2]]
    lines += [line(part) for part in wrap(f"{used(item, now)} {peers(item)}", width)[:2]]
    lines.append(answered(item, note))
    return lines


def used(item: Item, now: datetime) -> str:
    """When it was last used."""
    if item["last_used"] is None:
        return "Last used: the system does not say."
    return f"Last used {times.stamp(item['last_used'])}, {age(item['last_used'], now)} ago."


def peers(item: Item) -> str:
    """How many of the person's peers hold it too."""
    if not item["peers"]:
        return "Nobody to compare with."
    of = f" ({show(item['peers_of'])})" if item["peers_of"] else ""
    return f"{item['peers_hold']} of {item['peers']} peers{of} hold it."


def answered(item: Item, note: str) -> Line:
    """The answer and its note, or the keys that give one."""
    said = f", note: {show(item['note'])}" if item["note"] else ""
    unsent = f" Your note goes with it: {show(note)}" if note else ""
    if not item["decision"]:
        return line(("Not answered. k keep, r revoke, u unsure.", "dim"), (unsent, "info"))
    by = "by the rule, as nobody answered" if item["by_default"] else f"by {show(item['decided_by'])}"
    style = ANSWER_STYLES.get(str(item["decision"]), "")
    case = f", case {item['case_id']}" if item["case_id"] else ""
    text = f"Answer: {show(item['decision'])} {by} {times.stamp(item['decided_at'])}{case}{said}"
    return line((text, style), (unsent, "info"))
