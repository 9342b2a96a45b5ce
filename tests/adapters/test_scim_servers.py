"""The life of an account and the whole conformance suite on a SCIM server of another author."""

from __future__ import annotations

import pytest

from jmltui.adapter_api import Cap, ContractBroken, Outcome, Query, Step, Verdict
from jmltui.adapter_api.conformance import CHECKS, Result, World, run_check
from tests.adapters.test_scim import connected, make_group, wanted
from tests.servers.scim2 import ScimServer


async def test_an_account_lives_and_ends_on_scimmy(scimmy_server: ScimServer) -> None:
    async with connected(scimmy_server.url, scimmy_server.token) as adapter:
        made, receipt = await adapter.create(wanted(1), key="k")
        assert receipt.outcome is Outcome.CHANGED
        group = await make_group(adapter, "Engineering")
        assert (await adapter.grant(made.id, group)).outcome is Outcome.CHANGED
        assert [g.entitlement_id for g in await adapter.grants_of(made.id)] == [group]
        assert (await adapter.disable(made.id)).outcome is Outcome.CHANGED
        assert (await adapter.verify(Step(Cap.DISABLE, made.id, login="user1"))).verdict is Verdict.CONFIRMED
        assert (await adapter.revoke(made.id, group)).outcome is Outcome.CHANGED
        assert await adapter.grants_of(made.id) == []
        assert (await adapter.delete(made.id)).outcome is Outcome.CHANGED
        assert await adapter.find("user1") is None


async def test_scimmy_keeps_the_contract(scimmy_server: ScimServer) -> None:
    async with connected(scimmy_server.url, scimmy_server.token) as adapter:
        groups = [await make_group(adapter, name) for name in ("g1", "g2", "g3")]
        failed = {}
        for number, check in enumerate(CHECKS):
            result = await run_check(check, adapter, World(f"s{number:02d}", groups, many=8))
            if result.result is Result.FAILED:
                failed[check] = result.told
            async for page in adapter.accounts(Query()):
                for left in page.items:
                    await adapter.delete(left.id)
    assert failed == {}


async def test_a_server_that_shows_only_its_first_page_is_not_believed(scimmy_server: ScimServer) -> None:
    """SCIMMY on Express 5 takes no notice of startIndex and count, and shows twenty."""
    async with connected(scimmy_server.url, scimmy_server.token) as adapter:
        for number in range(21):
            await adapter.create(wanted(number), key=str(number))
        with pytest.raises(ContractBroken, match="holds 21, but listed only 20"):
            _ = [page async for page in adapter.accounts(Query())]
