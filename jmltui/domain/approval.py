"""Approval paths: who has to agree, in which order, and when somebody else may step in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class ApprovalStage:
    """`any_of` different people of `approvers` agree; after `fallback_after` those of `fallback` may, too.

    Approvers are written manager, sponsor, owner, system-owner, team:NAME, group:NAME or user:LOGIN.
    """

    any_of: int
    approvers: tuple[str, ...]
    fallback: tuple[str, ...] = ()
    fallback_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ApprovalPath:
    """Stages one after another. Requester and subject never count; a person counts once.

    What nobody decided within `expires_after` of being asked has to be asked for again; None never expires.
    """

    id: str
    stages: tuple[ApprovalStage, ...]
    expires_after: timedelta | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Somebody agreed at a stage."""

    approver: str
    stage: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a path is: the stage that waits (None when all agreed), how many agreements it lacks, since when."""

    stage: int | None
    lacks: int
    since: datetime
    expired: bool


def standing(path: ApprovalPath, decisions: Sequence[Decision], asked_at: datetime, now: datetime) -> Standing:
    """How far the decisions bring a path that was asked for at `asked_at`.

    A person counts at one stage only, and once; what was decided before it was asked for does not count.
    """
    since, counted = asked_at, set[str]()
    in_turn = sorted((d for d in decisions if d.at >= asked_at), key=lambda decision: decision.at)
    for number, stage in enumerate(path.stages):
        here: dict[str, datetime] = {}
        for decision in in_turn:
            who = decision.approver.casefold()
            if decision.stage == number and who not in counted and len(here) < stage.any_of:
                here.setdefault(who, decision.at)
        if len(here) < stage.any_of:
            expired = path.expires_after is not None and now > asked_at + path.expires_after
            return Standing(number, stage.any_of - len(here), since, expired)
        counted |= set(here)
        since = max([since, *here.values()])
    return Standing(None, 0, since, False)


def may_decide(
    stage: ApprovalStage, since: datetime, now: datetime, is_one_of: Callable[[str], bool]
) -> tuple[bool, str]:
    """Whether somebody may decide at a stage, and by which word; `is_one_of` answers for one approver word."""
    for word in stage.approvers:
        if is_one_of(word):
            return True, word
    if escalated(stage, since, now):
        for word in stage.fallback:
            if is_one_of(word):
                return True, word
    return False, ""


def waits_for(path: ApprovalPath, standing: Standing, now: datetime) -> str:
    """One sentence: which stage waits, for whom, and from when for whom else; "" when every stage agreed."""
    if standing.stage is None:
        return ""
    stage = path.stages[standing.stage]
    name = f"Stage {standing.stage + 1} of {len(path.stages)} of {path.id}" if path.id else "The approval"
    count = f"{standing.lacks} of " if standing.lacks > 1 else ""
    told = f"{name} waits for {count}{' or '.join(stage.approvers)}"
    if not stage.fallback:
        return f"{told}."
    others = " or ".join(stage.fallback)
    if stage.fallback_after is None or escalated(stage, standing.since, now):
        return f"{told}, or {others}."
    at = standing.since + stage.fallback_after
    day = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
    return f"{told}; from {day}{at:%H:%M} UTC also {others}."


def escalated(stage: ApprovalStage, since: datetime, now: datetime) -> bool:
    """Whether the fallback may decide by now. Without a time it may at once."""
    return bool(stage.fallback) and (stage.fallback_after is None or now >= since + stage.fallback_after)


def covers(collected: ApprovalPath | None, wanted: ApprovalPath | None) -> bool:
    """Whether who agreed on one path has agreed on another, too: it has every stage of it. None is anybody else."""
    if wanted is None:
        return True
    return collected is not None and set(wanted.stages) <= set(collected.stages)


def as_json(path: ApprovalPath) -> dict[str, Any]:
    """The path as plain values, as it is kept with a step."""
    return {
        "id": path.id,
        "stages": [
            {
                "any_of": stage.any_of,
                "approvers": list(stage.approvers),
                "fallback": list(stage.fallback),
                "fallback_after": None if stage.fallback_after is None else stage.fallback_after.total_seconds(),
            }
            for stage in path.stages
        ],
        "expires_after": None if path.expires_after is None else path.expires_after.total_seconds(),
    }


def from_json(value: Mapping[str, Any]) -> ApprovalPath:
    """The path that `as_json` wrote."""

    def seconds(number: float | None) -> timedelta | None:
        return None if number is None else timedelta(seconds=number)

    stages = tuple(
        ApprovalStage(
            int(stage["any_of"]),
            tuple(stage["approvers"]),
            tuple(stage["fallback"]),
            seconds(stage["fallback_after"]),
        )
        for stage in value["stages"]
    )
    return ApprovalPath(str(value["id"]), stages, seconds(value["expires_after"]))


def joined(paths: Sequence[ApprovalPath]) -> ApprovalPath:
    """One path of several: every stage of each, equal ones once; the shortest expiry counts."""
    stages = tuple(dict.fromkeys(stage for path in paths for stage in path.stages))
    ends = [path.expires_after for path in paths if path.expires_after is not None]
    return ApprovalPath("+".join(path.id for path in paths), stages, min(ends, default=None))
