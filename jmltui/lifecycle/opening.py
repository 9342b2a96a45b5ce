"""Opening the cases that follow from a feed, or from a day that came, under the guards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlmodel import Session

from jmltui.adapter_api import Person
from jmltui.cache import cases, ownership, people, replans
from jmltui.cache.ends import ends_reached
from jmltui.cache.journal import signal_change
from jmltui.cache.tables import CaseRow
from jmltui.config.settings import SourceSettings
from jmltui.domain.case import CaseKind, CaseState
from jmltui.domain.detect import Event, detect, ended
from jmltui.domain.merging import Merging
from jmltui.domain.person import PersonStatus
from jmltui.domain.trigger import due_at

from . import clock
from .holding import leavers_guard, open_batch, removals_guard
from .merged import merging_with, near_an_edge, restated, source_of
from .planning import Planner
from .report import BatchReport, SyncReport
from .workshop import Workshop

FEEDS_BEFORE_QUESTION: Final = 3
NO_CHANGE: Final = people.PeopleChange((), (), (), (), 0)


def open_ended(workshop: Workshop, report: SyncReport, source: SourceSettings) -> None:
    """Open the leaver cases of those whose end date came, without reading the source. Costs one look when none did."""
    now, merging = workshop.clock(), merging_with(workshop.settings, source.name)
    if merging is not None:
        if source.name != merging.name:
            return
        source = source_of(workshop.settings, merging)
        _restate(workshop, report, merging, source, now)
    end_overtaken(workshop)
    with workshop.cache.read() as session:
        if not _ended(workshop, session, source, now):
            return
    with workshop.cache.write() as session:
        Opener(workshop, session, source, now, report).open_all(NO_CHANGE)
        signal_change(session, now, "source", source.name)


def _restate(workshop: Workshop, report: SyncReport, merging: Merging, source: SourceSettings, now: datetime) -> None:
    """Another source's word may count since today: before anybody's end date is looked at."""
    with workshop.cache.read() as session:
        keys = near_an_edge(session, merging, now)
    if not keys:
        return
    with workshop.cache.write() as session:
        change = restated(workshop, session, merging, keys, now)
        if change.added or change.changed or change.returned:
            Opener(workshop, session, source, now, report).open_all(change)
            signal_change(session, now, "source", source.name)


def end_overtaken(workshop: Workshop) -> None:
    """End what is still open for people whose last day has come: from now on their leaver case speaks."""
    now = workshop.clock()
    with workshop.cache.read() as session:
        if not cases.overtaken(session, now) or clock.state_in(session, now).blocks:
            return
    with workshop.cache.write() as session:
        for case in cases.overtaken(session, now):
            cases.cancel(session, case, "the last day came", now)
            replans.outdate(session, [case.person_id])


def _ended(workshop: Workshop, session: Session, source: SourceSettings, now: datetime) -> list[tuple[Person, Event]]:
    """Whose end date came, without a case for it; nobody's while our clock cannot be trusted."""
    found: list[tuple[Person, Event]] = []
    if clock.state_in(session, now).blocks:
        return found
    for person in ends_reached(session, source.name, now):
        event = ended(person, zone=workshop.zone, now=now)
        if event and not cases.has_event(session, _event_key(source.name, person, event, now)):
            found.append((person, event))
    return found


def _event_key(source: str, person: Person, event: Event, now: datetime) -> str:
    key = f"{source}:{person.key}:{event.key}"
    return key if event.once else f"{key}:{now.isoformat()}"


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
        absent = [(person, self._triggered(person, event)) for person, event in self._absent(change)]
        self._withdraw_questions([after for _, after in change.returned])
        told = {person.id for person, _ in (*events, *absent)}
        came = _ended(self._workshop, self._session, self._source, self._now)
        events += [(person, event) for person, event in came if person.id not in told]
        events = [(person, self._triggered(person, event)) for person, event in events]
        planner = Planner(self._workshop, self._session, [p for p, _ in events] + [p for p, _ in absent])
        leavers = [(p, e) for p, e in events if e.kind is CaseKind.LEAVER]
        losing = self._losing(planner, [p for p, e in events if e.kind is CaseKind.MOVER])
        why = {
            CaseKind.LEAVER: leavers_guard(
                self._workshop, self._session, self._source.name, len(leavers) + len(absent), self._now
            ),
            CaseKind.MOVER: removals_guard(self._workshop, self._session, sum(losing.values()), "by moves"),
        }
        held = (len(leavers) if why[CaseKind.LEAVER] else 0) + (len(losing) if why[CaseKind.MOVER] else 0)
        reason = "; ".join(text for text in why.values() if text) or f"{len(absent)} people are absent from the feed"
        batch = None
        if any(why.values()) or (absent and self._sure):
            by, absents = self._workshop.actor, len(absent)
            name = self._source.name
            batch = open_batch(self._session, name, reason, by, self._now, held=held, absents=absents).id
        for person, event in events:
            held_for = why.get(event.kind, "") if event.kind is CaseKind.LEAVER or person.id in losing else ""
            self._open(planner, person, event, CaseState.HELD if held_for else CaseState.OPEN, batch, held_for)
        for person, event in absent:
            self._open(planner, person, event, CaseState.QUESTION, batch, why[CaseKind.LEAVER], absent=True)
        pairs = (*change.changed, *change.returned)
        told_anew = [*change.added, *(one for pair in pairs for one in pair), *(gone for gone, _ in change.missing)]
        owners = ownership.stated_owners(self._session, told_anew)
        outdated = owners.union(after.id for _, after in change.changed)
        replans.outdate(self._session, outdated, planned_at=self._now)
        if batch is not None:
            self._report.batches.append(BatchReport(batch, self._source.name, len(absent), held, reason))

    def _losing(self, planner: Planner, movers: Sequence[Person]) -> dict[int, int]:
        """How many entitlements each mover would lose, of those who lose any."""
        found = {person.id: planner.removals(CaseKind.MOVER, person) for person in movers}
        return {number: count for number, count in found.items() if count}

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
            zone=self._workshop.zone,
            now=self._now,
        )

    def _triggered(self, person: Person, event: Event) -> Event:
        """The event, due when the trigger of its procedure says."""
        procedure = self._workshop.policy.procedure(event.kind.value)
        trigger = procedure.trigger if procedure is not None else None
        due = due_at(trigger, person, event.due, self._workshop.zone, self._now)
        return event if due == event.due else replace(event, due=due)

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
        ends = person.access_ends(self._workshop.zone)
        return person.status is PersonStatus.LEFT or (ends is not None and ends <= self._now)

    def _withdraw_questions(self, back: Sequence[Person]) -> None:
        """Who is in the feed again is no question any more."""
        for person in back:
            for case in cases.live_cases_of(self._session, person.id):
                if case.state == CaseState.QUESTION.value:
                    cases.cancel(self._session, case, "the person is in the feed again", self._now)

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
        # What is held already and stays as it is, because nobody can tell or a requirement is not met, is a finding.
        nothing = not any(step.actions for step in plan.steps) and all(line.account_id for line in plan.blocked)
        if event.kind is CaseKind.JOINER and nothing and plan.lines:
            return
        in_batch = batch if state is not CaseState.OPEN else None
        new = cases.NewCase(
            event.kind, person, plan, key, event.facts, state, event.due, in_batch, absent, held if in_batch else ""
        )
        cases.open_case(self._session, new, self._workshop.actor, self._now)
        self._report.opened[event.kind.value] += 1

    def _open_one_of(self, person: Person, event: Event) -> bool:
        """A newer event ends the open case of a person, unless that stands for it, or is for a later day.

        Who moves while joining joins with the access of the new place. A leaver whose day is moved before it came is
        planned anew. A leaver case for a day yet to come waits beside the case of a move; on the day it ends that one.
        Cases about a part of what somebody holds go on, until the person leaves.
        """
        leaving_now = event.kind is CaseKind.LEAVER and event.due <= self._now
        for case in cases.live_cases_of(self._session, person.id):
            if case.scope != "{}" and not leaving_now:
                continue
            if _stands(case, event, self._now):
                return True
            if _beside(case, event, self._now):
                continue
            cases.cancel(self._session, case, f"{event.kind.value} came in between", self._now)
        return False


def _beside(case: CaseRow, event: Event, now: datetime) -> bool:
    """Whether one of the two is a move, and the other a leaving on a day yet to come."""
    if event.kind is CaseKind.MOVER:
        return case.kind == CaseKind.LEAVER.value and case.state == CaseState.OPEN.value and case.due > now
    return event.kind is CaseKind.LEAVER and event.due > now and case.kind == CaseKind.MOVER.value


def _stands(case: CaseRow, event: Event, now: datetime) -> bool:
    """Whether an open case takes in what an event asks for, so that none is opened for it."""
    leaving = event.kind is CaseKind.LEAVER
    if case.kind == event.kind.value:
        moved = leaving and event.due != case.due and case.due > now and not case.absent
        return event.kind is not CaseKind.MOVER and not moved
    if event.kind is CaseKind.MOVER:
        return case.kind in (CaseKind.JOINER.value, CaseKind.REHIRE.value) and case.state == CaseState.OPEN.value
    return leaving and event.due > now and case.kind != CaseKind.MOVER.value
