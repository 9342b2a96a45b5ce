"""People whom several sources state: their statements merged, and what follows opened as for one source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session

from jmltui.adapter_api import Person
from jmltui.cache import people, statements
from jmltui.config.settings import Settings, SourceSettings
from jmltui.domain.merging import Merging, merged

from .report import SyncReport
from .workshop import Workshop

NEAR: Final = timedelta(days=2)
"""How far from now a day is looked for that may change whose word counts: zones, and a worker that slept."""


def merging_with(settings: Settings, source: str) -> Merging | None:
    """The merging that a source takes part in."""
    merging = settings.merging
    return merging if merging is not None and source in merging.all else None


def source_of(settings: Settings, merging: Merging) -> SourceSettings:
    """The source that merged people count as: an absence is a leaver only where every one of them says so."""
    sure = all(settings.sources[name].absent == "leaver" for name in merging.sources)
    return replace(settings.sources[merging.name], absent="leaver" if sure else "ask")


def take_in(
    workshop: Workshop,
    session: Session,
    merging: Merging,
    source: str,
    stated: Sequence[Person],
    now: datetime,
    report: SyncReport,
) -> people.PeopleChange | None:
    """Write what a source states and merge it with the others' word; the change of the merged people.

    None while a stating source was never read: who is in that one would be taken for missing.
    """
    statements.replace_statements(session, source, stated, now)
    if _unread(session, merging):
        return None
    apart = statements.adopt(session, merging.name, [name for name in merging.all if name != merging.name])
    if apart:
        report.warnings.append(
            f"{len(apart)} people have open cases from two sources, the first one {apart[0]}; they become one person "
            "when one of the cases is over."
        )
    everybody: list[Person] = []
    absent: dict[str, int] = {}
    for key, here, missing in statements.stated(session, merging.all):
        person = merged(here, merging, now, workshop.zone)
        if person is not None:
            everybody.append(person)
        else:
            absent[key] = min((missing[name] for name in merging.sources if name in missing), default=0)
    # Of whom no source ever said anything since people are merged, the leading source's feeds are counted.
    counts = source == merging.name
    return people.replace_people(session, merging.name, everybody, now, absent, counts=counts)


def _unread(session: Session, merging: Merging) -> list[str]:
    read = statements.sources_read(session, merging.sources)
    return [name for name in merging.sources if name not in read]


def in_order(settings: Settings) -> list[SourceSettings]:
    """The sources as they are read: those first that only complete others, so that no case is planned without them."""
    completing = settings.merging.completing if settings.merging is not None else ()
    return sorted(settings.sources.values(), key=lambda source: source.name not in completing)


def waits_for(workshop: Workshop) -> str:
    """Which sources must be read before people can be merged, as a sentence; "" where nothing is waited for."""
    merging = workshop.settings.merging
    if merging is None:
        return ""
    with workshop.cache.read() as session:
        unread = _unread(session, merging)
    if not unread:
        return ""
    return (
        f"People are merged and cases opened once {' and '.join(unread)} was read as well; until then nothing that "
        f"{', '.join(merging.all)} say is acted on."
    )


def near_an_edge(session: Session, merging: Merging, now: datetime) -> list[str]:
    """Keys of people for whom another source's word may count since today."""
    return statements.near_an_edge(session, merging.sources, (now - NEAR).date(), (now + NEAR).date())


def restated(
    workshop: Workshop, session: Session, merging: Merging, keys: Sequence[str], now: datetime
) -> people.PeopleChange:
    """What the date alone changed: one employment ended and the next began."""
    found = []
    for at in range(0, len(keys), 500):
        for _, here, _ in statements.stated(session, merging.all, keys[at : at + 500]):
            person = merged(here, merging, now, workshop.zone)
            if person is not None:
                found.append(person)
    return people.restate(session, merging.name, found, now)
