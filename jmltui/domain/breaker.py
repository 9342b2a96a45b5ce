"""When a system that cannot be reached is left alone for a while, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

TRIPS: Final = 3
"""So many calls in a row that did not reach the system."""
FIRST: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(minutes=5)


class Breaker:
    """Counts the calls of one system that did not reach it. While it `is_open` one call at a time tries again."""

    def __init__(self) -> None:
        self._missed = 0
        self._until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the system was not reached lately."""
        return self._missed >= TRIPS

    def missed(self, now: datetime) -> datetime | None:
        """A call did not reach the system; until when it is left alone, each time twice as long.

        None below the number that trips it, and for calls that were under way when the pause began.
        """
        if self._until is not None and now < self._until:
            return None
        self._missed += 1
        if not self.is_open:
            return None
        doubled = min(self._missed - TRIPS, 10)
        wait: timedelta = min(FIRST * 2**doubled, LONGEST)
        self._until = now + wait
        return self._until

    def reached(self) -> bool:
        """A call reached the system, whatever it answered; whether that closes the breaker."""
        was_open, self._missed, self._until = self.is_open, 0, None
        return was_open
