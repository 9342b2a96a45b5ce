"""What the Entra adapter does beyond the contract: changes alone, masters elsewhere, roles, licences, sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from jmltui.adapter_api import (
    AuthFailed,
    Cap,
    ContractBroken,
    Forbidden,
    Invalid,
    Outcome,
    Query,
    RateLimited,
    ResyncNeeded,
    Setup,
    Stale,
    Step,
    Unsupported,
    Verdict,
)
from jmltui_entra import EntraAdapter
from tests.conftest import StandingClock
from tests.servers.graph_tenant import CLIENT, ROLE, SECRET, TENANT, Tenant, refused
from tests.servers.played import Reply, playing


@asynccontextmanager
async def connected(
    played: Tenant, clock: StandingClock, secret: str = SECRET, **options: Any
) -> AsyncIterator[EntraAdapter]:
    async with playing(played.server) as server:

        class Here(EntraAdapter):
            CLOUDS = {"global": (server.url, server.url)}  # noqa: RUF012

        values = {"tenant": TENANT, "client_id": CLIENT, "client_secret": "x", **options}
        adapter = Here(Setup("entra", values, lambda _: secret, clock))
        try:
            await adapter.open()
            yield adapter
        finally:
            await adapter.close()


@pytest.fixture
def tenant(clock: StandingClock) -> Tenant:
    """Three users; groups of every kind."""
    tenant = Tenant(clock)
    for name in ("ana", "ben", "cem"):
        tenant.user(name)
    tenant.user("synced", onPremisesSyncEnabled=True)
    tenant.group("staff")
    tenant.group("everybody", groupTypes=["DynamicMembership"])
    tenant.group("from-ad", onPremisesSyncEnabled=True)
    tenant.group("mail", mailEnabled=True)
    tenant.group("teams", mailEnabled=True, groupTypes=["Unified"])
    tenant.group("admins", isAssignableToRole=True)
    tenant.group("visio", assignedLicenses=[{"skuId": "sku-visio"}])
    tenant.members["g-staff"] = ["u-ana", "u-ben"]
    return tenant


async def whole(
    entra: EntraAdapter, since: dict[str, str] | None = None
) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Everything that is listed, and the tokens of the last pages."""
    found: dict[str, list[Any]] = {}
    tokens: dict[str, str] = {}
    for kind in ("accounts", "entitlements", "grants"):
        pages = [page async for page in getattr(entra, kind)(Query(since=since[kind] if since else None))]
        found[kind] = [item for page in pages for item in page.items]
        found[f"gone {kind}"] = [one for page in pages for one in page.deleted]
        assert all(page.delta is None for page in pages[:-1])
        tokens[kind] = pages[-1].delta or ""
    return found, tokens


async def test_what_changed_is_told_alone(tenant: Tenant, clock: StandingClock) -> None:
    async with connected(tenant, clock) as entra:
        everything, tokens = await whole(entra)
        assert len(everything["accounts"]) == 4
        assert {g.account_id for g in everything["grants"] if g.entitlement_id == "group:g-staff"} == {"u-ana", "u-ben"}
        await entra.disable("u-ben")
        await entra.delete("u-cem")
        await entra.revoke("u-ana", "group:g-staff")
        changed, later = await whole(entra, tokens)
        nothing, _ = await whole(entra, later)
    assert [(a.id, a.state.value) for a in changed["accounts"]] == [("u-ben", "disabled")]
    assert changed["gone accounts"] == ["u-cem"]
    assert "group:g-staff" in changed["gone grants"]
    assert [g.account_id for g in changed["grants"] if g.entitlement_id == "group:g-staff"] == ["u-ben"]
    assert nothing["accounts"] == nothing["gone accounts"] == []


@pytest.mark.parametrize(
    "told",
    [
        refused(410, "resyncRequired", "Resync is required."),
        refused(400, "syncStateNotFound", "The sync state generation is not found."),
    ],
)
async def test_a_spent_token_asks_for_a_whole_listing(tenant: Tenant, clock: StandingClock, told: Reply) -> None:
    async with connected(tenant, clock) as entra:
        _, tokens = await whole(entra)
        tenant.oldest, tenant.spent = 10**6, told
        for kind in ("accounts", "entitlements", "grants"):
            with pytest.raises(ResyncNeeded):
                [page async for page in getattr(entra, kind)(Query(since=tokens[kind]))]


async def test_a_deltalink_of_another_host_is_not_followed(tenant: Tenant, clock: StandingClock) -> None:
    async with connected(tenant, clock) as entra:
        with pytest.raises(ContractBroken, match="leads to another address"):
            [page async for page in entra.accounts(Query(since="https://evil.example/v1.0/users/delta?$deltatoken=1"))]


async def test_who_is_mastered_on_premises_is_for_that_directory(tenant: Tenant, clock: StandingClock) -> None:
    async with connected(tenant, clock) as entra:
        for call in (entra.disable, entra.delete):
            with pytest.raises(Forbidden, match="synchronised from Active Directory on premises"):
                await call("u-synced")
        with pytest.raises(Forbidden):
            await entra.update("u-synced", {"display": "Other"})
        assert (await entra.end_sessions("u-synced")).outcome is Outcome.CHANGED
        assert (await entra.grant("u-synced", "group:g-staff")).outcome is Outcome.CHANGED
    assert tenant.server.calls("PATCH") == []


async def test_groups_that_are_decided_elsewhere_are_not_granted(tenant: Tenant, clock: StandingClock) -> None:
    async with connected(tenant, clock) as entra:
        found = {e.id: e for p in [p async for p in entra.entitlements(Query())] for e in p.items}
        with pytest.raises(Forbidden, match="is decided elsewhere"):
            await entra.grant("u-ana", "group:g-everybody")
    grantable = {e.id.removeprefix("group:g-") for e in found.values() if e.kind == "group" and e.grantable}
    assert grantable == {"staff", "teams", "admins", "visio"}
    assert found["group:g-admins"].privileged
    assert found[f"role:{ROLE}"].privileged
    assert found["licence:sku-e5"].grantable
    assert not found["licence:sku-visio"].grantable


async def test_a_role_is_given_and_taken_in_every_scope(tenant: Tenant, clock: StandingClock) -> None:
    role = f"role:{ROLE}"
    async with connected(tenant, clock) as entra:
        assert (await entra.grant("u-ana", role)).outcome is Outcome.CHANGED
        assert (await entra.grant("u-ana", role)).outcome is Outcome.ALREADY
        assert (await entra.verify(Step(Cap.GRANT, "u-ana", role))).verdict is Verdict.CONFIRMED
        scoped = {"principalId": "u-ana", "roleDefinitionId": ROLE, "directoryScopeId": "/administrativeUnits/1"}
        tenant.assignments["scoped"] = {"id": "scoped", **scoped}
        assert (await entra.revoke("u-ana", role)).outcome is Outcome.CHANGED
        assert (await entra.revoke("u-ana", role)).outcome is Outcome.ALREADY
        assert (await entra.verify(Step(Cap.REVOKE, "u-ana", role))).verdict is Verdict.CONFIRMED
    assert tenant.assignments == {}


async def test_a_licence_of_a_group_goes_by_the_group(tenant: Tenant, clock: StandingClock) -> None:
    tenant.users["u-ana"]["licenseAssignmentStates"] = [
        {"skuId": "sku-visio", "assignedByGroup": "g-visio", "state": "Active"},
        {"skuId": "sku-e5", "assignedByGroup": None, "state": "Active"},
    ]
    async with connected(tenant, clock) as entra:
        held = {g.entitlement_id: g for g in await entra.grants_of("u-ana") if g.entitlement_id.startswith("licence:")}
        with pytest.raises(Forbidden, match="comes by the group g-visio"):
            await entra.revoke("u-ana", "licence:sku-visio")
        assert (await entra.revoke("u-ana", "licence:sku-e5")).outcome is Outcome.CHANGED
        assert (await entra.verify(Step(Cap.REVOKE, "u-ana", "licence:sku-e5"))).verdict is Verdict.CONFIRMED
        assert (await entra.revoke("u-ana", "licence:sku-e5")).outcome is Outcome.ALREADY
        assert (await entra.grant("u-ana", "licence:sku-e5")).outcome is Outcome.CHANGED
    assert (held["licence:sku-visio"].direct, held["licence:sku-visio"].via) == (False, ("group:g-visio",))
    assert held["licence:sku-e5"].direct


async def test_ended_sessions_are_proved_by_the_users_own_time(tenant: Tenant, clock: StandingClock) -> None:
    step = Step(Cap.END_SESSIONS, "u-ana")
    async with connected(tenant, clock) as entra:
        assert Cap.LIST_SESSIONS not in entra.capabilities()
        assert "about an hour" in entra.capabilities()[Cap.END_SESSIONS].note
        assert (await entra.verify(step)).verdict is Verdict.CONTRADICTED
        await entra.end_sessions("u-ana")
        clock.forward(timedelta(minutes=5))
        found = await entra.verify(step)
        with pytest.raises(Unsupported):
            await entra.end_sessions("u-ana", "one")
    assert found.verdict is Verdict.CONFIRMED
    assert "signInSessionsValidFromDateTime" in found.source


async def test_methods_are_removed_the_default_one_last(tenant: Tenant, clock: StandingClock) -> None:
    kinds = ("phone", "fido2")
    tenant.methods["u-ana"] += [
        {"@odata.type": f"#microsoft.graph.{kind}AuthenticationMethod", "id": f"m-{kind}"} for kind in kinds
    ]
    tenant.methods["u-ana"][1]["isDefault"] = True
    async with connected(tenant, clock) as entra:
        assert [c.id for c in await entra.credentials("u-ana")] == ["phone:m-phone", "fido2:m-fido2"]
        with pytest.raises(Invalid, match="a default method goes last"):
            await entra.revoke_credential("u-ana", "phone:m-phone")
        assert (await entra.revoke_credential("u-ana")).outcome is Outcome.CHANGED
        assert (await entra.verify(Step(Cap.REVOKE_CREDENTIALS, "u-ana"))).verdict is Verdict.CONFIRMED
    assert [m["id"] for m in tenant.methods["u-ana"]] == ["28c10230"]


async def test_a_version_that_graph_does_not_have_is_stale(tenant: Tenant, clock: StandingClock) -> None:
    async with connected(tenant, clock) as entra:
        with pytest.raises(Stale):
            await entra.update("u-ana", {"display": "Other"}, if_version="1")


async def test_a_wrong_secret_is_told_without_it(tenant: Tenant, clock: StandingClock) -> None:
    with pytest.raises(AuthFailed) as told:
        async with connected(tenant, clock, secret="hunter2-secret"):
            pass
    assert "hunter2" not in str(told.value)


async def test_a_tenant_that_is_a_path_is_refused(tenant: Tenant, clock: StandingClock) -> None:
    with pytest.raises(Invalid, match="must be its id or a domain"):
        async with connected(tenant, clock, tenant="x/../common"):
            pass


async def test_limits_and_missing_permissions_are_told_as_what_they_are(tenant: Tenant, clock: StandingClock) -> None:
    async with connected(tenant, clock) as entra:
        tenant.server.instead.append(Reply(509, {"error": {"code": "bandwidth"}}, {"Retry-After": "3"}))
        with pytest.raises(RateLimited) as limited:
            await entra.read("u-ana")
        tenant.forbidden = {"subscribedSkus"}
        facts = await entra.check()
        with pytest.raises(Forbidden):
            [page async for page in entra.entitlements(Query())]
    assert limited.value.retry_after == timedelta(seconds=3)
    assert facts["licences"] == "not readable: the application lacks a permission"
    assert facts["organisation"] == "Contoso"
