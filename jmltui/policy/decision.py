"""From the values of attributes to what is due, what nobody can tell and what may be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jmltui.domain.access import Assignment

from .facts import dotted
from .matching import CompiledRoles
from .model import Condition, Definitions, PolicyEntitlement, PolicyRole

KEPT: Final = 10_000
"""How many reasons, and how many assignments with theirs, are kept to be given to other people as well."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What people with the same values are due by role; windows, requirements and exceptions come after.

    `maybe_request` is what nobody can tell whether they may ask for it.
    """

    due: tuple[Assignment, ...]
    undecided: tuple[Assignment, ...]
    may_request: tuple[str, ...]
    roles: tuple[PolicyRole, ...]
    maybe_request: tuple[str, ...] = ()


class Decider:
    """All roles and conditions of a policy, compiled."""

    def __init__(self, definitions: Definitions) -> None:
        self._entitlements = definitions.entitlements
        self._compiled = CompiledRoles(tuple(definitions.roles.values()))
        conditions = [r.when for r in definitions.roles.values()] + [e.when for e in definitions.entitlements.values()]
        stated = [condition for condition in conditions if condition is not None]
        self.has_conditions = bool(stated)
        matched = [dotted(name) for name in self._compiled.attributes]
        asked = [name for condition in stated for name in condition.expression.attributes]
        self.names = tuple(dict.fromkeys([*matched, *asked]))
        self._reasons: dict[tuple[str | None, ...], str] = {}
        self._assignments: dict[tuple[str, str], Assignment] = {}
        self._tests = {condition.text: condition.expression.over(self.names) for condition in stated}

    def decide(self, texts: Mapping[str, str | None], values: Mapping[str, object]) -> Answer:
        """The answer for texts by bare name and typed values by dotted name."""
        compiled, row = self._compiled, [values.get(name) for name in self.names]
        matching, unknown = compiled.match(
            [texts[name] for name in compiled.attributes], [texts[name] for name in compiled.needed]
        )
        due: dict[str, Assignment] = {}
        undecided: dict[str, Assignment] = {}
        requestable: dict[str, None] = {}
        doubtful: dict[str, None] = {}
        roles = []
        for role in compiled.of(matching):
            answer = self._tests[role.when.text](row) if role.when is not None else True
            if answer:
                roles.append(role)
                requestable |= dict.fromkeys(role.may_request)
                self._give(role, texts, values, row, due, undecided)
            elif answer is None and role.when is not None:
                why = f"cannot tell: {_empty(role.when, values)} (role {role.id})"
                self._doubt(role, why, undecided)
                doubtful |= dict.fromkeys(role.may_request)
        for role in compiled.of(unknown):
            if role.when is None or self._tests[role.when.text](row) is not False:
                names = [dotted(m.attribute) for m in role.match if texts[m.attribute] is None]
                self._doubt(role, f"cannot tell: {', '.join(names)} is empty (role {role.id})", undecided)
                doubtful |= dict.fromkeys(role.may_request)
        left = tuple(a for name, a in undecided.items() if name not in due)
        asked = tuple(name for name in requestable if name not in due)
        return Answer(tuple(due.values()), left, asked, tuple(roles), tuple(doubtful))

    def _give(
        self,
        role: PolicyRole,
        texts: Mapping[str, str | None],
        values: Mapping[str, object],
        row: Sequence[object],
        due: dict[str, Assignment],
        undecided: dict[str, Assignment],
    ) -> None:
        """Make due what a role that applies grants, as far as the entitlement's own condition lets it."""
        reason = ""
        for name in role.grants:
            if name in due:
                continue
            entitlement = self._entitlements[name]
            answer = True if entitlement.when is None else self._tests[entitlement.when.text](row)
            if answer:
                reason = reason or self._reason(role, texts)
                due[name] = self._assignment(entitlement, role, reason)
            elif answer is None and entitlement.when is not None:
                why = f"cannot tell: {_empty(entitlement.when, values)} (entitlement {name})"
                undecided.setdefault(name, assignment(entitlement, role, why))

    def _reason(self, role: PolicyRole, texts: Mapping[str, str | None]) -> str:
        values = (role.id, *[texts[m.attribute] for m in role.match])
        reason = self._reasons.get(values)
        if reason is None:
            if len(self._reasons) >= KEPT:
                self._reasons.clear()
            reason = self._reasons[values] = _reason(role, texts)
        return reason

    def _assignment(self, entitlement: PolicyEntitlement, role: PolicyRole, reason: str) -> Assignment:
        key = (entitlement.id, reason)
        found = self._assignments.get(key)
        if found is None:
            if len(self._assignments) >= KEPT:
                self._assignments.clear()
            told = reason if entitlement.when is None else f"{reason}; {entitlement.when.text}"
            found = self._assignments[key] = assignment(entitlement, role, told)
        return found

    def _doubt(self, role: PolicyRole, why: str, undecided: dict[str, Assignment]) -> None:
        for name in role.grants:
            undecided.setdefault(name, assignment(self._entitlements[name], role, why))


def assignment(entitlement: PolicyEntitlement, role: PolicyRole, reason: str) -> Assignment:
    """What a role makes due."""
    return Assignment(
        entitlement=entitlement.id,
        system=entitlement.system,
        target=entitlement.target,
        reason=reason,
        tier=entitlement.tier,
        role=role.id,
        remote_access=entitlement.remote_access,
        privileged=entitlement.privileged,
        approval=entitlement.approval,
        approval_path=entitlement.approval_path,
        licensed=entitlement.licence is not None,
    )


def _reason(role: PolicyRole, texts: Mapping[str, str | None]) -> str:
    told = [f"{dotted(m.attribute)} is {texts[m.attribute]}" for m in role.match]
    return f"role {role.id}: " + ", ".join([*told, *([role.when.text] if role.when is not None else [])])


def _empty(condition: Condition, values: Mapping[str, object]) -> str:
    names = [name for name in condition.expression.attributes if values.get(name) is None]
    return f"{', '.join(names)} is empty" if names else f"{condition.text} cannot be evaluated"
