"""Plans: the diff laid out as the steps of a procedure, each with the adapter actions that will be called.

A plan is bound by its hash: approvals hold for one hash only, and an executor refuses an action whose
target no longer is what the plan was computed from (`expects`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from .approval import ApprovalPath, as_json
from .danger import Danger
from .diff import DiffLine
from .diff_kind import DiffKind
from .operation import Cap, Proof
from .procedure import Procedure, StepTemplate


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """One "make it so" call. `account_id` is empty until the create action of the same plan has given one.

    `expects` is what was known of the target when the plan was made (login, state); `wanted` the attributes
    of an account to create. `manual` actions are done by a person because the system offers no such call.
    """

    system: str
    operation: Cap
    account_id: str
    login: str
    entitlement_id: str
    target: str
    reason: str
    wanted: Mapping[str, str] = field(default_factory=dict)
    expects: Mapping[str, str] = field(default_factory=dict)
    proof: Proof = Proof.READ_BACK
    danger: Danger = Danger.SAFE
    inverse: Cap | None = None
    manual: bool = False
    note: str = ""

    def fingerprint(self) -> str:
        """SHA-256 of what the action is and what it was computed from."""
        return _sha256(
            [self.system, self.operation.value, self.account_id, self.login, self.entitlement_id, self.target,
             dict(self.wanted), dict(self.expects), self.manual]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of the procedure with its actions; an automatic step without actions has nothing to do.

    Without a `path` anybody but requester and subject may approve.
    """

    template: StepTemplate
    actions: tuple[PlannedAction, ...]
    approval: bool
    path: ApprovalPath | None = None

    @property
    def danger(self) -> Danger:
        """The worst grade of its actions."""
        return max((a.danger for a in self.actions), default=Danger.SAFE)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan of a case: the diff it came from and the steps that close it."""

    procedure: Procedure
    lines: tuple[DiffLine, ...]
    steps: tuple[PlannedStep, ...]
    policy_hash: str
    urgent: bool = False

    @property
    def target(self) -> timedelta:
        """How long the case may take from its due instant."""
        urgent = self.procedure.urgent if self.urgent else None
        return urgent.target if urgent is not None else self.procedure.target

    def hash(self) -> str:
        """SHA-256 over every action with the state it was computed from, the steps and the policy."""
        steps = [
            [
                s.template.id,
                s.template.do.value,
                s.approval,
                s.template.text,
                [a.fingerprint() for a in s.actions],
                *([as_json(s.path)] if s.path is not None else []),
            ]
            for s in self.steps
        ]
        return _sha256([self.policy_hash, self.procedure.id, steps])

    @property
    def danger(self) -> Danger:
        """The worst grade of all steps."""
        return max((s.danger for s in self.steps), default=Danger.SAFE)

    @property
    def blocked(self) -> tuple[DiffLine, ...]:
        """The lines that cannot be carried out as they stand."""
        return tuple(line for line in self.lines if line.kind is DiffKind.BLOCKED)


def plan_hash(base: str, fingerprints: Sequence[str]) -> str:
    """The hash of a plan that follows another one: the way back of what that one did."""
    return _sha256([base, list(fingerprints)])


def _sha256(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
