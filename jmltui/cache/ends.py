"""Whose end date has come and asks for a leaver case that nobody opened yet."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, cast, exists, func, literal, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from jmltui.domain.access import AccountState, Link
from jmltui.domain.case import CaseKind, CaseState
from jmltui.domain.person import Person

from .people import persons
from .tables import AccountRow, CaseRow, PersonRow


def ends_reached(session: Session, source: str, now: datetime) -> list[Person]:
    """People of a source whose last day is today (UTC) or earlier and who have no leaver case for it.

    A pending leaver case, a finished one for that day, and one after which nobody rejoined speak for the day. Who had
    ended before they were first seen counts only with a live account or a pending case: a feed tells of old days too.
    """
    row, cases = PersonRow, aliased(CaseRow)
    later = aliased(CaseRow)
    leaver = (col(cases.person_id) == col(row.id), col(cases.kind) == CaseKind.LEAVER.value)
    done = col(cases.state) == CaseState.DONE.value
    this_day = col(cases.event).like(literal('%"ends": "') + col(row.ends) + literal('"%'))
    rejoined = exists().where(
        col(later.person_id) == col(cases.person_id),
        col(later.id) > col(cases.id),
        col(later.kind).in_((CaseKind.JOINER.value, CaseKind.REHIRE.value)),
        col(later.state) != CaseState.CANCELLED.value,
    )
    account = exists().where(
        col(AccountRow.person_id) == col(row.id),
        col(AccountRow.link) == Link.CONFIRMED.value,
        col(AccountRow.state).not_in((AccountState.DISABLED.value, AccountState.DELETED.value)),
    )
    pending = exists().where(col(CaseRow.person_id) == col(row.id), col(CaseRow.live) == 1)
    first_day = func.substr(cast(col(row.first_seen), String), 1, 10)
    query = select(col(row.id)).where(
        col(row.source) == source,
        col(row.ends) != "",
        col(row.ends) <= now.date().isoformat(),
        ~exists().where(*leaver, col(cases.live) == 1),
        ~exists().where(*leaver, done, or_(this_day, ~rejoined)),
        or_(account, pending, first_day <= col(row.ends)),
    )
    ids = [number for number in session.scalars(query) if number is not None]
    return persons(session, ids) if ids else []
