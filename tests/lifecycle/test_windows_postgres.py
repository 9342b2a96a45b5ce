"""Access by the hour once more, with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lifecycle.test_windows import (
    start,
    test_a_joiner_is_given_nothing_before_the_joiner_case_is_run,
    test_a_move_gives_and_takes_by_its_own_case,
    test_a_narrowed_window_that_takes_too_much_waits_for_a_person,
    test_a_no_stands_until_the_window_shuts_again,
    test_access_is_taken_in_the_evening_and_given_in_the_morning,
    test_what_failed_in_the_evening_is_not_done_in_the_morning,
    test_who_left_gets_nothing_back_in_the_morning,
    works,
)

__all__ = [
    "start",
    "test_a_joiner_is_given_nothing_before_the_joiner_case_is_run",
    "test_a_move_gives_and_takes_by_its_own_case",
    "test_a_narrowed_window_that_takes_too_much_waits_for_a_person",
    "test_a_no_stands_until_the_window_shuts_again",
    "test_access_is_taken_in_the_evening_and_given_in_the_morning",
    "test_what_failed_in_the_evening_is_not_done_in_the_morning",
    "test_who_left_gets_nothing_back_in_the_morning",
    "works",
]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'
