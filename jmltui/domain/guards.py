"""Guards: thresholds which hold a whole batch for a person, and accounts that nothing may touch."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil


@dataclass(frozen=True, slots=True)
class Threshold:
    """Trips above `max(floor, percent of active)` or above `ceiling`, whichever is smaller, within
    `window`.
    """

    floor: int
    percent: float
    ceiling: int
    window: timedelta = timedelta(hours=24)

    def limit(self, active: int) -> int:
        """The largest number that still passes for a population of `active`."""
        return min(max(self.floor, ceil(active * self.percent / 100)), self.ceiling)

    def trips(self, count: int, active: int) -> bool:
        """Whether `count` within the window must be held."""
        return count > self.limit(active)


@dataclass(frozen=True, slots=True)
class FeedGuard:
    """What a feed of people must satisfy before it is believed; percentages are of the last accepted feed."""

    min_rows: int = 1
    max_shrink_percent: float = 10
    min_key_overlap_percent: float = 90
    max_age: timedelta | None = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Protected:
    """What no plan may disable or strip. Patterns are shell patterns against logins and entitlement names."""

    accounts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    keep_at_least: Mapping[str, int] = field(default_factory=dict)
    never_self: bool = True

    def account(self, login: str) -> str | None:
        """The pattern that protects this login, or None."""
        return next((p for p in self.accounts if fnmatch.fnmatchcase(login.casefold(), p.casefold())), None)

    def group(self, name: str) -> str | None:
        """The pattern that protects this entitlement's name, or None."""
        return next((p for p in self.groups if fnmatch.fnmatchcase(name.casefold(), p.casefold())), None)


@dataclass(frozen=True, slots=True)
class Guards:
    """All guards of a policy."""

    leavers: Threshold = Threshold(floor=5, percent=5, ceiling=50)
    removals: Threshold = Threshold(floor=20, percent=10, ceiling=500)
    feed: FeedGuard = FeedGuard()
    protected: Protected = Protected()
    max_plan_age: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """What is counted of a feed before it is believed. `keys_kept`: known keys present again."""

    rows: int
    known: int
    keys_kept: int
    age: timedelta | None
    missing_columns: tuple[str, ...] = ()


def feed_problem(facts: FeedFacts, guard: FeedGuard) -> str | None:
    """One sentence saying why the feed must be refused, or None when it may be believed."""
    if facts.missing_columns:
        return f"The feed lacks the column{'s' * (len(facts.missing_columns) > 1)} {', '.join(facts.missing_columns)}."
    if facts.rows == 0:
        return "The feed is empty: it holds no person at all."
    if facts.rows < guard.min_rows:
        return f"The feed holds {facts.rows} people, fewer than the {guard.min_rows} that settings require."
    if facts.age is not None and guard.max_age is not None and facts.age > guard.max_age:
        hours = int(facts.age.total_seconds() // 3600)
        return f"The feed is {hours} hours old, older than the {int(guard.max_age.total_seconds() // 3600)} allowed."
    if facts.known:
        shrink = 100 * (facts.known - facts.rows) / facts.known
        if shrink > guard.max_shrink_percent:
            return (
                f"The feed shrank from {facts.known} to {facts.rows} people ({shrink:.0f} %), "
                f"more than the {guard.max_shrink_percent:g} % allowed: it looks truncated."
            )
        overlap = 100 * facts.keys_kept / facts.known
        if overlap < guard.min_key_overlap_percent:
            return (
                f"Only {facts.keys_kept} of {facts.known} known keys are in the feed ({overlap:.0f} %), "
                f"fewer than the {guard.min_key_overlap_percent:g} % required: it looks like another file or key form."
            )
    return None
