"""Planning open cases anew: because the policy or the person changed, or because somebody asks.

What is done stays done. What changed has to be asked for and approved again; nothing new runs by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from jmltui.cache import cases, people, replans
from jmltui.cache.journal import Entry, append
from jmltui.cache.tables import CaseRow
from jmltui.domain.case import CaseKind, CaseState
from jmltui.domain.person import Person
from jmltui.domain.plan import Plan, PlannedAction
from jmltui.domain.replan import Replan, replan
from jmltui.domain.scope import Scope
from jmltui.domain.trigger import TriggerWhen, due_at
from jmltui.errors import NotAllowed
from jmltui.policy import load as load_policy

from .planning import Planner
from .renamed import follow_renamed
from .workshop import Workshop

AT_ONCE = 100
"""Cases planned anew by one transaction."""


@dataclass(frozen=True, slots=True)
class Replanned:
    """What planning a case anew changed."""

    added: int
    removed: int
    changed: bool

    @property
    def sentence(self) -> str:
        """What an operator is told."""
        if not self.changed:
            return "The plan is still right; nothing was changed."
        return f"Planned anew: {self.added} calls more, {self.removed} fewer. Look at it, then run it."


def replan_case(workshop: Workshop, case_id: int) -> Replanned:
    """Plan one case anew by the policy as its files say now, and what was read last.

    Raises NotAllowed for a closed case, PolicyError for a policy with mistakes.
    """
    settings = workshop.settings
    workshop = replace(workshop, policy=load_policy(Path(settings.policy_folder), settings.company_zone))
    with workshop.cache.write() as session:
        case = cases.case_row(session, case_id)
        if not CaseState(case.state).is_live:
            raise NotAllowed(f"Case {case_id} is {case.state}; there is nothing to plan.")
        found = _people_of(session, [case])
        planner = Planner(workshop, session, list(found.values()))
        now = workshop.clock()
        return _renew(session, planner, case, found[case_id], f"{workshop.actor} asked", workshop.actor, now)


def replan_outdated(workshop: Workshop) -> int:
    """Plan every live case anew that was planned by another policy or for another world; how many of them changed."""
    follow_renamed(workshop)
    if any_outdated(workshop):
        with workshop.cache.write() as session:
            replans.clear_outdated(session)
    with workshop.cache.read() as session:
        numbers = replans.outdated(session, workshop.policy.hash)
    changed = 0
    for start in range(0, len(numbers), AT_ONCE):
        with workshop.cache.write() as session:
            rows = [cases.case_row(session, number) for number in numbers[start : start + AT_ONCE]]
            changed += _renew_all(workshop, session, rows)
    return changed


def any_outdated(workshop: Workshop) -> bool:
    """Whether some case waits to be planned anew for what was learned since. Cheap."""
    with workshop.cache.read() as session:
        return replans.any_outdated(session)


def _renew_all(workshop: Workshop, session: Session, rows: Sequence[CaseRow]) -> int:
    live = [row for row in rows if CaseState(row.state).is_live]
    found = _people_of(session, live)
    planner, now = Planner(workshop, session, list(found.values())), workshop.clock()
    changed = 0
    for row in live:
        why = "the policy changed" if row.policy_hash else "what is known of the person changed"
        changed += _renew(session, planner, row, found[row.id or 0], why, "jmltui", now).changed
    return changed


def _people_of(session: Session, rows: Sequence[CaseRow]) -> dict[int, Person]:
    """Who stands in each case, by its number; a case for an account that is nobody's has no row of people."""
    known = {person.id: person for person in people.persons(session, [row.person_id for row in rows])}
    return {
        row.id or 0: known.get(row.person_id) or Person(key=row.person_key, name=row.person_name, source=row.source)
        for row in rows
    }


def _renew(
    session: Session, planner: Planner, case: CaseRow, person: Person, why: str, actor: str, now: datetime
) -> Replanned:
    """Bring one case up to the plan of now. A case kind that the policy has no procedure for keeps its plan."""
    kind = CaseKind(case.kind)
    if not planner.has_procedure(kind):
        case.policy_hash = planner.policy_hash
        return Replanned(0, 0, False)
    scope = Scope.from_json(json.loads(case.scope))
    plan = planner.plan(kind, person, scope)
    if _is_needless(case, plan):
        cases.cancel(session, case, "what it would take away is due again, or is not held any more", now)
        return Replanned(0, 0, True)
    change = replan(replans.standing(session, case.id or 0), plan)
    case.person_name, case.department = person.name, person.department
    _move_first_day(session, planner, case, person, plan, now)
    replans.set_owners(session, case, plan)
    if change.is_empty:
        case.policy_hash = plan.policy_hash
        cases.advance(session, case.id or 0, now)
        return Replanned(0, 0, False)
    before = case.plan_hash
    replans.apply(session, case, plan, change, now)
    if change.added and not scope.is_window:
        case.run_through = False
    facts = {
        "plan_sha256": case.plan_hash,
        "plan_before": before,
        "policy_sha256": case.policy_hash,
        "added": [_told(action) for action in change.added],
        "removed": [_told(action) for action in change.removed],
    }
    summary = f"the case of {person.name} was planned anew, because {why}: {_counted(change)}"
    append(session, now, Entry(actor, "case.replan", summary, case.id, person.id, facts=facts))
    cases.advance(session, case.id or 0, now)
    return Replanned(len(change.added), len(change.removed), True)


def _is_needless(case: CaseRow, plan: Plan) -> bool:
    """Whether nobody has to release a case any more that a guard holds, because nothing is left to be taken away."""
    nothing = not plan.blocked and not any(step.actions for step in plan.steps)
    return nothing and case.kind == CaseKind.EXPIRY.value and case.state == CaseState.HELD.value


def _move_first_day(
    session: Session, planner: Planner, case: CaseRow, person: Person, plan: Plan, now: datetime
) -> None:
    """Who begins on another day than was told when the case was opened is prepared for that day."""
    begins, trigger = person.access_begins(planner.zone), plan.procedure.trigger
    at_once = trigger is not None and trigger.when is TriggerWhen.AT_ONCE
    if case.kind not in (CaseKind.JOINER.value, CaseKind.REHIRE.value) or case.scope != "{}" or at_once:
        return
    due = due_at(trigger, person, begins or case.due, planner.zone, now)
    if replans.move_due(session, case, due, now):
        summary = f"the {case.kind} case of {person.name} is due {due:%Y-%m-%d %H:%M} UTC now: the first day moved"
        append(session, now, Entry(cases.BY_ITSELF, "case.due", summary, case.id, person.id))


def _told(action: PlannedAction) -> str:
    return f"{action.operation.value} {action.login} {action.target} on {action.system}"


def _counted(change: Replan) -> str:
    if not change.added and not change.removed:
        return "the same calls, in other steps"
    return f"{len(change.added)} calls more, {len(change.removed)} fewer"
