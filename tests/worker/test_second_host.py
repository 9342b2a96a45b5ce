"""A second machine at a shared database: what is asked for there is done by the worker of the first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jmltui.config.places import Places
from jmltui.worker.place import only_worker_of, running_worker
from jmltui.worker.process import ensure_worker
from tests.lifecycle.conftest import Office, make_office, office

__all__ = ["make_office", "office"]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'


async def test_the_worker_of_another_machine_is_a_worker(office: Office, tmp_path: Path) -> None:
    places = Places(office.home, tmp_path / "state of the second machine")
    environ = {**os.environ, **office.environ}
    with only_worker_of(office.workshop.settings.cache_url):
        ensure_worker(places, environ)
    assert running_worker(places.worker_lock()) is None
