"""What happened to a person: the decision from two statements of a source, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .case import CaseKind
from .person import Person, PersonStatus


@dataclass(frozen=True, slots=True)
class Event:
    """Something that asks for a case. `due` is when it takes effect; `facts` say what changed.

    Of an event that is there `once`, no second case is ever opened; others may happen again.
    """

    kind: CaseKind
    due: datetime
    key: str
    facts: dict[str, object]
    once: bool = False


def detect(
    before: Person | None,
    after: Person,
    *,
    was_present: bool,
    mover_attributes: Sequence[str],
    zone: str,
    now: datetime,
) -> Event | None:
    """The event that follows from what the source said before and says now, or None.

    A leaver is somebody whom the source calls left, or who has an end date that was not there before. Somebody new or
    back who is not leaving joins (or rejoins). A mover changed an attribute that the policy cares for; who has an end
    date moves like everybody else until then.
    """
    ends = after.access_ends(zone)
    leaving = after.status is PersonStatus.LEFT or ends is not None
    ended = _has_ended(after, zone, now)
    if ended and before is None:
        return None
    # Who had ended and begins again comes back, also with the end of the new employment known already.
    had_ended = before is not None and was_present and _has_ended(before, zone, now)
    if had_ended and not ended:
        return _begins(CaseKind.REHIRE, after, zone, now)
    was_leaving = (
        before is not None and was_present and (before.status is PersonStatus.LEFT or before.last_day is not None)
    )
    if (
        leaving
        and before is not None
        and (not was_leaving or (before.status, before.ends) != (after.status, after.ends))
    ):
        due = now if after.urgent or after.status is PersonStatus.LEFT or ends is None else ends
        when = after.ends.isoformat() if after.ends else after.status.value
        return Event(CaseKind.LEAVER, due, f"leaver:{when}", {"ends": when, "reason": after.reason})
    if ended or (leaving and was_leaving and after.urgent):
        return None
    if before is None or not was_present or (was_leaving and not leaving):
        return _begins(CaseKind.JOINER if before is None else CaseKind.REHIRE, after, zone, now)
    moved = {
        name: {"before": before.attribute(name) or "", "after": after.attribute(name) or ""}
        for name in mover_attributes
        if before.attribute(name) != after.attribute(name)
    }
    if moved:
        return Event(CaseKind.MOVER, now, "mover", dict(moved))
    return None


def ended(person: Person, *, zone: str, now: datetime) -> Event | None:
    """The leaver that a person becomes when their end date comes, however long ago the source told it; else None."""
    ends = person.access_ends(zone)
    if person.ends is None or ends is None or ends > now:
        return None
    when = person.ends.isoformat()
    return Event(CaseKind.LEAVER, ends, f"ended:{when}", {"ends": when, "reason": person.reason}, once=True)


def _begins(kind: CaseKind, person: Person, zone: str, now: datetime) -> Event:
    begins = person.access_begins(zone)
    due = begins if begins is not None else now
    when = person.starts.isoformat() if person.starts else now.date().isoformat()
    return Event(kind, due, f"{kind.value}:{when}", {"starts": when})


def _has_ended(person: Person, zone: str, now: datetime) -> bool:
    ends = person.access_ends(zone)
    return person.status is PersonStatus.LEFT or (ends is not None and ends <= now)
