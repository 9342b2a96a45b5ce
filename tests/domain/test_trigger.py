"""When a procedure becomes due."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmltui.domain.case import CaseKind
from jmltui.domain.person import Person, PersonStatus
from jmltui.domain.trigger import Trigger, TriggerWhen, due_at, parse_trigger_when

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
STATED = datetime(2026, 3, 5, 12, tzinfo=UTC)
EVERY_WHEN = st.sampled_from(TriggerWhen)
ZONES = st.sampled_from(
    ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Beirut", "America/Santiago", "Pacific/Apia", "Asia/Kolkata")
)


def person(**given: Any) -> Person:
    return Person(key="1", name="Kim Sample", **given)


def due(trigger: Trigger | None, who: Person, zone: str = "Europe/Berlin") -> datetime:
    return due_at(trigger, who, STATED, zone, NOW)


def from_text(text: str, event: str = "joiner") -> Trigger:
    when, offset, attribute = parse_trigger_when(text)
    return Trigger(event, when, offset, attribute)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("immediate", (TriggerWhen.AT_ONCE, timedelta(0), "")),
        (" Immediate ", (TriggerWhen.AT_ONCE, timedelta(0), "")),
        ("effective date", (TriggerWhen.EFFECTIVE, timedelta(0), "")),
        ("last_working_day_end", (TriggerWhen.LAST_DAY_END, timedelta(0), "")),
        ("last working day end", (TriggerWhen.LAST_DAY_END, timedelta(0), "")),
        ("person.starts", (TriggerWhen.DATE, timedelta(0), "starts")),
        ("3d before person.starts", (TriggerWhen.DATE, timedelta(days=-3), "starts")),
        ("2w after person.ends", (TriggerWhen.DATE, timedelta(days=14), "ends")),
        ("1d  before  person.contract_review", (TriggerWhen.DATE, timedelta(days=-1), "contract_review")),
        ("12h before person.starts", (TriggerWhen.DATE, timedelta(hours=-12), "starts")),
        ("0d after person.ends", (TriggerWhen.DATE, timedelta(0), "ends")),
    ],
)
def test_the_forms_of_a_trigger(text: str, meaning: tuple[TriggerWhen, timedelta, str]) -> None:
    assert parse_trigger_when(text) == meaning


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "3d before person.starts"),
        ("date", "3d before person.starts"),
        ("tomorrow", "last_working_day_end"),
        ("3d before starts", "3d before person.starts"),
        ("3d person.starts", "3d before person.starts"),
        ("before person.starts", "2w after person.ends"),
        ("person.", "effective date"),
        ("soon before person.starts", "“soon” is not a duration"),
        ("-3d after person.starts", "“-3d” is not a duration"),
        ("3d before person.department", "“person.department” in “3d before person.department” is not a date"),
        ("9999w before person.starts", "more than ten years"),
    ],
)
def test_what_is_no_trigger_is_refused_with_the_forms(text: str, part: str) -> None:
    with pytest.raises(ValueError, match="“") as refused:
        parse_trigger_when(text)
    sentence = str(refused.value)
    assert part in sentence
    assert sentence.startswith("“")
    assert sentence.endswith(".")


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        when, offset, attribute = parse_trigger_when(text)
    except ValueError as refused:
        sentence = str(refused)
    else:
        sentence = "."
        assert (when is TriggerWhen.DATE) == bool(attribute)
        assert attribute or not offset
    assert sentence.endswith(".")


def test_without_a_trigger_the_event_says_when() -> None:
    assert due(None, person(starts=date(2026, 4, 1))) == STATED
    assert due(from_text("effective date"), person(starts=date(2026, 4, 1))) == STATED


def test_immediate_is_now() -> None:
    assert due(from_text("immediate"), person(starts=date(2026, 4, 1))) == NOW


@pytest.mark.parametrize(
    ("ends", "zone", "instant"),
    [
        (date(2026, 3, 31), "Pacific/Auckland", utc(2026, 3, 31, 11)),
        (date(2026, 3, 31), "America/Los_Angeles", utc(2026, 4, 1, 7)),
        (date(2026, 10, 24), "Europe/Berlin", utc(2026, 10, 24, 22)),
        (date(2026, 10, 25), "Europe/Berlin", utc(2026, 10, 25, 23)),
        (date(2026, 3, 28), "Asia/Beirut", utc(2026, 3, 28, 22)),
        (date(2026, 9, 5), "America/Santiago", utc(2026, 9, 6, 4)),
        (date(2011, 12, 29), "Pacific/Apia", utc(2011, 12, 30, 10)),
        (date(2011, 12, 30), "Pacific/Apia", utc(2011, 12, 30, 10)),
    ],
)
def test_the_last_day_ends_at_the_midnight_after_it_where_the_person_is(
    ends: date, zone: str, instant: datetime
) -> None:
    leaver = from_text("last_working_day_end", "leaver")
    assert due(leaver, person(ends=ends, zone=zone)) == instant
    assert due(leaver, person(ends=ends), zone) == instant
    assert due(from_text("person.ends", "leaver"), person(ends=ends, zone=zone)) == instant


def test_without_a_last_day_the_event_says_when() -> None:
    assert due(from_text("last_working_day_end", "leaver"), person()) == STATED


def test_whom_the_source_calls_left_does_not_keep_access_to_the_last_day() -> None:
    leaver = from_text("last_working_day_end", "leaver")
    gone = person(ends=date(2026, 4, 30), status=PersonStatus.LEFT)
    assert due(leaver, gone) == STATED
    assert due(leaver, person(ends=date(2026, 2, 1), status=PersonStatus.LEFT)) == utc(2026, 1, 31, 23) + timedelta(1)
    assert due(leaver, person(ends=date(2026, 4, 30))) == utc(2026, 4, 30, 22)


@pytest.mark.parametrize(
    ("text", "dates", "zone", "instant"),
    [
        ("person.starts", {"starts": date(2026, 4, 1)}, "Europe/Berlin", utc(2026, 3, 31, 22)),
        # The clocks change between the two: three days of the calendar are 71 hours.
        ("3d before person.starts", {"starts": date(2026, 3, 31)}, "Europe/Berlin", utc(2026, 3, 27, 23)),
        ("1d before person.starts", {"starts": date(2026, 10, 26)}, "Europe/Berlin", utc(2026, 10, 24, 22)),
        ("24h before person.starts", {"starts": date(2026, 10, 26)}, "Europe/Berlin", utc(2026, 10, 24, 22)),
        # Parts of a day are elapsed time from the midnight.
        ("12h before person.starts", {"starts": date(2026, 10, 26)}, "Europe/Berlin", utc(2026, 10, 25, 11)),
        ("36h before person.starts", {"starts": date(2026, 10, 26)}, "Europe/Berlin", utc(2026, 10, 24, 11)),
        # Midnight is skipped in Beirut on 29 March and in Santiago on 6 September; the day begins at one.
        ("1w before person.starts", {"starts": date(2026, 4, 5)}, "Asia/Beirut", utc(2026, 3, 28, 22)),
        ("1d after person.starts", {"starts": date(2026, 9, 5)}, "America/Santiago", utc(2026, 9, 6, 4)),
        # 30 December 2011 does not exist in Apia.
        ("1d before person.starts", {"starts": date(2011, 12, 31)}, "Pacific/Apia", utc(2011, 12, 30, 10)),
        # Half an hour in Lord Howe, on 5 April and 4 October.
        ("1d after person.starts", {"starts": date(2026, 4, 5)}, "Australia/Lord_Howe", utc(2026, 4, 5, 13, 30)),
        ("1d before person.starts", {"starts": date(2026, 4, 6)}, "Australia/Lord_Howe", utc(2026, 4, 4, 13)),
        # What counts from the last day counts from its end.
        ("2w after person.ends", {"ends": date(2026, 3, 31)}, "Pacific/Auckland", utc(2026, 4, 14, 12)),
        ("3d before person.ends", {"ends": date(2026, 3, 31)}, "Europe/Berlin", utc(2026, 3, 28, 23)),
        ("12h before person.ends", {"ends": date(2026, 3, 31)}, "UTC", utc(2026, 3, 31, 12)),
    ],
)
def test_a_date_of_the_person_shifted(text: str, dates: dict[str, date], zone: str, instant: datetime) -> None:
    assert due(from_text(text), person(zone=zone, **dates)) == instant


def test_a_further_attribute_may_hold_the_date() -> None:
    review = person(attributes={"contract_review": " 2026-05-10 "}, zone="UTC")
    assert due(from_text("1d before person.contract_review", "review"), review) == utc(2026, 5, 9)
    assert due(Trigger("review", TriggerWhen.DATE, timedelta(0), "person.contract_review"), review) == utc(2026, 5, 10)


@pytest.mark.parametrize("value", ["", "soon", "31.12.2026", "2026-02-30", "2026-05-10T08:00:00Z", "9999-12-31"])
def test_a_date_that_cannot_be_read_leaves_it_to_the_event(value: str) -> None:
    who = person(attributes={"contract_review": value})
    assert due(from_text("2w after person.contract_review"), who) == STATED


def test_a_missing_date_leaves_it_to_the_event() -> None:
    assert due(from_text("3d before person.starts"), person()) == STATED
    assert due(from_text("person.no_such_column"), person()) == STATED


@pytest.mark.parametrize("text", ["last_working_day_end", "2w after person.ends"])
def test_an_end_that_means_never_leaves_it_to_the_event(text: str) -> None:
    assert due(from_text(text, "leaver"), person(ends=date.max)) == STATED


@settings(deadline=None)
@given(when=EVERY_WHEN, kind=st.sampled_from(CaseKind))
def test_urgent_leavers_are_due_now_and_nobody_else(when: TriggerWhen, kind: CaseKind) -> None:
    trigger = Trigger(kind.value, when, timedelta(days=7), "ends" if when is TriggerWhen.DATE else "")
    urgent = person(ends=date(2026, 4, 30), urgent=True)
    at = due(trigger, urgent)
    if kind is CaseKind.LEAVER or when is TriggerWhen.AT_ONCE:
        assert at == NOW
    else:
        assert at == due(trigger, person(ends=date(2026, 4, 30)))
        assert at != NOW


@settings(deadline=None)
@given(
    day=st.dates(date(1975, 1, 1), date(2090, 1, 1)),
    days=st.integers(-60, 60),
    zone=ZONES,
    attribute=st.sampled_from(("starts", "ends")),
)
def test_whole_days_always_land_on_the_first_instant_of_a_local_day(
    day: date, days: int, zone: str, attribute: str
) -> None:
    trigger = Trigger("joiner", TriggerWhen.DATE, timedelta(days=days), attribute)
    at = due(trigger, person(zone=zone, **{attribute: day}))
    wanted = day + timedelta(days=days + (attribute == "ends"))
    local = at.astimezone(ZoneInfo(zone))
    before = (at - timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
    assert at.utcoffset() == timedelta(0)
    assert before.date() < wanted <= local.date()


@settings(deadline=None)
@given(
    first=st.integers(-400, 400),
    second=st.integers(-400, 400),
    day=st.dates(date(1975, 1, 1), date(2090, 1, 1)),
    zone=ZONES,
)
def test_a_later_offset_is_never_due_earlier(first: int, second: int, day: date, zone: str) -> None:
    low, high = sorted((first, second))
    who = person(starts=day, zone=zone)
    early, late = (due(Trigger("x", TriggerWhen.DATE, timedelta(days=n), "starts"), who) for n in (low, high))
    assert early <= late
