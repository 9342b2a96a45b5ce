"""Last days once more, with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lifecycle.test_end_dates import (
    office,
    test_a_contract_end_of_the_first_feed_is_a_leaver_on_its_day,
    test_a_day_that_moved_is_kept_to_as_it_was_told_last,
    test_an_old_leaver_who_can_still_log_in_gets_a_case,
    test_who_moves_before_the_last_day_moves_and_leaves,
)

__all__ = [
    "office",
    "test_a_contract_end_of_the_first_feed_is_a_leaver_on_its_day",
    "test_a_day_that_moved_is_kept_to_as_it_was_told_last",
    "test_an_old_leaver_who_can_still_log_in_gets_a_case",
    "test_who_moves_before_the_last_day_moves_and_leaves",
]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'
