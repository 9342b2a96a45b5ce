"""Carrying claimed actions out: read the target again, call the adapter, read it back. Never blindly twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from jmltui.adapter_api import (
    Account,
    AccountState,
    AccountWriter,
    Adapter,
    AdapterError,
    AuthFailed,
    BulkGrantWriter,
    Cap,
    ContractBroken,
    CredentialControl,
    DeviceControl,
    Evidence,
    GrantWriter,
    NotFound,
    OutcomeUnknown,
    OwnershipTransfer,
    RateLimited,
    Reader,
    Receipt,
    SessionControl,
    Stale,
    Step,
    Unavailable,
    Unsupported,
    Untrusted,
    Verdict,
    Verifier,
)
from jmltui.cache.actions import LONGEST_BACK_OFF, MAX_ATTEMPTS, MAX_CHECKS, Claimed, Result
from jmltui.domain.case import ActionEvent
from jmltui.domain.guards import Protected

TAKING: Final = frozenset(
    {Cap.DISABLE, Cap.DELETE, Cap.REVOKE, Cap.END_SESSIONS, Cap.REVOKE_CREDENTIALS, Cap.WIPE_DEVICE}
)
"""What is done already where the account is gone."""

REMOVALS: Final = TAKING | {Cap.TRANSFER}
"""What the guards are asked about."""

BY_AND_BY: Final = frozenset({Cap.TRANSFER, Cap.WIPE_DEVICE})
"""What a system may be at for days: a device has to be reached first."""

LONGEST_WAIT_BY_AND_BY: Final = timedelta(hours=2)
MAX_CHECKS_BY_AND_BY: Final = 48
"""About three days."""

STOPPING: Final = (AuthFailed, Untrusted)
PATIENT: Final = frozenset(
    kind.__name__ for kind in (Unavailable, RateLimited, OutcomeUnknown, TimeoutError, *STOPPING)
)
"""What a read-back waits out however long it takes; anything else is given to a person after some looks."""


class Executor:
    """Carries out actions of one system. `spread` gives a number in [0, 1) for the jitter of back-off."""

    def __init__(
        self,
        adapter: Adapter,
        protected: Protected,
        deadline: timedelta,
        clock: Callable[[], datetime],
        spread: Callable[[], float],
    ) -> None:
        self._adapter = adapter
        self._protected = protected
        self._deadline = deadline.total_seconds()
        self._clock = clock
        self._spread = spread

    async def write(self, claimed: Sequence[Claimed]) -> list[Result]:
        """Carry out one action, or many of the same kind on one entitlement by one call."""
        first = claimed[0]
        bulk = isinstance(self._adapter, BulkGrantWriter) and first.operation in (Cap.GRANT, Cap.REVOKE)
        refused = [r for c in claimed if (r := self._refusal(c)) is not None]
        going = [c for c in claimed if self._refusal(c) is None]
        if not going:
            return refused
        try:
            async with asyncio.timeout(self._deadline):
                if bulk and len(going) > 1:
                    return refused + await self._write_many(going)
                return refused + [await self._write_one(c) for c in going[:1]] + await self._rest(going[1:])
        except TimeoutError:
            lost = OutcomeUnknown(f"{first.system} did not answer within {self._deadline:g} seconds.")
            return refused + [self._failed(c, lost) for c in going]
        except AdapterError as error:
            return refused + [self._failed(c, error) for c in going]

    async def _rest(self, claimed: Sequence[Claimed]) -> list[Result]:
        return [result for c in claimed for result in await self.write([c])]

    async def check(self, claimed: Sequence[Claimed]) -> list[Result]:
        """Read actions back."""
        try:
            async with asyncio.timeout(self._deadline):
                many = len(claimed) > 1 and isinstance(self._adapter, BulkGrantWriter)
                steps = [_step(c) for c in claimed]
                if many and all(c.operation in (Cap.GRANT, Cap.REVOKE) for c in claimed):
                    evidence: Sequence[Evidence] = await cast("BulkGrantWriter", self._adapter).verify_many(steps)
                else:
                    evidence = [await cast("Verifier", self._adapter).verify(step) for step in steps]
                return [await self._judged(c, e) for c, e in zip(claimed, evidence, strict=True)]
        except (AdapterError, TimeoutError) as error:
            told = error.message if isinstance(error, AdapterError) else "no answer came in time"
            return [self._check_later(c, f"it could not be read back: {told}", type(error).__name__) for c in claimed]

    # ---- writing

    def _refusal(self, c: Claimed) -> Result | None:
        """The guards are asked again here, whatever the screen let through; and nothing is done to no account."""
        if not c.account_id and c.operation is not Cap.CREATE:
            return Result(c, (ActionEvent.BLOCK,), "the account was never created; settle that step first", "NotFound")
        if c.operation not in REMOVALS:
            return None
        pattern = self._protected.account(c.login)
        if pattern is None and c.operation is Cap.REVOKE:
            pattern = self._protected.group(c.target.partition(":")[2])
        if pattern is not None:
            return Result(c, (ActionEvent.BLOCK,), f"protected by the guard pattern {pattern}", "Guard")
        if self._protected.never_self and c.requested_by.casefold() == c.login.casefold():
            return Result(c, (ActionEvent.BLOCK,), "nobody takes their own access away; ask a colleague", "Guard")
        return None

    async def _write_one(self, c: Claimed) -> Result:
        before = await self._before(c)
        if isinstance(before, Result):
            return before
        receipt, account_id = await self._call(c)
        events = (ActionEvent.APPLY, ActionEvent.CHECK)
        told = {**({"state": before.state.value, "login": before.login} if before else {}), **receipt.before}
        outcome = f"{receipt.outcome.value}; to be read back"
        return Result(c, events, outcome, before=told, after=receipt.after, account_id=account_id)

    async def _write_many(self, claimed: Sequence[Claimed]) -> list[Result]:
        writer = cast("BulkGrantWriter", self._adapter)
        ids = [c.account_id for c in claimed]
        call = writer.grant_many if claimed[0].operation is Cap.GRANT else writer.revoke_many
        answers = await call(claimed[0].entitlement_id, ids)
        results = []
        for c in claimed:
            told = answers[c.account_id]
            if isinstance(told, AdapterError):
                results.append(self._failed(c, told))
            elif isinstance(told, Receipt):
                events = (ActionEvent.APPLY, ActionEvent.CHECK)
                outcome = f"{told.outcome.value}; to be read back"
                results.append(Result(c, events, outcome, before=told.before, after=told.after))
        return results

    async def _before(self, c: Claimed) -> Account | Result | None:
        """The target as it is now; a Result when it is not what the plan was made for."""
        if not c.account_id or c.operation in (Cap.GRANT, Cap.REVOKE):
            return None
        reader = cast("Reader", self._adapter)
        try:
            now = await reader.read(c.account_id)
        except NotFound:
            if c.operation in TAKING:
                return Result(c, (ActionEvent.APPLY, ActionEvent.CHECK), "already gone; to be read back")
            gone = Account(c.account_id, c.login, AccountState.DELETED)
            return Result(
                c, (ActionEvent.BLOCK,), "the account is not there any more; plan again", "NotFound", met=gone
            )
        if c.expects and now.login != c.expects.get("login", now.login):
            was = c.expects["login"]
            told = f"the account is called {now.login} now, not {was}; look whose it is, then plan again"
            return Result(c, (ActionEvent.BLOCK,), told, "Stale", met=now)
        return await self._target_changed(c, reader) or now

    async def _target_changed(self, c: Claimed, reader: Reader) -> Result | None:
        """A device that somebody else has by now is not wiped, and nothing is handed to another than was planned."""
        told = ""
        if c.operation is Cap.WIPE_DEVICE:
            if c.entitlement_id not in {grant.entitlement_id for grant in await reader.grants_of(c.account_id)}:
                told = f"{c.login} does not have this device any more; look who has it, then sync and plan again"
        elif c.operation is Cap.TRANSFER:
            try:
                to = await reader.read(c.entitlement_id)
            except NotFound:
                told = f"the account that was to get it, {c.expects.get('to', '')}, is not there any more; plan again"
            else:
                if to.login != c.expects.get("to", to.login):
                    told = f"the account that was to get it is called {to.login} now; look whose it is, then plan again"
                elif to.state in (AccountState.DISABLED, AccountState.DELETED):
                    told = f"the account that was to get it, {to.login}, is {to.state.value}; name somebody else"
        return Result(c, (ActionEvent.BLOCK,), told, "Stale") if told else None

    async def _call(self, c: Claimed) -> tuple[Receipt, str]:
        accounts = cast("AccountWriter", self._adapter)
        match c.operation:
            case Cap.CREATE:
                made, receipt = await accounts.create(_wanted(c.wanted), key=c.idem_key)
                return receipt, made.id
            case Cap.ENABLE:
                return await accounts.enable(c.account_id), ""
            case Cap.DISABLE:
                return await accounts.disable(c.account_id), ""
            case Cap.DELETE:
                return await accounts.delete(c.account_id), ""
            case Cap.GRANT:
                return await cast("GrantWriter", self._adapter).grant(c.account_id, c.entitlement_id), ""
            case Cap.REVOKE:
                return await cast("GrantWriter", self._adapter).revoke(c.account_id, c.entitlement_id), ""
            case Cap.END_SESSIONS:
                return await cast("SessionControl", self._adapter).end_sessions(c.account_id), ""
            case Cap.REVOKE_CREDENTIALS:
                return await cast("CredentialControl", self._adapter).revoke_credential(c.account_id), ""
            case Cap.TRANSFER:
                return await cast("OwnershipTransfer", self._adapter).transfer(c.account_id, c.entitlement_id), ""
            case Cap.WIPE_DEVICE:
                return await cast("DeviceControl", self._adapter).wipe_device(c.account_id, c.entitlement_id), ""
            case _:
                raise Unsupported(f"{c.system} cannot {c.operation.value} through its adapter.", system=c.system)

    # ---- judging

    def _failed(self, c: Claimed, error: AdapterError) -> Result:
        """What a typed error means for the action (the table of the adapter contract)."""
        kind, told = type(error).__name__, f"{error.message} {error.advice}"
        now = self._clock()
        if isinstance(error, OutcomeUnknown):
            return Result(c, (ActionEvent.LOSE,), told, kind, run_at=now)
        if isinstance(error, STOPPING):
            return Result(c, (ActionEvent.RETRY_LATER,), told, kind, run_at=now)
        if isinstance(error, ContractBroken) and c.operation is not Cap.CREATE:
            return Result(c, (ActionEvent.LOSE,), told, kind, run_at=now)
        if isinstance(error, Stale):
            return Result(c, (ActionEvent.BLOCK,), told, kind)
        if error.retryable and c.attempts < MAX_ATTEMPTS:
            wait = error.retry_after if isinstance(error, RateLimited) and error.retry_after else self._back_off(c)
            return Result(c, (ActionEvent.RETRY_LATER,), told, kind, run_at=now + wait)
        return Result(c, (ActionEvent.FAIL,), told, kind)

    async def _judged(self, c: Claimed, evidence: Evidence) -> Result:
        observed, source = evidence.observed, evidence.source
        match evidence.verdict:
            case Verdict.CONFIRMED:
                account_id = await self._made(c)
                told = f"confirmed by {source}"
                return Result(c, (ActionEvent.CONFIRM,), told, observed=observed, source=source, account_id=account_id)
            case Verdict.PENDING:
                return self._check_later(c, f"{source}: not yet", "Pending")
            case Verdict.UNVERIFIABLE:
                told = f"{c.system} cannot prove it; look yourself, then attest"
                return Result(c, (ActionEvent.CANNOT_TELL,), told, observed=observed, source=source)
            case _:
                if c.was_unknown and c.attempts < MAX_ATTEMPTS:
                    told = f"{source} says that it was not done; it is done now"
                    run_at = self._clock()
                    return Result(c, (ActionEvent.ABSENT,), told, run_at=run_at, observed=observed, source=source)
                told = f"{c.system} accepted the change, but {source} says that it was not made"
                return Result(c, (ActionEvent.CONTRADICT,), told, "Contradicted", observed=observed, source=source)

    async def _made(self, c: Claimed) -> str:
        if c.operation is not Cap.CREATE or c.account_id:
            return ""
        found = await cast("Reader", self._adapter).find(c.login)
        return found.id if found else ""

    def _check_later(self, c: Claimed, told: str, kind: str) -> Result:
        by_and_by = c.operation in BY_AND_BY and kind == "Pending"
        most = MAX_CHECKS_BY_AND_BY if by_and_by else MAX_CHECKS
        if c.checks >= most and kind not in PATIENT:
            return Result(c, (ActionEvent.CANNOT_TELL,), f"{told}; look yourself, then attest", kind)
        event = ActionEvent.LOSE if c.was_unknown else ActionEvent.CHECK_LATER
        longest = LONGEST_WAIT_BY_AND_BY if by_and_by else LONGEST_BACK_OFF
        return Result(c, (event,), told, kind, run_at=self._clock() + self._back_off(c, longest))

    def _back_off(self, c: Claimed, longest: timedelta = LONGEST_BACK_OFF) -> timedelta:
        seconds = float(2 ** min(c.attempts + c.checks, 13)) * (0.5 + self._spread() / 2)
        return min(timedelta(seconds=seconds), longest)


def _step(c: Claimed) -> Step:
    return Step(c.operation, c.account_id, c.entitlement_id or None, c.idem_key, c.login, c.wanted)


def _wanted(wanted: Mapping[str, str]) -> Account:
    return Account(
        id="",
        login=wanted["login"],
        state=AccountState.ACTIVE,
        emails=tuple(filter(None, [wanted.get("email", "")])),
        external_id=wanted.get("external_id"),
        display=wanted.get("display", ""),
        raw={k: v for k, v in wanted.items() if k not in ("login", "email", "external_id", "display")},
    )
