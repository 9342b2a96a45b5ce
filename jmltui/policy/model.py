"""What a policy folder states, once it is read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from jmltui.domain.access import Tier
from jmltui.domain.approval import ApprovalPath
from jmltui.domain.guards import Guards
from jmltui.domain.procedure import Procedure
from jmltui.domain.separation import SeparationRule

if TYPE_CHECKING:
    from jmltui.domain.window import Window

    from .expression import Expression


@dataclass(frozen=True, slots=True)
class Condition:
    """A `when:`: the expression as it is written, where it stands, and compiled."""

    text: str
    place: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Licence:
    """What an entitlement costs: `monthly_cost` is a decimal number as text, "" when it is not stated."""

    sku: str
    monthly_cost: str


@dataclass(frozen=True, slots=True)
class PolicyEntitlement:
    """An entitlement that the policy speaks of.

    `target` is `account` or `kind:name`, `place` is file:line. `approval_path` names an approval path; "" with
    `approval` means anybody else. `max_duration` ends what was requested; `break_glass` lets it be taken at once.
    """

    id: str
    system: str
    target: str
    tier: Tier
    approval: bool
    remote_access: bool
    privileged: bool
    place: str
    approval_path: str = ""
    when: Condition | None = None
    window: Window | None = None
    max_duration: timedelta | None = None
    break_glass: bool = False
    licence: Licence | None = None


@dataclass(frozen=True, slots=True)
class Matcher:
    """One line of a role's `match`: the attribute must have one of the values.

    `attribute` has no `person.` before it; other prefixes (`device.managed`) stay.
    """

    attribute: str
    values: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Requirements:
    """What people whom a role matches must have: a last day (`max_contract` after the first at most), a sponsor."""

    ends: bool
    sponsor: bool
    max_contract: timedelta | None


@dataclass(frozen=True, slots=True)
class PolicyRole:
    """A business role: whom it matches (all matchers, and the condition), and the ids of the entitlements it grants.

    `may_request` are the ids that the people it matches may ask for.
    """

    id: str
    match: tuple[Matcher, ...]
    grants: tuple[str, ...]
    place: str
    when: Condition | None = None
    may_request: tuple[str, ...] = ()
    require: Requirements | None = None
    warn_before_end: timedelta | None = None


@dataclass(frozen=True, slots=True)
class PolicyAttribute:
    """An attribute with its type (string, int, bool, timestamp, list); `values` empty means any.

    `name` has no `person.` before it; other prefixes (`device.managed`, `now.hour`) stay.
    """

    name: str
    values: tuple[str, ...]
    place: str
    type: str = "string"
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Team:
    """Who a `team:` is: logins, and the members of a group of this host."""

    id: str
    members: tuple[str, ...]
    group: str
    place: str


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may take access at once in an emergency, for how long at most, and within what time it must be reviewed."""

    who: tuple[str, ...]
    max_duration: timedelta
    review_within: timedelta
    tell: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """A campaign that opens by itself `every` so often.

    `scope` is all, privileged, system:NAME, role:ID, type:KIND or unused:DURATION. `on_no_answer` is keep, revoke,
    revoke_elevated, disable or escalate; `answer_within` is how long reviewers have.
    """

    id: str
    every: timedelta
    scope: str
    reviewer: str
    fallback: str
    on_no_answer: str
    answer_within: timedelta
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
    timezone: str = ""
    separation: Mapping[str, SeparationRule] = field(default_factory=dict)
    approvals: Mapping[str, ApprovalPath] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    system_owners: Mapping[str, str] = field(default_factory=dict)
    break_glass: BreakGlass | None = None
    reviews: Mapping[str, ReviewRule] = field(default_factory=dict)
