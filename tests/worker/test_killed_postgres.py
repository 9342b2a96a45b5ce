"""kill -9 at random moments, with the cache on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lifecycle.conftest import Office, make_office
from tests.worker.test_killed import MANY, kill_at_random_moments

__all__ = ["make_office"]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'


@pytest.mark.timeout(240)
async def test_killed_at_random_moments_on_postgres(make_office: Callable[..., Office]) -> None:
    await kill_at_random_moments(make_office, MANY[:40], 40)
