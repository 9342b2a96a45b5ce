"""The policy in force: who is due what, and why. Pure after loading."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from enum import Enum
from pathlib import Path

from jmltui.domain.access import ACCOUNT_TARGET, Assignment, Tier
from jmltui.domain.guards import Guards
from jmltui.domain.person import Person
from jmltui.domain.procedure import Procedure

from .explain import Explanation, explain
from .matching import CompiledRoles
from .model import Definitions, PolicyEntitlement, PolicyRole
from .reader import read_folder

_KEPT_ANSWERS = 50_000
_NOT_STATED = frozenset({"place", "expression"})
"""Fields that say where a rule stands or are made of others; a policy that is only moved keeps its hash."""


def load(folder: Path) -> Policy:
    """The policy of a folder (or of one file). Raises PolicyError with every problem of it."""
    return Policy(read_folder(folder))


class Policy:
    """Roles, entitlements, procedures and guards of one folder, ready to answer for many people."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.hash = hashlib.sha256(canonical(definitions).encode("ascii")).hexdigest()
        self.entitlements: Mapping[str, PolicyEntitlement] = definitions.entitlements
        self.roles: Mapping[str, PolicyRole] = definitions.roles
        self.procedures: Mapping[str, Procedure] = definitions.procedures
        self.guards: Guards = definitions.guards
        self.mover_attributes: tuple[str, ...] = definitions.mover_attributes
        self.managed_systems: frozenset[str] = frozenset(e.system for e in self.entitlements.values())
        self._compiled = CompiledRoles(tuple(self.roles.values()))
        self._answers: dict[tuple[str | None, ...], tuple[tuple[Assignment, ...], tuple[Assignment, ...]]] = {}

    @property
    def matched_attributes(self) -> tuple[str, ...]:
        """The attributes that roles ask for: people with equal values of all of them are due the same."""
        return self._compiled.attributes

    def managed(self) -> frozenset[tuple[str, str]]:
        """The (system, target) pairs that the policy speaks of."""
        return frozenset((e.system, e.target) for e in self.entitlements.values())

    def remote_access(self) -> frozenset[tuple[str, str]]:
        """The (system, target) pairs that are ways in from outside; they stand on every leaver's list."""
        return frozenset((e.system, e.target) for e in self.entitlements.values() if e.remote_access)

    def assignments(self, person: Person) -> tuple[Assignment, ...]:
        """What the person is due, ordered by system, the bare account first on each."""
        return self._answer(person)[0]

    def undecided(self, person: Person) -> tuple[Assignment, ...]:
        """What nobody can tell, because an attribute is empty: neither granted nor taken away.

        `reason` says which.
        """
        return self._answer(person)[1]

    def explain(self, person: Person, entitlement: str | None = None) -> Explanation:
        """Why the person is due an entitlement or is not; of all entitlements when none is named.

        Raises KeyError for an id that the policy does not have.
        """
        return explain(self.definitions, self.hash, person, entitlement)

    def procedure(self, kind: str) -> Procedure | None:
        """The procedure of a case kind, or None where the policy has none."""
        return self.procedures.get(kind)

    def _answer(self, person: Person) -> tuple[tuple[Assignment, ...], tuple[Assignment, ...]]:
        values = self._compiled.values(person)
        answer = self._answers.get(values)
        if answer is None:
            if len(self._answers) >= _KEPT_ANSWERS:
                self._answers.clear()
            self._answers[values] = answer = self._decide(values)
        return answer

    def _decide(self, values: tuple[str | None, ...]) -> tuple[tuple[Assignment, ...], tuple[Assignment, ...]]:
        known = dict(zip(self._compiled.attributes, values, strict=True))
        matching, unknown = self._compiled.match(values)
        due: dict[str, Assignment] = {}
        for role in self._compiled.of(matching):
            reason = f"role {role.id}: " + ", ".join(
                f"person.{m.attribute} is {known[m.attribute]}" for m in role.match
            )
            for name in role.grants:
                due.setdefault(name, self._assignment(name, role, reason))
        undecided: dict[str, Assignment] = {}
        for role in self._compiled.of(unknown):
            empty = ", ".join(f"person.{m.attribute}" for m in role.match if known[m.attribute] is None)
            reason = f"cannot tell: {empty} is empty (role {role.id})"
            for name in role.grants:
                if name not in due:
                    undecided.setdefault(name, self._assignment(name, role, reason))
        held = {a.system for a in due.values()}
        doubtful = [a for a in _with_accounts(undecided) if a.target != ACCOUNT_TARGET or a.system not in held]
        return _ordered(_with_accounts(due)), _ordered(doubtful)

    def _assignment(self, name: str, role: PolicyRole, reason: str) -> Assignment:
        entitlement = self.entitlements[name]
        return Assignment(
            entitlement=name,
            system=entitlement.system,
            target=entitlement.target,
            reason=reason,
            tier=entitlement.tier,
            role=role.id,
            remote_access=entitlement.remote_access,
            privileged=entitlement.privileged,
            approval=entitlement.approval,
        )


def implied_account(system: str) -> str:
    """The id of the bare account that is due wherever anything is; no policy can define such an id."""
    return f"{ACCOUNT_TARGET}:{system}"


def _with_accounts(found: Mapping[str, Assignment]) -> list[Assignment]:
    """The assignments, and a bare account on each system where only something else is due."""
    stated = {a.system for a in found.values() if a.target == ACCOUNT_TARGET}
    implied: dict[str, Assignment] = {}
    for a in found.values():
        if a.system not in stated and a.system not in implied:
            implied[a.system] = Assignment(
                implied_account(a.system),
                a.system,
                ACCOUNT_TARGET,
                a.reason,
                tier=Tier.BIRTHRIGHT,
                role=a.role,
            )
    return [*implied.values(), *found.values()]


def _ordered(found: list[Assignment]) -> tuple[Assignment, ...]:
    return tuple(sorted(found, key=lambda a: (a.system, a.target != ACCOUNT_TARGET, a.entitlement)))


def canonical(definitions: Definitions) -> str:
    """The one text that the hash is of: JSON of what is stated, without the places where it is stated."""
    return json.dumps(_plain(definitions), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in _NOT_STATED}
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(member) for member in value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, (date, time)) else value
