"""Laying a diff out over the steps of a procedure: each line lands in exactly one step, or is reported as a gap."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from .access import ACCOUNT_TARGET, DEVICE, Account, AccountState, Link, Tier
from .approval import ApprovalPath, joined
from .danger import Danger, grade
from .diff import DiffLine, HeldAccount
from .diff_kind import DiffKind
from .estate import NOBODY, Successor, device_of, handing_over, is_licence
from .operation import INVERSE, Cap, Capabilities, Proof, Support
from .person import Person
from .plan import Plan, PlannedAction, PlannedStep
from .procedure import CHANGING_ACCESS, Do, Procedure, StepTemplate

_OPERATIONS: Mapping[Do, tuple[Cap, ...]] = {
    Do.ACCOUNT_CREATE: (Cap.CREATE, Cap.ENABLE),
    Do.ACCOUNT_ENABLE: (Cap.ENABLE,),
    Do.ACCOUNT_DISABLE: (Cap.DISABLE,),
    Do.GRANTS_ADD: (Cap.GRANT,),
    Do.GRANTS_REMOVE: (Cap.REVOKE, Cap.DISABLE),
    Do.GRANTS_REMOVE_ALL: (Cap.REVOKE,),
    Do.REMOTE_REMOVE: (Cap.REVOKE,),
    Do.DEVICE_WIPE: (Cap.WIPE_DEVICE,),
}

_PER_ACCOUNT: Mapping[Do, Cap] = {
    Do.ACCOUNT_DELETE: Cap.DELETE,
    Do.SESSIONS_END: Cap.END_SESSIONS,
    Do.CREDENTIALS_REVOKE: Cap.REVOKE_CREDENTIALS,
    Do.FACTORS_RESET: Cap.REVOKE_CREDENTIALS,
    Do.KEYS_REVOKE: Cap.REVOKE_CREDENTIALS,
}
"""One call takes all credentials of an account, so the first step of a procedure that asks for it does it."""

_OWNED: Mapping[Do, Cap] = {Do.OWNED_REASSIGN: Cap.TRANSFER, Do.OWNED_ROTATE: Cap.REVOKE_CREDENTIALS}

NO_SESSIONS = "no_active_sessions"


@dataclass(frozen=True, slots=True)
class Owned:
    """A service or shared account, or person, that somebody owns. `kind` is service or shared."""

    system: str
    account_id: str
    login: str
    kind: str


OWNED_STEP = "owned"
"""The step that gives away what the procedure itself forgets."""

NO_PATHS: Mapping[str, ApprovalPath] = {}


def make_plan(
    person: Person,
    procedure: Procedure,
    lines: Sequence[DiffLine],
    accounts: Sequence[HeldAccount],
    capabilities: Mapping[str, Capabilities],
    wanted: Mapping[str, Mapping[str, str]],
    policy_hash: str,
    paths: Mapping[str, ApprovalPath] = NO_PATHS,
    owned: Sequence[Owned] = (),
    ways_in: Collection[str] = (),
    successor: Successor = NOBODY,
) -> Plan:
    """Lay the diff out over the procedure. Each line with an operation lands in exactly one step, or in none.

    Steps that are about something narrower choose first. `wanted` gives, per system, the attributes of an account to
    create, `paths` the approval paths of the policy, `owned` what the person owns, `ways_in` the systems that people
    come in by from outside, `successor` who takes over what the accounts own. A line that no step of the procedure
    takes up stays visible in the diff and is reported by `unplanned`.
    """
    layout = _Layout(person, lines, accounts, capabilities, wanted, owned, ways_in, successor)
    order = sorted(procedure.steps, key=lambda template: template.on == "all" and template.do is not Do.REMOTE_REMOVE)
    actions = {template.id: tuple(layout.actions(template)) for template in order}
    steps = [_step(template, actions[template.id], layout, paths) for template in procedure.steps]
    if procedure.together:
        steps = _together(steps)
    return Plan(procedure, tuple(lines), tuple(steps), policy_hash)


def giving_all(procedure: Procedure, owned: Sequence[Owned]) -> Procedure:
    """The procedure, with a step more where nothing of it gives each thing that is owned a new owner."""
    given = {_kind_owned(step) for step in procedure.steps if step.do is Do.OWNED_REASSIGN}
    left = {thing.kind for thing in owned} - given
    if not left or "all" in given:
        return procedure
    template = StepTemplate(
        id=OWNED_STEP,
        do=Do.OWNED_REASSIGN,
        title="Give what they own a new owner",
        on=f"owned:{left.pop()}" if len(left) == 1 else "owned:all",
        owner=procedure.owner,
        fallback_owner=procedure.fallback_owner,
        text="The procedure has no step for this. Give each of these accounts a new owner, or retire it.",
    )
    return replace(procedure, steps=(*procedure.steps, template))


def _kind_owned(template: StepTemplate) -> str:
    return template.on.partition(":")[2] if template.on.startswith("owned:") else "all"


def _together(steps: Sequence[PlannedStep]) -> list[PlannedStep]:
    """What happens together waits for every approval that one of it needs."""
    changing = [step for step in steps if step.template.do in CHANGING_ACCESS and step.actions]
    if not any(step.approval for step in changing):
        return list(steps)
    asked = [step.path for step in changing if step.path is not None]
    path = joined(list(dict.fromkeys(asked))) if len(set(asked)) > 1 else next(iter(asked), None)
    return [replace(step, approval=True, path=path) if step in changing else step for step in steps]


def _step(
    template: StepTemplate,
    actions: tuple[PlannedAction, ...],
    layout: _Layout,
    paths: Mapping[str, ApprovalPath],
) -> PlannedStep:
    """A step with whose approval it needs: its own path, and those of what it gives.

    Nobody is asked twice: what a step before it collected for the same plan counts for it, too (`cache.approvals`).
    """
    mine = layout.lines_of(template) if actions else []
    asked = [line for line in mine if line.approval]
    approval = (template.approval or bool(asked)) and (bool(actions) or template.do is Do.APPROVAL)
    named = [template.approval_path, *(line.approval_path for line in asked)]
    if template.do is Do.APPROVAL:
        named += [line.approval_path for line in layout.lines if line.exception and line.approval_path]
    wanted = [paths[name] for name in dict.fromkeys(named) if name in paths]
    path = (wanted[0] if len(wanted) == 1 else joined(wanted)) if approval and wanted else None
    if template.do is Do.GRANTS_REVIEW:
        template = replace(template, text=_with_unexplained(template.text, layout.lines))
    return PlannedStep(template, actions, approval, path)


def _with_unexplained(text: str, lines: Sequence[DiffLine]) -> str:
    """The text of a review, and below it what no policy explains."""
    found = [f"- {x.system}: {x.target} of {x.login}: {x.reason}" for x in lines if x.kind is DiffKind.UNEXPLAINED]
    return "\n".join([text, *found]).strip() if found else text


def without_idle(plan: Plan) -> Plan:
    """The plan without automatic steps that call nothing; what waited for one waits for what that one waited for."""
    idle = {s.template.id: s.template.needs for s in plan.steps if s.template.do.is_automatic and not s.actions}

    def waited_for(names: Iterable[str]) -> Iterable[str]:
        for name in names:
            yield from waited_for(idle[name]) if name in idle else (name,)

    steps = [
        replace(step, template=replace(step.template, needs=tuple(dict.fromkeys(waited_for(step.template.needs)))))
        for step in plan.steps
        if step.template.id not in idle
    ]
    return replace(plan, steps=tuple(steps))


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


class _Layout:
    """Hands the lines of a diff, and the accounts themselves, out to steps: each to one step only."""

    def __init__(
        self,
        person: Person,
        lines: Sequence[DiffLine],
        accounts: Sequence[HeldAccount],
        capabilities: Mapping[str, Capabilities],
        wanted: Mapping[str, Mapping[str, str]],
        owned: Sequence[Owned],
        ways_in: Collection[str],
        successor: Successor,
    ) -> None:
        self.lines = tuple(lines)
        self._person = person
        self._accounts = {(a.system, a.account.id): a.account for a in accounts}
        acted_upon = {(line.system, line.account_id) for line in lines if line.operation is not None}
        sure = {(a.system, a.account.id) for a in accounts if a.link is Link.CONFIRMED} | acted_upon
        self._theirs = {place: a for place, a in sorted(self._accounts.items()) if place in sure}
        self._capabilities = capabilities
        self._wanted = wanted
        self._owned = owned
        self._ways_in = frozenset(ways_in)
        self._successor = successor
        self._of: dict[int, str] = {}
        self._called: set[tuple[Cap, str, str]] = set()

    def lines_of(self, template: StepTemplate) -> list[DiffLine]:
        """The lines that a step carries out."""
        return [line for index, line in enumerate(self.lines) if self._of.get(index) == template.id]

    def actions(self, template: StepTemplate) -> Iterable[PlannedAction]:
        """What a step calls; its lines are taken."""
        for index, line in enumerate(self.lines):
            if (
                index not in self._of
                and line.operation in _OPERATIONS.get(template.do, ())
                and _selected(template, line)
            ):
                self._of[index] = template.id
                account = self._accounts.get((line.system, line.account_id))
                wanted = self._wanted.get(line.system, {})
                yield _action(line, line.operation, account, self._capabilities, wanted)
        operation = _PER_ACCOUNT.get(template.do)
        if operation is not None:
            yield from self._on_accounts(template, operation)
        if template.verify == NO_SESSIONS:
            yield from self._without_sessions(template)
        if template.do is Do.HAND_OVER:
            alive = [(at, a) for (at, _), a in self._theirs.items() if a.state is not AccountState.DELETED]
            yield from handing_over(alive, self._capabilities, self._successor)
        if template.do in _OWNED:
            yield from self._on_owned(template, _OWNED[template.do])

    def _on_accounts(
        self, template: StepTemplate, operation: Cap, systems: frozenset[str] | None = None
    ) -> Iterable[PlannedAction]:
        """Call something for accounts: for those a step is about, and those that hold what it is about."""
        holding = {(line.system, line.account_id) for line in self.lines if _selected(template, line)}
        for (system, account_id), account in self._theirs.items():
            call = (operation, system, account_id)
            line = DiffLine(
                DiffKind.REMOVE, system, operation, account_id, account.login, "", ACCOUNT_TARGET, template.title
            )
            wanted = (system, account_id) in holding or _selected(template, line)
            if systems is not None:
                wanted = system in systems
            if wanted and call not in self._called and account.state is not AccountState.DELETED:
                self._called.add(call)
                yield _action(line, operation, account, self._capabilities, {})

    def _without_sessions(self, template: StepTemplate) -> Iterable[PlannedAction]:
        """End what is open on every way in, and have the system say that nothing is left; a person looks elsewhere."""
        systems = self._ways_in | {line.system for line in self.lines if line.remote_access}
        yield from self._on_accounts(template, Cap.END_SESSIONS, systems)
        for system in sorted(systems - {place for place, _ in self._theirs}):
            yield PlannedAction(
                system=system,
                operation=Cap.END_SESSIONS,
                account_id="",
                login="",
                entitlement_id="",
                target=ACCOUNT_TARGET,
                reason=f"{self._person.name} has no account there that anybody knows of",
                proof=Proof.NONE,
                danger=Danger.CAREFUL,
                manual=True,
                note=f"look on {system} for an account under another name and for open sessions, then attest",
            )

    def _on_owned(self, template: StepTemplate, operation: Cap) -> Iterable[PlannedAction]:
        wanted = _kind_owned(template)
        for thing in self._owned:
            if wanted in ("all", thing.kind):
                yield PlannedAction(
                    system=thing.system,
                    operation=operation,
                    account_id=thing.account_id,
                    login=thing.login,
                    entitlement_id="",
                    target=f"{thing.kind} account",
                    reason=f"owned by {self._person.name}",
                    expects={"owner": self._person.key},
                    proof=Proof.NONE,
                    danger=Danger.CAREFUL,
                    manual=True,
                    note=_OWNED_NOTES[operation],
                )


_OWNED_NOTES: Mapping[Cap, str] = {
    Cap.TRANSFER: "name a new owner (`jmltui owner ACCOUNT PERSON`) or retire it (`jmltui owner ACCOUNT --retire`)",
    Cap.REVOKE_CREDENTIALS: "change its secret, then attest where the new one is kept",
}


def _selected(template: StepTemplate, line: DiffLine) -> bool:
    """Whether a step is about a line. An account counts with what needs it."""
    on = template.on
    kind, _, name = on.partition(":")
    is_account = line.target == ACCOUNT_TARGET
    match kind:
        case "system":
            return line.system == name
        case "entitlement":
            return line.entitlement == name
        case "remote_access":
            return line.remote_access
        case "birthright":
            return is_account or line.tier is Tier.BIRTHRIGHT
        case "elevated":
            return line.tier is not Tier.BIRTHRIGHT
        case "newly_due":
            return line.kind is DiffKind.ADD
        case "no_longer_due":
            return line.kind is DiffKind.REMOVE
        case "requested":
            return bool(line.exception) or is_account
        case "licensed":
            return line.licensed
        case "privileged":
            return line.privileged
        case "devices":
            return line.target.startswith(f"{DEVICE}:")
        case "device":
            return device_of(line) == on
        case "licences":
            return is_licence(line)
        case "owned":
            return False
        case _:
            return template.do is not Do.REMOTE_REMOVE or line.remote_access


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
