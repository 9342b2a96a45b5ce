"""Comparing policies, and proposing roles, over a shared cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.policy.test_compare import (
    other,
    test_an_exception_holds_what_the_roles_let_go,
    test_protected_accounts_and_groups_are_not_lost,
    test_what_a_window_shuts_and_what_nothing_explains_any_more_asks_the_guard,
    test_what_is_lost_and_given_is_what_planning_would_do,
    test_what_people_hold_is_proposed_as_roles,
    workshop,
)

__all__ = [
    "other",
    "test_an_exception_holds_what_the_roles_let_go",
    "test_protected_accounts_and_groups_are_not_lost",
    "test_what_a_window_shuts_and_what_nothing_explains_any_more_asks_the_guard",
    "test_what_is_lost_and_given_is_what_planning_would_do",
    "test_what_people_hold_is_proposed_as_roles",
    "workshop",
]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'
