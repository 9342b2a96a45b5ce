"""What the contract says of a disturbed connection: nothing believed that is not whole, nothing done twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Final, Protocol

from jmltui.adapter_api.errors import AdapterError, Conflict, ContractBroken, OutcomeUnknown, RateLimited, Unavailable
from jmltui.adapter_api.protocol import Outcome, Query, Step, Verdict
from jmltui.domain.operation import Cap

from .bench import Bench, Broken, CheckResult, Missing, World, collected, expect, judged, refuses


class Disturbance(StrEnum):
    """What a connection can be made to do with the answers of the system."""

    LOSE_WRITE_ANSWER = "lose the answer to the next write"
    TIMEOUT_AFTER_WRITE = "take the next write and never answer"
    CUT_WRITE_ANSWER = "cut the answer to the next write short"
    REFUSE = "refuse connections"
    THROTTLE = "answer 429 with Retry-After instead of asking the system"
    BUSY = "answer 503 with Retry-After instead of asking the system"
    FLAKY = "answer 503 instead of asking the system"
    CUT_ANSWER = "cut every answer short"
    HALF_ANSWER = "pass half an answer off as the whole"
    WEB_PAGE = "answer with a web page"
    REDIRECT = "redirect to another host"
    HUGE_ANSWER = "answer without end"
    SHORT_LISTING = "leave items of the next listing out, but not of its count"
    ENDLESS_LISTING = "answer every page of the next listing with the first one"
    EMPTY_LISTING = "answer every listing and search with nobody"
    SMALL_TOTAL = "count fewer than are listed"
    LARGE_TOTAL = "count more than are listed"
    OTHER_USER = "answer the next read with somebody else"
    IGNORE_FILTER = "answer the next search with everybody"


class FaultInjector(Protocol):
    """What stands between the adapter and its system. `supports` says which disturbances it can make."""

    supports: frozenset[Disturbance]

    async def disturb(self, what: Disturbance) -> None:
        """From now on, once for a `next` one, until `calm`."""

    async def calm(self) -> None:
        """Let everything pass again."""


class Disturbed:
    """A bench whose connection can be disturbed. Each disturbance has its own logins."""

    def __init__(self, bench: Bench, injector: FaultInjector, what: Disturbance) -> None:
        self.bench = bench
        self.injector = injector
        self.what = what

    @asynccontextmanager
    async def disturbance(self) -> AsyncIterator[None]:
        """Disturbed inside, calm after."""
        await self.injector.disturb(self.what)
        try:
            yield
        finally:
            await self.injector.calm()


Trial = Callable[[Disturbed], Awaitable[None]]


async def _unknown_write(disturbed: Disturbed) -> None:
    """A write that was sent and not answered is unknown; verify finds the truth; asking again changes nothing."""
    bench = disturbed.bench
    bench.needs(Cap.CREATE, Cap.DISABLE)
    account = await bench.account()
    async with disturbed.disturbance():
        await refuses(OutcomeUnknown, bench.accounts.disable(account.id), "a write whose answer was lost")
    await bench.settled(Cap.DISABLE)
    await bench.says(Step(Cap.DISABLE, account.id, login=account.login), Verdict.CONFIRMED, "after its answer was lost")
    again = await bench.accounts.disable(account.id)
    expect(again.outcome is Outcome.ALREADY, f"asked again after a lost answer, it said {again.outcome.value}")
    wanted = bench.wanted()
    async with disturbed.disturbance():
        await refuses(OutcomeUnknown, bench.accounts.create(wanted, key="lost"), "a create whose answer was lost")
    await bench.settled(Cap.CREATE)
    step = Step(Cap.CREATE, "", login=wanted.login, wanted={"external_id": wanted.external_id or ""})
    await bench.says(step, Verdict.CONFIRMED, "after its answer was lost")
    _, receipt = await bench.accounts.create(wanted, key="lost")
    expect(receipt.outcome is Outcome.ALREADY, f"created again after a lost answer, it said {receipt.outcome.value}")


def _nothing_done(*kinds: type[AdapterError]) -> Trial:
    """Reads and writes raise one of these, and nothing was done."""

    async def trial(disturbed: Disturbed) -> None:
        bench = disturbed.bench
        bench.needs(Cap.CREATE, Cap.DISABLE)
        account = await bench.account()
        async with disturbed.disturbance():
            await refuses(kinds, bench.reader.read(account.id), f"a read ({disturbed.what.value})")
            await refuses(kinds, bench.accounts.disable(account.id), f"a write ({disturbed.what.value})")
        step = Step(Cap.DISABLE, account.id, login=account.login)
        await bench.says(step, Verdict.CONTRADICTED, "when it did not reach the system")

    return trial


async def _throttled(disturbed: Disturbed) -> None:
    """The wait that the system asks for reaches the engine, and nothing was done."""
    await _nothing_done(RateLimited)(disturbed)
    bench = disturbed.bench
    account = await bench.account()
    async with disturbed.disturbance():
        try:
            await bench.reader.read(account.id)
        except RateLimited as error:
            expect(error.retry_after is not None, "the wait that the system asks for was not told")
            return
    raise Broken("a throttled read raised nothing")


def _refused_reads(*kinds: type[AdapterError]) -> Trial:
    """Reads, searches and listings raise one of these: nothing of such an answer is used."""

    async def trial(disturbed: Disturbed) -> None:
        bench = disturbed.bench
        account = await bench.account()
        async with disturbed.disturbance():
            await refuses(kinds, bench.reader.read(account.id), f"a read ({disturbed.what.value})")
            await refuses(kinds, bench.reader.find(account.login), f"a search ({disturbed.what.value})")
            await refuses(kinds, collected(bench.reader.accounts(Query())), f"a listing ({disturbed.what.value})")
            step = Step(Cap.DELETE, account.id, login=account.login)
            await refuses(kinds, bench.verifier.verify(step), f"a proof ({disturbed.what.value})")
        expect((await bench.reader.read(account.id)).id == account.id, "the account cannot be read afterwards")

    return trial


async def _refused_listing(disturbed: Disturbed) -> None:
    """A listing that is not whole raises ContractBroken, whatever the page size."""
    bench = disturbed.bench
    bench.needs(Cap.LIST_ACCOUNTS)
    for _ in range(3):
        await bench.account()
    async with disturbed.disturbance():
        listing = collected(bench.reader.accounts(Query(page_size=1)))
        await refuses(ContractBroken, listing, "a listing that is not whole")


async def _whole_listing(disturbed: Disturbed) -> None:
    """A count that is too small leaves nobody out: the listing is whole, or refused."""
    bench = disturbed.bench
    bench.needs(Cap.LIST_ACCOUNTS)
    made = {(await bench.account()).id for _ in range(4)}
    for size in (1, 2, 200):
        async with disturbed.disturbance():
            try:
                listed = {one.id for one in await collected(bench.reader.accounts(Query(page_size=size)))}
            except ContractBroken:
                continue
        expect(made <= listed, f"{len(made - listed)} of {len(made)} were left out by pages of {size}")


async def _no_proof_of_absence(disturbed: Disturbed) -> None:
    """An empty answer proves no absence: nothing is made twice, and a deletion is not taken as done."""
    bench = disturbed.bench
    bench.needs(Cap.CREATE)
    wanted = bench.wanted()
    made, _ = await bench.accounts.create(wanted, key="there")
    async with disturbed.disturbance():
        try:
            again, receipt = await bench.accounts.create(wanted, key="there")
        except (Conflict, ContractBroken):
            pass
        else:
            expect(receipt.outcome is Outcome.ALREADY and again.id == made.id, "an account was made twice")
        if Cap.DELETE in bench.adapter.capabilities():
            await bench.says(Step(Cap.DELETE, made.id, login=made.login), Verdict.CONTRADICTED, "by an empty answer")
    same = [a for a in await collected(bench.reader.accounts(Query())) if a.login.casefold() == made.login.casefold()]
    expect(len(same) == 1, f"{len(same)} accounts are called {made.login}")


async def _other_user(disturbed: Disturbed) -> None:
    """Somebody else's account is never taken for the one that was asked for."""
    bench = disturbed.bench
    account, _ = await bench.account(), await bench.account()
    async with disturbed.disturbance():
        await refuses(ContractBroken, bench.reader.read(account.id), "somebody else's account")


async def _ignored_filter(disturbed: Disturbed) -> None:
    """Every hit of a search is compared again."""
    bench = disturbed.bench
    bench.needs(Cap.FIND)
    account = await bench.account()
    async with disturbed.disturbance():
        found = await bench.reader.find(account.login)
        expect(found is not None and found.id == account.id, "an ignored filter hid the right account")
    async with disturbed.disturbance():
        expect(await bench.reader.find(f"{account.login}x") is None, "an ignored filter found somebody else")


DISTURBED: Final[Mapping[Disturbance, Trial]] = {
    Disturbance.LOSE_WRITE_ANSWER: _unknown_write,
    Disturbance.TIMEOUT_AFTER_WRITE: _unknown_write,
    Disturbance.CUT_WRITE_ANSWER: _unknown_write,
    Disturbance.REFUSE: _nothing_done(Unavailable),
    Disturbance.THROTTLE: _throttled,
    Disturbance.BUSY: _throttled,
    Disturbance.FLAKY: _nothing_done(Unavailable),
    Disturbance.CUT_ANSWER: _refused_reads(Unavailable, ContractBroken),
    Disturbance.HALF_ANSWER: _refused_reads(ContractBroken),
    Disturbance.WEB_PAGE: _refused_reads(ContractBroken),
    Disturbance.REDIRECT: _refused_reads(ContractBroken),
    Disturbance.HUGE_ANSWER: _refused_reads(ContractBroken),
    Disturbance.SHORT_LISTING: _refused_listing,
    Disturbance.ENDLESS_LISTING: _refused_listing,
    Disturbance.EMPTY_LISTING: _no_proof_of_absence,
    Disturbance.SMALL_TOTAL: _whole_listing,
    Disturbance.LARGE_TOTAL: _refused_listing,
    Disturbance.OTHER_USER: _other_user,
    Disturbance.IGNORE_FILTER: _ignored_filter,
}
"""What is tried under each disturbance; parametrise a test over it and call `run_fault`."""


async def run_fault(what: Disturbance, adapter: object, injector: FaultInjector, world: World) -> CheckResult:
    """One disturbance on an opened adapter; skipped where the injector cannot make it."""
    return await judged(what.value, _tried(Disturbed(Bench(adapter, world), injector, what)))


async def run_faults(adapter: object, injector: FaultInjector, world: World) -> list[CheckResult]:
    """What the contract says of a disturbed connection, each disturbance under a prefix of its own."""
    results = []
    for number, what in enumerate(DISTURBED):
        own = World(f"{world.prefix}{number:02d}", world.entitlement_ids, world.wait, world.email_domain, world.many)
        results.append(await run_fault(what, adapter, injector, own))
    return results


async def _tried(disturbed: Disturbed) -> None:
    if disturbed.what not in disturbed.injector.supports:
        raise Missing("the connection cannot be disturbed in this way")
    await DISTURBED[disturbed.what](disturbed)
