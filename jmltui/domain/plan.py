"""Plans: the diff laid out as the steps of a procedure, each with the adapter actions that will be called.

A plan is bound by its hash: approvals hold for one hash only, and an executor refuses an action whose
target no longer is what the plan was computed from (`expects`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .access import ACCOUNT_TARGET, Account, AccountState
from .danger import Danger, grade
from .diff import DiffLine, HeldAccount
from .diff_kind import DiffKind
from .operation import INVERSE, Cap, Capabilities, Proof, Support
from .person import Person
from .procedure import Do, Procedure, StepTemplate


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
    """A step of the procedure with its actions; an automatic step without actions has nothing to do."""

    template: StepTemplate
    actions: tuple[PlannedAction, ...]
    approval: bool

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

    def hash(self) -> str:
        """SHA-256 over every action with the state it was computed from, the steps and the policy."""
        steps = [
            [
                s.template.id,
                s.template.do.value,
                s.approval,
                s.template.text,
                [a.fingerprint() for a in s.actions],
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


_OPERATIONS: Mapping[Do, tuple[Cap, ...]] = {
    Do.ACCOUNT_CREATE: (Cap.CREATE, Cap.ENABLE),
    Do.ACCOUNT_ENABLE: (Cap.ENABLE,),
    Do.ACCOUNT_DISABLE: (Cap.DISABLE,),
    Do.GRANTS_ADD: (Cap.GRANT,),
    Do.GRANTS_REMOVE: (Cap.REVOKE, Cap.DISABLE),
    Do.GRANTS_REMOVE_ALL: (Cap.REVOKE,),
}

_PER_ACCOUNT: Mapping[Do, Cap] = {
    Do.ACCOUNT_DELETE: Cap.DELETE,
    Do.SESSIONS_END: Cap.END_SESSIONS,
    Do.CREDENTIALS_REVOKE: Cap.REVOKE_CREDENTIALS,
}


def make_plan(
    person: Person,
    procedure: Procedure,
    lines: Sequence[DiffLine],
    accounts: Sequence[HeldAccount],
    capabilities: Mapping[str, Capabilities],
    wanted: Mapping[str, Mapping[str, str]],
    policy_hash: str,
) -> Plan:
    """Lay the diff out over the procedure. Each line with an operation lands in exactly one step, or in none.

    `wanted` gives, per system, the attributes of an account to create. A line that no step of the procedure
    takes up stays visible in the diff and is reported by `unplanned`.
    """
    by_id = {(a.system, a.account.id): a.account for a in accounts}
    taken: set[int] = set()
    steps = []
    for template in procedure.steps:
        actions = tuple(_actions(template, lines, taken, by_id, capabilities, wanted))
        needs = template.approval or any(
            line.approval for line in lines if line.operation in _OPERATIONS.get(template.do, ()) and line.approval
        )
        steps.append(PlannedStep(template, actions, approval=needs and (bool(actions) or template.do is Do.APPROVAL)))
    return Plan(procedure, tuple(lines), tuple(steps), policy_hash)


def unplanned(plan: Plan) -> tuple[DiffLine, ...]:
    """Lines with an operation that no step of the plan carries out: a gap of the procedure, shown to the
    operator.
    """
    planned = {(a.system, a.operation, a.account_id, a.entitlement_id, a.target) for s in plan.steps for a in s.actions}
    return tuple(
        line
        for line in plan.lines
        if line.operation is not None
        and (line.system, line.operation, line.account_id, line.entitlement_id, line.target) not in planned
    )


def _actions(
    template: StepTemplate,
    lines: Sequence[DiffLine],
    taken: set[int],
    accounts: Mapping[tuple[str, str], Account],
    capabilities: Mapping[str, Capabilities],
    wanted: Mapping[str, Mapping[str, str]],
) -> Iterable[PlannedAction]:
    for index, line in enumerate(lines):
        if index in taken or line.operation not in _OPERATIONS.get(template.do, ()) or not _selected(template.on, line):
            continue
        taken.add(index)
        account = accounts.get((line.system, line.account_id))
        yield _action(line, line.operation, account, capabilities, wanted.get(line.system, {}))
    operation = _PER_ACCOUNT.get(template.do)
    if operation is not None:
        for (system, account_id), account in sorted(accounts.items()):
            line = DiffLine(
                DiffKind.REMOVE,
                system,
                operation,
                account_id,
                account.login,
                "",
                ACCOUNT_TARGET,
                template.title,
            )
            if _selected(template.on, line) and account.state is not AccountState.DELETED:
                yield _action(line, operation, account, capabilities, {})


def _selected(on: str, line: DiffLine) -> bool:
    if on.startswith("system:"):
        return line.system == on.removeprefix("system:")
    if on == "remote_access":
        return line.remote_access
    return True


def _action(
    line: DiffLine,
    operation: Cap,
    account: Account | None,
    capabilities: Mapping[str, Capabilities],
    wanted: Mapping[str, str],
) -> PlannedAction:
    support: Support | None = capabilities.get(line.system, {}).get(operation)
    expects = {"login": account.login, "state": account.state.value} if account else {}
    reversible = support.reversible if support else True
    return PlannedAction(
        system=line.system,
        operation=operation,
        account_id=line.account_id,
        login=line.login,
        entitlement_id=line.entitlement_id,
        target=line.target,
        reason=line.reason,
        wanted=dict(wanted) if operation is Cap.CREATE else {},
        expects=expects,
        proof=support.proof if support else Proof.NONE,
        danger=grade(operation, privileged=line.privileged, reversible=reversible),
        inverse=INVERSE.get(operation) if reversible else None,
        manual=support is None,
        note=support.note
        if support
        else f"{line.system} cannot do this through its adapter: do it by hand, then attest",
    )
