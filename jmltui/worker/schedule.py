"""What the worker does by the clock: reading what settings say `every` of, and the chores of every installation."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import delete, select
from sqlmodel import col

from jmltui.cache import exceptions
from jmltui.cache.tables import TimerRow
from jmltui.errors import JmltuiError
from jmltui.lifecycle import clock
from jmltui.lifecycle.merged import waits_for
from jmltui.lifecycle.replan import any_outdated, replan_outdated
from jmltui.lifecycle.report import SyncReport
from jmltui.lifecycle.sync import sync_one
from jmltui.lifecycle.workshop import Workshop

from .by_clock import CHORES, FINDINGS, WINDOWS

TICK_SECONDS: Final = 1.0
TROUBLE_SECONDS: Final = 60.0


class Schedule:
    """The timers of one installation. They are rows, so a restart forgets none; a missed time is made up for once."""

    def __init__(self, workshop: Workshop, say: Callable[[str], None]) -> None:
        """`say` takes one line for the worker's log. The schedule has adapters of its own, used by one thread."""
        self._workshop = replace(workshop, adapters=workshop.adapters.another())
        self._say = say
        self._first = True
        self._told_of_clock = ""
        self._told_of_people: tuple[str, ...] = ()
        blocks = {**workshop.settings.sources, **workshop.settings.systems}
        self._every = {name: block.every for name, block in blocks.items() if block.every is not None}

    @property
    def names(self) -> list[str]:
        """What is read by the clock."""
        return sorted(self._every)

    def needs_a_worker(self) -> bool:
        """Whether something comes by the clock alone: a reading, the edge of a window, a review, an end of access."""
        policy = self._workshop.policy
        if self._every or policy.has_windows or policy.definitions.reviews:
            return True
        with self._workshop.cache.read() as session:
            return exceptions.next_end(session) is not None

    async def run(self) -> None:
        """Tick until cancelled. What goes wrong is told and tried again."""
        try:
            while True:
                wait = TICK_SECONDS
                try:
                    await self.tick()
                except JmltuiError as error:
                    wait = TROUBLE_SECONDS
                    self._say(f"what is due by the clock could not be done: {error} It is tried again by itself.")
                except Exception as error:  # a stranger's adapter may raise anything
                    wait = TROUBLE_SECONDS
                    told = "".join(traceback.format_exception(error)).rstrip()
                    self._say(f"what is due by the clock broke; it is tried again:\n{told}")
                await asyncio.sleep(wait)
        finally:
            await self._workshop.adapters.close()

    async def tick(self) -> SyncReport:
        """Do what is due now, each thing once however long it was due; the next time counts from now."""
        report, workshop = SyncReport(), self._workshop
        # The first time, because the policy may be another one than that which was planned and turned by before.
        first, self._first = self._first, False
        if first or any_outdated(workshop):
            report.replanned += replan_outdated(workshop)
        for name in self._due({WINDOWS} if first else frozenset()):
            if name in CHORES:
                self._do_chore(name, report)
                continue
            before = set(report.problems)
            try:
                await self._read(name, report)
            except Exception:
                self._done(name, good=False)
                raise
            good = set(report.problems) == before
            self._done(name, good=good)
            told = "was read" if good else f"could not be read: {report.problems[name]} It is tried at its next time."
            self._say(f"{name} {told}")
        if report.people or report.systems:
            self._do_chore(FINDINGS, report)
            self._tell_of_people([*report.warnings, waits_for(workshop)])
        return report

    def _tell_of_people(self, told: Sequence[str]) -> None:
        """What keeps people of several sources from being merged, when it changes."""
        warnings = tuple(filter(None, told))
        if warnings != self._told_of_people:
            self._told_of_people = warnings
            for sentence in warnings or ("Every source of [people] is read now.",):
                self._say(sentence)

    async def _read(self, name: str, report: SyncReport) -> None:
        """Read one source or system; however long that takes, the chores are done at their times meanwhile."""
        reading = asyncio.ensure_future(sync_one(self._workshop, name, report, lambda _: None))
        try:
            while not reading.done():
                await asyncio.wait({reading}, timeout=TICK_SECONDS)
                for chore in [] if reading.done() else self._due(frozenset()):
                    if chore in CHORES:
                        self._do_chore(chore, report)
            reading.result()
        finally:
            reading.cancel()

    def _do_chore(self, name: str, report: SyncReport) -> None:
        """Do a chore; one that breaks is told and tried again in a minute, and holds the others up no longer."""
        if CHORES[name].ends_access and not self._trusts_clock():
            return
        began = self._workshop.clock()
        try:
            CHORES[name].do(self._workshop, report)
        except Exception as error:
            known = isinstance(error, JmltuiError)
            told = str(error) if known else "".join(traceback.format_exception(error)).rstrip()
            self._say(f"{name}: this could not be done and is tried again by itself: {told}")
            self._done(name, good=False, at=began + timedelta(seconds=TROUBLE_SECONDS))
            return
        self._done(name, good=True, at=CHORES[name].next(self._workshop, began))

    def _trusts_clock(self) -> bool:
        """Whether something may end or begin by our clock; what was found is told when it changes."""
        state = clock.state(self._workshop)
        if state.sentence != self._told_of_clock:
            self._told_of_clock = state.sentence
            self._say(state.sentence or "The clock of this machine is right again.")
        return not state.blocks

    @property
    def _wanted(self) -> list[str]:
        """What is read first, so that the chores see it."""
        return [*self._every, *CHORES]

    def _due(self, anyway: Collection[str]) -> list[str]:
        """The names whose time has come, and those that are to be done anyway. Who is new is due at once."""
        now, wanted = self._workshop.clock(), self._wanted
        with self._workshop.cache.read() as session:
            rows = {row.name: row.next_at for row in session.scalars(select(TimerRow))}
        if rows.keys() - set(wanted):
            with self._workshop.cache.write() as session:
                session.execute(delete(TimerRow).where(col(TimerRow.name).not_in(wanted)))
        return [name for name in wanted if name in anyway or name not in rows or rows[name] <= now]

    def _done(self, name: str, *, good: bool, at: datetime | None = None) -> None:
        """Write the next time, only now: who is killed in the middle begins again."""
        now = self._workshop.clock()
        at = at or now + self._every[name]
        with self._workshop.cache.write() as session:
            row = session.get(TimerRow, name) or TimerRow(name=name, every_seconds=0, next_at=now)
            row.every_seconds, row.next_at = int((at - now).total_seconds()), at
            if good:
                row.last_ok = now
            session.add(row)


class Beside(Protocol):
    """What goes on beside the loop of the actions until it is cancelled."""

    async def run(self) -> None:
        """Go on until cancelled."""
        ...


@contextmanager
def in_thread_of_its_own(*beside: Beside) -> Iterator[None]:
    """Run something beside the caller's loop, so that a long listing holds nothing up. Its end cuts a listing off."""
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(each.run()) for each in beside]

    def serve() -> None:
        try:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    def cancel() -> None:
        for task in tasks:
            task.cancel()

    thread = threading.Thread(target=serve, name="schedule")
    thread.start()
    try:
        yield
    finally:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(cancel)
        thread.join()
