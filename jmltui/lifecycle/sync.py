"""Reading sources and systems, and opening the cases that follow.

A feed is believed as a whole or not at all; a system's mirror is replaced only by a listing that came to its end.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, cast

from jmltui.adapter_api import Adapter, AdapterError, BadRow, PeopleSource, Person
from jmltui.cache import people, statements
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.config.settings import SourceSettings
from jmltui.domain.guards import FeedFacts, feed_problem
from jmltui.domain.text import clean
from jmltui.errors import FeedRefused, JmltuiError

from . import clock
from .believable import believed
from .merged import in_order, merging_with, source_of, take_in, waits_for
from .opening import Opener, open_ended
from .replan import replan_outdated
from .report import SyncReport
from .system_sync import TOLD, sync_system
from .workshop import NOT_TO_BE_HAD, Workshop

SYSTEMS_AT_ONCE: Final = 4
"""How many systems are read at the same time; each is waited for most of it."""

LONGEST_FEED: Final = 2 * 3600
"""Seconds after which a feed is given up; one call per person may take long."""

Progress = Callable[[str], None]


async def sync(workshop: Workshop, progress: Progress) -> SyncReport:
    """Read every system, then every source; open what follows. Problems are told per source and system."""
    report = SyncReport()
    room = asyncio.Semaphore(SYSTEMS_AT_ONCE)

    async def read(name: str) -> None:
        async with room:
            await sync_system(workshop, name, report, progress)

    try:
        async with asyncio.TaskGroup() as group:
            for name in workshop.settings.systems:
                group.create_task(read(name))
    except* JmltuiError as several:
        # A full disk, say: the first one tells it, with its exit code.
        raise _first(several) from None
    for source in in_order(workshop.settings):
        await _sync_source(workshop, source, report, progress)
    report.replanned = replan_outdated(workshop)
    report.warnings += filter(None, [waits_for(workshop), clock.state(workshop).sentence])
    return report


def _first(several: BaseExceptionGroup[JmltuiError]) -> JmltuiError:
    first = several.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def sync_one(workshop: Workshop, name: str, report: SyncReport, progress: Progress) -> None:
    """Read one system or one source, and open what follows."""
    if name in workshop.settings.systems:
        await sync_system(workshop, name, report, progress)
    else:
        await _sync_source(workshop, workshop.settings.sources[name], report, progress)
    report.replanned += replan_outdated(workshop)


async def _sync_source(workshop: Workshop, source: SourceSettings, report: SyncReport, progress: Progress) -> None:
    try:
        async with asyncio.timeout(LONGEST_FEED):
            good, bad, digest = await _read_feed(workshop, source, progress)
    except TimeoutError:
        _refuse(workshop, source, report, f"The feed of {source.name} did not end within {LONGEST_FEED // 3600} hours.")
        return
    except (AdapterError, FeedRefused) as error:
        _refuse(workshop, source, report, error.message)
        return
    except NOT_TO_BE_HAD as error:
        _refuse(workshop, source, report, str(error))
        return
    except JmltuiError:
        raise
    except Exception as error:  # a stranger's adapter may raise anything
        told = f"The adapter of {source.name} broke: {type(error).__name__}: {clean(str(error), limit=TOLD)}."
        facts = {"traceback": "".join(traceback.format_exception(error))[-4000:]}
        _refuse(workshop, source, report, f"{told} Nothing was changed; the journal tells where it broke.", facts)
        return
    progress(f"{source.name}: {len(good)} people, looking for who joined, moved or left")
    now = workshop.clock()
    with workshop.cache.write() as session:
        merging = merging_with(workshop.settings, source.name)
        change: people.PeopleChange | None
        if merging is None:
            change, opens_as = people.replace_people(session, source.name, good, now), source
        else:
            change = take_in(workshop, session, merging, source.name, good, now, report)
            opens_as = source_of(workshop.settings, merging)
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
        if change is not None:
            Opener(workshop, session, opens_as, now, report).open_all(change)
        signal_change(session, now, "source", source.name)
    if change is None:
        open_ended(workshop, report, source)
    report.people[source.name], report.quarantined[source.name] = len(good), len(bad)


def _refuse(
    workshop: Workshop, source: SourceSettings, report: SyncReport, told: str, facts: Mapping[str, object] | None = None
) -> None:
    now = workshop.clock()
    report.problems[source.name] = told
    with workshop.cache.write() as session:
        people.source_state(session, source.name, state="refused", error=told, last_try=now)
        append(session, now, Entry(workshop.actor, "source.refused", f"{source.name}: {told}", facts=facts or {}))
    open_ended(workshop, report, source)


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
            good.append(believed(item, source.name))
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
        # The first feed after people began to be merged is held against what was known of the source before.
        stated = merging_with(workshop.settings, source.name) and statements.known_keys(session, source.name)
        known = stated or people.known_keys(session, source.name)
    kept = len(known & {person.key for person in good})
    age = workshop.clock() - feed.modified if feed.modified else None
    facts = FeedFacts(len(good), len(known), kept, age, feed.missing_columns)
    problem = feed_problem(facts, workshop.policy.guards.feed)
    if problem:
        raise FeedRefused(f"The feed of {source.name} is refused: {problem} Nothing was changed.")
    return good, bad, feed.digest
