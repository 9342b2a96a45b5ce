"""Separation of duties: entitlements that one person must not hold together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeparationRule:
    """Nobody holds one of `any_of` together with one of `with_any_of`; both are ids of the policy's entitlements."""

    id: str
    any_of: tuple[str, ...]
    with_any_of: tuple[str, ...]
    blocks: bool
    reason: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A rule that a set of entitlements breaks, and the two that break it."""

    rule: SeparationRule
    left: str
    right: str


def conflicts(rules: Iterable[SeparationRule], held: Collection[str]) -> tuple[Conflict, ...]:
    """Every pair of different entitlements that breaks a rule, in the order of the rules."""
    found = []
    for rule in rules:
        seen: set[frozenset[str]] = set()
        for left in rule.any_of:
            for right in rule.with_any_of:
                pair = frozenset((left, right))
                if left != right and left in held and right in held and pair not in seen:
                    seen.add(pair)
                    found.append(Conflict(rule, left, right))
    return tuple(found)


def new_conflicts(
    rules: Iterable[SeparationRule], kept: Collection[str], added: Collection[str]
) -> Mapping[str, tuple[Conflict, ...]]:
    """What each added entitlement would break, together with what is kept or added with it."""
    found: dict[str, list[Conflict]] = {}
    for conflict in conflicts(rules, {*kept, *added}):
        for side in (conflict.left, conflict.right):
            if side in added:
                found.setdefault(side, []).append(conflict)
    return {name: tuple(mine) for name, mine in found.items()}
