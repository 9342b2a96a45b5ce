"""A case in words: who and why, the checklist, what will be called and what came of it, the access, the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from jmltui.domain.case import ActionState, StepState
from jmltui.domain.danger import Danger
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.operation import Proof
from jmltui.domain.text import was_altered

from . import approval_text, times
from .glyphs import Glyphs
from .lines import Line, heading, line
from .markdown import markdown
from .queue_text import escalation, event_text, state_word, step_glyph
from .text import cell, show, wrap

Case = Mapping[str, Any]

VERBS: Final[Mapping[str, str]] = {
    "create": "create the account",
    "update": "change the account",
    "enable": "enable the account",
    "disable": "disable the account",
    "delete": "DELETE the account",
    "grant": "give",
    "revoke": "take away",
    "end-sessions": "end live sessions",
    "revoke-credentials": "revoke credentials",
    "transfer": "hand over",
    "wipe-device": "WIPE",
}

PROOFS: Final[Mapping[str, str]] = {
    Proof.READ_BACK: "read back from the system",
    Proof.PROBE: "tried out after the change",
    Proof.AUDIT: "found in the system's own log",
    Proof.NONE: "none: a person has to look",
}

STEP_WORDS: Final[Mapping[str, str]] = {
    StepState.WAITING: "waits for other steps",
    StepState.APPROVAL: "waits for an approval (a or x)",
    StepState.READY: "ready",
    StepState.QUEUED: "with the worker, not begun",
    StepState.RUNNING: "the worker is at it",
    StepState.ATTENTION: "a person has to look",
    StepState.DONE: "done",
    StepState.SKIPPED: "skipped",
    StepState.REFUSED: "refused",
}

ACTION_WORDS: Final[Mapping[str, str]] = {
    ActionState.PLANNED: "planned",
    ActionState.READY: "with the worker",
    ActionState.RUNNING: "being called",
    ActionState.APPLIED: "called, being read back",
    ActionState.UNKNOWN: "no answer, being read back",
    ActionState.VERIFYING: "being read back",
    ActionState.CONFIRMED: "PROVEN",
    ActionState.CONTRADICTED: "CONTRADICTED by the system",
    ActionState.UNVERIFIABLE: "cannot be verified here",
    ActionState.ATTESTED: "attested by a person",
    ActionState.FAILED: "FAILED",
    ActionState.BLOCKED: "blocked",
    ActionState.SKIPPED: "skipped",
}

ACTION_STYLES: Final[Mapping[str, str]] = {
    ActionState.CONFIRMED: "good",
    ActionState.ATTESTED: "good",
    ActionState.CONTRADICTED: "bad",
    ActionState.FAILED: "bad",
    ActionState.UNVERIFIABLE: "warn",
    ActionState.UNKNOWN: "warn",
    ActionState.BLOCKED: "warn",
}

STEP_STYLES: Final[Mapping[str, str]] = {
    StepState.ATTENTION: "bad",
    StepState.REFUSED: "bad",
    StepState.APPROVAL: "info",
    StepState.QUEUED: "info",
    StepState.RUNNING: "info",
    StepState.DONE: "good",
    StepState.WAITING: "dim",
    StepState.SKIPPED: "dim",
}

DIFF_STYLES: Final[Mapping[str, str]] = {
    DiffKind.ADD: "add",
    DiffKind.REMOVE: "remove",
    DiffKind.UNEXPLAINED: "warn",
    DiffKind.BLOCKED: "bad",
    DiffKind.EXPIRING: "warn",
    DiffKind.KEEP: "dim",
    DiffKind.CANNOT_TELL: "dim",
}

TITLE_SHARE: Final = 40


def who_and_why(case: Case, now: datetime, width: int) -> list[Line]:
    """The head of the case: three lines, more when it is held or asks something."""
    person = case["person"]
    name = f"{show(case['person_name'])} ({show(case['person_key'])})"
    about = [show(person.get(field)) for field in ("type", "title", "department", "location") if person.get(field)]
    altered = any(was_altered(str(case[field])) for field in ("person_name", "person_key"))
    mark = [("  altered: holds characters that are shown as signs", "warn")] if altered else []
    state = state_word(case, now)
    lines = [
        line((name, "head"), ("  " + ", ".join(about), ""), *mark),
        line(f"{show(case['kind'])}: {show(event_text(case['event']))}"),
        line(
            f"State: {state}. Due {times.stamp(case['due'])}, closed by {times.stamp(case['target_at'])}. ",
            f"Taken by: {show(case['claimed_by']) or 'nobody'}.",
        ),
    ]
    if case.get("ticket"):
        lines.append(ticket_line(case["ticket"], now))
    if case["held_reason"]:
        text = f"Held: {case['held_reason']}. Another person releases the batch (queue, b)."
        lines += [line((part, "warn")) for part in wrap(text, width)]
    if case["state"] == "question":
        lines.append(line(("The person is absent from the feed. Did they leave or stay? Press A to answer.", "warn")))
    return lines


def ticket_line(ticket: Mapping[str, Any], now: datetime) -> Line:
    """The ticket of the case, and how its last message stands."""
    name = f"Ticket {show(ticket['system'])}:{show(ticket['ticket'])}"
    status = f" [{show(ticket['status'], 24)}]" if ticket["status"] else ""
    stopped = ticket["problem"] or (ticket["stopped"] and f"{ticket['system']} is stopped: {ticket['reason']}")
    if stopped:
        return line(name, status, (f"  stopped (T): {show(stopped, 300)}", "bad"))
    left = [each for each in ticket["messages"] if each["state"] in ("waiting", "posting")]
    failed = [each for each in ticket["messages"] if each["state"] == "failed"]
    if failed:
        return line(name, status, (f"  “{failed[-1]['milestone']}” failed: {show(failed[-1]['problem'], 300)}", "bad"))
    if left and left[0]["problem"]:
        return line(name, status, (f"  {len(left)} to post: {show(left[0]['problem'], 300)}", "warn"))
    if left:
        return line(name, status, (f"  {len(left)} to post", "info"))
    posted = [each for each in ticket["messages"] if each["state"] == "posted" and each["kind"] == "comment"]
    told = f"  “{posted[-1]['milestone']}” posted {times.stamp(posted[-1]['posted_at'])}" if posted else ""
    return line(name, status, (told, "good"))


def checklist(case: Case, now: datetime, width: int, glyphs: Glyphs) -> list[Line]:
    """One line per step: sign, title, owner, target, state in words."""
    owner_width = 16 if width >= 78 else 0
    state_width = 10
    due_width = 8
    title = max(10, width - 3 - owner_width - state_width - due_width - 4)
    lines = []
    for step in case["steps"]:
        state = str(step["state"])
        settled = state in (StepState.DONE, StepState.SKIPPED)
        target = "" if settled else times.due(step["target_at"], now)
        soon = not settled and times.over(step["soon_at"], now)
        late = "bad" if target.startswith("late") else "warn" if soon else ""
        lines.append(
            line(
                (f"{step_glyph(state, glyphs)} ", STEP_STYLES.get(state, "")),
                f"{cell(step['title'], title)} ",
                f"{cell(step['done_by'] or now_with(step, glyphs), owner_width)} " if owner_width else "",
                (f"{cell(target, due_width)} ", late),
                (cell(state, state_width), STEP_STYLES.get(state, "")),
                key=str(step["key"]),
            )
        )
    return lines


def step_detail(case: Case, step: Mapping[str, Any], now: datetime, width: int) -> list[Line]:
    """Everything about one step: state, owner, approvals, text, what is called, what came of it."""
    state = str(step["state"])
    danger = Danger(step["danger"]).word
    lines = [
        line(
            (show(step["title"]), "head"),
            (f"  {STEP_WORDS.get(state, state)}", STEP_STYLES.get(state, "")),
            f", {danger}",
        ),
        line(
            f"Owner {show(step['owner'])}, else {show(step['fallback_owner']) or 'nobody'}; "
            f"target {times.stamp(step['target_at'])}",
            (escalation(step), "warn"),
        ),
    ]
    if step["needs"] and state == StepState.WAITING:
        titles = {other["key"]: other["title"] for other in case["steps"] if other["state"] not in ("done", "skipped")}
        waits = ", ".join(f"“{show(titles[key])}”" for key in step["needs"] if key in titles)
        if waits:
            lines += [line(part) for part in wrap(f"Waits for {waits}.", width)]
    lines += approval_lines(case, step, now, width)
    if step["note"]:
        lines += [line((part, "warn")) for part in wrap(step["note"], width)]
    lines += markdown(step["text"], width) if step["text"] else []
    for action in step["actions"]:
        lines += action_lines(action, width)
    if not step["actions"] and not step["text"]:
        lines.append(line(("Nothing is called in a system for this step.", "dim")))
    return lines


def now_with(step: Mapping[str, Any], glyphs: Glyphs) -> str:
    """Whose step it is now: once it is late, the fallback's."""
    return f"{glyphs.arrow} {step['fallback_owner']}" if step["escalated_at"] else str(step["owner"])


def approval_lines(case: Case, step: Mapping[str, Any], now: datetime, width: int) -> list[Line]:
    """The stage that waits, and every decision that was given."""
    given = [each for each in case["approvals_given"] if each["step_id"] == step["id"]]
    lines: list[Line] = []
    if step["state"] == StepState.APPROVAL and step["approval_path"]:
        text = approval_text.stage_text(step, given, now)
        lines += [line((part, "info")) for part in wrap(f"{text[:1].upper()}{text[1:]}.", width)]
    for each in given:
        lines += [line((part, "info")) for part in wrap(approval_text.decided(each, step["plan_hash"]), width)]
    return lines


def action_lines(action: Mapping[str, Any], width: int) -> list[Line]:
    """One call: what and where, its proof, its state, and what the system said."""
    state = str(action["state"])
    verb = VERBS.get(str(action["operation"]), str(action["operation"]))
    target = "" if action["target"] in ("account", "") else f" {show(action['target'])}"
    style = ACTION_STYLES.get(state, "dim" if state == ActionState.PLANNED else "info")
    head = f"{show(action['system'])}: {verb}{target}, {show(action['login']) or 'new account'}"
    lines = [line(part) for part in wrap(head, width - 2)]
    lines.append(line(("  " + ACTION_WORDS.get(state, state), style), f"  proof: {PROOFS.get(action['proof'], '')}"))
    if action["outcome"]:
        lines += [line(("  " + part, style)) for part in wrap(action["outcome"], width - 2)]
    before, observed = action["before"], action["observed"]
    if before:
        lines += [line(("  before: " + part, "dim")) for part in wrap(facts(before), width - 10)[:3]]
    if observed:
        lines += [line(("  read back: " + part, "dim")) for part in wrap(facts(observed), width - 13)[:3]]
    if action["note"] and not action["outcome"]:
        lines += [line(("  " + part, "dim")) for part in wrap(action["note"], width - 2)]
    if not action["inverse"]:
        lines.append(line(("  cannot be taken back", "warn")))
    return lines


def facts(found: object) -> str:
    """A stored mapping as `name value, name value`, without what is empty."""
    if isinstance(found, Mapping):
        told = [f"{name} {facts(value)}" for name, value in found.items() if value not in (None, "", [], {})]
        return ", ".join(told)
    if isinstance(found, (list, tuple)):
        return " + ".join(facts(each) for each in found)
    return str(found)


def access(case: Case, width: int) -> list[Line]:
    """The diff by system: sign, word, target, account, reason."""
    lines: list[Line] = []
    counts: dict[str, int] = {}
    for each in case["diff"]:
        counts[each["kind"]] = counts.get(each["kind"], 0) + 1
    told = [f"{kind.sign} {counts[kind.value]} {kind.value}" for kind in DiffKind if counts.get(kind.value)]
    lines.append(line(("What changes: " + (", ".join(told) or "nothing"), "head"), ("  e says why", "dim")))
    target = max(16, (width - 16) * 45 // 100)
    system = None
    for each in sorted(case["diff"], key=lambda found: (found["system"], found["seq"])):
        if each["system"] != system:
            system = each["system"]
            lines.append(line((f"{show(system)}  {show(each['login'])}", "head")))
        kind = DiffKind(each["kind"])
        style = DIFF_STYLES.get(kind, "")
        what = VERBS.get(str(each["operation"]), "account") if each["target"] == "account" else each["target"]
        marks = (" privileged" if each["privileged"] else "") + (" needs approval" if each["approval"] else "")
        until = f"until {times.stamp(each['until'])} " if each["until"] else ""
        lines.append(
            line(
                (f" {kind.sign} {cell(kind.value, 11)} ", style),
                f"{cell(what, target)} ",
                (until, "warn"),
                (show(each["reason"], limit=400) + marks, "warn" if marks else "dim"),
                key=f"line-{each['id']}",
            )
        )
    return lines


def line_reason(found: Mapping[str, Any], width: int) -> list[Line]:
    """What a line of the diff does and its whole reason."""
    kind = DiffKind(found["kind"])
    head = f"{kind.sign} {kind.value}: {show(found['target'])} on {show(found['system'])}, {show(found['login'])}"
    until = f" until {times.full(found['until'])}" if found["until"] else ""
    lines = [line((head, DIFF_STYLES.get(kind, "")), (until, "warn"))]
    return lines + [line(part) for part in wrap(found["reason"], width)]


def journal(case: Case, width: int) -> list[Line]:
    """The journal of this case, newest first."""
    lines: list[Line] = [heading(f"Journal of this case: {len(case['journal'])} entries, newest first")]
    for entry in reversed(case["journal"]):
        stamp = times.stamp(entry["at"])
        parts = wrap(entry["summary"], width - len(stamp) - 3)
        lines.append(line((stamp, "dim"), f"  {parts[0]}"))
        lines += [line(" " * (len(stamp) + 2) + part) for part in parts[1:]]
    return lines


def summary(case: Case, now: datetime) -> str:
    """The case as plain text for a ticket."""
    parts = [f"Case {case['id']}: {show(case['kind'])} of {show(case['person_name'])} ({show(case['person_key'])})"]
    parts.append(f"{show(event_text(case['event']))}; state {state_word(case, now)}; {times.full(now)}")
    for step in case["steps"]:
        by = f" by {show(step['done_by'])} {times.stamp(step['done_at'])}" if step["done_at"] else ""
        parts.append(f"- [{'x' if step['state'] == 'done' else ' '}] {show(step['title'])}: {step['state']}{by}")
        for action in step["actions"]:
            state = ACTION_WORDS.get(str(action["state"]), str(action["state"]))
            parts.append(f"    {show(action['system'])} {action['operation']} {show(action['target'])}: {state}")
    return "\n".join(parts)


def next_key(steps: Sequence[Mapping[str, Any]]) -> str:
    """The first step that somebody can do something about, else the first that is not settled, else the first."""
    wanted = (StepState.ATTENTION, StepState.APPROVAL, StepState.READY, StepState.QUEUED, StepState.RUNNING)
    for state in (*wanted, StepState.WAITING):
        for step in steps:
            if step["state"] == state:
                return str(step["key"])
    return str(steps[0]["key"]) if steps else ""
