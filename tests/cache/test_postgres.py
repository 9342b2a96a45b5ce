"""The cache on PostgreSQL: the same tables, the same promises."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from jmltui.cache import journal
from jmltui.cache.engine import Cache, open_cache
from jmltui.cache.staging import staged
from jmltui.domain.access import Account, AccountState
from jmltui.errors import CacheError, CacheTooNew
from jmltui.worker.place import WorkerRuns, only_worker_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def opened(url: str) -> Cache:
    return open_cache(url, clock=lambda: NOW)


def test_the_schema_files_are_the_tables(new_database: Callable[[], str]) -> None:
    cache = opened(new_database())
    with cache.read() as session:
        found = inspect(session.connection())
        for table in SQLModel.metadata.sorted_tables:
            columns = {c["name"]: c["nullable"] for c in found.get_columns(table.name)}
            assert columns == {c.name: c.nullable for c in table.columns}, table.name
    cache.close()


def test_a_newer_cache_is_refused(new_database: Callable[[], str]) -> None:
    url = new_database()
    cache = opened(url)
    with cache.write() as session:
        session.execute(text("UPDATE meta SET value='99' WHERE key='schema'"))
    cache.close()
    with pytest.raises(CacheTooNew, match="newer jmltui"):
        opened(url)


def test_several_writers_keep_one_unbroken_journal(new_database: Callable[[], str]) -> None:
    url = new_database()
    opened(url).close()

    def write_many() -> None:
        cache = opened(url)
        for number in range(25):
            with cache.write() as session:
                journal.append(session, NOW, journal.Entry("ana", "note", f"note {number}"))
        cache.close()

    writers = [threading.Thread(target=write_many) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    cache = opened(url)
    with cache.read() as session:
        assert journal.verify(session) == journal.ChainState(100)
    cache.close()


def test_the_journal_cannot_be_changed(new_database: Callable[[], str]) -> None:
    cache = opened(new_database())
    with cache.write() as session:
        journal.append(session, NOW, journal.Entry("ana", "note", "x"))
    with pytest.raises(CacheError, match="append-only"), cache.write() as session:
        session.execute(text("DELETE FROM journal"))
    cache.close()


def test_a_listing_replaces_the_mirror(new_database: Callable[[], str]) -> None:
    cache = opened(new_database())
    for login in ("ana", "bo"):
        with staged(cache, "crm") as stage:
            stage.add_accounts([Account("a1", login, AccountState.ACTIVE)])
            with stage.write() as session:
                assert stage.swap(session, NOW) == (1, 0, 0)
    with cache.read() as session:
        assert session.execute(text("SELECT login FROM account")).scalars().all() == ["bo"]
    cache.close()


def test_one_worker_serves_a_database(new_database: Callable[[], str]) -> None:
    url = new_database()
    with only_worker_of(url), pytest.raises(WorkerRuns, match="serves this database already"), only_worker_of(url):
        pass
    with only_worker_of(url):
        pass
