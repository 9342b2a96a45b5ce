"""How many actions a second a system is given: a bucket that fills with time and is emptied by claims."""

from __future__ import annotations

from datetime import datetime


class Rate:
    """`per_second` may be below one. A second's worth can be taken at once, never more."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._most = max(1.0, per_second)
        self._tokens = self._most
        self._at: datetime | None = None

    def room(self, now: datetime) -> int:
        """How many actions may begin now."""
        if self._at is not None:
            passed = max(0.0, (now - self._at).total_seconds())
            self._tokens = min(self._most, self._tokens + passed * self._per_second)
        self._at = now
        return int(self._tokens)

    def take(self) -> None:
        """One action began."""
        self._tokens -= 1
