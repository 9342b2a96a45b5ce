"""The loop: claim, call, settle. Database work is short and off the event loop; no transaction spans a call."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from jmltui.adapter_api import (
    AccountState,
    Adapter,
    AdapterError,
    Ambiguous,
    AuthFailed,
    Cap,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
    Unsupported,
)
from jmltui.cache import actions, replans, systems
from jmltui.cache.actions import Claimed, Result
from jmltui.cache.tables import MetaRow
from jmltui.domain.breaker import Breaker
from jmltui.domain.case import ActionEvent
from jmltui.domain.text import clean
from jmltui.errors import JmltuiError
from jmltui.lifecycle.approve import doubts
from jmltui.lifecycle.execute import STOPPING, Executor
from jmltui.lifecycle.workshop import Workshop

from .place import Place, owner_name, surely_gone

IDLE_SECONDS: Final = 0.2
TROUBLE_SECONDS: Final = 5.0
HEARTBEAT: Final = timedelta(seconds=5)
UNREACHED: Final = frozenset({Unavailable.__name__, OutcomeUnknown.__name__, TimeoutError.__name__})
"""What tells that a system was not reached, or did not answer."""
ANSWERED: Final = frozenset({"", "Pending", "Contradicted"}) | {
    kind.__name__
    for kind in (AuthFailed, Forbidden, Conflict, Invalid, Unsupported, Ambiguous, ContractBroken, RateLimited)
}
"""What tells that it answered; anything else may have been decided here, without a call."""
STOPPING_KINDS: Final = frozenset(kind.__name__ for kind in STOPPING)


Say = Callable[[str], None]
"""Takes one line for the worker's log."""


class PlaceLost(JmltuiError):
    """Another worker may serve this database by now."""


class LocalRunner:
    """One worker's loop over all systems.

    `stop` ends it at once, and what is in flight stays as intents; `finish` ends it when nothing is in flight. While
    it is `needed` it does not end when it is idle.
    """

    def __init__(
        self,
        workshop: Workshop,
        *,
        idle: timedelta | None,
        stop: asyncio.Event | None = None,
        say: Say = lambda _: None,
        place: Place | None = None,
        needed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._workshop = workshop
        self._needed = needed
        self._idle = idle
        self._say = say
        self._place = place
        self._owner = owner_name()
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._random = random.Random()  # noqa: S311  jitter, no secret
        self._beat: datetime | None = None
        self._rates = workshop.adapters.rates
        self._breakers = {name: Breaker() for name in workshop.settings.systems}
        self.stop = stop or asyncio.Event()
        self.finish = asyncio.Event()

    async def run(self) -> None:
        """Until stopped, or until nothing has been to do for `idle`."""
        workshop = self._workshop
        with workshop.cache.write() as session:
            # The lock of a file is held on this machine alone, so every other owner has ended.
            is_gone = surely_gone if self._place is not None else lambda _: True
            actions.lose_all_of(session, self._owner, workshop.clock(), is_gone)
        quiet_since = workshop.clock()
        while not self.stop.is_set():
            if self.finish.is_set() and not self._tasks:
                return
            claimed = [] if self.finish.is_set() else await self._claimed()
            for group in _groups(claimed):
                task = asyncio.create_task(self._carry_out(group))
                self._tasks[task] = group[0].system
                task.add_done_callback(self._ended)
            now = workshop.clock()
            if claimed or self._tasks:
                quiet_since = now
            elif self._idle is not None and now - quiet_since > self._idle and not await self._waiting(now):
                return
            if not claimed:
                await self._pause()
        for task in list(self._tasks):
            task.cancel()

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its actions stand as intents: they are read back when their lease is over.
            self._say(f"an outcome could not be written: {_told(error)}")

    async def _claimed(self) -> list[Claimed]:
        """What this worker may begin now; nothing, after a while, when the cache cannot be written."""
        try:
            return await asyncio.to_thread(self._claim)
        except PlaceLost as error:
            self._say(error.message)
            self.stop.set()
            return []
        except JmltuiError as error:
            self._say(f"nothing can be begun: {_told(error)}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), TROUBLE_SECONDS)
            return []

    async def _pause(self) -> None:
        wait = set(self._tasks) | {asyncio.ensure_future(self.stop.wait())}
        _, pending = await asyncio.wait(wait, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in pending - set(self._tasks):
            task.cancel()

    async def _waiting(self, now: datetime) -> bool:
        """Whether somebody is needed though nothing can be begun at this moment."""

        def look() -> bool:
            with self._workshop.cache.read() as session:
                left, later = actions.work_left(session, now)
                stopped = actions.stopped_systems(session)
            return (left > 0 and not stopped and later is None) or self._needed()

        return await asyncio.to_thread(look)

    def _claim(self) -> list[Claimed]:
        workshop = self._workshop
        now = workshop.clock()
        busy: dict[str, int] = defaultdict(int)
        for system in self._tasks.values():
            busy[system] += 1
        most_at_once = {name: s.max_parallel for name, s in workshop.settings.systems.items()}
        most_at_once |= {name: 1 for name, breaker in self._breakers.items() if breaker.is_open}
        room = {name: most - busy[name] for name, most in most_at_once.items()}
        most = {name: rate.room(now) for name, rate in self._rates.items()}
        with workshop.cache.read() as session:
            left, _ = actions.work_left(session, now)
        if not left and self._beat is not None and now - self._beat < HEARTBEAT:
            return []
        with workshop.cache.write() as session:
            if self._place is not None and not self._place.is_held(session):
                raise PlaceLost("The database gave this worker's place away; it ends, and the next one goes on.")
            actions.expire_leases(session, now)
            self._heartbeat(session, now)
            claimed = actions.claim(session, self._owner, now, room, most, doubts(workshop))
        for each in claimed:
            if each.system in self._rates:
                self._rates[each.system].take()
        return claimed

    def _heartbeat(self, session: Session, now: datetime) -> None:
        if self._beat is None or now - self._beat >= HEARTBEAT:
            row = session.get(MetaRow, "worker") or MetaRow(key="worker")
            row.value = f"{now.isoformat()} {self._owner}"
            session.add(row)
            self._beat = now

    async def _carry_out(self, group: Sequence[Claimed]) -> None:
        system = group[0].system
        try:
            adapter = await self._workshop.adapters.get(system)
        except (AdapterError, JmltuiError) as error:
            await asyncio.to_thread(self._not_open, group, error)
            return
        except Exception as error:  # a stranger's adapter may raise anything
            self._say(f"the adapter of {system} broke when it was opened:\n{_told(error)}")
            await asyncio.to_thread(self._never_opened, group, error)
            return
        block = self._workshop.settings.systems[system]
        protected = self._workshop.policy.guards.protected
        executor = Executor(adapter, protected, block.deadline, self._workshop.clock, self._random.random)
        try:
            await self._execute(executor, adapter, group)
        except JmltuiError:
            raise
        except Exception as error:  # a stranger's adapter may raise anything
            self._say(f"the adapter of {system} broke:\n{''.join(traceback.format_exception(error)).rstrip()}")
            await asyncio.to_thread(self._broke, group, error)

    async def _execute(self, executor: Executor, adapter: Adapter, group: Sequence[Claimed]) -> None:
        if group[0].checking:
            await asyncio.to_thread(self._settle, await executor.check(group))
            return
        results = await executor.write(group)
        await asyncio.to_thread(self._settle, results)
        again = [r.claimed for r in results if r.events[-1:] == (ActionEvent.CHECK,)]
        fresh = {r.claimed.id: r.account_id for r in results if r.account_id}
        if again:
            settle = adapter.capabilities()[again[0].operation].settle.total_seconds()
            await asyncio.sleep(settle)
            await asyncio.to_thread(self._settle, await executor.check([_with_account(c, fresh) for c in again]))

    def _not_open(self, group: Sequence[Claimed], error: Exception) -> None:
        told = f"{error} Nothing was changed; it is tried again by itself."
        kind = type(error).__name__
        run_at = self._workshop.clock() + timedelta(seconds=5)
        events = {True: (ActionEvent.LOSE,), False: (ActionEvent.RETRY_LATER,)}
        self._settle([Result(c, events[c.checking], told, kind, run_at=run_at) for c in group])

    def _never_opened(self, group: Sequence[Claimed], error: Exception) -> None:
        """Nothing was sent. It is not tried again before a person lets the system go on: it would break again."""
        now, told = self._workshop.clock(), f"its adapter broke when it was opened ({_cause(error)})"
        event = ActionEvent.LOSE if group[0].checking else ActionEvent.RETRY_LATER
        with self._workshop.cache.write() as session:
            still = actions.in_flight(session, group)
            actions.settle(session, [Result(c, (event,), told, "Broken", run_at=now) for c in still], now)
            actions.stop_system(session, group[0].system, f"{told}; the worker's log tells where", now)

    def _broke(self, group: Sequence[Claimed], error: Exception) -> None:
        """Nobody knows what a broken adapter did: it is read back once a person lets the system go on."""
        now = self._workshop.clock()
        told = f"its adapter broke ({_cause(error)})"
        with self._workshop.cache.write() as session:
            still = actions.in_flight(session, group)
            actions.settle(session, [Result(c, (ActionEvent.LOSE,), told, "Broken", run_at=now) for c in still], now)
            actions.stop_system(session, group[0].system, f"{told}; the worker's log tells where", now)

    def _settle(self, results: Sequence[Result]) -> None:
        now = self._workshop.clock()
        with self._workshop.cache.write() as session:
            written = actions.settle(session, results, now)
            for result in written:
                self._note(session, result, now)
            self._note_reach(session, results, now)
            for result in written:
                if result.error_kind in STOPPING_KINDS:
                    actions.stop_system(session, result.claimed.system, result.outcome, now)
                    break
                if result.error_kind == "RateLimited" and result.run_at is not None:
                    actions.pause_system(session, result.claimed.system, result.run_at, result.outcome, now)

    def _note_reach(self, session: Session, results: Sequence[Result], now: datetime) -> None:
        """Leave a system alone that was not reached several times in a row, and say so once it is."""
        for system, kinds in _by_system(results).items():
            breaker = self._breakers[system]
            was_open = breaker.is_open
            if kinds & ANSWERED:
                closes = breaker.reached()
                actions.end_pause(session, system, now, at_once=closes)
                if closes:
                    self._say(f"{system} is reached again.")
                continue
            if not kinds & UNREACHED:
                continue
            until = breaker.missed(now)
            if until is not None:
                told = f"{system} cannot be reached; it is tried again by itself at {until:%H:%M:%S} UTC"
                actions.pause_system(session, system, until, told, now)
                if not was_open:
                    self._say(f"{told}.")

    def _note(self, session: Session, result: Result, now: datetime) -> None:
        """Put what was proved into the mirrors, so that screens are right without a full sync."""
        c = result.claimed
        if result.met is not None:
            systems.note_met(session, c.system, result.met, now)
        if ActionEvent.CONFIRM not in result.events:
            return
        if c.operation is Cap.CREATE:
            made = systems.created_account(c.wanted, result.account_id or c.account_id)
            systems.note_account(session, c.system, made, c.person_id, now)
        elif c.operation in (Cap.ENABLE, Cap.DISABLE):
            state = AccountState.ACTIVE if c.operation is Cap.ENABLE else AccountState.DISABLED
            systems.note_state(session, c.system, c.account_id, state)
        elif c.operation in (Cap.GRANT, Cap.REVOKE, Cap.WIPE_DEVICE):
            systems.note_grant(session, c.system, c.account_id, c.entitlement_id, c.operation is Cap.GRANT)
        else:
            return
        replans.outdate(session, [c.person_id], besides=c.case_id)


def _by_system(results: Sequence[Result]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for result in results:
        found[result.claimed.system].add(result.error_kind)
    return found


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {clean(str(error), limit=200)}"


def _told(error: BaseException) -> str:
    if isinstance(error, JmltuiError):
        return f"{error} It is tried again by itself."
    return "".join(traceback.format_exception(error)).rstrip()


def _with_account(c: Claimed, fresh: dict[int, str]) -> Claimed:
    return replace(c, account_id=fresh[c.id]) if c.id in fresh else c


def _groups(claimed: Sequence[Claimed]) -> list[list[Claimed]]:
    """Actions that go together: grants or revokes of one entitlement, all else alone."""
    together: dict[tuple[object, ...], list[Claimed]] = defaultdict(list)
    for c in claimed:
        many = c.operation in (Cap.GRANT, Cap.REVOKE)
        together[(c.checking, c.was_unknown, *c.bulk_key) if many else (c.id,)].append(c)
    return list(together.values())
