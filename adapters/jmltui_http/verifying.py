"""Evidence of a step: its effect read back by another call than the write."""

from __future__ import annotations

from typing import Final

from jmltui.adapter_api import Account, Cap, Evidence, NotFound, Proof, Step, Verdict

from .operations import Operation
from .proof import Seen, account_seen, grant_held, seen_by, state_holds
from .reading import Reading, values_of

_OF_ACCOUNTS: Final = frozenset({Cap.CREATE, Cap.UPDATE, Cap.ENABLE, Cap.DISABLE, Cap.DELETE})


class Verifying:
    """Reads steps of one system back."""

    def __init__(self, reading: Reading) -> None:
        self._reading, self._caller = reading, reading.caller

    async def verify(self, step: Step) -> Evidence:
        """Whether a step's effect stands. Never writes."""
        operation = self._reading.description.operations.get(step.cap)
        if operation is None or operation.blind:
            return self._evidence(None, {}, "", Proof.NONE)
        if step.cap in _OF_ACCOUNTS:
            return self._evidence(*await self._of_account(operation, step))
        if step.cap is Cap.END_SESSIONS:
            return self._evidence(*await self._of_sessions(operation, step))
        return self._evidence(*await self._of_grant(operation, step))

    def _evidence(self, is_so: bool | None, observed: object, source: str, proof: Proof = Proof.READ_BACK) -> Evidence:
        at = self._caller.exchange.clock()
        seen = dict(observed) if isinstance(observed, dict) else {}
        if is_so is None:
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, seen, at, source)
        return Evidence(Verdict.CONFIRMED if is_so else Verdict.CONTRADICTED, proof, seen, at, source)

    async def _of_account(self, operation: Operation, step: Step) -> tuple[bool | None, object, str]:
        account, source = await self._account(step)
        if operation.verify is not None and account is not None:
            return await self._seen(operation, step, account)
        if step.cap is Cap.CREATE and account is not None:
            wanted = step.wanted.get("external_id")
            ours = not wanted or account.external_id in (None, wanted)
            return ours and state_holds(step.cap, account) is True, account_seen(account), source
        if step.cap is Cap.UPDATE:
            return self._updated(step, account), account_seen(account), source
        return state_holds(step.cap, account), account_seen(account), source

    def _updated(self, step: Step, account: Account | None) -> bool | None:
        if account is None:
            return False
        now = values_of(account)
        return all(now.get(f"account.{name}") == value for name, value in step.wanted.items()) if step.wanted else None

    async def _account(self, step: Step) -> tuple[Account | None, str]:
        """The account of a step, by its id or else by its login; and the call that told."""
        shape = self._reading.description.accounts
        assert shape is not None
        listing = self._caller.told(shape.list.call, {}) if shape.list is not None else ""
        if not step.account_id:
            source = self._caller.told(shape.find.call, {"login": step.login}) if shape.find is not None else listing
            return await self._reading.find(step.login), source
        values = {"account.id": step.account_id}
        source = self._caller.told(shape.read.call, values) if shape.read is not None else listing
        try:
            return await self._reading.read(step.account_id), source
        except NotFound:
            return None, source

    async def _seen(self, operation: Operation, step: Step, account: Account) -> Seen:
        assert operation.verify is not None
        values = {**values_of(account), "entitlement.id": step.target, "session.id": step.target}
        values |= {f"wanted.{name}": value for name, value in step.wanted.items()}
        values |= {f"changes.{name}": value for name, value in step.wanted.items()}
        return await seen_by(self._caller, operation.verify, values)

    async def _of_grant(self, operation: Operation, step: Step) -> tuple[bool | None, object, str]:
        if operation.verify is not None:
            values = {"account.id": step.account_id, "account.login": step.login, "entitlement.id": step.target}
            return await seen_by(self._caller, operation.verify, values)
        held = await grant_held(self._reading, step.account_id, step.target or "")
        grants = self._reading.description.grants
        listing = (grants.of or grants.list) if grants is not None else None
        values = {"account.id": step.account_id, "entitlement.id": step.target}
        source = self._caller.told(listing.call, values) if listing is not None else ""
        return held is (step.cap is Cap.GRANT), {"held": held}, source

    async def _of_sessions(self, operation: Operation, step: Step) -> tuple[bool | None, object, str]:
        account, source = await self._account(step)
        if account is None:
            return True, account_seen(None), source
        if operation.verify is not None:
            return await self._seen(operation, step, account)
        live = [one.id for one in await self._reading.sessions(account) if step.target in (None, one.id)]
        shape = self._reading.description.sessions
        source = self._caller.told(shape.list.call, values_of(account)) if shape is not None else source
        return not live, {"sessions": len(live)}, source
