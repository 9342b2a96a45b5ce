"""A leaver whose system is disturbed at every turn: in the end it is proved, and nothing was done twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import func
from sqlmodel import col, select

from jmltui.adapter_api import RateLimited
from jmltui.cache.tables import AttemptRow, LimitRow
from jmltui.lifecycle import requests
from tests.lifecycle.conftest import STAFF, Office
from tests.servers.fault_proxy import Fault, FaultProxy, Only, fault_proxy


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    async with fault_proxy() as made:
        made.wait = 1
        yield made


async def leaver(make_office: Callable[..., Office], proxy: FaultProxy) -> tuple[Office, int]:
    """An office behind the proxy where somebody is about to leave."""
    office = make_office(url=proxy.in_front_of)
    (office.home / "settings.toml").write_text(
        (office.home / "settings.toml").read_text().replace('deadline = "10s"', 'deadline = "3s"\nexchange_seconds = 1')
    )
    office.feed(STAFF[:12])
    await office.workshop.close()
    office.workshop = office.opened_again()
    await office.sync()
    requests.run_all(office.workshop)
    await office.settle()
    assert office.cases() == []
    office.feed([(*STAFF[0], "2026-01-31"), *STAFF[1:12]])
    await office.sync()
    (case,) = office.cases()
    proxy.exchanges.clear()
    return office, case["id"]


@pytest.mark.parametrize(
    "fault",
    [Fault.THROTTLE, Fault.BUSY, Fault.FLAKY, Fault.LOSE_ANSWER, Fault.HANG, Fault.CUT_ANSWER, Fault.WEB_PAGE],
    ids=lambda fault: fault.name.lower(),
)
async def test_each_write_is_disturbed_once(
    make_office: Callable[..., Office], proxy: FaultProxy, fault: Fault
) -> None:
    office, number = await leaver(make_office, proxy)
    for key in ("disable", "groups"):
        await proxy.switch(fault, Only.WRITE, times=1)
        requests.run_step(office.workshop, number, key)
        await office.settle()
        await proxy.calm()
    assert office.truth()["e001"] == (False, set())
    assert [method for method, _ in proxy.writes()] == ["PATCH", "PATCH"], "each reached the server once"
    steps = {step["key"]: step for step in office.case(number)["steps"]}
    assert {steps[key]["state"] for key in ("disable", "groups", "verify")} == {"done"}
    assert {a["state"] for step in steps.values() for a in step["actions"]} == {"confirmed"}
    told = [entry["summary"] for entry in office.case(number)["journal"] if entry["action"] == "action.outcome"]
    assert len(told) >= 4, "the disturbance and the proof of each write are told"
    await office.workshop.close()


async def test_a_system_that_refuses_connections_is_waited_for(
    make_office: Callable[..., Office], proxy: FaultProxy
) -> None:
    office, number = await leaver(make_office, proxy)
    await proxy.switch(Fault.REFUSE)
    requests.run_case(office.workshop, number)
    with pytest.raises(TimeoutError):  # it goes on trying
        await office.settle(3)
    action = office.case(number)["steps"][0]["actions"][0]
    assert action["state"] == "ready"
    assert "cannot be reached" in action["outcome"]
    await proxy.calm()
    await office.settle()
    assert office.truth()["e001"] == (False, set())
    await office.workshop.close()


async def test_a_system_that_is_down_is_left_alone_however_much_waits_for_it(
    make_office: Callable[..., Office], proxy: FaultProxy
) -> None:
    office, _ = await leaver(make_office, proxy)
    office.feed([*STAFF[:24]])
    await office.sync()
    await proxy.switch(Fault.REFUSE)
    requests.run_all(office.workshop)
    with pytest.raises(TimeoutError):
        await office.settle(4)
    with office.workshop.cache.read() as session:
        missed = col(AttemptRow.outcome).contains("cannot be reached")
        tries = session.scalar(select(func.count()).select_from(AttemptRow).where(missed))
        reason = session.scalars(select(LimitRow.reason)).one()
    assert "cannot be reached; it is tried again by itself" in reason
    assert 3 <= (tries or 0) <= 8, "the others wait without a try of their own"
    await proxy.calm()
    await office.settle(120)
    assert {f"e{n:03}" for n in range(13, 25)} <= office.truth().keys()
    with office.workshop.cache.read() as session:
        assert session.scalars(select(LimitRow.wait_until)).one() is None, "nobody has to let it go on"
    await office.workshop.close()


async def test_a_throttled_system_is_left_alone_until_its_time(
    make_office: Callable[..., Office], proxy: FaultProxy
) -> None:
    office, number = await leaver(make_office, proxy)
    proxy.wait = 3600
    await proxy.switch(Fault.THROTTLE, Only.WRITE)
    requests.run_case(office.workshop, number)
    await office.settle(5)
    seen = len(proxy.exchanges)
    await office.settle(2)
    assert len(proxy.exchanges) == seen, "nothing is sent before the time that the server named"
    action = office.case(number)["steps"][0]["actions"][0]
    assert action["error_kind"] == RateLimited.__name__
    assert office.truth()["e001"][0]
    await office.workshop.close()
