"""A small installation against a real SCIM server, driven in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from jmltui.cache import actions
from jmltui.cache.reading import pending_cases, whole_case
from jmltui.config.places import Places
from jmltui.lifecycle.report import SyncReport
from jmltui.lifecycle.sync import sync
from jmltui.lifecycle.workshop import Workshop, open_workshop
from jmltui.worker.runner import LocalRunner

SETTINGS = """\
[company]
name = "Example"
zone = "Europe/Berlin"
[policy]
folder = "policy"
[sources.hr]
adapter = "csv"
path = "people.csv"
absent = "{absent}"
[sources.hr.columns]
key = "key"
name = "name"
email = "email"
department = "department"
ends = "ends"
[systems.directory]
adapter = "scim"
url = "{url}"
token = "env:DIRECTORY_TOKEN"
login = "{{key|lower}}"
deadline = "10s"
[systems.directory.attributes]
display = "{{name}}"
email = "{{email}}"
"""

POLICY = """\
entitlements:
  - {id: account, system: directory, target: account}
  - {id: finance, system: directory, target: "group:Finance"}
  - {id: it, system: directory, target: "group:IT"}
  - {id: admins, system: directory, target: "group:Admins", tier: elevated, approval: true}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [account]}
  - {id: finance, match: {person.department: Finance}, grants: [finance]}
  - {id: it, match: {person.department: IT}, grants: [it]}
  - {id: security, match: {person.department: Security}, grants: [admins]}
guards:
  leavers: {floor: 3, percent: 5, ceiling: 50, window: 24h}
procedures:
  - id: joiner
    title: Joiner
    owner: team:helpdesk
    fallback_owner: team:it
    target: 3d
    steps:
      - {id: account, do: account.create, title: Create the account}
      - {id: groups, do: entitlements.apply, title: Groups, needs: [account]}
      - {id: verify, do: access.verify, title: Read back, needs: [groups]}
  - id: mover
    title: Mover
    owner: team:helpdesk
    fallback_owner: team:it
    target: 2d
    steps:
      - {id: groups, do: entitlements.apply, title: New groups}
      - {id: remove, do: entitlements.remove, title: Old groups, needs: [groups]}
      - {id: verify, do: access.verify, title: Read back, needs: [remove]}
  - id: leaver
    title: Leaver
    owner: team:helpdesk
    fallback_owner: team:security
    target: 24h
    steps:
      - {id: disable, do: account.disable, title: Disable, target: 15m}
      - {id: groups, do: group.remove_all, title: Out of every group, needs: [disable]}
      - {id: laptop, do: manual, title: Laptop back, owner: "team:endpoint", text: "Take the laptop back."}
      - {id: verify, do: access.verify, title: Read back, needs: [groups]}
"""

STAFF = [(f"E{n:03}", f"Person {n}", ("Finance", "IT")[n % 2]) for n in range(1, 41)]


@dataclass
class Office:
    """The installation, its server, and what an operator would do with them."""

    home: Path
    workshop: Workshop
    server: httpx.Client
    environ: dict[str, str]

    def feed(self, people: list[tuple[str, ...]]) -> None:
        """Write the people file."""
        rows = [f"{p[0]},{p[1]},{p[0].lower()}@example.test,{p[2]},{p[3] if len(p) > 3 else ''}" for p in people]
        text = "\n".join(["key,name,email,department,ends", *rows]) + "\n"
        (self.home / "people.csv").write_text(text, encoding="utf-8")

    async def sync(self) -> SyncReport:
        """Sync everything."""
        return await sync(self.workshop, lambda _: None)

    async def settle(self, seconds: float = 30) -> None:
        """Be the worker until nothing moves without a person."""
        runner = LocalRunner(self.workshop, idle=None)
        task = asyncio.create_task(runner.run())
        try:
            async with asyncio.timeout(seconds):
                while not task.done():
                    with self.workshop.cache.read() as session:
                        now = self.workshop.clock()
                        left, later = actions.work_left(session, now)
                        stopped = actions.stopped_systems(session)
                    if (not left or stopped or (later and later - now > timedelta(minutes=5))) and not runner.busy:
                        break
                    await asyncio.sleep(0.05)
        finally:
            runner.stop.set()
            await task

    def cases(self) -> list[dict[str, Any]]:
        """Pending cases."""
        with self.workshop.cache.read() as session:
            return pending_cases(session, None, "", 1000)

    def case(self, number: int) -> dict[str, Any]:
        """One case, whole."""
        with self.workshop.cache.read() as session:
            return whole_case(session, number)

    def by(self, actor: str) -> Workshop:
        """The same workshop in somebody else's hands."""
        w = self.workshop
        return Workshop(w.cache, w.settings, w.policy, w.clock, actor, w.adapters)

    def opened_again(self) -> Workshop:
        """A workshop by what the files say now."""
        w = self.workshop
        return open_workshop(Places.from_environment(self.environ), w.actor, w.clock, self.environ)

    def truth(self) -> dict[str, tuple[bool, set[str]]]:
        """The server's own word: by login, whether active, and the groups."""
        users = self.server.get("/Users", params={"count": 1000}).json().get("Resources", [])
        groups = self.server.get("/Groups", params={"count": 1000}).json().get("Resources", [])
        member: dict[str, set[str]] = {user["id"]: set() for user in users}
        for group in groups:
            for entry in group.get("members", []):
                member[entry["value"]].add(group["displayName"])
        assert len({u["userName"] for u in users}) == len(users)
        return {u["userName"]: (u["active"], member[u["id"]]) for u in users}


@pytest.fixture
def cache_settings() -> str:
    """Where the cache is: in the state folder, unless a module says otherwise."""
    return ""


@pytest.fixture
def make_office(private: Path, scim2_server: Callable[..., Any], cache_settings: str) -> Callable[..., Office]:
    """Build an installation; `url` puts something between jmltui and the server."""
    server = scim2_server()
    headers = {"Authorization": "Bearer secret", "Content-Type": "application/scim+json"}
    client = httpx.Client(base_url=server.url, headers=headers, timeout=30, trust_env=False)
    for name in ("Finance", "IT", "Admins", "Choir"):
        schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"]
        client.post("/Groups", json={"schemas": schemas, "displayName": name}).raise_for_status()

    def make(absent: str = "leaver", url: Callable[[str], str] = lambda url: url, actor: str = "ana") -> Office:
        (private / "policy").mkdir()
        (private / "policy" / "policy.yaml").write_text(POLICY)
        (private / "settings.toml").write_text(SETTINGS.format(absent=absent, url=url(server.url)) + cache_settings)
        environ = {"JMLTUI_HOME": str(private), "DIRECTORY_TOKEN": "secret"}
        places = Places.from_environment(environ)
        workshop = open_workshop(places, actor, lambda: datetime.now(UTC), environ)
        return Office(private, workshop, client, environ)

    return make


@pytest.fixture
async def office(make_office: Callable[..., Office]) -> AsyncIterator[Office]:
    """An installation whose forty people are provisioned already."""
    made = make_office()
    made.feed(STAFF)
    report = await made.sync()
    assert report.opened == {"joiner": len(STAFF)}
    from jmltui.lifecycle import requests

    requests.run_all(made.workshop)
    await made.settle()
    assert made.cases() == []
    yield made
    await made.workshop.close()
