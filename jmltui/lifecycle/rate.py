"""How many calls a second a system is given: a bucket that fills with time, shared by whoever calls the system."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from threading import Lock

Sleep = Callable[[float], Awaitable[None]]
"""Waits for some seconds."""


class Rate:
    """`per_second` may be below one. A second's worth can be taken at once, never more."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._tokens = self._most
        self._at: datetime | None = None
        self._turn_at: datetime | None = None
        self._lock = Lock()

    def room(self, now: datetime) -> int:
        """How many calls may begin now."""
        with self._lock:
            if self._at is not None:
                passed = max(0.0, (now - self._at).total_seconds())
                self._tokens = min(self._most, self._tokens + passed * self._per_second)
            self._at = now if self._at is None else max(self._at, now)
        return max(0, int(self._tokens))

    def take(self) -> None:
        """One call began."""
        with self._lock:
            self._tokens -= 1

    async def turn(self, now: datetime, sleep: Sleep) -> None:
        """Wait for the next call of a listing: it gets half of what there is, so that actions find room meanwhile."""
        with self._lock:
            begins = max(now, self._turn_at or now)
            self._turn_at = begins + timedelta(seconds=2 / self._per_second)
        if begins > now:
            await sleep((begins - now).total_seconds())
        self.room(begins)
        self.take()
