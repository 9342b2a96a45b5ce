"""The `separation` section: entitlements that one person must not hold together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from jmltui.domain.separation import Conflict, SeparationRule, conflicts

from .fields import Fields
from .known import Known
from .model import PolicyRole

_BLOCK: Final = "block"


def read_separation(item: Fields, known: Known) -> SeparationRule | None:
    """One rule; None when it has no id of its own."""
    item.only(("id", "any_of", "with_any_of", "severity", "reason"))
    name = item.identifier()
    rule = SeparationRule(
        id=name,
        any_of=_side(item, "any_of", known),
        with_any_of=_side(item, "with_any_of", known),
        blocks=item.choice("severity", (_BLOCK, "warn"), _BLOCK) == _BLOCK,
        reason=item.text("reason", required=True).strip(),
        place=str(item.where),
    )
    if rule.any_of and rule.with_any_of and len({*rule.any_of, *rule.with_any_of}) == 1:
        message = f"The separation rule “{name}” sets “{rule.any_of[0]}” against itself, so nobody can break it."
        item.problems.add(item.where, message)
    return rule if name and known.is_first("separation rule", name, item.place("id")) else None


def _side(item: Fields, key: str, known: Known) -> tuple[str, ...]:
    found = item.needed_texts(key)
    for name, where in found:
        known.has("entitlement", name, where, known.entitlements)
    return tuple(dict.fromkeys(name for name, _ in found))


def broken_by_roles(
    rules: Iterable[SeparationRule], roles: Mapping[str, PolicyRole]
) -> Iterator[tuple[PolicyRole, Conflict]]:
    """Every rule that a role breaks with its own grants: the role, and what it breaks it with."""
    sides = [(rule, frozenset(rule.any_of), frozenset(rule.with_any_of)) for rule in rules]
    for role in roles.values():
        for rule, left, right in sides:
            if not left.isdisjoint(role.grants) and not right.isdisjoint(role.grants):
                for conflict in conflicts((rule,), role.grants):
                    yield role, conflict


def told(role: PolicyRole, conflict: Conflict) -> str:
    """What a role breaks, as a sentence."""
    rule = conflict.rule
    what = f"The role “{role.id}” grants “{conflict.left}” together with “{conflict.right}”"
    return f"{what}, which the separation rule “{rule.id}” at {rule.place} forbids: {rule.reason.rstrip('.')}."
