"""The practice systems: faults on request, several processes at once, any size."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    AuthFailed,
    Cap,
    ContractBroken,
    Outcome,
    OutcomeUnknown,
    Proof,
    Query,
    RateLimited,
    Setup,
    Step,
    Unavailable,
    Unsupported,
    Verdict,
)
from jmltui_practice import Fault, FaultKind, PracticeAdapter, clear_faults, company, faults, set_fault
from jmltui_practice.store import connect
from tests.conftest import StandingClock


@pytest.fixture
def folder(private: Path, clock: StandingClock) -> Path:
    company.create(private, clock)
    return private


def adapter(folder: Path, system: str, clock: StandingClock) -> PracticeAdapter:
    return PracticeAdapter(Setup(system, {"file": str(folder / company.SYSTEMS_FILE)}, str, clock))


@pytest.fixture
async def directory(folder: Path, clock: StandingClock) -> AsyncIterator[PracticeAdapter]:
    opened = adapter(folder, "directory", clock)
    await opened.open()
    yield opened
    await opened.close()


async def somebody(system: PracticeAdapter) -> Account:
    page = await anext(aiter(system.accounts(Query(page_size=1))))
    return page.items[0]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.DOWN, Unavailable),
        (FaultKind.FAILING_ONCE, Unavailable),
        (FaultKind.AUTH_REFUSED, AuthFailed),
        (FaultKind.WRONG_USER, ContractBroken),
    ],
)
async def test_a_fault_is_told_by_its_error(
    folder: Path, directory: PracticeAdapter, kind: FaultKind, error: type[Exception]
) -> None:
    account = await somebody(directory)
    set_fault(folder / company.SYSTEMS_FILE, "directory", Fault(kind, times=1))
    with pytest.raises(error):
        await directory.read(account.id)
    assert (await directory.read(account.id)).id == account.id
    assert faults(folder / company.SYSTEMS_FILE) == []


async def test_a_rate_limit_says_how_long(folder: Path, directory: PracticeAdapter) -> None:
    set_fault(folder / company.SYSTEMS_FILE, "directory", Fault(FaultKind.RATE_LIMITED, seconds=7))
    with pytest.raises(RateLimited) as told:
        await directory.check()
    assert told.value.retry_after == timedelta(seconds=7)
    assert clear_faults(folder / company.SYSTEMS_FILE, "directory") == 1


async def test_a_liar_is_found_out_by_the_read_back(folder: Path, directory: PracticeAdapter) -> None:
    account = await somebody(directory)
    set_fault(folder / company.SYSTEMS_FILE, "directory", Fault(FaultKind.LYING))
    assert (await directory.disable(account.id)).outcome is Outcome.CHANGED
    evidence = await directory.verify(Step(Cap.DISABLE, account.id))
    assert evidence.verdict is Verdict.CONTRADICTED


async def test_a_lost_answer_was_done_all_the_same(folder: Path, directory: PracticeAdapter) -> None:
    account = await somebody(directory)
    set_fault(folder / company.SYSTEMS_FILE, "directory", Fault(FaultKind.LOST_ANSWER))
    with pytest.raises(OutcomeUnknown):
        await directory.disable(account.id)
    clear_faults(folder / company.SYSTEMS_FILE)
    assert (await directory.verify(Step(Cap.DISABLE, account.id))).verdict is Verdict.CONFIRMED


async def test_mail_shows_a_change_a_moment_later(folder: Path, clock: StandingClock) -> None:
    mail = adapter(folder, "mail", clock)
    await mail.open()
    account = await somebody(mail)
    await mail.disable(account.id)
    step = Step(Cap.DISABLE, account.id)
    assert (await mail.verify(step)).verdict is Verdict.PENDING
    assert (await mail.read(account.id)).state is AccountState.ACTIVE
    clock.forward(timedelta(seconds=3))
    assert (await mail.verify(step)).verdict is Verdict.CONFIRMED
    await mail.close()


async def test_a_disabled_vpn_account_keeps_its_sessions_until_they_are_ended(
    folder: Path, clock: StandingClock
) -> None:
    vpn = adapter(folder, "vpn", clock)
    await vpn.open()
    with closing(connect(folder / company.SYSTEMS_FILE)) as link:
        account_id = link.execute("SELECT account_id FROM session WHERE system = 'vpn' LIMIT 1").fetchone()[0]
    await vpn.disable(account_id)
    assert await vpn.sessions(account_id)
    step = Step(Cap.END_SESSIONS, account_id)
    assert (await vpn.verify(step)).verdict is Verdict.CONTRADICTED
    assert (await vpn.end_sessions(account_id)).outcome is Outcome.CHANGED
    assert (await vpn.end_sessions(account_id)).outcome is Outcome.ALREADY
    assert (await vpn.verify(step)).verdict is Verdict.CONFIRMED
    await vpn.close()


async def test_erp_proves_by_its_log_and_doors_not_at_all(folder: Path, clock: StandingClock) -> None:
    for system, verdict, proof in (
        ("erp", Verdict.CONFIRMED, Proof.AUDIT),
        ("doors", Verdict.UNVERIFIABLE, Proof.NONE),
    ):
        opened = adapter(folder, system, clock)
        await opened.open()
        account = await somebody(opened)
        await opened.disable(account.id)
        evidence = await opened.verify(Step(Cap.DISABLE, account.id))
        assert (evidence.verdict, evidence.proof) == (verdict, proof)
        with pytest.raises(Unsupported):
            await opened.end_sessions(account.id)
        await opened.close()


async def test_a_missing_file_is_no_empty_company(private: Path, clock: StandingClock) -> None:
    with pytest.raises(Unavailable, match="cannot be used"):
        await adapter(private, "directory", clock).open()
    assert not (private / company.SYSTEMS_FILE).exists()


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from jmltui.adapter_api import Account, AccountState, Setup
from jmltui_practice import PracticeAdapter

async def main():
    adapter = PracticeAdapter(Setup("directory", {"file": sys.argv[1]}, str, lambda: datetime.now(UTC)))
    await adapter.open()
    for n in range(40):
        wanted = Account("", f"same{n}", AccountState.ACTIVE, external_id=f"S{n}")
        _, receipt = await adapter.create(wanted, key="k")
        print(receipt.outcome.value)
    await adapter.close()

asyncio.run(main())
"""


def test_two_processes_create_each_account_once(folder: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(folder / company.SYSTEMS_FILE)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(process.communicate(timeout=60)[0] for process in running).split()
    assert [process.returncode for process in running] == [0, 0]
    assert said.count("changed") == 40
    assert said.count("already") == 40


async def test_a_generated_system_of_any_size(clock: StandingClock) -> None:
    options = {"accounts": 3000, "grants_per_account": 10}
    scale = PracticeAdapter(Setup("scale", options, str, clock))
    await scale.open()
    accounts = [a async for page in scale.accounts(Query(page_size=1000)) for a in page.items]
    grants = [g async for page in scale.grants(Query(page_size=1000)) for g in page.items]
    assert len({a.id for a in accounts}) == 3000
    assert len({(g.account_id, g.entitlement_id) for g in grants}) == 30000
    assert await scale.read(accounts[7].id) == await scale.find(accounts[7].login)


def test_a_company_is_the_same_every_time(tmp_path: Path, clock: StandingClock) -> None:
    for name in ("one", "two"):
        company.create(tmp_path / name, clock)
    first, second = (sorted(p for p in (tmp_path / n).rglob("*") if p.suffix != ".sqlite") for n in ("one", "two"))
    assert [p.read_bytes() for p in first if p.is_file()] == [p.read_bytes() for p in second if p.is_file()]
    with pytest.raises(FileExistsError):
        company.create(tmp_path / "one", clock)
    assert [company.advance(tmp_path / "one") for _ in range(5)] == [True, True, True, True, False]
