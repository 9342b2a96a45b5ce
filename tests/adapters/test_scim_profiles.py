"""Every profile on a real server that speaks the provider's dialect: the contract, and what is special in each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from jmltui.adapter_api import (
    AccountState,
    Cap,
    ContractBroken,
    NotFound,
    Outcome,
    Query,
    Receipt,
    Setup,
    Step,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance import CHECKS, Result, World, run_check
from jmltui_scim import ScimAdapter
from jmltui_scim.profiles import PROFILES
from tests.adapters.test_scim import wanted
from tests.servers.scim2 import ScimServer
from tests.servers.scim_dialect import DIALECTS, Dialect, DialectProxy, dialect_proxy

Starts = Callable[..., ScimServer]


@asynccontextmanager
async def speaking(
    start: Starts, profile: str, dialect: Dialect | None = None, **options: Any
) -> AsyncIterator[tuple[ScimAdapter, DialectProxy, ScimServer]]:
    """The adapter with a profile, before a server of that dialect."""
    spoken = dialect or DIALECTS[profile]
    server = start(cursor=spoken.by_cursor_only)
    async with dialect_proxy(spoken) as proxy:
        given = {"url": proxy.in_front_of(server.url), "token": "t", "profile": profile, **options}
        adapter = ScimAdapter(Setup("scim", given, lambda _: server.token, lambda: datetime.now(UTC)))
        await adapter.open()
        try:
            yield adapter, proxy, server
        finally:
            await adapter.close()


def make_groups(server: ScimServer, *names: str) -> list[str]:
    """Groups made by hand on the server itself."""
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"]
    with httpx.Client(headers={"Authorization": f"Bearer {server.token}"}, trust_env=False) as http:
        made = [http.post(f"{server.url}/Groups", json={"schemas": schemas, "displayName": n}) for n in names]
    return [str(one.json()["id"]) for one in made]


def members(server: ScimServer, group: str) -> set[str]:
    """Who is in a group, told by the server itself."""
    with httpx.Client(headers={"Authorization": f"Bearer {server.token}"}, trust_env=False) as http:
        return {one["value"] for one in http.get(f"{server.url}/Groups/{group}").json().get("members") or []}


def test_every_profile_has_a_dialect_its_facts_and_its_line() -> None:
    assert PROFILES.keys() == DIALECTS.keys()
    assert all(profile.facts for profile in PROFILES.values())
    page = (Path(__file__).parents[2] / "docs" / "adapter-scim.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in PROFILES)


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_contract_holds_in_the_dialect(scim2_server: Starts, profile: str) -> None:
    async with speaking(scim2_server, profile) as (adapter, _, server):
        groups = make_groups(server, "g1", "g2", "g3")
        results = {}
        for number, check in enumerate(CHECKS):
            results[check] = await run_check(check, adapter, World(f"s{number:02d}", groups, many=4))
    assert {name: r.told for name, r in results.items() if r.result is Result.FAILED} == {}
    skipped = {name for name, r in results.items() if r.result is Result.SKIPPED}
    lacking = {"sessions_end", "credentials_end", "ownership_moves", "devices_are_wiped", "cursor_resumes"}
    if not PROFILES[profile].groups:
        lacking |= {"grant_and_revoke_twice", "many_at_once", "one_group_many_members", "one_account_many_groups"}
    if PROFILES[profile].disabling_ends:
        lacking.add("disable_and_enable_twice")
    if profile == "slack":
        lacking.add("delete_twice")
    assert skipped <= lacking


async def test_the_wrong_profile_shows(scim2_server: Starts) -> None:
    """So that the dialects are no decoration: a plain client fails where groups list nobody."""
    plain = replace(DIALECTS["aws-identity-center"], by_cursor_only=False, strict=False)
    async with speaking(scim2_server, "generic", plain) as (adapter, _, server):
        (group,) = make_groups(server, "g1")
        one, _ = await adapter.create(wanted(1), key="k")
        await adapter.grant(one.id, group)
        assert members(server, group) == {one.id}
        assert await adapter.grants_of(one.id) == []


@pytest.mark.parametrize("by_pair_only", [False, True])
async def test_aws_memberships_are_asked_for_and_changed_in_parts(
    scim2_server: Starts, by_pair_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "aws-identity-center"
    assert DIALECTS[name].group_changes == PROFILES[name].changes == 100
    monkeypatch.setitem(PROFILES, name, replace(PROFILES[name], changes=4))  # type: ignore[arg-type]
    dialect = replace(DIALECTS[name], group_changes=4, asks_members_by_pair_only=by_pair_only)
    async with speaking(scim2_server, name, dialect) as (adapter, proxy, server):
        group, other = make_groups(server, "all", "other")
        ids = [(await adapter.create(wanted(n), key=str(n)))[0].id for n in range(8)]
        await adapter.grant_many(group, ids[1:])
        await adapter.grant(ids[0], other)
        assert members(server, group) == set(ids[1:])
        grants = {(g.account_id, g.entitlement_id) async for page in adapter.grants(Query()) for g in page.items}
        assert grants == {(one, group) for one in ids[1:]} | {(ids[0], other)}
        monkeypatch.setattr("jmltui_scim.grants.PEOPLE", 3)
        first = await anext(aiter(adapter.grants(Query())))
        rest = [g async for page in adapter.grants(Query(cursor=first.cursor)) for g in page.items]
        assert {(g.account_id, g.entitlement_id) for g in [*first.items, *rest]} == grants
        assert len(rest) == 5, "what was read is not asked again"
        gone = await adapter.revoke_many(group, ids[:7])
        assert members(server, group) == {ids[7]}
        assert isinstance(told := gone[ids[0]], Receipt)
        assert told.outcome is Outcome.ALREADY
        assert (await adapter.verify(Step(Cap.REVOKE, ids[5], group))).verdict is Verdict.CONFIRMED
        assert (await adapter.verify(Step(Cap.REVOKE, ids[7], group))).verdict is Verdict.CONTRADICTED
        assert len([r for r in proxy.requests if r.method == "PATCH"]) == 5, "7 in two, one, and 6 in two"


async def test_a_membership_answered_with_other_groups_is_not_believed(scim2_server: Starts) -> None:
    deaf = replace(DIALECTS["aws-identity-center"], hides_members=False, filters=None)
    async with speaking(scim2_server, "aws-identity-center", deaf) as (adapter, proxy, server):
        group, _ = make_groups(server, "g1", "g2")
        one, _ = await adapter.create(wanted(1), key="k")
        answer = proxy._answer

        async def without_filter(request: Any) -> Any:
            kept = {name: value for name, value in request.query.items() if name != "filter"}
            return await answer(replace(request, query=kept))

        proxy._answer = without_filter  # type: ignore[method-assign]
        with pytest.raises(ContractBroken, match="answered with other groups"):
            await adapter.verify(Step(Cap.GRANT, one.id, group))


async def test_github_removes_whom_it_disables(scim2_server: Starts) -> None:
    async with speaking(scim2_server, "github-organization") as (adapter, _, _):
        claimed = adapter.capabilities()
        assert claimed[Cap.DISABLE].reversible is False
        assert claimed.keys().isdisjoint({Cap.ENABLE, Cap.GRANT, Cap.LIST_GRANTS})
        one, _ = await adapter.create(wanted(1), key="k")
        receipt = await adapter.disable(one.id)
        assert (receipt.outcome, receipt.after) == (Outcome.CHANGED, {"present": False})
        assert (await adapter.verify(Step(Cap.DISABLE, one.id, login=one.login))).verdict is Verdict.CONFIRMED
        with pytest.raises(NotFound):
            await adapter.read(one.id)
        assert await adapter.find(one.login) is None
        assert [page async for page in adapter.entitlements(Query())] == []
        again, receipt = await adapter.create(wanted(1), key="k2")
        assert receipt.outcome is Outcome.CHANGED
        assert again.id != one.id


async def test_slack_does_not_delete_and_says_so(scim2_server: Starts) -> None:
    async with speaking(scim2_server, "slack") as (adapter, _, _):
        one, _ = await adapter.create(wanted(1), key="k")
        with pytest.raises(Unsupported, match="DELETE disables"):
            await adapter.delete(one.id)
        assert (await adapter.read(one.id)).state is AccountState.ACTIVE
        assert "600 writes" in (await adapter.check())["limits"]


async def test_zoom_accounts_are_read_one_by_one(scim2_server: Starts) -> None:
    async with speaking(scim2_server, "zoom") as (adapter, proxy, _):
        for number in range(3):
            await adapter.create(wanted(number), key=str(number))
        listed = [a async for page in adapter.accounts(Query()) for a in page.items]
        assert {a.external_id for a in listed} == {"K0", "K1", "K2"}, "a listing alone does not tell it"
        assert {r.headers["accept"] for r in proxy.requests} == {"application/scim+json"}


async def test_miro_gets_small_changes(scim2_server: Starts) -> None:
    async with speaking(scim2_server, "miro") as (adapter, proxy, server):
        (group,) = make_groups(server, "g1")
        ids = [(await adapter.create(wanted(n), key=str(n)))[0].id for n in range(12)]
        await adapter.grant_many(group, ids)
        assert members(server, group) == set(ids)
        await adapter.revoke_many(group, ids[:11])
        assert members(server, group) == {ids[11]}
        accepted = [e for e in proxy.exchanges if e.method == "PATCH" and e.status and e.status < 300]
        assert len(accepted) == 6


async def test_truth_told_as_text_is_understood(scim2_server: Starts) -> None:
    async with speaking(scim2_server, "generic") as (adapter, _, _):
        one, _ = await adapter.create(wanted(1), key="k")
        assert (await adapter.read(one.id)).state is AccountState.ACTIVE
        await adapter.disable(one.id)
        assert (await adapter.read(one.id)).state is AccountState.DISABLED


async def test_a_page_is_never_asked_larger_than_the_provider_gives(scim2_server: Starts) -> None:
    async with speaking(scim2_server, "aws-identity-center", page_size=500) as (adapter, proxy, _):
        await adapter.create(wanted(1), key="k")
        assert [a.login async for page in adapter.accounts(Query(page_size=500)) for a in page.items] == ["user1"]
        assert max(int(r.query["count"]) for r in proxy.requests if "count" in r.query) == 100
