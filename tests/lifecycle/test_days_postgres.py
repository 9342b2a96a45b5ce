"""An operator's days once more, with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lifecycle.test_days import (
    test_a_leaver_is_proved_and_kept_open_by_the_manual_step,
    test_a_mistaken_leaver_comes_back_as_they_were,
    test_a_mover_gains_and_loses_in_one_case,
    test_the_same_step_runs_once,
)
from tests.lifecycle.test_replan import (
    test_a_leaver_loses_on_the_day_what_was_given_since,
    test_on_the_last_day_a_move_that_is_still_open_ends,
    test_what_is_done_stays_done_and_nothing_new_runs_by_itself,
)

__all__ = [
    "test_a_leaver_is_proved_and_kept_open_by_the_manual_step",
    "test_a_leaver_loses_on_the_day_what_was_given_since",
    "test_a_mistaken_leaver_comes_back_as_they_were",
    "test_a_mover_gains_and_loses_in_one_case",
    "test_on_the_last_day_a_move_that_is_still_open_ends",
    "test_the_same_step_runs_once",
    "test_what_is_done_stays_done_and_nothing_new_runs_by_itself",
]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'
