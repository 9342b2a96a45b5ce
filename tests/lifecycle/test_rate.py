"""Actions a second, as settings ask for them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jmltui.lifecycle.rate import Rate

START = datetime(2026, 6, 1, tzinfo=UTC)


@given(
    per_second=st.floats(0.1, 50),
    waits=st.lists(st.floats(0, 3), min_size=1, max_size=40),
)
def test_never_more_than_the_rate_and_one_second_ahead(per_second: float, waits: list[float]) -> None:
    rate, now, begun = Rate(per_second), START, 0
    for wait in waits:
        now += timedelta(seconds=wait)
        for _ in range(rate.room(now)):
            rate.take()
            begun += 1
    assert begun <= (now - START).total_seconds() * per_second + max(1.0, per_second) + 1e-6


def test_a_slow_rate_lets_one_through_each_time_it_is_due() -> None:
    rate = Rate(0.5)
    assert rate.room(START) == 1
    rate.take()
    assert rate.room(START + timedelta(seconds=1)) == 0
    assert rate.room(START + timedelta(seconds=2.1)) == 1


async def test_turns_are_given_one_after_the_other_at_the_rate() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    rate = Rate(2)
    for _ in range(4):
        await rate.turn(START, sleep)
    assert waited == [1.0, 2.0, 3.0], "a listing takes every other call"
    assert rate.room(START + timedelta(seconds=3.6)) >= 1, "an action finds room beside it"


@given(per_second=st.floats(0.2, 20), page_seconds=st.floats(0.0, 2.0))
def test_an_action_never_waits_for_a_whole_listing(per_second: float, page_seconds: float) -> None:
    rate, now, begun, read = Rate(per_second), START, 0, 0

    async def pass_time(seconds: float) -> None:
        """Time goes by in which actions look for room, as the worker does."""
        nonlocal now, begun
        end = now + timedelta(seconds=seconds)
        while now < end:
            now = min(end, now + timedelta(seconds=0.2))
            if rate.room(now):
                rate.take()
                begun += 1

    async def read_pages() -> None:
        nonlocal read
        for _ in range(60):
            await rate.turn(now, pass_time)
            read += 1
            await pass_time(page_seconds)

    asyncio.run(read_pages())
    assert begun >= read / 4, "actions get their share"
    assert begun + read <= (now - START).total_seconds() * per_second + max(1.0, per_second) + 2
