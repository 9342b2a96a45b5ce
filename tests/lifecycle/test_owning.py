"""J08: what a leaver owns is given a new owner or ends, and until then the leaver's case cannot close."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jmltui.cache import cases, ownership
from jmltui.cache.people import person_by_key
from jmltui.errors import NotAllowed, UsageError
from jmltui.lifecycle import everyone, links, owning, requests
from jmltui.lifecycle.replan import replan_case, replan_outdated
from tests.conftest import StandingClock
from tests.lifecycle.works import Works, founded
from tests.nursery import calling

LEAVER = """\
  - id: leaver
    owner: team:helpdesk
    fallback_owner: team:security
    target: 24h
    steps:
      - {id: disable, do: account.disable}
      - {id: groups, do: group.remove_all, needs: [disable]}
      - {id: reassign, do: service_account.reassign, on: "owned:all"}
      - {id: rotate, do: secret.rotate, on: "owned:service"}
      - {id: evidence, do: evidence.pack, needs: [disable, groups, reassign, rotate]}
"""
POLICY = f"""\
version: 1
entitlements:
  - {{id: staff, system: directory, target: "group:Staff"}}
  - {{id: service, system: directory, target: "group:Services"}}
  - {{id: ledger, system: erp, target: "role:Ledger"}}
  - {{id: general, system: chat, target: "group:General"}}
roles:
  - {{id: everybody, match: {{person.type: employee}}, grants: [staff]}}
  - {{id: machines, match: {{person.type: service}}, grants: [service, ledger]}}
procedures:
{LEAVER}"""


@pytest.fixture
def cache_settings() -> str:
    return ""


@pytest.fixture
async def works(private: Path, cache_settings: str, clock: StandingClock) -> AsyncIterator[Works]:
    """Lea owns a backup service with two accounts, a mailbox without one, and a chat robot that is her own account."""
    targets = {
        "directory": ["group:Staff", "group:Services"],
        "erp": ["role:Ledger"],
        "chat": ["group:General"],
    }
    made = founded(private, clock, POLICY, targets, cache_settings)
    made.person("E1", "Lea Leaver")
    made.person("E2", "Neo New")
    made.person("S1", "Backup", type="service", owner="E1")
    made.person("S2", "Info box", type="shared", owner="E1")
    for number in ("1", "2"):
        made.account("directory", f"e{number}", f"E{number}", "Staff")
    made.account("directory", "svc-backup", "S1", "Services", kind="service")
    made.account("erp", "svc-backup", "S1", "Ledger", kind="service")
    made.account("chat", "robot", "", "General", kind="service")
    await made.sync()
    assert made.cases() == []
    links.link(made.by("ron"), "E1", "chat", "robot")
    yield made
    await made.workshop.close()


async def leaving(works: Works, key: str = "E1") -> int:
    """Let somebody leave, and everything that needs nobody be done."""
    works.person(key, "", status="left")
    await works.sync()
    case = works.only("leaver", key)
    requests.run_case(works.workshop, case)
    await works.work()
    works.clock.forward(timedelta(minutes=1))
    return case


def asked(works: Works, case: int, step: str = "reassign") -> set[tuple[str, str, str]]:
    return {(a["system"], a["login"], a["state"]) for a in works.step(case, step)["actions"]}


def transfers(works: Works, case: int, login: str) -> list[dict[str, Any]]:
    """What a case asks about the owner of an account."""
    return [a for a in works.step(case, "reassign")["actions"] if a["login"] == login]


def owner_of(works: Works, key: str) -> str:
    with works.workshop.cache.read() as session:
        person = person_by_key(session, key)
        assert person is not None
        return ownership.owner_of(session, person.id)


async def test_what_is_owned_is_asked_about_and_never_disabled_with_its_owner(works: Works) -> None:
    case = await leaving(works)
    assert {(system, login) for system, login, _ in asked(works, case)} == {
        ("directory", "svc-backup"), ("erp", "svc-backup"), ("hr", "S2"), ("chat", "robot"),
    }  # fmt: skip
    assert {login for _, login, _ in asked(works, case, "rotate")} == {"svc-backup", "robot"}
    assert works.states("e1") == {"directory": "disabled"}
    assert works.states("robot") == {"chat": "active"}
    assert works.states("svc-backup") == {"directory": "active", "erp": "active"}
    assert works.holds("robot") == {"chat/General"}
    assert works.holds("svc-backup") == {"directory/Services", "erp/Ledger"}


async def test_the_case_cannot_close_while_something_is_owned(works: Works) -> None:
    case = await leaving(works)
    for close in (requests.attest, requests.skip):
        with pytest.raises(NotAllowed, match="still owns") as told:
            close(works.workshop, case, "reassign", "somebody will see to it")
        assert "jmltui owner ACCOUNT PERSON" in told.value.hint
    requests.attest(works.workshop, case, "rotate", "changed both, kept in the vault")
    assert works.case(case)["state"] == "open"

    owning.give(works.workshop, "svc-backup", "E2")
    assert {state for _, login, state in asked(works, case) if login == "svc-backup"} == {"attested"}
    with pytest.raises(NotAllowed, match="still owns S2, robot"):
        requests.attest(works.workshop, case, "reassign", "the rest is nothing")
    owning.give(works.workshop, "S2", "E2")
    assert works.case(case)["state"] == "open"
    owning.give(works.workshop, "robot", "E2")
    assert works.case(case)["state"] == "done", works.steps(case)
    assert owner_of(works, "S1") == owner_of(works, "S2") == "E2"
    outcome = next(a["outcome"] for a in works.step(case, "reassign")["actions"] if a["login"] == "robot")
    assert outcome == "its owner is E2 now; decided by ron"


async def test_what_nobody_wants_is_retired_by_a_case_of_its_own(works: Works) -> None:
    case = await leaving(works)
    (number,) = owning.retire(works.workshop, "S1", "replaced by the new backup")
    assert owning.retire(works.workshop, "svc-backup", "said twice") == [number], "it is under way"
    assert {a["system"] for s in works.case(number)["steps"] for a in s["actions"]} == {"directory", "erp"}
    assert {a["state"] for a in transfers(works, case, "svc-backup")} == {"blocked"}
    assert f"until case {number}" in transfers(works, case, "svc-backup")[0]["outcome"]
    with pytest.raises(NotAllowed, match="still owns svc-backup"):
        requests.attest(works.workshop, case, "reassign", "it is retired, is it not?")
    assert (works.case(number)["kind"], works.case(number)["person_key"]) == ("review", "S1")
    assert "whose" not in works.steps(number), "everybody knows whose it is"
    requests.run_case(works.workshop, number)
    await works.work()
    assert works.states("svc-backup") == {"directory": "disabled", "erp": "disabled"}
    assert {(a["state"], a["outcome"]) for a in transfers(works, case, "svc-backup")} == {
        ("attested", f"switched off in case {number}, which ron opened")
    }
    with pytest.raises(UsageError, match="Say why"):
        owning.retire(works.workshop, "robot", " ")


async def test_the_leavers_case_is_open_for_as_long_as_something_of_theirs_is_on(works: Works) -> None:
    case = await leaving(works)
    requests.attest(works.workshop, case, "rotate", "nobody knows them any more")
    owning.give(works.workshop, "S1", "E2")
    assert owning.retire(works.workshop, "S2", "nobody reads it") == []
    (number,) = owning.retire(works.workshop, "robot", "nobody uses it")
    assert works.states("robot") == {"chat": "active"}
    assert works.case(case)["state"] == "open", "the robot is on"
    requests.run_case(works.workshop, number)
    await works.work()
    assert works.states("robot") == {"chat": "disabled"}
    assert works.case(case)["state"] == "done", works.steps(case)


@pytest.mark.parametrize("end", ["cancelled", "skipped"])
async def test_a_retirement_that_came_to_nothing_leaves_the_question_open(works: Works, end: str) -> None:
    case = await leaving(works)
    requests.attest(works.workshop, case, "rotate", "nobody knows them any more")
    for thing in ("S1", "S2"):
        owning.give(works.workshop, thing, "E2")
    (number,) = owning.retire(works.workshop, "robot", "nobody uses it")
    if end == "cancelled":
        with works.workshop.cache.write() as session:
            cases.cancel(session, cases.case_row(session, number), "it is needed", works.clock())
    else:
        requests.skip(works.workshop, number, "remove", "it is needed")
    assert works.case(number)["state"] == ("cancelled" if end == "cancelled" else "done")
    assert works.states("robot") == {"chat": "active"}
    assert works.case(case)["state"] == "open"
    works.clock.forward(timedelta(minutes=1))
    assert owning.retire(works.workshop, "robot", "it is not needed after all") != [number]
    owning.give(works.workshop, "robot", "E2")
    assert works.case(case)["state"] == "done", works.steps(case)


async def test_what_is_retired_is_not_asked_about_again(works: Works) -> None:
    case = await leaving(works)
    (number,) = owning.retire(works.workshop, "S1", "replaced by the new backup")
    requests.run_case(works.workshop, number)
    await works.work()
    before = asked(works, case)
    assert replan_case(works.workshop, case).added == 0
    assert asked(works, case) == before


async def test_the_source_counts_again_when_it_says_something_new(works: Works) -> None:
    owning.give(works.workshop, "S1", "E2")
    await works.sync()
    assert owner_of(works, "S1") == "E2", "the feed still says E1, as it did then"
    works.person("S1", "Backup of everything")
    await works.sync()
    assert owner_of(works, "S1") == "E2"
    works.person("E3", "Kim Keen")
    works.person("S1", "", owner="E3")
    await works.sync()
    assert owner_of(works, "S1") == "E3"
    with pytest.raises(NotAllowed, match="owns S1 already"):
        owning.give(works.workshop, "S1", "E3")


async def test_a_new_owner_is_somebody_who_stays(works: Works) -> None:
    works.person("E3", "Con Tract", type="contractor", ends="2026-12-31")
    works.person("E4", "Long Gone", status="left")
    works.person("E5", "Ever Here", ends="9999-12-31")
    await works.sync()
    with pytest.raises(NotAllowed, match=r"Con Tract \(E3\) leaves on 2026-12-31; name somebody who stays"):
        owning.give(works.workshop, "S1", "E3")
    with pytest.raises(NotAllowed, match="has left"):
        owning.give(works.workshop, "S1", "E4")
    with pytest.raises(NotAllowed, match="itself a shared account"):
        owning.give(works.workshop, "S1", "S2")
    with pytest.raises(UsageError, match="No source names a person of number E99"):
        owning.give(works.workshop, "S1", "E99")
    with pytest.raises(UsageError, match="no service or shared account svc-bakup") as told:
        owning.give(works.workshop, "svc-bakup", "E2")
    assert "svc-backup" in told.value.hint
    assert owner_of(works, "S1") == "E1"
    owning.give(works.workshop, "S1", "E5")
    assert owner_of(works, "S1") == "E5"


async def test_whoever_is_leaving_becomes_no_owner(works: Works) -> None:
    works.person("E2", "", urgent="yes", ends="2026-06-30")
    await works.sync()
    with pytest.raises(NotAllowed, match="name somebody who stays"):
        owning.give(works.workshop, "S1", "E2")


async def test_what_came_to_be_owned_since_stops_the_case_too(works: Works) -> None:
    case = await leaving(works)
    works.person("S3", "Monitoring", type="service", owner="E1")
    works.account("directory", "svc-monitor", "S3", "Services", kind="service")
    works.account("erp", "svc-monitor", "S3", "Ledger", kind="service")
    await works.sync()
    for thing in ("S1", "S2", "robot"):
        owning.give(works.workshop, thing, "E2")
    requests.attest(works.workshop, case, "rotate", "changed both")
    assert works.case(case)["state"] == "open"
    open_steps = {s["key"]: s for s in works.case(case)["steps"] if s["state"] not in ("done", "skipped")}
    logins = {a["login"] for s in open_steps.values() for a in s["actions"]}
    assert "svc-monitor" in logins


async def test_an_owner_whom_the_source_names_settles_it(works: Works) -> None:
    case = await leaving(works)
    works.person("S1", "", owner="E2")
    works.person("S2", "", owner="E2")
    await works.sync()
    replan_outdated(works.workshop)
    assert {login for _, login, state in asked(works, case) if state not in ("skipped", "attested")} <= {"robot"}
    owning.give(works.workshop, "robot", "E2")
    assert works.steps(case)["reassign"] == "done"


async def test_only_the_account_of_that_system_is_decided(works: Works) -> None:
    """Two leavers, each with a robot of the same name on another system."""
    works.account("vpn", "robot", "", kind="service")
    await works.sync()
    links.link(works.by("ron"), "E2", "vpn", "robot")
    works.person("E3", "Kim Keen")
    one, two = await leaving(works), await leaving(works, "E2")
    with pytest.raises(NotAllowed, match="Several systems have a service account robot: chat, vpn"):
        owning.give(works.workshop, "robot", "E3")
    owning.give(works.workshop, "S1", "E3")
    assert {(s, state) for s, login, state in asked(works, two) if login == "robot"} != {("vpn", "attested")}
    works.person("S9", "Named robot", type="service", owner="E2")
    works.account("erp", "robot", "S9", kind="service")
    await works.sync()
    owning.give(works.workshop, "S9", "E3")
    assert ("chat", "robot", "attested") not in asked(works, one)
    assert ("vpn", "robot", "attested") not in asked(works, two)


@pytest.mark.parametrize("left_out", ["all", "shared"])
async def test_a_procedure_that_forgets_what_is_owned_waits_all_the_same(works: Works, left_out: str) -> None:
    line = '      - {id: reassign, do: service_account.reassign, on: "owned:all"}\n'
    assert line in POLICY
    new = "" if left_out == "all" else line.replace("owned:all", "owned:service")
    text = POLICY.replace(line, new)
    works.policy_is(text if new else text.replace("groups, reassign, rotate", "groups, rotate"))
    case = await leaving(works)
    requests.attest(works.workshop, case, "rotate", "changed both")
    asked_about = {a["login"] for s in works.case(case)["steps"] for a in s["actions"] if a["operation"] == "transfer"}
    assert asked_about == {"svc-backup", "S2", "robot"}
    for thing in ("S1", "robot"):
        owning.give(works.workshop, thing, "E2")
    assert works.case(case)["state"] == "open", "the mailbox is still Lea's"
    owning.give(works.workshop, "S2", "E2")
    assert works.case(case)["state"] == "done", works.steps(case)


async def test_a_mover_keeps_what_they_own(works: Works) -> None:
    works.person("E1", "", department="Elsewhere")
    works.policy_is(POLICY.replace("match: {person.type: employee}", "match: {person.department: Here}"))
    await works.sync()
    owned = {a["login"] for c in works.cases() for s in works.case(c["id"])["steps"] for a in s["actions"]}
    assert not owned & {"robot", "svc-backup"}


async def test_the_plan_for_everybody_says_the_same(works: Works) -> None:
    def told() -> set[tuple[str, str, str]]:
        found = everyone.differences(works.workshop, everyone.Everyone())
        return {(line.kind.value, line.system, line.login) for each in found for line in each.lines}

    assert told() == set()
    works.account("chat", "lea", "E1", "General")
    await works.sync()
    assert told() == {("remove", "chat", "lea")}, "her own account there, and not the robot beside it"
    works.person("E1", "", status="left")
    await works.sync()
    assert told() == {("remove", "chat", "lea"), ("remove", "directory", "e1")}


async def test_from_the_command_line(works: Works) -> None:
    case = await leaving(works)

    def call(*words: str, code: int = 0) -> dict[str, object]:
        command = calling("owner", *words, "--home", str(works.home), "--json")
        done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    assert call("svc-backup", "E2")["done"] == "Neo New (E2) owns Backup (S1) now."
    (number,) = call("robot", "--retire", "nobody uses it")["cases"]  # type: ignore[misc]  # a list of numbers
    assert works.case(number)["kind"] == "review"
    assert "new owner" in str(call("robot", code=2)["error"])
    assert "still owns S2" not in str(call("S2", "E2"))
    assert works.steps(case)["reassign"] != "done", "the robot is on"
