"""The `roles` section: whom a role matches, what it grants, and what its people may ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from jmltui.domain.person import PersonType

from .attributes import read_match
from .conditions import read_condition
from .fields import Fields
from .known import Known
from .model import PolicyRole, Requirements

_KEYS: Final = ("id", "match", "when", "grants", "may_request", "require", "warn_before_end")
_REASONS: Final = ("grants", "may_request", "require", "warn_before_end")
"""A role must do one of these at least."""


def read_role(item: Fields, known: Known) -> PolicyRole | None:
    """One role; None when it has no id of its own."""
    item.only(_KEYS)
    name = item.identifier()
    match = item.mapping("match", "match")
    if (match is None or (not match.nodes and item.nodes["match"].is_mapping)) and "when" not in item.nodes:
        hint = f"To mean everybody, write match: {{person.type: [{', '.join(PersonType)}]}}."
        item.problems.add(item.place("match"), f"The role “{name}” does not say whom it matches.", hint)
    if not any(reason in item.nodes for reason in _REASONS):
        item.problems.add(item.where, f"The role “{name}” lacks “grants”.")
    role = PolicyRole(
        id=name,
        match=read_match(match, known) if match is not None else (),
        grants=_entitlements(item, "grants", known),
        place=str(item.where),
        when=read_condition(item, "when", known),
        may_request=_entitlements(item, "may_request", known),
        require=_requirements(item),
        warn_before_end=item.duration("warn_before_end", None, positive=True),
    )
    return role if name and known.is_first("role", name, item.place("id")) else None


def _entitlements(item: Fields, key: str, known: Known) -> tuple[str, ...]:
    found = item.texts(key)
    for name, where in found:
        known.has("entitlement", name, where, known.entitlements)
    return tuple(dict.fromkeys(name for name, _ in found))


def _requirements(item: Fields) -> Requirements | None:
    require = item.mapping("require", "require")
    if require is None:
        return None
    require.only(("ends", "sponsor", "max_contract"))
    longest: timedelta | None = require.duration("max_contract", None, positive=True)
    ends = require.truth("ends", longest is not None)
    if longest is not None and not ends:
        message = "“max_contract” needs a last day, so “ends” cannot be false."
        require.problems.add(require.place("ends"), message)
    return Requirements(ends, require.truth("sponsor", False), longest)
