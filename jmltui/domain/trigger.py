"""Triggers: when the work of a case becomes due."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from .case import CaseKind
from .duration import parse_duration
from .person import ATTRIBUTES, Person, PersonStatus, local_midnight


class TriggerWhen(StrEnum):
    """`EFFECTIVE` is the event's own instant, `LAST_DAY_END` the midnight after the last day, `DATE` a date the
    person has.
    """

    AT_ONCE = "immediate"
    EFFECTIVE = "effective date"
    LAST_DAY_END = "last_working_day_end"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Trigger:
    """When the procedure for `event` (a case kind) becomes due.

    With `DATE`, `attribute` names the date (`starts`, `ends` or a further attribute with an ISO date) and `offset`
    is what lies between it and the work, negative for before. Whole days are days of the calendar where the person
    is.
    """

    event: str
    when: TriggerWhen
    offset: timedelta = timedelta(0)
    attribute: str = ""


FORMS: Final = (
    "immediate, effective date, last_working_day_end, person.starts, 3d before person.starts or 2w after person.ends"
)
"""The forms of a trigger's `when`, as a sentence shows them."""

_LONGEST: Final = timedelta(days=3660)
_DAY: Final = timedelta(days=1)
_DATES: Final = ("starts", "ends")
_WORDS: Final = {
    when.value.replace("_", " "): when
    for when in (TriggerWhen.AT_ONCE, TriggerWhen.EFFECTIVE, TriggerWhen.LAST_DAY_END)
}
_DATE_FORM: Final = re.compile(
    r"(?:(?P<length>.+?)\s+(?P<side>before|after)\s+)?person\.(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)"
)


def parse_trigger_when(text: str) -> tuple[TriggerWhen, timedelta, str]:
    """What a trigger's `when` means: the kind, the offset (negative is before) and the attribute ("" without one).

    Raises ValueError with a sentence that shows the forms.
    """
    plain = " ".join(text.split())
    word = _WORDS.get(plain.replace("_", " ").lower())
    if word is not None:
        return word, timedelta(0), ""
    match = _DATE_FORM.fullmatch(plain)
    if match is None:
        raise ValueError(f"“{text}” does not say when a procedure is due; write {FORMS}.")
    name = match["name"]
    if name in ATTRIBUTES and name not in _DATES:
        raise ValueError(f"“person.{name}” in “{text}” is not a date; write {FORMS}.")
    length = parse_duration(match["length"]) if match["length"] else timedelta(0)
    if length > _LONGEST:
        raise ValueError(f"“{text}” is more than ten years away from the date; write a shorter time.")
    return TriggerWhen.DATE, -length if match["side"] == "before" else length, name


def due_at(trigger: Trigger | None, person: Person, event_due: datetime, default_zone: str, now: datetime) -> datetime:
    """The instant at which the work of a case begins; it may lie in the past.

    `event_due` is the instant that the event itself states. It stands where the trigger has nothing else to say, and
    where the date the trigger speaks of is missing or is no date. Urgent leavers are due now, whatever the trigger;
    for whom the source already calls left, the last day's end cannot put off what the event asks for.
    """
    if trigger is None:
        return event_due
    if trigger.when is TriggerWhen.AT_ONCE or (person.urgent and trigger.event == CaseKind.LEAVER):
        return now
    if trigger.when is TriggerWhen.EFFECTIVE:
        return event_due
    if trigger.when is TriggerWhen.DATE:
        found = _dated(person, trigger.attribute, trigger.offset, default_zone)
        return event_due if found is None else found
    found = _dated(person, "ends", timedelta(0), default_zone)
    if found is None:
        return event_due
    return min(found, event_due) if person.status is PersonStatus.LEFT else found


def _dated(person: Person, attribute: str, offset: timedelta, default_zone: str) -> datetime | None:
    """The local midnight of a person's date, shifted; None where there is no such date or none that a calendar has.

    An end date is the last day that counts, so its instant is the midnight after it.
    """
    bare = attribute.removeprefix("person.")
    try:
        day = date.fromisoformat((person.attribute(bare) or "").strip())
    except ValueError:
        return None
    zone = person.zone_info(default_zone)
    days = 0 if offset % _DAY else offset.days
    rest = offset - days * _DAY
    if bare == "ends":
        days += 1
    try:
        return local_midnight(day + timedelta(days=days), zone) + rest
    except OverflowError:  # 9999-12-31 and the like, which sources write for "never"
        return None
