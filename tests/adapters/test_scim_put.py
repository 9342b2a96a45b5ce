"""SCIM on a real server that takes no PATCH: whole resources are written, and nobody's change is lost by it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from jmltui.adapter_api import AccountState, Cap, ContractBroken, Outcome, Setup, Stale, Step, Unsupported, Verdict
from jmltui.adapter_api.conformance import Result, World, run_check
from jmltui_scim import ScimAdapter
from tests.adapters.test_scim import wanted
from tests.servers.fault_proxy import Request
from tests.servers.put_only import PutOnly, put_only
from tests.servers.scim2 import ScimServer, scim2_servers

WRITE = ("update_and_stale", "disable_and_enable_twice", "grant_and_revoke_twice", "many_at_once", "delete_twice")
"""The checks that change accounts and memberships."""
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:"


@pytest.fixture(scope="module")
def server() -> Iterator[ScimServer]:
    with scim2_servers() as start:
        yield start()


def emptied(server: ScimServer) -> None:
    """Nobody is left of an earlier test."""
    with httpx.Client(headers={"Authorization": f"Bearer {server.token}"}, trust_env=False) as http:
        for kind in ("Groups", "Users"):
            for one in http.get(f"{server.url}/{kind}", params={"count": "500"}).json().get("Resources") or []:
                http.delete(f"{server.url}/{kind}/{one['id']}")


class Direct:
    """The server itself, asked without the proxy: what somebody else does there, and what is true."""

    def __init__(self, server: ScimServer) -> None:
        headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/scim+json"}
        self.http = httpx.Client(base_url=server.url, headers=headers, trust_env=False)

    def read(self, path: str) -> Mapping[str, Any]:
        answer = self.http.get(path)
        answer.raise_for_status()
        found: Mapping[str, Any] = answer.json()
        return found

    def set(self, path: str, **values: object) -> None:
        operations = [{"op": "replace", "path": name, "value": value} for name, value in values.items()]
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
        self.http.patch(path, json=body).raise_for_status()

    def group(self, name: str, *members: str) -> str:
        body = {"schemas": [SCHEMA + "Group"], "displayName": name, "members": [{"value": one} for one in members]}
        answer = self.http.post("/Groups", json=body)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def user(self, name: str) -> str:
        answer = self.http.post("/Users", json={"schemas": [SCHEMA + "User"], "userName": name})
        answer.raise_for_status()
        return str(answer.json()["id"])

    def members(self, group: str) -> set[str]:
        return {one["value"] for one in self.read(f"/Groups/{group}").get("members") or []}


@asynccontextmanager
async def before(
    server: ScimServer, *, versions: bool = True, status: int = 501, says_so: bool = False
) -> AsyncIterator[tuple[ScimAdapter, PutOnly, Direct]]:
    """The adapter before a server that takes no PATCH, with versions of resources or without."""
    emptied(server)
    async with put_only(server.url, status=status, says_so=says_so, versions=versions) as proxy:
        options = {"url": proxy.in_front_of(server.url), "token": "t"}
        adapter = ScimAdapter(Setup("directory", options, lambda _: server.token, lambda: datetime.now(UTC)))
        await adapter.open()
        direct = Direct(server)
        try:
            yield adapter, proxy, direct
        finally:
            direct.http.close()
            await adapter.close()


def once(method: str, path: str, action: Callable[[], object], nth: int = 1) -> Callable[[Request], Any]:
    """Do something before the nth request of this kind goes through."""
    numbers = itertools.count(1)

    async def act(request: Request) -> None:
        if (request.method, path in request.path) == (method, True) and next(numbers) == nth:
            action()

    return act


@pytest.mark.parametrize(
    ("versions", "status", "says_so"), [(True, 501, False), (False, 405, False), (True, 405, True), (False, 501, True)]
)
async def test_an_account_lives_and_ends_without_patch(
    server: ScimServer, versions: bool, status: int, says_so: bool
) -> None:
    async with before(server, versions=versions, status=status, says_so=says_so) as (adapter, proxy, direct):
        keeper = direct.user("keeper")
        group = direct.group("Staff", keeper)
        made, _ = await adapter.create(wanted(1), key="k")
        direct.set(
            f"/Users/{made.id}", title="Engineer", nickName="Ana", phoneNumbers=[{"value": "123", "type": "work"}]
        )
        assert (await adapter.grant(made.id, group)).outcome is Outcome.CHANGED
        assert (await adapter.grant(made.id, group)).outcome is Outcome.ALREADY
        assert direct.members(group) == {keeper, made.id}
        assert (await adapter.update(made.id, {"display": "Ana N."})).outcome is Outcome.CHANGED
        assert (await adapter.disable(made.id)).outcome is Outcome.CHANGED
        assert (await adapter.disable(made.id)).outcome is Outcome.ALREADY
        assert (await adapter.verify(Step(Cap.DISABLE, made.id))).verdict is Verdict.CONFIRMED
        found = direct.read(f"/Users/{made.id}")
        assert (found["active"], found["displayName"], found["title"], found["nickName"]) == (
            False,
            "Ana N.",
            "Engineer",
            "Ana",
        )
        assert found["phoneNumbers"][0]["value"] == "123"
        assert found["emails"][0]["value"] == "u1@example.test"
        assert (await adapter.enable(made.id)).outcome is Outcome.CHANGED
        assert (await adapter.revoke(made.id, group)).outcome is Outcome.CHANGED
        assert (await adapter.revoke(made.id, group)).outcome is Outcome.ALREADY
        assert (await adapter.verify(Step(Cap.REVOKE, made.id, group))).verdict is Verdict.CONFIRMED
        assert direct.members(group) == {keeper}
        assert (await adapter.delete(made.id)).outcome is Outcome.CHANGED
        assert (await adapter.check())["changes"] == ("PUT of whole resources" if says_so else "PATCH")
    assert [method for method, _ in proxy.writes()] == ["POST", "PUT", "PUT", "PUT", "PUT", "PUT", "DELETE"]
    assert bool(proxy.patches) is not says_so, "who says that it takes none is not asked"


async def test_the_contract_holds_without_patch(server: ScimServer) -> None:
    async with before(server, says_so=True) as (adapter, _, direct):
        direct.group("kept", direct.user("keeper"))
        groups = [direct.group(name) for name in ("g1", "g2", "g3")]
        results = {}
        for number, check in enumerate(WRITE):
            results[check] = await run_check(check, adapter, World(f"s{number:02d}", groups, many=4))
    assert {name: r.told for name, r in results.items() if r.result is not Result.PASSED} == {}


@pytest.mark.parametrize(("versions", "nth", "method"), [(True, 1, "PUT"), (False, 3, "GET")])
async def test_what_somebody_else_changes_at_that_moment_stays(
    server: ScimServer, versions: bool, nth: int, method: str
) -> None:
    async with before(server, versions=versions, says_so=True) as (adapter, proxy, direct):
        keeper, other = direct.user("keeper"), direct.user("other")
        group = direct.group("Staff", keeper)
        made, _ = await adapter.create(wanted(1), key="k")
        path = f"/Users/{made.id}"
        proxy.before = once(method, path, lambda: direct.set(path, title="Engineer"), nth)
        assert (await adapter.disable(made.id)).outcome is Outcome.CHANGED
        found = direct.read(path)
        assert (found["active"], found["title"]) == (False, "Engineer")
        joins = [{"value": keeper}, {"value": other}]
        proxy.before = once(method, group, lambda: direct.set(f"/Groups/{group}", members=joins), nth)
        assert (await adapter.grant(made.id, group)).outcome is Outcome.CHANGED
        assert direct.members(group) == {keeper, other, made.id}
        more = [*joins, {"value": made.id}, {"value": direct.user("third")}]
        proxy.before = once(method, group, lambda: direct.set(f"/Groups/{group}", members=more), nth)
        assert (await adapter.revoke(made.id, group)).outcome is Outcome.CHANGED
        assert direct.members(group) == {one["value"] for one in more} - {made.id}


async def test_somebody_who_changes_it_all_the_time_is_given_way(server: ScimServer) -> None:
    async with before(server, says_so=True) as (adapter, proxy, direct):
        made, _ = await adapter.create(wanted(1), key="k")
        path, titles = f"/Users/{made.id}", itertools.count()

        async def busy(request: Request) -> None:
            if request.method == "PUT":
                direct.set(path, title=f"t{next(titles)}")

        proxy.before = busy
        with pytest.raises(Stale, match="nothing was changed here"):
            await adapter.disable(made.id)
        assert direct.read(path)["active"] is True
        proxy.before = None
        with pytest.raises(Stale):
            await adapter.update(made.id, {"display": "X"}, if_version=made.version)
        assert direct.read(path)["displayName"] == "User 1"
        now = await adapter.read(made.id)
        assert (await adapter.update(made.id, {"display": "X"}, if_version=now.version)).outcome is Outcome.CHANGED


@pytest.mark.parametrize("hidden", ["some", "all"])
async def test_a_list_of_members_that_is_not_whole_is_not_written(server: ScimServer, hidden: str) -> None:
    async with before(server, says_so=True) as (adapter, proxy, direct):
        one, two, three = (direct.user(name) for name in ("one", "two", "three"))
        group = direct.group("Staff", one, two)
        proxy.belonging = {one: group, two: group}
        proxy.hides = frozenset({one}) if hidden == "some" else frozenset({one, two})
        why = "users say that they belong" if hidden == "some" else "no group there lists any"
        with pytest.raises(Unsupported, match=f"who belongs to Staff cannot be told for sure .{why}"):
            await adapter.grant(three, group)
        if hidden == "some":
            with pytest.raises(Unsupported, match="its list is not written"):
                await adapter.revoke(two, group)
        assert direct.members(group) == {one, two}
        assert proxy.writes() == []


async def test_what_a_server_forgets_of_what_is_written_is_told(server: ScimServer) -> None:
    async with before(server) as (adapter, proxy, direct):
        made, _ = await adapter.create(wanted(1), key="k")
        direct.set(f"/Users/{made.id}", title="Engineer")
        proxy.loses = "title"
        with pytest.raises(ContractBroken, match=r"lost title of Users/.* Put it back by hand"):
            await adapter.disable(made.id)
        assert (await adapter.read(made.id)).state is AccountState.DISABLED
        assert (await adapter.disable(made.id)).outcome is Outcome.ALREADY
