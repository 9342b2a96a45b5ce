"""The loop that tells tickets what cases have come to: claim, call, settle, beside the loop of the actions."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from jmltui.adapter_api import AdapterError, RateLimited
from jmltui.cache import actions, tickets
from jmltui.cache.tickets import POSTED, WAITING, Came, Posting
from jmltui.errors import JmltuiError
from jmltui.lifecycle.ticket_posting import STOPPING, back_off, failed, post
from jmltui.lifecycle.tickets import sink
from jmltui.lifecycle.workshop import Workshop

from .place import owner_name, surely_gone

TICK_SECONDS: Final = 1.0
TROUBLE_SECONDS: Final = 30.0
LEASE: Final = timedelta(seconds=180)
"""After so long nobody is in the middle of posting a message any more, whatever its system's deadline is."""


class TicketPoster:
    """Posts one message per system at a time, in the order in which they were written per ticket.

    `is_gone` says of another owner that its process is known to have ended, so that what it was posting is posted again
    without waiting for its lease.
    """

    def __init__(
        self, workshop: Workshop, say: Callable[[str], None], is_gone: Callable[[str], bool] = surely_gone
    ) -> None:
        self._workshop = replace(workshop, adapters=workshop.adapters.another())
        self._say = say
        self._owner = owner_name()
        self._is_gone = lambda owner: owner == self._owner or is_gone(owner)
        self._random = random.Random()  # noqa: S311  jitter, no secret
        self._quiet: dict[str, tuple[int, datetime]] = {}
        deadlines = [block.deadline for block in workshop.settings.systems.values()]
        self._lease = max([LEASE, *(2 * deadline for deadline in deadlines)])
        self._rates = workshop.adapters.rates

    def needs_a_worker(self) -> bool:
        """Whether something waits to be posted, now or later."""
        with self._workshop.cache.read() as session:
            return tickets.left(session) > 0

    async def run(self) -> None:
        """Post until cancelled. What goes wrong is told and tried again."""
        try:
            while True:
                wait = TICK_SECONDS
                try:
                    while await self.once():
                        pass
                except JmltuiError as error:
                    wait = TROUBLE_SECONDS
                    self._say(f"tickets: {error} It is tried again by itself.")
                except Exception as error:  # whatever it is, the next round begins anew
                    wait = TROUBLE_SECONDS
                    told = "".join(traceback.format_exception(error)).rstrip()
                    self._say(f"tickets: this broke and is tried again:\n{told}")
                await asyncio.sleep(wait)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of connections."""
        await self._workshop.adapters.close()

    async def once(self) -> int:
        """Post what is due, at most one message per system; how many were tried."""
        claimed = await asyncio.to_thread(self._claim)
        await asyncio.gather(*map(self._carry_out, claimed))
        return len(claimed)

    def _claim(self) -> list[Posting]:
        workshop, now = self._workshop, self._workshop.clock()
        with workshop.cache.read() as session:
            if not tickets.left(session):
                return []
        quiet = {name for name, (_, until) in self._quiet.items() if until > now}
        slow = {name for name, rate in self._rates.items() if not rate.room(now)}
        with workshop.cache.write() as session:
            claimed = tickets.claim(session, self._owner, now, now + self._lease, quiet | slow, self._is_gone)
        for posting in claimed:
            if posting.system in self._rates:
                self._rates[posting.system].take()
        return claimed

    async def _carry_out(self, posting: Posting) -> None:
        workshop, stops = self._workshop, ""
        try:
            block = workshop.settings.systems.get(posting.system)
            if block is None:
                told = f"the settings name no system {posting.system} any more"
                came = Came(WAITING, told, "Gone", workshop.clock(), stops=True)
            else:
                adapter = await sink(workshop.adapters, posting.system)
                came = await post(adapter, posting, block, workshop.clock, self._random.random())
        except AdapterError as error:  # nothing was sent, or our credential was refused
            came = failed(posting, error, workshop.clock(), self._random.random())
            if isinstance(error, STOPPING):
                stops = f"{error.message} {error.advice}"
                came = Came(WAITING, error.message, type(error).__name__, workshop.clock())
            await workshop.adapters.forget(posting.system)
        except JmltuiError as error:
            came = failed(posting, error, workshop.clock(), self._random.random())
        except Exception as error:  # a stranger's adapter may raise anything
            told = "".join(traceback.format_exception(error)).rstrip()
            self._say(f"the adapter of {posting.system} broke; the message is looked for and posted again:\n{told}")
            came = failed(posting, error, workshop.clock(), self._random.random())
        self._hold(posting.system, came)
        await asyncio.to_thread(self._settle, posting, came, stops)

    def _hold(self, system: str, came: Came) -> None:
        """Ask a system that does not answer less and less often, however many messages wait for it."""
        if came.state == WAITING and not came.stops:
            count = self._quiet.get(system, (0, None))[0] + 1
            self._quiet[system] = (count, self._workshop.clock() + back_off(count, self._random.random()))
        elif came.state == POSTED:
            self._quiet.pop(system, None)

    def _settle(self, posting: Posting, came: Came, stops: str) -> None:
        now = self._workshop.clock()
        with self._workshop.cache.write() as session:
            if not tickets.settle(session, posting, came, now):
                return
            if stops:
                actions.stop_system(session, posting.system, stops, now)
            elif came.error_kind == RateLimited.__name__ and came.next_at is not None:
                actions.pause_system(session, posting.system, came.next_at, came.problem, now)
