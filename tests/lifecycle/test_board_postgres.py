"""What a screen reads of a shared cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lifecycle.test_board import board, test_governance, test_lists_and_records, test_people_and_journal

__all__ = ["board", "test_governance", "test_lists_and_records", "test_people_and_journal"]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'
