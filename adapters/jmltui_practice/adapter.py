"""The practice adapter: one system of the embedded company, behaving as real ones do, faults included."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from jmltui.adapter_api import (
    Account,
    AccountState,
    AdapterError,
    AuthFailed,
    Cap,
    Capabilities,
    ContractBroken,
    Credential,
    Entitlement,
    Evidence,
    Grant,
    NotFound,
    Option,
    OptionType,
    OutcomeUnknown,
    Page,
    Query,
    RateLimited,
    Receipt,
    Session,
    Setup,
    Step,
    Support,
    Unavailable,
    Unsupported,
)

from .faults import FaultKind, due
from .profiles import PROFILES, SCALE
from .records import Records
from .scale import Scale
from .store import connect
from .writes import Writes

T = TypeVar("T")

_BEFORE: Final = (
    FaultKind.SLOW,
    FaultKind.DOWN,
    FaultKind.AUTH_REFUSED,
    FaultKind.RATE_LIMITED,
    FaultKind.FAILING_ONCE,
)


class PracticeAdapter:
    """One practice system."""

    kind: ClassVar[str] = "practice"
    EXERCISED_AGAINST: ClassVar[str] = "its own embedded systems; it is for practice and tests, not for real access"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("file", OptionType.PATH, "The file that holds the practice systems."),
        Option("system", OptionType.TEXT, "Which system of the file; empty: the one with this name.", ""),
        Option("profile", OptionType.TEXT, "What it can do; empty: as its name says.", "", choices=("", *PROFILES)),
        Option("accounts", OptionType.INTEGER, "A generated system of so many accounts, without a file.", 0),
        Option("grants_per_account", OptionType.INTEGER, "How many grants each generated account holds.", 10),
    )

    def __init__(self, setup: Setup) -> None:
        options = setup.options
        self.name = setup.name
        self._clock = setup.clock
        self._system = str(options.get("system") or setup.name)
        self._file = Path(str(options["file"])) if options.get("file") else None
        accounts = int(str(options.get("accounts") or 0))
        self._scale = Scale(accounts, int(str(options.get("grants_per_account") or 10))) if accounts else None
        profile = str(options.get("profile") or self._system)
        self._capabilities = SCALE if self._scale else PROFILES.get(profile, PROFILES["directory"]).capabilities
        self._link: sqlite3.Connection | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What this system can do and prove."""
        return self._capabilities

    async def open(self) -> None:
        """Open the file. Raises Unavailable."""
        if self._scale is not None or self._link is not None:
            return
        if self._file is None:
            raise Unavailable(f"{self.name} names no file; set `file` or `accounts` in the settings.", system=self.name)
        with self._told():
            self._link = connect(self._file)
        await self._faults()

    async def close(self) -> None:
        """Let go of the file."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    async def check(self) -> Mapping[str, str]:
        """Reachable, and how many accounts there are."""
        if self._scale is not None:
            return {"reachable": "yes", "accounts": str(self._scale.accounts)}
        await self._faults()
        with self._told():
            return {"reachable": "yes", "accounts": str(self._records.count("account"))}

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All accounts."""
        scale = self._scale
        if scale is not None:
            async for page in self._generated(query, scale, lambda number: [scale.account(number)]):
                yield page
            return
        async for found in self._pages("account", query, lambda last, size: self._records.accounts(last, size)):
            yield found

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All entitlements."""
        if self._scale is not None:
            yield Page(self._scale.entitlements())
            return
        async for page in self._pages("entitlement", query, lambda last, size: self._records.entitlements(last, size)):
            yield page

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All grants."""
        scale = self._scale
        if scale is not None:
            async for page in self._generated(query, scale, lambda number: scale.grants(number)):
                yield page
            return
        async for found in self._pages("held", query, lambda last, size: self._records.grants(last, size)):
            yield found

    async def read(self, account_id: str) -> Account:
        """One account. Raises NotFound, and ContractBroken when another one comes back."""
        if self._scale is not None:
            number = self._scale.number(account_id)
            if number is None:
                raise NotFound(f"{self.name} holds no account {account_id[:80]}.", system=self.name)
            return self._scale.account(number)
        await self._faults()
        with self._told():
            found = self._records.account(account_id)
            if due(self._open_link, self._system, (FaultKind.WRONG_USER,)) is not None:
                found = self._records.another(account_id)
        if found.id != account_id:
            raise ContractBroken(
                f"{self.name} was asked for account {account_id} and answered with {found.id}.", system=self.name
            )
        return found

    async def find(self, login: str) -> Account | None:
        """The account with this login, letter case aside."""
        if self._scale is not None:
            number = self._scale.number(login, "user")
            return None if number is None else self._scale.account(number)
        await self._faults()
        with self._told():
            return self._records.find(login)

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one account holds. Raises NotFound."""
        if self._scale is not None:
            number = self._scale.number(account_id)
            return [] if number is None else list(self._scale.grants(number))
        await self._faults()
        with self._told():
            return self._records.grants_of(account_id)

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the account exist. Raises Conflict when somebody else's has this login."""
        del key
        return await self._write(Cap.CREATE, lambda writes: writes.create(wanted))

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make `display` and `email` so. Raises Stale, Invalid."""
        return await self._write(Cap.UPDATE, lambda writes: writes.update(account_id, changes, if_version))

    async def enable(self, account_id: str) -> Receipt:
        """Make the account able to sign in."""
        return await self._set_state(Cap.ENABLE, account_id, AccountState.ACTIVE)

    async def disable(self, account_id: str) -> Receipt:
        """Make the account unable to sign in; its sessions stay, as they do on real systems."""
        return await self._set_state(Cap.DISABLE, account_id, AccountState.DISABLED)

    async def delete(self, account_id: str) -> Receipt:
        """Make the account not exist."""
        return await self._write(Cap.DELETE, lambda writes: writes.delete(account_id))

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the account hold the entitlement."""
        return await self._write(Cap.GRANT, lambda writes: writes.grant(account_id, entitlement_id, expires))

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the account not hold the entitlement."""
        return await self._write(Cap.REVOKE, lambda writes: writes.revoke_entitlement(account_id, entitlement_id))

    async def grant_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make all of them hold it."""
        return await self._many(
            Cap.GRANT, account_ids, lambda writes, account: writes.grant(account, entitlement_id, None)
        )

    async def revoke_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make none of them hold it."""
        return await self._many(
            Cap.REVOKE, account_ids, lambda writes, account: writes.revoke_entitlement(account, entitlement_id)
        )

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """Live sessions."""
        self._require(Cap.LIST_SESSIONS)
        await self._faults()
        with self._told():
            return self._records.sessions(account_id)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """End one or all."""
        return await self._write(Cap.END_SESSIONS, lambda writes: writes.end_sessions(account_id, session_id))

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Credentials, never their values."""
        self._require(Cap.LIST_CREDENTIALS)
        await self._faults()
        with self._told():
            return self._records.credentials(account_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Revoke one or all."""
        return await self._write(
            Cap.REVOKE_CREDENTIALS, lambda writes: writes.revoke_credential(account_id, credential_id)
        )

    async def transfer(self, account_id: str, to_account_id: str) -> Receipt:
        """Make mailbox and calendar belong to the other account."""
        return await self._write(Cap.TRANSFER, lambda writes: writes.transfer(account_id, to_account_id))

    async def wipe_device(self, account_id: str, device_id: str) -> Receipt:
        """Reset a phone of the account."""
        return await self._write(Cap.WIPE_DEVICE, lambda writes: writes.wipe_device(account_id, device_id))

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Whether the effect stands, by the proof that the system's profile allows."""
        support = self._require(step.cap)
        if self._scale is not None:
            raise Unsupported(f"{self.name} is generated and can only be listed.", system=self.name)
        await self._faults()
        with self._told():
            return self._records.evidence(step, support, self._clock())

    async def verify_many(self, steps: Sequence[Step]) -> Sequence[Evidence]:
        """Read many back."""
        return [await self.verify(step) for step in steps]

    # ---- pieces

    @property
    def _open_link(self) -> sqlite3.Connection:
        if self._link is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._link

    @property
    def _records(self) -> Records:
        return Records(self._open_link, self.name, self._system, self._clock)

    def _require(self, cap: Cap) -> Support:
        support = self._capabilities.get(cap)
        if support is None:
            raise Unsupported(f"{self.name} cannot {cap.value}.", system=self.name, operation=cap.value)
        return support

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A trouble of the file becomes an error of the contract."""
        try:
            yield
        except sqlite3.Error as error:
            raise Unavailable(
                f"The practice file {self._file} cannot be used: {error}. `jmltui demo` writes a new one.",
                system=self.name,
            ) from None

    async def _faults(self) -> None:
        """What was asked to go wrong before a call does anything."""
        with self._told():
            fault = due(self._open_link, self._system, _BEFORE)
        if fault is None:
            return
        if fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
        elif fault.kind is FaultKind.RATE_LIMITED:
            wait = timedelta(seconds=fault.seconds or 1)
            raise RateLimited(f"{self.name} asks to wait.", retry_after=wait, system=self.name, code="429")
        elif fault.kind is FaultKind.AUTH_REFUSED:
            raise AuthFailed(f"{self.name} refuses our credential.", system=self.name, code="401")
        else:
            raise Unavailable(f"{self.name} does not answer.", system=self.name)

    async def _set_state(self, cap: Cap, account_id: str, state: AccountState) -> Receipt:
        support = self._require(cap)
        return await self._write(cap, lambda writes: writes.set_state(account_id, state, support.settle))

    async def _write(self, cap: Cap, work: Callable[[Writes], T]) -> T:
        """One write: faults, then the work in a short transaction, or nothing when the system lies."""
        self._require(cap)
        await self._faults()
        with self._told():
            lying = due(self._open_link, self._system, (FaultKind.LYING,)) is not None
            answer = Writes(self._records, self._clock()).run(work, keep=not lying)
            lost = due(self._open_link, self._system, (FaultKind.LOST_ANSWER,)) is not None
        if lost:
            raise OutcomeUnknown(f"{self.name} took the change and its answer was lost.", system=self.name)
        return answer

    async def _many(
        self, cap: Cap, account_ids: Sequence[str], work: Callable[[Writes, str], Receipt]
    ) -> Mapping[str, Receipt | Exception]:
        def each(writes: Writes) -> dict[str, Receipt | Exception]:
            answers: dict[str, Receipt | Exception] = {}
            for account_id in dict.fromkeys(account_ids):
                try:
                    answers[account_id] = work(writes, account_id)
                except AdapterError as error:
                    answers[account_id] = error
            return answers

        return await self._write(cap, each)

    async def _pages(
        self, table: str, query: Query, part: Callable[[str, int], tuple[Sequence[T], str]]
    ) -> AsyncIterator[Page[T]]:
        """Pages in the order of ids; the cursor is the last one. Raises ContractBroken when it ends short."""
        await self._faults()
        with self._told():
            truncated = due(self._open_link, self._system, (FaultKind.TRUNCATED,)) is not None
            total = self._records.count(table)
        last, seen, size = query.cursor or "", 0, max(1, query.page_size)
        while True:
            with self._told():
                items, end = part(last, size)
            seen += len(items)
            if truncated and items:
                raise ContractBroken(
                    f"{self.name} announced {total} and listed only {seen - 1}; nothing of it is used.",
                    system=self.name,
                )
            cursor = end if len(items) == size else None
            yield Page(items, cursor=cursor, expected_total=total)
            if cursor is None:
                return
            last = cursor

    async def _generated(
        self, query: Query, scale: Scale, make: Callable[[int], Sequence[T] | Iterator[T]]
    ) -> AsyncIterator[Page[T]]:
        """Pages of generated things; the cursor is the number of the next account."""
        start, size = int(query.cursor or 0), max(1, query.page_size)
        while True:
            end = min(start + size, scale.accounts)
            items = [item for number in range(start, end) for item in make(number)]
            yield Page(items, cursor=str(end) if end < scale.accounts else None)
            if end >= scale.accounts:
                return
            start = end
