"""Whether somebody is here, is gone, or is still to come, as their source states it."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from jmltui.cache.differences import Stated
from jmltui.domain.person import PersonStatus, end_of, local_midnight


class Presence(StrEnum):
    """Where somebody's time stands."""

    HERE = "here"
    GONE = "gone"
    TO_COME = "to come"


class Presences:
    """Answers for many people at one instant; most of them share their dates."""

    def __init__(self, now: datetime, zone: str) -> None:
        self._now = now
        self._zone = zone
        self._known: dict[tuple[str, str, str], Presence] = {}

    def of(self, one: Stated) -> Presence:
        """The presence of one person."""
        if one.status == PersonStatus.LEFT:
            return Presence.GONE
        dates = (one.starts, one.ends, one.zone)
        found = self._known.get(dates)
        if found is None:
            found = self._known[dates] = self._by_dates(one)
        return found

    def _by_dates(self, one: Stated) -> Presence:
        zone = ZoneInfo(one.zone or self._zone)
        over = end_of(date.fromisoformat(one.ends), zone) if one.ends else None
        if over is not None and over <= self._now:
            return Presence.GONE
        if one.starts and local_midnight(date.fromisoformat(one.starts), zone) > self._now:
            return Presence.TO_COME
        return Presence.HERE
