"""What a guard holds for a person: how much is too much, and the batch that somebody releases by typing its number.

Every way in counts: a feed, a day that came, a finding, a review, a changed policy.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from jmltui.cache import batches, people, systems
from jmltui.cache.journal import signal_change
from jmltui.cache.tables import BatchRow
from jmltui.domain.case import CaseKind
from jmltui.domain.guards import Threshold

from .workshop import Workshop


def leavers_guard(workshop: Workshop, session: Session, source: str, leavers: int, now: datetime) -> str:
    """Why so many more leavers of a source are held, or "". Counts every leaver case of the window, however opened."""
    threshold = workshop.policy.guards.leavers
    before = batches.opened_since(session, CaseKind.LEAVER, now - threshold.window, source)
    active = len(people.known_keys(session, source)) + leavers
    if not leavers or not threshold.trips(before + leavers, active):
        return ""
    return (
        f"{before + leavers} leavers within {hours(threshold)} hours are more than the {threshold.limit(active)} "
        f"that the guard allows for {active} people"
    )


def removals_guard(workshop: Workshop, session: Session, removals: int, cause: str) -> str:
    """Why so many removals are held, or "". `cause` says by what; every other of the window counts, by whatever way."""
    threshold, grants = workshop.policy.guards.removals, systems.grants(session)
    before = batches.removals_since(session, workshop.clock() - threshold.window) if removals else 0
    if not removals or not threshold.trips(before + removals, grants):
        return ""
    others = f", after {before} others within {hours(threshold)} hours," if before else ""
    return (
        f"{removals} removals {cause}{others} are more than the {threshold.limit(grants)} that the guard allows "
        f"for {grants} grants"
    )


def hours(threshold: Threshold) -> str:
    """The window of a threshold, in hours."""
    return f"{threshold.window / timedelta(hours=1):g}"


def open_batch(
    session: Session, source: str, reason: str, by: str, now: datetime, *, held: int, absents: int = 0
) -> BatchRow:
    """The row of a batch that waits for another person than `by`."""
    row = BatchRow(
        source=source,
        opened_at=now,
        leavers=held,
        absents=absents,
        held=held,
        reason=reason,
        opened_by=by,
    )
    session.add(row)
    session.flush()
    signal_change(session, now, "batch", row.id)
    return row
