"""Whether an approval path can be satisfied at all: enough different people at every stage, each counted once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Final

from jmltui.domain.approval import ApprovalPath, ApprovalStage

from .model import Team

SYSTEM_OWNER: Final = "system-owner"
_ALL_SUBSETS: Final = 8
"""Up to how many stages every choice of them is looked at; beyond it each alone and all together."""


def lacking(path: ApprovalPath, teams: Mapping[str, Team], system_owner: str | None = None) -> str:
    """What a path lacks, as a sentence; "" where nothing says that it cannot be satisfied.

    `system_owner` is who owns the system in question: "" for nobody, None where that is not known.
    """
    people = [_people(stage, teams, system_owner) for stage in path.stages]
    counted = [number for number, who in enumerate(people) if who is not None]
    for chosen in _choices(counted):
        wanted = sum(path.stages[number].any_of for number in chosen)
        there = len(frozenset().union(*(people[number] or () for number in chosen)))
        if there < wanted:
            return _sentence(path, chosen, wanted, there)
    return ""


def _choices(counted: list[int]) -> Iterator[tuple[int, ...]]:
    sizes: Iterable[int] = range(1, len(counted) + 1)
    if len(counted) > _ALL_SUBSETS:
        sizes = (1, len(counted))
    for size in sizes:
        yield from combinations(counted, size)


def _sentence(path: ApprovalPath, chosen: tuple[int, ...], wanted: int, there: int) -> str:
    numbers = " and ".join(str(number + 1) for number in chosen)
    stages = f"Stage {numbers}" if len(chosen) == 1 else f"Stages {numbers} together"
    need = "needs" if len(chosen) == 1 else "need"
    who = f"{wanted} different people" if wanted > 1 else "somebody"
    can = {0: "nobody can", 1: "only one can"}.get(there, f"only {there} can")
    return f"{stages} of the approval path “{path.id}” {need} {who}, and {can} ever agree there."


def _people(stage: ApprovalStage, teams: Mapping[str, Team], system_owner: str | None) -> frozenset[str] | None:
    """Who may agree at a stage, at most; None where that cannot be counted."""
    found: set[str] = set()
    for word in (*stage.approvers, *stage.fallback):
        who = _of_word(word, teams, system_owner)
        if who is None:
            return None
        found |= who
    return frozenset(found)


def _of_word(word: str, teams: Mapping[str, Team], system_owner: str | None) -> frozenset[str] | None:
    if word == SYSTEM_OWNER:
        if not system_owner:
            return None if system_owner is None else frozenset()
        return _of_word(system_owner, teams, None)
    kind, _, name = word.partition(":")
    if kind == "group":
        return None
    if kind == "team":
        team = teams.get(name)
        if team is None or team.group:
            return None
        return frozenset(f"user:{login.casefold()}" for login in team.members)
    return frozenset({word.casefold()})
