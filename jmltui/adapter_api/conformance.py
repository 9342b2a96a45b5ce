"""The conformance suite: any adapter, ours or a stranger's, is held against a live system it may change.

`run(adapter, world)` gives one result per check. Each check makes what it needs, under logins that begin with
`world.prefix`, and leaves the accounts that it made behind, disabled or deleted where the system offers that.
`run_faults(adapter, injector, world)` needs a connection that the caller can disturb.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final, Protocol, TypeVar, cast

from jmltui.domain.access import Account, Grant
from jmltui.domain.access import AccountState as State
from jmltui.domain.operation import Cap, Proof

from .errors import AdapterError, Conflict, ContractBroken, Invalid, NotFound, OutcomeUnknown, Unavailable, Unsupported
from .protocol import (
    AccountWriter,
    Adapter,
    CredentialControl,
    GrantWriter,
    Outcome,
    Page,
    Query,
    Reader,
    Receipt,
    SessionControl,
    Step,
    Verdict,
    Verifier,
)

T = TypeVar("T")

HOSTILE_LOGINS: Final = (
    '{}a" or active eq true or x eq "',
    "{}*)(uid=*))(|(uid=*",
    '{}Smith, John+x="y"<#;>',
    "{}a'; DROP TABLE account; --",
    "{}a\\",
    "{}%25_%",
)
UNICODE_NAMES: Final = ("Zoë Łukasz", "王 美咲", "محمد كהן", "Дмитро Шевченко", "அருண் प्रिया")


class Result(StrEnum):
    """How a check ended; `skipped` means that the system does not offer what it is about."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: its name, how it ended, and one sentence when it did not pass."""

    name: str
    result: Result
    told: str = ""


@dataclass(frozen=True)
class World:
    """The live system that is used up. `entitlement_ids` may be granted and revoked freely (two or more are best).

    `wait` lets a settle time pass; tests with a clock of their own move that instead.
    """

    prefix: str
    entitlement_ids: Sequence[str] = ()
    wait: Callable[[timedelta], Awaitable[None]] = field(default=lambda by: asyncio.sleep(by.total_seconds()))
    email_domain: str = "example.test"
    many: int = 20


class Disturbance(StrEnum):
    """What a connection can be made to do with the answers of the system."""

    LOSE_WRITE_ANSWER = "lose the answer to the next write"
    REFUSE = "refuse connections"
    SHORT_LISTING = "leave items of the next listing out, but not of its count"
    ENDLESS_LISTING = "answer every page of the next listing with the first one"
    OTHER_USER = "answer the next read with somebody else"
    IGNORE_FILTER = "answer the next search with everybody"


class FaultInjector(Protocol):
    """What stands between the adapter and its system. `supports` says which disturbances it can make."""

    supports: frozenset[Disturbance]

    async def disturb(self, what: Disturbance) -> None:
        """From now on, once for a `next` one, until `calm`."""

    async def calm(self) -> None:
        """Let everything pass again."""


class Missing(Exception):
    """The check does not apply; the message says what the system does not offer."""


class Broken(Exception):
    """The adapter breaks the contract; the message says how."""


Check = Callable[["Bench"], Awaitable[None]]


class Bench:
    """One adapter on the bench: what the checks work with."""

    def __init__(self, adapter: object, world: World) -> None:
        self.adapter = cast("Adapter", adapter)
        self.reader = cast("Reader", adapter)
        self.accounts = cast("AccountWriter", adapter)
        self.grants = cast("GrantWriter", adapter)
        self.verifier = cast("Verifier", adapter)
        self.world = world
        self.made = 0

    def needs(self, *caps: Cap) -> None:
        """Skip the check where the system does not offer one of these. Raises Missing."""
        for cap in caps:
            if cap not in self.adapter.capabilities():
                raise Missing(f"the system does not offer {cap.value}")

    def entitlement(self, number: int = 0) -> str:
        """One of the entitlements that may be used. Raises Missing."""
        if number >= len(self.world.entitlement_ids):
            raise Missing("no entitlement was given to use")
        return self.world.entitlement_ids[number]

    def wanted(self, login: str = "", display: str = "") -> Account:
        """An account nobody has yet."""
        self.made += 1
        name = login or f"{self.world.prefix}{self.made:04d}"
        email = f"{self.world.prefix}{self.made:04d}@{self.world.email_domain}"
        return Account("", name, State.ACTIVE, (email,), f"K-{self.world.prefix}{self.made}", display or name)

    async def account(self) -> Account:
        """A fresh account."""
        made, _ = await self.accounts.create(self.wanted(), key=f"key-{self.world.prefix}{self.made}")
        return made

    async def settled(self, cap: Cap) -> None:
        """After the settle time that the system announces."""
        settle = self.adapter.capabilities()[cap].settle
        if settle:
            await self.world.wait(settle)

    async def twice(self, cap: Cap, write: Callable[[], Awaitable[Receipt]], step: Step) -> None:
        """Verify says no, then CHANGED, verify says yes, then ALREADY, and still yes. Raises Broken."""
        blind = self.adapter.capabilities()[cap].proof is Proof.NONE
        await self.says(step, Verdict.UNVERIFIABLE if blind else Verdict.CONTRADICTED, "before it was done")
        first = await write()
        expect(first.outcome in (Outcome.CHANGED, Outcome.PENDING), f"the first {cap.value} said {first.outcome.value}")
        await self.settled(cap)
        await self.says(step, Verdict.UNVERIFIABLE if blind else Verdict.CONFIRMED, "after it was done")
        second = await write()
        expect(second.outcome is Outcome.ALREADY, f"the second {cap.value} said {second.outcome.value}, not already")
        await self.says(step, Verdict.UNVERIFIABLE if blind else Verdict.CONFIRMED, "after it was asked twice")

    async def says(self, step: Step, verdict: Verdict, when: str) -> None:
        """Verify gives this verdict. Raises Broken."""
        found = await self.verifier.verify(step)
        told = f"verify of {step.cap.value} {when} said {found.verdict.value}, not {verdict.value}"
        expect(found.verdict is verdict, told)


def expect(fact: bool, told: str) -> None:
    """Raise Broken unless it is so."""
    if not fact:
        raise Broken(told)


async def refuses(
    kind: type[AdapterError] | tuple[type[AdapterError], ...], call: Awaitable[object], what: str
) -> None:
    """The call raises one of these errors. Raises Broken."""
    try:
        await call
    except kind:
        return
    except AdapterError as error:
        raise Broken(f"{what} raised {type(error).__name__}: {error.message}") from None
    raise Broken(f"{what} raised nothing")


async def collected(pages: AsyncIterator[Page[T]]) -> list[T]:
    """All items of a listing."""
    return [item async for page in pages for item in page.items]


async def create_twice(bench: Bench) -> None:
    """A create asked twice makes one account."""
    bench.needs(Cap.CREATE)
    wanted = bench.wanted()
    first, receipt = await bench.accounts.create(wanted, key="one")
    expect(receipt.outcome in (Outcome.CHANGED, Outcome.PENDING), f"the create said {receipt.outcome.value}")
    second, again = await bench.accounts.create(wanted, key="one")
    expect(again.outcome is Outcome.ALREADY, f"the second create said {again.outcome.value}")
    expect(first.id == second.id, "the second create made another account")
    read = await bench.reader.read(first.id)
    expect(read.login.casefold() == wanted.login.casefold(), f"asked for {wanted.login}, made {read.login}")
    expect(read.external_id == wanted.external_id, "the external id was not kept")


async def create_is_verified(bench: Bench) -> None:
    """A create is proved by login alone, as after a lost answer."""
    bench.needs(Cap.CREATE)
    wanted = bench.wanted()
    step = Step(Cap.CREATE, "", login=wanted.login, wanted={"external_id": wanted.external_id or ""})
    blind = bench.adapter.capabilities()[Cap.CREATE].proof is Proof.NONE
    await bench.says(step, Verdict.UNVERIFIABLE if blind else Verdict.CONTRADICTED, "before it was done")
    await bench.accounts.create(wanted, key="two")
    await bench.settled(Cap.CREATE)
    await bench.says(step, Verdict.UNVERIFIABLE if blind else Verdict.CONFIRMED, "after it was done")


async def conflicts(bench: Bench) -> None:
    """Somebody else's login is a Conflict, never taken over."""
    bench.needs(Cap.CREATE)
    account = await bench.account()
    other = Account("", account.login, State.ACTIVE, external_id="K-somebody-else")
    await refuses(Conflict, bench.accounts.create(other, key="three"), "creating somebody else's login")


async def disable_and_enable_twice(bench: Bench) -> None:
    """Disable and enable, each asked twice, each read back."""
    bench.needs(Cap.CREATE, Cap.DISABLE, Cap.ENABLE)
    account = await bench.account()
    step = Step(Cap.DISABLE, account.id, login=account.login)
    await bench.twice(Cap.DISABLE, lambda: bench.accounts.disable(account.id), step)
    expect((await bench.reader.read(account.id)).state is State.DISABLED, "a disabled account reads as another state")
    step = Step(Cap.ENABLE, account.id, login=account.login)
    await bench.twice(Cap.ENABLE, lambda: bench.accounts.enable(account.id), step)
    expect((await bench.reader.read(account.id)).state is State.ACTIVE, "an enabled account reads as another state")


async def grant_and_revoke_twice(bench: Bench) -> None:
    """Grant and revoke, each asked twice, each read back."""
    bench.needs(Cap.CREATE, Cap.GRANT, Cap.REVOKE)
    account, held = await bench.account(), bench.entitlement()
    step = Step(Cap.GRANT, account.id, held, login=account.login)
    await bench.twice(Cap.GRANT, lambda: bench.grants.grant(account.id, held), step)
    found = [grant.entitlement_id for grant in await bench.reader.grants_of(account.id)]
    expect(found == [held], f"the account holds {found} after one grant")
    step = Step(Cap.REVOKE, account.id, held, login=account.login)
    await bench.twice(Cap.REVOKE, lambda: bench.grants.revoke(account.id, held), step)
    expect(not await bench.reader.grants_of(account.id), "the account still holds something after the revoke")


async def delete_twice(bench: Bench) -> None:
    """Delete, asked twice, then not there."""
    bench.needs(Cap.CREATE, Cap.DELETE)
    account = await bench.account()
    step = Step(Cap.DELETE, account.id, login=account.login)
    await bench.twice(Cap.DELETE, lambda: bench.accounts.delete(account.id), step)
    await refuses(NotFound, bench.reader.read(account.id), "reading a deleted account")
    expect(await bench.reader.find(account.login) is None, "a deleted account was found")


async def find_is_exact(bench: Bench) -> None:
    """Neither a part of a login, nor a pattern, nor one that nobody has finds anybody."""
    bench.needs(Cap.CREATE, Cap.FIND)
    account = await bench.account()
    found = await bench.reader.find(account.login)
    expect(found is not None and found.id == account.id, "the exact login was not found")
    for other in (account.login[:-1], f"{account.login}x", f"{account.login[:-1]}*", "*", "%", f"{account.login} "):
        hit = await bench.reader.find(other)
        expect(hit is None or hit.login.casefold() == other.casefold(), f"“{other}” found {hit.login if hit else ''}")
    hit = await bench.reader.find(account.login.upper())
    expect(hit is None or hit.id == account.id, "the login in capitals found somebody else")


async def unknown_is_not_found(bench: Bench) -> None:
    """What nobody has is NotFound in every call."""
    unknown = f"{bench.world.prefix}-no-such-id"
    await refuses(NotFound, bench.reader.read(unknown), "reading an unknown id")
    if Cap.DISABLE in bench.adapter.capabilities():
        await refuses(NotFound, bench.accounts.disable(unknown), "disabling an unknown id")
    if {Cap.GRANT, Cap.CREATE} <= bench.adapter.capabilities().keys():
        account = await bench.account()
        await refuses(NotFound, bench.grants.grant(account.id, unknown), "granting an unknown entitlement")


async def page_sizes_agree(bench: Bench) -> None:
    """Listings by one, two and many are the same, without doubles."""
    bench.needs(Cap.LIST_ACCOUNTS)
    if Cap.CREATE in bench.adapter.capabilities():
        for _ in range(3):
            await bench.account()
    sizes: Mapping[int, list[str]] = {
        size: [a.id for a in await collected(bench.reader.accounts(Query(page_size=size)))] for size in (1, 2, 500)
    }
    for size, ids in sizes.items():
        expect(len(ids) == len(set(ids)), f"page size {size} lists accounts twice")
        expect(set(ids) == set(sizes[500]), f"page size {size} lists {len(ids)} accounts, 500 lists {len(sizes[500])}")


async def cursor_resumes(bench: Bench) -> None:
    """A listing taken up at a cursor gives the rest."""
    bench.needs(Cap.LIST_ACCOUNTS, Cap.CREATE)
    for _ in range(3):
        await bench.account()
    whole, before, cursor = await collected(bench.reader.accounts(Query())), list[Account](), None
    async for page in bench.reader.accounts(Query(page_size=2)):
        before += page.items
        cursor = page.cursor
        break
    if cursor is None:
        raise Missing("the system gives no cursor to resume from")
    rest = await collected(bench.reader.accounts(Query(page_size=2, cursor=cursor)))
    expect({a.id for a in [*before, *rest]} == {a.id for a in whole}, "the resumed listing is not the whole")
    expect(len(rest) < len(whole), "the cursor was ignored: the listing began again")


async def hostile_logins(bench: Bench) -> None:
    """Logins that look like filters or commands are literals: kept as they are, or refused as Invalid."""
    bench.needs(Cap.CREATE, Cap.FIND)
    await bench.account()
    for pattern in HOSTILE_LOGINS:
        login = pattern.format(bench.world.prefix)
        expect(await bench.reader.find(login) is None, f"“{login}” found somebody")
        try:
            made, _ = await bench.accounts.create(bench.wanted(login), key=login)
        except Invalid:
            continue
        found = await bench.reader.find(login)
        expect(found is not None and found.id == made.id, f"“{login}” was made and not found")


async def unicode_names(bench: Bench) -> None:
    """Names of many scripts come back as they were written."""
    bench.needs(Cap.CREATE)
    for name in UNICODE_NAMES:
        made, _ = await bench.accounts.create(bench.wanted(display=name), key=name)
        read = await bench.reader.read(made.id)
        expect(read.display == name, f"“{name}” came back as “{read.display}”")


async def one_group_many_members(bench: Bench) -> None:
    """A group with many members lists each once, and losing one keeps the others."""
    bench.needs(Cap.CREATE, Cap.GRANT, Cap.REVOKE, Cap.LIST_GRANTS)
    held = bench.entitlement()
    ids = [(await bench.account()).id for _ in range(bench.world.many)]
    for account_id in ids:
        await bench.grants.grant(account_id, held)
    listed = await _members(bench, held)
    expect(len(listed) == len(set(listed)), "the listing of grants has doubles")
    expect(set(ids) <= set(listed), f"{len(set(ids) - set(listed))} of {len(ids)} members are not listed")
    await bench.grants.revoke(ids[0], held)
    expect(set(ids) & set(await _members(bench, held)) == set(ids[1:]), "one revoke changed other members")


async def _members(bench: Bench, held: str) -> list[str]:
    grants: list[Grant] = await collected(bench.reader.grants(Query(page_size=7)))
    return [grant.account_id for grant in grants if grant.entitlement_id == held]


async def one_account_many_groups(bench: Bench) -> None:
    """An account holds all that was granted, and loses what was revoked."""
    bench.needs(Cap.CREATE, Cap.GRANT, Cap.REVOKE)
    bench.entitlement(1)
    account, ids = await bench.account(), list(bench.world.entitlement_ids)
    for held in ids:
        await bench.grants.grant(account.id, held)
    expect({g.entitlement_id for g in await bench.reader.grants_of(account.id)} == set(ids), "not all grants are there")
    await bench.grants.revoke(account.id, ids[0])
    rest = {g.entitlement_id for g in await bench.reader.grants_of(account.id)}
    expect(rest == set(ids[1:]), "one revoke changed other grants")


async def sessions_end(bench: Bench) -> None:
    """Ending the sessions of an account without one is ALREADY."""
    bench.needs(Cap.CREATE, Cap.LIST_SESSIONS, Cap.END_SESSIONS)
    account, control = await bench.account(), cast("SessionControl", bench.adapter)
    expect(not await control.sessions(account.id), "a fresh account has live sessions")
    receipt = await control.end_sessions(account.id)
    expect(receipt.outcome is Outcome.ALREADY, f"ending no session said {receipt.outcome.value}")


async def capabilities_are_honest(bench: Bench) -> None:
    """What is not claimed raises Unsupported, or is not there at all."""
    claimed, unknown = bench.adapter.capabilities(), f"{bench.world.prefix}-no-such-id"
    calls: Mapping[Cap, Callable[[], Awaitable[object]]] = {
        Cap.CREATE: lambda: bench.accounts.create(bench.wanted(), key="four"),
        Cap.ENABLE: lambda: bench.accounts.enable(unknown),
        Cap.DISABLE: lambda: bench.accounts.disable(unknown),
        Cap.DELETE: lambda: bench.accounts.delete(unknown),
        Cap.GRANT: lambda: bench.grants.grant(unknown, unknown),
        Cap.REVOKE: lambda: bench.grants.revoke(unknown, unknown),
        Cap.LIST_SESSIONS: lambda: cast("SessionControl", bench.adapter).sessions(unknown),
        Cap.END_SESSIONS: lambda: cast("SessionControl", bench.adapter).end_sessions(unknown),
        Cap.LIST_CREDENTIALS: lambda: cast("CredentialControl", bench.adapter).credentials(unknown),
        Cap.REVOKE_CREDENTIALS: lambda: cast("CredentialControl", bench.adapter).revoke_credential(unknown),
    }
    for cap, call in calls.items():
        name = _METHODS[cap]
        if cap in claimed:
            expect(hasattr(bench.adapter, name), f"{cap.value} is claimed, and there is no {name}")
        elif hasattr(bench.adapter, name):
            await refuses(Unsupported, call(), f"{cap.value}, which is not claimed,")


_METHODS: Final[Mapping[Cap, str]] = {
    Cap.CREATE: "create",
    Cap.ENABLE: "enable",
    Cap.DISABLE: "disable",
    Cap.DELETE: "delete",
    Cap.GRANT: "grant",
    Cap.REVOKE: "revoke",
    Cap.LIST_SESSIONS: "sessions",
    Cap.END_SESSIONS: "end_sessions",
    Cap.LIST_CREDENTIALS: "credentials",
    Cap.REVOKE_CREDENTIALS: "revoke_credential",
}

CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: check
    for check in (
        create_twice,
        create_is_verified,
        conflicts,
        disable_and_enable_twice,
        grant_and_revoke_twice,
        delete_twice,
        find_is_exact,
        unknown_is_not_found,
        page_sizes_agree,
        cursor_resumes,
        hostile_logins,
        unicode_names,
        one_group_many_members,
        one_account_many_groups,
        sessions_end,
        capabilities_are_honest,
    )
}
"""Every check by name; parametrise a test over it and call `run_check`."""


async def run_check(name: str, adapter: object, world: World) -> CheckResult:
    """One check on an opened adapter."""
    return await _judged(name, CHECKS[name](Bench(adapter, world)))


async def run(adapter: object, world: World) -> list[CheckResult]:
    """All checks on an opened adapter, each under a prefix of its own."""
    results = []
    for number, name in enumerate(CHECKS):
        own = World(f"{world.prefix}{number:02d}", world.entitlement_ids, world.wait, world.email_domain, world.many)
        results.append(await run_check(name, adapter, own))
    return results


async def run_faults(adapter: object, injector: FaultInjector, world: World) -> list[CheckResult]:
    """What the contract says of a disturbed connection; skipped where the injector cannot make the disturbance."""
    bench = Bench(adapter, world)
    account = await bench.account()
    other = await bench.account()
    results = []
    for what, work in _under_faults(bench, account, other).items():
        results.append(await _judged(what.value, _disturbed(injector, what, work)))
    return results


def _under_faults(bench: Bench, account: Account, other: Account) -> dict[Disturbance, Callable[[], Awaitable[None]]]:
    async def ignored_filter() -> None:
        found = await bench.reader.find(account.login)
        expect(found is not None and found.id == account.id, "an ignored filter hid the right account")

    def listing() -> Awaitable[object]:
        return collected(bench.reader.accounts(Query(page_size=1)))

    return {
        Disturbance.LOSE_WRITE_ANSWER: lambda: refuses(
            OutcomeUnknown, bench.accounts.disable(other.id), "a write whose answer was lost"
        ),
        Disturbance.REFUSE: lambda: refuses(Unavailable, bench.reader.read(account.id), "a refused connection"),
        Disturbance.SHORT_LISTING: lambda: refuses(ContractBroken, listing(), "a listing that ends short"),
        Disturbance.ENDLESS_LISTING: lambda: refuses(ContractBroken, listing(), "a listing that never ends"),
        Disturbance.OTHER_USER: lambda: refuses(
            ContractBroken, bench.reader.read(account.id), "somebody else's account"
        ),
        Disturbance.IGNORE_FILTER: ignored_filter,
    }


async def _disturbed(injector: FaultInjector, what: Disturbance, work: Callable[[], Awaitable[None]]) -> None:
    if what not in injector.supports:
        raise Missing("the connection cannot be disturbed in this way")
    await injector.disturb(what)
    try:
        await work()
    finally:
        await injector.calm()


async def _judged(name: str, check: Awaitable[None]) -> CheckResult:
    try:
        await check
    except Missing as reason:
        return CheckResult(name, Result.SKIPPED, str(reason))
    except Broken as reason:
        return CheckResult(name, Result.FAILED, str(reason))
    except AdapterError as error:
        return CheckResult(name, Result.FAILED, f"{type(error).__name__}: {error.message}")
    return CheckResult(name, Result.PASSED)
