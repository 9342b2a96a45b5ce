"""Handing over what a PostgreSQL role owns: every database, who may take over, and what cannot be handed over."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable

import psycopg
import pytest

from jmltui.adapter_api import (
    Account,
    Cap,
    Conflict,
    Evidence,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    OwnershipTransfer,
    Step,
    Verdict,
)
from jmltui_postgres import PostgresAdapter
from tests.adapters.test_postgres_faults import waiting_for_a_lock
from tests.adapters.test_postgres_system import connected, made, sql_on
from tests.servers.own_postgres import asked

Databases = Callable[[], str]
NUMBERS = itertools.count(1)


def named(stem: str) -> str:
    """A name that no role of any test has."""
    return f"{stem}_handing_{next(NUMBERS)}"


async def somebody(adapter: PostgresAdapter) -> Account:
    return await made(adapter, named("person"))


def databases(new_database: Databases, count: int) -> list[str]:
    """New databases, in the order in which they are gone through."""
    return sorted(new_database().rpartition("/")[2] for _ in range(count))


def owns(port: int, database: str, *names: str, owner: str) -> None:
    """Tables of somebody's."""
    for name in names:
        sql_on(port, f"CREATE TABLE {name} (a int)", f"ALTER TABLE {name} OWNER TO {owner}", database=database)


def owner_of(port: int, database: str, table: str) -> str:
    return asked(port, f"SELECT tableowner FROM pg_tables WHERE tablename = '{table}'", database=database)


async def proof(adapter: PostgresAdapter, leaver: str, successor: str) -> Evidence:
    return await adapter.verify(Step(Cap.TRANSFER, leaver, successor))


async def test_everything_goes_to_the_successor_and_psql_says_so(
    postgres_cluster: int, new_database: Databases
) -> None:
    port, (sales, stock, archive) = postgres_cluster, databases(new_database, 3)
    async with connected(port) as adapter:
        assert isinstance(adapter, OwnershipTransfer)
        leaver, successor, other = await somebody(adapter), await somebody(adapter), await somebody(adapter)
        name = leaver.login
        owns(port, sales, "deals", "kept", owner=name)
        owns(port, stock, "parts", owner=name)
        owns(port, stock, "others", owner=other.login)
        sql_on(
            port,
            f"ALTER DATABASE {archive} OWNER TO {name}",
            "CREATE FUNCTION strong() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            f"ALTER FUNCTION strong() OWNER TO {name}",
            "SELECT lo_create(4711)",
            f"ALTER LARGE OBJECT 4711 OWNER TO {name}",
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {name} GRANT SELECT ON TABLES TO {other.login}",
            f"GRANT SELECT ON others TO {name}",
            database=stock,
        )
        first = await proof(adapter, leaver.id, successor.id)
        assert (first.verdict, first.observed["owned"]) == (Verdict.CONTRADICTED, {"(cluster)": 1, sales: 2, stock: 3})
        receipt = await adapter.transfer(leaver.id, successor.id)
        assert receipt.outcome is Outcome.CHANGED
        assert receipt.after["handed_to"] == successor.login
        handed = receipt.after["handed_over"]
        assert isinstance(handed, dict)
        assert sorted(itertools.chain(*handed.values())) == [
            f"database {archive}",
            "function public.strong()",
            "large object 4711",
            "table public.deals",
            "table public.kept",
            "table public.parts",
        ]
        assert receipt.after["runs_as_new_owner"] == {stock: ["public.strong()"]}
        stays = {stock: "1 rule of default privileges, 1 grant or policy naming it"}
        assert receipt.after["stays"] == stays
        json.dumps([dict(receipt.before), dict(receipt.after)])
        assert {owner_of(port, sales, "deals"), owner_of(port, stock, "parts")} == {successor.login}
        assert owner_of(port, stock, "others") == other.login
        assert asked(port, f"SELECT datdba::regrole FROM pg_database WHERE datname = '{archive}'") == successor.login
        last = await proof(adapter, leaver.id, successor.id)
        assert (last.verdict, last.observed["owned"], last.observed["named_as_owner"]) == (Verdict.CONFIRMED, {}, 0)
        assert last.observed["stays"] == stays
        assert last.observed["successor_owns"] == {"(cluster)": 1, sales: 2, stock: 3}
        assert (await adapter.transfer(leaver.id, successor.id)).outcome is Outcome.ALREADY
        assert (await adapter.delete(leaver.id)).outcome is Outcome.CHANGED, "nothing of it needs anybody to get it"
        gone = await proof(adapter, leaver.id, successor.id)
        assert gone.verdict is Verdict.UNVERIFIABLE, "what nobody owned cannot be told of a role that is gone"


async def test_a_database_that_cannot_be_entered_keeps_its_part(postgres_cluster: int, new_database: Databases) -> None:
    port, (closed, sales) = postgres_cluster, databases(new_database, 2)
    async with connected(port) as adapter:
        leaver, successor = await somebody(adapter), await somebody(adapter)
        owns(port, closed, "old", owner=leaver.login)
        owns(port, sales, "deals", owner=leaver.login)
        sql_on(port, f"ALTER DATABASE {closed} ALLOW_CONNECTIONS false")
        for _ in range(2):
            with pytest.raises(
                Conflict, match=f"still owns 1 object in {closed}, where our role cannot connect; every"
            ):
                await adapter.transfer(leaver.id, successor.id)
            assert owner_of(port, sales, "deals") == successor.login
            told = await proof(adapter, leaver.id, successor.id)
            assert (told.verdict, told.observed["not_entered"]) == (Verdict.CONTRADICTED, [closed])
        sql_on(port, f"ALTER DATABASE {closed} ALLOW_CONNECTIONS true")
        assert (await adapter.transfer(leaver.id, successor.id)).after["handed_over"] == {closed: ["table public.old"]}
        assert (await proof(adapter, leaver.id, successor.id)).verdict is Verdict.CONFIRMED


async def test_who_cannot_hand_over_or_take_over(postgres_cluster: int, new_database: Databases) -> None:
    port, (sales,) = postgres_cluster, databases(new_database, 1)
    kept_out = named("app")
    sql_on(port, f"CREATE ROLE {kept_out} LOGIN")
    async with connected(port, exclude=["app*"]) as adapter:
        leaver, dropped = await somebody(adapter), await somebody(adapter)
        owns(port, sales, "deals", owner=leaver.login)
        await adapter.delete(dropped.id)
        sentence = f"Who was to get what {leaver.login} of db owns, role {dropped.id}, is not there."
        with pytest.raises(NotFound, match=f"^{sentence.replace('.', '[.]')}$"):
            await adapter.transfer(leaver.id, dropped.id)
        with pytest.raises(NotFound, match=f"holds no role {dropped.id}"):
            await adapter.transfer(dropped.id, leaver.id)
        with pytest.raises(Invalid, match="cannot hand over to itself"):
            await adapter.transfer(leaver.id, leaver.id)
        for name, why in ((kept_out, "kept out by"), ("jmltui", "superuser"), ("pg_monitor", "PostgreSQL's own")):
            oid = asked(port, f"SELECT oid FROM pg_roles WHERE rolname = '{name}'")
            with pytest.raises(Forbidden, match=f"{why}.*; it does not take over"):
                await adapter.transfer(leaver.id, oid)
        assert owner_of(port, sales, "deals") == leaver.login
        assert (await proof(adapter, leaver.id, dropped.id)).verdict is Verdict.CONTRADICTED


async def test_what_is_made_meanwhile_goes_over_as_well(postgres_cluster: int, new_database: Databases) -> None:
    """A lock holds the second database up while the leaver makes a table in the first one, which was gone through."""
    port, (sales, stock) = postgres_cluster, databases(new_database, 2)
    async with connected(port) as adapter:
        leaver, successor = await somebody(adapter), await somebody(adapter)
        owns(port, sales, "deals", owner=leaver.login)
        owns(port, stock, "parts", owner=leaver.login)
        with psycopg.connect(f"postgresql://jmltui@127.0.0.1:{port}/{stock}") as reader:
            reader.execute("SELECT * FROM parts")
            handing = asyncio.create_task(adapter.transfer(leaver.id, successor.id))
            await waiting_for_a_lock(port)
            owns(port, sales, "late", owner=leaver.login)
        receipt = await handing
        assert receipt.after["handed_over"] == {
            sales: ["table public.deals", "table public.late"],
            stock: ["table public.parts"],
        }
        assert owner_of(port, sales, "late") == successor.login
        assert (await proof(adapter, leaver.id, successor.id)).verdict is Verdict.CONFIRMED


async def test_a_role_that_is_no_superuser_belongs_to_both_only_meanwhile(
    postgres_cluster: int, new_database: Databases
) -> None:
    port, own, (sales,) = postgres_cluster, named("own"), databases(new_database, 1)
    sql_on(port, f"CREATE ROLE {own} LOGIN CREATEROLE")
    async with connected(port, user=own) as adapter:
        leaver, successor = await somebody(adapter), await somebody(adapter)
        owns(port, sales, "deals", owner=leaver.login)
        assert (await adapter.transfer(leaver.id, successor.id)).outcome is Outcome.CHANGED
        assert owner_of(port, sales, "deals") == successor.login
        usable = f"SELECT pg_has_role('{own}', oid, 'USAGE') FROM pg_roles WHERE oid IN ({leaver.id}, {successor.id})"
        assert asked(port, usable).split() == ["f", "f"]


async def test_rules_of_default_privileges_stand_in_no_deletions_way(
    postgres_cluster: int, new_database: Databases
) -> None:
    port, (sales,) = postgres_cluster, databases(new_database, 1)
    async with connected(port) as adapter:
        leaver, other = await somebody(adapter), await somebody(adapter)
        sql_on(
            port,
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {leaver.login} GRANT SELECT ON TABLES TO {other.login}",
            database=sales,
        )
        assert (await adapter.transfer(leaver.id, other.id)).outcome is Outcome.ALREADY
        assert (await adapter.delete(leaver.id)).outcome is Outcome.CHANGED


async def test_a_connection_lost_while_it_hands_over(postgres_cluster: int, new_database: Databases) -> None:
    port, (sales,) = postgres_cluster, databases(new_database, 1)
    async with connected(port) as adapter:
        leaver, successor = await somebody(adapter), await somebody(adapter)
        owns(port, sales, "deals", owner=leaver.login)
        with psycopg.connect(f"postgresql://jmltui@127.0.0.1:{port}/{sales}") as reader:
            reader.execute("SELECT * FROM deals")
            handing = asyncio.create_task(adapter.transfer(leaver.id, successor.id))
            await waiting_for_a_lock(port)
            asked(port, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            with pytest.raises(OutcomeUnknown, match="it may have been done"):
                await handing
        assert (await proof(adapter, leaver.id, successor.id)).verdict is Verdict.CONTRADICTED
        assert (await adapter.transfer(leaver.id, successor.id)).outcome is Outcome.CHANGED
        assert (await proof(adapter, leaver.id, successor.id)).verdict is Verdict.CONFIRMED
