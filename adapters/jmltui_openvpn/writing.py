"""Shutting clients out: by client-config-dir, which can be taken back, and by revoking, which cannot.

The server looks at either only when a client comes in, so a tunnel that is up is cut after it; one that began between
the first look and the shutting is found by looking again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from jmltui.adapter_api import AdapterError, Conflict, NotFound, Outcome, OutcomeUnknown, Receipt, Unsupported

from .authority import Authority
from .client_files import ClientFiles
from .holdings import Client, Held, Holdings
from .sessions import Sessions


class Writing:
    """What can be changed at one server. `files` and `authority` are None where they are not on this machine."""

    def __init__(
        self,
        holdings: Holdings,
        sessions: Sessions,
        files: ClientFiles | None,
        authority: Authority | None,
        system: str,
    ) -> None:
        self._holdings = holdings
        self._sessions = sessions
        self._files = files
        self._authority = authority
        self._system = system

    async def disable(self, name: str) -> Receipt:
        """Refuse the client from now on, and cut its tunnels. Without client-config-dir that is revoking."""
        client = await self._holdings.client(name)
        if self._files is None:
            return await self._revoked(client, client.held)
        has_closed = await asyncio.to_thread(self._files.close, name)
        return await self._cut(client, has_closed, "It is shut out")

    async def enable(self, name: str) -> Receipt:
        """Let the client in again. Raises Conflict where no certificate of it is good any more."""
        client = await self._holdings.client(name)
        if self._files is None:
            raise Unsupported(f"{self._system} has no client-config-dir; revoking is for good.", system=self._system)
        if not any(each.lets_in for each in client.held):
            raise Conflict(f"No certificate of {name} is good any more; it needs a new one.", system=self._system)
        has_opened = await asyncio.to_thread(self._files.open, name)
        after = await self._holdings.client(name)
        return Receipt(
            Outcome.CHANGED if has_opened else Outcome.ALREADY, before=client.observed(), after=after.observed()
        )

    async def revoke(self, name: str, serial: str | None) -> Receipt:
        """Revoke one certificate or all, and cut the client's tunnels. Raises NotFound for an unknown serial."""
        client = await self._holdings.client(name)
        chosen = [each for each in client.held if serial in (None, each.id)]
        if serial is not None and not chosen:
            raise NotFound(f"{name} of {self._system} has no certificate {serial[:64]}.", system=self._system)
        return await self._revoked(client, chosen)

    async def end_sessions(self, name: str, session_id: str | None) -> Receipt:
        """Cut one tunnel or all."""
        client = await self._holdings.client(name)
        return await self._sessions.end(name, client.shut, is_out=client.is_out, session_id=session_id)

    async def _revoked(self, client: Client, chosen: Sequence[Held]) -> Receipt:
        """Revoke what still is good. Which certificate a tunnel came in by cannot be seen, so all of them are cut."""
        good = [each for each in chosen if each.lets_in]
        if good:
            if self._authority is None:
                told = f"The authority's key of {self._system} is not on this machine; revoke where it is."
                raise Unsupported(told, system=self._system)
            fresh = [each for each in good if not each.entry.is_revoked]
            files = {each.entry.serial: each.issued.file for each in fresh if each.issued}
            lost = next((each.id for each in fresh if not each.issued), "")
            if lost:
                told = f"The certificate {lost} of {client.name} is not in the authority's folder; revoke it by hand."
                raise Unsupported(told, system=self._system)
            await self._authority.revoke(files, [each.entry.serial for each in good])
        return await self._cut(client, bool(good), "Its certificates are revoked")

    async def _cut(self, client: Client, has_changed: bool, done: str) -> Receipt:
        """End the tunnels. Once the client was refused, a tunnel that may live still makes the outcome unknown."""
        try:
            now = await self._holdings.client(client.name)
            ended = await self._sessions.end(client.name, now.shut, is_out=now.is_out)
        except AdapterError as error:
            if not has_changed:
                raise
            told = f"{done}, and whether its tunnels have ended is not known: {error.message}"
            raise OutcomeUnknown(told, system=self._system) from error
        outcome = Outcome.CHANGED if has_changed and ended.outcome is Outcome.ALREADY else ended.outcome
        before = {**client.observed(), **ended.before}
        return Receipt(outcome, before=before, after={**now.observed(), **ended.after})
