"""Steps that a procedure lets happen together or not at all: what a new place gives, and what the old one gave."""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session

from jmltui.cache import cases
from jmltui.cache.tables import CaseRow, StepRow
from jmltui.domain.case import StepState
from jmltui.domain.procedure import CHANGING_ACCESS, Do

from .workshop import Workshop


def happening_with(
    workshop: Workshop, session: Session, case: CaseRow, step: StepRow, states: Collection[StepState]
) -> list[StepRow]:
    """The other steps of the case, in these states and with something to do, that happen with this one."""
    procedure = workshop.policy.procedure(case.kind)
    if procedure is None or not procedure.together or Do(step.do) not in CHANGING_ACCESS:
        return []
    busy = {action.step_id for action in cases.actions_of(session, case.id or 0)}
    return [
        other
        for other in cases.steps_of(session, case.id or 0)
        if other.id != step.id
        and StepState(other.state) in states
        and Do(other.do) in CHANGING_ACCESS
        and other.id in busy
    ]
