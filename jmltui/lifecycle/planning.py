"""Plans for people: the policy's word against the mirrors, for one person or many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlmodel import Session

from jmltui.adapter_api import Capabilities
from jmltui.cache import systems
from jmltui.domain.case import CaseKind
from jmltui.domain.diff import DiffLine, HeldAccount, HeldGrant, diff
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.least import keep_enough
from jmltui.domain.person import Person
from jmltui.domain.plan import Plan, PlannedStep, make_plan, unplanned
from jmltui.domain.procedure import Do, StepTemplate
from jmltui.domain.template import MissingValue
from jmltui.errors import NotAllowed

from .workshop import Workshop

BY_HAND = "by-hand"


class Planner:
    """Plans against one consistent state of the cache; made for a session and a set of people."""

    def __init__(self, workshop: Workshop, session: Session, people: Sequence[Person]) -> None:
        self._workshop = workshop
        policy = workshop.policy
        self._world = systems.world(session, policy.managed(), policy.managed_systems, policy.remote_access())
        ids = [person.id for person in people]
        self._accounts, self._grants = systems.held_by(session, ids)
        self._plans: dict[tuple[CaseKind, int], Plan] = {}
        self._keep = policy.guards.protected.keep_at_least
        self._members = systems.members(session, self._keep) if self._keep else {}
        self._capabilities: dict[str, Capabilities] = {
            name: workshop.adapters.built(name).capabilities() for name in workshop.settings.systems
        }

    @property
    def policy_hash(self) -> str:
        """The hash of the policy that is planned by."""
        return self._workshop.policy.hash

    def has_procedure(self, kind: CaseKind) -> bool:
        """Whether the policy says how to go about a case of this kind."""
        return self._workshop.policy.procedure(kind.value) is not None

    def removals(self, kind: CaseKind, person: Person) -> int:
        """How many lines of the plan take something away; 0 without a procedure."""
        if not self.has_procedure(kind):
            return 0
        return sum(line.kind is DiffKind.REMOVE for line in self.plan(kind, person).lines)

    def plan(self, kind: CaseKind, person: Person) -> Plan:
        """The plan of a case of this kind, made once. Raises NotAllowed when the policy has no procedure for it."""
        found = self._plans.get((kind, person.id))
        if found is None:
            found = self._plans[kind, person.id] = self._made(kind, person)
        return found

    def _made(self, kind: CaseKind, person: Person) -> Plan:
        policy = self._workshop.policy
        procedure = policy.procedure(kind.value)
        if procedure is None:
            raise NotAllowed(f"The policy has no procedure for a {kind.value}.", hint="Add one under `procedures`.")
        accounts: Sequence[HeldAccount] = self._accounts.get(person.id, [])
        grants: Sequence[HeldGrant] = self._grants.get(person.id, [])
        logins, wanted, gaps = new_accounts(self._workshop, person)
        lines = diff(
            kind,
            person,
            logins,
            policy.assignments(person),
            accounts,
            grants,
            self._world,
            policy.guards.protected,
            undecided=policy.undecided(person),
        )
        lines = tuple(blocked_without_login(line, gaps) for line in lines)
        lines = keep_enough(lines, self._members, self._keep)
        made = make_plan(person, procedure, lines, accounts, self._capabilities, wanted, policy.hash)
        return _with_rest(made)


def new_accounts(
    workshop: Workshop, person: Person
) -> tuple[dict[str, str], dict[str, Mapping[str, str]], dict[str, str]]:
    """Login and attributes of a new account per system, and per system the attribute that is missing for one."""
    logins: dict[str, str] = {}
    wanted: dict[str, Mapping[str, str]] = {}
    gaps: dict[str, str] = {}
    for name, system in workshop.settings.systems.items():
        try:
            logins[name] = system.login.render(person) if system.login else person.key
            attributes = {key: template.render(person) for key, template in system.attributes.items()}
        except MissingValue as missing:
            gaps[name] = missing.attribute
            continue
        wanted[name] = {**attributes, "login": logins[name], "external_id": person.key}
    return logins, wanted, gaps


def blocked_without_login(line: DiffLine, gaps: Mapping[str, str]) -> DiffLine:
    """The line as it is, or blocked where the account that it needs cannot be made."""
    if line.account_id or line.system not in gaps or line.operation is None:
        return line
    reason = f"no account can be made: the person has no {gaps[line.system]}"
    return replace(line, kind=DiffKind.BLOCKED, operation=None, reason=reason)


def _with_rest(plan: Plan) -> Plan:
    """What no step can carry out becomes a manual step, so that the case does not close without it."""
    rest = [*plan.blocked, *unplanned(plan)]
    if not rest:
        return plan
    text = "\n".join(f"- {line.system}: {line.target} of {line.login or 'nobody'}: {line.reason}" for line in rest)
    template = StepTemplate(
        id=BY_HAND,
        do=Do.MANUAL,
        title=f"Settle {len(rest)} by hand",
        owner=plan.procedure.owner,
        fallback_owner=plan.procedure.fallback_owner,
        text=f"jmltui cannot do the following by itself. Look at each, settle it, then attest:\n{text}",
    )
    return replace(plan, steps=(PlannedStep(template, (), approval=False), *plan.steps))
