"""The shipped descriptions of Personio, HiBob, Workday and SuccessFactors, on answers made from what is published."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from jmltui.adapter_api import BadRow, ContractBroken, Person, PersonStatus, PersonType, RateLimited, Unavailable
from jmltui_http import HttpAdapter
from tests.adapters.described_source import basic, everybody, source
from tests.conftest import StandingClock
from tests.servers.recorded import Exchange, Recorded, recorded

# ---- Personio: a token that runs out, next links, a second call for each person


def personio_person(number: int, first: str) -> dict[str, Any]:
    return {
        "id": str(number),
        "email": f"{first.lower()}@example.test",
        "first_name": first,
        "last_name": "Muster",
        "preferred_name": None,
        "employments": [{"id": f"e{number}"}],
    }


def personio_employment(number: int, **more: Any) -> Exchange:
    employment = {
        "id": f"e{number}",
        "status": "ACTIVE",
        "type": "INTERNAL",
        "employment_start_date": "2020-05-01",
        "position": {"title": "Buchhalterin"},
        "supervisor": {"id": "9"},
        "office": {"id": "3"},
        "org_units": [{"type": "team", "id": "77"}, {"type": "department", "id": "12"}],
        "person": {"id": str(number)},
        **more,
    }
    return Exchange("GET", f"/v2/persons/{number}/employments", {"limit": "1"}, {"_data": [employment], "_meta": {}})


TOKEN = Exchange("POST", "/v2/auth/token", None, {"access_token": "t1", "expires_in": 86400, "token_type": "Bearer"})


def personio(server: Recorded, clock: StandingClock, **options: object) -> HttpAdapter:
    secrets = {"client_id": "papi-1", "client_secret": "papi-2"}
    return source(server, clock, "personio", secrets, **options)


async def test_personio_lists_persons_and_their_newest_employment(clock: StandingClock) -> None:
    following = {"links": {"next": {"href": "{origin}/v2/persons?limit=50&cursor=cur_2"}}}
    ended = {"last_working_date": "2026-01-15", "termination_date": "2026-01-18", "terminated_at": None}
    with recorded(
        TOKEN,
        Exchange("GET", "/v2/persons", {"limit": "50"}, {"_data": [personio_person(1, "Eva")], "_meta": following}),
        Exchange(
            "GET",
            "/v2/persons",
            {"limit": "50", "cursor": "cur_2"},
            {"_data": [personio_person(2, "Udo")], "_meta": {}},
        ),
        personio_employment(1),
        personio_employment(2, status="INACTIVE", type="EXTERNAL", termination=ended),
    ) as server:
        adapter = personio(server, clock, values={"department.12": "Finance"})
        eva, udo = await everybody(adapter)
    assert not server.unexpected
    assert server.asked[0].form == {
        "grant_type": "client_credentials", "client_id": "papi-1", "client_secret": "papi-2",
    }  # fmt: skip
    assert {one.headers["authorization"] for one in server.asked[1:]} == {"Bearer t1"}
    assert isinstance(eva, Person)
    assert isinstance(udo, Person)
    assert (eva.key, eva.name, eva.department, eva.title) == ("1", "Eva Muster", "Finance", "Buchhalterin")
    assert (eva.manager, eva.location, eva.attributes["team"]) == ("9", "3", "77")
    assert (udo.status, udo.type, udo.ends) == (PersonStatus.LEFT, PersonType.CONTRACTOR, date(2026, 1, 15))
    assert adapter.feed().complete


async def test_a_token_that_is_refused_meanwhile_is_renewed_once(clock: StandingClock) -> None:
    with recorded(
        TOKEN,
        Exchange("GET", "/v2/persons", status=401, answer={"detail": "expired"}),
        Exchange("POST", "/v2/auth/token", None, {"access_token": "t2", "expires_in": 86400}),
        Exchange("GET", "/v2/persons", {"limit": "50"}, {"_data": [personio_person(1, "Eva")], "_meta": {}}),
        personio_employment(1),
    ) as server:
        adapter = personio(server, clock)
        assert len(await everybody(adapter)) == 1
    assert server.asked[-1].headers["authorization"] == "Bearer t2"


async def test_a_token_is_renewed_before_it_runs_out(clock: StandingClock) -> None:
    persons = Exchange("GET", "/v2/persons", None, {"_data": [personio_person(1, "Eva")], "_meta": {}})
    with recorded(TOKEN, persons, personio_employment(1), TOKEN, persons, personio_employment(1)) as server:
        adapter = personio(server, clock)
        await adapter.open()
        assert len([item async for item in adapter.people()]) == 1
        clock.forward(timedelta(hours=23, minutes=59, seconds=30))
        assert len([item async for item in adapter.people()]) == 1
        await adapter.close()
    assert [one.path for one in server.asked].count("/v2/auth/token") == 2


async def test_personio_is_waited_for_once_it_was_begun(clock: StandingClock) -> None:
    with recorded(
        TOKEN,
        Exchange("GET", "/v2/persons", None, {"_data": [personio_person(1, "Eva")], "_meta": {}}),
        Exchange("GET", "/v2/persons/1/employments", status=429, headers={"Retry-After": "0"}),
        Exchange("GET", "/v2/persons/1/employments", status=429, headers={"Retry-After": "0"}),
        personio_employment(1),
    ) as server:
        adapter = personio(server, clock)
        assert len(await everybody(adapter)) == 1
    assert adapter.feed().complete


async def test_a_wait_that_is_too_long_is_left_to_the_worker(clock: StandingClock) -> None:
    with recorded(
        TOKEN,
        Exchange("GET", "/v2/persons", None, {"_data": [personio_person(1, "Eva")], "_meta": {}}),
        Exchange("GET", "/v2/persons/1/employments", status=429, headers={"Retry-After": "300"}),
    ) as server:
        adapter = personio(server, clock)
        with pytest.raises(RateLimited) as limited:
            await everybody(adapter)
    assert limited.value.retry_after == timedelta(seconds=300)
    assert not adapter.feed().complete


async def test_a_person_without_employment_is_a_bad_row(clock: StandingClock) -> None:
    with recorded(
        TOKEN,
        Exchange("GET", "/v2/persons", None, {"_data": [personio_person(n, "Eva") for n in (1, 2)], "_meta": {}}),
        personio_employment(1),
        Exchange("GET", "/v2/persons/2/employments", None, {"_data": [], "_meta": {}}),
    ) as server:
        adapter = personio(server, clock)
        _, row = await everybody(adapter)
    assert isinstance(row, BadRow)
    assert row.reason == "the status is missing"


async def test_a_next_page_elsewhere_is_not_followed(clock: StandingClock) -> None:
    elsewhere = {"links": {"next": {"href": "http://127.0.0.1:9/v2/persons?cursor=x"}}}
    with (
        recorded(
            TOKEN,
            Exchange("GET", "/v2/persons", None, {"_data": [personio_person(1, "Eva")], "_meta": elsewhere}),
            personio_employment(1),
        ) as server,
        pytest.raises(ContractBroken, match="not followed"),
    ):
        await everybody(personio(server, clock))


# ---- HiBob: one search by POST


def bob(number: str, name: str, lifecycle: str, ends: str | None = None) -> dict[str, Any]:
    return {
        "id": number,
        "firstName": name,
        "surname": "Levi",
        "displayName": f"{name} Levi",
        "email": f"{name.lower()}@example.test",
        "work": {"department": "253", "title": "254", "startDate": "2022-10-10", "reportsTo": {"id": "5678"}},
        "internal": {"status": "Active", "lifecycleStatus": lifecycle, "terminationDate": ends},
        "humanReadable": {"work": {"department": "R&D", "title": "Developer", "startDate": "10/10/2022"}},
    }


async def test_hibob_lists_everybody_by_one_search(clock: StandingClock) -> None:
    people = [bob("1234", "Noa", "employed"), bob("1235", "Tal", "terminated", "2026-02-28")]
    with recorded(Exchange("POST", "/v1/people/search", {}, {"employees": people})) as server:
        adapter = source(server, clock, "hibob", {"user": "SERVICE-1", "token": "t"})
        noa, tal = await everybody(adapter)
    [asked] = server.asked
    assert asked.headers["authorization"] == basic("SERVICE-1", "t")
    assert asked.json["showInactive"] is True
    assert "internal.lifecycleStatus" in asked.json["fields"]
    assert isinstance(noa, Person)
    assert isinstance(tal, Person)
    assert (noa.department, noa.title, noa.manager, noa.starts) == ("R&D", "Developer", "5678", date(2022, 10, 10))
    assert (tal.status, tal.ends) == (PersonStatus.LEFT, date(2026, 2, 28))
    assert adapter.feed().complete


async def test_hibob_tells_the_wait_as_an_epoch(clock: StandingClock) -> None:
    reset = str(int((clock.now + timedelta(seconds=40)).timestamp()))
    busy = Exchange("POST", "/v1/people/search", status=429, headers={"X-RateLimit-Reset": reset})
    with recorded(busy) as server, pytest.raises(RateLimited) as limited:
        await everybody(source(server, clock, "hibob", {"user": "u", "token": "t"}))
    assert limited.value.retry_after is not None
    assert timedelta(seconds=38) <= limited.value.retry_after <= timedelta(seconds=40)


async def test_a_sign_in_page_is_no_empty_feed(clock: StandingClock) -> None:
    page = Exchange("POST", "/v1/people/search", answer=b"<!DOCTYPE html><title>Sign in</title>")
    with recorded(page) as server, pytest.raises(ContractBroken, match="a web page"):
        await everybody(source(server, clock, "hibob", {"user": "u", "token": "t"}))


async def test_a_lost_answer_to_a_search_by_post_changed_nothing(clock: StandingClock) -> None:
    with recorded(Exchange("POST", "/v1/people/search", status=502)) as server, pytest.raises(Unavailable):
        await everybody(source(server, clock, "hibob", {"user": "u", "token": "t"}))


# ---- Workday: a report whose columns are the customer's


async def test_workday_reads_the_columns_that_the_settings_name(clock: StandingClock) -> None:
    rows = [
        {"Employee_ID": "21001", "Full_Name": "Logan McNeil", "Worker_Status": "Active", "wd_Mail": "lm@example.test",
         "Hire": "2018-01-01-08:00", "Termination_Date": ""},
        {"Employee_ID": "21002", "Full_Name": "Jack Taylor", "Worker_Status": "Terminated", "wd_Mail": "",
         "Hire": "2019-06-01-08:00", "Termination_Date": "2026-03-31"},
    ]  # fmt: skip
    under = "/ccx/service/customreport2/acme"
    with recorded(
        Exchange("GET", f"{under}/lmcneil/Joiners%20%2F%20Leavers", {"format": "json"}, {"Report_Entry": rows})
    ) as server:
        adapter = source(
            server,
            clock,
            "workday-raas",
            {"user": "ISU", "password": "p"},
            under=under,
            parameters={"host": "h", "tenant": "acme", "owner": "lmcneil", "report": "Joiners / Leavers"},
            columns={"email": "wd_Mail", "starts": "Hire"},
        )
        logan, jack = await everybody(adapter)
    assert not server.unexpected
    assert isinstance(logan, Person)
    assert isinstance(jack, Person)
    assert (logan.email, logan.starts, logan.ends) == ("lm@example.test", date(2018, 1, 1), None)
    assert (jack.status, jack.ends) == (PersonStatus.LEFT, date(2026, 3, 31))


# ---- SuccessFactors: OData 2, $skiptoken, dates of its own


def job(user: str, status: str, end: str | None = None) -> dict[str, Any]:
    return {
        "__metadata": {"uri": f"https://host:443/odata/v2/EmpJob(userId='{user}')", "type": "SFOData.EmpJob"},
        "userId": user,
        "jobTitle": "Analyst",
        "userNav": {"firstName": "Mina", "lastName": user.title(), "email": f"{user}@example.test"},
        "employmentNav": {"startDate": "/Date(1704067200000)/", "endDate": end},
        "departmentNav": {"name": "Sales"},
        "locationNav": None,
        "emplStatusNav": {"picklistLabels": {"results": [{"label": status}]}},
        "managerUserNav": {"userId": "boss"},
    }


async def test_successfactors_follows_its_skiptoken(clock: StandingClock) -> None:
    under = "/odata/v2"
    following = "{origin}/odata/v2/EmpJob?$format=json&paging=snapshot&$skiptoken=eyJzdGFydFJvdyI6MTAwMH0"
    with recorded(
        Exchange("GET", f"{under}/EmpJob", None, {"d": {"results": [job("mli", "Active")], "__next": following}}),
        Exchange(
            "GET",
            f"{under}/EmpJob",
            {"$format": "json", "paging": "snapshot", "$skiptoken": "eyJzdGFydFJvdyI6MTAwMH0"},
            {"d": {"results": [job("mko", "Terminated", "/Date(1767139200000)/")]}},
        ),
    ) as server:
        secrets = {"user": "api@acme", "password": "p"}
        adapter = source(server, clock, "successfactors", secrets, under=under, parameters={"host": "h"})
        mli, mko = await everybody(adapter)
    assert not server.unexpected
    first = server.asked[0]
    assert first.headers["authorization"] == basic("api@acme", "p")
    assert (first.query["paging"], first.query["customPageSize"]) == ("snapshot", "1000")
    assert "userNav/firstName" in first.query["$select"]
    assert isinstance(mli, Person)
    assert isinstance(mko, Person)
    assert (mli.key, mli.name, mli.department, mli.manager) == ("mli", "Mina Mli", "Sales", "boss")
    assert (mli.starts, mli.status) == (date(2024, 1, 1), PersonStatus.ACTIVE)
    assert (mko.status, mko.ends) == (PersonStatus.LEFT, date(2025, 12, 31))


async def test_a_slice_of_every_employment_is_refused_where_one_is_expected(clock: StandingClock) -> None:
    jobs = [job("mli", "Active"), job("mli", "Terminated")]
    with recorded(Exchange("GET", "/odata/v2/EmpJob", None, {"d": {"results": jobs}})) as server:
        secrets = {"user": "api@acme", "password": "p"}
        adapter = source(server, clock, "successfactors", secrets, under="/odata/v2", parameters={"host": "h"})
        with pytest.raises(ContractBroken, match="twice, and differently"):
            await everybody(adapter)
