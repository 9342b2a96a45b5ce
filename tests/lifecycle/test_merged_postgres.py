"""Several sources of the same people once more, with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lifecycle.test_merged import (
    merged,
    test_a_contractor_who_is_hired_keeps_working,
    test_an_installation_that_begins_to_merge_loses_nobody,
    test_the_next_employment_counts_from_its_day_without_a_feed,
    test_who_is_in_no_source_any_more_is_asked_about_once,
)

__all__ = [
    "merged",
    "test_a_contractor_who_is_hired_keeps_working",
    "test_an_installation_that_begins_to_merge_loses_nobody",
    "test_the_next_employment_counts_from_its_day_without_a_feed",
    "test_who_is_in_no_source_any_more_is_asked_about_once",
]


@pytest.fixture
def cache_lines(new_database: Callable[[], str]) -> str:
    """A database of its own."""
    return f'[cache]\nurl = "{new_database()}"\n'
