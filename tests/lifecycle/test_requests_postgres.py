"""The same on PostgreSQL: requests, approvals, emergencies and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.conftest import StandingClock
from tests.lifecycle.small_firm import Firm, founded
from tests.lifecycle.test_access_requests import test_what_is_approved_is_granted_until_its_time
from tests.lifecycle.test_approval_paths import test_a_person_with_two_logins_is_one, test_one_stage_after_the_other
from tests.lifecycle.test_break_glass import test_a_second_one_waits_until_the_first_was_looked_at
from tests.lifecycle.test_expiry import test_it_ends_once, test_what_ended_while_no_worker_ran_is_removed_at_start

__all__ = [
    "test_a_person_with_two_logins_is_one",
    "test_a_second_one_waits_until_the_first_was_looked_at",
    "test_it_ends_once",
    "test_one_stage_after_the_other",
    "test_what_ended_while_no_worker_ran_is_removed_at_start",
    "test_what_is_approved_is_granted_until_its_time",
]


@pytest.fixture
async def firm(private: Path, clock: StandingClock, new_database: Callable[[], str]) -> AsyncIterator[Firm]:
    """The firm with its cache on a server."""
    made = founded(private, clock, f'[cache]\nurl = "{new_database()}"\n')
    report = await made.sync()
    assert not report.problems
    yield made
    await made.workshop.close()
