"""Plans for people: the policy's word against the mirrors, for one person or many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlmodel import Session

from jmltui.adapter_api import Cap, Capabilities
from jmltui.cache import exceptions, ownership, successors, systems
from jmltui.domain.access import Assignment
from jmltui.domain.asked import agreed_by, at_once
from jmltui.domain.case import CaseKind
from jmltui.domain.diff import DiffLine, HeldAccount, HeldBack, HeldGrant, diff, is_owned
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.estate import NOBODY, with_estate
from jmltui.domain.exception import AccessException, ExceptionKind, ExceptionState
from jmltui.domain.layout import giving_all, make_plan, unplanned, without_idle
from jmltui.domain.least import keep_enough
from jmltui.domain.person import Person
from jmltui.domain.plan import Plan, PlannedStep
from jmltui.domain.procedure import Do, Procedure, StepTemplate
from jmltui.domain.scope import Scope
from jmltui.domain.scoped_lines import disabled, revoked, scoped_accounts, within
from jmltui.domain.separated import separated
from jmltui.domain.template import MissingValue
from jmltui.errors import NotAllowed

from .offered import offered
from .workshop import Workshop

BY_HAND = "by-hand"
EVERYTHING = Scope()


class Planner:
    """Plans against one consistent state of the cache; made for a session and a set of people."""

    def __init__(self, workshop: Workshop, session: Session, people: Sequence[Person]) -> None:
        self._workshop = workshop
        self._session = session
        self._now = workshop.clock()
        policy = workshop.policy
        self._world = systems.world(
            session, policy.by_target, policy.managed_systems, policy.remote_access(), policy.licensed()
        )
        ids = [person.id for person in people]
        self._accounts, self._grants = systems.held_by(session, ids)
        self._exceptions = exceptions.standing_of(session, ids)
        self._owned = ownership.owned_by(session, people)
        self._rules = tuple(policy.definitions.separation.values())
        self._paths = {name: replace(path, place="") for name, path in policy.definitions.approvals.items()}
        self._plans: dict[tuple[CaseKind, int, Scope], Plan] = {}
        self._keep = policy.guards.protected.keep_at_least
        self._members = systems.members(session, self._keep) if self._keep else {}
        self._capabilities: dict[str, Capabilities] = {
            name: offered(workshop, session, name) for name in workshop.settings.systems
        }
        handing_over = [name for name, can in self._capabilities.items() if Cap.TRANSFER in can]
        self._successors = successors.successors(session, people, handing_over) if handing_over else {}

    @property
    def policy_hash(self) -> str:
        """The hash of the policy that is planned by."""
        return self._workshop.policy.hash

    @property
    def zone(self) -> str:
        """The zone of people who have none."""
        return self._workshop.zone

    def has_procedure(self, kind: CaseKind) -> bool:
        """Whether the policy says how to go about a case of this kind."""
        return self._workshop.policy.procedure(kind.value) is not None

    def removals(self, kind: CaseKind, person: Person) -> int:
        """How many lines of the plan take something away; 0 without a procedure."""
        if not self.has_procedure(kind):
            return 0
        return sum(line.kind is DiffKind.REMOVE for line in self.plan(kind, person).lines)

    def plan(self, kind: CaseKind, person: Person, scope: Scope = EVERYTHING) -> Plan:
        """The plan of a case of this kind, made once. Raises NotAllowed when the policy has no procedure for it."""
        found = self._plans.get((kind, person.id, scope)) if person.id else None
        if found is None:
            found = self._made(kind, person, scope)
            self._plans[kind, person.id, scope] = found
        return found

    def _made(self, kind: CaseKind, person: Person, scope: Scope) -> Plan:
        policy = self._workshop.policy
        procedure = policy.procedure(kind.value)
        if procedure is None:
            raise NotAllowed(f"The policy has no procedure for a {kind.value}.", hint="Add one under `procedures`.")
        procedure = self._agreed(procedure, person, scope)
        owned = self._owned.get(person.id, [])
        accounts: Sequence[HeldAccount] = [a for a in self._accounts.get(person.id, []) if not is_owned(person, a)]
        logins, wanted, gaps = new_accounts(self._workshop, person)
        if scope.is_everything:
            lines = self._lines(kind, person, logins, accounts, scope)
        else:
            lines, accounts = self._scoped(kind, person, logins, accounts, scope)
            owned = []
        lines = tuple(blocked_without_login(line, gaps) for line in lines)
        lines = keep_enough(lines, self._members, self._keep)
        successor = self._successors.get(person.id, NOBODY)
        if kind is CaseKind.LEAVER:
            procedure = giving_all(procedure, owned)
            procedure = with_estate(procedure, lines, accounts, self._capabilities, successor)
        ways_in = {system for system, _ in policy.remote_access()} if kind is CaseKind.LEAVER else set()
        made = make_plan(
            person,
            procedure,
            lines,
            accounts,
            self._capabilities,
            wanted,
            policy.hash,
            self._paths,
            owned,
            ways_in,
            successor,
        )
        if any(e.break_glass and e.id in scope.exceptions for e in self._exceptions.get(person.id, [])):
            made = at_once(made)
        if kind is CaseKind.EXPIRY:
            made = without_idle(made)
        urgent = policy.is_urgent(kind.value, person, self._now) is True
        return _with_rest(replace(made, urgent=urgent))

    def _agreed(self, procedure: Procedure, person: Person, scope: Scope) -> Procedure:
        """The procedure with who agrees to what was asked for: within the policy, whom the entitlement names."""
        if scope.approval_path:
            return agreed_by(procedure, scope.approval_path)
        asked = [e for e in self._exceptions.get(person.id, []) if e.id in scope.exceptions]
        wanted = self._workshop.policy.entitlements.get(asked[0].subject) if len(asked) == 1 else None
        if wanted is None or asked[0].kind is not ExceptionKind.ACCESS or asked[0].outside_policy:
            return procedure
        return agreed_by(procedure, wanted.approval_path, approval=wanted.approval)

    def _lines(
        self,
        kind: CaseKind,
        person: Person,
        logins: Mapping[str, str],
        accounts: Sequence[HeldAccount],
        scope: Scope,
    ) -> tuple[DiffLine, ...]:
        """The whole difference of a person, with what separation of duties says of it."""
        policy = self._workshop.policy
        standing = self._exceptions.get(person.id, [])
        due = policy.due(person, self._now, _counted(standing, scope))
        requested = {e.id: e for e in standing if e.id in scope.exceptions and not e.break_glass}
        assignments = [self._asked_for(a, requested) for a in due.assignments]
        elsewhere = [e for e in standing if e.id not in scope.exceptions]
        grants: Sequence[HeldGrant] = self._grants.get(person.id, [])
        held_back = HeldBack(due.undecided, due.refused, due.shut, kept_meanwhile(elsewhere))
        protected = policy.guards.protected
        lines = diff(kind, person, logins, assignments, accounts, grants, self._world, protected, held_back)
        if kind is CaseKind.LEAVER:
            return lines
        excepted = {
            e.subject
            for e in standing
            if e.kind is ExceptionKind.SEPARATION and (e.holds(self._now) or e.id in scope.exceptions)
        }
        pending = {
            e.subject: f"asked for: exception {e.id} ({e.reason})"
            for e in elsewhere
            if e.kind is ExceptionKind.ACCESS and e.state is ExceptionState.ASKED
        }
        return separated(lines, self._rules, excepted, pending)

    def _asked_for(self, assignment: Assignment, requested: Mapping[int, AccessException]) -> Assignment:
        """An assignment that the case itself asks for, with whose approval it needs, be that given already or not."""
        exception = requested.get(assignment.exception) if assignment.exception else None
        if exception is None:
            return assignment
        entitlement = self._workshop.policy.entitlements[exception.subject]
        approval = entitlement.approval or exception.outside_policy
        return replace(assignment, approval=approval, approval_path=entitlement.approval_path)

    def _scoped(
        self,
        kind: CaseKind,
        person: Person,
        logins: Mapping[str, str],
        accounts: Sequence[HeldAccount],
        scope: Scope,
    ) -> tuple[tuple[DiffLine, ...], Sequence[HeldAccount]]:
        """The lines of a case about a part, and the accounts that the part is about."""
        lines: list[DiffLine] = []
        if scope.entitlements:
            lines += within(self._lines(kind, person, logins, accounts, scope), scope.entitlements)
        others: dict[tuple[str, str], HeldAccount] = {(a.system, a.account.id): a for a in accounts}
        protected = self._workshop.policy.guards.protected
        for system, account_id in sorted({(s, a) for s, a, _ in scope.revoke} | set(scope.disable)):
            found = systems.account_with_grants(self._session, system, account_id)
            if found is None:
                continue
            held, grants = found
            others[system, account_id] = held
            targets = {target for s, a, target in scope.revoke if (s, a) == (system, account_id)}
            lines += revoked(held, grants, targets, scope.reason, self._world, protected)
            if (system, account_id) in scope.disable:
                lines.append(disabled(held, scope.reason, protected))
        return tuple(lines), scoped_accounts(lines, others)


def kept_meanwhile(standing: Sequence[AccessException]) -> dict[str, str]:
    """What stays for as long as somebody asks to keep it, by the policy's id of it, and why."""
    return {
        e.subject: f"stays for now: exception {e.id} asks to keep it ({e.reason})"
        for e in standing
        if e.keeps_meanwhile
    }


def _counted(standing: Sequence[AccessException], scope: Scope) -> list[AccessException]:
    """The exceptions of a person as they count in a plan: what the case asks for counts as if it were agreed to."""
    return [
        replace(e, state=ExceptionState.ACTIVE, until=None)
        if e.id in scope.exceptions and e.state is ExceptionState.ASKED
        else e
        for e in standing
    ]


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
        needs=tuple(step.template.id for step in plan.steps if step.template.do is Do.APPROVAL),
        owner=plan.procedure.owner,
        fallback_owner=plan.procedure.fallback_owner,
        text=f"jmltui cannot do the following by itself. Look at each, settle it, then attest:\n{text}",
    )
    return replace(plan, steps=(PlannedStep(template, (), approval=False), *plan.steps))
