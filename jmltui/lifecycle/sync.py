"""Reading sources and systems, and opening the cases that follow.

A feed is believed as a whole or not at all; a system's mirror is replaced only by a listing that came to its end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, cast

from sqlmodel import Session

from jmltui.adapter_api import Adapter, AdapterError, BadRow, PeopleSource, Person, Query, Reader
from jmltui.cache import cases, people, systems
from jmltui.cache.ends import ends_reached
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.staging import SystemStage, staged
from jmltui.cache.tables import BatchRow
from jmltui.config.settings import SourceSettings
from jmltui.domain.case import CaseEvent, CaseKind, CaseState
from jmltui.domain.detect import Event, detect, ended
from jmltui.domain.guards import FeedFacts, feed_problem
from jmltui.domain.person import PersonStatus
from jmltui.errors import FeedRefused

from .planning import Planner
from .workshop import Workshop

FEEDS_BEFORE_QUESTION: Final = 3
NO_CHANGE: Final = people.PeopleChange((), (), (), (), 0)

Progress = Callable[[str], None]


@dataclass
class BatchReport:
    """A batch that waits for a person."""

    id: int
    source: str
    absents: int
    held: int
    reason: str


@dataclass
class SyncReport:
    """What a sync did: people read, cases opened per kind, batches that wait, and what went wrong where."""

    opened: Counter[str] = field(default_factory=Counter)
    batches: list[BatchReport] = field(default_factory=list)
    people: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    systems: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        batches = [vars(batch) for batch in self.batches]
        return {**vars(self), "opened": dict(self.opened), "batches": batches}


async def sync(workshop: Workshop, progress: Progress) -> SyncReport:
    """Read every system, then every source; open what follows. Problems are told per source and system."""
    report = SyncReport()
    for name in workshop.settings.systems:
        await _sync_system(workshop, name, report, progress)
    for source in workshop.settings.sources.values():
        await _sync_source(workshop, source, report, progress)
    return report


async def sync_one(workshop: Workshop, name: str, report: SyncReport, progress: Progress) -> None:
    """Read one system or one source, and open what follows."""
    if name in workshop.settings.systems:
        await _sync_system(workshop, name, report, progress)
    else:
        await _sync_source(workshop, workshop.settings.sources[name], report, progress)


def open_ended(workshop: Workshop, report: SyncReport, source: SourceSettings) -> None:
    """Open the leaver cases of those whose end date came, without reading the source. Costs one look when none did."""
    now = workshop.clock()
    with workshop.cache.read() as session:
        if not _ended(workshop, session, source, now):
            return
    with workshop.cache.write() as session:
        Opener(workshop, session, source, now, report).open_all(NO_CHANGE)
        signal_change(session, now, "source", source.name)


def _ended(workshop: Workshop, session: Session, source: SourceSettings, now: datetime) -> list[tuple[Person, Event]]:
    """Whose end date came, without a case for it."""
    found = []
    for person in ends_reached(session, source.name, now):
        event = ended(person, zone=workshop.settings.company_zone, now=now)
        if event and not cases.has_event(session, _event_key(source.name, person, event, now)):
            found.append((person, event))
    return found


def _event_key(source: str, person: Person, event: Event, now: datetime) -> str:
    key = f"{source}:{person.key}:{event.key}"
    return key if event.once else f"{key}:{now.isoformat()}"


async def _sync_system(workshop: Workshop, name: str, report: SyncReport, progress: Progress) -> None:
    now, began = workshop.clock(), monotonic()
    try:
        adapter = await workshop.adapters.get(name)
        with staged(workshop.cache, name) as stage:
            await _list_system(stage, cast("Reader", adapter), name, progress)
            with stage.write() as session:
                facts = dict(zip(("accounts", "entitlements", "grants"), stage.swap(session, now), strict=True))
                people.correlate(session, name)
                supports = {cap.value: support.proof.value for cap, support in adapter.capabilities().items()}
                systems.system_state(
                    session,
                    name,
                    kind=workshop.settings.systems[name].adapter,
                    state="good",
                    error="",
                    last_try=now,
                    last_good=now,
                    capabilities=json.dumps(supports),
                    exercised_against=str(getattr(adapter, "EXERCISED_AGAINST", "")),
                    seconds=monotonic() - began,
                    **facts,
                )
                signal_change(session, now, "system", name)
    except AdapterError as error:
        report.problems[name] = f"{error.message} {error.advice}"
        await workshop.adapters.forget(name)
        with workshop.cache.write() as session:
            systems.system_state(session, name, state="error", error=error.message, last_try=now)
            append(session, now, Entry(workshop.actor, "system.sync-failed", error.message, system=name))
        return
    report.systems[name] = facts


async def _list_system(stage: SystemStage, reader: Reader, name: str, progress: Progress) -> None:
    """Stage everything that a system holds. Raises AdapterError."""
    query = Query()
    progress(f"{name}: listing accounts")
    async for accounts in reader.accounts(query):
        stage.add_accounts(accounts.items)
    progress(f"{name}: {stage.accounts} accounts, listing entitlements and grants")
    async for entitlements in reader.entitlements(query):
        stage.add_entitlements(entitlements.items)
    async for grants in reader.grants(query):
        stage.add_grants(grants.items)


async def _sync_source(workshop: Workshop, source: SourceSettings, report: SyncReport, progress: Progress) -> None:
    try:
        good, bad, digest = await _read_feed(workshop, source, progress)
    except (AdapterError, FeedRefused) as error:
        now = workshop.clock()
        report.problems[source.name] = str(error.message)
        with workshop.cache.write() as session:
            people.source_state(session, source.name, state="refused", error=error.message, last_try=now)
            append(session, now, Entry(workshop.actor, "source.refused", f"{source.name}: {error.message}"))
        open_ended(workshop, report, source)
        return
    progress(f"{source.name}: {len(good)} people, looking for who joined, moved or left")
    now = workshop.clock()
    with workshop.cache.write() as session:
        change = people.replace_people(session, source.name, good, now)
        people.quarantine(session, source.name, [(row.line, row.reason, row.raw) for row in bad], now)
        for name in workshop.settings.systems:
            people.correlate(session, name)
        people.source_state(
            session,
            source.name,
            kind=source.adapter,
            state="good",
            error="",
            last_try=now,
            last_good=now,
            digest=digest,
            rows=len(good),
            quarantined=len(bad),
        )
        Opener(workshop, session, source, now, report).open_all(change)
        signal_change(session, now, "source", source.name)
    report.people[source.name], report.quarantined[source.name] = len(good), len(bad)


async def _read_feed(
    workshop: Workshop, source: SourceSettings, progress: Progress
) -> tuple[list[Person], list[BadRow], str]:
    """The whole feed, if it may be believed. Raises FeedRefused and AdapterError."""
    adapter: Adapter = await workshop.adapters.get(source.name)
    feed_reader = cast("PeopleSource", adapter)
    progress(f"{source.name}: reading people")
    good: list[Person] = []
    bad: list[BadRow] = []
    async for item in feed_reader.people():
        if isinstance(item, BadRow):
            bad.append(item)
        else:
            good.append(item)
    feed = feed_reader.feed()
    if feed.problem:
        raise FeedRefused(f"The feed of {source.name} is refused: {feed.problem} Nothing was changed.")
    twice = [key for key, count in Counter(person.key for person in good).items() if count > 1]
    if twice:
        raise FeedRefused(
            f"The feed of {source.name} is refused: {len(twice)} keys stand in it twice, "
            f"the first one {twice[0]}. Nothing was changed."
        )
    with workshop.cache.read() as session:
        known = people.known_keys(session, source.name)
    kept = len(known & {person.key for person in good})
    age = workshop.clock() - feed.modified if feed.modified else None
    facts = FeedFacts(len(good), len(known), kept, age, feed.missing_columns)
    problem = feed_problem(facts, workshop.policy.guards.feed)
    if problem:
        raise FeedRefused(f"The feed of {source.name} is refused: {problem} Nothing was changed.")
    return good, bad, feed.digest


class Opener:
    """Opens the cases of one accepted feed, under the guards."""

    def __init__(
        self, workshop: Workshop, session: Session, source: SourceSettings, now: datetime, report: SyncReport
    ) -> None:
        self._workshop = workshop
        self._session = session
        self._source = source
        self._now = now
        self._report = report

    def open_all(self, change: people.PeopleChange) -> None:
        """Joiners, movers, leavers and the questions about who is absent."""
        events: list[tuple[Person, Event]] = []
        events += [(p, e) for p in change.added if (e := self._event(None, p, False))]
        events += [(a, e) for b, a in change.changed if (e := self._event(b, a, True))]
        events += [(a, e) for b, a in change.returned if (e := self._event(b, a, False))]
        absent = self._absent(change)
        self._withdraw_questions([after for _, after in change.returned])
        told = {person.id for person, _ in (*events, *absent)}
        came = _ended(self._workshop, self._session, self._source, self._now)
        events += [(person, event) for person, event in came if person.id not in told]
        planner = Planner(self._workshop, self._session, [p for p, _ in events] + [p for p, _ in absent])
        leavers = [(p, e) for p, e in events if e.kind is CaseKind.LEAVER]
        losing = self._losing(planner, [p for p, e in events if e.kind is CaseKind.MOVER])
        why = {
            CaseKind.LEAVER: self._guard(len(leavers) + len(absent)),
            CaseKind.MOVER: self._removals_guard(sum(losing.values())),
        }
        held = (len(leavers) if why[CaseKind.LEAVER] else 0) + (len(losing) if why[CaseKind.MOVER] else 0)
        reason = "; ".join(text for text in why.values() if text) or f"{len(absent)} people are absent from the feed"
        batch = self._batch(held, len(absent), reason) if any(why.values()) or (absent and self._sure) else None
        for person, event in events:
            held_for = why.get(event.kind, "") if event.kind is CaseKind.LEAVER or person.id in losing else ""
            self._open(planner, person, event, CaseState.HELD if held_for else CaseState.OPEN, batch, held_for)
        for person, event in absent:
            self._open(planner, person, event, CaseState.QUESTION, batch, why[CaseKind.LEAVER], absent=True)
        if batch is not None:
            self._report.batches.append(BatchReport(batch, self._source.name, len(absent), held, reason))

    def _losing(self, planner: Planner, movers: Sequence[Person]) -> dict[int, int]:
        """How many entitlements each mover would lose, of those who lose any."""
        found = {person.id: planner.removals(CaseKind.MOVER, person) for person in movers}
        return {number: count for number, count in found.items() if count}

    def _removals_guard(self, removals: int) -> str:
        """Why the movers of this sync are held, or "". Counts what every mover case of the window takes away."""
        threshold = self._workshop.policy.guards.removals
        before = cases.removals_since(self._session, self._now - threshold.window, self._source.name)
        grants = systems.grants(self._session)
        if removals and threshold.trips(before + removals, grants):
            hours = threshold.window / timedelta(hours=1)
            return (
                f"{before + removals} removals by moves within {hours:g} hours are more than the "
                f"{threshold.limit(grants)} that the guard allows for {grants} grants"
            )
        return ""

    @property
    def _sure(self) -> bool:
        """Whether the source is a full list, so that an absence is a leaver once a person confirmed the number."""
        return self._source.absent == "leaver"

    def _event(self, before: Person | None, after: Person, was_present: bool) -> Event | None:
        return detect(
            before,
            after,
            was_present=was_present,
            mover_attributes=self._workshop.policy.mover_attributes,
            zone=self._workshop.settings.company_zone,
            now=self._now,
        )

    def _absent(self, change: people.PeopleChange) -> list[tuple[Person, Event]]:
        wait = 1 if self._sure else FEEDS_BEFORE_QUESTION
        facts: dict[str, object] = {"absent": "absent from the feed"}
        return [
            (person, Event(CaseKind.LEAVER, self._now, "absent", facts))
            for person, feeds in change.missing
            if feeds == wait and not self._left_before(person)
        ]

    def _left_before(self, person: Person) -> bool:
        """Whether the source had said already that this person left; then their absence is no news."""
        ends = person.access_ends(self._workshop.settings.company_zone)
        return person.status is PersonStatus.LEFT or (ends is not None and ends <= self._now)

    def _withdraw_questions(self, back: Sequence[Person]) -> None:
        """Who is in the feed again is no question any more."""
        for person in back:
            case = cases.live_case_of(self._session, person.id)
            if case is not None and case.state == CaseState.QUESTION.value:
                cases.move_case(self._session, case, CaseEvent.CANCEL, self._now)
                summary = f"{person.name} is in the feed again; the question is withdrawn"
                append(self._session, self._now, Entry("jmltui", "case.cancel", summary, case.id, person.id))

    def _guard(self, leavers: int) -> str:
        """Why the leavers of this sync are held, or "". Counts every leaver case of the window, by whatever way."""
        threshold = self._workshop.policy.guards.leavers
        since: datetime = self._now - threshold.window
        before = cases.opened_since(self._session, CaseKind.LEAVER, since, self._source.name)
        active = len(people.known_keys(self._session, self._source.name)) + leavers
        if leavers and threshold.trips(before + leavers, active):
            hours = threshold.window / timedelta(hours=1)
            return (
                f"{before + leavers} leavers within {hours:g} hours are more than the {threshold.limit(active)} "
                f"that the guard allows for {active} people"
            )
        return ""

    def _batch(self, held: int, absents: int, reason: str) -> int:
        row = BatchRow(
            source=self._source.name,
            opened_at=self._now,
            leavers=held,
            absents=absents,
            held=held,
            reason=reason,
            opened_by=self._workshop.actor,
        )
        self._session.add(row)
        self._session.flush()
        signal_change(self._session, self._now, "batch", row.id)
        return row.id or 0

    def _open(
        self,
        planner: Planner,
        person: Person,
        event: Event,
        state: CaseState,
        batch: int | None,
        held: str,
        *,
        absent: bool = False,
    ) -> None:
        key = _event_key(self._source.name, person, event, self._now)
        if self._open_one_of(person, event):
            return
        plan = planner.plan(event.kind, person)
        nothing = not any(step.actions for step in plan.steps) and not plan.blocked
        if event.kind is CaseKind.JOINER and nothing and plan.lines:
            return
        in_batch = batch if state is not CaseState.OPEN else None
        new = cases.NewCase(
            event.kind, person, plan, key, event.facts, state, event.due, in_batch, absent, held if in_batch else ""
        )
        cases.open_case(self._session, new, self._workshop.actor, self._now)
        self._report.opened[event.kind.value] += 1

    def _open_one_of(self, person: Person, event: Event) -> bool:
        """One open case per person: a newer event ends the older one, unless that stands for it.

        A leaver whose day is moved before it came is planned anew. A day that is yet to come ends no case that is
        under way; the leaver case opens on the day.
        """
        case = cases.live_case_of(self._session, person.id)
        if case is None:
            return False
        leaving = event.kind is CaseKind.LEAVER
        if case.kind != event.kind.value:
            stands = leaving and event.due > self._now
        else:
            moved = leaving and event.due != case.due and case.due > self._now and not case.absent
            stands = event.kind is not CaseKind.MOVER and not moved
        if stands:
            return True
        cases.move_case(self._session, case, CaseEvent.CANCEL, self._now)
        summary = f"{case.kind} case of {person.name} ends: {event.kind.value} came in between"
        append(self._session, self._now, Entry("jmltui", "case.cancel", summary, case.id, person.id))
        return False
