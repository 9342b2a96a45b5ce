"""What a leaver owns once more, with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lifecycle.test_owning import (
    test_the_case_cannot_close_while_something_is_owned,
    test_the_plan_for_everybody_says_the_same,
    test_the_source_counts_again_when_it_says_something_new,
    test_what_came_to_be_owned_since_stops_the_case_too,
    test_what_nobody_wants_is_retired_by_a_case_of_its_own,
    works,
)

__all__ = [
    "test_the_case_cannot_close_while_something_is_owned",
    "test_the_plan_for_everybody_says_the_same",
    "test_the_source_counts_again_when_it_says_something_new",
    "test_what_came_to_be_owned_since_stops_the_case_too",
    "test_what_nobody_wants_is_retired_by_a_case_of_its_own",
    "works",
]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'
