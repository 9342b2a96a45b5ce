"""Reading one system into its mirror: everything, or what changed since the last time where the system can tell."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from time import monotonic
from typing import Any, Final

from sqlmodel import Session

from jmltui.adapter_api import Adapter, AdapterError, Cap, ClockWitness, Page, ResyncNeeded
from jmltui.cache import people, replans, systems
from jmltui.cache.changes import SystemChanges
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.staging import SystemStage, staged
from jmltui.cache.tables import SystemRow
from jmltui.domain.text import clean
from jmltui.errors import JmltuiError

from . import clock
from .listing import ACCOUNTS, GRANTS, KINDS, Listing, Marks, Progress
from .report import SyncReport
from .workshop import NOT_TO_BE_HAD, Workshop

COUNTED: Final = ("accounts", "entitlements", "grants")
TOLD: Final = 300


async def sync_system(workshop: Workshop, name: str, report: SyncReport, progress: Progress) -> None:
    """Read one system; what goes wrong is a problem of this system alone, and its mirror stays as it was."""
    try:
        report.systems[name] = await _Reading(workshop, name, progress).run()
    except AdapterError as error:
        report.problems[name] = f"{error.message} {error.advice}"
        await _note_bad(workshop, name, error.message, {})
    except NOT_TO_BE_HAD as error:
        report.problems[name] = str(error)
        await _note_bad(workshop, name, str(error), {})
    except JmltuiError:
        raise
    except Exception as error:  # a stranger's adapter may raise anything
        told = f"The adapter of {name} broke: {type(error).__name__}: {clean(str(error), limit=TOLD)}."
        report.problems[name] = f"{told} Nothing of what it listed was used; the journal tells where it broke."
        await _note_bad(workshop, name, told, {"traceback": "".join(traceback.format_exception(error))[-4000:]})


async def _note_bad(workshop: Workshop, name: str, told: str, facts: Mapping[str, object]) -> None:
    now = workshop.clock()
    await workshop.adapters.forget(name)
    with workshop.cache.write() as session:
        kind = workshop.settings.systems[name].adapter
        systems.system_state(session, name, kind=kind, state="error", error=told, last_try=now)
        append(session, now, Entry(workshop.actor, "system.sync-failed", told, system=name, facts=facts))


class _Reading:
    """One reading of one system."""

    def __init__(self, workshop: Workshop, name: str, progress: Progress) -> None:
        self._workshop = workshop
        self._name = name
        self._progress = progress
        self._now = workshop.clock()
        self._began = monotonic()
        options = json.dumps(dict(workshop.settings.systems[name].options), sort_keys=True, default=str)
        self._block = hashlib.sha256(options.encode()).hexdigest()

    async def run(self) -> dict[str, int]:
        """How many accounts, entitlements and grants the mirror holds now. Raises AdapterError."""
        workshop, name = self._workshop, self._name
        adapter = await workshop.adapters.get(name)
        if Cap.LIST_ACCOUNTS not in adapter.capabilities():
            # A system that only keeps tickets, say, has answered when it could be opened.
            return self._written(lambda _: (0, 0, 0), adapter, Marks)
        block = workshop.settings.systems[name]
        rate = workshop.adapters.rates.get(name)
        listing = Listing(adapter, block.deadline, rate, workshop.clock, self._progress)
        with workshop.cache.read() as session:
            row = session.get(SystemRow, name)
            marks = Marks.of(json.loads(row.facts)) if row is not None and row.state == "good" else Marks()
        if marks.block != self._block:
            marks = Marks()
        since = marks.usable(adapter, self._now)
        if since:
            try:
                return await (self._changes if len(since) == len(KINDS) else self._amended)(
                    adapter, listing, marks, since
                )
            except ResyncNeeded as error:
                self._progress(f"{name}: {error.message} Everything is listed.")
        with staged(workshop.cache, name) as stage:
            tokens = await listing.read(stage)
            after = self._marks(tokens, self._now, {}, stage.dropped)
            return self._written(lambda session: stage.swap(session, self._now), adapter, lambda: after, stage.write)

    async def _changes(
        self, adapter: Adapter, listing: Listing, marks: Marks, since: Mapping[str, str]
    ) -> dict[str, int]:
        """All that changed, put into the mirror as it is."""
        changes = SystemChanges(self._name)
        tokens = await listing.read(changes, since)

        def apply(session: Session) -> tuple[int, int, int]:
            return changes.apply(session, self._now)

        return self._written(apply, adapter, lambda: self._marks(tokens, marks.full_at, since, changes.dropped))

    async def _amended(
        self, adapter: Adapter, listing: Listing, marks: Marks, since: Mapping[str, str]
    ) -> dict[str, int]:
        """The accounts of the mirror with what changed of them, and a whole listing of what they hold."""
        with staged(self._workshop.cache, self._name) as stage:
            stage.recall_accounts()
            tokens = await listing.read(_Amending(stage), since)
            after = self._marks(tokens, marks.full_at, since, stage.dropped)
            return self._written(lambda session: stage.swap(session, self._now), adapter, lambda: after, stage.write)

    def _marks(
        self, tokens: Mapping[str, str], full_at: datetime | None, since: Mapping[str, str], dropped: int
    ) -> Marks:
        """What the next listing begins from.

        Grants of an account that came while it was read were left out: they have to be told once more.
        """
        kept = {**since, **tokens}
        if dropped and GRANTS in kept:
            kept.pop(GRANTS)
            kept |= {GRANTS: since[GRANTS]} if GRANTS in since else {}
        return Marks(kept, full_at, self._block)

    def _written(
        self,
        put: Callable[[Session], tuple[int, int, int]],
        adapter: Adapter,
        marks: Callable[[], Marks],
        write: Callable[[], object] | None = None,
    ) -> dict[str, int]:
        """Put what was listed into the mirror and note whose plans it outdates, in one transaction."""
        workshop, name = self._workshop, self._name
        with (write or workshop.cache.write)() as session:  # type: ignore[attr-defined]  # both are context managers
            before = replans.access_of_pending(session, name)
            counts = dict(zip(COUNTED, put(session), strict=True))
            people.correlate(session, name)
            after = replans.access_of_pending(session, name)
            changed = {person for person in before | after if before.get(person) != after.get(person)}
            replans.outdate(session, changed)
            self._note_good(session, adapter, counts, marks())
        return counts

    def _note_good(self, session: Session, adapter: Adapter, counts: Mapping[str, int], marks: Marks) -> None:
        supports = {cap.value: support.proof.value for cap, support in adapter.capabilities().items()}
        now: datetime = self._now
        systems.system_state(
            session,
            self._name,
            kind=self._workshop.settings.systems[self._name].adapter,
            state="good",
            error="",
            last_try=now,
            last_good=now,
            capabilities=json.dumps(supports),
            facts=json.dumps({**_told_by(adapter), "listing": marks.as_facts()}),
            exercised_against=str(getattr(adapter, "EXERCISED_AGAINST", "")),
            seconds=monotonic() - self._began,
            **counts,
        )
        signal_change(session, now, "system", self._name)


class _Amending:
    """A stage in which accounts are told as changes."""

    def __init__(self, stage: SystemStage) -> None:
        self._stage = stage

    def add(self, kind: str, page: Page[Any]) -> None:
        """Amend the accounts, add the rest."""
        if kind == ACCOUNTS:
            self._stage.amend_accounts(page.items, page.deleted)
        else:
            self._stage.add(kind, page)


def _told_by(adapter: Adapter) -> dict[str, object]:
    """What else a system told while it was read."""
    offset = adapter.clock_offset() if isinstance(adapter, ClockWitness) else None
    return {} if offset is None else {clock.OFFSET: offset.total_seconds()}
