"""What windows need to know of people and their cases before they give or take anything."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import exists, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from jmltui.domain.case import ActionState, CaseKind, CaseState, StepState
from jmltui.domain.operation import Cap
from jmltui.domain.procedure import CHANGING_ACCESS, Do
from jmltui.domain.scope import WINDOW, Scope

from .batches import DISMISSED
from .tables import ActionRow, BatchRow, CaseRow, StepRow

_JOINING: Final = (CaseKind.JOINER.value, CaseKind.REHIRE.value)
_ACCESS: Final = [do.value for do in (*CHANGING_ACCESS, Do.ACCOUNT_CREATE, Do.ACCOUNT_ENABLE)]
_SETTLED: Final = [state.value for state in StepState if state.is_settled]
_OF_A_WINDOW: Final = f'%"reason": "{WINDOW}"%'


def people_who_left(session: Session, people: Iterable[int], now: datetime) -> set[int]:
    """Those of some people whose leaver case came to its day, and who did not come back since."""
    leaver, later = aliased(CaseRow), aliased(CaseRow)
    back = exists().where(
        col(later.person_id) == col(leaver.person_id),
        col(later.id) > col(leaver.id),
        col(later.kind).in_(_JOINING),
        col(later.state) != CaseState.CANCELLED.value,
    )
    query = select(col(leaver.person_id)).where(
        col(leaver.kind) == CaseKind.LEAVER.value,
        col(leaver.state).in_((CaseState.OPEN.value, CaseState.DONE.value)),
        col(leaver.due) <= now,
        ~back,
    )
    return {one for some in _batches(people) for one in session.scalars(query.where(col(leaver.person_id).in_(some)))}


def people_with_pending_access(session: Session, people: Iterable[int]) -> set[int]:
    """Those of some people for whom a joiner, rehire or mover case has still to give or take something."""
    query = (
        select(col(CaseRow.person_id))
        .join(StepRow, col(StepRow.case_id) == col(CaseRow.id))
        .where(col(CaseRow.live) == 1, col(CaseRow.scope) == "{}")
        .where(col(CaseRow.kind).in_((*_JOINING, CaseKind.MOVER.value)))
        .where(col(StepRow.do).in_(_ACCESS), col(StepRow.state).not_in(_SETTLED))
    )
    return {one for some in _batches(people) for one in session.scalars(query.where(col(CaseRow.person_id).in_(some)))}


def taken_by_windows(session: Session, people: Iterable[int]) -> Mapping[int, set[tuple[str, str]]]:
    """What a window took from some people before, by person, as (system, its id of the entitlement).

    The id is "" where a window switched the account itself off.
    """
    query = (
        select(col(CaseRow.person_id), col(ActionRow.system), col(ActionRow.entitlement_id))
        .join(ActionRow, col(ActionRow.case_id) == col(CaseRow.id))
        .where(col(CaseRow.kind) == CaseKind.EXPIRY.value, col(CaseRow.scope).like(_OF_A_WINDOW))
        .where(col(ActionRow.operation).in_((Cap.REVOKE.value, Cap.DISABLE.value)))
        .where(col(ActionRow.state) == ActionState.CONFIRMED.value)
    )
    found: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for some in _batches(people):
        for person, system, entitlement in session.execute(query.where(col(CaseRow.person_id).in_(some))):
            found[person].add((system, entitlement))
    return found


def people_with_a_turn(session: Session) -> list[int]:
    """Everybody for whom a case of a window is still open."""
    query = select(col(CaseRow.person_id)).where(
        col(CaseRow.live) == 1, col(CaseRow.kind) == CaseKind.EXPIRY.value, col(CaseRow.scope).like(_OF_A_WINDOW)
    )
    return sorted(set(session.scalars(query)))


def under_way(session: Session, people: Iterable[int]) -> Mapping[int, set[str]]:
    """The ids of the entitlements that an open case of a window is about, by person."""
    query = select(col(CaseRow.person_id), col(CaseRow.scope)).where(
        col(CaseRow.live) == 1, col(CaseRow.kind) == CaseKind.EXPIRY.value, col(CaseRow.scope).like(_OF_A_WINDOW)
    )
    found: dict[int, set[str]] = defaultdict(set)
    for some in _batches(people):
        for person, scope in session.execute(query.where(col(CaseRow.person_id).in_(some))):
            found[person].update(Scope.from_json(json.loads(scope)).entitlements)
    return found


def dismissed(session: Session, people: Iterable[int]) -> Mapping[tuple[int, str], datetime]:
    """When a case was opened last in which a window would have taken away an entitlement, had not somebody said no to
    it; by person and the id of the entitlement.
    """
    query = (
        select(col(CaseRow.person_id), col(CaseRow.scope), col(CaseRow.opened_at))
        .join(BatchRow, col(BatchRow.id) == col(CaseRow.batch_id))
        .where(col(CaseRow.kind) == CaseKind.EXPIRY.value, col(CaseRow.scope).like(_OF_A_WINDOW))
        .where(col(BatchRow.state) == DISMISSED, col(CaseRow.closed_at) >= col(BatchRow.decided_at))
    )
    found: dict[tuple[int, str], datetime] = {}
    for some in _batches(people):
        for person, scope, at in session.execute(query.where(col(CaseRow.person_id).in_(some))):
            for name in Scope.from_json(json.loads(scope)).entitlements:
                found[person, name] = max(at, found.get((person, name), at))
    return found


def _batches(people: Iterable[int]) -> Iterator[list[int]]:
    numbers = sorted(set(people))
    for start in range(0, len(numbers), 500):
        yield numbers[start : start + 500]
