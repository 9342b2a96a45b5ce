"""The adapter on a real file of the application, held against jmltui's contract."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from jmltui_example import ExampleAdapter
from jmltui_example.application import TABLES

from jmltui.adapter_api import Setup, Unavailable
from jmltui.adapter_api.conformance import CHECKS, Result, World, run_check

ROLES = ("1", "2", "3")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "application.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(TABLES)
        db.executemany("INSERT INTO role (id, name) VALUES (?, ?)", [(number, f"role {number}") for number in ROLES])
    return path


def adapter(file):
    return ExampleAdapter(Setup("app", {"file": str(file)}, str, lambda: datetime.now(UTC)))


@pytest.mark.parametrize("check", CHECKS)
def test_the_contract_is_kept(file, check):
    async def held():
        app = adapter(file)
        await app.open()
        try:
            return await run_check(check, app, World("c", ROLES, many=8))
        finally:
            await app.close()

    result = asyncio.run(held())
    assert result.result is not Result.FAILED, result.told
    if check not in ("many_at_once", "sessions_end", "credentials_end", "ownership_moves", "devices_are_wiped"):
        assert result.result is Result.PASSED, result.told


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Unavailable, match="is not there"):
        asyncio.run(adapter(tmp_path / "nothing.sqlite").open())
