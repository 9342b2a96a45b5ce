"""Whose word counts where several sources state the same person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.merging import MERGED, Merging, merged, whose_word
from jmltui.domain.person import Person, PersonStatus, PersonType

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
TWO = Merging(("hr", "contractors"), ("directory",))


def person(**facts: object) -> Person:
    return replace(Person(key="E1", name="Ana Novak"), **facts)  # type: ignore[arg-type]


def contractor(**facts: object) -> Person:
    return person(type=PersonType.CONTRACTOR, sponsor="E9", **facts)


def one(merging: Merging = TWO, now: datetime = NOW, **stated: Person) -> Person:
    found = merged(stated, merging, now, "Europe/Berlin")
    assert found is not None
    return found


def test_the_first_source_leads_and_the_others_fill_in_what_it_leaves_out() -> None:
    found = one(
        hr=person(department="Finance"),
        contractors=contractor(department="IT", location="Berlin", ends=date(2026, 5, 1)),
        directory=person(email="ana@example.test", attributes={"phone": "12"}),
    )
    assert (found.source, found.type, found.department) == ("hr", PersonType.EMPLOYEE, "Finance")
    assert (found.location, found.email, found.attributes) == ("Berlin", "ana@example.test", {"phone": "12"})
    assert found.ends is None, "an old contract's end must not end the employment after it"


def test_a_precedence_names_whose_word_counts_for_one_attribute_or_one_type() -> None:
    merging = replace(
        TWO,
        precedence={"email": ("directory", "hr")},
        by_type={"contractor": {"manager": ("contractors",), "email": ("hr", "directory")}},
    )
    there = {"directory": person(email="d@example.test"), "contractors": contractor(manager="E8")}
    employee = one(merging, hr=person(email="hr@example.test", manager="E7"), **there)
    assert (employee.email, employee.manager) == ("d@example.test", "E7")
    external = one(merging, hr=contractor(email="hr@example.test", manager="E7"), **there)
    assert (external.email, external.manager) == ("hr@example.test", "E8")


@pytest.mark.parametrize(
    ("hr", "contract", "leads"),
    [
        (person(ends=date(2026, 6, 14)), contractor(ends=date(2026, 12, 1)), PersonType.CONTRACTOR),
        (person(ends=date(2026, 6, 15)), contractor(ends=date(2026, 12, 1)), PersonType.EMPLOYEE),
        (person(starts=date(2026, 6, 16)), contractor(ends=date(2026, 6, 15)), PersonType.CONTRACTOR),
        (person(starts=date(2026, 6, 15)), contractor(ends=date(2026, 12, 1)), PersonType.EMPLOYEE),
        (person(status=PersonStatus.LEFT), contractor(ends=date(2026, 12, 1)), PersonType.CONTRACTOR),
        (person(ends=date(2026, 6, 14)), contractor(starts=date(2026, 7, 1)), PersonType.EMPLOYEE),
        (person(status=PersonStatus.LEFT), contractor(starts=date(2026, 7, 1)), PersonType.CONTRACTOR),
        (person(ends=date(2026, 6, 14)), contractor(ends=date(2026, 6, 1)), PersonType.EMPLOYEE),
    ],
)
def test_the_employment_of_today_leads(hr: Person, contract: Person, leads: PersonType) -> None:
    found = one(hr=hr, contractors=contract)
    assert found.type is leads
    led = hr if leads is PersonType.EMPLOYEE else contract
    assert (found.starts, found.status) == (led.starts, led.status)


def test_an_employment_that_goes_on_elsewhere_without_a_gap_does_not_end() -> None:
    june, july = date(2026, 6, 30), date(2026, 7, 1)
    until = contractor(starts=july, ends=date(2026, 12, 31))
    assert one(hr=person(ends=june), contractors=until).ends == date(2026, 12, 31)
    assert one(hr=person(ends=june), contractors=contractor(starts=july)).ends is None
    assert one(hr=person(ends=june), contractors=replace(until, starts=date(2026, 7, 2))).ends == june, "a day between"
    assert one(hr=person(ends=june), contractors=contractor(ends=date(2026, 6, 10))).ends == june
    assert one(hr=person(ends=june), contractors=replace(until, status=PersonStatus.LEFT)).ends == june
    final = replace(TWO, final=("hr",))
    assert one(final, hr=person(ends=june), contractors=until).ends == june, "HR has the last word"
    july_2 = datetime(2026, 7, 2, tzinfo=UTC)
    assert one(final, july_2, hr=person(ends=june), contractors=until).type is PersonType.EMPLOYEE


def test_a_final_source_that_says_left_has_the_last_word() -> None:
    merging = replace(TWO, final=("hr",))
    found = one(merging, hr=person(status=PersonStatus.LEFT), contractors=contractor())
    assert found.status is PersonStatus.LEFT


def test_who_only_a_completing_source_has_is_nobody() -> None:
    assert merged({"directory": person()}, TWO, NOW, "UTC") is None
    assert merged({}, TWO, NOW, "UTC") is None


def test_a_day_ends_where_the_person_is() -> None:
    auckland = person(zone="Pacific/Auckland", ends=date(2026, 6, 15))
    assert one(hr=auckland, contractors=contractor()).type is PersonType.CONTRACTOR, "there it is the 16th already"


statuses = st.sampled_from(list(PersonStatus))
days = st.none() | st.dates(date(2026, 6, 1), date(2026, 6, 30))
people = st.builds(
    person, status=statuses, starts=days, ends=days, department=st.sampled_from(["", "IT", "Finance"]),
    type=st.sampled_from(list(PersonType)),
)  # fmt: skip


@given(hr=st.none() | people, contractors=st.none() | people, directory=st.none() | people)
def test_nobody_works_who_works_nowhere_and_nobody_is_lost(
    hr: Person | None, contractors: Person | None, directory: Person | None
) -> None:
    given_ = {"hr": hr, "contractors": contractors, "directory": directory}
    stated = {name: each for name, each in given_.items() if each is not None}
    found = merged(stated, TWO, NOW, "UTC")
    stating = [each for each in (hr, contractors) if each is not None]
    assert (found is None) == (not stating)
    if found is not None:
        assert (found.status, found.starts, found.type) in {
            (each.status, each.starts, each.type) for each in stating
        }, "an employment is never put together from two"
        assert found.ends in {each.ends for each in stating}
        if any(each.status is not PersonStatus.LEFT for each in stating):
            assert found.status is not PersonStatus.LEFT


SOME_DAYS = st.sampled_from([None, date(2026, 5, 31), date(2026, 6, 15), date(2026, 6, 16), date(2026, 12, 31)])
STATED = st.builds(
    person,
    name=st.sampled_from(["Ana Novak", "Ana Nowak"]),
    type=st.sampled_from([PersonType.EMPLOYEE, PersonType.CONTRACTOR]),
    status=st.sampled_from(list(PersonStatus)),
    email=st.sampled_from(["", "a@example.test", "b@example.test"]),
    manager=st.sampled_from(["", "E7", "E8"]),
    urgent=st.booleans(),
    starts=SOME_DAYS,
    ends=SOME_DAYS,
    attributes=st.sampled_from([{}, {"phone": "12"}, {"phone": "13"}]),
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from([("directory", "hr"), ("contractors",), ("hr",)])
        for name in ("email", "ends", "status", "urgent", "phone")
    },
)


@given(stated=st.dictionaries(st.sampled_from(TWO.all), STATED), rules=RULES, final=st.booleans())
def test_the_source_that_is_named_said_what_counts(
    stated: dict[str, Person], rules: dict[str, tuple[str, ...]], final: bool
) -> None:
    merging = replace(TWO, precedence=rules, final=("hr",) if final else ())
    found, word = merged(stated, merging, NOW, "Europe/Berlin"), whose_word(stated, merging, NOW, "Europe/Berlin")
    if found is None:
        assert word == {}
        return
    for attribute in (*MERGED, *found.attributes):
        said = stated[word[attribute]].attribute(attribute)
        assert said == found.attribute(attribute), (attribute, word[attribute])
