"""Changes alone, with all that has no changes in Graph: what was known and what is told make up what there is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from jmltui.adapter_api import Entitlement, Grant, Query, ResyncNeeded
from jmltui_entra import EntraAdapter
from tests.conftest import StandingClock
from tests.servers.graph_chosen import ChosenTenant, connected
from tests.servers.graph_tenant import ROLE

EVERYTHING: dict[str, Any] = {"devices": "wipe", "applications": ["all"], "pim": True}
LINK = "https://graph.microsoft.com/v1.0/groups/delta?$deltatoken=1"


class Mirror:
    """What is known of a tenant, kept as the engine keeps it."""

    def __init__(self) -> None:
        self.entitlements: dict[str, Entitlement] = {}
        self.grants: dict[tuple[str, str], Grant] = {}
        self.tokens: dict[str, str] = {}

    async def read(self, entra: EntraAdapter) -> None:
        """List what there is, or what changed since the last time."""
        since = dict(self.tokens)
        async for things in entra.entitlements(Query(since=since.get("entitlements"))):
            self.entitlements |= {one.id: one for one in things.items}
            for gone in things.deleted:
                del self.entitlements[gone]
            self.tokens["entitlements"] = things.delta or ""
        anew: dict[tuple[str, str], Grant] = {}
        retold: set[str] = set()
        async for held in entra.grants(Query(since=since.get("grants"))):
            retold |= set(held.deleted)
            anew |= {(one.account_id, one.entitlement_id): one for one in held.items}
            self.tokens["grants"] = held.delta or ""
        kept = {key: one for key, one in self.grants.items() if key[1] not in retold and since}
        self.grants = {key: one for key, one in {**kept, **anew}.items() if key[1] in self.entitlements}


@pytest.fixture
def tenant(clock: StandingClock) -> ChosenTenant:
    """Three users with something of each kind."""
    tenant = ChosenTenant(clock)
    for name in ("ana", "ben", "cem"):
        tenant.user(name)
    tenant.group("finance")
    tenant.group("quiet")
    tenant.members |= {"g-finance": ["u-ana", "u-ben"], "g-quiet": ["u-cem"]}
    tenant.application("payroll", "admin", "clerk")
    tenant.application("wiki")
    tenant.assign("sp-payroll", "r-clerk", "g-finance", "Group")
    tenant.assign("sp-payroll", "r-admin", "u-ana")
    tenant.make_eligible("u-ana")
    tenant.assignments["a-cem"] = {
        "id": "a-cem", "principalId": "u-cem", "roleDefinitionId": ROLE, "directoryScopeId": "/"
    }  # fmt: skip
    for name, owner in (("one", "u-ana"), ("two", "u-ana"), ("three", "u-ben")):
        tenant.device(name, owner)
    return tenant


async def test_what_was_known_and_what_changed_are_what_there_is(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, **EVERYTHING) as entra:
        mirror, whole = Mirror(), Mirror()
        await mirror.read(entra)
        before = set(mirror.grants)
        await entra.wipe_device("u-ana", "device:d-one")
        clock.forward(timedelta(hours=1))
        tenant.devices["d-two"]["userId"] = "u-cem"
        tenant.device("four", "u-ben")
        await entra.revoke("u-ana", f"eligible:{ROLE}")
        await entra.revoke("u-ana", "group:g-finance")
        await entra.revoke("u-ana", "permission:sp-payroll/r-admin")
        await entra.grant("u-cem", f"eligible:{ROLE}")
        del tenant.applications["sp-wiki"]
        tenant.ends["a-cem"] = "2026-12-01T00:00:00Z"
        seen = len(tenant.server.asked)
        await mirror.read(entra)
        changes = tenant.server.asked[seen:]
        await whole.read(entra)
        assert mirror.entitlements == whole.entitlements
        assert mirror.grants == whole.grants
        await mirror.read(entra)
        assert mirror.grants == whole.grants
    gone, come = before - set(mirror.grants), set(mirror.grants) - before
    assert gone == {
        ("u-ana", "device:d-one"),
        ("u-ana", "device:d-two"),
        ("u-ana", f"eligible:{ROLE}"),
        ("u-ana", "group:g-finance"),
        ("u-ana", "permission:sp-payroll/r-clerk"),
        ("u-ana", "permission:sp-payroll/r-admin"),
    }
    assert come == {
        ("u-cem", "device:d-two"),
        ("u-ben", "device:d-four"),
        ("u-cem", f"eligible:{ROLE}"),
    }
    assert not [one for one in changes if "g-quiet" in one.path]


async def test_nothing_left_of_a_kind_is_told_as_well(tenant: ChosenTenant, clock: StandingClock) -> None:
    async with connected(tenant, clock, **EVERYTHING) as entra:
        mirror = Mirror()
        await mirror.read(entra)
        tenant.devices.clear()
        tenant.eligible.clear()
        tenant.assigned.clear()
        await mirror.read(entra)
    kinds = {one.partition(":")[0] for _, one in mirror.grants}
    assert kinds == {"group", "role"}
    assert not [one for one in mirror.entitlements if one.startswith("device:")]


@pytest.mark.parametrize("token", [LINK, f"{LINK} eJwrSU0uAQ", f"{LINK} !!!", f"{LINK} eJwL"])
async def test_a_token_that_does_not_tell_what_there_was_asks_for_a_whole_listing(
    tenant: ChosenTenant, clock: StandingClock, token: str
) -> None:
    async with connected(tenant, clock, **EVERYTHING) as entra:
        with pytest.raises(ResyncNeeded, match="The token of the last listing"):
            [page async for page in entra.entitlements(Query(since=token))]
