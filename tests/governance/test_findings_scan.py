"""What a scan finds, and that it finds nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from jmltui.cache.tables import CaseRow, ExceptionRow
from jmltui.domain.access import AccountState
from jmltui.domain.person import PersonStatus, PersonType
from tests.governance.findings_office import BOSS, CHIEF, EVER, NOW, Listing, Office, account, keys, open_office, person


@pytest.fixture
def office(private: Path) -> Iterator[Office]:
    made = open_office(private)
    yield made
    made.workshop.cache.close()


def test_nothing_is_found_where_all_is_well(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", department="Sales"))
    office.list_system("crm", Listing([account("a1", "E1"), account("a2", "BOSS")], [("a1", "group:Sales")]))
    report = office.scan()
    assert report.kinds == {}
    assert office.findings("open", "case", "excepted", "gone") == {}
    assert office.journal("finding.scan") == []


def test_an_account_of_nobody_is_told_with_whose_it_may_be(office: Office) -> None:
    ana = person("E100", "Ána Novák", email="ana@x.test", starts=date(2020, 1, 1))
    office.employ(BOSS, CHIEF, ana, person("E2", "Bo Berg"))
    strange = account("x1", login="anovak", display="Ana Novak", emails=("other@x.test",))
    office.list_system("crm", Listing([strange], [("x1", "group:Sales")], privileged={"group:Sales"}))
    assert office.scan().kinds["orphan"].new == 1
    found = office.findings()["orphan:crm:x1"]
    assert found["detail"] == (
        "anovak on crm belongs to nobody, so no leaver would ever close it; it looks like that of Ána Novák (E100); "
        "it was last used on 2026-06-01."
    )
    assert found["danger"] == 2, "it holds something privileged"
    assert found["facts"]["holds"] == ["group:Sales"]
    [best] = found["facts"]["proposals"]
    assert (best["key"], best["score"]) == ("E100", 60)
    assert best["reasons"] == ["the login is made of their name", "the same name"]


def test_an_account_that_only_looks_like_somebodys_is_one_finding_with_its_link(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", "Ana Novak", email="ana@x.test"))
    office.list_system("crm", Listing([account("x1", login="zz", emails=("ANA@x.test",))]))
    office.scan()
    found = office.findings()["orphan:crm:x1"]
    assert (found["facts"]["link"], found["person_key"]) == ("proposed", "E1")
    assert found["facts"]["proposals"][0]["reasons"] == ["the same address, ana@x.test"]


@pytest.mark.parametrize("state", [AccountState.DISABLED, AccountState.DELETED])
def test_an_account_that_nobody_can_use_is_no_finding(office: Office, state: AccountState) -> None:
    office.employ(BOSS, CHIEF, person("E1", status=PersonStatus.LEFT))
    office.list_system("crm", Listing([account("x1", state=state), account("x2", "E1", state=state)]))
    assert office.scan().kinds == {}


def test_an_unused_account_is_dormant_after_the_days_that_a_review_says(office: Office) -> None:
    new, away = person("E3", starts=date(2026, 5, 1)), person("E4", "Lea Away", status=PersonStatus.LEAVE)
    office.employ(BOSS, CHIEF, person("E1"), person("E2"), new, away)
    accounts = [
        account("a1", "E1", last_seen=NOW - timedelta(days=46)),
        account("a2", "E2", last_seen=NOW - timedelta(days=44)),
        account("a3", "E3", last_seen=None),
        account("a4", "E4", last_seen=None),
    ]
    office.list_system("crm", Listing(accounts), at=EVER)
    office.list_system("attic", Listing([account("b1", "E1", last_seen=None)]), at=EVER)
    office.scan()
    assert keys(office.findings(), "dormant") == ["dormant:crm:a1", "dormant:crm:a4"], "attic tells of nobody's use"
    assert "Lea Away (E4), who is on leave" in office.findings()["dormant:crm:a4"]["detail"]
    assert "was never seen in use" in office.findings()["dormant:crm:a4"]["detail"]
    assert "unused for more than 45 days" in office.findings()["dormant:crm:a1"]["detail"]


def test_who_left_and_can_still_sign_in_is_one_finding(office: Office) -> None:
    gone = person("E1", "Gil Gone", ends=date(2026, 5, 31))
    stays = person("E2", ends=date(2026, 6, 1))
    office.employ(BOSS, CHIEF, gone, stays, person("E3", status=PersonStatus.LEFT))
    listing = Listing([account("a1", "E1"), account("a2", "E2"), account("a3", "E3", state=AccountState.DISABLED)])
    office.list_system("crm", listing)
    office.list_system("erp", Listing([account("b1", "E1")], [("b1", "role:Root")], privileged={"role:Root"}))
    office.scan()
    [(key, found)] = office.findings().items()
    assert key == f"ended:{office.id_of('E1')}"
    assert (
        found["detail"]
        == "Gil Gone (E1) left on 2026-05-31 and can still sign in with 2 accounts: a1 on crm, b1 on erp."
    )
    assert [each["login"] for each in found["facts"]["accounts"]] == ["a1", "b1"]
    assert found["danger"] == 3


def test_who_is_absent_is_ended_only_after_a_leaver_case_was_done(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1"))
    office.list_system("crm", Listing([account("a1", "E1")]))
    office.employ(BOSS, CHIEF)
    office.scan()
    assert office.findings() == {}
    number = office.id_of("E1")
    with office.workshop.cache.write() as session:
        session.add(
            CaseRow(
                kind="leaver",
                state="done",
                live=0,
                person_id=number,
                event_key="absent",
                due=NOW,
                target_at=NOW,
                next_due=NOW,
                opened_at=NOW,
                opened_by="ana",
            )
        )
    office.scan()
    assert list(office.findings()) == [f"ended:{number}"]


def test_a_grant_of_which_no_policy_speaks(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", "Una Known"), person("E2", status=PersonStatus.LEFT))
    held = [
        ("a1", "group:Choir"),
        ("a1", "group:Sales"),
        ("a1", "group:Inner"),
        ("a1", "group:Rule"),
        ("a2", "group:Choir"),
    ]
    listing = Listing(
        [account("a1", "E1"), account("a2", "E2")], held, {("a1", "group:Inner")}, {"group:Choir"}, {"group:Rule"}
    )
    office.list_system("crm", listing)
    office.scan()
    assert keys(office.findings(), "unexplained") == ["unexplained:crm:a1:group:Choir"]
    found = office.findings()["unexplained:crm:a1:group:Choir"]
    assert "a1 on crm, of Una Known (E1), holds group:Choir" in found["detail"]
    assert (found["person_key"], found["target"], found["danger"]) == ("E1", "group:Choir", 2)


def test_a_gap_of_the_policy_is_one_finding_and_not_one_for_everybody(office: Office) -> None:
    staff = [person(f"E{n}") for n in range(201)]
    office.employ(BOSS, CHIEF, *staff)
    accounts = [account(f"a{n}", f"E{n}") for n in range(201)]
    held = [(f"a{n}", "group:Choir") for n in range(201)] + [("a1", "group:Band")]
    office.list_system("crm", Listing(accounts, held))
    office.list_system("attic", Listing(accounts, [(f"a{n}", f"group:{n % 7}") for n in range(201)]))
    office.scan()
    found = office.findings()
    assert list(found) == ["unexplained:attic", "unexplained:crm::group:Choir", "unexplained:crm:a1:group:Band"]
    assert found["unexplained:attic"]["facts"]["number"] == 201


def test_duties_that_one_person_must_not_hold_together(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", "Pay Master", department="Payments"), person("E2"))
    held = [("b1", "role:Enter"), ("b1", "role:Release"), ("b2", "role:Release"), ("b2", "role:Audit")]
    office.list_system("erp", Listing([account("b1", "E1"), account("b2", "E2")], held, {("b2", "role:Audit")}))
    office.scan()
    found = office.findings()
    one, two = office.id_of("E1"), office.id_of("E2")
    assert keys(found, "separation") == [f"separation:look:{two}", f"separation:pay:{one}"]
    assert keys(found, "not_due") == ["not_due:erp:b1:role:Release", "not_due:erp:b2:account"]
    pay, look = found[f"separation:pay:{one}"], found[f"separation:look:{two}"]
    assert pay["detail"] == (
        "Pay Master (E1) holds enter together with release: one person must not both enter and release a payment."
    )
    assert (pay["danger"], look["danger"]) == (2, 1), "the one blocks, the other warns"
    [left], [right] = pay["facts"]["left"], pay["facts"]["right"]
    assert (left["entitlement"], left["role"], left["target"]) == ("enter", "payments", "role:Enter")
    assert (right["entitlement"], right["role"], right["login"]) == ("release", "", "b1")
    assert "no role and no exception makes it due" in right["reason"]
    assert look["facts"]["left"][0]["via"] == ["Outer"]


def test_an_exception_that_is_in_force_settles_a_conflict_until_it_ends(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1"))
    held = [("b1", "role:Enter"), ("b1", "role:Release")]
    office.list_system("erp", Listing([account("b1", "E1")], held))
    with office.workshop.cache.write() as session:
        session.add(
            ExceptionRow(
                kind="separation",
                person_id=office.id_of("E1"),
                subject="pay",
                reason="holidays",
                requested_by="ana",
                approved_by="sam",
                state="active",
                asked_at=NOW,
                until=NOW + timedelta(days=2),
            )
        )
    assert office.scan().kinds.keys() == {"not_due"}, "what was agreed to before anybody found it is no finding"
    office.clock.forward(days=2)
    office.scan()
    assert keys(office.findings(), "separation") == [f"separation:pay:{office.id_of('E1')}"]


def test_service_and_shared_accounts_need_an_owner_who_is_there(office: Office) -> None:
    robot = {"type": PersonType.SERVICE, "manager": ""}
    office.employ(
        BOSS,
        CHIEF,
        person("E1"),
        person("E2", status=PersonStatus.LEFT),
        person("S1", "Backup", owner="E1", **robot),
        person("S2", "Print", owner="E2", **robot),
        person("S3", "Scan", **robot),
        person("S4", "Mail", owner="S1", **robot),
        person("S5", "Fax", owner="E2", **robot),
    )
    office.list_system(
        "crm", Listing([account("v1", login="svc-x", kind="service"), account("v2", "S1", kind="service")])
    )
    number = office.id_of("S5")
    office.sql(
        "INSERT INTO ownership (person_id, owner, feed_owner, decided_by, at, case_id) "
        f"VALUES ({number}, 'E1', 'E2', 'ana', '2026-05-01 00:00:00', 0)"
    )
    office.scan()
    found = {key: row["detail"] for key, row in office.findings().items()}
    ids = [office.id_of(key) for key in ("S2", "S3", "S4")]
    assert list(found) == sorted(["ownerless:crm:v1", *(f"ownerless:person:{n}" for n in ids)])
    assert "has an owner, E2, who has left" in found[f"ownerless:person:{ids[0]}"]
    assert "has no owner" in found[f"ownerless:person:{ids[1]}"]
    assert "who is no human" in found[f"ownerless:person:{ids[2]}"]
    assert "svc-x on crm is a service account that nobody owns" in found["ownerless:crm:v1"]


def test_employees_have_a_manager_who_is_there(office: Office) -> None:
    office.employ(
        BOSS,
        CHIEF,
        person("E1", "Ed Alone", manager=""),
        person("E2", manager="E9"),
        person("E3", manager="E4"),
        person("E4", status=PersonStatus.LEFT),
        person("C1", type=PersonType.CONTRACTOR, manager="", sponsor="BOSS", ends=date(2026, 9, 1)),
    )
    office.scan()
    found = {row["person_key"]: row["detail"] for row in office.findings().values()}
    assert set(found) == {"E1", "E2", "E3"}
    assert found["E1"] == "The manager of Ed Alone (E1) is not stated: what a manager decides reaches nobody."
    assert "E9, is in no source" in found["E2"]
    assert "E4, has left" in found["E3"]


def test_a_source_that_names_no_manager_at_all_is_one_finding(office: Office) -> None:
    office.employ(*(person(f"E{n}", manager="") for n in range(5)))
    office.scan()
    assert list(office.findings()) == ["no_manager:source:hr"]


def test_external_people_end_and_have_a_sponsor(office: Office) -> None:
    external = {"type": PersonType.CONTRACTOR, "manager": ""}
    office.employ(
        BOSS,
        CHIEF,
        person("E1", status=PersonStatus.LEFT),
        person("C1", sponsor="BOSS", ends=date(2026, 6, 10), **external),
        person("C2", sponsor="BOSS", **external),
        person("C3", sponsor="E1", ends=date(2026, 9, 1), **external),
        person("C4", ends=date(2026, 9, 1), **external),
        person("C5", sponsor="BOSS", starts=date(2026, 1, 1), ends=date(2027, 1, 1), **external),
        person("C6", sponsor="BOSS", ends=date(2026, 6, 17), **external),
    )
    office.scan()
    ids = {key: office.id_of(key) for key in ("C1", "C2", "C3", "C4", "C5")}
    assert list(office.findings()) == sorted(
        [
            f"ending:{ids['C1']}:2026-06-10",
            f"requirement:{ids['C2']}:end-date-missing",
            f"requirement:{ids['C3']}:sponsor-left",
            f"requirement:{ids['C4']}:sponsor-missing",
            f"requirement:{ids['C5']}:contract-too-long",
        ]
    )
    moved = person("C1", sponsor="BOSS", ends=date(2026, 9, 1), **external)
    office.employ(BOSS, CHIEF, moved)
    office.scan()
    assert office.findings() == {}


def test_emergency_access_is_reviewed_in_time(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", "Eve Mergency"))

    def emergency(**facts: object) -> ExceptionRow:
        values: dict[str, object] = {"kind": "access", "subject": "root", "requested_by": "sam", "break_glass": True}
        values |= {"state": "active", "asked_at": NOW, "starts": NOW, "person_id": office.id_of("E1"), **facts}
        return ExceptionRow(**values)  # type: ignore[arg-type]  # facts of a test

    with office.workshop.cache.write() as session:
        session.add_all([emergency(), emergency(reviewed_by="bea"), emergency(break_glass=False)])
    assert office.scan().kinds == {}
    office.clock.forward(hours=25)
    office.scan()
    assert list(office.findings()) == ["break_glass:1"]
    assert office.findings()["break_glass:1"]["detail"] == (
        "sam took root for Eve Mergency (E1) in an emergency on 2026-06-01 12:00 UTC, "
        "and nobody has reviewed it within 1d."
    )
    office.sql("UPDATE exception SET reviewed_by='bea' WHERE id=1")
    office.scan()
    assert office.findings() == {}


def test_a_system_of_unlucky_names_gives_each_finding_its_own_key(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1"), person("E2"))
    accounts = [account("x:group", "E1"), account("x", "E2")]
    office.list_system("crm", Listing(accounts, [("x:group", "group:A"), ("x", "group:group:A")]))
    assert office.scan().kinds["unexplained"].new == 2
