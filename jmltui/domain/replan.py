"""Planning a case anew while it is under way: what the new plan adds to what stands, and what falls away.

What was begun stays as it is, what is done stays done, what a person settled is not planned again. Actions that nobody
began are replaced by those of the new plan. Only what changed is touched, so that an unchanged step keeps its approval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .approval import ApprovalPath
from .case import ActionState, StepState
from .operation import Cap
from .plan import Plan, PlannedAction, PlannedStep
from .procedure import Do

AGAIN: Final = "-again-"
"""Between the key of a step of the procedure and a number: a later round of the same step in the same case."""

IN_FLIGHT: Final = frozenset(
    {ActionState.RUNNING, ActionState.APPLIED, ActionState.UNKNOWN, ActionState.VERIFYING},
)
UNTRIED: Final = frozenset({ActionState.PLANNED, ActionState.READY})
SEEN_IN_MIRRORS: Final = frozenset({Cap.CREATE, Cap.ENABLE, Cap.DISABLE, Cap.GRANT, Cap.REVOKE})
"""Operations whose effect a mirror shows: a plan that asks for one again was made for a world where it is undone."""


@dataclass(frozen=True, slots=True)
class StandingAction:
    """An action as it stands. `undone`: its way back was planned; `given_up`: an earlier plan let it fall.

    `fresh`: it was confirmed after the listing was begun that the mirror shows, which therefore may not show it.
    """

    id: int
    planned: PlannedAction
    state: ActionState
    attempts: int = 0
    undone: bool = False
    given_up: bool = False
    fresh: bool = False

    @property
    def begun(self) -> bool:
        """Whether a system may have been touched for it, or a person asked."""
        return self.attempts > 0 or self.state not in UNTRIED


@dataclass(frozen=True, slots=True)
class StandingStep:
    """A step as it stands. `dropped`: an earlier plan let it fall; `own`: it is no step of a procedure (an undo)."""

    key: str
    state: StepState
    do: Do
    title: str
    needs: tuple[str, ...]
    approval: bool
    text: str
    actions: tuple[StandingAction, ...] = ()
    dropped: bool = False
    own: bool = False
    path: ApprovalPath | None = None

    @property
    def base(self) -> str:
        """The key of the procedure's step that it is a round of."""
        return self.key.partition(AGAIN)[0]

    @property
    def renewable(self) -> bool:
        """Whether nothing of it was begun, so that its actions may be exchanged."""
        still = self.state in (StepState.WAITING, StepState.APPROVAL, StepState.REFUSED, StepState.READY)
        return (still or self.state is StepState.QUEUED) and not any(a.begun for a in self.actions)


@dataclass(frozen=True, slots=True)
class Round:
    """A step to write: of an existing key, whose actions are exchanged, or of a new one."""

    key: str
    new: bool
    planned: PlannedStep


@dataclass(frozen=True, slots=True)
class Replan:
    """What to do to a case. `drop` nobody began; `give_up` was begun and is asked for no more; `keep` still is."""

    rounds: tuple[Round, ...]
    drop: frozenset[int]
    give_up: frozenset[int]
    keep: frozenset[int]
    gone: frozenset[str]
    added: tuple[PlannedAction, ...]
    removed: tuple[PlannedAction, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the case stands as the new plan wants it."""
        return not (self.rounds or self.drop or self.give_up or self.gone)


def replan(steps: Sequence[StandingStep], plan: Plan) -> Replan:
    """How a case under way becomes what the new plan says."""
    kept, rest = _kept(steps, plan)
    rounds: list[Round] = []
    drop: set[int] = set()
    untouched: set[int] = set()
    slots, fresh = _places(steps, plan, rest)
    for planned in plan.steps:
        name = planned.template.id
        template = replace(planned.template, needs=_needs(planned.template.needs, steps, fresh))
        todo = PlannedStep(template, tuple(rest[name]), planned.approval, planned.path)
        slot = slots.get(name)
        if slot is None:
            if name in fresh:
                rounds.append(Round(fresh[name], True, todo))
        elif _stands(slot, todo):
            untouched |= {a.id for a in slot.actions}
        else:
            rounds.append(Round(slot.key, False, todo))
    wanted = {planned.template.id for planned in plan.steps}
    give_up: set[int] = set()
    for action in _all(steps):
        if action.id in kept or action.id in untouched or action.state.is_settled or action.state in IN_FLIGHT:
            continue
        (give_up if action.begun else drop).add(action.id)
    gone = {s.key for s in steps if s.renewable and not s.own and s.base not in wanted}
    dropped = [a.planned for a in _all(steps) if a.id in drop | give_up]
    added = [a for r in rounds for a in r.planned.actions]
    return Replan(
        tuple(rounds),
        frozenset(drop),
        frozenset(give_up),
        frozenset(kept | untouched),
        frozenset(gone),
        tuple(a for a in added if not any(_same(a, b) for b in dropped)),
        tuple(b for b in dropped if not any(_same(a, b) for a in added)),
    )


def _places(
    steps: Sequence[StandingStep], plan: Plan, rest: Mapping[str, Sequence[PlannedAction]]
) -> tuple[dict[str, StandingStep], dict[str, str]]:
    """Where each step of the new plan goes: into a step that nobody began, or under a new key; else nowhere."""
    slots: dict[str, StandingStep] = {}
    fresh: dict[str, str] = {}
    adds = any(rest.values())
    for planned in plan.steps:
        name = planned.template.id
        mine = [s for s in steps if s.base == name and not s.own and not s.dropped]
        slot = next((s for s in reversed(mine) if s.renewable), None)
        if slot is not None:
            slots[name] = slot
        elif not mine or rest[name] or _asks_again(mine, planned, adds):
            fresh[name] = _free_key(name, steps)
    return slots, fresh


def _needs(needs: Sequence[str], steps: Sequence[StandingStep], fresh: Mapping[str, str]) -> tuple[str, ...]:
    """The steps that come before one, with every later round of them."""
    found: dict[str, None] = {}
    for need in needs:
        again = [s.key for s in steps if s.base == need and s.key != need and not s.own and not s.dropped]
        found |= dict.fromkeys([need, *again, fresh.get(need, need)])
    return tuple(found)


def _all(steps: Iterable[StandingStep]) -> list[StandingAction]:
    """The actions that belong to the plan; those of an undo are a plan of their own."""
    return [action for step in steps if not step.own for action in step.actions]


def _kept(steps: Sequence[StandingStep], plan: Plan) -> tuple[set[int], dict[str, list[PlannedAction]]]:
    """Standing actions that the new plan asks for, and what it asks for beyond them, by the id of its step."""
    kept: set[int] = set()
    rest: dict[str, list[PlannedAction]] = {}
    speaking = [a for s in steps if not s.own and not s.renewable for a in s.actions if not a.given_up]
    for planned in plan.steps:
        rest[planned.template.id] = []
        for action in planned.actions:
            found = [a for a in speaking if a.id not in kept and _speaks_for(a, action)]
            kept |= {a.id for a in found}
            if not found:
                rest[planned.template.id].append(action)
    return kept, rest


def _speaks_for(standing: StandingAction, action: PlannedAction) -> bool:
    """Whether an action that stands makes a planned one needless."""
    if standing.state is ActionState.CONFIRMED:
        seen = action.operation in SEEN_IN_MIRRORS and not standing.undone and not standing.fresh
        return not seen and _target(standing.planned) == _target(action)
    if standing.state.is_settled or standing.state in IN_FLIGHT:
        return _target(standing.planned) == _target(action)
    return _same(standing.planned, action)


def _target(action: PlannedAction) -> tuple[str, ...]:
    """What is done to whom, by whatever plan."""
    return action.system, action.operation.value, action.login.casefold(), action.entitlement_id or action.target


def _same(a: PlannedAction, b: PlannedAction) -> bool:
    """Whether two planned actions do the same to the same account; one made before the account was has no id yet."""
    return (
        _target(a) == _target(b)
        and a.manual == b.manual
        and dict(a.wanted) == dict(b.wanted)
        and (a.account_id == b.account_id or not a.account_id or not b.account_id)
        and a.expects.get("login", b.expects.get("login")) == b.expects.get("login", a.expects.get("login"))
    )


def _stands(slot: StandingStep, todo: PlannedStep) -> bool:
    """Whether a step that nobody began is as the new plan wants it."""
    template = todo.template
    if (slot.do, slot.title, slot.needs, slot.approval, slot.text, slot.path) != (
        template.do,
        title_of(slot.key, todo),
        template.needs,
        todo.approval,
        template.text,
        todo.path,
    ):
        return False
    pairs = zip(slot.actions, todo.actions, strict=False)
    return len(slot.actions) == len(todo.actions) and all(_same(a.planned, b) for a, b in pairs)


def _asks_again(mine: Sequence[StandingStep], planned: PlannedStep, adds: bool) -> bool:
    """Whether a step that is settled, or under way, is needed once more although it calls nothing itself.

    The read-back is, when there is more to read back; so is a manual step whose text names what it did not name before.
    """
    last = mine[-1]
    if not last.state.is_settled:
        return False
    if planned.template.do in (Do.VERIFY, Do.EVIDENCE):
        return adds
    told = {text for step in mine for text in step.text.splitlines()}
    listed = [text for text in planned.template.text.splitlines() if text.startswith("- ")]
    return planned.template.do is Do.MANUAL and any(text not in told for text in listed)


def title_of(key: str, planned: PlannedStep) -> str:
    """What a round of a step is called."""
    return f"{planned.template.title} (again)" if AGAIN in key else planned.template.title


def _free_key(template: str, steps: Sequence[StandingStep]) -> str:
    keys = {step.key for step in steps}
    if template not in keys:
        return template
    number = 2
    while f"{template}{AGAIN}{number}" in keys:
        number += 1
    return f"{template}{AGAIN}{number}"
