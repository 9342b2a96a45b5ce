"""Targets that count in working time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmltui.domain.window import WEEKDAYS
from jmltui.domain.working_time import (
    Lateness,
    WorkingTime,
    lateness,
    parse_working_time,
    soon_at,
    target_at,
)

HOUR, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
WORKDAYS = WEEKDAYS[:5]
OFFICE = parse_working_time("Europe/Berlin", WORKDAYS, "08:00-18:00", ["2026-12-25", date(2026, 1, 1)])
NIGHT = parse_working_time("Europe/Berlin", WEEKDAYS, "22:00-06:00", [])

ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Beirut", "America/Santiago", "Pacific/Apia")
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30)))
HOLIDAYS = st.lists(st.dates(date(2011, 12, 1), date(2012, 1, 31)), max_size=12).map(tuple)
CALENDARS = st.builds(
    WorkingTime,
    st.sampled_from(ZONES),
    st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True).map(tuple),
    TIMES,
    TIMES,
    HOLIDAYS,
).filter(lambda calendar: calendar.window.length >= HOUR)  # the longest of LENGTHS must fit into ten years
INSTANTS = st.one_of(
    st.timedeltas(timedelta(0), timedelta(days=60)).map(lambda since: datetime(2011, 12, 1, tzinfo=UTC) + since),
    st.timedeltas(timedelta(0), timedelta(days=31000)).map(lambda since: datetime(1975, 1, 1, tzinfo=UTC) + since),
)
LENGTHS = st.one_of(
    st.timedeltas(timedelta(0), timedelta(days=9)),
    st.integers(0, 400).map(lambda quarters: quarters * timedelta(minutes=15)),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def counted(calendar: WorkingTime, length: timedelta) -> timedelta:
    """The working time that a target of a length means: whole days are working days."""
    nominal = (datetime.combine(date.min, calendar.end) - datetime.combine(date.min, calendar.start)) % DAY or DAY
    return length // DAY * nominal if length % DAY == timedelta(0) else length


@pytest.mark.parametrize(
    ("begin", "amount", "end"),
    [
        # In January Berlin is an hour ahead: the office is open from 07:00 to 17:00 UTC. The 5th is a Monday.
        ("2026-01-05 07:00", 2 * HOUR, "2026-01-05 09:00"),
        ("2026-01-05 03:00", 2 * HOUR, "2026-01-05 09:00"),
        ("2026-01-05 16:00", 2 * HOUR, "2026-01-06 08:00"),
        ("2026-01-05 16:00", HOUR, "2026-01-05 17:00"),
        ("2026-01-05 20:00", timedelta(minutes=15), "2026-01-06 07:15"),
        ("2026-01-09 16:30", HOUR, "2026-01-12 07:30"),
        ("2026-01-10 12:00", HOUR, "2026-01-12 08:00"),
        # A day is ten hours here, whatever was left of the first one.
        ("2026-01-05 07:00", DAY, "2026-01-05 17:00"),
        ("2026-01-05 09:00", DAY, "2026-01-06 09:00"),
        ("2026-01-05 09:00", 24 * HOUR, "2026-01-06 09:00"),
        ("2026-01-08 09:00", 3 * DAY, "2026-01-13 09:00"),
        ("2026-01-05 09:00", timedelta(weeks=1), "2026-01-14 09:00"),
        # What is no whole number of days counts hour by hour.
        ("2026-01-05 07:00", 23 * HOUR, "2026-01-07 10:00"),
        ("2026-01-05 07:00", 25 * HOUR, "2026-01-07 12:00"),
        # New Year and Christmas are holidays.
        ("2025-12-31 16:00", 2 * HOUR, "2026-01-02 08:00"),
        ("2026-12-24 09:00", DAY, "2026-12-28 09:00"),
        # The clocks change on the weekend of 28 March: Monday's hours are an hour earlier in UTC.
        ("2026-03-27 16:00", 2 * HOUR, "2026-03-30 07:00"),
        ("2026-10-23 15:00", 2 * HOUR, "2026-10-26 08:00"),
        ("2026-01-10 12:00", timedelta(0), "2026-01-10 12:00"),
        ("2026-01-10 12:00", -HOUR, "2026-01-10 12:00"),
    ],
)
def test_when_working_time_has_passed(begin: str, amount: timedelta, end: str) -> None:
    assert OFFICE.after(utc(begin), amount) == utc(end)


@pytest.mark.parametrize(
    ("begin", "end", "hours"),
    [
        ("2026-01-05 00:00", "2026-01-06 00:00", 10),
        ("2026-01-05 08:00", "2026-01-05 09:30", 1.5),
        ("2026-01-05 00:00", "2026-01-12 00:00", 50),
        ("2026-01-10 00:00", "2026-01-11 23:00", 0),
        ("2026-01-05 09:00", "2026-01-05 09:00", 0),
        ("2026-01-06 09:00", "2026-01-05 09:00", 0),
        ("2026-12-24 12:00", "2026-12-28 08:00", 6),
        ("2025-12-31 12:00", "2026-01-02 08:00", 6),
        ("2026-03-27 12:00", "2026-03-30 07:00", 6),
    ],
)
def test_working_time_between_two_instants(begin: str, end: str, hours: float) -> None:
    assert OFFICE.between(utc(begin), utc(end)) == hours * HOUR


def test_a_year_of_working_time() -> None:
    weekdays = sum(1 for n in range(365) if (date(2026, 1, 1) + n * DAY).weekday() < 5)
    assert OFFICE.between(utc("2025-12-31 23:00"), utc("2026-12-31 23:00")) == (weekdays - 2) * 10 * HOUR


@pytest.mark.parametrize(
    ("begin", "morning", "hours"),
    [
        ("2026-03-28 12:00", "2026-03-29 04:00", 7),
        ("2026-10-24 12:00", "2026-10-25 05:00", 9),
        ("2026-01-05 12:00", "2026-01-06 05:00", 8),
    ],
)
def test_a_night_in_which_the_clocks_change_is_as_long_as_it_is(begin: str, morning: str, hours: int) -> None:
    assert NIGHT.between(utc(begin), utc(begin) + DAY) == hours * HOUR
    assert NIGHT.after(utc(begin), hours * HOUR) == utc(morning)


def test_a_shift_over_midnight_has_the_holiday_of_the_day_on_which_it_starts() -> None:
    night = parse_working_time("UTC", WEEKDAYS, "22:00-06:00", ["2026-01-06"])
    assert night.between(utc("2026-01-06 00:00"), utc("2026-01-06 12:00")) == 6 * HOUR
    assert night.between(utc("2026-01-06 12:00"), utc("2026-01-07 12:00")) == timedelta(0)


def test_instants_may_come_in_any_zone_and_results_are_in_utc() -> None:
    begin = utc("2026-01-05 09:00").astimezone(ZoneInfo("America/Los_Angeles"))
    end = OFFICE.after(begin, DAY)
    assert end == utc("2026-01-06 09:00")
    assert end.utcoffset() == timedelta(0)
    assert OFFICE.between(begin, end.astimezone(ZoneInfo("Pacific/Apia"))) == 10 * HOUR
    berlin = utc("2026-03-28 12:00").astimezone(ZoneInfo("Europe/Berlin"))
    assert target_at(berlin, DAY, None) == utc("2026-03-29 12:00")
    assert target_at(berlin, DAY, None).utcoffset() == timedelta(0)


def test_a_day_that_does_not_exist_holds_no_work() -> None:
    apia = parse_working_time("Pacific/Apia", WORKDAYS, "08:00-18:00", [])
    assert apia.between(utc("2011-12-29 10:00"), utc("2012-01-01 10:00")) == 10 * HOUR
    assert apia.after(utc("2011-12-29 20:00"), 2 * DAY) == utc("2012-01-02 20:00")


def test_work_day_and_night_is_plain_time() -> None:
    always = parse_working_time("Europe/Berlin", WEEKDAYS, "00:00-24:00", [])
    for begin in ("2026-03-28 13:00", "2026-10-24 13:00"):
        assert always.after(utc(begin), 2 * DAY) == utc(begin) + 2 * DAY
        assert always.between(utc(begin), utc(begin) + 30 * HOUR) == 30 * HOUR


def test_how_it_is_told() -> None:
    assert OFFICE.told() == "mon-fri 08:00-18:00 Europe/Berlin"
    assert NIGHT.told() == "mon-sun 22:00-06:00 Europe/Berlin"


def test_what_is_read() -> None:
    read = parse_working_time(" Europe/Berlin ", ["Fri", "mon", "mon"], "8:00-24:00", ["2026-12-25", date(2026, 1, 1)])
    assert read == WorkingTime(
        "Europe/Berlin", ("mon", "fri"), time(8), time(0), (date(2026, 1, 1), date(2026, 12, 25))
    )


@pytest.mark.parametrize(
    ("zone", "days", "hours", "holidays", "part"),
    [
        ("Europe/Berlim", ["mon"], "08:00-18:00", [], "“Europe/Berlim” is not a time zone; write a name like"),
        ("", ["mon"], "08:00-18:00", [], "“” is not a time zone"),
        ("Europe", ["mon"], "08:00-18:00", [], "“Europe” is not a time zone"),
        ("../etc/passwd", ["mon"], "08:00-18:00", [], "is not a time zone"),
        ("UTC", [], "08:00-18:00", [], "No days are given"),
        ("UTC", ["monday"], "08:00-18:00", [], "“monday” is not a day"),
        ("UTC", ["mon"], "8-18", [], "“8-18” are not hours"),
        ("UTC", ["mon"], "08:00-18:00", ["25.12.2026"], "“25.12.2026” is not a date; write a holiday like 2026-12-25."),
        ("UTC", ["mon"], "08:00-18:00", ["2026-02-29"], "“2026-02-29” is not a date"),
        ("UTC", ["mon"], "08:00-18:00", [datetime(2026, 12, 25, 9, tzinfo=UTC)], "is not a date"),
    ],
)
def test_what_is_no_working_time_is_refused_with_a_sentence(
    zone: str, days: list[str], hours: str, holidays: list[str | date], part: str
) -> None:
    with pytest.raises(ValueError, match=r"\.$") as refused:
        parse_working_time(zone, days, hours, holidays)
    assert part in str(refused.value)
    assert str(refused.value).endswith(".")


def test_working_time_made_without_the_parser_is_checked_too() -> None:
    with pytest.raises(ValueError, match="No days are given"):
        WorkingTime("UTC", (), time(8), time(18))
    with pytest.raises(ValueError, match="is not a time zone"):
        WorkingTime("Nowhere", ("mon",), time(8), time(18))


def test_a_calendar_without_usable_hours_is_given_up_and_not_counted_for_ever() -> None:
    begin = date(2026, 1, 1)
    closed = WorkingTime("UTC", WEEKDAYS, time(8), time(18), tuple(begin + n * DAY for n in range(-3, 3700)))
    since = perf_counter()
    with pytest.raises(OverflowError, match=r"Within ten years of 2026-01-01 .* \(mon-sun 08:00-18:00 UTC\)\.$"):
        closed.after(utc("2026-01-01 12:00"), HOUR)
    assert perf_counter() - since < 60
    assert closed.between(utc("2026-01-01 12:00"), utc("2035-01-01 12:00")) == timedelta(0)
    with pytest.raises(OverflowError, match="Within ten years"):
        OFFICE.after(utc("2026-01-01 12:00"), timedelta(weeks=999_999))


@settings(deadline=None)
@given(calendar=CALENDARS, begin=INSTANTS, length=LENGTHS)
def test_between_undoes_after(calendar: WorkingTime, begin: datetime, length: timedelta) -> None:
    end = calendar.after(begin, length)
    assert end >= begin
    assert calendar.between(begin, end) == counted(calendar, length)
    if end > begin:
        assert calendar.between(begin, end - TICK) == counted(calendar, length) - TICK


@settings(deadline=None)
@given(calendar=CALENDARS, begin=INSTANTS, one=LENGTHS, other=LENGTHS)
def test_more_working_time_is_never_over_earlier(
    calendar: WorkingTime, begin: datetime, one: timedelta, other: timedelta
) -> None:
    less, more = sorted((one, other), key=lambda length: counted(calendar, length))
    assert calendar.after(begin, less) <= calendar.after(begin, more)


@settings(deadline=None)
@given(calendar=CALENDARS, one=INSTANTS, wait=st.timedeltas(timedelta(0), timedelta(days=40)), length=LENGTHS)
def test_what_begins_later_is_never_over_earlier(
    calendar: WorkingTime, one: datetime, wait: timedelta, length: timedelta
) -> None:
    assert calendar.after(one, length) <= calendar.after(one + wait, length)


@settings(deadline=None)
@given(calendar=CALENDARS, instants=st.lists(INSTANTS, min_size=3, max_size=3).map(sorted))
def test_working_time_adds_up(calendar: WorkingTime, instants: list[datetime]) -> None:
    first, middle, last = (min(at, instants[0] + timedelta(days=500)) for at in instants)
    total = calendar.between(first, last)
    assert calendar.between(first, middle) + calendar.between(middle, last) == total
    assert timedelta(0) <= total <= last - first
    assert calendar.between(last, first) == timedelta(0)


@settings(deadline=None)
@given(calendar=CALENDARS, begin=INSTANTS)
def test_work_passes_just_while_the_window_is_open_and_holidays_only_take_away(
    calendar: WorkingTime, begin: datetime
) -> None:
    zone = ZoneInfo(calendar.zone)
    plain = WorkingTime(calendar.zone, calendar.days, calendar.start, calendar.end)
    begin = begin.replace(second=0, microsecond=0)
    for number in range(20):
        at = begin + number * timedelta(minutes=97)
        assert (plain.between(at, at + TICK) == TICK) is plain.window.is_open(at, zone)
        assert calendar.between(at, at + TICK) <= plain.between(at, at + TICK)


def test_without_working_time_the_clock_runs_day_and_night() -> None:
    begin = utc("2026-01-10 12:00")
    assert target_at(begin, DAY, None) == begin + DAY
    assert soon_at(begin, begin + DAY, None) == begin + 18 * HOUR
    assert soon_at(begin, begin - DAY, None) == begin


def test_three_quarters_of_the_working_time_is_soon() -> None:
    begin = utc("2026-01-05 09:00")
    target = target_at(begin, 4 * DAY, OFFICE)
    assert target == utc("2026-01-09 09:00")
    assert soon_at(begin, target, OFFICE) == utc("2026-01-08 09:00")
    # Three quarters of 32 hours are 24 working hours here, and not one working day.
    assert soon_at(begin, OFFICE.after(begin, 32 * HOUR), OFFICE) == utc("2026-01-07 13:00")


def test_where_no_work_lies_before_the_target_the_clock_runs_day_and_night() -> None:
    saturday = utc("2026-01-10 12:00")
    assert soon_at(saturday, saturday + 4 * HOUR, OFFICE) == saturday + 3 * HOUR
    assert soon_at(saturday, saturday, OFFICE) == saturday
    assert soon_at(saturday, saturday - DAY, OFFICE) == saturday


@settings(deadline=None)
@given(calendar=st.none() | CALENDARS, begin=INSTANTS, length=LENGTHS)
def test_soon_lies_between_the_begin_and_the_target(
    calendar: WorkingTime | None, begin: datetime, length: timedelta
) -> None:
    target = target_at(begin, length, calendar)
    soon = soon_at(begin, target, calendar)
    assert begin <= soon <= target
    told = [lateness(at, target, soon) for at in (begin - TICK, soon, target, target + TICK)]
    assert told == [Lateness.ON_TIME, Lateness.SOON, Lateness.SOON, Lateness.LATE]


def test_how_something_stands() -> None:
    target, soon = utc("2026-01-05 12:00"), utc("2026-01-05 11:00")
    assert lateness(soon - TICK, target, soon) == "on time"
    assert lateness(soon, target, soon) == "soon late"
    assert lateness(target, target, soon) == "soon late"
    assert lateness(target + TICK, target, soon) == "late"
    assert lateness(target, target, None) == "on time"
    assert lateness(target + TICK, target, None) == "late"
    # A date in the past starts late.
    assert lateness(utc("2026-01-06 12:00"), target, target) is Lateness.LATE
