"""What a leaver leaves behind on systems: phones, what the accounts own, licences."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jmltui.errors import JmltuiError, NotAllowed, UsageError
from jmltui.lifecycle import approve, requests, succeeding
from jmltui.lifecycle.replan import replan_case
from jmltui_practice.faults import Fault, FaultKind, clear_faults, set_fault
from tests.conftest import StandingClock
from tests.lifecycle.works import Works, founded

POLICY = """\
version: 1
entitlements:
  - {id: staff, system: directory, target: "group:Staff"}
  - {id: clerks, system: directory, target: "group:Clerks"}
  - {id: mailbox, system: mail, target: "licence:Mailbox", licence: {sku: mail}}
  - {id: news, system: mail, target: "group:News"}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff, mailbox, news]}
  - {id: clerks, match: {person.department: Clerks}, grants: [clerks]}
"""
TARGETS = {"directory": ["group:Staff", "group:Clerks"], "mail": ["licence:Mailbox", "group:News"]}


@pytest.fixture
async def works(private: Path, clock: StandingClock) -> AsyncIterator[Works]:
    """Pia has a phone and a tablet at her mailbox; Mia is her manager, Noa a colleague."""
    made = founded(private, clock, POLICY, TARGETS)
    for key, name, manager in (("E1", "Pia Phone", "E2"), ("E2", "Mia Manager", ""), ("E3", "Noa Next", "E2")):
        made.person(key, name, manager=manager)
        made.account("directory", key.lower(), key, "Staff")
        made.account("mail", key.lower(), key, "Mailbox", "News")
    made.phone("mail", "e1", "Phone A1")
    made.phone("mail", "e1", "Tablet B2")
    await made.sync()
    yield made
    await made.workshop.close()


async def leaving(works: Works) -> int:
    works.person("E1", "", status="left")
    await works.sync()
    return works.only("leaver")


def device_steps(works: Works, case: int) -> dict[str, dict[str, Any]]:
    """The steps about devices, by the name of the device."""
    found = [step for step in works.case(case)["steps"] if step["do"] == "device.wipe"]
    return {step["title"].partition(":")[0]: step for step in found}


async def carried_out(works: Works) -> None:
    """Everything is done and read back; mail shows a change two seconds later."""
    for _ in range(3):
        await works.work()
        works.clock.forward(timedelta(seconds=20))
    await works.work()


def agree(works: Works, case: int, key: str) -> None:
    step = works.step(case, key)
    approve.decide(works.by("bea"), case, key, step["plan_hash"], approve=True, reason="")


async def test_each_device_is_a_line_of_its_own_and_nothing_runs_by_itself(works: Works) -> None:
    case = await leaving(works)
    steps = device_steps(works, case)
    assert set(steps) == {"Phone A1", "Tablet B2"}
    assert all([a["operation"] for a in step["actions"]] == ["wipe-device"] for step in steps.values())
    requests.run_case(works.workshop, case)
    await carried_out(works)
    assert {"mail/Phone A1", "mail/Tablet B2"} <= works.holds("e1"), "a case that is run through wipes no device"
    assert works.step(case, "groups")["state"] == "done"
    assert {step["state"] for step in device_steps(works, case).values()} == {"approval"}
    assert works.step(case, "devices")["state"] == "waiting", "a person looks for the others once these are settled"


async def test_one_came_back_and_the_other_is_wiped_once_somebody_agreed(works: Works) -> None:
    case = await leaving(works)
    requests.run_case(works.workshop, case)
    await carried_out(works)
    steps = device_steps(works, case)
    phone, tablet = steps["Phone A1"]["key"], steps["Tablet B2"]["key"]
    requests.attest(works.workshop, case, tablet, "came back, serial B2, in the cupboard")
    assert works.step(case, tablet)["state"] == "done"
    with pytest.raises(NotAllowed, match="approv"):
        requests.run_step(works.workshop, case, phone)
    agree(works, case, phone)
    requests.run_step(works.workshop, case, phone)
    await carried_out(works)
    (action,) = works.step(case, phone)["actions"]
    assert (action["state"], works.step(case, phone)["state"]) == ("confirmed", "done")
    assert works.happened("e1").count("wipe Phone A1") == 1
    assert works.holds("e1") & {"mail/Phone A1", "mail/Tablet B2"} == {"mail/Tablet B2"}
    assert works.step(case, "devices")["state"] == "ready"


async def test_a_device_that_somebody_else_has_by_now_is_not_wiped(works: Works) -> None:
    case = await leaving(works)
    requests.run_case(works.workshop, case)
    await carried_out(works)
    key = device_steps(works, case)["Phone A1"]["key"]
    agree(works, case, key)
    works.phone_passed_on("mail", "Phone A1", "e3")
    requests.run_step(works.workshop, case, key)
    await carried_out(works)
    (action,) = works.step(case, key)["actions"]
    assert action["state"] == "blocked"
    assert "does not have this device any more" in action["outcome"]
    assert "mail/Phone A1" in works.holds("e3")
    assert not [each for each in works.happened() if each.startswith("wipe")]


async def test_a_wipe_without_an_answer_is_read_back_and_not_sent_again(works: Works) -> None:
    case = await leaving(works)
    requests.run_case(works.workshop, case)
    await carried_out(works)
    key = device_steps(works, case)["Phone A1"]["key"]
    agree(works, case, key)
    set_fault(works.home / "systems.sqlite", "mail", Fault(FaultKind.LOST_ANSWER))
    requests.run_step(works.workshop, case, key)
    await carried_out(works)
    clear_faults(works.home / "systems.sqlite")
    for _ in range(8):
        works.clock.forward(timedelta(minutes=15))
        await carried_out(works)
    assert works.step(case, key)["actions"][0]["state"] == "confirmed"
    assert works.happened("e1").count("wipe Phone A1") == 1


async def test_a_mover_keeps_the_phone_and_nobody_asks_about_it(works: Works) -> None:
    works.person("E1", "", department="Clerks")
    await works.sync()
    for case in [works.only("mover")]:
        whole = works.case(case)
        assert not [a for step in whole["steps"] for a in step["actions"] if a["operation"] == "wipe-device"]
        (line,) = [each for each in whole["diff"] if each["target"] == "device:Phone A1"]
        assert (line["kind"], line["reason"]) == ("keep", "a device in their hands")


async def test_what_the_accounts_own_goes_to_the_manager_when_a_person_says_so(works: Works) -> None:
    case = await leaving(works)
    step = works.step(case, "mailbox-accounts")
    assert step["title"] == "Hand over to Mia Manager what the accounts own"
    (action,) = step["actions"]
    assert (action["system"], action["target"], action["manual"]) == ("mail", "to e2", False)
    requests.run_case(works.workshop, case)
    await carried_out(works)
    assert "transfer" not in " ".join(works.happened())
    requests.run_step(works.workshop, case, "mailbox-accounts")
    await carried_out(works)
    assert works.step(case, "mailbox-accounts")["state"] == "done"
    assert works.happened("e1").count("transfer") == 1


async def test_somebody_else_is_named_and_the_case_is_planned_anew(works: Works) -> None:
    case = await leaving(works)
    told = succeeding.name(works.workshop, "E1", "E3")
    assert told == f"Noa Next (E3) takes over what the accounts of Pia Phone (E1) own. Case {case} is planned anew."
    step = works.step(case, "mailbox-accounts")
    assert step["title"] == "Hand over to Noa Next what the accounts own"
    assert [a["target"] for a in step["actions"]] == ["to e3"]
    for wrong, error in (("E1", JmltuiError), ("E9", UsageError)):
        with pytest.raises(error):
            succeeding.name_in_case(works.workshop, case, wrong)
    works.person("E2", "", ends="2099-01-31")
    await works.sync()
    with pytest.raises(NotAllowed, match="leaves on 2099"):
        succeeding.name_in_case(works.workshop, case, "E2")


async def test_a_successor_whose_account_was_switched_off_meanwhile_gets_nothing(works: Works) -> None:
    case = await leaving(works)
    requests.run_case(works.workshop, case)
    await carried_out(works)
    works._write("UPDATE account SET state = 'disabled' WHERE system = ? AND folded = ?", ("mail", "e2"))
    requests.run_step(works.workshop, case, "mailbox-accounts")
    await carried_out(works)
    (action,) = works.step(case, "mailbox-accounts")["actions"]
    assert action["state"] == "blocked"
    assert "e2, is disabled; name somebody else" in action["outcome"]
    await works.sync()
    replan_case(works.workshop, case)
    left = [
        a for s in works.case(case)["steps"] if s["do"] == "accounts.hand_over" for a in s["actions"] if a["manual"]
    ]
    assert [a["target"] for a in left] == ["to nobody yet"], "Mia has no account in use there: a person has to choose"


async def test_licences_are_taken_back_after_the_mailbox_was_handed_over(works: Works) -> None:
    case = await leaving(works)
    requests.run_case(works.workshop, case)
    await carried_out(works)
    assert "mail/News" not in works.holds("e1")
    assert "mail/Mailbox" in works.holds("e1"), "without its licence a mailbox is deleted before anybody took it over"
    requests.attest(works.workshop, case, "mailbox-accounts", "exported by hand")
    requests.attest(works.workshop, case, "mailbox", "Mia has it until June")
    await carried_out(works)
    assert works.step(case, "licences-systems")["title"] == "Take back 1 licence"
    assert works.step(case, "licences-systems")["state"] == "done"
    assert "mail/Mailbox" not in works.holds("e1")
    assert works.step(case, "licences")["state"] == "ready", "a person looks for those that no system shows"


async def test_the_steps_keep_their_keys_when_a_case_is_planned_anew(works: Works) -> None:
    case = await leaving(works)
    before = list(works.steps(case))
    works.phone("mail", "e1", "Laptop C3")
    await works.sync()
    replan_case(works.workshop, case)
    after = list(works.steps(case))
    assert set(before) < set(after)
    assert set(device_steps(works, case)) == {"Phone A1", "Tablet B2", "Laptop C3"}
    assert not replan_case(works.workshop, case).changed


async def test_the_step_for_people_waits_for_a_device_that_turned_up_later(works: Works) -> None:
    case = await leaving(works)
    for step in device_steps(works, case).values():
        requests.skip(works.workshop, case, step["key"], "sold to her")
    requests.run_case(works.workshop, case)
    await carried_out(works)
    requests.attest(works.workshop, case, "devices", "laptop 77, badge 12")
    works.phone("mail", "e1", "Laptop C3")
    await works.sync()
    replan_case(works.workshop, case)
    assert device_steps(works, case)["Laptop C3"]["state"] in ("waiting", "approval")


async def test_an_account_that_nobody_confirmed_is_left_alone(works: Works) -> None:
    """It may be somebody else's: nothing of it is ended, revoked, handed over or wiped."""
    works.account("mail", "pia.phone", "")
    works._write("UPDATE account SET display = 'Pia Phone', email = ? WHERE folded = ?", ("pia@x.test", "pia.phone"))
    works.account("chat", "pia.phone", "")
    works._write("UPDATE account SET email = ? WHERE folded = ?", ("pia@x.test", "pia.phone"))
    works.person("E1", "", email="pia@x.test")
    await works.sync()
    case = await leaving(works)
    whole = works.case(case)
    assert [x["reason"] for x in whole["diff"] if x["login"] == "pia.phone" and x["kind"] == "blocked"]
    assert not [a for s in whole["steps"] for a in s["actions"] if a["login"] == "pia.phone"]


async def test_nobody_states_that_everything_was_read_back(works: Works) -> None:
    case = await leaving(works)
    requests.run_case(works.workshop, case)
    await carried_out(works)
    with pytest.raises(NotAllowed, match="done by itself, once everything else is settled"):
        requests.attest(works.workshop, case, "verify", "I looked at it all")
