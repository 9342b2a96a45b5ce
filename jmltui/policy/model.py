"""What a policy folder states, once it is read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jmltui.domain.access import Tier
from jmltui.domain.guards import Guards
from jmltui.domain.procedure import Procedure


@dataclass(frozen=True, slots=True)
class PolicyEntitlement:
    """An entitlement that the policy speaks of.

    `target` is `account` or `kind:name`, `place` is file:line.
    """

    id: str
    system: str
    target: str
    tier: Tier
    approval: bool
    remote_access: bool
    privileged: bool
    place: str


@dataclass(frozen=True, slots=True)
class Matcher:
    """One line of a role's `match`: the attribute must have one of the values.

    `attribute` has no `person.` before it.
    """

    attribute: str
    values: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class PolicyRole:
    """A business role: whom it matches (all matchers), and the ids of the entitlements it grants."""

    id: str
    match: tuple[Matcher, ...]
    grants: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class PolicyAttribute:
    """An attribute beyond the standard ones that a policy may match on; `values` empty means any text."""

    name: str
    values: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything of a folder. `built_in` names the procedures which the folder does not state itself."""

    entitlements: Mapping[str, PolicyEntitlement]
    roles: Mapping[str, PolicyRole]
    attributes: Mapping[str, PolicyAttribute]
    procedures: Mapping[str, Procedure]
    built_in: frozenset[str]
    guards: Guards
    mover_attributes: tuple[str, ...]
