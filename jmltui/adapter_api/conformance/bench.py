"""What every check works with: the bench, the world that may be used up, and how a check ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar, cast

from jmltui.adapter_api.errors import AdapterError
from jmltui.adapter_api.protocol import (
    AccountWriter,
    Adapter,
    BulkGrantWriter,
    CredentialControl,
    DeviceControl,
    GrantWriter,
    Outcome,
    OwnershipTransfer,
    Page,
    Reader,
    Receipt,
    SessionControl,
    Step,
    Verdict,
    Verifier,
)
from jmltui.domain.access import Account
from jmltui.domain.access import AccountState as State
from jmltui.domain.operation import Cap, Proof

T = TypeVar("T")


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

    `wait` lets a settle time pass; tests with a clock of their own move that instead. `with_credentials` is an account
    whose credentials may be revoked. `own` lets an account own something, `carry` gives it a device and tells its id.
    """

    prefix: str
    entitlement_ids: Sequence[str] = ()
    wait: Callable[[timedelta], Awaitable[None]] = field(default=lambda by: asyncio.sleep(by.total_seconds()))
    email_domain: str = "example.test"
    many: int = 20
    with_credentials: str = ""
    own: Callable[[str], Awaitable[None]] | None = None
    carry: Callable[[str], Awaitable[str]] | None = None


class Missing(Exception):
    """The check does not apply; the message says what the system does not offer."""


class Broken(Exception):
    """The adapter breaks the contract; the message says how."""


class Bench:
    """One adapter on the bench: what the checks work with."""

    def __init__(self, adapter: object, world: World) -> None:
        self.adapter = cast("Adapter", adapter)
        self.reader = cast("Reader", adapter)
        self.accounts = cast("AccountWriter", adapter)
        self.grants = cast("GrantWriter", adapter)
        self.bulk = cast("BulkGrantWriter", adapter)
        self.session_control = cast("SessionControl", adapter)
        self.credential_control = cast("CredentialControl", adapter)
        self.owners = cast("OwnershipTransfer", adapter)
        self.devices = cast("DeviceControl", adapter)
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

    def blind(self, cap: Cap) -> bool:
        """Whether the system offers no proof of this."""
        return self.adapter.capabilities()[cap].proof is Proof.NONE

    async def settled(self, cap: Cap) -> None:
        """After the settle time that the system announces."""
        settle = self.adapter.capabilities()[cap].settle
        if settle:
            await self.world.wait(settle)

    async def twice(self, cap: Cap, write: Callable[[], Awaitable[Receipt]], step: Step) -> None:
        """Verify says no, then CHANGED, verify says yes, then ALREADY, and still yes. Raises Broken."""
        blind = self.blind(cap)
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


async def judged(name: str, check: Awaitable[None]) -> CheckResult:
    """How a check ended."""
    try:
        await check
    except Missing as reason:
        return CheckResult(name, Result.SKIPPED, str(reason))
    except Broken as reason:
        return CheckResult(name, Result.FAILED, str(reason))
    except AdapterError as error:
        return CheckResult(name, Result.FAILED, f"{type(error).__name__}: {error.message}")
    return CheckResult(name, Result.PASSED)
