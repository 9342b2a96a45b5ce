"""Live tunnels of a client, and their end: cut, then looked at again, since a client comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from time import monotonic
from typing import Final

from jmltui.adapter_api import AdapterError, Outcome, OutcomeUnknown, Receipt, Session

from .client_files import Shut
from .management import Management
from .status import Status, Tunnel

PATIENCE: Final = 8.0
"""Seconds that a tunnel may take to end: a client that is asked to go has five (management-notes.txt, client-kill)."""
_PAUSE: Final = 0.25


class Sessions:
    """The tunnels of one server."""

    def __init__(self, management: Management, seconds: float) -> None:
        self._management = management
        self._patience = min(PATIENCE, seconds / 2)

    async def live(self, name: str, shut: Shut) -> list[Tunnel]:
        """The tunnels of a client. Raises AdapterError."""
        status = await self._management.status()
        return living(status.tunnels, name, shut)

    async def end(self, name: str, shut: Shut, *, is_out: bool, session_id: str | None = None) -> Receipt:
        """End one or all. PENDING when there still is one after a while.

        Of a client that is refused, those that begin meanwhile are ended as well; another one comes back by itself, and
        is left alone then. Raises Unavailable and its kin when nothing was ended, OutcomeUnknown when something may
        have been.
        """
        asked: set[int] = set()
        before, left = await self._ended(name, shut, session_id, asked)
        mine = {tunnel.id for tunnel in before}
        until = monotonic() + self._patience
        while before and monotonic() < until:
            await asyncio.sleep(_PAUSE)
            try:
                found, left = await self._ended(name, shut, session_id, asked, None if is_out else mine)
            except AdapterError as error:
                raise OutcomeUnknown(f"{error.message} Tunnels were told to end before that.") from error
            if not found:
                break
        outcome = Outcome.ALREADY if not before else Outcome.PENDING if left else Outcome.CHANGED
        return Receipt(outcome, before=told(before), after=told(left))

    async def _ended(
        self, name: str, shut: Shut, session_id: str | None, asked: set[int], among: Collection[str] | None = None
    ) -> tuple[list[Tunnel], list[Tunnel]]:
        """The tunnels that are there, and those that are left once they were ended."""

        def chosen(status: Status) -> list[Tunnel]:
            live = living(status.tunnels, name, shut)
            return [each for each in live if session_id in (None, each.id) and (among is None or each.id in among)]

        async with self._management.talk() as conversation:
            found = left = chosen(await conversation.status())
            if found:
                # Nobody is asked to go twice: each time gives the client its five seconds anew.
                fresh = [tunnel.client for tunnel in found if tunnel.client not in asked]
                await conversation.kill(name, fresh, at_once=session_id is None)
                asked.update(fresh)
                left = chosen(await conversation.status())
        return found, left


def living(tunnels: Sequence[Tunnel], name: str, shut: Shut) -> list[Tunnel]:
    """The tunnels of a client, without an attempt that is being refused.

    That is one without an address and a route that began after the client was shut out.
    """
    return [
        tunnel
        for tunnel in tunnels
        if tunnel.name == name
        and (tunnel.address or tunnel.is_routed or not shut.is_shut or tunnel.since.timestamp() < shut.since)
    ]


def session(tunnel: Tunnel) -> Session:
    """As the product shows it."""
    where = f"{tunnel.where} as {tunnel.address}" if tunnel.address else tunnel.where
    return Session(tunnel.id, tunnel.name, tunnel.since, where[:120])


def told(tunnels: Sequence[Tunnel]) -> dict[str, object]:
    """Tunnels as evidence shows them."""
    return {"tunnels": [f"{tunnel.id} from {tunnel.where[:60]}" for tunnel in tunnels]}
