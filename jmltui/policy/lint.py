"""What is allowed in a policy and still looks wrong: warnings beside the errors that `load` refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jmltui.domain.access import Tier
from jmltui.domain.nearest import did_you_mean
from jmltui.errors import PolicyError, Problem

from .model import Definitions
from .policy import Policy, load


@dataclass(frozen=True, slots=True)
class LintReport:
    """`errors` keep the policy from being loaded, `warnings` do not; `policy` is None when there are errors."""

    policy: Policy | None
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def lint(folder: Path, systems: Iterable[str] | None = None) -> LintReport:
    """Everything wrong with a folder. `systems` are the names in the settings, where they are known."""
    try:
        policy = load(folder)
    except PolicyError as error:
        return LintReport(None, error.problems, ())
    return LintReport(policy, (), tuple(warnings_of(policy.definitions, systems)))


def warnings_of(definitions: Definitions, systems: Iterable[str] | None = None) -> Iterator[Problem]:
    """The warnings of a policy that loads, in the order of its parts."""
    granted = {name for role in definitions.roles.values() for name in role.grants}
    known = None if systems is None else sorted(set(systems))
    for entitlement in definitions.entitlements.values():
        if entitlement.id not in granted:
            hint = "Name it in the grants of a role, or take it out: whoever holds it now will lose it."
            yield _at(entitlement.place, f"No role grants the entitlement “{entitlement.id}”.", hint)
        if entitlement.tier is not Tier.BIRTHRIGHT and not entitlement.approval:
            message = f"The entitlement “{entitlement.id}” is {entitlement.tier.value}, and nobody approves it."
            yield _at(entitlement.place, message, "Take “approval: false” out, or make it birthright.")
        if known is not None and entitlement.system not in known:
            message = f"The settings have no system “{entitlement.system}”."
            yield _at(entitlement.place, message, did_you_mean(entitlement.system, known))
    for role in definitions.roles.values():
        if not role.grants:
            yield _at(role.place, f"The role “{role.id}” grants nothing.")
    matched = {matcher.attribute for role in definitions.roles.values() for matcher in role.match}
    for attribute in definitions.attributes.values():
        if attribute.name not in matched and attribute.name not in definitions.mover_attributes:
            yield _at(attribute.place, f"No role looks at the attribute “person.{attribute.name}”.")


def _at(place: str, message: str, hint: str = "") -> Problem:
    file, _, line = place.rpartition(":")
    return Problem(file, int(line), 1, message, hint)
