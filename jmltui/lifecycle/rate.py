"""How many calls a second a system is given: a bucket that fills with time, shared by whoever calls the system."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

Sleep = Callable[[float], Awaitable[None]]
"""Waits for some seconds."""


class Rate:
    """`per_second` may be below one. A second's worth can be taken at once, never more."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._tokens = self._most
        self._at: datetime | None = None

    def room(self, now: datetime) -> int:
        """How many calls may begin now; none while others wait for their turn."""
        if self._at is not None:
            passed = max(0.0, (now - self._at).total_seconds())
            self._tokens = min(self._most, self._tokens + passed * self._per_second)
        self._at = now
        return max(0, int(self._tokens))

    def take(self) -> None:
        """One call began."""
        self._tokens -= 1

    async def turn(self, now: datetime, sleep: Sleep) -> None:
        """Take the next call that is free, and wait until it is."""
        self.room(now)
        self.take()
        if self._tokens < 0:
            await sleep(-self._tokens / self._per_second)
