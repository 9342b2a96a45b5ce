"""Opening a case about a part of what a person holds, or about one account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from jmltui.cache import cases
from jmltui.domain.access import Account
from jmltui.domain.case import CaseKind, CaseState
from jmltui.domain.person import Person
from jmltui.domain.scope import Scope
from jmltui.domain.trigger import due_at

from .planning import Planner
from .workshop import Workshop


def open_scoped(
    workshop: Workshop,
    session: Session,
    kind: CaseKind,
    person: Person,
    scope: Scope,
    event: Mapping[str, object],
    event_key: str,
    due: datetime,
    *,
    actor: str = "",
    planner: Planner | None = None,
    held_in: tuple[int, str] | None = None,
) -> int:
    """Open a case of one kind for the scope, whatever else is open for the person; the number of the case.

    `planner` may be given where many are opened at once, `held_in` is the batch of a guard and why it holds it. Raises
    NotAllowed when the policy has no procedure for it.
    """
    planner = planner or Planner(workshop, session, [person])
    plan = planner.plan(kind, person, scope)
    due = due_at(plan.procedure.trigger, person, due, workshop.zone, workshop.clock())
    state, (batch, why) = (CaseState.OPEN, (None, "")) if held_in is None else (CaseState.HELD, held_in)
    new = cases.NewCase(kind, person, plan, event_key, event, state, due, batch, held_reason=why, scope=scope)
    return cases.open_case(session, new, actor or workshop.actor, workshop.clock())


def person_of_account(system: str, account: Account) -> Person:
    """Who stands in a case for an account that belongs to nobody: it is named by its login, and is no row of people."""
    return Person(key=account.login, name=f"{account.login} on {system}", source=system)
