"""Hours of the week, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmltui.domain.window import WEEKDAYS, Window, local_instant, parse_window

TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
WORKDAYS = WEEKDAYS[:5]

CHANGES = (
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("Asia/Beirut", date(2026, 10, 25)),
    ("America/Santiago", date(2026, 4, 5)),
    ("America/Santiago", date(2026, 9, 6)),
    ("America/Havana", date(2026, 11, 1)),
    ("America/St_Johns", date(2006, 10, 29)),  # at 00:01 back to 23:01 of the day before
    ("Europe/Dublin", date(2026, 10, 25)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Antarctica/Troll", date(2026, 3, 29)),  # two hours
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that does not exist
    ("Pacific/Kwajalein", date(1993, 8, 21)),  # another one
    ("Pacific/Kwajalein", date(1969, 9, 30)),  # a day that came twice
    ("Asia/Kolkata", date(2026, 10, 25)),  # none
    ("UTC", date(2026, 3, 29)),
)

DAYS = st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True).map(
    lambda days: tuple(day for day in WEEKDAYS if day in days)
)
TIMES = st.one_of(
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    st.builds(time, st.integers(0, 3), st.sampled_from((0, 1, 30))),
)
WINDOWS = st.builds(Window, DAYS, TIMES, TIMES)


@st.composite
def moments(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """A zone and an instant, most of them within days of a change of its clocks."""
    name, day = draw(st.sampled_from(CHANGES))
    near = datetime.combine(day, time(0), UTC)
    off = draw(st.one_of(st.integers(-4 * 1440, 4 * 1440), st.integers(-200 * 1440, 200 * 1440)))
    return ZoneInfo(name), near + off * MINUTE


def window(days: str, hours: str) -> Window:
    return parse_window(days.split(), hours)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def edges(of: Window, zone: str, begin: str, end: str) -> list[str]:
    """All edges after `begin` up to `end`, in UTC."""
    found, at = [], utc(begin)
    while (edge := of.next_edge(at, ZoneInfo(zone))) is not None and edge <= utc(end):
        found.append(f"{edge:%Y-%m-%d %H:%M}")
        at = edge
    return found


@pytest.mark.parametrize(
    ("days", "hours", "told"),
    [
        ("mon tue wed thu fri", "06:00-20:00", "mon-fri 06:00-20:00"),
        ("fri Mon WED mon", "6:00 – 9:30", "mon, wed, fri 06:00-09:30"),
        ("sat sun", "22:00-06:00", "sat-sun 22:00-06:00"),
        ("mon tue thu sun", "00:00-24:00", "mon-tue, thu, sun 00:00-24:00"),
        ("sun", "18:00-00:00", "sun 18:00-24:00"),
        (" ".join(WEEKDAYS), "00:00-24:00", "mon-sun 00:00-24:00"),
    ],
)
def test_a_window_is_told_as_it_is_written(days: str, hours: str, told: str) -> None:
    assert window(days, hours).told() == told


@pytest.mark.parametrize(
    ("days", "hours", "part"),
    [
        ([], "06:00-20:00", "No days are given; write some of mon, tue"),
        (["monday"], "06:00-20:00", "“monday” is not a day; write mon, tue, wed, thu, fri, sat or sun."),
        (["mon", ""], "06:00-20:00", "“” is not a day"),
        (["mon"], "", "“” are not hours; write from and until, like 06:00-20:00"),
        (["mon"], "6-20", "“6-20” are not hours"),
        (["mon"], "24:00-06:00", "are not hours"),
        (["mon"], "06:00-24:01", "are not hours"),
        (["mon"], "06:60-20:00", "are not hours"),
        (["mon"], "06:00-20:00 CET", "are not hours"),
        (["mon"], "06:00", "are not hours"),
    ],
)
def test_what_is_no_window_is_refused_with_the_form(days: list[str], hours: str, part: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as refused:
        parse_window(days, hours)
    assert part in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_window_made_without_the_parser_is_checked_too() -> None:
    with pytest.raises(ValueError, match="No days are given"):
        Window((), time(6), time(20))
    with pytest.raises(ValueError, match="“Mon” is not a day"):
        Window(("Mon",), time(6), time(20))


@settings(deadline=None)
@given(WINDOWS)
def test_what_is_told_reads_back_where_no_days_run_together(one: Window) -> None:
    named, hours = one.told().rsplit(" ", 1)
    days: list[str] = []
    for run in named.split(", "):
        first, _, last = run.partition("-")
        days += WEEKDAYS[WEEKDAYS.index(first) : WEEKDAYS.index(last or first) + 1]
    assert parse_window(days, hours) == one


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-01-05 04:59:59.999999", False),
        ("2026-01-05 05:00", True),
        ("2026-01-05 18:59:59.999999", True),
        ("2026-01-05 19:00", False),
        ("2026-01-10 12:00", False),
        ("2026-07-06 04:00", True),
        ("2026-07-06 18:00", False),
    ],
)
def test_hours_are_those_of_the_zone_and_without_the_last_instant(at: str, is_open: bool) -> None:
    assert window("mon tue wed thu fri", "06:00-20:00").is_open(utc(at), ZoneInfo("Europe/Berlin")) is is_open


def test_the_instant_may_come_in_any_zone() -> None:
    hours = window("mon", "06:00-20:00")
    at = utc("2026-01-05 05:00")
    for zone in ("Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland"):
        there = at.astimezone(ZoneInfo(zone))
        assert hours.is_open(there, ZoneInfo("Europe/Berlin"))
        edge = hours.next_edge(there, ZoneInfo("Europe/Berlin"))
        assert edge == utc("2026-01-05 19:00")
        assert edge.utcoffset() == timedelta(0)


def test_the_day_named_is_the_one_on_which_the_hours_start() -> None:
    night, zone = window("fri", "22:00-06:00"), ZoneInfo("UTC")
    assert not night.is_open(utc("2026-01-02 05:00"), zone)
    assert night.is_open(utc("2026-01-02 22:00"), zone)
    assert night.is_open(utc("2026-01-03 05:59"), zone)
    assert not night.is_open(utc("2026-01-03 06:00"), zone)
    assert not night.is_open(utc("2026-01-03 22:00"), zone)


def test_windows_that_touch_have_no_edge_between_them() -> None:
    whole = window("mon tue wed thu fri", "00:00-24:00")
    assert edges(whole, "Europe/Berlin", "2026-01-04 12:00", "2026-01-12 12:00") == [
        "2026-01-04 23:00",
        "2026-01-09 23:00",
        "2026-01-11 23:00",
    ]
    assert edges(window("mon tue", "06:00-06:00"), "UTC", "2026-01-05 00:00", "2026-01-09 00:00") == [
        "2026-01-05 06:00",
        "2026-01-07 06:00",
    ]


@pytest.mark.parametrize("hours", ["00:00-24:00", "06:00-06:00", "02:30-02:30", "00:00-00:00"])
@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_a_window_of_all_hours_never_closes(hours: str, zone: str, day: date) -> None:
    always = window(" ".join(WEEKDAYS), hours)
    begin = datetime.combine(day, time(0), UTC)
    assert always.next_edge(begin, ZoneInfo(zone)) is None
    assert all(always.is_open(begin + number * 7 * MINUTE, ZoneInfo(zone)) for number in range(-400, 400))


BERLIN_SPRING, BERLIN_AUTUMN = ("2026-03-28 12:00", "2026-03-29 12:00"), ("2026-10-24 12:00", "2026-10-25 12:00")


@pytest.mark.parametrize(
    ("zone", "days", "hours", "between", "expected"),
    [
        # Berlin, 29 March: 02:00 is 03:00.
        ("Europe/Berlin", "sun", "02:30-06:00", BERLIN_SPRING, ["2026-03-29 01:00", "2026-03-29 04:00"]),
        ("Europe/Berlin", "sun", "00:00-02:30", BERLIN_SPRING, ["2026-03-28 23:00", "2026-03-29 01:00"]),
        ("Europe/Berlin", "sun", "02:10-02:50", BERLIN_SPRING, []),
        ("Europe/Berlin", "sat", "22:00-06:00", BERLIN_SPRING, ["2026-03-28 21:00", "2026-03-29 04:00"]),
        ("Europe/Berlin", "sat", "22:00-02:30", BERLIN_SPRING, ["2026-03-28 21:00", "2026-03-29 01:00"]),
        # Berlin, 25 October: 03:00 is 02:00 once more.
        ("Europe/Berlin", "sun", "02:30-06:00", BERLIN_AUTUMN, ["2026-10-25 00:30", "2026-10-25 05:00"]),
        ("Europe/Berlin", "sun", "00:00-02:30", BERLIN_AUTUMN, ["2026-10-24 22:00", "2026-10-25 01:30"]),
        ("Europe/Berlin", "sun", "02:10-02:50", BERLIN_AUTUMN, ["2026-10-25 00:10", "2026-10-25 01:50"]),
        ("Europe/Berlin", "sat", "22:00-06:00", BERLIN_AUTUMN, ["2026-10-24 20:00", "2026-10-25 05:00"]),
        ("Europe/Berlin", "sat", "22:00-02:30", BERLIN_AUTUMN, ["2026-10-24 20:00", "2026-10-25 01:30"]),
        # A window that opens again before its end came for the second time stays open.
        ("Europe/Berlin", "sat sun", "02:30-02:20", BERLIN_AUTUMN, []),
        # Lord Howe: half an hour, 02:00 to 02:30 on 4 October, 02:00 back to 01:30 on 5 April.
        (
            "Australia/Lord_Howe",
            "sun",
            "02:15-04:00",
            ("2026-10-03 12:00", "2026-10-04 12:00"),
            ["2026-10-03 15:30", "2026-10-03 17:00"],
        ),
        (
            "Australia/Lord_Howe",
            "sun",
            "01:45-04:00",
            ("2026-04-04 12:00", "2026-04-05 12:00"),
            ["2026-04-04 14:45", "2026-04-04 17:30"],
        ),
        (
            "Australia/Lord_Howe",
            "sat",
            "22:00-01:45",
            ("2026-04-04 08:00", "2026-04-05 12:00"),
            ["2026-04-04 11:00", "2026-04-04 15:15"],
        ),
        # Beirut, 29 March, and Santiago, 6 September: the day begins at 01:00.
        (
            "Asia/Beirut",
            "sun",
            "00:00-24:00",
            ("2026-03-28 12:00", "2026-03-30 12:00"),
            ["2026-03-28 22:00", "2026-03-29 21:00"],
        ),
        (
            "Asia/Beirut",
            "sat",
            "06:00-24:00",
            ("2026-03-28 00:00", "2026-03-30 12:00"),
            ["2026-03-28 04:00", "2026-03-28 22:00"],
        ),
        (
            "America/Santiago",
            "sat",
            "22:00-00:30",
            ("2026-09-05 12:00", "2026-09-06 12:00"),
            ["2026-09-06 02:00", "2026-09-06 04:00"],
        ),
        (
            "America/Santiago",
            "sun",
            "00:30-06:00",
            ("2026-09-05 12:00", "2026-09-06 12:00"),
            ["2026-09-06 04:00", "2026-09-06 09:00"],
        ),
        # Beirut, 25 October, and Santiago, 5 April: the last hour of Saturday comes twice.
        (
            "Asia/Beirut",
            "sat",
            "23:15-23:45",
            ("2026-10-24 12:00", "2026-10-25 12:00"),
            ["2026-10-24 20:15", "2026-10-24 21:45"],
        ),
        (
            "America/Santiago",
            "sat",
            "06:00-24:00",
            ("2026-04-04 00:00", "2026-04-05 12:00"),
            ["2026-04-04 09:00", "2026-04-05 04:00"],
        ),
        # Apia: Thursday 29 December 2011 was followed by Saturday, the 31st, at 10:00 UTC.
        ("Pacific/Apia", "fri", "06:00-20:00", ("2011-12-28 00:00", "2012-01-05 00:00"), []),
        (
            "Pacific/Apia",
            "thu",
            "22:00-06:00",
            ("2011-12-29 12:00", "2012-01-05 00:00"),
            ["2011-12-30 08:00", "2011-12-30 10:00"],
        ),
        (
            "Pacific/Apia",
            "thu fri sat",
            "00:00-24:00",
            ("2011-12-28 12:00", "2012-01-03 00:00"),
            ["2011-12-29 10:00", "2011-12-31 10:00"],
        ),
    ],
)
def test_edges_when_the_clocks_change(
    zone: str, days: str, hours: str, between: tuple[str, str], expected: list[str]
) -> None:
    assert edges(window(days, hours), zone, *between) == expected


def test_the_next_edge_may_be_two_weeks_away_where_a_day_is_skipped() -> None:
    friday = window("fri", "06:00-20:00")
    assert friday.next_edge(utc("2011-12-24 12:00"), ZoneInfo("Pacific/Apia")) == utc("2012-01-05 16:00")
    all_but_friday = window("mon tue wed thu sat sun", "00:00-24:00")
    assert all_but_friday.next_edge(utc("2011-12-24 12:00"), ZoneInfo("Pacific/Apia")) == utc("2012-01-05 10:00")


def shown(at: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows."""
    return at.astimezone(zone).replace(tzinfo=None)


def by_the_wall(local: datetime, wall: list[tuple[datetime, datetime]], *, second: bool) -> datetime:
    """When the wall shows a time; the first later one where it never does."""
    seen = [at for at, local_at in wall if local_at == local]
    if seen:
        return seen[-1 if second else 0]
    return next(at for at, local_at in wall if local_at > local)


@pytest.mark.parametrize(("zone_name", "day"), CHANGES)
def test_local_times_are_those_that_the_wall_shows(zone_name: str, day: date) -> None:
    zone = ZoneInfo(zone_name)
    minutes = (datetime.combine(day, time(0), UTC) + number * MINUTE for number in range(-60 * 60, 72 * 60))
    wall = [(at, shown(at, zone)) for at in minutes]
    for hour, minute in [(h, m) for h in (0, 1, 2, 3, 12, 23) for m in (0, 1, 15, 30)]:
        for shift in (-1, 0, 1):
            local = datetime.combine(day + timedelta(days=shift), time(hour, minute))
            for second in (False, True):
                found = local_instant(local.date(), local.time(), zone, second=second)
                assert found == by_the_wall(local, wall, second=second), (local, second)


@settings(deadline=None)
@given(one=WINDOWS, moment=moments())
def test_a_window_is_open_as_the_wall_says_when_no_change_is_near(
    one: Window, moment: tuple[ZoneInfo, datetime]
) -> None:
    zone, at = moment
    offsets = {(at + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-50, 51)}
    if len(offsets) > 1:
        return
    local = shown(at, zone)
    clock, today = local.time(), WEEKDAYS[local.weekday()] in one.days
    yesterday = WEEKDAYS[local.weekday() - 1] in one.days
    if one.start < one.end:
        wanted = today and one.start <= clock < one.end
    else:
        wanted = (today and clock >= one.start) or (yesterday and clock < one.end)
    assert one.is_open(at, zone) is wanted


@settings(deadline=None)
@given(one=WINDOWS, moment=moments(), share=st.lists(st.floats(0, 1), max_size=8))
def test_nothing_changes_between_edges_and_everything_at_them(
    one: Window, moment: tuple[ZoneInfo, datetime], share: list[float]
) -> None:
    zone, at = moment
    for _ in range(4):
        edge = one.next_edge(at, zone)
        if edge is None:
            assert one.start == one.end
            assert len(one.days) == 7
            assert all(one.is_open(at + part * timedelta(days=20), zone) for part in share)
            return
        assert edge > at
        assert edge.utcoffset() == timedelta(0)
        before = one.is_open(at, zone)
        for inside in (at + part * (edge - at - TICK) for part in share):
            assert one.is_open(inside, zone) is before
        assert one.is_open(edge - TICK, zone) is before
        assert one.is_open(edge, zone) is not before
        at = edge


@settings(deadline=None)
@given(one=WINDOWS, moment=moments(), days=st.integers(1, 20))
def test_open_times_are_in_order_and_never_overlap(one: Window, moment: tuple[ZoneInfo, datetime], days: int) -> None:
    zone, at = moment
    first = at.astimezone(zone).date()
    spans = list(one.spans(first, days, zone))
    assert all(begin < end for begin, end in spans)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    assert len(spans) <= days
    left_out = frozenset(first + timedelta(days=number) for number in range(days))
    assert list(one.spans(first, days, zone, left_out)) == []
