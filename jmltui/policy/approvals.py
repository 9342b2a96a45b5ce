"""The `approvals` section: who has to agree, in which order, and when somebody else may step in."""

from __future__ import annotations

from typing import Final

from jmltui.domain.approval import ApprovalPath, ApprovalStage
from jmltui.domain.nearest import did_you_mean

from .fields import Fields
from .known import Known
from .people_words import APPROVERS, read_words

_NEVER: Final = ("requester", "subject")


def read_approval_path(item: Fields, known: Known) -> ApprovalPath | None:
    """One path; None when it has no id of its own."""
    item.only(("id", "steps", "stages", "not", "expires_after"))
    name = item.identifier()
    if "steps" in item.nodes and "stages" in item.nodes:
        message = "“steps” and “stages” mean the same; write one of them."
        item.problems.add(item.key_place("stages"), message)
    key = "stages" if "stages" in item.nodes else "steps"
    stages = tuple(_stage(line, known) for line in item.items(key, "a stage"))
    if not stages:
        item.problems.add(item.place(key), f"The approval path “{name}” says nobody who has to agree.")
    _check_excluded(item)
    path = ApprovalPath(name, stages, item.duration("expires_after", None, positive=True), str(item.where))
    return path if name and known.is_first("approval path", name, item.place("id")) else None


def _stage(line: Fields, known: Known) -> ApprovalStage:
    line.only(("any", "from", "fallback", "fallback_after"))
    after = line.duration("fallback_after", None)
    if "fallback_after" in line.nodes and "fallback" not in line.nodes:
        message = "“fallback_after” says when somebody else may step in, and no “fallback” says who."
        line.problems.add(line.key_place("fallback_after"), message)
    return ApprovalStage(
        any_of=line.integer("any", 1, least=1, most=20),
        approvers=read_words(line, "from", "approver", APPROVERS, known, needed=True),
        fallback=read_words(line, "fallback", "approver", APPROVERS, known),
        fallback_after=after,
    )


def _check_excluded(item: Fields) -> None:
    if "not" not in item.nodes:
        return
    found = item.texts("not")
    for word, where in found:
        if word not in _NEVER:
            item.problems.add(where, f"“{word}” is none of {', '.join(_NEVER)}.", did_you_mean(word, _NEVER))
    missing = [word for word in _NEVER if word not in {word for word, _ in found}]
    if missing:
        message = f"“not” lacks {' and '.join(missing)}: nobody approves what they ask for or what is for themselves."
        item.problems.add(item.place("not"), message, f"Write not: [{', '.join(_NEVER)}], or leave it out.")
