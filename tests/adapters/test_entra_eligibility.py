"""Roles under Privileged Identity Management: being eligible is held, lost and proved like the role itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jmltui.adapter_api import (
    Cap,
    Forbidden,
    Invalid,
    Outcome,
    OutcomeUnknown,
    Query,
    RateLimited,
    Step,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance import Disturbance
from tests.conftest import StandingClock
from tests.servers.graph_chosen import ROLES, ChosenTenant, connected
from tests.servers.graph_tenant import ROLE, refused
from tests.servers.played import Reply

ELIGIBLE = f"eligible:{ROLE}"
LIST = f"{ROLES}/roleEligibilityScheduleInstances"
REQUESTS = f"{ROLES}/roleEligibilityScheduleRequests"
UNIT = "/administrativeUnits/1"


@pytest.fixture
def tenant(clock: StandingClock) -> ChosenTenant:
    """Ana may activate the role in two scopes, Ben by a group; Cem has it, activated for some hours."""
    tenant = ChosenTenant(clock)
    for name in ("ana", "ben", "cem", "dia"):
        tenant.user(name)
    tenant.make_eligible("u-ana", endDateTime="2027-01-01T00:00:00Z")
    tenant.make_eligible("u-ana", directoryScopeId=UNIT, endDateTime="2027-06-01T00:00:00Z")
    tenant.make_eligible("u-ben", memberType="Group")
    tenant.make_eligible("g-admins")
    for one in ("u-cem", "u-dia"):
        row = {"principalId": one, "roleDefinitionId": ROLE, "directoryScopeId": "/"}
        tenant.assignments[f"a-{one}"] = {"id": f"a-{one}", **row}
    tenant.ends["a-u-cem"] = "2026-11-26T08:00:00Z"
    return tenant


async def test_being_eligible_is_an_entitlement_of_its_own(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, pim=True) as entra:
        found = {e.id: e for p in [p async for p in entra.entitlements(Query())] for e in p.items}
        grants = {
            (g.account_id, g.entitlement_id): g for p in [p async for p in entra.grants(Query())] for g in p.items
        }
        held = {g.entitlement_id: g for g in await entra.grants_of("u-ana")}
        assert (await entra.check())["pim"] == "readable"
    assert found[ELIGIBLE].name == "Global Administrator (eligible)"
    assert (found[ELIGIBLE].kind, found[ELIGIBLE].privileged) == ("role", True)
    assert {key for key in grants if key[1] == ELIGIBLE} == {("u-ana", ELIGIBLE), ("u-ben", ELIGIBLE)}
    assert held == {ELIGIBLE: grants["u-ana", ELIGIBLE]}
    assert held[ELIGIBLE].expires == datetime(2027, 6, 1, tzinfo=UTC)
    assert not grants["u-ben", ELIGIBLE].direct
    ends = {who: grants[who, f"role:{ROLE}"].expires for who in ("u-cem", "u-dia")}
    assert ends == {"u-cem": datetime(2026, 11, 26, 8, tzinfo=UTC), "u-dia": None}


async def test_without_the_option_no_schedule_is_asked_for(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock) as entra:
        assert await entra.grants_of("u-ana") == []
        assert [g.expires for g in await entra.grants_of("u-cem")] == [None]
        assert (await entra.revoke("u-cem", f"role:{ROLE}")).outcome is Outcome.CHANGED
    assert not [call for call in tenant.server.calls() if "Schedule" in call]


async def test_a_leaver_may_activate_it_nowhere_any_more(tenant: ChosenTenant, clock: StandingClock) -> None:
    step = Step(Cap.REVOKE, "u-ana", ELIGIBLE)
    async with connected(tenant, clock, pim=True) as entra:
        assert (await entra.verify(step)).verdict is Verdict.CONTRADICTED
        assert (await entra.revoke("u-ana", ELIGIBLE)).outcome is Outcome.CHANGED
        assert (await entra.verify(step)).verdict is Verdict.CONFIRMED
        assert (await entra.revoke("u-ana", ELIGIBLE)).outcome is Outcome.ALREADY
        with pytest.raises(Forbidden, match="may activate the role by a group"):
            await entra.revoke("u-ben", ELIGIBLE)
    asked = [a.json() for a in tenant.server.asked if a.method == "POST" and "Requests" in a.path]
    assert [(one["action"], one["directoryScopeId"]) for one in asked] == [("adminRemove", "/"), ("adminRemove", UNIT)]


async def test_eligible_for_good_and_for_a_time(tenant: ChosenTenant, clock: StandingClock) -> None:
    until = clock() + timedelta(days=30)
    async with connected(tenant, clock, pim=True) as entra:
        assert (await entra.grant("u-cem", ELIGIBLE)).outcome is Outcome.CHANGED
        assert (await entra.grant("u-cem", ELIGIBLE)).outcome is Outcome.ALREADY
        assert (await entra.verify(Step(Cap.GRANT, "u-cem", ELIGIBLE))).verdict is Verdict.CONFIRMED
        await entra.grant("u-dia", ELIGIBLE, expires=until)
        ends = {
            who: next(g.expires for g in await entra.grants_of(who) if g.entitlement_id == ELIGIBLE)
            for who in ("u-cem", "u-dia")
        }
        with pytest.raises(Unsupported):
            await entra.grant("u-ana", f"role:{ROLE}", expires=until)
    assert ends == {"u-cem": None, "u-dia": until.replace(microsecond=0)}


async def test_an_active_role_is_taken_with_its_schedule(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, pim=True) as entra:
        for who in ("u-cem", "u-dia"):
            assert (await entra.revoke(who, f"role:{ROLE}")).outcome is Outcome.CHANGED
            assert (await entra.verify(Step(Cap.REVOKE, who, f"role:{ROLE}"))).verdict is Verdict.CONFIRMED
    assert tenant.assignments == {}
    assert [c for c in tenant.server.calls("POST") if "Requests" in c] == [
        f"POST /v1.0/{ROLES}/roleAssignmentScheduleRequests"
    ]
    assert tenant.server.calls("DELETE") == [f"DELETE /v1.0/{ROLES}/roleAssignments/a-u-dia"]


async def test_a_request_that_waits_or_is_denied_is_said(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, pim=True) as entra:
        tenant.status = "PendingProvisioning"
        assert (await entra.revoke("u-ana", ELIGIBLE)).outcome is Outcome.PENDING
        tenant.status = "Denied"
        with pytest.raises(Invalid, match=r"did not follow it \(Denied\)"):
            await entra.revoke("u-ana", ELIGIBLE)
        rule = 'The following policy rules failed: ["ExpirationRule"]'
        tenant.refusing[REQUESTS] = refused(400, "RoleAssignmentRequestPolicyValidationFailed", rule)
        with pytest.raises(Invalid, match="ExpirationRule"):
            await entra.grant("u-cem", ELIGIBLE)


async def test_what_went_or_came_meanwhile_is_already(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, pim=True) as entra:
        tenant.after[REQUESTS] = refused(400, "RoleAssignmentExists", "The Role assignment already exists.")
        assert (await entra.grant("u-cem", ELIGIBLE)).outcome is Outcome.ALREADY


async def test_a_lost_answer_is_read_back(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, pim=True) as entra:
        await tenant.server.disturb(Disturbance.CUT_WRITE_ANSWER)
        with pytest.raises(OutcomeUnknown):
            await entra.grant("u-cem", ELIGIBLE)
        assert (await entra.verify(Step(Cap.GRANT, "u-cem", ELIGIBLE))).verdict is Verdict.CONFIRMED
        tenant.after[REQUESTS] = refused(504, "x", "Gateway Timeout")
        with pytest.raises(OutcomeUnknown):
            await entra.revoke("u-cem", ELIGIBLE)
        assert (await entra.verify(Step(Cap.REVOKE, "u-cem", ELIGIBLE))).verdict is Verdict.CONFIRMED


async def test_what_is_missing_is_named(tenant: ChosenTenant, clock: StandingClock) -> None:
    unlicensed = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."
    async with connected(tenant, clock, pim=True) as entra:
        tenant.refusing[LIST] = refused(400, "AadPremiumLicenseRequired", unlicensed)
        with pytest.raises(Unsupported, match="has no licence for Privileged Identity Management"):
            await entra.grants_of("u-ana")
        assert "has no licence" in (await entra.check())["pim"]
        tenant.refusing[LIST] = refused(403, "PermissionScopeNotGranted", "Authorization failed.")
        with pytest.raises(Forbidden, match=r"needs the permission RoleEligibilitySchedule\.Read\.Directory"):
            [page async for page in entra.grants(Query())]
        tenant.refusing[LIST] = Reply(429, None, {"Retry-After": "5"})
        with pytest.raises(RateLimited):
            await entra.verify(Step(Cap.REVOKE, "u-ana", ELIGIBLE))
        tenant.refusing = {REQUESTS: refused(403, "PermissionScopeNotGranted", "Authorization failed.")}
        with pytest.raises(Forbidden, match=r"RoleEligibilitySchedule\.ReadWrite\.Directory"):
            await entra.revoke("u-ana", ELIGIBLE)
