"""A listing of changes leaves the mirror as a whole listing would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from jmltui.adapter_api import Account, AccountState, Entitlement, Grant, Page
from jmltui.cache.changes import SystemChanges
from jmltui.cache.engine import Cache, open_cache
from jmltui.cache.staging import staged
from jmltui.cache.tables import AccountRow, EntitlementRow, HeldRow
from jmltui.domain.access import Link

NOW = datetime(2026, 6, 1, tzinfo=UTC)
IDS = ("a", "b", "c", "d")
GROUPS = ("x", "y", "z")

accounts = st.dictionaries(st.sampled_from(IDS), st.sampled_from(list(AccountState)))
groups = st.dictionaries(st.sampled_from(GROUPS), st.booleans())
held = st.dictionaries(st.tuples(st.sampled_from(IDS), st.sampled_from(GROUPS)), st.booleans())
World = tuple[dict[str, AccountState], dict[str, bool], dict[tuple[str, str], bool]]
worlds = st.tuples(accounts, groups, held)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cache]:
    opened = open_cache(str(tmp_path_factory.mktemp("cache") / "cache.sqlite"), clock=lambda: NOW)
    yield opened
    opened.close()


def pages(world: World) -> dict[str, list[object]]:
    """The world as an adapter lists it: grants only of what is there."""
    people, teams, grants = world
    return {
        "accounts": [Account(id=name, login=f"login-{name}", state=state) for name, state in people.items()],
        "entitlements": [Entitlement(name, "group", name, privileged=flag) for name, flag in teams.items()],
        "grants": [Grant(a, g, direct=flag) for (a, g), flag in grants.items() if a in people and g in teams],
    }


def list_whole(cache: Cache, world: World) -> None:
    with staged(cache, "erp") as stage:
        for kind, items in pages(world).items():
            stage.add(kind, Page(items))
        with stage.write() as session:
            stage.swap(session, NOW)


def mirror(cache: Cache) -> tuple[object, object, object]:
    with cache.read() as session:
        people = {(row.account_id, row.login, row.state) for row in session.scalars(select(AccountRow))}
        teams = {(row.entitlement_id, row.target, row.privileged) for row in session.scalars(select(EntitlementRow))}
        grants = session.execute(
            select(col(AccountRow.account_id), col(EntitlementRow.entitlement_id), col(HeldRow.direct))
            .join(HeldRow, col(HeldRow.account) == col(AccountRow.id))
            .join(EntitlementRow, col(EntitlementRow.id) == col(HeldRow.entitlement))
        )
        return people, teams, {tuple(row) for row in grants}


def changes_between(before: World, after: World) -> SystemChanges:
    """What an adapter tells of changes: what is new or differs, what is gone, and whole groups whose members differ."""
    told = SystemChanges("erp")
    was, now = pages(before), pages(after)
    for kind, place in (("accounts", 0), ("entitlements", 1)):
        gone = list(before[place].keys() - after[place].keys())  # type: ignore[attr-defined]
        told.add(kind, Page([item for item in now[kind] if item not in was[kind]], deleted=gone))
    differ = {grant.entitlement_id for grant in {*was["grants"]} ^ {*now["grants"]}}  # type: ignore[attr-defined]
    told.add("grants", Page([each for each in now["grants"] if each.entitlement_id in differ], deleted=sorted(differ)))  # type: ignore[attr-defined]
    return told


@given(before=worlds, after=worlds)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_changes_come_to_what_a_whole_listing_comes_to(cache: Cache, before: World, after: World) -> None:
    list_whole(cache, before)
    changes = changes_between(before, after)
    with cache.write() as session:
        counts = changes.apply(session, NOW)
    by_changes = mirror(cache)
    list_whole(cache, after)
    assert by_changes == mirror(cache)
    assert counts == tuple(len(kind) for kind in mirror(cache))  # type: ignore[arg-type]


@given(before=worlds, after=worlds)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_changed_accounts_and_all_they_hold_come_to_a_whole_listing(cache: Cache, before: World, after: World) -> None:
    list_whole(cache, before)
    was, now = pages(before), pages(after)
    with staged(cache, "erp") as stage:
        stage.recall_accounts()
        news = [item for item in now["accounts"] if item not in was["accounts"]]
        stage.amend_accounts(news, sorted(before[0].keys() - after[0].keys()))  # type: ignore[arg-type]
        stage.add("entitlements", Page(now["entitlements"]))
        stage.add("grants", Page(now["grants"]))
        with stage.write() as session:
            counts = stage.swap(session, NOW)
    amended = mirror(cache)
    list_whole(cache, after)
    assert amended == mirror(cache)
    assert counts == tuple(len(kind) for kind in mirror(cache))  # type: ignore[arg-type]


def test_a_link_outlives_a_changed_account(cache: Cache, tmp_path: Path) -> None:
    del tmp_path
    list_whole(cache, ({"a": AccountState.ACTIVE}, {}, {}))
    with cache.write() as session:
        row = session.scalars(select(AccountRow)).one()
        row.person_id, row.link = 7, Link.CONFIRMED.value
    changes = SystemChanges("erp")
    changes.add("accounts", Page([Account(id="a", login="renamed", state=AccountState.DISABLED)]))
    with cache.write() as session:
        changes.apply(session, NOW)
    with cache.read() as session:
        row = session.scalars(select(AccountRow)).one()
        assert (row.login, row.state, row.person_id, row.link) == ("renamed", "disabled", 7, "confirmed")


def test_both_ways_on_postgres(new_database: Callable[[], str]) -> None:
    before: World = (
        dict.fromkeys("abc", AccountState.ACTIVE),
        {"x": True, "y": False},
        {("a", "x"): True, ("b", "y"): True, ("c", "x"): False},
    )
    after: World = (
        {"a": AccountState.DISABLED, "c": AccountState.ACTIVE, "d": AccountState.ACTIVE},
        {"x": True, "z": True},
        {("a", "x"): False, ("d", "z"): True},
    )
    cache = open_cache(new_database(), clock=lambda: NOW)
    list_whole(cache, before)
    with cache.write() as session:
        changes_between(before, after).apply(session, NOW)
    by_changes = mirror(cache)
    list_whole(cache, before)
    with staged(cache, "erp") as stage:
        stage.recall_accounts()
        now = pages(after)
        stage.amend_accounts(now["accounts"], ["b"])  # type: ignore[arg-type]
        stage.add("entitlements", Page(now["entitlements"]))
        stage.add("grants", Page(now["grants"]))
        with stage.write() as session:
            stage.swap(session, NOW)
    amended = mirror(cache)
    list_whole(cache, after)
    assert by_changes == amended == mirror(cache)
    cache.close()
