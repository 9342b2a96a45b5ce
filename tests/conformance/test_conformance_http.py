"""The suite on a real SCIM server that is reached through nothing but a description; and its connection disturbed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from jmltui.adapter_api import Setup
from jmltui.adapter_api.conformance import CHECKS, DISTURBED, Disturbance, Result, World, run_check, run_fault
from jmltui_http import HttpAdapter
from tests.conftest import StandingClock
from tests.servers.fault_proxy import fault_proxy
from tests.servers.scim2 import ScimServer

DESCRIPTION = Path(__file__).resolve().parents[1] / "adapters" / "http" / "scim.yaml"


def described(url: str, clock: StandingClock, description: Path = DESCRIPTION) -> HttpAdapter:
    """The adapter of the description, on this server."""
    options = {
        "description": str(description),
        "base": url,
        "secrets": {"token": "env:TOKEN"},
        "private_network": True,
    }
    return HttpAdapter(Setup("described", options, lambda _: "secret", clock))


async def test_a_description_alone_keeps_the_contract(
    scim2_server: Callable[..., ScimServer], clock: StandingClock
) -> None:
    server = scim2_server()
    adapter = described(server.url, clock)
    await adapter.open()
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/scim+json"}
    ids = []
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as http:
        for name in ("g1", "g2", "g3"):
            body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
            ids.append(str((await http.post("/Groups", json=body)).json()["id"]))
    results = {}
    for number, check in enumerate(CHECKS):
        results[check] = await run_check(check, adapter, World(f"h{number:02d}", ids, many=8))
    await adapter.close()
    assert {name: r.told for name, r in results.items() if r.result is Result.FAILED} == {}
    skipped = {name for name, r in results.items() if r.result is Result.SKIPPED}
    assert skipped == {
        "sessions_end", "credentials_end", "many_at_once", "ownership_moves", "devices_are_wiped",
    }  # fmt: skip


@pytest.mark.parametrize("what", DISTURBED, ids=lambda what: what.name.lower())
async def test_a_description_under_a_disturbed_connection(
    scim2_server: Callable[..., ScimServer], clock: StandingClock, what: Disturbance, tmp_path: Path
) -> None:
    hasty = tmp_path / "hasty.yaml"
    hasty.write_text(DESCRIPTION.read_text().replace("seconds: 20", "seconds: 2\n  max_mib: 1"))
    server = scim2_server()
    async with fault_proxy() as proxy:
        adapter = described(proxy.in_front_of(server.url), clock, hasty)
        await adapter.open()
        result = await run_fault(what, adapter, proxy, World("d"))
        await adapter.close()
    assert result.result is Result.PASSED, result.told
