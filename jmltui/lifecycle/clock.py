"""Our clock against those of the systems that were read last: what ends by time waits where they disagree."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache.tables import SystemRow
from jmltui.domain.clock import ClockState, judged

from .workshop import Workshop

OFFSET: Final = "clock_offset"
"""The fact of a system: its time less ours, in seconds, when it was read last."""
FRESH: Final = timedelta(days=1)


def state(workshop: Workshop) -> ClockState:
    """How our clock stands, by every system that was read within a day."""
    with workshop.cache.read() as session:
        return state_in(session, workshop.clock())


def state_in(session: Session, now: datetime) -> ClockState:
    """The same, in a session that is open already."""
    query = select(col(SystemRow.facts)).where(col(SystemRow.last_good) >= now - FRESH)
    facts = [json.loads(text) for text in session.scalars(query)]
    return judged([timedelta(seconds=found[OFFSET]) for found in facts if OFFSET in found])
