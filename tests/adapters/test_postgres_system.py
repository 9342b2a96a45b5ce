"""The PostgreSQL adapter against a real server, what it did being looked at with PostgreSQL's own client."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any, Final

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    Conflict,
    Forbidden,
    Grant,
    Invalid,
    NotFound,
    Outcome,
    Query,
    Setup,
    Stale,
    Step,
    Verdict,
)
from jmltui_postgres import PostgresAdapter
from jmltui_postgres.memberships import Edge, Picture
from jmltui_postgres.remark import Remark, checked, parsed
from jmltui_postgres.roles import Role, by_id
from jmltui_postgres.scope import Scope
from tests.servers.own_postgres import asked, psql

NUMBERS: Final = itertools.count(1)
HOSTILE: Final = (
    'a"b; drop',
    "'; DROP ROLE jmltui; --",
    "a\\b",
    "x%sy %(z)s {} $1",
    "Zoë “Łukasz” 王",
    " a b ",
    "user",
)


@asynccontextmanager
async def connected(port: int, **options: Any) -> AsyncIterator[PostgresAdapter]:
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "user": "jmltui",
        "sslmode": "disable",
        "exchange_seconds": 10,
    }
    adapter = PostgresAdapter(Setup("db", {**given, **options}, str, lambda: datetime.now(UTC)))
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


def sql_on(port: int, *statements: str, database: str = "postgres") -> None:
    """Statements of a database administrator."""
    with psycopg.connect(f"postgresql://jmltui@127.0.0.1:{port}/{database}", autocommit=True) as link:
        for statement in statements:
            link.execute(sql.SQL(statement))


def fresh(stem: str = "person") -> str:
    """A name that no role has yet."""
    return f"{stem}{next(NUMBERS)}"


def wanted(login: str, **more: Any) -> Account:
    return Account("", login, AccountState.ACTIVE, external_id=f"K-{login}", display=f"Person {login}", **more)


async def made(adapter: PostgresAdapter, login: str = "") -> Account:
    return (await adapter.create(wanted(login or fresh()), key="k"))[0]


async def group(adapter: PostgresAdapter, port: int, name: str, options: str = "NOLOGIN") -> str:
    """The id of a role made by an administrator."""
    with psycopg.connect(f"postgresql://jmltui@127.0.0.1:{port}/postgres", autocommit=True) as link:
        link.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(name), sql.SQL(options)))
    return str({e.name: e.id for e in await entitlements(adapter)}.get(name, ""))


async def entitlements(adapter: PostgresAdapter, size: int = 200) -> list[Any]:
    return [item async for page in adapter.entitlements(Query(page_size=size)) for item in page.items]


async def logins(adapter: PostgresAdapter) -> dict[str, Account]:
    return {item.login: item async for page in adapter.accounts(Query()) for item in page.items}


async def says(adapter: PostgresAdapter, cap: Cap, account: Account, target: str | None = None) -> Verdict:
    return (await adapter.verify(Step(cap, account.id, target, login=account.login))).verdict


@contextmanager
def signed_in(port: int, login: str, count: int = 1, password: str = "") -> Iterator[list[subprocess.Popen[bytes]]]:
    """Sessions of a role, each a psql that sleeps; they are there once the server shows them."""
    clients = [
        subprocess.Popen(
            psql(port, login, "SELECT pg_sleep(60)", password=password), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(count)
    ]
    until = monotonic() + 20
    while open_sessions(port, login) != count:
        assert monotonic() < until
        sleep(0.05)
    try:
        yield clients
    finally:
        for client in clients:
            client.kill()
            client.communicate()


def open_sessions(port: int, login: str) -> int:
    return int(asked(port, f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{login}'"))


async def test_an_account_lives_and_ends(postgres_cluster: int) -> None:
    async with connected(postgres_cluster) as adapter:
        account = await made(adapter, login := fresh())
        shown = asked(
            postgres_cluster, f"SELECT rolcanlogin, rolsuper, rolpassword FROM pg_authid WHERE oid = {account.id}"
        )
        assert shown == "t|f|"
        comment = asked(postgres_cluster, f"SELECT shobj_description({account.id}, 'pg_authid')")
        assert comment == f"jmltui:K-{login}\nPerson {login}"
        assert asked(postgres_cluster, "SELECT 1", login) == "1"
        assert (await adapter.disable(account.id)).outcome is Outcome.CHANGED
        assert "is not permitted to log in" in asked(postgres_cluster, "SELECT 1", login)
        assert (await adapter.enable(account.id)).outcome is Outcome.CHANGED
        assert asked(postgres_cluster, "SELECT 1", login) == "1"
        assert (await adapter.update(account.id, {"login": f"{login}b"})).outcome is Outcome.CHANGED
        assert (await adapter.read(account.id)).login == f"{login}b"
        assert (await adapter.delete(account.id)).outcome is Outcome.CHANGED
        assert asked(postgres_cluster, f"SELECT count(*) FROM pg_roles WHERE oid = {account.id}") == "0"
        assert await says(adapter, Cap.DELETE, account) is Verdict.CONFIRMED


async def test_live_sessions_are_ended_and_psql_says_so(postgres_cluster: int) -> None:
    async with connected(postgres_cluster) as adapter:
        account, other = await made(adapter), await made(adapter)
        with (
            signed_in(postgres_cluster, account.login, 3) as clients,
            signed_in(postgres_cluster, other.login) as others,
        ):
            found = await adapter.sessions(account.id)
            assert len(found) == 3
            assert all(one.where.startswith("127.0.0.1:") and one.where.endswith(", psql") for one in found)
            assert all(one.started is not None and not one.inferred for one in found)
            await adapter.disable(account.id)
            assert open_sessions(postgres_cluster, account.login) == 3, "NOLOGIN ends no session"
            assert await says(adapter, Cap.END_SESSIONS, account) is Verdict.CONTRADICTED
            receipt = await adapter.end_sessions(account.id, found[0].id)
            assert receipt.outcome is Outcome.CHANGED
            assert open_sessions(postgres_cluster, account.login) == 2
            assert await says(adapter, Cap.END_SESSIONS, account, found[0].id) is Verdict.CONFIRMED
            assert await says(adapter, Cap.END_SESSIONS, account, found[1].id) is Verdict.CONTRADICTED
            assert (await adapter.end_sessions(account.id)).outcome is Outcome.CHANGED
            assert open_sessions(postgres_cluster, account.login) == 0
            assert await says(adapter, Cap.END_SESSIONS, account) is Verdict.CONFIRMED
            assert (await adapter.end_sessions(account.id)).outcome is Outcome.ALREADY
            for client in clients:
                _, complaint = client.communicate(timeout=20)
                assert b"terminating connection due to administrator command" in complaint
                assert client.returncode != 0
            assert others[0].poll() is None, "somebody else's session was ended"


async def test_a_process_number_that_was_given_again_is_left_alone(postgres_cluster: int) -> None:
    async with connected(postgres_cluster) as adapter:
        account = await made(adapter)
        with signed_in(postgres_cluster, account.login):
            (session,) = await adapter.sessions(account.id)
            earlier = f"{session.id.partition('-')[0]}-{int(session.id.partition('-')[2]) - 5}"
            assert (await adapter.end_sessions(account.id, earlier)).outcome is Outcome.ALREADY
            assert open_sessions(postgres_cluster, account.login) == 1


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names_are_names(postgres_cluster: int, name: str) -> None:
    async with connected(postgres_cluster) as adapter:
        account, held = await made(adapter, name), await group(adapter, postgres_cluster, f"{name} group")
        assert (await logins(adapter))[name].id == account.id
        await adapter.grant(account.id, held)
        assert await says(adapter, Cap.GRANT, account, held) is Verdict.CONFIRMED
        await adapter.revoke(account.id, held)
        await adapter.disable(account.id)
        await adapter.enable(account.id)
        await adapter.revoke_credential(account.id)
        await adapter.update(account.id, {"login": f"{name}2", "display": name, "external_id": name.strip()})
        read = await adapter.read(account.id)
        assert (read.login, read.display, read.external_id) == (f"{name}2", name, name.strip())
        await adapter.delete(account.id)
        assert await adapter.find(f"{name}2") is None
        assert await adapter.find("jmltui") is None, "superusers are not listed"


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64, "ł" * 32, "pg_mine", "public", "none", "\ud800"])
async def test_names_that_no_role_can_have_are_refused(postgres_cluster: int, name: str) -> None:
    async with connected(postgres_cluster) as adapter:
        before = asked(postgres_cluster, "SELECT count(*) FROM pg_roles")
        with pytest.raises(Invalid):
            await adapter.create(wanted(name), key="k")
        assert await adapter.find(name) is None
        assert asked(postgres_cluster, "SELECT count(*) FROM pg_roles") == before


@given(
    st.builds(
        Remark, st.none() | st.text(min_size=1, max_size=20), st.text(max_size=60), st.none() | st.integers(-1, 99)
    )
)
def test_a_remark_is_read_as_it_was_written_or_refused(remark: Remark) -> None:
    try:
        kept = checked(remark)
    except Invalid:
        return
    assert parsed(str(kept)) == remark


@pytest.mark.parametrize("text", ["jmltui:K-other", "a\njmltui-disabled: connection limit 7", "a\0b"])
async def test_a_display_name_cannot_say_whose_account_it_is(postgres_cluster: int, text: str) -> None:
    async with connected(postgres_cluster) as adapter:
        with pytest.raises(Invalid):
            await adapter.create(replace(wanted(fresh()), display=text, external_id=None), key="k")
        account = await made(adapter)
        with pytest.raises(Invalid):
            await adapter.update(account.id, {"display": text, "external_id": None})
        assert (await adapter.read(account.id)).external_id == account.external_id


async def test_what_people_wrote_on_a_role_is_kept(postgres_cluster: int) -> None:
    login = fresh()
    sql_on(
        postgres_cluster, f"CREATE ROLE {login} LOGIN CONNECTION LIMIT 7", f"COMMENT ON ROLE {login} IS 'Ana, ext. 12'"
    )
    async with connected(postgres_cluster) as adapter:
        account = (await logins(adapter))[login]
        assert (account.external_id, account.display) == (None, "Ana, ext. 12")
        await adapter.update(account.id, {"external_id": "K7"})
        await adapter.disable(account.id)
        disabled = (await logins(adapter))[login]
        assert (disabled.state, disabled.external_id, disabled.display) == (AccountState.DISABLED, "K7", "Ana, ext. 12")
        await adapter.enable(account.id)
        shown = f"SELECT rolconnlimit, shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = '{login}'"
        assert asked(postgres_cluster, shown) == "7|jmltui:K7\nAna, ext. 12"


@pytest.mark.parametrize(("how", "flags"), [("both", "f|0"), ("nologin", "f|-1"), ("limit", "t|0")])
async def test_a_disable_as_the_settings_choose(postgres_cluster: int, how: str, flags: str) -> None:
    async with connected(postgres_cluster, disable_by=how) as adapter:
        account = await made(adapter)
        shown = f"SELECT rolcanlogin, rolconnlimit FROM pg_roles WHERE oid = {account.id}"
        await adapter.disable(account.id)
        assert asked(postgres_cluster, shown) == flags
        assert (await logins(adapter))[account.login].state is AccountState.DISABLED
        assert account.login not in {one.name for one in await entitlements(adapter)}
        assert "FATAL" in asked(postgres_cluster, "SELECT 1", account.login)
        await adapter.enable(account.id)
        assert asked(postgres_cluster, shown) == "t|-1"
        assert (await adapter.read(account.id)).version == account.version


async def test_an_account_expires_and_is_limited(postgres_cluster: int) -> None:
    until = datetime(2031, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    async with connected(postgres_cluster) as adapter:
        account, _ = await adapter.create(wanted(fresh(), expires=until, raw={"connection_limit": "3"}), key="k")
        assert (account.expires, account.raw["connection_limit"]) == (until, 3)
        assert (await adapter.update(account.id, {"expires": until.isoformat()})).outcome is Outcome.ALREADY
        assert (await adapter.update(account.id, {"expires": None})).outcome is Outcome.CHANGED
        assert (await adapter.read(account.id)).expires is None
        for name, value in (
            ("expires", "tomorrow"),
            ("expires", "2031-01-01T00:00"),
            ("connection_limit", 0),
            ("email", "a"),
        ):
            with pytest.raises(Invalid):
                await adapter.update(account.id, {name: value})
        sql_on(postgres_cluster, f"ALTER ROLE {account.login} VALID UNTIL '-infinity'")
        assert (await adapter.read(account.id)).expires == datetime(1970, 1, 1, tzinfo=UTC)
        with pytest.raises(Stale):
            await adapter.update(account.id, {"display": "x"}, if_version=account.version)


async def test_who_is_an_account_is_for_the_settings_to_say(postgres_cluster: int) -> None:
    root, service, robot, person = (fresh(stem) for stem in ("root", "svc_", "robot", "person"))
    sql_on(
        postgres_cluster,
        f"CREATE ROLE {root} LOGIN SUPERUSER",
        *(f"CREATE ROLE {name} LOGIN" for name in (service, robot, person)),
    )
    async with connected(postgres_cluster) as adapter:
        found = await logins(adapter)
        assert {service, robot, person} <= found.keys()
        assert not {name for name in found if name.startswith(("pg_", "root")) or name == "jmltui"}
        hidden = asked(postgres_cluster, f"SELECT oid FROM pg_roles WHERE rolname = '{root}'")
        for refused in (adapter.read, adapter.disable, adapter.delete, adapter.end_sessions, adapter.revoke_credential):
            with pytest.raises(Forbidden, match="superuser"):
                await refused(hidden)
        with pytest.raises(Conflict, match="superuser"):
            await made(adapter, root)
    patterns = {
        "include": ["svc_*", "robot*", "root*"],
        "exclude": ["robot*"],
        "superusers": ["root*"],
        "services": ["svc_*"],
    }
    async with connected(postgres_cluster, **patterns) as adapter:
        found = await logins(adapter)
        assert found[service].kind == "service"
        assert root in found
        assert robot not in found
        assert person not in found
        assert await adapter.find(robot) is None
        with pytest.raises(Invalid, match="include"):
            await made(adapter, "robot-new")
        assert (await adapter.disable(hidden)).outcome is Outcome.CHANGED
        assert "not permitted to log in" in asked(postgres_cluster, "SELECT 1", root)


async def test_it_does_not_saw_off_its_own_branch(postgres_cluster: int) -> None:
    own = fresh("own")
    sql_on(postgres_cluster, f"CREATE ROLE {own} LOGIN CREATEROLE", f"GRANT pg_signal_backend TO {own}")
    async with connected(postgres_cluster, user=own) as adapter:
        account = (await logins(adapter))[own]
        assert account.kind == "service"
        for refused in (adapter.disable, adapter.delete, adapter.end_sessions, adapter.revoke_credential):
            with pytest.raises(Forbidden, match="jmltui itself"):
                await refused(account.id)


async def test_what_is_held_directly_and_through_what(postgres_cluster: int) -> None:
    async with connected(postgres_cluster) as adapter:
        top, middle, low = (fresh(stem) for stem in ("top", "middle", "low"))
        ids = {name: await group(adapter, postgres_cluster, name) for name in (top, middle, low)}
        account, boss = await made(adapter), await made(adapter)
        sql_on(
            postgres_cluster,
            f"GRANT {top} TO {middle}",
            f"GRANT {middle} TO {low}",
            f"GRANT pg_read_all_data TO {top}",
            f"GRANT {boss.login} TO {account.login}",
        )
        await adapter.grant(account.id, ids[low])
        data = next(one for one in await entitlements(adapter) if one.name == "pg_read_all_data")
        expected = {
            Grant(account.id, ids[low]),
            Grant(account.id, boss.id),
            Grant(account.id, ids[middle], False, (low,)),
            Grant(account.id, ids[top], False, (low, middle)),
            Grant(account.id, data.id, False, (low, middle, top)),
        }
        assert set(await adapter.grants_of(account.id)) == expected
        listed = [
            g async for page in adapter.grants(Query(page_size=1)) for g in page.items if g.account_id == account.id
        ]
        assert len(listed) == len(expected)
        assert set(listed) == expected
        found = {one.id: one for one in await entitlements(adapter, 1)}
        assert [found[ids[name]].privileged for name in (low, middle, top)] == [True] * 3, "what lies behind counts"
        assert found[boss.id].grantable is False, "an account with members is shown, and not given away"
        with pytest.raises(Forbidden, match="signs in"):
            await adapter.grant(boss.id, account.id)
        with pytest.raises(Conflict, match=f"through {low}"):
            await adapter.revoke(account.id, ids[top])


def test_the_right_to_pass_a_role_on_is_not_the_role() -> None:
    """From PostgreSQL 16 on a membership may give neither INHERIT nor SET: it is held, and leads nowhere."""
    names = {1: "ana", 2: "outer", 3: "inner", 4: "jmltui"}
    roles = {oid: Role(oid, name, oid in (1, 4), -1, None, frozenset(), "") for oid, name in names.items()}
    edges = [Edge(2, 1, 9, False), Edge(3, 2, 9, True), Edge(1, 4, 9, False)]
    picture = Picture(roles, edges, Scope(Setup("db", {}, str, lambda: datetime.now(UTC)), "jmltui"))
    assert picture.grants_of(1) == [Grant("1", "2")]
    assert picture.grants_of(4) == [], "what the maker of a role gets in it is no membership to review"
    assert [one.name for _, one in picture.entitlements()] == ["outer", "inner"]
    usable = Picture(roles, [*edges, Edge(2, 1, 8, True)], Scope(Setup("db", {}, str, lambda: datetime.now(UTC)), "x"))
    assert usable.grants_of(1) == [Grant("1", "2"), Grant("1", "3", False, ("outer",))]


async def test_own_roles_of_postgresql_are_shown_and_not_given(postgres_cluster: int) -> None:
    async with connected(postgres_cluster) as adapter:
        account = await made(adapter)
        found = {one.name: one for one in await entitlements(adapter)}
        program = found["pg_execute_server_program"]
        assert (program.privileged, program.grantable) == (True, False)
        assert (found["pg_monitor"].privileged, found["pg_database_owner"].grantable) == (False, False)
        with pytest.raises(Forbidden, match="list it under `grantable`"):
            await adapter.grant(account.id, program.id)
        sql_on(postgres_cluster, f"GRANT pg_execute_server_program TO {account.login}")
        assert (await adapter.revoke(account.id, program.id)).outcome is Outcome.CHANGED
    async with connected(postgres_cluster, grantable=["pg_mon*"], privileged=["pg_monitor"]) as adapter:
        monitor = next(one for one in await entitlements(adapter) if one.name == "pg_monitor")
        assert (monitor.privileged, monitor.grantable) == (True, True)
        assert (await adapter.grant(account.id, monitor.id)).outcome is Outcome.CHANGED


async def test_attributes_are_permissions_that_can_be_taken(postgres_cluster: int) -> None:
    async with connected(postgres_cluster) as adapter:
        account = await made(adapter)
        sql_on(postgres_cluster, f"ALTER ROLE {account.login} CREATEROLE CREATEDB REPLICATION BYPASSRLS")
        held = {grant.entitlement_id for grant in await adapter.grants_of(account.id)}
        assert held == {f"attribute:{name}" for name in ("createrole", "createdb", "replication", "bypassrls")}
        for target in sorted(held):
            with pytest.raises(Forbidden):
                await adapter.grant(account.id, target)
            assert await says(adapter, Cap.REVOKE, account, target) is Verdict.CONTRADICTED
            assert (await adapter.revoke(account.id, target)).outcome is Outcome.CHANGED
            assert await says(adapter, Cap.REVOKE, account, target) is Verdict.CONFIRMED
            assert (await adapter.revoke(account.id, target)).outcome is Outcome.ALREADY
        assert await adapter.grants_of(account.id) == []
        with pytest.raises(NotFound):
            await adapter.revoke(account.id, "attribute:wizard")


async def test_a_membership_that_was_passed_on_is_not_torn_out(postgres_cluster: int) -> None:
    async with connected(postgres_cluster) as adapter:
        name = fresh("passed")
        held, account, other = await group(adapter, postgres_cluster, name), await made(adapter), await made(adapter)
        sql_on(
            postgres_cluster,
            f"GRANT {name} TO {account.login} WITH ADMIN OPTION",
            f"SET ROLE {account.login}",
            f"GRANT {name} TO {other.login}",
            "RESET ROLE",
            f"GRANT {name} TO {other.login}",
        )
        server = (await adapter.check())["server"]
        if int(server.split()[1].split(".")[0]) >= 16:
            with pytest.raises(Conflict, match="depend"):
                await adapter.revoke(account.id, held)
            assert await says(adapter, Cap.REVOKE, account, held) is Verdict.CONTRADICTED
            assert (await adapter.revoke(other.id, held)).outcome is Outcome.CHANGED
        assert (await adapter.revoke(account.id, held)).outcome is Outcome.CHANGED


async def test_a_name_that_belongs_to_somebody_else_by_now_is_left_alone(postgres_cluster: int) -> None:
    """Statements name a role by its name: what became of the role itself is looked at before they are kept."""
    async with connected(postgres_cluster) as adapter:
        parts = adapter._open
        account, held = await made(adapter), await group(adapter, postgres_cluster, fresh("held"))
        name = account.login
        async with parts.links.link("read") as link:
            role = await by_id(link, int(account.id))
            assert role is not None
            sql_on(postgres_cluster, f"ALTER ROLE {name} RENAME TO {name}_old", f"CREATE ROLE {name} LOGIN")
            other = asked(postgres_cluster, f"SELECT oid FROM pg_roles WHERE rolname = '{name}'")
            with pytest.raises(Stale):
                await parts.accounts.shut(link, role)
            with pytest.raises(Stale):
                await parts.removal._drop(role)
            sql_on(postgres_cluster, f"ALTER ROLE {name} PASSWORD 'p'")
        assert (
            asked(postgres_cluster, f"SELECT rolcanlogin, rolpassword <> '' FROM pg_authid WHERE oid = {other}")
            == "t|t"
        )
        await adapter.grant(other, held)
        assert (await adapter.read(account.id)).state is AccountState.ACTIVE
        assert await adapter.grants_of(account.id) == []


async def test_a_long_listing_is_whole_at_every_page_size(postgres_cluster: int) -> None:
    stem = fresh("many")
    sql_on(
        postgres_cluster,
        f"DO $$ BEGIN FOR i IN 1..1100 LOOP EXECUTE format('CREATE ROLE {stem}_%s LOGIN', i); END LOOP; END $$",
    )
    async with connected(postgres_cluster, include=[f"{stem}_*"]) as adapter:
        for size in (7, 1000, 5000):
            pages = [page async for page in adapter.accounts(Query(page_size=size))]
            assert max(len(page.items) for page in pages) <= size
            assert len({one.id for page in pages for one in page.items}) == 1100
        resumed = [one async for page in adapter.accounts(Query(cursor=pages[0].items[599].id)) for one in page.items]
        assert len(resumed) == 500
    sql_on(
        postgres_cluster,
        f"DO $$ BEGIN FOR i IN 1..1100 LOOP EXECUTE format('DROP ROLE {stem}_%s', i); END LOOP; END $$",
    )


async def test_everybody_at_once(postgres_cluster: int) -> None:
    async with connected(postgres_cluster) as adapter:
        held = await group(adapter, postgres_cluster, fresh("crowd"))
        everybody = await asyncio.gather(*(made(adapter) for _ in range(8)))
        receipts: Sequence[Any] = await asyncio.gather(*(adapter.grant(one.id, held) for one in everybody))
        assert [receipt.outcome for receipt in receipts] == [Outcome.CHANGED] * 8
        told = adapter.clock_offset()
        assert told is not None
        assert abs(told) < timedelta(seconds=5)
