"""Reading sources and systems, and opening the cases that follow.

A feed is believed as a whole or not at all; a system's mirror is replaced only by a listing that came to its end.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import cast

from jmltui.adapter_api import Adapter, AdapterError, BadRow, ClockWitness, PeopleSource, Person, Query, Reader
from jmltui.cache import people, replans, systems
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.staging import SystemStage, staged
from jmltui.config.settings import SourceSettings
from jmltui.domain.guards import FeedFacts, feed_problem
from jmltui.errors import FeedRefused

from . import clock
from .opening import Opener, open_ended
from .replan import replan_outdated
from .report import SyncReport
from .workshop import Workshop

Progress = Callable[[str], None]


async def sync(workshop: Workshop, progress: Progress) -> SyncReport:
    """Read every system, then every source; open what follows. Problems are told per source and system."""
    report = SyncReport()
    for name in workshop.settings.systems:
        await _sync_system(workshop, name, report, progress)
    for source in workshop.settings.sources.values():
        await _sync_source(workshop, source, report, progress)
    report.replanned = replan_outdated(workshop)
    report.warnings += filter(None, [clock.state(workshop).sentence])
    return report


async def sync_one(workshop: Workshop, name: str, report: SyncReport, progress: Progress) -> None:
    """Read one system or one source, and open what follows."""
    if name in workshop.settings.systems:
        await _sync_system(workshop, name, report, progress)
    else:
        await _sync_source(workshop, workshop.settings.sources[name], report, progress)
    report.replanned += replan_outdated(workshop)


async def _sync_system(workshop: Workshop, name: str, report: SyncReport, progress: Progress) -> None:
    now, began = workshop.clock(), monotonic()
    try:
        adapter = await workshop.adapters.get(name)
        with staged(workshop.cache, name) as stage:
            await _list_system(stage, cast("Reader", adapter), name, progress)
            with stage.write() as session:
                before = replans.access_of_pending(session, name)
                facts = dict(zip(("accounts", "entitlements", "grants"), stage.swap(session, now), strict=True))
                people.correlate(session, name)
                after = replans.access_of_pending(session, name)
                changed = {person for person in before | after if before.get(person) != after.get(person)}
                replans.outdate(session, changed)
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
                    facts=json.dumps(_told_by(adapter)),
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


def _told_by(adapter: Adapter) -> dict[str, object]:
    """What else a system told while it was read."""
    offset = adapter.clock_offset() if isinstance(adapter, ClockWitness) else None
    return {} if offset is None else {clock.OFFSET: offset.total_seconds()}


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
