"""A joiner and a leaver on a server that ignores filters, shows no pages and lists members by userName."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from jmltui.config.places import Places
from jmltui.lifecycle import requests
from jmltui.lifecycle.workshop import open_workshop
from tests.adapters.test_scim_servers import Canaille
from tests.lifecycle.conftest import POLICY, SETTINGS, Office
from tests.servers.scim2 import ScimServer

MORE = """
"name.familyName" = "{name}"
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department" = "{department}"
"""


async def test_joining_and_leaving(canaille_server: ScimServer, private: Path) -> None:
    canaille = Canaille(canaille_server)
    groups = {name: canaille.group(name) for name in ("Finance", "IT", "Admins")}
    (private / "policy").mkdir()
    (private / "policy" / "policy.yaml").write_text(POLICY)
    (private / "settings.toml").write_text(SETTINGS.format(absent="leaver", url=canaille_server.url) + MORE)
    environ = {"JMLTUI_HOME": str(private), "DIRECTORY_TOKEN": canaille_server.token}
    workshop = open_workshop(Places.from_environment(environ), "ana", lambda: datetime.now(UTC), environ)
    office = Office(private, workshop, canaille.http, environ)
    people = [(f"E{n}", f"Person {n}", ("Finance", "IT")[n % 2]) for n in range(1, 13)]
    rows = [f"{key},{name},{key.lower()}@example.com,{department}," for key, name, department in people]
    file = private / "people.csv"
    file.write_text("\n".join(["key,name,email,department,ends", *rows]) + "\n")
    assert (await office.sync()).opened == {"joiner": 12}
    requests.run_all(workshop)
    await office.settle()
    assert office.cases() == []
    assert canaille.members(groups["IT"]) == {"keeper", "e1", "e3", "e5", "e7", "e9", "e11"}

    file.write_text("\n".join(["key,name,email,department,ends", *rows[1:]]) + "\n")
    report = await office.sync()
    assert report.problems == {}
    requests.confirm_batch(workshop, report.batches[0].id, "1")
    (case,) = office.cases()
    requests.run_case(workshop, case["id"])
    await office.settle()
    requests.attest(workshop, case["id"], "laptop", "handed in at the desk")
    assert office.case(case["id"])["state"] == "done"
    assert canaille.members(groups["IT"]) == {"keeper", "e3", "e5", "e7", "e9", "e11"}
    users = {user["userName"]: user["active"] for user in canaille.http.get("/Users").json()["Resources"]}
    assert [login for login, active in users.items() if not active] == ["e1"]
    await workshop.close()
