"""What the contract says, of a real OpenVPN: the checks that need no account to be made, since none can be."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jmltui.adapter_api import Cap, Setup
from jmltui.adapter_api.conformance import CHECKS, Result, World, run_check
from jmltui_openvpn import OpenvpnAdapter
from tests.conftest import StandingClock
from tests.servers.openvpn import OpenvpnServer

APPLY = {"unknown_is_not_found", "page_sizes_agree", "capabilities_are_honest"}
"""All others begin with an account that is made."""


@pytest.mark.parametrize("ccd", [True, False], ids=["with files", "without files"])
@pytest.mark.parametrize("check", CHECKS)
async def test_openvpn_keeps_the_contract(openvpn: OpenvpnServer, check: str, ccd: bool) -> None:
    for name in ("conformance-1", "conformance-2", "conformance-3"):
        if not (openvpn.authority.folder / "issued" / f"{name}.crt").exists():
            openvpn.authority.issue(name)
    options = openvpn.options() if ccd else openvpn.options(ccd="")
    adapter = OpenvpnAdapter(Setup("vpn", options, str, StandingClock(datetime.now(UTC))))  # type: ignore[arg-type]
    await adapter.open()
    result = await run_check(check, adapter, World("conformance-nobody"))
    await adapter.close()
    assert Cap.CREATE not in adapter.capabilities()
    assert result.result is (Result.PASSED if check in APPLY else Result.SKIPPED), result.told
