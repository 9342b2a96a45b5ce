"""What the cases of leavers ask about the accounts they owned, until each has a new owner or is proved to be off."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.domain.case import ActionEvent, ActionState
from jmltui.domain.operation import Cap
from jmltui.domain.procedure import Do

from . import cases
from .journal import Entry, append
from .tables import ActionRow, CaseRow, StepRow

OFF: Final = (Cap.DISABLE.value, Cap.DELETE.value)
PROVED: Final = (ActionState.CONFIRMED.value, ActionState.ATTESTED.value)

Place = tuple[str, str]
"""System and login of an account; source and key of a thing without one."""


def waiting(session: Session, places: Collection[Place]) -> Sequence[ActionRow]:
    """What live cases still ask about these accounts and things."""
    query = (
        select(ActionRow)
        .join(CaseRow, col(CaseRow.id) == col(ActionRow.case_id))
        .join(StepRow, col(StepRow.id) == col(ActionRow.step_id))
        .where(col(CaseRow.live) == 1, col(ActionRow.manual), col(ActionRow.operation) == Cap.TRANSFER.value)
        .where(col(StepRow.do) == Do.OWNED_REASSIGN.value)
        .where(col(ActionRow.login).in_({login for _, login in places}))
        .order_by(col(ActionRow.id))
    )
    found = session.scalars(query).all()
    return [a for a in found if (a.system, a.login) in places and not ActionState(a.state).is_settled]


def settle(session: Session, places: Collection[Place], outcome: str, now: datetime) -> Sequence[ActionRow]:
    """Answer what live cases ask about these accounts and things, and move the cases on; what was answered."""
    found = waiting(session, places)
    for action in found:
        if action.state == ActionState.PLANNED.value:
            cases.move_action(action, ActionEvent.BLOCK, now)
        cases.move_action(action, ActionEvent.ATTEST, now)
        action.outcome = outcome
    session.flush()
    for number in sorted({action.case_id for action in found}):
        cases.advance(session, number, now)
    return found


def settle_switched_off(session: Session, case: CaseRow, now: datetime) -> None:
    """Answer it about the accounts that a case switched off, now that the case is done.

    An account that the case left on, because its step was skipped or taken back, still needs a new owner.
    """
    actions = cases.actions_of(session, case.id or 0)
    undone = {action.undo_of for action in actions if action.undo_of}
    off = {(a.system, a.login) for a in actions if a.operation in OFF and a.state in PROVED and a.id not in undone}
    if not off:
        return
    for action in settle(session, off, f"switched off in case {case.id}, which {case.opened_by} opened", now):
        summary = f"{action.login} on {action.system} needs no new owner: it was switched off in case {case.id}"
        facts = {"action": action.id, "by_case": case.id}
        append(
            session,
            now,
            Entry(cases.BY_ITSELF, "owner.ended", summary, action.case_id, system=action.system, facts=facts),
        )
