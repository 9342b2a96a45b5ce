"""Findings in words: the columns of their list, and one finding with everything that was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from jmltui.domain.danger import Danger
from jmltui.domain.finding import FindingKind
from jmltui.domain.text import was_altered
from jmltui.lifecycle.board import instant

from . import times
from .lines import Line, Span, heading, line
from .text import cell, show, wrap
from .views import View

Finding = Mapping[str, Any]

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00")

KIND: Final = 15
SYSTEM: Final = 12
SINCE: Final = 5
STATE: Final = 9
SMALLEST_WHO: Final = 12

SIDES: Final = ("left", "right")

DULL: Final = frozenset({"proposals", *SIDES, "login", "account_id", "link", "kind", "pairs", "place", "blocks"})
"""Facts that the preview leaves out: they stand elsewhere, or only in the finding whole."""

LINK_TITLE: Final = "Whose is it?"

STATE_STYLES: Final = {"waits": "info", "case": "info", "accepted": "dim"}
DANGER_STYLES: Final = ("", "", "warn", "bad")

NAMED: Final = (
    ("person_key", "person"),
    ("system", "system"),
    ("login", "login"),
    ("account_id", "account"),
    ("target", "holds"),
    ("rule", "rule"),
)

VIEW_LABELS: Final = {"open": "Open", "waiting": "To approve", "case": "In cases", "excepted": "Accepted"}


def views(counts: Mapping[str, int]) -> list[View]:
    """All open ones, one view for each kind that has any, then what is being dealt with."""
    kinds = [kind for kind in counts if kind not in VIEW_LABELS]
    found: list[View] = [("open", VIEW_LABELS["open"], counts.get("open", 0))]
    found += [(kind, kind_word(kind), counts[kind]) for kind in kinds]
    return found + [(view, VIEW_LABELS[view], counts.get(view, 0)) for view in ("waiting", "case", "excepted")]


def kind_word(kind: object) -> str:
    """A kind as a word of the screen."""
    text = show(kind, 30).replace("-", " ").replace("_", " ")
    return text[:1].upper() + text[1:]


def marked(finding: Finding) -> str:
    """The kind, with a sign before it where the finding is dangerous."""
    return f"{'!' if int(finding['danger']) >= Danger.DANGEROUS else ' '} {kind_word(finding['kind'])}"


def state_word(finding: Finding) -> str:
    """The one word that says what becomes of a finding."""
    if finding["state"] == "case":
        return f"case {finding['case_id']}"
    if finding["state"] == "excepted":
        return "accepted"
    return "waits" if finding["waits"] else str(finding["state"])


def what(finding: Finding) -> str:
    """Who or what it is about: the person, else the account, with what it holds."""
    who = f"{finding['person_name']} ({finding['person_key']})" if finding["person_key"] else finding["login"]
    if finding["person_key"] and finding["login"]:
        who += f", {finding['login']}"
    told = [str(each) for each in (who or finding["account_id"], finding["target"]) if each]
    return ": ".join(told) or str(finding["rule"])


def _widths(width: int) -> tuple[int, int, int, int]:
    """Widths of kind, who or what, system, since; where there is no room, system and since go first."""
    rest = width - 2 - (KIND + 1) - (STATE + 1)
    since = SINCE if rest - SINCE - 1 >= SMALLEST_WHO else 0
    rest -= since + 1 if since else 0
    system = SYSTEM if rest - SYSTEM - 1 >= SMALLEST_WHO * 2 else 0
    rest -= system + 1 if system else 0
    return KIND, max(6, rest), system, since


def header(width: int) -> Sequence[Span]:
    """The heading of the columns."""
    kind, who, system, since = _widths(width)
    parts = [cell("  KIND", kind), cell("WHO OR WHAT", who)]
    parts += [cell("SYSTEM", system)] if system else []
    parts += [cell("SINCE", since)] if since else []
    return [(" " + " ".join([*parts, cell("STATE", STATE)]), "head")]


def row(finding: Finding, width: int, chosen: bool, now: datetime, sign: str) -> Sequence[Span]:
    """One finding as one row."""
    kind, who, system, since = _widths(width)
    state = state_word(finding)
    parts = [cell(what(finding), who)]
    parts += [cell(finding["system"], system)] if system else []
    parts += [cell(age(finding["first_seen"], now), since)] if since else []
    danger = int(finding["danger"])
    return [
        (sign if chosen else " ", "key"),
        (cell(marked(finding), kind) + " ", DANGER_STYLES[min(danger, 3)]),
        (" ".join(parts) + " ", ""),
        (cell(state, STATE), STATE_STYLES.get(state.split()[0], "")),
    ]


def age(value: object, now: datetime) -> str:
    """How long ago an instant was."""
    found = instant(value)
    return "" if found is None else times.span(max(now - found, now - now))


def preview(finding: Finding, now: datetime, width: int, rule: Callable[[str], Line]) -> list[Line]:
    """The pane below the list: the sentence, what is known, what becomes of it."""
    lines = [rule(f"Finding {finding['id']}: {kind_word(finding['kind'])}")]
    lines += [line(part) for part in wrap(finding["detail"], width)[:2]]
    lines.append(becomes(finding, now))
    both = sides(finding)
    if both:
        # One line each, cut where it ends: both must be seen before one is taken away.
        return [*lines, *(line((f"{side + ':':6} {about}", "dim")) for side, about in both)]
    told = remedy(finding) or short_facts(finding["facts"])
    return [*lines, *(line((part, "dim")) for part in wrap(told, width)[:2] if told)]


def becomes(finding: Finding, now: datetime) -> Line:
    """What is being done about it."""
    seen = f"Since {times.stamp(finding['first_seen'])} ({age(finding['first_seen'], now)})"
    word = f"{seen}, {Danger(min(int(finding['danger']), 3)).word}. "
    accepted = finding["acceptance"]
    if finding["state"] == "case":
        return line(word, (f"Case {finding['case_id']} works on it (o opens it).", "info"))
    if accepted is not None and accepted["state"] == "asked" and accepted["case_id"]:
        text = f"{show(accepted['requested_by'])} asked that the rule may be broken: {show(accepted['reason'])}"
        return line(word, (f"{text} Case {accepted['case_id']} waits for an approval (Requests).", "info"))
    if accepted is not None and accepted["state"] == "asked":
        until = times.stamp(accepted["until"])
        text = f"{show(accepted['requested_by'])} wants to accept it until {until}: {show(accepted['reason'])}"
        return line(word, (f"{text} Another person decides (a, x).", "info"))
    if accepted is not None:
        text = f"Accepted until {times.stamp(accepted['until'])} by {show(accepted['approved_by'])}"
        return line(word, (f"{text}: {show(accepted['reason'])}", "info"))
    return line(word, ("Nobody has decided yet.", "dim"))


def whole(finding: Finding, now: datetime, width: int) -> list[Line]:
    """Everything about one finding."""
    lines = [line((kind_word(finding["kind"]), "head"), f"  {show(what(finding))}")]
    if any(was_altered(str(finding[field])) for field in ("person_name", "person_key", "login", "target")):
        lines.append(line(("altered: holds characters that are shown as signs", "warn")))
    lines += [line(part) for part in wrap(finding["detail"], width)]
    lines.append(becomes(finding, now))
    told = [f"{word} {show(finding[field])}" for field, word in NAMED if finding[field]]
    lines += [line((part, "dim")) for part in wrap(", ".join(told), width)]
    lines.append(line((f"last seen {times.stamp(finding['last_seen'])}", "dim")))
    proposals = proposals_of(finding["facts"])
    if proposals:
        lines += [line(""), heading("Whose it may be (l links one of them)")]
        for number, proposal in enumerate(proposals, 1):
            lines += [line(part) for part in wrap(f"{number}  {proposal_text(proposal)}", width)]
    for side, about in sides(finding):
        lines += [line(""), heading(f"The {side} side"), *(line(f"  {part}") for part in wrap(about, width - 2))]
    shown = {"proposals", *(side for side, _ in sides(finding))}
    rest = {name: value for name, value in finding["facts"].items() if name not in shown}
    remedied = remedy(finding)
    if remedied:
        lines += [line(""), heading("What to do"), *(line(f"  {part}") for part in wrap(remedied, width - 2))]
    if rest:
        lines += [line(""), heading("What is known"), *fact_lines(rest, width, 1)]
    return lines


def proposals_of(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """People who may own an account, the likeliest first."""
    found = facts.get("proposals") if isinstance(facts, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)][:5] if isinstance(found, list) else []


def key_of(proposal: Mapping[str, Any]) -> str:
    """The number of the person who is proposed."""
    return str(proposal.get("key") or "")


def proposal_text(proposal: Mapping[str, Any]) -> str:
    """One proposal: who, how likely out of a hundred, what speaks for it and what to beware of."""
    who = f"{proposal.get('name') or ''} ({key_of(proposal)})"
    told = ", ".join(str(each) for each in proposal.get("reasons") or ("nothing speaks for it",))
    beware = "; ".join(str(each) for each in proposal.get("warnings") or ())
    warning = f". BEWARE: {beware}" if beware else ""
    return f"{show(who)} {show(proposal.get('score'), 5)}/100: {show(told, 400)}{show(warning, 400)}"


def question(finding: Finding) -> str:
    """What is asked when an account is linked."""
    if finding["kind"] == FindingKind.OWNERLESS:
        return f"Who owns {show(what(finding))}?"
    return f"Whose is {show(finding['login'])} on {show(finding['system'])}?"


def both_records(finding: Finding, person: Mapping[str, Any], proposal: Mapping[str, Any] | None) -> list[str]:
    """The account and the person one above the other, to be read before they are linked."""
    account = f"{show(finding['login'])} on {show(finding['system'])}, id {show(finding['account_id'])}"
    known = ("display", "emails", "kind", "state", "holds", "last_used", "known_since")
    facts = {name: value for name, value in finding["facts"].items() if name in known}
    text = ["Account:", f"  {account if finding['login'] else show(what(finding))}"]
    text += [f"  {show(short_facts(facts), 400)}"] if facts else []
    text += ["Person:", f"  {show(person['name'])} ({show(person['key'])}), {show(person['status'])}"]
    about = [show(person[field]) for field in ("type", "title", "department", "location", "email") if person[field]]
    days = [f"{word} {person[field]}" for field, word in (("starts", "since"), ("ends", "until")) if person[field]]
    text.append(f"  {', '.join([*about, *days])}")
    logins = [f"{show(each['system'])}: {show(each['login'])}" for each in person["accounts"]]
    text.append(f"  has {', '.join(logins) if logins else 'no account'}")
    return [*text, proposal_text(proposal)] if proposal is not None else text


def cases_opened(opened: Sequence[Any]) -> str:
    """What became of many findings at once."""
    refused = [each for each in opened if not each.case]
    told = f"{len(opened) - len(refused):,} cases are open; nothing was run yet."
    return f"{told} {len(refused):,} were refused, the first one: {refused[0].refused}" if refused else told


def sides(finding: Finding) -> list[tuple[str, str]]:
    """The two sides of a conflict of duties, each with what makes it; nothing for other findings."""
    if finding["kind"] != FindingKind.SEPARATION:
        return []
    facts = finding["facts"]
    return [(side, show(side_text(facts[side]), 500)) for side in SIDES if facts.get(side)]


def side_text(held: object) -> str:
    """One side of a conflict: what is held where, and why."""
    told = []
    for each in held if isinstance(held, list) else [held]:
        if isinstance(each, Mapping):
            through = "" if each.get("direct", True) else f" through {fact(each.get('via'))}"
            what = f"{each.get('entitlement')} ({each.get('target')} on {each.get('system')}){through}"
            told.append(f"{what}: {each.get('reason') or 'held'}")
    return "; ".join(told)


def remedy(row: Finding) -> str:
    """What to do where no case can settle it, "" where one can."""
    try:
        return FindingKind(row["kind"]).remedy
    except ValueError:
        return ""


def asked(kind: object, until: datetime) -> str:
    """What waits once somebody wants to accept a finding of a kind."""
    who = "The case of the exception waits for an approval (Requests)"
    who = who if kind == FindingKind.SEPARATION else "Another person has to agree (a)"
    return f"Asked: until {times.stamp(until)}. {who}."


def scanned(report: Any) -> str:
    """What a scan came to."""
    return f"Looked at everything: {report.open:,} open, {report.new:,} of them new; {report.gone:,} are gone."


def short_facts(facts: Mapping[str, Any]) -> str:
    """The facts in one line; the best proposal stands for all."""
    proposals = proposals_of(facts)
    told = [f"May be {proposal_text(proposals[0])}"] if proposals else []
    for name, value in facts.items():
        if name not in DULL and value not in ("", [], {}, 0, False, None):
            told.append(f"{name.replace('_', ' ')} {fact(value)}")
    return ", ".join(told)


def fact(value: object) -> str:
    """A fact as text, whatever it is made of."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {fact(each)}" for name, each in value.items() if each not in (None, "", [], {}))
    if isinstance(value, (list, tuple)):
        return "; ".join(fact(each) for each in value)
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "not known"}[value]
    text = str(value)
    return f"{times.day(text)} {times.stamp(text)[-5:]}" if _INSTANT.fullmatch(text) else text


def fact_lines(value: Mapping[str, Any], width: int, depth: int) -> list[Line]:
    """Facts below one another; what is made of others is set in by two columns."""
    lines: list[Line] = []
    before = "  " * depth
    for name, each in value.items():
        if each in ("", [], {}, None):
            continue
        word = show(name, 40).replace("_", " ")
        if isinstance(each, list) and each and all(isinstance(one, Mapping) for one in each):
            lines.append(line(f"{before}{word}:"))
            lines += [
                line(f"{before}  {'' if n else '- '}{'  ' if n else ''}{part}")
                for one in each
                for n, part in enumerate(wrap(fact(one), width - len(before) - 4))
            ]
        else:
            lines += [
                line(f"{before}{'  ' if n else ''}{part}")
                for n, part in enumerate(wrap(f"{word}: {fact(each)}", width - len(before) - 2))
            ]
    return lines
