"""App roles: who may use which application as what, by themselves or by a group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jmltui.adapter_api import (
    Ambiguous,
    Cap,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    RateLimited,
    Step,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance import Disturbance
from jmltui_entra import EntraAdapter
from tests.conftest import StandingClock
from tests.servers.graph_chosen import NO_ROLE, PRESENT, ChosenTenant, connected
from tests.servers.graph_tenant import refused
from tests.servers.played import Reply

OF_APP = "servicePrincipals/([^/]+)/appRoleAssignedTo"
OF_USER = "users/([^/]+)/appRoleAssignments"
ADMIN = "permission:sp-payroll/r-admin"
CLERK = "permission:sp-payroll/r-clerk"


@pytest.fixture
def tenant(clock: StandingClock) -> ChosenTenant:
    """Payroll has two roles, the wiki none; a group has one of them."""
    tenant = ChosenTenant(clock)
    for name in ("ana", "ben", "cem"):
        tenant.user(name)
    tenant.group("finance")
    tenant.members["g-finance"] = ["u-ana", "u-ben"]
    tenant.application("payroll", "admin", "clerk")
    tenant.application("wiki")
    tenant.application("secret", "owner", tags=[])
    tenant.assign("sp-payroll", "r-admin", "u-ana")
    tenant.assign("sp-payroll", "r-clerk", "g-finance", "Group")
    tenant.assign("sp-payroll", "r-clerk", "u-ben")
    tenant.assign("sp-payroll", "r-machine", "sp-wiki", "ServicePrincipal")
    tenant.assign("sp-wiki", NO_ROLE, "u-cem")
    tenant.assign("sp-secret", "r-owner", "u-cem")
    return tenant


async def listed(entra: EntraAdapter) -> tuple[dict[str, str], dict[tuple[str, str], tuple[str, ...]]]:
    """App roles by id, and who has them, with the group that each comes by."""
    roles = {e.id: e.name for p in [p async for p in entra.entitlements(Query())] for e in p.items}
    grants = [g for p in [p async for p in entra.grants(Query())] for g in p.items]
    return (
        {one: name for one, name in roles.items() if one.startswith("permission:")},
        {(g.account_id, g.entitlement_id): g.via for g in grants if g.entitlement_id.startswith("permission:")},
    )


async def test_only_the_named_applications_are_looked_at(tenant: ChosenTenant, clock: StandingClock) -> None:
    wiki = tenant.applications["sp-wiki"]["appId"]
    async with connected(tenant, clock, applications=["PAYROLL", wiki]) as entra:
        roles, grants = await listed(entra)
        assert (await entra.check())["applications"] == "2 readable"
    assert roles == {
        ADMIN: "Payroll: Admin",
        CLERK: "Payroll: Clerk",
        f"permission:sp-payroll/{NO_ROLE}": "Payroll: access",
        f"permission:sp-wiki/{NO_ROLE}": "Wiki: access",
    }
    assert grants == {
        ("u-ana", ADMIN): (),
        ("u-ana", CLERK): ("group:g-finance",),
        ("u-ben", CLERK): (),
        ("u-cem", f"permission:sp-wiki/{NO_ROLE}"): (),
    }


async def test_all_are_the_enterprise_ones_of_the_portal(tenant: ChosenTenant, clock: StandingClock) -> None:
    tenant.application("twin", displayName="Wiki")
    async with connected(tenant, clock, applications=["all"]) as entra:
        roles, _ = await listed(entra)
    assert {"Payroll: Admin", "Wiki 00000001: access", "Wiki 00000003: access"} < set(roles.values())
    assert not [one for one in roles if "secret" in one]


async def test_without_the_option_no_application_is_asked_for(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock) as entra:
        assert await listed(entra) == ({}, {})
        with pytest.raises(NotFound):
            await entra.grant("u-cem", ADMIN)
    assert not [call for call in tenant.server.calls() if "servicePrincipals" in call]


async def test_a_name_that_means_none_or_two_is_refused(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, applications=["Ledger's"]) as entra:
        with pytest.raises(Invalid, match="has no application Ledger's; correct `applications`"):
            await entra.grants_of("u-ana")
        assert "has no application" in (await entra.check())["applications"]
    tenant.application("twin", displayName="Payroll")
    async with connected(tenant, clock, applications=["Payroll"]) as entra:
        with pytest.raises(Ambiguous, match="2 applications called Payroll; name it by its application id"):
            [page async for page in entra.entitlements(Query())]


async def test_what_a_group_gives_is_taken_at_the_group(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, applications=["Payroll"]) as entra:
        held = {g.entitlement_id: g for g in await entra.grants_of("u-ana")}
        assert (held[CLERK].direct, held[CLERK].via) == (False, ("group:g-finance",))
        assert held[ADMIN].direct
        with pytest.raises(Forbidden, match="comes by the group g-finance"):
            await entra.revoke("u-ana", CLERK)
        assert (await entra.verify(Step(Cap.GRANT, "u-ana", CLERK))).verdict is Verdict.CONFIRMED
        assert (await entra.grant("u-ana", CLERK)).outcome is Outcome.ALREADY
        assert (await entra.revoke("u-ben", CLERK)).outcome is Outcome.CHANGED
        left = await entra.verify(Step(Cap.REVOKE, "u-ben", CLERK))
    assert (left.verdict, left.observed["through"]) == (Verdict.CONTRADICTED, ["group:g-finance"])
    assert tenant.server.calls("DELETE") == ["DELETE /v1.0/servicePrincipals/sp-payroll/appRoleAssignedTo/as-2"]


async def test_a_role_is_given_and_taken_once(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, applications=["Payroll"]) as entra:
        assert (await entra.grant("u-cem", ADMIN)).outcome is Outcome.CHANGED
        assert (await entra.grant("u-cem", ADMIN)).outcome is Outcome.ALREADY
        assert (await entra.verify(Step(Cap.GRANT, "u-cem", ADMIN))).verdict is Verdict.CONFIRMED
        assert (await entra.revoke("u-cem", ADMIN)).outcome is Outcome.CHANGED
        assert (await entra.revoke("u-cem", ADMIN)).outcome is Outcome.ALREADY
        assert (await entra.verify(Step(Cap.REVOKE, "u-cem", ADMIN))).verdict is Verdict.CONFIRMED
        with pytest.raises(Unsupported):
            await entra.grant("u-cem", ADMIN, expires=datetime(2027, 1, 1, tzinfo=UTC))
        with pytest.raises(NotFound):
            await entra.grant("u-nobody", ADMIN)


async def test_a_role_that_is_not_in_use_is_not_given_and_can_be_taken(
    tenant: ChosenTenant, clock: StandingClock
) -> None:
    tenant.applications["sp-payroll"]["appRoles"][0]["isEnabled"] = False
    async with connected(tenant, clock, applications=["Payroll"]) as entra:
        for role in (ADMIN, "permission:sp-payroll/r-unknown"):
            with pytest.raises(Invalid, match="has no such role in use"):
                await entra.grant("u-cem", role)
        assert (await entra.revoke("u-ana", ADMIN)).outcome is Outcome.CHANGED


async def test_a_lost_answer_is_read_back(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, applications=["Payroll"]) as entra:
        await tenant.server.disturb(Disturbance.LOSE_WRITE_ANSWER)
        with pytest.raises(OutcomeUnknown):
            await entra.grant("u-cem", ADMIN)
        assert (await entra.verify(Step(Cap.GRANT, "u-cem", ADMIN))).verdict is Verdict.CONFIRMED
        tenant.after["servicePrincipals/([^/]+)/appRoleAssignedTo/([^/]+)"] = refused(500, "x", "Server Error")
        with pytest.raises(OutcomeUnknown):
            await entra.revoke("u-cem", ADMIN)
        assert (await entra.verify(Step(Cap.REVOKE, "u-cem", ADMIN))).verdict is Verdict.CONFIRMED


async def test_a_list_that_lags_behind_does_not_give_it_twice(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, applications=["Payroll"]) as entra:
        tenant.after[OF_APP] = refused(400, "Request_BadRequest", PRESENT)  # it was given, and is said to have been
        assert (await entra.grant("u-cem", ADMIN)).outcome is Outcome.ALREADY
        tenant.refusing[OF_APP] = refused(400, "Request_BadRequest", "Not a valid reference update.")
        with pytest.raises(Invalid, match="Not a valid reference update"):
            await entra.grant("u-cem", CLERK)


async def test_what_is_missing_is_named(tenant: ChosenTenant, clock: StandingClock) -> None:
    denied = refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    async with connected(tenant, clock, applications=["Payroll"]) as entra:
        tenant.refusing[OF_USER] = denied
        with pytest.raises(Forbidden, match=r"needs the permission Application\.Read\.All"):
            await entra.grants_of("u-ana")
        del tenant.refusing[OF_USER]
        tenant.refusing[OF_APP] = denied
        with pytest.raises(Forbidden, match=r"needs the permission AppRoleAssignment\.ReadWrite\.All"):
            await entra.grant("u-cem", ADMIN)
        tenant.refusing[OF_APP] = Reply(429, {"error": {"code": "TooManyRequests"}}, {"Retry-After": "11"})
        with pytest.raises(RateLimited) as told:
            [page async for page in entra.grants(Query())]
    assert told.value.retry_after == timedelta(seconds=11)


async def test_a_long_list_is_read_to_its_end(tenant: ChosenTenant, clock: StandingClock) -> None:
    for number in range(1100):
        tenant.assign("sp-wiki", NO_ROLE, tenant.user(f"n{number}"))
    async with connected(tenant, clock, applications=["Wiki"]) as entra:
        _, grants = await listed(entra)
        last = await entra.verify(Step(Cap.GRANT, "u-n1099", f"permission:sp-wiki/{NO_ROLE}"))
    assert len(grants) == 1101
    assert last.verdict is Verdict.CONFIRMED
