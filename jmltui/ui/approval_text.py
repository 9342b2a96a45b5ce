"""Approvals in words: which stage waits for whom, who may step in from when on, and who decided."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jmltui.domain.approval import ApprovalPath, ApprovalStage, Decision, escalated, from_json, standing
from jmltui.lifecycle.board import instant

from . import times
from .text import show

Step = Mapping[str, Any]
Given = Sequence[Mapping[str, Any]]


def path_of(step: Step) -> ApprovalPath | None:
    """The approval path of a step, None where anybody else may decide."""
    return from_json(json.loads(step["approval_path"])) if step.get("approval_path") else None


def counted(step: Step, given: Given) -> list[Decision]:
    """The agreements that count for the plan of a step as it is now."""
    plan = step.get("plan_hash")
    found = []
    for each in given:
        at = instant(each["at"])
        if at is not None and each["decision"] == "approve" and plan in (None, each["plan_hash"]):
            found.append(Decision(str(each["approver"]), int(each["stage"]), at))
    return found


def stage_text(step: Step, given: Given, now: datetime) -> str:
    """Where the path of a step stands, as `stage 1 of 2: waits for manager, from 18:00 also group:x`."""
    path = path_of(step)
    if path is None:
        return "waits for anybody but requester and subject"
    asked = instant(step.get("asked_at")) or now
    found = standing(path, counted(step, given), asked, now)
    if found.stage is None:
        return f"all {len(path.stages)} stages agreed"
    if found.expired:
        return "nobody decided in time: it has to be asked for again"
    stage = path.stages[found.stage]
    text = f"stage {found.stage + 1} of {len(path.stages)}: waits for {waits_for(stage, found.since, found.lacks, now)}"
    ends = "" if path.expires_after is None else f"; until {times.stamp(asked + path.expires_after)}"
    return text + ends


def waits_for(stage: ApprovalStage, since: datetime, lacks: int, now: datetime) -> str:
    """Who may decide at a stage, with how many of them, and who may step in from when on."""
    who = _either(stage.approvers)
    text = who if lacks == 1 else f"{lacks} of {who}"
    if not stage.fallback:
        return text
    also = _either(stage.fallback)
    if escalated(stage, since, now) or stage.fallback_after is None:
        return f"{text}, now also {also}"
    return f"{text}, from {times.stamp(since + stage.fallback_after)} also {also}"


def short(step: Step, given: Given, now: datetime) -> str:
    """The same for a narrow column: `1/2 manager`."""
    path = path_of(step)
    if path is None:
        return "anybody else"
    found = standing(path, counted(step, given), instant(step.get("asked_at")) or now, now)
    if found.stage is None:
        return "agreed"
    if found.expired:
        return "expired"
    stage = path.stages[found.stage]
    late = escalated(stage, found.since, now)
    return f"{found.stage + 1}/{len(path.stages)} {_either((*stage.approvers, *(stage.fallback if late else ())))}"


def decided(each: Mapping[str, Any], plan_hash: str | None = None) -> str:
    """One decision: who, in which role, when, why, and whether it still counts."""
    word = "approved" if each["decision"] == "approve" else "refused"
    role = f" as {each['as_word']}" if each.get("as_word") else ""
    stage = f" at stage {int(each['stage']) + 1}" if each.get("as_word") else ""
    reason = f": {each['reason']}" if each["reason"] else ""
    valid = "" if plan_hash is None or each["plan_hash"] == plan_hash else " (for an older plan: no longer valid)"
    return f"{each['approver']}{role} {word} it{stage} {times.stamp(each['at'])}{reason}{valid}"


def _either(words: Sequence[str]) -> str:
    return " or ".join(show(word, 60) for word in words)
