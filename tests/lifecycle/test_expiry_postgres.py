"""What a guard holds of ended exceptions once more, with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.conftest import StandingClock
from tests.lifecycle.small_firm import Firm, founded
from tests.lifecycle.test_expiry import (
    test_a_no_stands_as_long_as_the_policy_does,
    test_a_policy_that_takes_too_much_back_waits_for_a_person,
    test_a_renamed_entitlement_goes_on_under_its_new_id,
    test_removals_add_up_over_the_window_of_the_guard,
)

__all__ = [
    "test_a_no_stands_as_long_as_the_policy_does",
    "test_a_policy_that_takes_too_much_back_waits_for_a_person",
    "test_a_renamed_entitlement_goes_on_under_its_new_id",
    "test_removals_add_up_over_the_window_of_the_guard",
]


@pytest.fixture
async def firm(private: Path, clock: StandingClock, new_database: Callable[[], str]) -> AsyncIterator[Firm]:
    """The firm, with its cache elsewhere."""
    made = founded(private, clock, f'[cache]\nurl = "{new_database()}"\n')
    report = await made.sync()
    assert not report.problems
    yield made
    await made.workshop.close()
