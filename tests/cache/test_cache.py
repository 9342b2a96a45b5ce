"""The cache file: private, refused where it cannot be trusted, used by several processes, its journal unbroken."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlmodel import SQLModel

from jmltui.cache import journal, places, tables
from jmltui.cache.engine import Cache, open_cache
from jmltui.errors import CacheError, CacheFull, CacheTooNew, CacheUnsafe

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def opened(folder: Path) -> Cache:
    return open_cache(str(folder / "cache.sqlite"), clock=lambda: NOW)


def test_only_the_owner_can_read_it(private: Path) -> None:
    cache = opened(private)
    with cache.write() as session:
        journal.signal_change(session, NOW, "case", 1)
        for file in private.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file.name
    cache.close()


def test_the_schema_files_are_the_tables(private: Path) -> None:
    cache = opened(private)
    with cache.read() as session:
        found = inspect(session.connection())
        for table in SQLModel.metadata.sorted_tables:
            columns = {c["name"]: c["nullable"] for c in found.get_columns(table.name)}
            assert columns == {c.name: c.nullable for c in table.columns}, table.name
            assert {i["name"] for i in found.get_indexes(table.name)} >= {i.name for i in table.indexes}, table.name
    cache.close()


def test_a_newer_cache_is_refused(private: Path) -> None:
    opened(private).close()
    with sqlite3.connect(private / "cache.sqlite") as connection:
        connection.execute("UPDATE meta SET value='99' WHERE key='schema'")
    with pytest.raises(CacheTooNew, match="newer jmltui"):
        opened(private)


def test_another_file_is_refused(private: Path) -> None:
    (private / "cache.sqlite").write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(CacheError, match="not a cache"):
        opened(private)


def test_a_network_file_system_is_refused(private: Path) -> None:
    with pytest.raises(CacheUnsafe, match="network file system"):
        places.prepare_file(private / "cache.sqlite", f"server:/home {private} nfs4 rw 0 0\n")


def test_a_full_disk_is_told_and_nothing_is_written(private: Path) -> None:
    cache = opened(private)
    with pytest.raises(CacheFull, match="the disk is full"), cache.write() as session:
        connection = session.connection().connection.dbapi_connection
        assert connection is not None
        connection.execute("PRAGMA max_page_count=1")
        for _ in range(100):
            journal.append(session, NOW, journal.Entry("ana", "note", "x" * 5000))
    cache.close()
    cache = opened(private)
    with cache.read() as session:
        assert journal.verify(session).entries == 0
    cache.close()


def _write_many(path: str, count: int) -> None:
    cache = open_cache(path, clock=lambda: NOW)
    for number in range(count):
        with cache.write() as session:
            journal.append(session, NOW, journal.Entry("ana", "note", f"note {number}"))
    cache.close()


def test_many_processes_write_one_unbroken_journal(private: Path) -> None:
    path = str(private / "cache.sqlite")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(path, 50)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    cache = opened(private)
    with cache.read() as session:
        assert journal.verify(session) == journal.ChainState(200)
    cache.close()


@pytest.mark.parametrize(
    ("tamper", "first_bad"),
    [
        ("UPDATE journal SET entry=replace(entry, 'note 3', 'note 9') WHERE seq=4", 4),
        ("DELETE FROM journal WHERE seq=3", 3),
        ("UPDATE journal SET seq=CASE seq WHEN 2 THEN -3 ELSE -2 END WHERE seq IN (2,3)", 1),
        ("UPDATE journal SET hash='00' WHERE seq=5", 5),
    ],
)
def test_tampering_is_found(private: Path, tamper: str, first_bad: int) -> None:
    cache = opened(private)
    with cache.write() as session:
        journal.append(session, NOW, *(journal.Entry("ana", "note", f"note {n}") for n in range(6)))
    with sqlite3.connect(private / "cache.sqlite") as connection:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(tamper)
        connection.execute("DROP TRIGGER journal_no_update")
        connection.execute("DROP TRIGGER journal_no_delete")
        connection.execute(tamper)
    with cache.read() as session:
        assert journal.verify(session).first_bad == first_bad
    cache.close()


def test_secrets_never_enter_the_journal(private: Path) -> None:
    cache = opened(private)
    with cache.write() as session:
        facts = {"after": {"api_token": "s3cr3t", "login": "ana"}}
        journal.append(session, NOW, journal.Entry("ana", "note", "x", facts=facts))
    assert tables.JournalRow.__tablename__ == "journal"
    cache.close()
    assert b"s3cr3t" not in b"".join(file.read_bytes() for file in private.iterdir())
