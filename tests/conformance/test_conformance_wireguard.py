"""What the contract says, of WireGuard over SSH: the checks that need no account to be made, since none can be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jmltui.adapter_api import Cap, Setup
from jmltui.adapter_api.conformance import CHECKS, Result, World, run_check
from jmltui_ssh import WireguardAdapter
from tests.conftest import StandingClock
from tests.servers.sshd import SshLab
from tests.servers.wireguard import WireguardHost

APPLY = {"unknown_is_not_found", "page_sizes_agree", "capabilities_are_honest"}
"""All others begin with an account that is made."""


@pytest.fixture(scope="module")
def lab(wireguard_lab: tuple[SshLab, list[WireguardHost]]) -> tuple[SshLab, list[WireguardHost]]:
    """Two hosts, and three people on them."""
    _, hosts = wireguard_lab
    people = [hosts[0].person(name) for name in ("ana", "ben", "cleo")]
    for host in hosts:
        host.write(*(person.section() for person in people))
    return wireguard_lab


@pytest.mark.parametrize("check", CHECKS)
async def test_wireguard_keeps_the_contract(lab: tuple[SshLab, list[WireguardHost]], check: str) -> None:
    options = lab[0].options(*(each.host for each in lab[1]))
    adapter = WireguardAdapter(Setup("vpn", options, str, StandingClock(datetime.now(UTC))))  # type: ignore[arg-type]
    await adapter.open()
    result = await run_check(check, adapter, World("conformance-nobody"))
    await adapter.close()
    assert Cap.CREATE not in adapter.capabilities()
    assert result.result is (Result.PASSED if check in APPLY else Result.SKIPPED), result.told
