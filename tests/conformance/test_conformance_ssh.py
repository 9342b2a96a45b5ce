"""What the contract says, of Linux hosts over SSH: real sshds, the real helper, and connections that are disturbed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from jmltui.adapter_api import Setup
from jmltui.adapter_api.conformance import CHECKS, DISTURBED, Disturbance, Result, World, run_check, run_fault
from jmltui_ssh import SshAdapter
from tests.conftest import StandingClock
from tests.servers.sshd import SshHost, SshLab

NUMBERS = {check: number for number, check in enumerate(CHECKS)}
GROUPS = ("g1", "g2", "g3")


@asynccontextmanager
async def fleet(lab: SshLab, clock: StandingClock, hosts: list[SshHost], **more: object) -> AsyncIterator[SshAdapter]:
    """An opened adapter."""
    adapter = SshAdapter(Setup("linux", lab.options(*hosts, **more), str, clock))  # type: ignore[arg-type]
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


@pytest.fixture(scope="module")
def two_hosts(ssh_lab: SshLab) -> list[SshHost]:
    """A fleet with the same groups, and somebody with three keys."""
    hosts = ssh_lab.hosts(2 if ssh_lab.is_apart else 1)
    for host in hosts:
        for name in GROUPS:
            host.group(name)
        host.person("owner", keys=3)
    return hosts


@pytest.mark.parametrize("check", CHECKS)
async def test_a_fleet_keeps_the_contract(
    ssh_lab: SshLab, two_hosts: list[SshHost], clock: StandingClock, check: str
) -> None:
    world = World(
        f"{ssh_lab.prefix}c{NUMBERS[check]:02d}",
        [f"group:{ssh_lab.prefix}{name}" for name in GROUPS],
        many=3,
        with_credentials=f"{ssh_lab.prefix}owner",
    )
    async with fleet(ssh_lab, clock, two_hosts) as adapter:
        result = await run_check(check, adapter, world)
    if check in ("delete_twice", "ownership_moves", "devices_are_wiped"):
        assert result.result is Result.SKIPPED, result.told
    else:
        assert result.result is Result.PASSED, result.told


class HostFaults:
    """A host whose helper's answers are spoiled, or that is off."""

    kinds: ClassVar = {
        Disturbance.LOSE_WRITE_ANSWER: "write lost",
        Disturbance.TIMEOUT_AFTER_WRITE: "write late",
        Disturbance.CUT_WRITE_ANSWER: "write cut",
        Disturbance.REFUSE: "",
        Disturbance.CUT_ANSWER: "cut",
        Disturbance.HALF_ANSWER: "half",
        Disturbance.WEB_PAGE: "page",
        Disturbance.HUGE_ANSWER: "huge",
        Disturbance.SHORT_LISTING: "list short",
        Disturbance.EMPTY_LISTING: "list empty",
        Disturbance.SMALL_TOTAL: "list smaller",
        Disturbance.LARGE_TOTAL: "list larger",
        Disturbance.OTHER_USER: "other",
    }
    supports = frozenset(kinds)

    def __init__(self, host: SshHost) -> None:
        self._host = host

    async def disturb(self, what: Disturbance) -> None:
        if what is Disturbance.REFUSE:
            self._host.stop()
        self._host.fault(self.kinds[what])

    async def calm(self) -> None:
        self._host.fault("")
        if not self._host.is_on:
            self._host.start()


@pytest.mark.parametrize("what", HostFaults.kinds, ids=lambda what: what.name.lower())
async def test_a_host_under_a_disturbed_connection(ssh_lab: SshLab, clock: StandingClock, what: Disturbance) -> None:
    [host] = ssh_lab.hosts()
    host.install_faulty_helper()
    number = list(DISTURBED).index(what)
    async with fleet(ssh_lab, clock, [host], host_seconds=3 if "TIMEOUT" in what.name else 20) as adapter:
        result = await run_fault(what, adapter, HostFaults(host), World(f"{ssh_lab.prefix}d{number:02d}"))
    host.install_helper()
    assert result.result is Result.PASSED, result.told
