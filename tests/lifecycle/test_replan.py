"""Cases whose world changes while they are open, against a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jmltui.errors import StaleWrite
from jmltui.lifecycle import requests
from jmltui.lifecycle.approve import decide
from jmltui.lifecycle.opening import end_overtaken
from jmltui.lifecycle.replan import replan_case, replan_outdated
from jmltui.lifecycle.undo import undo
from jmltui.policy import load as load_policy
from tests.conftest import StandingClock
from tests.lifecycle.conftest import STAFF, Office


def rewrite_policy(office: Office, before: str, after: str) -> None:
    """Change the policy file, and let the workshop work by it."""
    file = office.home / "policy" / "policy.yaml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")
    office.workshop.policy = load_policy(Path(file.parent))


def calls(office: Office, case: int) -> dict[str, set[str]]:
    """The calls of each step: what, and to which target."""
    return {
        step["key"]: {f"{action['operation']} {action['target']}" for action in step["actions"]}
        for step in office.case(case)["steps"]
    }


def put_into(office: Office, login: str, group: str) -> None:
    """Somebody makes an account a member, past jmltui."""
    (user,) = office.server.get("/Users", params={"filter": f'userName eq "{login}"'}).json()["Resources"]
    (found,) = office.server.get("/Groups", params={"filter": f'displayName eq "{group}"'}).json()["Resources"]
    change = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "members", "value": [{"value": user["id"]}]}],
    }
    office.server.patch(f"/Groups/{found['id']}", json=change).raise_for_status()


async def test_a_policy_that_changes_asks_for_the_approval_again(office: Office) -> None:
    office.feed([("E001", "Person 1", "Security"), *STAFF[1:]])
    await office.sync()
    (case,) = office.cases()
    number = case["id"]
    shown = office.case(number)["steps"][0]["plan_hash"]
    decide(office.by("bob"), number, "groups", shown, approve=True)
    assert office.case(number)["steps"][0]["state"] == "ready"

    rewrite_policy(office, "grants: [admins]", "grants: [admins, finance]")
    assert replan_outdated(office.workshop) == 1
    step = office.case(number)["steps"][0]
    assert step["state"] == "approval"
    assert calls(office, number)["groups"] == {"grant group:Admins", "grant group:Finance"}
    with pytest.raises(StaleWrite, match="plan changed"):
        decide(office.by("bob"), number, "groups", shown, approve=True)
    decide(office.by("bob"), number, "groups", step["plan_hash"], approve=True)
    requests.run_case(office.workshop, number)
    await office.settle()
    assert office.truth()["e001"] == (True, {"Admins", "Finance"})
    (entry,) = [e for e in office.case(number)["journal"] if e["action"] == "case.replan"]
    assert "because the policy changed: 1 calls more, 0 fewer" in entry["summary"]
    assert replan_outdated(office.workshop) == 0


async def test_what_is_done_stays_done_and_nothing_new_runs_by_itself(office: Office) -> None:
    office.feed([p for p in STAFF if p[0] != "E002"])
    report = await office.sync()
    requests.confirm_batch(office.workshop, report.batches[0].id, "1")
    (case,) = office.cases()
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    assert office.truth()["e002"] == (False, set())
    put_into(office, "e002", "Choir")
    assert (await office.sync()).replanned == 1
    assert calls(office, case["id"])["groups"] == {"revoke group:Finance"}
    assert calls(office, case["id"])["groups-again-2"] == {"revoke group:Choir"}
    await office.settle(3)
    assert office.truth()["e002"] == (False, {"Choir"}), "a person has to ask for it"
    requests.attest(office.workshop, case["id"], "laptop", "handed in")
    assert office.case(case["id"])["state"] == "open"
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    assert office.truth()["e002"] == (False, set())
    assert office.case(case["id"])["state"] == "done"
    assert (await office.sync()).replanned == 0


async def test_a_leaver_loses_on_the_day_what_was_given_since(office: Office) -> None:
    day = datetime.now(UTC) + timedelta(days=30)
    office.feed([(*STAFF[0], f"{day:%Y-%m-%d}"), *STAFF[1:]])
    assert (await office.sync()).opened == {"leaver": 1}
    requests.run_all(office.workshop)
    await office.settle(5)

    office.feed([("E001", "Person 1", "Finance", f"{day:%Y-%m-%d}"), *STAFF[1:]])
    assert (await office.sync()).opened == {"mover": 1}
    leaver, mover = sorted(office.cases(), key=lambda case: str(case["kind"]))
    assert (leaver["kind"], mover["kind"]) == ("leaver", "mover"), "both stand in the queue"
    requests.run_case(office.workshop, mover["id"])
    await office.settle(8)
    assert office.truth()["e001"] == (True, {"Finance"})
    replan_outdated(office.workshop)
    assert calls(office, leaver["id"])["groups"] == {"revoke group:Finance"}

    office.workshop.clock = StandingClock(day + timedelta(days=2))
    requests.run_case(office.workshop, leaver["id"])
    await office.settle()
    assert office.truth()["e001"] == (False, set())


async def test_on_the_last_day_a_move_that_is_still_open_ends(office: Office) -> None:
    day = datetime.now(UTC) + timedelta(days=30)
    office.feed([(*STAFF[0], f"{day:%Y-%m-%d}"), *STAFF[1:]])
    await office.sync()
    office.feed([("E001", "Person 1", "Finance", f"{day:%Y-%m-%d}"), *STAFF[1:]])
    await office.sync()
    end_overtaken(office.workshop)
    assert {case["kind"] for case in office.cases()} == {"leaver", "mover"}
    office.workshop.clock = StandingClock(day + timedelta(days=2))
    end_overtaken(office.workshop)
    assert [case["kind"] for case in office.cases()] == ["leaver"]


async def test_who_moves_while_joining_joins_in_the_new_place(office: Office) -> None:
    office.feed([*STAFF, ("E900", "New Person", "IT")])
    await office.sync()
    office.feed([*STAFF, ("E900", "Renamed Person", "Finance")])
    report = await office.sync()
    assert (dict(report.opened), report.replanned) == ({}, 1)
    (case,) = office.cases()
    assert (case["kind"], case["person_name"]) == ("joiner", "Renamed Person")
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    assert office.truth()["e900"] == (True, {"Finance"})
    assert office.cases() == []


async def test_an_undo_is_approved_for_what_it_calls_itself(office: Office) -> None:
    office.feed([p for p in STAFF if p[0] != "E002"])
    report = await office.sync()
    requests.confirm_batch(office.workshop, report.batches[0].id, "1")
    (case,) = office.cases()
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    key = undo(office.workshop, case["id"], "disable")
    whole = office.case(case["id"])
    back = next(step for step in whole["steps"] if step["key"] == key)
    assert back["plan_hash"] != whole["plan_hash"]
    with pytest.raises(StaleWrite, match="plan changed"):
        decide(office.by("bob"), case["id"], key, whole["plan_hash"], approve=True)
    decide(office.by("bob"), case["id"], key, back["plan_hash"], approve=True)
    requests.run_step(office.workshop, case["id"], key)
    await office.settle()
    assert office.truth()["e002"][0]
    assert not replan_case(office.workshop, case["id"]).changed, "what was taken back on purpose is not planned again"


async def test_an_account_that_got_another_name_is_planned_anew_when_asked(office: Office) -> None:
    office.feed([p for p in STAFF if p[0] != "E002"])
    report = await office.sync()
    requests.confirm_batch(office.workshop, report.batches[0].id, "1")
    (case,) = office.cases()
    (user,) = office.server.get("/Users", params={"filter": 'userName eq "e002"'}).json()["Resources"]
    office.server.put(f"/Users/{user['id']}", json={**user, "userName": "e002.x"}).raise_for_status()
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    assert office.case(case["id"])["steps"][0]["state"] == "attention"
    assert replan_case(office.workshop, case["id"]).added
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    assert office.truth()["e002.x"] == (False, set())
