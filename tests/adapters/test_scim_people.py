"""SCIM servers as a source of people: three servers of three authors, and the rules of a feed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from jmltui.adapter_api import BadRow, ContractBroken, Invalid, Person, Setup, Unavailable
from jmltui.cache.people import known_keys, person_by_key
from jmltui.config.places import Places
from jmltui.domain.person import PersonStatus, PersonType
from jmltui.lifecycle.sync import sync
from jmltui.lifecycle.workshop import Workshop, open_workshop
from jmltui_scim import ScimAdapter
from jmltui_scim.paths import value_at
from tests.conftest import StandingClock
from tests.servers.fault_proxy import Fault, Only, fault_proxy
from tests.servers.scim2 import ScimServer
from tests.servers.scim_dialect import DIALECTS, dialect_proxy

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
COLUMNS = {
    "key": "userName",
    "name": "name.formatted",
    "email": 'emails[type eq "work"].value',
    "department": f"{ENTERPRISE}:department",
    "manager": f"{ENTERPRISE}:manager.value",
    "title": "title",
    "status": "active",
    "cost": f"{ENTERPRISE}:costCenter",
}
VALUES = {"status.true": "active", "status.false": "left"}


class Server:
    """People put into a server by hand."""

    def __init__(self, server: ScimServer, **mail: str) -> None:
        self.mail = mail
        self.url = server.url
        self.token = server.token

    def add(self, key: str, name: str, department: str = "", *, active: bool = True, **more: Any) -> str:
        body: dict[str, Any] = {"schemas": [CORE], "userName": key, "active": active}
        body["name"] = {"formatted": name, "familyName": name.split()[-1]}
        body["title"] = "Clerk"
        body["emails"] = [{"value": f"{key.lower()}@example.com", **self.mail}]
        if department:
            body["schemas"].append(ENTERPRISE)
            body[ENTERPRISE] = {"department": department, **more}
        return str(self.send("POST", "/Users", body).json()["id"])

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        answer = httpx.request(method, self.url + path, json=body, headers=headers, trust_env=False)
        assert answer.is_success, answer.text
        return answer


@asynccontextmanager
async def source(url: str, token: str, **options: Any) -> AsyncIterator[ScimAdapter]:
    given = {"url": url, "token": "t", "columns": COLUMNS, "values": VALUES, **options}
    adapter = ScimAdapter(Setup("hr", given, lambda _: token, lambda: datetime.now(UTC)))
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


async def read(adapter: ScimAdapter) -> tuple[dict[str, Person], list[BadRow]]:
    items = [item async for item in adapter.people()]
    people = {item.key: item for item in items if isinstance(item, Person)}
    return people, [item for item in items if isinstance(item, BadRow)]


@pytest.mark.parametrize("cursor", [False, True])
async def test_users_are_people_on_scim2_server(scim2_server: Callable[..., ScimServer], cursor: bool) -> None:
    server = Server(scim2_server(cursor=cursor), type="work")
    server.add("E1", "Zoë Łukasz", "Finance", manager={"value": "E2"}, costCenter="4711")
    server.add("E2", "王 美咲", "IT")
    server.add("E3", "Gone Person", "IT", active=False)
    async with source(server.url, server.token, page_size=2) as adapter:
        people, bad = await read(adapter)
        feed = adapter.feed()
        assert bad == []
        assert (feed.rows, feed.complete, feed.problem) == (3, True, "")
        zoe = people["E1"]
        assert (zoe.name, zoe.email, zoe.department, zoe.manager) == ("Zoë Łukasz", "e1@example.com", "Finance", "E2")
        assert zoe.attributes == {"cost": "4711"}
        assert {key: one.status for key, one in people.items()} == {
            "E1": PersonStatus.ACTIVE,
            "E2": PersonStatus.ACTIVE,
            "E3": PersonStatus.LEFT,
        }
        await read(adapter)
        assert adapter.feed().digest == feed.digest, "the same people, the same digest"


async def test_users_are_people_on_scimmy_until_it_shows_less_than_it_has(scimmy_server: ScimServer) -> None:
    """It shows twenty, whatever is asked for: with one more the feed is refused as a whole."""
    server = Server(scimmy_server)
    for number in range(20):
        server.add(f"E{number}", f"Person {number}", "Finance")
    async with source(server.url, server.token) as adapter:
        people, bad = await read(adapter)
        assert (len(people), bad) == (20, [])
        assert {one.title for one in people.values()} == {"Clerk"}
        server.add("E20", "One Toomany", "Finance")
        with pytest.raises(ContractBroken, match="holds 21, but listed only 20"):
            await read(adapter)
        assert adapter.feed().complete is False
        assert "listed only 20" in adapter.feed().problem


async def test_users_are_people_on_canaille(canaille_server: ScimServer) -> None:
    server = Server(canaille_server)
    server.add("e1", "Ana Analyst", "Finance")
    server.add("e2", "Bo Builder", "IT")
    async with source(server.url, server.token, columns=COLUMNS | {"email": "emails.value"}) as adapter:
        people, bad = await read(adapter)
    assert bad == []
    assert {key: (one.name, one.department, one.email) for key, one in people.items()} == {
        "e1": ("Ana Analyst", "Finance", "e1@example.com"),
        "e2": ("Bo Builder", "IT", "e2@example.com"),
    }


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.SHORT_LISTING, ContractBroken),
        (Fault.HALF_ANSWER, ContractBroken),
        (Fault.WEB_PAGE, ContractBroken),
        (Fault.FLAKY, Unavailable),
    ],
    ids=lambda value: value.name.lower() if isinstance(value, Fault) else "",
)
async def test_a_feed_that_is_not_whole_names_nobody(
    scim2_server: Callable[..., ScimServer], fault: Fault, error: type[Exception]
) -> None:
    server = Server(scim2_server())
    for number in range(3):
        server.add(f"E{number}", f"Person {number}")
    async with fault_proxy() as proxy, source(proxy.in_front_of(server.url), server.token) as adapter:
        await proxy.switch(fault, Only.LISTING)
        told = []
        with pytest.raises(error):
            async for item in adapter.people():
                told.append(item)
        assert told == [], "not even those who came before the end"
        assert adapter.feed().complete is False


async def test_what_a_listing_leaves_out_is_read_person_by_person(scim2_server: Callable[..., ScimServer]) -> None:
    server = Server(scim2_server())
    server.add("E1", "Ana Analyst", "Finance", costCenter="9")
    async with (
        dialect_proxy(DIALECTS["zoom"]) as proxy,
        source(proxy.in_front_of(server.url), server.token, profile="zoom") as adapter,
    ):
        people, _ = await read(adapter)
    assert (people["E1"].department, people["E1"].attributes["cost"]) == ("Finance", "9")


async def test_a_value_that_nobody_mapped_is_a_bad_row(scim2_server: Callable[..., ScimServer]) -> None:
    server = Server(scim2_server())
    server.add("E1", "Ana Analyst")
    server.add("E2", "Bo Builder", active=False)
    async with source(server.url, server.token, values={"status.true": "active"}) as adapter:
        people, bad = await read(adapter)
    assert people.keys() == {"E1"}
    assert [row.reason for row in bad] == ["status “false” is none of active, leave, left; map it in [values]"]


@pytest.mark.parametrize("columns", [{"key": "userName", "name": "name..formatted"}, {"key": "userName"}])
async def test_columns_that_cannot_be_are_told_at_once(
    scim2_server: Callable[..., ScimServer], columns: dict[str, str]
) -> None:
    server = scim2_server()
    with pytest.raises(Invalid, match=r"no attribute of a SCIM user|do not say which SCIM attribute is the name"):
        async with source(server.url, server.token, columns=columns) as adapter:
            await read(adapter)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("userName", "ana"),
        ("USERNAME", "ana"),
        (f"{CORE}:title", "Boss"),
        ("emails.value", "second@example.com"),
        ("emails", "second@example.com"),
        ('emails[type eq "WORK"].value', "first@example.com"),
        ('emails[type eq "other"].value', ""),
        (f"{ENTERPRISE}:manager.value", "m1"),
        (f"{ENTERPRISE}:manager", "m1"),
        ("active", "false"),
        ("nothing.here", ""),
        ("title.sub", ""),
        ("count", "7"),
    ],
)
def test_a_path_finds_its_value(path: str, value: str) -> None:
    body = {
        "userName": "ana",
        "title": "Boss",
        "active": False,
        "count": 7,
        "emails": [
            {"type": "work", "value": "first@example.com"},
            {"type": "home", "value": "second@example.com", "primary": True},
        ],
        ENTERPRISE.lower(): {"manager": {"value": "m1"}},
    }
    assert value_at(body, path) == value


SETTINGS = """\
[company]
name = "Example"
zone = "UTC"
[policy]
folder = "policy"
[sources.hr]
adapter = "scim"
url = "{url}"
token = "env:HR_TOKEN"
absent = "leaver"
[sources.hr.columns]
key = "userName"
name = "name.formatted"
status = "active"
department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
[sources.hr.values]
"status.true" = "active"
"status.false" = "left"
[sources.contractors]
adapter = "csv"
path = "contractors.csv"
[sources.contractors.columns]
key = "key"
name = "name"
type = "type"
ends = "ends"
[sources.contractors.defaults]
type = "contractor"
"""


def installed(home: Path, url: str, clock: StandingClock) -> Workshop:
    """An installation that reads its employees from this server, and its contractors from a file."""
    (home / "policy").mkdir()
    (home / "policy" / "roles.yaml").write_text("roles: []\n", encoding="utf-8")
    (home / "contractors.csv").write_text("key,name,type,ends\nC1,Cleo Contractor,,2026-12-31\n", encoding="utf-8")
    (home / "settings.toml").write_text(SETTINGS.format(url=url), encoding="utf-8")
    environ = {"JMLTUI_HOME": str(home), "HR_TOKEN": "secret"}
    return open_workshop(Places.from_environment(environ), "ron", clock, environ)


async def test_employees_by_scim_and_contractors_by_file(
    scim2_server: Callable[..., ScimServer], private: Path, clock: StandingClock
) -> None:
    server = Server(scim2_server())
    ids = [server.add(f"E{number}", f"Person {number}", "IT") for number in range(12)]
    async with fault_proxy() as proxy:
        workshop = installed(private, proxy.in_front_of(server.url), clock)
        report = await sync(workshop, lambda _: None)
        assert (report.problems, dict(report.people)) == ({}, {"hr": 12, "contractors": 1})
        with workshop.cache.read() as session:
            contractor = person_by_key(session, "C1")
        assert contractor is not None
        assert (contractor.type, contractor.ends) == (PersonType.CONTRACTOR, date(2026, 12, 31))

        await proxy.switch(Fault.SHORT_LISTING, Only.LISTING)
        report = await sync(workshop, lambda _: None)
        assert "listed only" in report.problems["hr"]
        assert dict(report.people) == {"contractors": 1}
        assert dict(report.opened) == {}, "nobody leaves because a listing broke off"
        with workshop.cache.read() as session:
            assert len(known_keys(session, "hr")) == 12

        await proxy.calm()
        server.send("DELETE", f"/Users/{ids[11]}")
        report = await sync(workshop, lambda _: None)
        assert report.problems == {}
        assert [batch.absents for batch in report.batches] == [1], "who is gone from the server is asked about"
        await workshop.close()


def test_the_class_is_read_without_the_http_library() -> None:
    program = "import sys, jmltui_scim; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
