"""What the worker does by the clock: reading what settings say `every` of, and opening leavers whose day has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlmodel import col

from jmltui.cache.tables import TimerRow
from jmltui.lifecycle.opening import open_ended
from jmltui.lifecycle.report import SyncReport
from jmltui.lifecycle.sync import sync_one
from jmltui.lifecycle.workshop import Workshop

TICK_SECONDS: Final = 1.0
LOOK_FOR_ENDS: Final = timedelta(minutes=1)
ENDS: Final = "end dates"
"""The timer of the end dates; no source or system can have this name, which holds a space."""


class Schedule:
    """The timers of one installation. They are rows, so a restart forgets none; a missed time is made up for once."""

    def __init__(self, workshop: Workshop, say: Callable[[str], None]) -> None:
        """`say` takes one line for the worker's log. The schedule has adapters of its own."""
        self._workshop = replace(workshop, adapters=workshop.adapters.another())
        self._say = say
        blocks = {**workshop.settings.sources, **workshop.settings.systems}
        self._every = {name: block.every for name, block in blocks.items() if block.every is not None}

    @property
    def names(self) -> list[str]:
        """What is read by the clock."""
        return sorted(self._every)

    async def run(self, stop: asyncio.Event) -> None:
        """Tick until stopped."""
        try:
            while not stop.is_set():
                await self.tick()
                try:
                    await asyncio.wait_for(stop.wait(), TICK_SECONDS)
                except TimeoutError:
                    continue
        finally:
            await self._workshop.adapters.close()

    async def tick(self) -> SyncReport:
        """Do what is due now, each thing once however long it was due; the next time counts from now."""
        report = SyncReport()
        for name in await asyncio.to_thread(self._due):
            if name == ENDS:
                for source in self._workshop.settings.sources.values():
                    await asyncio.to_thread(open_ended, self._workshop, report, source)
                continue
            before = set(report.problems)
            await sync_one(self._workshop, name, report, lambda _: None)
            if set(report.problems) > before:
                self._say(f"{name} could not be read: {report.problems[name]} It is tried again at its next time.")
            else:
                self._say(f"{name} was read")
        return report

    def _due(self) -> list[str]:
        """The names whose time has come; their next time is written before anything is done."""
        now = self._workshop.clock()
        wanted = {**self._every, ENDS: LOOK_FOR_ENDS}
        with self._workshop.cache.read() as session:
            later = {row.name for row in session.scalars(select(TimerRow).where(col(TimerRow.next_at) > now))}
        due = [name for name in wanted if name not in later]
        if due:
            with self._workshop.cache.write() as session:
                session.execute(delete(TimerRow).where(col(TimerRow.name).not_in(list(wanted))))
                for name in due:
                    row = session.get(TimerRow, name) or TimerRow(name=name, every_seconds=0, next_at=now)
                    row.every_seconds = int(wanted[name].total_seconds())
                    row.next_at = now + wanted[name]
                    session.add(row)
        return due
