"""Deleting accounts of a PostgreSQL: what they own in which database goes to whom, and what stands in the way."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest

from jmltui.adapter_api import Cap, Conflict, Forbidden, Invalid, Outcome, Verdict
from tests.adapters.test_postgres_system import connected, fresh, group, logins, made, says, signed_in, sql_on
from tests.servers.own_postgres import asked


async def test_what_is_owned_goes_to_somebody_before_the_role_goes(
    postgres_cluster: int, new_database: Callable[[], str]
) -> None:
    sales, stock, archive = (new_database().rpartition("/")[2] for _ in range(3))
    async with connected(postgres_cluster) as adapter:
        account, heir = await made(adapter), fresh("heir")
        held = await group(adapter, postgres_cluster, heir)
        await adapter.grant(account.id, held)
        name = account.login
        sql_on(postgres_cluster, f"ALTER DATABASE {archive} OWNER TO {name}")
        sql_on(
            postgres_cluster,
            f"CREATE SCHEMA own AUTHORIZATION {name}",
            "CREATE TABLE own.t (a int)",
            f"ALTER TABLE own.t OWNER TO {name}",
            database=sales,
        )
        sql_on(
            postgres_cluster,
            "CREATE TABLE kept (a int)",
            "INSERT INTO kept VALUES (1)",
            f"GRANT SELECT ON kept TO {name}",
            database=stock,
        )
        with pytest.raises(Conflict, match=rf"owns 1 object of the whole cluster, 2 objects in {sales}; name who"):
            await adapter.delete(account.id)
        assert asked(postgres_cluster, "SELECT 1", name) == "1", "nothing was changed"
        owned = await adapter.owned_objects(account.id)
        assert owned == {"postgres": [f"database {archive}"], sales: ["schema own", "table own.t"]}
    async with connected(postgres_cluster, reassign_to=heir) as adapter:
        with signed_in(postgres_cluster, name):
            with pytest.raises(Conflict, match="1 open session"):
                await adapter.delete(account.id)
            assert asked(postgres_cluster, "SELECT 1", name) == "1", "nothing was changed"
            assert (await adapter.end_sessions(account.id)).outcome is Outcome.CHANGED
        receipt = await adapter.delete(account.id)
        assert receipt.outcome is Outcome.CHANGED
        assert receipt.after["handed_to"] == heir
        handed = receipt.after["handed_over"]
        assert isinstance(handed, dict)
        assert sorted(itertools.chain(*handed.values())) == [f"database {archive}", "schema own", "table own.t"]
        json.dumps([dict(receipt.before), dict(receipt.after)])
        assert (await adapter.delete(account.id)).outcome is Outcome.ALREADY
        assert await says(adapter, Cap.DELETE, account) is Verdict.CONFIRMED
    owner = "SELECT tableowner FROM pg_tables WHERE schemaname = 'own'"
    assert asked(postgres_cluster, owner, database=sales) == heir
    assert asked(postgres_cluster, "SELECT a FROM kept", database=stock) == "1"
    assert asked(postgres_cluster, f"SELECT datdba::regrole FROM pg_database WHERE datname = '{archive}'") == heir


async def test_a_role_that_is_no_superuser_deletes_as_well(
    postgres_cluster: int, new_database: Callable[[], str]
) -> None:
    """It becomes a member of the leaver's role within the transaction, which is all that handing over takes."""
    own, heir, database = fresh("own"), fresh("heir"), new_database().rpartition("/")[2]
    sql_on(
        postgres_cluster,
        f"CREATE ROLE {own} LOGIN CREATEROLE",
        f"CREATE ROLE {heir}",
        f"GRANT {heir} TO {own}",
        f"GRANT CREATE ON DATABASE {database} TO {heir}",
    )
    async with connected(postgres_cluster, user=own, reassign_to=heir) as adapter:
        account = await made(adapter)
        sql_on(
            postgres_cluster,
            f"CREATE SCHEMA own AUTHORIZATION {account.login}",
            f"GRANT CREATE ON SCHEMA own TO {heir}",
            f"SET ROLE {account.login}",
            "CREATE TABLE own.t (a int)",
            database=database,
        )
        receipt = await adapter.delete(account.id)
        assert receipt.after["handed_over"] == {database: ["schema own", "table own.t"]}
        assert asked(postgres_cluster, f"SELECT count(*) FROM pg_roles WHERE oid = {account.id}") == "0"
        assert (
            asked(postgres_cluster, "SELECT tableowner FROM pg_tables WHERE tablename = 't'", "jmltui", database)
            == heir
        )


async def test_what_our_role_may_not_clear_is_not_deleted(
    postgres_cluster: int, new_database: Callable[[], str]
) -> None:
    own, other, database = fresh("own"), fresh(), new_database().rpartition("/")[2]
    sql_on(
        postgres_cluster,
        f"CREATE ROLE {own} LOGIN CREATEROLE",
        f"CREATE ROLE {other} LOGIN",
        f"GRANT CONNECT ON DATABASE {database} TO {other}",
    )
    async with connected(postgres_cluster, user=own) as adapter:
        stranger = (await logins(adapter))[other]
        if int((await adapter.check())["server"].split()[1].split(".")[0]) >= 16:
            with pytest.raises(Forbidden, match="permission denied"):
                await adapter.delete(stranger.id)
            assert asked(postgres_cluster, "SELECT 1", other) == "1", "nothing was changed"
            return
        with pytest.raises(Conflict, match="could not clear; it is shut, and it was not deleted"):
            await adapter.delete(stranger.id)
        assert await says(adapter, Cap.DELETE, stranger) is Verdict.CONTRADICTED
        assert await says(adapter, Cap.DISABLE, stranger) is Verdict.CONFIRMED
    async with connected(postgres_cluster) as adapter:
        assert (await adapter.delete(stranger.id)).outcome is Outcome.CHANGED


async def test_a_database_that_cannot_be_entered_is_told_before_anything_is_done(
    postgres_cluster: int, new_database: Callable[[], str]
) -> None:
    closed = new_database().rpartition("/")[2]
    async with connected(postgres_cluster, reassign_to="jmltui") as adapter:
        account = await made(adapter)
        sql_on(postgres_cluster, f"GRANT CREATE ON SCHEMA public TO {account.login}", database=closed)
        sql_on(postgres_cluster, f"ALTER DATABASE {closed} ALLOW_CONNECTIONS false")
        with pytest.raises(Conflict, match=f"has entries in {closed}, where our role cannot connect"):
            await adapter.delete(account.id)
        assert asked(postgres_cluster, "SELECT 1", account.login) == "1", "nothing was changed"
        sql_on(postgres_cluster, f"ALTER DATABASE {closed} ALLOW_CONNECTIONS true")
        assert (await adapter.delete(account.id)).outcome is Outcome.CHANGED


async def test_a_heir_that_is_not_there_gets_nothing(postgres_cluster: int) -> None:
    async with connected(postgres_cluster, reassign_to="nobody-there") as adapter:
        account = await made(adapter)
        with pytest.raises(Invalid, match="nobody-there"):
            await adapter.delete(account.id)
        assert await says(adapter, Cap.DELETE, account) is Verdict.CONTRADICTED
