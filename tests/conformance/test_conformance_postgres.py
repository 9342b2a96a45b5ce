"""The suite on a real PostgreSQL, directly and behind a proxy that disturbs the connection and what is asked."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, Final

import psycopg
import pytest

from jmltui.adapter_api import Cap, Setup
from jmltui.adapter_api.conformance import CHECKS, Disturbance, Result, World, run_check, run_fault
from jmltui_postgres import PostgresAdapter
from tests.conftest import StandingClock

GROUPS: Final = ("conformance_g1", "conformance_g2", "conformance_g3")
LIMITED: Final = "conformance_limited"
LACKING: Final = frozenset({"devices_are_wiped"})
QUERY: Final = (b"Q", b"P")
STARTING: Final = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0"
WEB_PAGE: Final = b"HTTP/1.1 400 Bad Request\r\n\r\n<!DOCTYPE html><title>Sign in</title>"


@pytest.fixture
def server(postgres_cluster: int) -> int:
    """The port of a cluster that has groups to hold, and a role that is no superuser and may make others."""
    with psycopg.connect(f"postgresql://jmltui@127.0.0.1:{postgres_cluster}/postgres", autocommit=True) as link:
        for name, kind in [*((group, "NOLOGIN") for group in GROUPS), (LIMITED, "LOGIN CREATEROLE")]:
            if link.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone() is None:
                link.execute(f"CREATE ROLE {name} {kind}")
        link.execute(f"GRANT {', '.join(GROUPS)} TO {LIMITED} WITH ADMIN OPTION")
        link.execute(f"GRANT pg_signal_backend TO {LIMITED}")
    return postgres_cluster


@asynccontextmanager
async def connected(port: int, clock: StandingClock, user: str = "jmltui") -> AsyncIterator[PostgresAdapter]:
    options: dict[str, str | int] = {
        "host": "127.0.0.1",
        "port": port,
        "user": user,
        "sslmode": "disable",
        "exchange_seconds": 2,
    }
    adapter = PostgresAdapter(Setup("db", options, str, clock))
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


async def world_of(port: int, prefix: str) -> World:
    """What may be used up: the groups."""
    with psycopg.connect(f"postgresql://jmltui@127.0.0.1:{port}/postgres", autocommit=True) as link:
        found = link.execute("SELECT oid::text FROM pg_roles WHERE rolname = ANY(%s) ORDER BY rolname", [list(GROUPS)])
        groups = [row[0] for row in found.fetchall()]

    async def own(account_id: str) -> None:
        with psycopg.connect(f"postgresql://jmltui@127.0.0.1:{port}/postgres", autocommit=True) as link:
            made, name = link.execute("SELECT lo_create(0), %s::oid::regrole::text", [account_id]).fetchone() or (
                "",
                "",
            )
            link.execute(f"ALTER LARGE OBJECT {made} OWNER TO {name}")

    return World(prefix, groups, own=own)


@pytest.mark.parametrize("check", CHECKS)
async def test_a_superuser_keeps_the_contract(server: int, clock: StandingClock, check: str) -> None:
    async with connected(server, clock) as adapter:
        result = await run_check(check, adapter, await world_of(server, f"s{list(CHECKS).index(check):02d}"))
    assert result.result is (Result.SKIPPED if check in LACKING else Result.PASSED), result.told


@pytest.mark.parametrize("check", CHECKS)
async def test_a_role_that_may_make_others_keeps_the_contract(server: int, clock: StandingClock, check: str) -> None:
    async with connected(server, clock, LIMITED) as adapter:
        assert Cap.LIST_CREDENTIALS not in adapter.capabilities()
        result = await run_check(check, adapter, await world_of(server, f"l{list(CHECKS).index(check):02d}"))
    expected = Result.SKIPPED if check in {"credentials_end", *LACKING} else Result.PASSED
    assert result.result is expected, result.told


class Proxy:
    """Between the adapter and the server: frames of the protocol (version 3), changed or withheld on their way."""

    rewrites: ClassVar[Mapping[Disturbance, tuple[bytes, bytes]]] = {
        Disturbance.SMALL_TOTAL: (rb"count\(\*\) OVER \(\)", b"1::bigint"),
        Disturbance.LARGE_TOTAL: (rb"count\(\*\) OVER \(\)", b"count(*) OVER () + 3"),
        Disturbance.ENDLESS_LISTING: (rb"r\.oid > \$1", b"0 < $1::bigint + 1 OR r.oid > $1"),
        Disturbance.EMPTY_LISTING: (rb"(r\.oid > |r\.rolname = )", rb"false AND \1"),
        Disturbance.OTHER_USER: (
            rb"r\.oid = (\$1::bigint::oid)",
            rb"r.oid = (SELECT max(oid) FROM pg_roles) AND 0 < \1",
        ),
        Disturbance.IGNORE_FILTER: (rb"r\.rolname = (\$1::text)", rb"\1 IS NOT NULL"),
    }
    losing: ClassVar = (
        Disturbance.LOSE_WRITE_ANSWER,
        Disturbance.TIMEOUT_AFTER_WRITE,
        Disturbance.CUT_WRITE_ANSWER,
    )
    supports = frozenset(
        {
            *rewrites,
            *losing,
            Disturbance.REFUSE,
            Disturbance.FLAKY,
            Disturbance.CUT_ANSWER,
            Disturbance.WEB_PAGE,
            Disturbance.SHORT_LISTING,
        }
    )

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._what: Disturbance | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._astray: dict[asyncio.StreamWriter, Disturbance] = {}
        self.port = 0

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.close()
        await asyncio.sleep(0.05)

    async def disturb(self, what: Disturbance) -> None:
        if what not in self.losing:
            await self.close()
        if what is not Disturbance.REFUSE and self._server is None:
            await self.listen()
        self._what = what

    async def calm(self) -> None:
        self._what = None
        if self._server is None:
            await self.listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._writers.add(writer)
        answers: asyncio.Task[None] | None = None
        upstream: asyncio.StreamWriter | None = None
        try:
            (length,) = struct.unpack("!I", await reader.readexactly(4))
            startup = await reader.readexactly(length - 4)
            instead = {
                Disturbance.FLAKY: b"E" + struct.pack("!I", len(STARTING) + 4) + STARTING,
                Disturbance.WEB_PAGE: WEB_PAGE,
            }.get(self._what or Disturbance.REDIRECT)
            if instead is not None:
                writer.write(instead)
                return
            back, upstream = await asyncio.open_connection("127.0.0.1", self._upstream)
            upstream.write(struct.pack("!I", length) + startup)
            answers = asyncio.create_task(self._answer(back, writer))
            while True:
                kind, body = await frame(reader)
                if kind in QUERY:
                    body = self._asked(body, writer)
                upstream.write(kind + struct.pack("!I", len(body) + 4) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            if upstream is not None:
                upstream.close()
            if answers is not None:
                await asyncio.wait([answers], timeout=1)
                answers.cancel()

    def _asked(self, body: bytes, writer: asyncio.StreamWriter) -> bytes:
        """A statement as it is passed on; the end of a write makes its answer go astray once."""
        if self._what in self.losing and b"COMMIT" in body:
            self._astray[writer] = self._what
            self._what = None
        if self._what is Disturbance.SHORT_LISTING and b"remaining" in body:
            self._astray[writer] = self._what
        pattern, instead = self.rewrites.get(self._what or Disturbance.REDIRECT, (b"", b""))
        return re.sub(pattern, instead, body) if pattern else body

    async def _answer(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                kind, body = await frame(back)
                astray = self._astray.get(writer)
                whole = kind + struct.pack("!I", len(body) + 4) + body
                if astray is Disturbance.TIMEOUT_AFTER_WRITE:
                    continue
                if astray is Disturbance.CUT_WRITE_ANSWER or self._what is Disturbance.CUT_ANSWER:
                    writer.write(whole[: len(whole) // 2])
                    astray = Disturbance.LOSE_WRITE_ANSWER
                if astray is Disturbance.LOSE_WRITE_ANSWER:
                    await writer.drain()
                    writer.close()
                    return
                if astray is Disturbance.SHORT_LISTING and kind == b"D":
                    del self._astray[writer]
                    continue
                writer.write(whole)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """One message: its type and its body."""
    head = await reader.readexactly(5)
    return head[:1], await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


@pytest.mark.parametrize("what", sorted(Proxy.supports), ids=lambda what: what.name.lower())
async def test_under_a_disturbed_connection(server: int, clock: StandingClock, what: Disturbance) -> None:
    proxy = Proxy(server)
    await proxy.listen()
    try:
        async with connected(proxy.port, clock) as adapter:
            result = await run_fault(what, adapter, proxy, World(f"d{sorted(Proxy.supports).index(what):02d}"))
    finally:
        await proxy.close()
    assert result.result is Result.PASSED, result.told
