"""Looking at everybody's actual accounts and grants: first all is computed, then the findings are brought to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from jmltui.cache import findings, mirrors
from jmltui.cache.finding_stage import FindingStage, Moves, staged_findings
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.domain.finding import Finding, FindingKind
from jmltui.lifecycle.workshop import Workshop

from . import account_findings, grant_findings, person_findings, review_findings, separation_findings
from .census import take_census
from .dormancy import dormant_after
from .not_due_findings import Profiles, not_due
from .proposals import Likenesses


@dataclass(frozen=True, slots=True)
class KindCounts:
    """How many of one kind: found for the first time, open now (with those that came back), no longer found."""

    new: int
    open: int
    gone: int


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan changed, by kind; kinds of which there is nothing to tell are left out."""

    at: datetime
    kinds: dict[str, KindCounts]

    @property
    def new(self) -> int:
        """How many were found for the first time."""
        return sum(counts.new for counts in self.kinds.values())

    @property
    def open(self) -> int:
        """How many wait for somebody."""
        return sum(counts.open for counts in self.kinds.values())

    @property
    def gone(self) -> int:
        """How many are no longer found."""
        return sum(counts.gone for counts in self.kinds.values())


def scan(workshop: Workshop) -> ScanReport:
    """Find what is not as it should be, in the mirrors as they are. Locks nobody out while it looks."""
    now = workshop.clock()
    with staged_findings(workshop.cache) as stage:
        with workshop.cache.scratch() as session:
            _look(workshop, session, now, stage)
        with stage.write() as session:
            findings.note_scan(session, now)
            ended = findings.end_acceptances(session, now)
            moves = stage.take_over(session, now)
            waiting = findings.open_by_kind(session)
            if ended or moves.any:
                append(session, now, *ended, _entry(workshop, moves, waiting))
                signal_change(session, now, "finding")
    kinds = [kind.value for kind in FindingKind if moves.new[kind] or waiting.get(kind) or moves.gone[kind]]
    counts = {kind: KindCounts(moves.new[kind], waiting.get(kind, 0), moves.gone[kind]) for kind in kinds}
    return ScanReport(now, counts)


def _look(workshop: Workshop, session: Session, now: datetime, stage: FindingStage) -> None:
    """Stage everything that is found."""
    for found in _everything(workshop, session, now):
        stage.add(found)


def _everything(workshop: Workshop, session: Session, now: datetime) -> Iterator[Iterator[Finding]]:
    policy, zone = workshop.policy, workshop.zone
    leaving = mirrors.leaving(session)
    nobodys = list(mirrors.accounts_of_nobody(session))
    likenesses = Likenesses(nobodys, workshop.settings, mirrors.key_lengths(session) if nobodys else ())
    requirements = person_findings.Requirements(policy, leaving, now)
    profiles = Profiles(session, policy, now)
    looks = [requirements.look_at, profiles.look_at, *([likenesses.look_at] if nobodys else [])]
    census = take_census(session, zone, now, looks)
    yield iter(requirements.found)
    yield person_findings.nobody_answers(census)
    yield person_findings.ownerless_people(session, census)
    yield person_findings.emergencies(session, policy, now)
    mirrors.mark_staying(session, census.staying)
    privileged = mirrors.privileged_accounts(session)
    yield account_findings.of_nobody(session, nobodys, likenesses, privileged)
    yield account_findings.unused(session, census, privileged, dormant_after(policy), now)
    yield account_findings.left_over(session, census, privileged, leaving)
    yield grant_findings.unexplained(session, policy)
    yield not_due(session, policy, profiles, now)
    yield separation_findings.conflicting(session, policy, now)
    yield review_findings.undecided(session)


def _entry(workshop: Workshop, moves: Moves, waiting: dict[str, int]) -> Entry:
    """What the journal says of a scan that changed something."""
    told = [f"{sum(moves.new.values())} new", f"{sum(moves.again.values())} open again"]
    told += [f"{sum(moves.gone.values())} gone", f"{sum(waiting.values())} open"]
    facts = {"new": dict(moves.new), "again": dict(moves.again), "gone": dict(moves.gone), "open": waiting}
    return Entry(workshop.actor, "finding.scan", f"Findings: {', '.join(told)}", facts=facts)
