"""BambooHR by its shipped description, and what of a listing is never believed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from jmltui.adapter_api import BadRow, ContractBroken, Person, PersonStatus, PersonType, RateLimited
from jmltui_http import HttpAdapter
from tests.adapters.described_source import basic, everybody, source
from tests.conftest import StandingClock
from tests.servers.recorded import Exchange, Recorded, recorded

BAMBOO_FIELDS = (
    "workEmail,departmentName,locationName,hireDate,terminationDate,reportsToId,employmentStatusName,employeeNumber"
)
ANA: dict[str, Any] = {
    "employeeId": "101", "firstName": "Ana", "lastName": "Souza", "preferredName": None, "photoUrl": "https://x/1",
    "jobTitleName": "Engineer", "status": "Active", "workEmail": "ana@example.test", "departmentName": "IT",
    "locationName": "Lisbon", "hireDate": "2021-03-01", "terminationDate": None, "reportsToId": "102",
    "employmentStatusName": "Full-Time", "employeeNumber": "E-1",
}  # fmt: skip
BEN: dict[str, Any] = {
    **ANA, "employeeId": "102", "firstName": "Benjamin", "lastName": "Okafor", "preferredName": "Ben",
    "status": "Inactive", "workEmail": "ben@example.test", "terminationDate": "2026-01-31", "reportsToId": None,
    "employmentStatusName": "Contractor",
}  # fmt: skip


def bamboo_query(**more: str) -> dict[str, str]:
    return {"fields": BAMBOO_FIELDS, "sort": "employeeId", "page[limit]": "250", **more}


def bamboo_page(people: list[dict[str, Any]], total: int, following: str | None = None) -> dict[str, Any]:
    page = {"limit": 250, "nextCursor": following, "prevCursor": None}
    return {"data": people, "meta": {"total": total, "page": page}, "_links": {}}


def bamboo(server: Recorded, clock: StandingClock, **options: object) -> HttpAdapter:
    return source(server, clock, "bamboohr", {"key": "k3y"}, parameters={"company": "acme"}, **options)


async def test_bamboohr_lists_employees_by_cursor(clock: StandingClock) -> None:
    path = "/api/v1/employees"
    with recorded(
        Exchange("GET", path, bamboo_query(), bamboo_page([ANA], 2, "c==&1")),
        Exchange("GET", path, bamboo_query(**{"page[after]": "c==&1"}), bamboo_page([BEN], 2)),
    ) as server:
        adapter = bamboo(server, clock)
        ana, ben = await everybody(adapter)
    assert not server.unexpected
    assert server.asked[0].headers["authorization"] == basic("k3y", "x")
    assert server.asked[0].headers["accept-encoding"] == "identity"
    assert isinstance(ana, Person)
    assert isinstance(ben, Person)
    assert (ana.key, ana.name, ana.status, ana.type) == ("101", "Ana Souza", PersonStatus.ACTIVE, PersonType.EMPLOYEE)
    assert (ana.email, ana.department, ana.title, ana.location) == ("ana@example.test", "IT", "Engineer", "Lisbon")
    assert (ana.manager, ana.starts, ana.ends) == ("102", date(2021, 3, 1), None)
    assert ana.attributes["employee_number"] == "E-1"
    assert (ben.name, ben.status, ben.type) == ("Ben Okafor", PersonStatus.LEFT, PersonType.CONTRACTOR)
    assert ben.ends == date(2026, 1, 31)
    assert adapter.feed().complete
    assert adapter.feed().rows == 2


async def test_bamboohr_says_503_when_it_is_asked_too_often(clock: StandingClock) -> None:
    with recorded(Exchange("GET", "/api/v1/employees", status=503, headers={"Retry-After": "17"})) as server:
        adapter = bamboo(server, clock)
        with pytest.raises(RateLimited) as limited:
            await everybody(adapter)
    assert limited.value.retry_after == timedelta(seconds=17)
    assert not adapter.feed().complete


@pytest.mark.parametrize(
    ("people", "total"), [([ANA], 2), ([ANA, BEN], 1)], ids=["fewer than it says", "more than it says"]
)
async def test_a_listing_that_is_not_whole_is_refused(
    clock: StandingClock, people: list[dict[str, Any]], total: int
) -> None:
    with recorded(Exchange("GET", "/api/v1/employees", answer=bamboo_page(people, total))) as server:
        adapter = bamboo(server, clock)
        with pytest.raises(ContractBroken, match="the listing is not used"):
            await everybody(adapter)
    assert not adapter.feed().complete
    assert adapter.feed().problem


async def test_a_cursor_that_comes_again_is_refused(clock: StandingClock) -> None:
    page = Exchange("GET", "/api/v1/employees", answer=bamboo_page([ANA], 5, "c1"), lasting=True)
    with recorded(page) as server:
        with pytest.raises(ContractBroken, match="again"):
            await everybody(bamboo(server, clock))
        assert len(server.asked) == 2


async def test_what_the_key_may_not_read_makes_no_leavers(clock: StandingClock) -> None:
    hidden = [{**one, "status": None, "_restrictedFields": ["status"]} for one in (ANA, BEN)]
    with recorded(Exchange("GET", "/api/v1/employees", answer=bamboo_page(hidden, 2))) as server:
        adapter = bamboo(server, clock)
        rows = await everybody(adapter)
    assert [row.reason for row in rows if isinstance(row, BadRow)] == ["the status is missing"] * 2
    assert adapter.feed().missing_columns == ("status",)
    assert not adapter.feed().complete


async def test_one_hidden_person_is_a_bad_row(clock: StandingClock) -> None:
    people = [ANA, {**BEN, "status": None}]
    with recorded(Exchange("GET", "/api/v1/employees", answer=bamboo_page(people, 2))) as server:
        adapter = bamboo(server, clock)
        _, row = await everybody(adapter)
    assert isinstance(row, BadRow)
    assert adapter.feed().complete


async def test_nobody_at_all_is_no_feed(clock: StandingClock) -> None:
    with recorded(Exchange("GET", "/api/v1/employees", answer=bamboo_page([], 0))) as server:
        adapter = bamboo(server, clock)
        assert await everybody(adapter) == []
    assert "0 people, fewer than the 1" in adapter.feed().problem


async def test_two_people_with_one_key_are_refused(clock: StandingClock) -> None:
    people = [ANA, {**BEN, "employeeId": "101"}]
    page = Exchange("GET", "/api/v1/employees", answer=bamboo_page(people, 2))
    with recorded(page) as server, pytest.raises(ContractBroken, match="twice, and differently"):
        await everybody(bamboo(server, clock))


async def test_the_words_of_the_settings_win(clock: StandingClock) -> None:
    people = [ANA, {**BEN, "employmentStatusName": "Co-op", "status": "Paused"}]
    with recorded(Exchange("GET", "/api/v1/employees", answer=bamboo_page(people, 2))) as server:
        adapter = bamboo(server, clock, values={"type.Co-op": "temp", "status.Paused": "leave"})
        _, ben = await everybody(adapter)
    assert isinstance(ben, Person)
    assert (ben.type, ben.status) == (PersonType.TEMP, PersonStatus.LEAVE)
