"""Lines of a diff that would let one person hold what nobody may hold together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from .access import ACCOUNT_TARGET
from .diff import DiffLine
from .diff_kind import DiffKind
from .separation import Conflict, SeparationRule, new_conflicts


def separated(
    lines: Sequence[DiffLine],
    rules: Sequence[SeparationRule],
    excepted: Collection[str] = (),
    pending: Mapping[str, str] | None = None,
) -> tuple[DiffLine, ...]:
    """The lines, those blocked that would break a rule; where a rule only warns, the reason says so.

    `excepted` are the ids of rules that an exception lets the person break. `pending` is what other requests of the
    person ask for, with the words for it.
    """
    if not rules:
        return tuple(lines)
    pending = pending or {}
    added = {line.entitlement for line in lines if line.kind is DiffKind.ADD and line.entitlement}
    kept = {line.entitlement for line in lines if line.kind is not DiffKind.ADD and _stays(line)}
    ruled = [rule for rule in rules if rule.id not in excepted]
    found = new_conflicts(ruled, {*kept, *pending}, added)
    sources = {line.entitlement: _source(line) for line in lines if line.entitlement} | {
        name: words for name, words in pending.items() if name not in added | kept
    }
    return tuple(_told(line, found.get(line.entitlement, ()), sources) for line in lines)


def _stays(line: DiffLine) -> bool:
    """Whether the person holds it now and the plan leaves it so."""
    held = line.account_id if line.target == ACCOUNT_TARGET else line.entitlement_id
    return bool(line.entitlement and held and line.operation is None)


def _source(line: DiffLine) -> str:
    if line.exception:
        return f"exception {line.exception}"
    return f"role {line.role}" if line.role else "held now"


def _told(line: DiffLine, broken: Sequence[Conflict], sources: Mapping[str, str]) -> DiffLine:
    if line.kind is not DiffKind.ADD or not broken:
        return line
    stops = [conflict for conflict in broken if conflict.rule.blocks]
    told = "; ".join(_sentence(conflict, sources) for conflict in stops or broken)
    if stops:
        rules = tuple(dict.fromkeys(conflict.rule.id for conflict in stops))
        return replace(line, kind=DiffKind.BLOCKED, operation=None, reason=told, rules=rules)
    return replace(line, reason=f"{line.reason}; warning: {told}")


def _sentence(conflict: Conflict, sources: Mapping[str, str]) -> str:
    left, right = (f"{name} ({sources.get(name, 'held now')})" for name in (conflict.left, conflict.right))
    return f"separation rule {conflict.rule.id}: {left} with {right}: {conflict.rule.reason}"
