"""The suite on our own systems: the practice profiles, and a real SCIM server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from jmltui.adapter_api import Account, AccountState, Setup
from jmltui.adapter_api.conformance import CHECKS, Disturbance, Result, World, run_check, run_faults
from jmltui_practice import Fault, FaultKind, PracticeAdapter, clear_faults, set_fault
from jmltui_practice.profiles import PROFILES
from jmltui_practice.store import connect, writing
from jmltui_scim import ScimAdapter
from jmltui_scim.transport import Transport
from tests.conftest import StandingClock
from tests.servers.scim2 import ScimServer

IDS = ("g1", "g2", "g3")
OF_ESTATE = ("ownership_moves", "devices_are_wiped")


def practice(file: Path, system: str, clock: StandingClock) -> PracticeAdapter:
    with closing(connect(file, create=True)) as link, writing(link):
        rows = [(system, one, one) for one in IDS]
        link.executemany("INSERT INTO entitlement (system, id, kind, name) VALUES (?, ?, 'group', ?)", rows)
    return PracticeAdapter(Setup(system, {"file": str(file)}, str, clock))


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("check", CHECKS)
async def test_practice_systems_keep_the_contract(
    tmp_path: Path, clock: StandingClock, profile: str, check: str
) -> None:
    adapter = practice(tmp_path / "systems.sqlite", profile, clock)

    async def wait(by: timedelta) -> None:
        clock.forward(by)

    async def own(account_id: str) -> None:
        assert account_id

    async def carry(account_id: str) -> str:
        phone = f"device:{account_id}"
        with closing(connect(tmp_path / "systems.sqlite")) as link, writing(link):
            row = (profile, phone, "device", f"Phone of {account_id}")
            link.execute("INSERT INTO entitlement (system, id, kind, name, grantable) VALUES (?, ?, ?, ?, 0)", row)
            held = (profile, account_id, phone)
            link.execute("INSERT INTO held (system, account_id, entitlement_id) VALUES (?, ?, ?)", held)
        return phone

    await adapter.open()
    result = await run_check(check, adapter, World("c", IDS, wait, own=own, carry=carry))
    await adapter.close()
    assert result.result is not Result.FAILED, result.told
    if profile == ("mail" if check in OF_ESTATE else "directory"):
        assert result.result is Result.PASSED, result.told


async def test_credentials_are_revoked_one_and_all(tmp_path: Path, clock: StandingClock) -> None:
    file = tmp_path / "systems.sqlite"
    adapter = practice(file, "directory", clock)
    await adapter.open()
    owner, _ = await adapter.create(Account("", "owner", AccountState.ACTIVE, external_id="K-owner"), key="k")
    with closing(connect(file)) as link, writing(link):
        rows = [("directory", one, owner.id, "token") for one in ("t1", "t2", "t3")]
        link.executemany("INSERT INTO credential (system, id, account_id, kind) VALUES (?, ?, ?, ?)", rows)
    result = await run_check("credentials_end", adapter, World("k", IDS, with_credentials=owner.id))
    await adapter.close()
    assert result.result is Result.PASSED, result.told


class PracticeFaults:
    """The faults of a practice system as disturbances of a connection."""

    kinds: ClassVar = {
        Disturbance.LOSE_WRITE_ANSWER: FaultKind.LOST_ANSWER,
        Disturbance.REFUSE: FaultKind.DOWN,
        Disturbance.SHORT_LISTING: FaultKind.TRUNCATED,
        Disturbance.OTHER_USER: FaultKind.WRONG_USER,
        Disturbance.THROTTLE: FaultKind.RATE_LIMITED,
    }
    supports = frozenset(kinds)

    def __init__(self, file: Path) -> None:
        self._file = file

    async def disturb(self, what: Disturbance) -> None:
        set_fault(self._file, "directory", Fault(self.kinds[what]))

    async def calm(self) -> None:
        clear_faults(self._file)


async def test_practice_faults_are_what_the_contract_says(tmp_path: Path, clock: StandingClock) -> None:
    file = tmp_path / "systems.sqlite"
    adapter = practice(file, "directory", clock)
    await adapter.open()
    results = await run_faults(adapter, PracticeFaults(file), World("f", IDS))
    await adapter.close()
    assert [r for r in results if r.result is Result.FAILED] == []
    assert sum(r.result is Result.PASSED for r in results) == len(PracticeFaults.kinds)


async def test_a_liar_fails_the_suite(tmp_path: Path, clock: StandingClock) -> None:
    file = tmp_path / "systems.sqlite"
    adapter = practice(file, "directory", clock)
    await adapter.open()
    set_fault(file, "directory", Fault(FaultKind.LYING))
    result = await run_check("create_twice", adapter, World("l", IDS))
    await adapter.close()
    assert result.result is Result.FAILED


@pytest.mark.parametrize("cursor", [False, True])
async def test_a_real_scim_server(scim2_server: Callable[..., ScimServer], clock: StandingClock, cursor: bool) -> None:
    server = scim2_server(cursor=cursor)
    options = {"url": server.url, "token": "t", "page_size": 200, "exchange_seconds": 20}
    adapter = ScimAdapter(Setup("scim", options, lambda _: server.token, clock))
    await adapter.open()
    transport = Transport("scim", server.url, server.token, 20, clock, None)
    ids = []
    for name in IDS:
        body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
        ids.append(str((await transport.write("POST", "Groups", body))["id"]))
    results = {}
    for number, check in enumerate(CHECKS):
        results[check] = await run_check(check, adapter, World(f"s{number:02d}", ids, many=8))
    await transport.close()
    await adapter.close()
    assert {name: r.told for name, r in results.items() if r.result is Result.FAILED} == {}
    skipped = {name for name, r in results.items() if r.result is Result.SKIPPED}
    assert skipped <= {"sessions_end", "credentials_end", "ownership_moves", "devices_are_wiped", "cursor_resumes"}
