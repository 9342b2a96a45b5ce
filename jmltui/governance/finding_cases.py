"""Cases from findings: opened one by one or many at once, under the guards that count leavers and removals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from jmltui.cache import batches, cases, findings, replans
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.tables import BatchRow, CaseRow
from jmltui.domain.case import CaseKind
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.finding import FindingKind, FindingState
from jmltui.domain.person import Person
from jmltui.errors import JmltuiError, NotAllowed
from jmltui.lifecycle.holding import leavers_guard, open_batch, removals_guard
from jmltui.lifecycle.planning import Planner
from jmltui.lifecycle.scoped import open_scoped
from jmltui.lifecycle.workshop import Workshop

from .settlement import SCAN_AGAIN, Settlement, settlement

AT_ONCE: Final = 50
"""Cases opened by one transaction; leavers are opened by a single one, so that the guard counts all of them."""

Held = tuple[int, str] | None
"""The batch of a guard that holds cases together, and why; None where nothing is held."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of one finding: the number of its case, or 0 and why none was opened."""

    finding: int
    case: int
    refused: str = ""


def open_case(workshop: Workshop, finding_id: int, side: str = "") -> int:
    """Open the case that settles a finding; its number. One that works on it already is told instead.

    `side`, left or right, says which half of a conflict is taken away; where roles give one half, it is the other.
    Raises NotAllowed where no case can settle it or it is no longer so, UsageError when a side has to be named.
    """
    with workshop.cache.write() as session:
        wanted = settlement(workshop, session, finding_id, side)
        if isinstance(wanted, int):
            return wanted
        return _Opening(workshop, session, [wanted], _hold(workshop, session, [wanted])).open(wanted)


def open_cases(workshop: Workshop, finding_ids: Sequence[int]) -> list[Opened]:
    """Open a case for each of many findings, in the order given; one that cannot be settled stops no other.

    Leavers count for the guard as those of a feed do, and what is taken from others as what moves and reviews take:
    beyond it they are held together until somebody confirms them.
    """
    ids = list(dict.fromkeys(finding_ids))
    with workshop.cache.read() as session:
        leavers = findings.of_kind(session, ids, FindingKind.ENDED)
    others = [number for number in ids if number not in leavers]
    with workshop.cache.write() as session:
        held = _hold(workshop, session, _wanted(_settlements(workshop, session, others)))
    parts = [[number for number in ids if number in leavers]]
    parts += [others[start : start + AT_ONCE] for start in range(0, len(others), AT_ONCE)]
    opened: dict[int, Opened] = {}
    for part in filter(None, parts):
        with workshop.cache.write() as session:
            opened |= {each.finding: each for each in _open_some(workshop, session, part, held)}
    if held is not None:
        with workshop.cache.write() as session:
            _count_held(workshop, session, held[0])
    return [opened[number] for number in ids]


def _hold(workshop: Workshop, session: Session, wanted: Sequence[Settlement]) -> Held:
    """The batch for cases that together take more away than the guard allows; leavers have a guard of their own."""
    taking = [each for each in wanted if each.kind is not CaseKind.LEAVER and not each.bound]
    removals = sum(len(each.scope.revoke) + len(each.scope.disable) for each in taking)
    why = removals_guard(workshop, session, removals, "by findings")
    if not why:
        return None
    batch = open_batch(session, "findings", why, workshop.actor, workshop.clock(), held=len(taking))
    return batch.id or 0, why


def _count_held(workshop: Workshop, session: Session, number: int) -> None:
    """Let the batch say how many cases it holds, now that some may have been refused."""
    batch = session.get_one(BatchRow, number)
    held = session.scalar(select(func.count()).select_from(CaseRow).where(col(CaseRow.batch_id) == number)) or 0
    batch.held = batch.leavers = int(held)
    if not held:
        batch.state, batch.decided_at = batches.EMPTY, workshop.clock()
    signal_change(session, workshop.clock(), "batch", number)


def _settlements(workshop: Workshop, session: Session, ids: Sequence[int]) -> dict[int, Settlement | int | str]:
    """What settles each finding: a case to open, one that is live, or why there is none."""
    found: dict[int, Settlement | int | str] = {}
    for number in ids:
        try:
            found[number] = settlement(workshop, session, number, "")
        except JmltuiError as refusal:
            found[number] = str(refusal)
    return found


def _wanted(found: Mapping[int, Settlement | int | str]) -> list[Settlement]:
    return [each for each in found.values() if isinstance(each, Settlement)]


def _open_some(workshop: Workshop, session: Session, ids: Sequence[int], held: Held) -> list[Opened]:
    found = _settlements(workshop, session, ids)
    opening = _Opening(workshop, session, _wanted(found), held)
    opened = []
    for number, each in found.items():
        if isinstance(each, str):
            opened.append(Opened(number, 0, each))
            continue
        try:
            opened.append(Opened(number, each if isinstance(each, int) else opening.open(each)))
        except NotAllowed as refusal:
            opened.append(Opened(number, 0, str(refusal)))
    return opened


class _Opening:
    """Opens cases in one transaction, by one planner; `held` is the batch of those that are no leavers."""

    def __init__(self, workshop: Workshop, session: Session, wanted: Sequence[Settlement], held: Held) -> None:
        self._workshop = workshop
        self._session = session
        self._now = workshop.clock()
        self._planner = Planner(workshop, session, [each.person for each in wanted])
        leavers = [each.person.source for each in wanted if each.kind is CaseKind.LEAVER and not each.bound]
        self._leavers = {source: self._batch(source, leavers.count(source)) for source in dict.fromkeys(leavers)}
        self._others = held

    def open(self, wanted: Settlement) -> int:
        """Open the case and bind the finding to it. Raises NotAllowed when nothing is left to be taken away."""
        case = wanted.bound or self._opened(wanted)
        row = wanted.row
        row.state, row.case_id, row.version = FindingState.CASE.value, case, row.version + 1
        word = "bound" if wanted.bound else "opened"
        summary = f"{self._workshop.actor} {word} case {case} for finding {row.id}: {row.detail}"
        entry = Entry(
            self._workshop.actor,
            "finding.case",
            summary,
            case,
            row.person_id or None,
            row.system,
            {"finding": row.id, "key": row.key},
        )
        append(self._session, self._now, entry)
        signal_change(self._session, self._now, "finding", row.id)
        return case

    def _opened(self, wanted: Settlement) -> int:
        row, person = wanted.row, wanted.person
        plan = self._planner.plan(wanted.kind, person, wanted.scope)
        if not any(line.kind in (DiffKind.REMOVE, DiffKind.BLOCKED) for line in plan.lines):
            raise NotAllowed(f"Nothing of finding {row.id} is left to be taken away.", hint=SCAN_AGAIN)
        event: dict[str, object] = {"finding": row.id, "found": row.detail}
        if wanted.kind is CaseKind.LEAVER:
            event |= {"ends": person.ends.isoformat() if person.ends else person.status.value, "reason": person.reason}
            self._end_others(person)
        return open_scoped(
            self._workshop,
            self._session,
            wanted.kind,
            person,
            wanted.scope,
            event,
            f"finding:{row.key}:{row.version}",
            self._now,
            planner=self._planner,
            held_in=self._leavers.get(person.source) if wanted.kind is CaseKind.LEAVER else self._others,
        )

    def _end_others(self, person: Person) -> None:
        """Who leaves has no other case: their leaver takes everything."""
        for case in cases.live_cases_of(self._session, person.id):
            cases.cancel(self._session, case, "leaver came in between", self._now)
        replans.outdate(self._session, [person.id])

    def _batch(self, source: str, leavers: int) -> Held:
        """The batch that holds these leavers together where they are more than the guard allows; else None."""
        why = leavers_guard(self._workshop, self._session, source, leavers, self._now)
        if not why:
            return None
        batch = open_batch(self._session, source, why, self._workshop.actor, self._now, held=leavers)
        return batch.id or 0, why
