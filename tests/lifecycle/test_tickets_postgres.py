"""Cases bound to tickets once more, with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jmltui.cache import migrations
from jmltui.cache import tickets as outbox
from jmltui.cache.engine import open_cache
from tests.conftest import StandingClock
from tests.lifecycle.test_tickets import (
    helpdesk,
    test_a_case_walked_to_its_end_leaves_one_comment_per_milestone,
    test_a_refused_credential_stops_the_system_and_loses_nothing,
)

__all__ = [
    "helpdesk",
    "test_a_case_walked_to_its_end_leaves_one_comment_per_milestone",
    "test_a_refused_credential_stops_the_system_and_loses_nothing",
]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'


def test_an_older_database_gets_the_tables(new_database: Callable[[], str], clock: StandingClock) -> None:
    import psycopg

    url = new_database()
    with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
        for version in (1, 2):
            for statement in migrations.statements(version, "postgresql"):
                connection.execute(statement.encode())
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
    cache = open_cache(url, clock=clock)
    with cache.read() as session:
        assert outbox.left(session) == 0
    cache.close()
