"""Writes: look, write, and say what it did. Each is one call of the description."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jmltui.adapter_api import (
    Account,
    AdapterError,
    Cap,
    Conflict,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Receipt,
    Stale,
    Unsupported,
)
from jmltui.exchange import Answer

from .lists import named
from .mapping import account_of
from .operations import Operation
from .proof import account_seen, grant_held, seen_by, state_holds
from .reading import Reading, values_of
from .template import Values


class Writing:
    """Writes to one system."""

    def __init__(self, reading: Reading) -> None:
        self._reading, self._caller, self._system = reading, reading.caller, reading.system

    def operation(self, cap: Cap) -> Operation:
        """How the description does it. Raises Unsupported."""
        found = self._reading.description.operations.get(cap)
        if found is None:
            raise Unsupported(f"The description of {self._system} has no {cap.value}.", system=self._system)
        return found

    # ---- accounts

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the account exist. A taken login is ours only where the external id is the same."""
        operation = self.operation(Cap.CREATE)
        present = await self._reading.find(wanted.login)
        if present is None:
            try:
                return await self._created(operation, wanted)
            except Conflict:
                present = await self._reading.find(wanted.login)
        if present is None or present.external_id != wanted.external_id:
            raise Conflict(
                f"{self._system} already holds an account called {wanted.login} that belongs to somebody else.",
                system=self._system,
                operation="create",
            )
        return present, Receipt(Outcome.ALREADY, after=account_seen(present))

    async def _created(self, operation: Operation, wanted: Account) -> tuple[Account, Receipt]:
        own = {
            "login": wanted.login,
            "display": wanted.display,
            "email": wanted.emails[0] if wanted.emails else None,
            "emails": wanted.emails,
            "external_id": wanted.external_id,
        }
        values = {f"wanted.{name}": value for name, value in {**wanted.raw, **own}.items()}
        answer = await self._caller.call(operation.call, {**values, "random": first_secret()})
        outcome = self._outcome(operation, answer)
        try:
            made = self._answered(operation, answer) or await self._reading.find(wanted.login)
        except AdapterError as error:  # it was accepted, so whatever fails now leaves it open
            raise OutcomeUnknown(error.message, system=self._system, operation="create") from error
        if made is None and outcome is Outcome.PENDING:
            return wanted, Receipt(outcome)
        if made is None or made.login.casefold() != wanted.login.casefold():
            raise OutcomeUnknown(
                f"{self._system} accepted the account {wanted.login} and does not show it.",
                system=self._system,
                operation="create",
            )
        return made, Receipt(outcome, request_id=made.id, after=account_seen(made))

    def _answered(self, operation: Operation, answer: Answer) -> Account | None:
        accounts = self._reading.description.accounts
        if operation.record is None or accounts is None:
            return None
        record = operation.record.of(answer.json())
        return account_of(self._system, accounts.columns, record) if isinstance(record, dict) else None

    async def update(self, account_id: str, changes: Mapping[str, object], if_version: str | None) -> Receipt:
        """Make these attributes so, those alone that differ."""
        operation = self.operation(Cap.UPDATE)
        before = await self._reading.read(account_id)
        if if_version is not None and before.version not in (None, if_version):
            raise Stale(f"{before.login} of {self._system} changed since it was read.", system=self._system)
        now = values_of(before)
        writable = {n.removeprefix("changes.") for n in named(operation.call) if n.startswith("changes.")}
        for name in changes:
            if name not in writable:
                told = ", ".join(sorted(writable))
                message = f"“{name}” of an account of {self._system} cannot be changed; only {told} can."
                raise Invalid(message, system=self._system)
        todo = {f"changes.{name}": value for name, value in changes.items() if now.get(f"account.{name}") != value}
        if not todo:
            return Receipt(Outcome.ALREADY, before=account_seen(before), after=dict(changes))
        version = {"account.version": if_version} if if_version is not None else {}
        answer = await self._caller.call(operation.call, {**now, **version, **todo})
        return Receipt(self._outcome(operation, answer), before=account_seen(before), after=dict(changes))

    async def state(self, cap: Cap, account_id: str) -> Receipt:
        """Make an account enabled, disabled or gone."""
        operation = self.operation(cap)
        try:
            before = await self._reading.read(account_id)
            values = values_of(before)
            if await self._is_so(operation, before, values):
                return Receipt(Outcome.ALREADY, before=account_seen(before), after=account_seen(before))
            answer = await self._caller.call(operation.call, values)
        except NotFound:
            if cap is Cap.DELETE:
                return Receipt(Outcome.ALREADY)
            raise
        return Receipt(self._outcome(operation, answer), before=account_seen(before))

    async def _is_so(self, operation: Operation, account: Account, values: Values) -> bool:
        if operation.verify is None:
            return state_holds(operation.cap, account) is True
        return (await seen_by(self._caller, operation.verify, values))[0]

    # ---- grants and sessions

    async def holding(self, cap: Cap, account_id: str, entitlement_id: str, expires: datetime | None = None) -> Receipt:
        """Make an account hold an entitlement, or not hold it."""
        operation = self.operation(cap)
        if expires is not None:
            raise Unsupported(f"What {self._system} grants cannot end by itself.", system=self._system)
        values = await self._holder(account_id, entitlement_id)
        if operation.verify is not None:
            is_so = (await seen_by(self._caller, operation.verify, values))[0]
        elif operation.blind and self._reading.description.grants is None:
            is_so = False
        else:
            is_so = await grant_held(self._reading, account_id, entitlement_id) is (cap is Cap.GRANT)
        if is_so:
            return Receipt(Outcome.ALREADY)
        return Receipt(self._outcome(operation, await self._caller.call(operation.call, values)))

    async def _holder(self, account_id: str, entitlement_id: str) -> dict[str, Any]:
        return {**values_of(await self._reading.read(account_id)), "entitlement.id": entitlement_id}

    async def end_sessions(self, account_id: str, session_id: str | None) -> Receipt:
        """End one session or all, by one call each where the call names a session."""
        operation = self.operation(Cap.END_SESSIONS)
        account = await self._reading.read(account_id)
        values = values_of(account)
        one_each = "session.id" in named(operation.call)
        if session_id is not None and not one_each:
            raise Unsupported(f"{self._system} ends all sessions of an account at once.", system=self._system)
        if self._reading.description.sessions is None:
            live = [session_id or ""]
        else:
            live = [one.id for one in await self._reading.sessions(account) if session_id in (None, one.id)]
        if not live:
            return Receipt(Outcome.ALREADY, before={"sessions": 0})
        for one in live if one_each else live[:1]:
            answer = await self._caller.call(operation.call, {**values, "session.id": one})
        return Receipt(self._outcome(operation, answer), before={"sessions": len(live)})

    def _outcome(self, operation: Operation, answer: Answer) -> Outcome:
        if self._caller.was_already(operation.call, answer):
            return Outcome.ALREADY
        return Outcome.PENDING if answer.status in operation.call.pending else Outcome.CHANGED


def first_secret() -> str:
    """A first secret that nobody knows: random, of every class that rules ask for, never stored."""
    return secrets.token_urlsafe(24) + "aA1-"
