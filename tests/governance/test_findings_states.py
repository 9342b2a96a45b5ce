"""A finding from the scan that found it to the one that misses it, over cases and exceptions in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from jmltui.cache.reading import whole_case
from jmltui.cache.tables import AccountRow, CaseRow, ExceptionRow
from jmltui.domain.access import AccountState
from jmltui.domain.person import PersonStatus, PersonType
from jmltui.errors import NotAllowed, UsageError
from jmltui.governance import findings
from jmltui.governance.grant_findings import ALIKE
from jmltui.lifecycle import owning
from tests.governance.findings_office import BOSS, CHIEF, NOW, POLICY, Listing, Office, account, open_office, person

UNTIL = NOW + timedelta(days=30)


@pytest.fixture
def office(private: Path) -> Iterator[Office]:
    made = open_office(private)
    yield made
    made.workshop.cache.close()


@pytest.fixture
def orphaned(office: Office) -> Office:
    """A company with one account of nobody, `orphan:crm:x1`."""
    office.employ(BOSS, CHIEF, person("E1", "Ana Novak"))
    office.list_system("crm", Listing([account("x1", login="anovak")]))
    office.scan()
    return office


def case_of(office: Office, number: int) -> dict[str, object]:
    with office.workshop.cache.read() as session:
        return whole_case(session, number)


# ---- scans


def test_a_second_scan_changes_nothing(orphaned: Office) -> None:
    before = orphaned.findings("open", "case", "excepted", "gone")
    orphaned.clock.forward(hours=1)
    report = orphaned.scan()
    after = orphaned.findings("open", "case", "excepted", "gone")
    assert (report.new, report.gone, report.open) == (0, 0, 1)
    assert [row | {"last_seen": None} for row in after.values()] == [
        row | {"last_seen": None} for row in before.values()
    ]
    assert after["orphan:crm:x1"]["last_seen"] == NOW + timedelta(hours=1)
    assert len(orphaned.journal("finding.scan")) == 1, "a scan that changed nothing is not journalled"


def test_what_is_put_right_is_gone_and_comes_back_as_the_same_finding(orphaned: Office) -> None:
    number = orphaned.number("orphan:crm:x1")
    orphaned.clock.forward(hours=1)
    orphaned.list_system("crm", Listing([account("x1", login="anovak", state=AccountState.DISABLED)]))
    assert orphaned.scan().kinds["orphan"].gone == 1
    assert orphaned.findings("gone")["orphan:crm:x1"]["gone_at"] == NOW + timedelta(hours=1)
    orphaned.clock.forward(hours=1)
    orphaned.list_system("crm", Listing([account("x1", login="anovak")]))
    report = orphaned.scan()
    found = orphaned.findings()["orphan:crm:x1"]
    assert (found["id"], found["gone_at"], found["first_seen"]) == (number, None, NOW)
    assert (report.new, report.open) == (0, 1)
    assert orphaned.journal("finding.scan") == [
        "Findings: 1 new, 0 open again, 0 gone, 1 open",
        "Findings: 0 new, 0 open again, 1 gone, 0 open",
        "Findings: 0 new, 1 open again, 0 gone, 1 open",
    ]


def test_new_facts_are_taken_over(orphaned: Office) -> None:
    orphaned.list_system("crm", Listing([account("x1", login="anovak")], [("x1", "group:Sales")]))
    orphaned.scan()
    found = orphaned.findings()["orphan:crm:x1"]
    assert (found["facts"]["holds"], found["version"]) == (["group:Sales"], 2)


def test_a_scan_that_breaks_off_leaves_no_trace(orphaned: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from jmltui.governance import separation_findings

    orphaned.list_system("crm", Listing([account("x2")]))
    before = orphaned.findings("open", "gone")

    def break_off(*_: object) -> Iterator[object]:
        raise RuntimeError("the power of something else")
        yield

    with monkeypatch.context() as broken:
        broken.setattr(separation_findings, "conflicting", break_off)
        with pytest.raises(RuntimeError):
            orphaned.scan()
    assert orphaned.findings("open", "gone") == before
    orphaned.scan()
    assert list(orphaned.findings()) == ["orphan:crm:x2"]


def test_nobody_is_locked_out_and_nothing_shows_while_a_scan_looks(
    orphaned: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jmltui.governance import separation_findings

    orphaned.list_system("crm", Listing([account("x1", login="anovak"), account("x2")]))
    seen: list[list[str]] = []

    def meanwhile(*_: object) -> Iterator[object]:
        orphaned.sql("INSERT INTO meta (key, value) VALUES ('somebody', 'else')")
        seen.append(list(orphaned.findings()))
        return iter(())

    monkeypatch.setattr(separation_findings, "conflicting", meanwhile)
    orphaned.scan()
    assert seen == [["orphan:crm:x1"]]
    assert list(orphaned.findings()) == ["orphan:crm:x1", "orphan:crm:x2"]


# ---- cases


def test_an_account_of_nobody_becomes_a_case_that_switches_it_off(orphaned: Office) -> None:
    number = orphaned.number("orphan:crm:x1")
    case = findings.open_case(orphaned.workshop, number)
    found = orphaned.findings("case")["orphan:crm:x1"]
    told = case_of(orphaned, case)
    assert found["case_id"] == case
    assert (told["kind"], told["person_id"], told["person_key"]) == ("orphan", 0, "anovak")
    assert [(line["kind"], line["login"], line["reason"]) for line in told["diff"]] == [  # type: ignore[attr-defined]  # lines
        ("remove", "anovak", f"it belongs to nobody (finding {number})")
    ]
    assert findings.open_case(orphaned.workshop, number) == case, "the one that works on it is told"
    orphaned.scan()
    assert orphaned.findings() == {}
    orphaned.close_case(case)
    with pytest.raises(NotAllowed, match=f"Case {case}, opened for finding {number}, is done"):
        findings.open_case(orphaned.workshop, number)
    orphaned.scan()
    assert orphaned.findings()["orphan:crm:x1"]["case_id"] == case, "it is open again, and tells the case before"
    assert findings.open_case(orphaned.workshop, number) > case
    assert len(orphaned.journal("finding.case")) == 2


def test_what_is_switched_off_since_the_scan_needs_no_case(orphaned: Office) -> None:
    number = orphaned.number("orphan:crm:x1")
    orphaned.list_system("crm", Listing([account("x1", login="anovak", state=AccountState.DISABLED)]))
    with pytest.raises(NotAllowed, match="disabled already"):
        findings.open_case(orphaned.workshop, number)
    orphaned.scan()
    with pytest.raises(NotAllowed, match="no longer so"):
        findings.open_case(orphaned.workshop, number)
    assert orphaned.findings("case") == {}


def test_an_unused_account_is_switched_off_for_its_person(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1"))
    office.list_system("crm", Listing([account("a1", "E1", last_seen=NOW - timedelta(days=90))]))
    office.scan()
    told = case_of(office, findings.open_case(office.workshop, office.number("dormant:crm:a1")))
    assert (told["kind"], told["person_key"]) == ("review", "E1")
    assert [(line["kind"], line["login"]) for line in told["diff"]] == [("remove", "a1")]  # type: ignore[attr-defined]  # lines
    assert "whose" not in [step["key"] for step in told["steps"]], "everybody knows whose it is"  # type: ignore[attr-defined]  # steps


def test_an_unused_service_account_is_switched_off_for_its_owner(office: Office) -> None:
    robot = person("S1", "Backup", type=PersonType.SERVICE, manager="", owner="E1")
    office.employ(BOSS, CHIEF, person("E1"), robot)
    office.list_system("crm", Listing([account("v1", "S1", kind="service", last_seen=NOW - timedelta(days=90))]))
    office.scan()
    told = case_of(office, findings.open_case(office.workshop, office.number("dormant:crm:v1")))
    assert (told["kind"], told["person_key"]) == ("review", "E1")
    assert [(line["kind"], line["login"]) for line in told["diff"]] == [("remove", "v1")]  # type: ignore[attr-defined]  # lines


def test_who_left_gets_a_leaver_case_and_other_cases_end(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", ends=date(2026, 5, 31)))
    office.list_system("crm", Listing([account("a1", "E1")], [("a1", "group:Choir")]))
    office.scan()
    key = f"ended:{office.id_of('E1')}"
    case = findings.open_case(office.workshop, office.number(key))
    told = case_of(office, case)
    assert (told["kind"], told["state"]) == ("leaver", "open")
    assert {line["target"] for line in told["diff"]} >= {"account", "group:Choir"}  # type: ignore[attr-defined]  # lines
    assert told["event"]["ends"] == "2026-05-31"  # type: ignore[index]  # facts


def test_a_leaver_case_that_is_live_stands_for_the_finding(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", ends=date(2026, 5, 31)))
    office.list_system("crm", Listing([account("a1", "E1")]))
    office.scan()
    number = office.number(f"ended:{office.id_of('E1')}")
    case = findings.open_case(office.workshop, number)
    office.sql("UPDATE finding SET state='open', case_id=0")
    assert findings.open_case(office.workshop, number) == case, "no second one is opened"
    office.sql("DELETE FROM finding")
    office.scan()
    [found] = office.findings("case").values()
    assert found["case_id"] == case, "a scan binds it by itself"


def test_more_leavers_than_the_guard_allows_are_held_together(office: Office) -> None:
    staff = [person(f"E{n}", ends=date(2026, 5, 31)) for n in range(6)]
    office.employ(BOSS, CHIEF, *staff)
    office.list_system("crm", Listing([account(f"a{n}", f"E{n}") for n in range(6)]))
    office.scan()
    opened = findings.open_cases(office.workshop, [row["id"] for row in office.findings().values()])
    assert [each.refused for each in opened] == [""] * 6
    with office.workshop.cache.read() as session:
        [(state, batch, why)] = set(session.execute(select(CaseRow.state, CaseRow.batch_id, CaseRow.held_reason)))
    assert (state, batch) == ("held", 1)
    assert "6 leavers within 24 hours are more than the 5 that the guard allows for" in why


def test_an_unexplained_grant_is_revoked_and_nothing_else(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1"))
    office.list_system("crm", Listing([account("a1", "E1")], [("a1", "group:Choir"), ("a1", "group:Band")]))
    office.scan()
    told = case_of(office, findings.open_case(office.workshop, office.number("unexplained:crm:a1:group:Choir")))
    assert told["kind"] == "review"
    assert [(line["kind"], line["target"]) for line in told["diff"]] == [("remove", "group:Choir")]  # type: ignore[attr-defined]  # lines


def test_a_gap_of_the_policy_is_settled_in_the_policy(office: Office) -> None:
    staff = range(ALIKE + 1)
    office.employ(BOSS, CHIEF, *(person(f"E{n}") for n in staff))
    accounts, held = [account(f"a{n}", f"E{n}") for n in staff], [(f"a{n}", "group:Choir") for n in staff]
    office.list_system("crm", Listing(accounts, held))
    office.scan()
    with pytest.raises(NotAllowed, match="Write it into the policy"):
        findings.open_case(office.workshop, office.number("unexplained:crm::group:Choir"))


def conflict(office: Office, department: str, *held: str) -> int:
    office.employ(BOSS, CHIEF, person("E1", department=department))
    office.list_system("erp", Listing([account("b1", "E1")], [("b1", f"role:{name}") for name in held]))
    office.scan()
    return office.number(f"separation:pay:{office.id_of('E1')}")


def revoked(office: Office, case: int) -> list[str]:
    told = case_of(office, case)
    assert told["kind"] == "review"
    return [line["target"] for line in told["diff"]]  # type: ignore[attr-defined]  # lines


def test_of_a_conflict_the_half_goes_that_no_role_gives(office: Office) -> None:
    number = conflict(office, "Payments", "Enter", "Release")
    assert revoked(office, findings.open_case(office.workshop, number)) == ["role:Release"]


def test_a_side_can_be_named_and_has_to_be_where_no_role_decides(office: Office) -> None:
    number = conflict(office, "Stores", "Enter", "Release")
    with pytest.raises(UsageError, match=r"no role gives either half\. --side left takes enter"):
        findings.open_case(office.workshop, number)
    with pytest.raises(UsageError, match="no side"):
        findings.open_case(office.workshop, number, "up")
    assert revoked(office, findings.open_case(office.workshop, number, "left")) == ["role:Enter"]


def test_what_an_exception_gives_is_ended_as_an_exception(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", department="Payments"))
    with office.workshop.cache.write() as session:
        session.add(
            ExceptionRow(
                kind="access",
                person_id=office.id_of("E1"),
                subject="release",
                reason="holidays",
                requested_by="bea",
                approved_by="sam",
                state="active",
                asked_at=NOW,
                outside_policy=True,
                until=NOW + timedelta(days=9),
            )
        )
    number = conflict(office, "Payments", "Enter", "Release")
    with pytest.raises(NotAllowed, match="jmltui request end 1"):
        findings.open_case(office.workshop, number)


def test_service_accounts_without_an_owner_are_switched_off(office: Office) -> None:
    robot = person("S1", "Backup", type=PersonType.SERVICE, manager="")
    office.employ(BOSS, CHIEF, robot, person("S2", "Idle", type=PersonType.SERVICE, manager=""))
    office.list_system(
        "crm",
        Listing(
            [account("v1", "S1", kind="service"), account("v2", "S1", kind="service"), account("v3", kind="shared")]
        ),
    )
    office.scan()
    told = case_of(office, findings.open_case(office.workshop, office.number(f"ownerless:person:{office.id_of('S1')}")))
    assert (told["kind"], told["person_key"]) == ("orphan", "S1")
    assert [line["login"] for line in told["diff"]] == ["v1", "v2"]  # type: ignore[attr-defined]  # lines
    told = case_of(office, findings.open_case(office.workshop, office.number("ownerless:crm:v3")))
    assert [line["login"] for line in told["diff"]] == ["v3"]  # type: ignore[attr-defined]  # lines
    with pytest.raises(NotAllowed, match="Name an owner: jmltui owner S2"):
        findings.open_case(office.workshop, office.number(f"ownerless:person:{office.id_of('S2')}"))


def test_what_only_hr_can_put_right_opens_no_case(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", manager=""))
    office.scan()
    with pytest.raises(NotAllowed, match="Have the manager corrected in HR"):
        findings.open_case(office.workshop, office.number(f"no_manager:{office.id_of('E1')}"))


def test_who_is_back_since_the_scan_is_not_made_to_leave(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", ends=date(2026, 5, 31)))
    office.list_system("crm", Listing([account("a1", "E1")]))
    office.scan()
    office.employ(BOSS, CHIEF, person("E1", ends=date(2026, 12, 31)))
    with pytest.raises(NotAllowed, match="is with the company again"):
        findings.open_case(office.workshop, office.number(f"ended:{office.id_of('E1')}"))
    with office.workshop.cache.read() as session:
        assert session.scalars(select(CaseRow)).all() == []


def test_what_changed_since_the_scan_opens_no_case(office: Office) -> None:
    robot = person("S1", "Backup", type=PersonType.SERVICE, manager="")
    office.employ(BOSS, CHIEF, person("E1"), robot)
    accounts = [account("a1", "E1", last_seen=NOW - timedelta(days=90)), account("v1", "S1"), account("x1")]
    office.list_system("crm", Listing(accounts, [("a1", "group:Choir")]))
    office.list_system("erp", Listing([account("b1", "E1")], [("b1", "role:Enter"), ("b1", "role:Release")]))
    office.scan()
    office.list_system("crm", Listing([account("a1", "E1"), account("v1", "S1"), account("x1", "E1")]))
    owning.give(office.workshop, "S1", "E1")
    office.sql("UPDATE person SET department='Payments' WHERE key='E1'")
    with office.workshop.cache.write() as session:
        session.add(
            ExceptionRow(
                kind="separation",
                person_id=office.id_of("E1"),
                subject="pay",
                reason="holidays",
                requested_by="bea",
                approved_by="sam",
                state="active",
                asked_at=NOW,
            )
        )
    told = {
        "dormant:crm:a1": "a1 on crm was used on 2026-06-01",
        "orphan:crm:x1": "x1 on crm was linked to a person",
        "unexplained:crm:a1:group:Choir": "Nothing of finding . is left",
        f"ownerless:person:{office.id_of('S1')}": "has another owner now",
        f"separation:pay:{office.id_of('E1')}": "the rule pay does not forbid it",
        "not_due:erp:b1:account": "account on erp is due to Somebody E1",
    }
    assert set(told) == set(office.findings())
    for key, why in told.items():
        with pytest.raises(NotAllowed, match=why):
            findings.open_case(office.workshop, office.number(key), "left" if "separation" in key else "")
    office.scan()
    assert list(office.findings()) == ["not_due:erp:b1:role:Release"]


def test_what_is_settled_while_a_scan_looks_stays_settled(orphaned: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    from jmltui.governance import separation_findings

    def meanwhile(*_: object) -> Iterator[object]:
        orphaned.clock.forward(seconds=5)
        findings.link(orphaned.workshop, orphaned.number("orphan:crm:x1"), "E1")
        return iter(())

    with monkeypatch.context() as between:
        between.setattr(separation_findings, "conflicting", meanwhile)
        orphaned.scan()
    assert list(orphaned.findings("gone")) == ["orphan:crm:x1"]
    assert orphaned.findings("gone")["orphan:crm:x1"]["gone_at"] == NOW + timedelta(seconds=5)


def test_many_cases_at_once_and_the_refused_ones_are_told(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", manager=""))
    office.list_system("crm", Listing([account(f"x{n}") for n in range(3)]))
    office.scan()
    numbers = {key: row["id"] for key, row in office.findings().items()}
    opened = findings.open_cases(office.workshop, [*numbers.values(), 99])
    assert [bool(each.case) for each in opened] == [False, True, True, True, False]
    assert "corrected in HR" in opened[0].refused
    assert "There is no finding 99" in opened[-1].refused
    assert len(office.findings("case")) == 3


# ---- acceptance


def test_what_two_people_accept_comes_back_on_its_day(orphaned: Office) -> None:
    number = orphaned.number("orphan:crm:x1")
    exception = findings.accept(orphaned.workshop, number, "the vendor needs it", UNTIL)
    assert orphaned.findings()["orphan:crm:x1"]["exception_id"] == exception
    with pytest.raises(NotAllowed, match="You asked for this yourself"):
        findings.decide_acceptance(orphaned.workshop, exception, True)
    with pytest.raises(NotAllowed, match="asked to accept finding 1 already"):
        findings.accept(orphaned.workshop, number, "me too", UNTIL)
    orphaned.workshop.actor = "bea"
    findings.decide_acceptance(orphaned.workshop, exception, True)
    assert orphaned.findings() == {}
    with pytest.raises(NotAllowed, match="accepted by exception 1"):
        findings.open_case(orphaned.workshop, number)
    with pytest.raises(NotAllowed, match="active already"):
        findings.decide_acceptance(orphaned.workshop, exception, False, "no")
    orphaned.clock.forward(days=29)
    orphaned.scan()
    assert orphaned.findings() == {}
    orphaned.clock.forward(days=1)
    orphaned.scan()
    found = orphaned.findings()["orphan:crm:x1"]
    assert (found["id"], found["exception_id"]) == (number, 0)
    assert orphaned.journal("finding.accept.end") == ["Exception 1 for the finding orphan:crm:x1 is over"]


def test_a_refused_acceptance_leaves_the_finding_open(orphaned: Office) -> None:
    number = orphaned.number("orphan:crm:x1")
    exception = findings.accept(orphaned.workshop, number, "the vendor needs it", UNTIL)
    orphaned.workshop.actor = "bea"
    with pytest.raises(UsageError, match="A refusal needs a reason"):
        findings.decide_acceptance(orphaned.workshop, exception, False)
    findings.decide_acceptance(orphaned.workshop, exception, False, "the vendor is gone")
    assert orphaned.findings()["orphan:crm:x1"]["exception_id"] == 0
    assert findings.accept(orphaned.workshop, number, "asked anew", UNTIL) == 2


@pytest.mark.parametrize("actor", ["a1", "e1", "E1", "A1"])
def test_nobody_decides_about_themselves(office: Office, actor: str) -> None:
    office.employ(BOSS, CHIEF, person("E1"))
    office.list_system("crm", Listing([account("a1", "E1")], [("a1", "group:Choir")]))
    office.sql(
        "INSERT INTO system (name, kind, state, error, accounts, entitlements, grants, capabilities, facts,"
        " exercised_against, seconds) VALUES ('crm', '', '', '', 0, 0, 0, '{}', '{}', '', 0)"
    )
    office.scan()
    exception = findings.accept(office.workshop, office.number("unexplained:crm:a1:group:Choir"), "singing", UNTIL)
    office.workshop.actor = actor
    with pytest.raises(NotAllowed, match="This is about you"):
        findings.decide_acceptance(office.workshop, exception, True)


@pytest.mark.parametrize("until", [NOW, NOW - timedelta(days=1), NOW + timedelta(days=367)])
def test_nothing_is_accepted_for_ever(orphaned: Office, until: object) -> None:
    with pytest.raises(UsageError, match="2027-06-02 at the latest"):
        findings.accept(orphaned.workshop, orphaned.number("orphan:crm:x1"), "the vendor", until)  # type: ignore[arg-type]  # instants
    with pytest.raises(UsageError, match="A reason"):
        findings.accept(orphaned.workshop, orphaned.number("orphan:crm:x1"), " ", UNTIL)


def test_an_acceptance_nobody_decided_in_time_is_over(orphaned: Office) -> None:
    exception = findings.accept(orphaned.workshop, orphaned.number("orphan:crm:x1"), "the vendor", UNTIL)
    orphaned.workshop.actor = "bea"
    orphaned.clock.forward(days=30)
    with pytest.raises(NotAllowed, match=r"is over\. Ask anew"):
        findings.decide_acceptance(orphaned.workshop, exception, True)
    orphaned.scan()
    assert orphaned.findings()["orphan:crm:x1"]["exception_id"] == 0
    with pytest.raises(NotAllowed, match="ended already"):
        findings.decide_acceptance(orphaned.workshop, exception, True)


def test_emergency_access_is_reviewed_and_not_accepted(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1"))
    with office.workshop.cache.write() as session:
        session.add(
            ExceptionRow(
                kind="access",
                person_id=office.id_of("E1"),
                subject="root",
                requested_by="sam",
                state="ended",
                asked_at=NOW - timedelta(days=3),
                break_glass=True,
            )
        )
    office.scan()
    with pytest.raises(NotAllowed, match="only reviewed"):
        findings.accept(office.workshop, office.number("break_glass:1"), "it was fine", UNTIL)


# ---- links


def test_a_confirmed_proposal_settles_the_finding(orphaned: Office) -> None:
    number = orphaned.number("orphan:crm:x1")
    assert "anovak on crm is the account of Ana Novak (E1)" in findings.link(orphaned.workshop, number, "E1")
    assert orphaned.findings("gone")["orphan:crm:x1"]["id"] == number
    with pytest.raises(NotAllowed, match="is gone; nothing was linked"):
        findings.link(orphaned.workshop, number, "BOSS")
    orphaned.scan()
    assert orphaned.findings() == {}
    with orphaned.workshop.cache.read() as session:
        [row] = session.execute(select(AccountRow.person_id, AccountRow.link))
    assert tuple(row) == (orphaned.id_of("E1"), "confirmed")


def test_nobody_is_linked_by_a_scan(orphaned: Office) -> None:
    for _ in range(3):
        orphaned.scan()
    with orphaned.workshop.cache.read() as session:
        [row] = session.execute(select(AccountRow.person_id, AccountRow.link))
    assert tuple(row) == (None, "orphaned")


def test_a_service_account_gets_an_owner(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1"), person("S1", "Backup", type=PersonType.SERVICE, manager=""))
    office.list_system("crm", Listing([account("v3", login="svc", kind="service")]))
    office.scan()
    findings.link(office.workshop, office.number(f"ownerless:person:{office.id_of('S1')}"), "E1")
    findings.link(office.workshop, office.number("ownerless:crm:v3"), "E1")
    office.scan()
    assert office.findings() == {}


def test_an_account_of_an_absent_owner_is_given_to_somebody_else(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1"), person("E2"))
    office.list_system("crm", Listing([account("v3", login="svc", kind="service")]))
    office.scan()
    findings.link(office.workshop, office.number("ownerless:crm:v3"), "E2")
    office.employ(BOSS, CHIEF, person("E1"))
    office.scan()
    assert "who is absent from the feed" in office.findings()["ownerless:crm:v3"]["detail"]
    findings.link(office.workshop, office.number("ownerless:crm:v3"), "E1")
    office.scan()
    assert office.findings() == {}


def test_only_accounts_are_linked(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", status=PersonStatus.LEFT))
    office.list_system("crm", Listing([account("a1", "E1")]))
    office.scan()
    with pytest.raises(NotAllowed, match="about no account"):
        findings.link(office.workshop, office.number(f"ended:{office.id_of('E1')}"), "BOSS")


def test_the_days_of_a_dormant_account_are_those_of_the_strictest_review(private: Path) -> None:
    policy = POLICY.replace('scope: "unused:45d"', "scope: all")
    office = open_office(private, policy=policy)
    assert findings.dormant_after(office.workshop.policy) == timedelta(days=45)
    office.workshop.cache.close()


def test_a_company_on_postgres(private: Path, new_database: Callable[[], str]) -> None:
    office = open_office(private, cache=new_database())
    office.employ(
        BOSS, CHIEF, person("E1", department="Payments"), person("E2", ends=date(2026, 5, 1)), person("E3", manager="")
    )
    office.list_system("crm", Listing([account("x1"), account("a2", "E2")], [("a2", "group:Choir")]))
    held = [("b1", "role:Enter"), ("b1", "role:Release"), ("b1", "role:Other")]
    office.list_system("erp", Listing([account("b1", "E1", last_seen=NOW - timedelta(days=99))], held))
    assert office.scan().new == 7
    ids = {key: office.id_of(key) for key in ("E1", "E2", "E3")}
    assert set(office.findings()) == {
        "dormant:erp:b1",
        "orphan:crm:x1",
        "unexplained:erp:b1:role:Other",
        f"ended:{ids['E2']}",
        f"no_manager:{ids['E3']}",
        "not_due:erp:b1:role:Release",
        f"separation:pay:{ids['E1']}",
    }
    assert office.scan().kinds.keys() == {row["kind"] for row in office.findings().values()}
    case = findings.open_case(office.workshop, office.number("orphan:crm:x1"))
    exception = findings.accept(office.workshop, office.number("dormant:erp:b1"), "a long leave", UNTIL)
    office.workshop.actor = "bea"
    findings.decide_acceptance(office.workshop, exception, True)
    office.scan()
    assert (set(office.findings("case")), set(office.findings("excepted"))) == ({"orphan:crm:x1"}, {"dormant:erp:b1"})
    office.close_case(case)
    office.clock.forward(days=31)
    office.list_system("erp", Listing([account("b1", "E1", last_seen=office.clock())], held[:1]))
    office.scan()
    assert set(office.findings()) >= {"orphan:crm:x1", f"ended:{ids['E2']}", f"no_manager:{ids['E3']}"}
    assert set(office.findings("gone")) == {
        "dormant:erp:b1",
        "not_due:erp:b1:role:Release",
        "unexplained:erp:b1:role:Other",
        f"separation:pay:{ids['E1']}",
    }
    assert json.loads(json.dumps(office.findings()["orphan:crm:x1"]["facts"]))["link"] == "orphaned"
    office.workshop.cache.close()
