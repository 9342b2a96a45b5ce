"""Steps that are late once more, with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lifecycle.test_escalation import (
    test_more_time_takes_the_lateness_away,
    test_the_clock_of_a_leaver_runs_day_and_night,
    test_who_is_late_is_asked_for_once_and_the_queue_says_so,
    works,
)

__all__ = [
    "test_more_time_takes_the_lateness_away",
    "test_the_clock_of_a_leaver_runs_day_and_night",
    "test_who_is_late_is_asked_for_once_and_the_queue_says_so",
    "works",
]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'
