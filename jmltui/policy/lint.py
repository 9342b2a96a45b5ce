"""What is allowed in a policy and still is wrong, or looks so: beside the errors that `load` refuses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jmltui.domain.access import Tier
from jmltui.domain.approval import ApprovalPath
from jmltui.domain.nearest import did_you_mean
from jmltui.errors import PolicyError, Problem

from . import usage
from .attributes import STANDARD, full_name
from .model import Definitions, PolicyEntitlement, PolicyRole
from .people_words import OWNERS
from .policy import Policy
from .quorum import SYSTEM_OWNER, lacking
from .reader import Reading, read
from .separation import broken_by_roles, told


@dataclass(frozen=True, slots=True)
class LintReport:
    """`policy` is None when it cannot be loaded; `errors` may be there although it can, `warnings` only then."""

    policy: Policy | None
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def lint(folder: Path, systems: Iterable[str] | None = None) -> LintReport:
    """Everything wrong with a folder. `systems` are the names in the settings, where they are known."""
    try:
        reading = read(folder)
    except PolicyError as error:
        return LintReport(None, error.problems, ())
    known = None if systems is None else sorted(set(systems))
    definitions = reading.definitions
    warnings = (*warnings_of(definitions, known), *_unknown_systems(reading, known), *reading.warnings)
    return LintReport(Policy(definitions), _by_place(errors_of(definitions)), _by_place(warnings))


def _by_place(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.column)))


def errors_of(definitions: Definitions) -> Iterator[Problem]:
    """What can never work in a policy that loads: access nobody can get, approvals nobody can give."""
    reachable = _reachable(definitions)
    for entitlement in definitions.entitlements.values():
        if entitlement.id not in reachable and not entitlement.approval_path:
            hint = "Name it in the grants or the may_request of a role, or take it out: whoever holds it will lose it."
            yield _at(entitlement.place, f"Nobody can get the entitlement “{entitlement.id}”.", hint)
        if entitlement.break_glass and definitions.break_glass is None:
            message = f"“{entitlement.id}” may be taken in an emergency, and no break_glass section says by whom."
            yield _at(entitlement.place, message, "Write break_glass: {who: [group:security], max_duration: 2h}.")
        yield from _without_system_owner(entitlement, definitions)
    for team in definitions.teams.values():
        if not team.members and not team.group:
            yield _at(team.place, f"The team “{team.id}” has no member and no group.")
    for path in definitions.approvals.values():
        if sentence := lacking(path, definitions.teams):
            yield _at(path.place, sentence, "Name more people, a group or a fallback.")


def warnings_of(definitions: Definitions, systems: Collection[str] | None = None) -> Iterator[Problem]:
    """What looks wrong in a policy that loads, in the order of its parts."""
    reachable = _reachable(definitions)
    for entitlement in definitions.entitlements.values():
        yield from _about_entitlement(entitlement, reachable, systems)
    for role in definitions.roles.values():
        yield from _about_role(role, definitions)
    for role, conflict in broken_by_roles(definitions.separation.values(), definitions.roles):
        if not conflict.rule.blocks:
            yield _at(role.place, told(role, conflict))
    used = usage.attributes(definitions)
    for attribute in definitions.attributes.values():
        if attribute.name not in used and attribute.name not in STANDARD:
            yield _at(attribute.place, f"Nothing looks at the attribute “{full_name(attribute.name)}”.")
    paths = usage.approval_paths(definitions)
    for path in definitions.approvals.values():
        if path.id not in paths:
            yield _at(path.place, f"Nothing goes by the approval path “{path.id}”.")
        yield from _late_fallbacks(path)
    yield from _about_teams(definitions)
    for rule in definitions.reviews.values():
        if rule.reviewer in OWNERS and not rule.fallback:
            hint = "Add a fallback, for example fallback: team:security."
            yield _at(rule.place, f"Where somebody has no {rule.reviewer}, “{rule.id}” asks nobody.", hint)
    glass = definitions.break_glass
    if glass is not None and not any(entitlement.break_glass for entitlement in definitions.entitlements.values()):
        hint = "Write break_glass: true at the entitlements that may."
        yield _at(glass.place, "No entitlement may be taken in an emergency.", hint)


def _reachable(definitions: Definitions) -> set[str]:
    """What a role grants or lets people ask for, and what may be taken in an emergency."""
    found = {name for role in definitions.roles.values() for name in (*role.grants, *role.may_request)}
    return found | {entitlement.id for entitlement in definitions.entitlements.values() if entitlement.break_glass}


def _without_system_owner(entitlement: PolicyEntitlement, definitions: Definitions) -> Iterator[Problem]:
    """An approval path that only the owner of a system can satisfy, and a system without one."""
    path = definitions.approvals.get(entitlement.approval_path)
    if path is None or not any(SYSTEM_OWNER in (*s.approvers, *s.fallback) for s in path.stages):
        return
    owner = definitions.system_owners.get(entitlement.system, "")
    sentence = lacking(path, definitions.teams, owner)
    if sentence and not lacking(path, definitions.teams):
        hint = f"Write system_owners: {{{entitlement.system}: team:NAME}}." if not owner else ""
        yield _at(entitlement.place, f"Nobody can approve “{entitlement.id}”: {sentence}", hint)


def _about_entitlement(
    entitlement: PolicyEntitlement, reachable: Collection[str], systems: Collection[str] | None
) -> Iterator[Problem]:
    name, place = entitlement.id, entitlement.place
    if entitlement.approval_path and name not in reachable:
        hint = "Name it in the may_request of a role, if that is not meant."
        yield _at(place, f"Only an exception from the policy can give the entitlement “{name}”.", hint)
    if entitlement.tier is not Tier.BIRTHRIGHT and not entitlement.approval:
        message = f"The entitlement “{name}” is {entitlement.tier.value}, and nobody approves it."
        yield _at(place, message, "Take “approval: false” out, or make it birthright.")
    if entitlement.window is not None:
        message = f"The worker grants “{name}” and removes it at the edges of {entitlement.window.told()}."
        yield _at(place, message, "Who is signed in at an edge may stay so, and without the worker nothing changes.")
    if systems is not None and entitlement.system not in systems:
        message = f"The settings have no system “{entitlement.system}”."
        yield _at(place, message, did_you_mean(entitlement.system, systems))


def _about_role(role: PolicyRole, definitions: Definitions) -> Iterator[Problem]:
    if not (role.grants or role.may_request or role.require or role.warn_before_end):
        yield _at(role.place, f"The role “{role.id}” grants nothing.")
    for name in role.may_request:
        if name in role.grants:
            yield _at(role.place, f"The role “{role.id}” grants “{name}”, so nobody has to ask for it.")
        elif definitions.entitlements[name].tier is Tier.BIRTHRIGHT:
            message = f"The role “{role.id}” lets people ask for “{name}”, which is birthright."
            yield _at(role.place, message, "Make it elevated or jit, or let a role grant it.")


def _late_fallbacks(path: ApprovalPath) -> Iterator[Problem]:
    for number, stage in enumerate(path.stages, 1):
        after = stage.fallback_after
        if after is not None and path.expires_after is not None and after >= path.expires_after:
            message = f"The fallback of stage {number} of “{path.id}” comes when the request has expired already."
            yield _at(path.place, message, "Shorten “fallback_after”, or lengthen “expires_after”.")


def _about_teams(definitions: Definitions) -> Iterator[Problem]:
    if not definitions.teams:
        return
    used = {word.removeprefix("team:") for word in usage.people_words(definitions) if word.startswith("team:")}
    for team in definitions.teams.values():
        if team.id not in used:
            yield _at(team.place, f"Nothing names the team “{team.id}”.")
    first = next(iter(definitions.teams.values()))
    missing: dict[str, list[str]] = {}
    for kind in sorted(definitions.built_in):
        for word in dict.fromkeys(usage.owners(definitions.procedures[kind])):
            if word.startswith("team:") and word.removeprefix("team:") not in definitions.teams:
                missing.setdefault(word, []).append(kind)
    for word, kinds in sorted(missing.items()):
        message = f"“{word}” owns work of the built-in procedures ({', '.join(kinds)}), and “teams” does not state it."
        yield _at(first.place, message, "State the team, or procedures of your own.")


def _unknown_systems(reading: Reading, systems: Collection[str] | None) -> Iterator[Problem]:
    """Systems that something names, and neither an entitlement nor the settings have."""
    stated = {entitlement.system for entitlement in reading.definitions.entitlements.values()} | set(systems or ())
    for name, where in reading.named_systems:
        if name not in stated:
            whose = "The policy has no entitlement on a system" if systems is None else "There is no system"
            message = f"{whose} “{name}”."
            yield Problem(where.file, where.line, where.column, message, did_you_mean(name, stated))


def _at(place: str, message: str, hint: str = "") -> Problem:
    file, _, line = place.rpartition(":")
    return Problem(file, int(line), 1, message, hint)
