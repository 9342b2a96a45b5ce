"""A system that cannot be reached is left alone longer and longer, and never for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from jmltui.domain.breaker import LONGEST, TRIPS, Breaker

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_it_waits_twice_as_long_each_time_up_to_a_limit() -> None:
    breaker, now = Breaker(), NOW
    waits = []
    for _ in range(20):
        until = breaker.missed(now)
        waits.append(until - now if until else None)
        assert until is None or breaker.missed(now) is None, "what was under way then does not count"
        now = until or now
    assert waits[: TRIPS - 1] == [None] * (TRIPS - 1)
    assert [wait.total_seconds() for wait in waits[TRIPS - 1 : TRIPS + 4] if wait] == [5, 10, 20, 40, 80]
    assert waits[-1] == LONGEST == timedelta(minutes=5)


def test_one_answer_of_any_kind_closes_it() -> None:
    breaker = Breaker()
    assert not breaker.reached()
    for _ in range(TRIPS):
        breaker.missed(NOW)
    assert breaker.is_open
    assert breaker.reached()
    assert not breaker.is_open
    assert breaker.missed(NOW) is None, "counted from the start"
