"""An operator's days, against a real server: the server's own word is what counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from jmltui.cache import actions, journal
from jmltui.errors import NotAllowed, StaleWrite
from jmltui.exchange import Bearer
from jmltui.lifecycle import requests
from jmltui.lifecycle.approve import decide
from jmltui.lifecycle.undo import undo
from tests.lifecycle.conftest import STAFF, Office


async def test_everybody_has_what_the_policy_says_and_nothing_opens_twice(office: Office) -> None:
    truth = office.truth()
    assert truth == {key.lower(): (True, {department}) for key, _, department in STAFF}
    report = await office.sync()
    assert not report.opened
    assert report.systems["directory"] == {"accounts": 40, "entitlements": 4, "grants": 40}
    with office.workshop.cache.read() as session:
        assert journal.verify(session).first_bad is None


async def test_a_mover_gains_and_loses_in_one_case(office: Office) -> None:
    office.feed([("E001", "Person 1", "Finance"), *STAFF[1:]])
    report = await office.sync()
    assert report.opened == {"mover": 1}
    case = office.case(office.cases()[0]["id"])
    assert {(line["kind"], line["target"]) for line in case["diff"]} == {
        ("keep", "account"),
        ("add", "group:Finance"),
        ("remove", "group:IT"),
    }
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    assert office.cases() == []
    assert office.truth()["e001"] == (True, {"Finance"})


async def test_a_leaver_is_proved_and_kept_open_by_the_manual_step(office: Office) -> None:
    choir = office.server.get("/Groups", params={"filter": 'displayName eq "Choir"'}).json()["Resources"][0]["id"]
    ours = office.server.get("/Users", params={"filter": 'userName eq "e002"'}).json()["Resources"][0]["id"]
    operation = {"op": "add", "path": "members", "value": [{"value": ours}]}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    office.server.patch(f"/Groups/{choir}", json=body).raise_for_status()
    office.feed([p for p in STAFF if p[0] != "E002"])
    report = await office.sync()
    assert report.opened == {"leaver": 1}
    (case,) = office.cases()
    assert case["state"] == "question"
    with pytest.raises(NotAllowed, match="is question"):
        requests.run_case(office.workshop, case["id"])
    batch = report.batches[0].id
    with pytest.raises(NotAllowed, match="You typed 2"):
        requests.confirm_batch(office.workshop, batch, "2")
    requests.confirm_batch(office.workshop, batch, "1")
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    assert office.truth()["e002"] == (False, set())
    whole = office.case(case["id"])
    assert whole["state"] == "open"
    assert {a["state"] for s in whole["steps"] for a in s["actions"]} == {"confirmed"}
    requests.attest(office.workshop, case["id"], "laptop", "handed in at the desk")
    assert office.case(case["id"])["state"] == "done"


async def test_who_is_back_is_no_question_and_who_returns_is_enabled(office: Office) -> None:
    without = [p for p in STAFF if p[0] != "E003"]
    office.feed(without)
    await office.sync()
    office.feed(STAFF)
    report = await office.sync()
    assert office.truth()["e003"][0]
    assert [c["kind"] for c in office.cases()] in ([], ["rehire"])
    office.feed(without)
    report = await office.sync()
    requests.confirm_batch(office.workshop, report.batches[0].id, "1")
    requests.run_all(office.workshop)
    await office.settle()
    assert office.truth()["e003"] == (False, set())
    office.feed(STAFF)
    report = await office.sync()
    assert report.opened == {"rehire": 1}
    requests.run_all(office.workshop)
    await office.settle()
    assert office.truth()["e003"] == (True, {"IT"})


async def test_too_many_leavers_are_held_until_another_person_releases_them(office: Office) -> None:
    ended = {"E004", "E005", "E006", "E007"}
    office.feed([(*p, "2026-01-31") if p[0] in ended else p for p in STAFF])
    report = await office.sync()
    assert report.opened == {"leaver": 4}
    assert {c["state"] for c in office.cases()} == {"held"}
    requests.run_all(office.workshop)
    await office.settle(5)
    assert all(active for active, _ in office.truth().values())
    batch = report.batches[0].id
    with pytest.raises(NotAllowed, match="A guard holds"):
        requests.confirm_batch(office.workshop, batch, "4", "seen")
    with pytest.raises(NotAllowed, match="A guard holds"):
        requests.confirm_batch(office.by("bob"), batch, "4")
    requests.confirm_batch(office.by("bob"), batch, "4", "site closed, checked with HR")
    assert {c["state"] for c in office.cases()} == {"open"}


async def test_a_future_leaver_waits_for_the_day(office: Office) -> None:
    day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    office.feed([(*STAFF[0], day), *STAFF[1:]])
    assert (await office.sync()).opened == {"leaver": 1}
    requests.run_all(office.workshop)
    await office.settle(5)
    assert office.truth()["e001"][0]


@pytest.mark.parametrize("content", ["", "key,name,email,department,ends\n", "key,name\nE001,Ana\n"])
async def test_a_bad_feed_changes_nothing(office: Office, content: str) -> None:
    (office.home / "people.csv").write_text(content)
    report = await office.sync()
    assert "is refused" in report.problems["hr"]
    assert not report.opened
    assert office.cases() == []


async def test_half_a_feed_and_a_feed_of_strangers_are_refused(office: Office) -> None:
    office.feed(STAFF[:20])
    assert "truncated" in (await office.sync()).problems["hr"]
    office.feed([(f"X{key}", name, department) for key, name, department in STAFF])
    assert "key form" in (await office.sync()).problems["hr"]
    office.feed([*STAFF, STAFF[0]])
    assert "stand in it twice" in (await office.sync()).problems["hr"]
    assert office.cases() == []


async def test_an_absence_is_asked_about_only_after_three_feeds(make_office: Callable[..., Office]) -> None:
    office = make_office(absent="ask")
    office.feed(STAFF)
    await office.sync()
    for case in office.cases():
        requests.run_case(office.workshop, case["id"])
    await office.settle()
    office.feed(STAFF[1:])
    assert [dict((await office.sync()).opened) for _ in range(4)] == [{}, {}, {"leaver": 1}, {}]
    (case,) = office.cases()
    requests.answer(office.workshop, case["id"], left=False)
    assert office.cases() == []
    assert office.truth()["e001"][0]
    await office.workshop.close()


async def test_an_approval_is_another_persons(office: Office) -> None:
    office.feed([("E001", "Person 1", "Security"), *STAFF[1:]])
    await office.sync()
    (case,) = office.cases()
    requests.run_case(office.workshop, case["id"])
    await office.settle(5)
    whole = office.case(case["id"])
    assert whole["steps"][0]["state"] == "approval"
    assert "Admins" not in office.truth()["e001"][1]
    with pytest.raises(NotAllowed, match="asked for this yourself"):
        decide(office.workshop, case["id"], "groups", whole["plan_hash"], approve=True)
    with pytest.raises(NotAllowed, match="about you"):
        decide(office.by("e001"), case["id"], "groups", whole["plan_hash"], approve=True)
    with pytest.raises(StaleWrite, match="plan changed"):
        decide(office.by("bob"), case["id"], "groups", "0" * 64, approve=True)
    decide(office.by("bob"), case["id"], "groups", whole["plan_hash"], approve=True, reason="on duty from June")
    await office.settle()
    assert office.cases() == []
    assert office.truth()["e001"] == (True, {"Admins"})


async def test_a_refusal_is_kept(office: Office) -> None:
    office.feed([("E001", "Person 1", "Security"), *STAFF[1:]])
    await office.sync()
    (case,) = office.cases()
    decide(office.by("bob"), case["id"], "groups", "", approve=False, reason="no need")
    requests.run_case(office.workshop, case["id"])
    await office.settle(5)
    whole = office.case(case["id"])
    assert whole["steps"][0]["state"] == "refused"
    assert "Admins" not in office.truth()["e001"][1]
    assert any("refused" in entry["summary"] and "no need" in entry["summary"] for entry in whole["journal"])


async def test_the_same_step_runs_once(office: Office) -> None:
    office.feed([("E001", "Person 1", "Finance"), *STAFF[1:]])
    await office.sync()
    (case,) = office.cases()
    requests.run_step(office.workshop, case["id"], "groups")
    with pytest.raises(StaleWrite, match="ana started this step"):
        requests.run_step(office.by("bob"), case["id"], "groups")
    await office.settle()
    done = [e for e in office.case(case["id"])["journal"] if e["action"] == "action.intent"]
    assert len(done) == 1


async def test_nobody_takes_their_own_access(office: Office) -> None:
    office.feed([p for p in STAFF if p[0] != "E002"])
    report = await office.sync()
    requests.confirm_batch(office.workshop, report.batches[0].id, "1")
    (case,) = office.cases()
    requests.run_case(office.by("e002"), case["id"])
    await office.settle(5)
    whole = office.case(case["id"])
    assert whole["steps"][0]["state"] == "attention"
    assert "ask a colleague" in whole["steps"][0]["actions"][0]["outcome"]
    assert office.truth()["e002"][0]


async def test_an_account_that_changed_hands_is_not_touched(office: Office) -> None:
    office.feed([p for p in STAFF if p[0] != "E002"])
    report = await office.sync()
    requests.confirm_batch(office.workshop, report.batches[0].id, "1")
    ours = office.server.get("/Users", params={"filter": 'userName eq "e002"'}).json()["Resources"][0]["id"]
    operation = {"op": "replace", "path": "userName", "value": "somebody.else"}
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    office.server.patch(f"/Users/{ours}", json=body).raise_for_status()
    (case,) = office.cases()
    requests.run_case(office.workshop, case["id"])
    await office.settle(5)
    action = office.case(case["id"])["steps"][0]["actions"][0]
    assert action["state"] == "blocked"
    assert "is called somebody.else now, not e002" in action["outcome"]
    assert office.truth()["somebody.else"][0]


async def test_a_revoked_token_stops_the_system_until_a_person_lets_it_go_on(office: Office) -> None:
    office.feed([("E001", "Person 1", "Finance"), *STAFF[1:]])
    await office.sync()
    adapter = await office.workshop.adapters.get("directory")
    http = adapter._http  # type: ignore[attr-defined]  # the token is revoked behind jmltui's back
    http.authorization = Bearer("revoked")
    requests.run_all(office.workshop)
    await office.settle(10)
    with office.workshop.cache.read() as session:
        assert "401" in actions.stopped_systems(session)["directory"]
    http.authorization = Bearer("secret")
    with office.workshop.cache.write() as session:
        actions.go_on(session, "directory", "ana", office.workshop.clock())
    await office.settle()
    assert office.cases() == []
    assert office.truth()["e001"] == (True, {"Finance"})


async def test_a_mistaken_leaver_comes_back_as_they_were(office: Office) -> None:
    office.feed([p for p in STAFF if p[0] != "E002"])
    report = await office.sync()
    requests.confirm_batch(office.workshop, report.batches[0].id, "1")
    (case,) = office.cases()
    with pytest.raises(NotAllowed, match="only a step that is done"):
        undo(office.workshop, case["id"], "disable")
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    assert office.truth()["e002"] == (False, set())
    keys = [undo(office.workshop, case["id"], step) for step in ("groups", "disable")]
    for key in keys:
        with pytest.raises(NotAllowed, match="asked for this yourself"):
            decide(office.workshop, case["id"], key, "", approve=True)
        decide(office.by("bob"), case["id"], key, "", approve=True, reason="withdrawn by HR")
        requests.run_step(office.workshop, case["id"], key)
    await office.settle()
    assert office.truth()["e002"] == (True, {"Finance"})
    with pytest.raises(NotAllowed, match="changed nothing"):
        undo(office.workshop, case["id"], "disable")


async def test_an_undone_step_of_a_closed_case_reopens_it(office: Office) -> None:
    office.feed([("E001", "Person 1", "Finance"), *STAFF[1:]])
    await office.sync()
    (case,) = office.cases()
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    assert office.case(case["id"])["state"] == "done"
    requests.run_step(office.workshop, case["id"], undo(office.workshop, case["id"], "remove"))
    await office.settle()
    assert office.truth()["e001"] == (True, {"Finance", "IT"})
    assert office.case(case["id"])["state"] == "done"


async def test_who_left_and_is_then_dropped_from_the_feed_is_no_news(office: Office) -> None:
    office.feed([(*STAFF[0], "2026-01-31"), *STAFF[1:]])
    assert (await office.sync()).opened == {"leaver": 1}
    (case,) = office.cases()
    requests.run_case(office.workshop, case["id"])
    await office.settle()
    requests.attest(office.workshop, case["id"], "laptop", "handed in")
    assert office.cases() == []
    office.feed(STAFF[1:])
    assert not (await office.sync()).opened
    office.feed(STAFF)
    assert (await office.sync()).opened == {"rehire": 1}
