"""Access reviews with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.governance.test_reviews import (
    make,
    test_an_account_that_was_never_used_counts_unless_it_is_new,
    test_an_opening_that_was_killed_leaves_nothing_behind,
    test_each_item_says_why_it_is_held_and_what_peers_hold,
    test_each_person_gets_one_case_of_what_is_revoked,
    test_escalation_asks_the_fallback_once_more_and_then_keeps_nothing_silently,
    test_every_direct_grant_is_asked_about_once_privileged_first_then_unexplained,
    test_scopes,
    test_what_nobody_answered_is_decided_by_the_rule,
)

__all__ = [
    "make",
    "test_an_account_that_was_never_used_counts_unless_it_is_new",
    "test_an_opening_that_was_killed_leaves_nothing_behind",
    "test_each_item_says_why_it_is_held_and_what_peers_hold",
    "test_each_person_gets_one_case_of_what_is_revoked",
    "test_escalation_asks_the_fallback_once_more_and_then_keeps_nothing_silently",
    "test_every_direct_grant_is_asked_about_once_privileged_first_then_unexplained",
    "test_scopes",
    "test_what_nobody_answered_is_decided_by_the_rule",
]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'
