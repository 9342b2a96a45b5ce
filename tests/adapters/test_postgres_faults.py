"""What the PostgreSQL adapter says when the way to the server, the server, or somebody else stands in its way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    Cap,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    RateLimited,
    Setup,
    Stale,
    Unavailable,
    Unsupported,
    Untrusted,
    Verdict,
)
from jmltui_postgres import PostgresAdapter
from tests.adapters.test_postgres_system import connected, fresh, group, made, says, signed_in, sql_on
from tests.servers.own_postgres import OwnPostgres, asked, certificate, own_postgres
from tests.servers.scim2 import free_port


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    with own_postgres() as running:
        yield running


def adapter_of(password: str = "", **options: Any) -> PostgresAdapter:
    given = {"host": "127.0.0.1", "user": "jmltui", "password": "file:x", "exchange_seconds": 5, **options}
    return PostgresAdapter(Setup("db", given, lambda _: password, lambda: datetime.now(UTC)))


async def refusal(password: str = "", **options: Any) -> AdapterError:
    """What opening raises."""
    adapter = adapter_of(password, **options)
    with pytest.raises(AdapterError) as refused:
        await adapter.open()
    await adapter.close()
    return refused.value


async def waiting_for_a_lock(port: int) -> None:
    """Until some session waits for another's lock."""
    for _ in range(500):
        if asked(port, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits for a lock")


# ---- who answers


async def test_a_certificate_of_the_right_authority_is_trusted(server: OwnPostgres) -> None:
    sql_on(server.port, "CREATE ROLE operator LOGIN CREATEROLE PASSWORD 'right horse'")
    adapter = adapter_of("right horse", port=server.port, user="operator", ca_file=str(server.certificate))
    await adapter.open()
    facts = await adapter.check()
    await adapter.close()
    assert facts["encryption"].startswith("TLSv1.")
    assert (facts["authenticated"], facts["rights"], facts["standby"]) == ("yes", "createrole", "no")


async def test_a_foreign_authority_is_not_trusted(server: OwnPostgres, tmp_path: Path) -> None:
    foreign = certificate(tmp_path, "foreign", "IP:127.0.0.1", [])
    error = await refusal(port=server.port, ca_file=str(foreign))
    assert type(error) is Untrusted
    assert "db cannot be verified: SSL error: certificate verify failed" in error.message


async def test_a_certificate_for_another_name_is_not_trusted(server: OwnPostgres) -> None:
    error = await refusal(port=server.port, ca_file=str(server.certificate), host="localhost")
    assert type(error) is Untrusted


async def test_a_server_without_tls_is_not_trusted(postgres_cluster: int, server: OwnPostgres) -> None:
    error = await refusal(port=postgres_cluster, ca_file=str(server.certificate))
    assert type(error) is Untrusted


async def test_the_environment_takes_no_part(
    server: OwnPostgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    foreign = certificate(tmp_path, "foreign", "IP:127.0.0.1", [])
    passwords = tmp_path / ".pgpass"
    passwords.write_text("*:*:*:*:right horse\n")
    passwords.chmod(0o600)
    sql_on(server.port, "CREATE ROLE sloppy LOGIN PASSWORD 'right horse'")
    for name, value in {
        "PGSSLMODE": "disable", "PGHOSTADDR": "192.0.2.1", "PGPASSWORD": "right horse", "PGPASSFILE": str(passwords),
        "PGOPTIONS": "-c statement_timeout=1", "PGDATABASE": "nowhere", "PGSSLROOTCERT": str(server.certificate),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert type(await refusal(port=server.port, ca_file=str(foreign))) is Untrusted
    assert type(await refusal(port=server.port, user="sloppy", ca_file=str(server.certificate))) is AuthFailed
    adapter = adapter_of(port=server.port, ca_file=str(server.certificate))
    await adapter.open()
    await adapter.close()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"host": "db.example.test", "sslmode": "disable"}, "everything else is verified"),
        ({"host": "/run/postgresql"}, "A local socket has no TLS"),
        ({"host": ""}, "names no server"),
        ({"user": ""}, "names no `user`"),
        ({"host": "a,b"}, "must name one"),
        ({"ca_file": "/nowhere/ca.crt"}, "is not there"),
        ({"host": "", "url": "postgresql://jmltui:secret@127.0.0.1/postgres"}, "holds a password"),
        ({"host": "", "url": "postgresql://127.0.0.1/postgres?sslmode=disable"}, "set the rest as settings"),
        ({"host": "", "url": "https://127.0.0.1/"}, "must begin with postgresql://"),
        ({"url": "postgresql://192.0.2.1"}, "names two of `host`"),
    ],
)
async def test_settings_that_could_not_be_trusted(options: Mapping[str, Any], told: str) -> None:
    error = await refusal(**options)
    assert type(error) is Invalid
    assert told in error.message
    assert "secret" not in error.message


async def test_an_address_in_one_piece(postgres_cluster: int) -> None:
    adapter = adapter_of(
        host="", user="", sslmode="disable", url=f"postgresql://jmltui@127.0.0.1:{postgres_cluster}/postgres"
    )
    await adapter.open()
    assert (await adapter.check())["role"] == "jmltui"
    await adapter.close()


async def test_a_wrong_password_is_told_and_never_repeated(server: OwnPostgres) -> None:
    error = await refusal("wrong horse", port=server.port, user="operator", ca_file=str(server.certificate))
    assert type(error) is AuthFailed
    assert "horse" not in repr(error) + str(error.__cause__)
    nobody = await refusal(port=server.port, user="nobody-there", ca_file=str(server.certificate))
    assert type(nobody) is AuthFailed


async def test_nobody_there_and_somebody_else_there(server: OwnPostgres) -> None:
    assert type(await refusal(port=free_port(), sslmode="disable")) is Unavailable
    assert type(await refusal(host="no-such-host.invalid", ca_file=str(server.certificate))) is Unavailable
    assert type(await refusal(port=server.port, dbname="nowhere", sslmode="disable")) is Invalid
    async with web_server() as port:
        assert type(await refusal(port=port, sslmode="disable")) is ContractBroken
        assert type(await refusal(port=port, ca_file=str(server.certificate))) is ContractBroken


@asynccontextmanager
async def web_server() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()
        await running.wait_closed()


# ---- credentials


async def test_a_password_is_taken_away(server: OwnPostgres) -> None:
    async with connected(server.port) as adapter:
        account = await made(adapter)
        assert await adapter.credentials(account.id) == []
        sql_on(server.port, f"ALTER ROLE {account.login} PASSWORD 'of-mine'")
        assert asked(server.port, "SELECT 1", account.login, password="of-mine") == "1"
        (found,) = await adapter.credentials(account.id)
        assert (found.kind, found.active) == ("password", True)
        assert "SCRAM" not in repr(found)
        await adapter.update(account.id, {"expires": "2001-01-01T00:00:00+00:00"})
        assert [one.active for one in await adapter.credentials(account.id)] == [False]
        assert await says(adapter, Cap.REVOKE_CREDENTIALS, account) is Verdict.CONTRADICTED
        assert (await adapter.revoke_credential(account.id)).outcome is Outcome.CHANGED
        assert await says(adapter, Cap.REVOKE_CREDENTIALS, account) is Verdict.CONFIRMED
        assert (await adapter.revoke_credential(account.id, "password")).outcome is Outcome.ALREADY
        await adapter.update(account.id, {"expires": None})
        assert "password authentication failed" in asked(server.port, "SELECT 1", account.login, password="of-mine")
        with pytest.raises(NotFound):
            await adapter.revoke_credential(account.id, "token")


async def test_a_role_that_may_not_look_takes_the_password_all_the_same(server: OwnPostgres) -> None:
    sql_on(server.port, "CREATE ROLE maker LOGIN CREATEROLE PASSWORD 'm'")
    adapter = adapter_of("m", port=server.port, user="maker", sslmode="disable")
    await adapter.open()
    account = await made(adapter)
    sql_on(server.port, f"ALTER ROLE {account.login} PASSWORD 'of-mine'")
    with pytest.raises(Unsupported):
        await adapter.credentials(account.id)
    assert (await adapter.revoke_credential(account.id)).outcome is Outcome.CHANGED
    assert await says(adapter, Cap.REVOKE_CREDENTIALS, account) is Verdict.UNVERIFIABLE
    assert asked(server.port, f"SELECT rolpassword IS NULL FROM pg_authid WHERE oid = {account.id}") == "t"
    await adapter.close()


# ---- what our role may do


async def test_what_our_role_may_not_do(server: OwnPostgres) -> None:
    sql_on(server.port, "CREATE ROLE reader LOGIN PASSWORD 'r'", "CREATE ROLE signaller LOGIN CREATEROLE PASSWORD 's'")
    sql_on(server.port, "GRANT pg_signal_backend TO signaller")
    async with connected(server.port) as adapter:
        account, held = await made(adapter), await group(adapter, server.port, fresh("held"))
    reader = adapter_of("r", port=server.port, user="reader", sslmode="disable")
    await reader.open()
    assert (
        not {Cap.CREATE, Cap.DISABLE, Cap.DELETE, Cap.END_SESSIONS, Cap.LIST_CREDENTIALS} & reader.capabilities().keys()
    )
    assert account.id in {one.id async for page in reader.accounts(Query()) for one in page.items}
    with pytest.raises(Unsupported):
        await reader.disable(account.id)
    with pytest.raises(Forbidden) as forbidden:
        await reader.grant(account.id, held)
    assert forbidden.value.code == "42501"
    await reader.close()
    signaller = adapter_of("s", port=server.port, user="signaller", sslmode="disable")
    await signaller.open()
    sql_on(server.port, f"ALTER ROLE {account.login} PASSWORD 'of-mine'")
    mine = adapter_of("of-mine", port=server.port, user=account.login, sslmode="disable")
    await mine.open()
    (session,) = await signaller.sessions(account.id)
    assert (session.started, session.where) == (None, "database postgres, jmltui"), "it is not told from where"
    assert (await signaller.end_sessions(account.id)).outcome is Outcome.CHANGED
    assert asked(server.port, f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{account.login}'") == "0"
    await mine.close()
    await signaller.close()


async def test_no_connection_left(server: OwnPostgres) -> None:
    sql_on(server.port, "CREATE ROLE narrow LOGIN CREATEROLE PASSWORD 'n' CONNECTION LIMIT 1")
    first = adapter_of("n", port=server.port, user="narrow", sslmode="disable")
    await first.open()
    assert type(await refusal("n", port=server.port, user="narrow", sslmode="disable")) is RateLimited
    await first.close()


# ---- somebody else


async def test_somebody_elses_lock_is_waited_for_and_then_told(server: OwnPostgres) -> None:
    async with connected(server.port, lock_seconds=0.5) as adapter:
        account = await made(adapter)
        with server.super() as other:
            with other.transaction():
                other.execute(f"ALTER ROLE {account.login} CONNECTION LIMIT 9")
                began = monotonic()
                with pytest.raises(Unavailable, match="somebody else holds a lock; nothing was changed"):
                    await adapter.disable(account.id)
                assert monotonic() - began < 15
                assert await says(adapter, Cap.DISABLE, account) is Verdict.CONTRADICTED
            assert (await adapter.disable(account.id)).outcome is Outcome.CHANGED
            assert (await adapter.enable(account.id)).outcome is Outcome.CHANGED
            limit = asked(server.port, f"SELECT rolconnlimit FROM pg_roles WHERE oid = {account.id}")
            assert limit == "9", "what somebody else set meanwhile is kept"


async def test_a_name_that_passes_to_somebody_else_meanwhile(server: OwnPostgres) -> None:
    """The role is renamed and its name given away between the look and the change: the other one is left alone."""
    async with connected(server.port) as adapter:
        account = await made(adapter)
        login = account.login
        with server.super() as other:
            with other.transaction():
                other.execute(f"ALTER ROLE {login} RENAME TO {login}_old")
                other.execute(f"CREATE ROLE {login} LOGIN")
                attempt = asyncio.create_task(adapter.disable(account.id))
                await waiting_for_a_lock(server.port)
            with pytest.raises((Stale, Unavailable)):
                await attempt
        assert asked(server.port, f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{login}'") == "t"
        assert (await adapter.read(account.id)).login == f"{login}_old"
        assert (await adapter.disable(account.id)).outcome is Outcome.CHANGED
        assert asked(server.port, f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{login}'") == "t"


async def test_a_session_that_somebody_ended_is_made_again(server: OwnPostgres) -> None:
    async with connected(server.port) as adapter:
        account = await made(adapter)
        with server.super() as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jmltui'")
            await asyncio.sleep(0.1)
        assert (await adapter.disable(account.id)).outcome is Outcome.CHANGED


# ---- the server


async def test_killed_in_the_middle_of_a_write(server: OwnPostgres) -> None:
    async with connected(server.port) as adapter:
        account = await made(adapter)
        with server.super() as other:
            other.execute("BEGIN")
            other.execute(f"ALTER ROLE {account.login} CONNECTION LIMIT 9")
            attempt = asyncio.create_task(adapter.disable(account.id))
            await waiting_for_a_lock(server.port)
            await asyncio.to_thread(server.stop)
            with pytest.raises(OutcomeUnknown, match="may have been done"):
                await attempt
            other.close()
        with pytest.raises(Unavailable):
            await says(adapter, Cap.DISABLE, account)
        with pytest.raises(Unavailable):
            await adapter.disable(account.id)
        await asyncio.to_thread(server.start)
        assert await says(adapter, Cap.DISABLE, account) is Verdict.CONTRADICTED
        assert (await adapter.disable(account.id)).outcome is Outcome.CHANGED
        assert await says(adapter, Cap.DISABLE, account) is Verdict.CONFIRMED


async def test_a_server_that_hangs_is_not_waited_for(server: OwnPostgres) -> None:
    async with connected(server.port, exchange_seconds=1) as adapter:
        account = await made(adapter)
        began = monotonic()
        with server.halted():
            with pytest.raises(Unavailable, match="no answer came in time"):
                await adapter.read(account.id)
            with pytest.raises(Unavailable, match="does not answer"):
                await adapter.disable(account.id)
        assert monotonic() - began < 15
        assert (await adapter.read(account.id)).id == account.id


async def test_a_write_that_hangs_is_unknown(server: OwnPostgres) -> None:
    async with connected(server.port, exchange_seconds=2, lock_seconds=60) as adapter:
        account = await made(adapter)
        with server.super() as other, other.transaction():
            other.execute(f"ALTER ROLE {account.login} CONNECTION LIMIT 9")
            attempt = asyncio.create_task(adapter.disable(account.id))
            await waiting_for_a_lock(server.port)
            with server.halted(), pytest.raises(OutcomeUnknown, match="no answer came in time"):
                await attempt
        assert await says(adapter, Cap.DISABLE, account) is Verdict.CONTRADICTED


async def test_a_standby_is_read_and_not_changed(server: OwnPostgres) -> None:
    async with connected(server.port) as adapter:
        account = await made(adapter)
        with server.as_standby():
            assert (await adapter.check())["standby"].startswith("yes")
            assert (await adapter.read(account.id)).id == account.id
            with pytest.raises(Unavailable, match="is a standby now and cannot be changed"):
                await adapter.disable(account.id)
        assert (await adapter.check())["standby"] == "no"
        assert (await adapter.disable(account.id)).outcome is Outcome.CHANGED


async def test_a_call_that_is_given_up_leaves_nothing_behind(server: OwnPostgres) -> None:
    async with connected(server.port) as adapter:
        account = await made(adapter)
        with server.super() as other, other.transaction():
            other.execute(f"ALTER ROLE {account.login} CONNECTION LIMIT 9")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await adapter.disable(account.id)
        assert await says(adapter, Cap.DISABLE, account) is Verdict.CONTRADICTED
        assert (await adapter.disable(account.id)).outcome is Outcome.CHANGED


async def test_sessions_that_cannot_be_ended_are_pending(server: OwnPostgres) -> None:
    async with connected(server.port, exchange_seconds=2) as adapter:
        account = await made(adapter)
        sql_on(server.port, f"ALTER ROLE {account.login} PASSWORD 'p'")
        with signed_in(server.port, account.login, password="p"):
            pid = int((await adapter.sessions(account.id))[0].id.partition("-")[0])
            os.kill(pid, 19)
            try:
                assert (await adapter.end_sessions(account.id)).outcome is Outcome.PENDING
                assert await says(adapter, Cap.END_SESSIONS, account) is Verdict.CONTRADICTED
                with pytest.raises(Conflict, match="1 open session"):
                    await adapter.delete(account.id)
            finally:
                os.kill(pid, 18)
            assert (await adapter.end_sessions(account.id)).outcome in (Outcome.CHANGED, Outcome.ALREADY)


async def test_what_is_not_open_is_unavailable() -> None:
    adapter = adapter_of()
    with pytest.raises(Unavailable, match="is not open"):
        await adapter.read("16384")
    await adapter.close()
