"""Access that somebody gave on the system itself, and that neither a role nor an exception gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from jmltui.cache import people
from jmltui.cache.reading import whole_case
from jmltui.cache.tables import ExceptionRow
from jmltui.domain.access import ACCOUNT_TARGET, AccountState
from jmltui.domain.case import CaseKind
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.person import Person, PersonStatus, PersonType
from jmltui.domain.scope import Scope
from jmltui.errors import NotAllowed
from jmltui.governance import findings
from jmltui.governance.census import has_left
from jmltui.governance.grant_findings import ALIKE
from jmltui.lifecycle.planning import Planner
from jmltui.lifecycle.scoped import open_scoped
from tests.governance.findings_office import (
    BOSS,
    CHIEF,
    NOW,
    POLICY,
    Listing,
    Office,
    account,
    keys,
    open_office,
    person,
)
from tests.governance.test_findings_of_any_company import companies, refill

UNTIL = NOW + timedelta(days=30)
WINDOWED = POLICY.replace(
    'target: "role:Audit"', 'target: "role:Audit", window: {days: [sun], hours: "01:00-02:00"}'
).replace("grants: [enter]", "grants: [enter, audit]")


@pytest.fixture
def office(private: Path) -> Iterator[Office]:
    made = open_office(private)
    yield made
    made.workshop.cache.close()


def found(office: Office, *states: str) -> list[str]:
    return list(keys(office.findings(*states), "not_due"))


def erp(office: Office, *held: str, department: str = "Payments", privileged: bool = False) -> None:
    """E1 of a department holds roles on erp, directly."""
    office.employ(BOSS, CHIEF, person("E1", "Ana Novak", department=department))
    names = [f"role:{name}" for name in held]
    listing = Listing(
        [account("b1", "E1")], [("b1", name) for name in names], privileged=set(names) if privileged else set()
    )
    office.list_system("erp", listing)


def exception(office: Office, subject: str, **facts: Any) -> None:
    values: dict[str, Any] = {"kind": "access", "reason": "holidays", "requested_by": "bea", "approved_by": "sam"}
    values |= {"state": "active", "asked_at": NOW, "until": UNTIL, "outside_policy": True, **facts}
    with office.workshop.cache.write() as session:
        session.add(ExceptionRow(person_id=office.id_of("E1"), subject=subject, **values))


def open_for(office: Office, kind: CaseKind, **by: float) -> int:
    """A case for E1 about everything of theirs, due in some time."""
    with office.workshop.cache.write() as session:
        who = people.person_by_key(session, "E1")
        assert who is not None
        return open_scoped(office.workshop, session, kind, who, Scope(), {}, f"{kind}:E1", NOW + timedelta(**by))


def case_of(office: Office, number: int) -> dict[str, Any]:
    with office.workshop.cache.read() as session:
        return whole_case(session, number)


def taken(office: Office, number: int) -> list[tuple[str, str, str]]:
    return [(line["kind"], line["operation"], line["target"]) for line in case_of(office, number)["diff"]]


# ---- what is found


def test_what_was_given_on_the_system_itself_is_found(office: Office) -> None:
    erp(office, "Enter", "Release", privileged=True)
    office.scan()
    [key] = found(office)
    row = office.findings()[key]
    assert key == "not_due:erp:b1:role:Release"
    assert row["detail"] == (
        "b1 on erp, of Ana Novak (E1), holds role:Release, which no role and no exception gives them; "
        "`jmltui request access E1 release` asks for it properly."
    )
    assert (row["danger"], row["person_key"], row["target"]) == (2, "E1", "role:Release")
    assert row["facts"] == {"entitlement": "release", "privileged": True}


def test_what_the_policy_calls_privileged_is_dangerous(private: Path) -> None:
    policy = POLICY.replace('target: "role:Audit"}', 'target: "role:Audit", privileged: true}')
    office = open_office(private, policy=policy)
    erp(office, "Audit")
    office.scan()
    row = office.findings()["not_due:erp:b1:role:Audit"]
    assert row["danger"] == 2
    assert "only a role can give it for good" in row["detail"], "nobody can ask for what everybody is born with"
    office.workshop.cache.close()


def test_an_account_where_nothing_is_due_is_one_finding(office: Office) -> None:
    erp(office, "Audit", "Release", department="Stores")
    office.scan()
    assert found(office) == ["not_due:erp:b1:account"]
    row = office.findings()["not_due:erp:b1:account"]
    assert "is in use, and no role and no exception gives them anything on erp." in row["detail"]
    assert row["facts"]["holds"] == ["role:Audit", "role:Release"]


@pytest.mark.parametrize("subject", ["release", "root"])
def test_what_an_exception_gives_is_due_until_it_ends(office: Office, subject: str) -> None:
    erp(office, "Enter", subject.title())
    exception(office, subject)
    office.scan()
    assert found(office) == []
    office.clock.forward(seconds=(UNTIL - office.clock()).total_seconds() + 60)
    office.scan()
    assert found(office) == [], "the worker takes it back by itself"
    office.clock.forward(minutes=10)
    office.scan()
    assert found(office) == [f"not_due:erp:b1:role:{subject.title()}"], "nobody took it back"


def test_what_is_only_asked_for_is_not_due_yet_but_an_overlap_stays(office: Office) -> None:
    erp(office, "Enter", "Release", "Audit")
    exception(office, "release", state="asked", until=None)
    exception(office, "audit", state="asked")
    office.scan()
    assert found(office) == ["not_due:erp:b1:role:Release"]


def test_what_nobody_can_tell_or_a_requirement_holds_back_is_left_alone(office: Office) -> None:
    missing = person("C1", type=PersonType.CONTRACTOR, manager="", sponsor="BOSS")
    office.employ(BOSS, CHIEF, person("E1", department=""), missing)
    office.list_system("erp", Listing([account("b1", "E1")], [("b1", "role:Enter")]))
    office.list_system("crm", Listing([account("a1", "C1"), account("a2", "E1")], [("a2", "group:Sales")]))
    office.scan()
    assert found(office) == []


def test_what_waits_for_its_window_is_left_alone(private: Path) -> None:
    office = open_office(private, policy=WINDOWED)
    erp(office, "Enter", "Audit")
    office.scan()
    assert found(office) == []
    office.employ(BOSS, CHIEF, person("E1", department="Stores"))
    office.scan()
    assert found(office) == ["not_due:erp:b1:account"]
    office.workshop.cache.close()


def test_who_left_or_did_not_start_or_is_absent_has_other_findings(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1"), person("E2"), person("E3"), person("E4"))
    accounts = [account(f"b{n}", f"E{n}") for n in (1, 2, 3, 4)]
    office.list_system("erp", Listing(accounts, [(f"b{n}", "role:Root") for n in (1, 2, 3, 4)]))
    left = person("E2", status=PersonStatus.LEFT)
    office.employ(BOSS, CHIEF, person("E1", ends=date(2026, 5, 31)), left, person("E3", starts=date(2026, 6, 2)))
    office.scan()
    assert found(office) == []


def test_only_what_is_given_directly_to_an_account_of_their_own_counts(office: Office) -> None:
    office.employ(BOSS, CHIEF, person("E1", department="Payments"), person("E2", department="Payments"))
    accounts = [
        account("b1", "E1"),
        account("b2", "E2", state=AccountState.DISABLED),
        account("b3", login="svc", kind="service"),
    ]
    held = [("b1", "role:Audit"), ("b1", "role:Root"), ("b2", "role:Root"), ("b3", "role:Root")]
    office.list_system("erp", Listing(accounts, held, {("b1", "role:Audit")}, fixed={"role:Root"}))
    office.scan()
    assert found(office) == [], "what follows from a rule, comes through a group, is switched off or is owned"
    findings.link(office.workshop, office.number("ownerless:erp:b3"), "E1")
    office.list_system("erp", Listing(accounts, held, {("b1", "role:Audit")}))
    office.scan()
    assert found(office) == ["not_due:erp:b1:role:Root"]


def test_a_service_account_is_there_because_its_source_says_so_but_what_it_holds_counts(office: Office) -> None:
    robot = person("S1", "Backup", type=PersonType.SERVICE, manager="", owner="BOSS")
    office.employ(BOSS, CHIEF, robot)
    office.list_system("erp", Listing([account("v1", "S1", kind="service")], [("v1", "role:Root")]))
    office.scan()
    assert found(office) == ["not_due:erp:v1:role:Root"]


# ---- cases


@pytest.mark.parametrize("kind", [CaseKind.MOVER, CaseKind.LEAVER])
def test_what_a_case_takes_away_already_is_no_finding(office: Office, kind: CaseKind) -> None:
    erp(office, "Enter", "Release")
    case = open_for(office, kind)
    office.scan()
    assert found(office, "open", "case") == []
    office.close_case(case)
    office.scan()
    assert found(office) == ["not_due:erp:b1:role:Release"]


def test_a_case_that_is_far_away_hides_nothing_and_stands_for_the_finding(office: Office) -> None:
    erp(office, "Enter", "Release")
    case = open_for(office, CaseKind.LEAVER, days=90)
    office.scan()
    assert found(office) == ["not_due:erp:b1:role:Release"]
    assert findings.open_case(office.workshop, office.number("not_due:erp:b1:role:Release")) == case
    office.scan()
    assert found(office, "case") == ["not_due:erp:b1:role:Release"]


def test_the_case_takes_that_grant_and_nothing_else(office: Office) -> None:
    erp(office, "Enter", "Release", "Audit")
    office.scan()
    number = office.number("not_due:erp:b1:role:Release")
    case = findings.open_case(office.workshop, number)
    told = case_of(office, case)
    assert (told["kind"], told["person_key"]) == ("review", "E1")
    assert taken(office, case) == [("remove", "revoke", "role:Release")]
    assert told["diff"][0]["reason"] == f"no role and no exception gives it (finding {number})"
    office.scan()
    assert found(office, "case") == ["not_due:erp:b1:role:Release"]
    office.close_case(case)
    office.scan()
    assert found(office) == ["not_due:erp:b1:role:Audit", "not_due:erp:b1:role:Release"]


def test_the_case_switches_an_account_off(office: Office) -> None:
    erp(office, "Audit", department="Stores")
    office.scan()
    case = findings.open_case(office.workshop, office.number("not_due:erp:b1:account"))
    assert taken(office, case) == [("remove", "disable", "account")]


def test_what_became_due_since_the_scan_opens_no_case(office: Office) -> None:
    erp(office, "Enter", "Release", department="Stores")
    office.list_system("crm", Listing([account("a1", "E1")], [("a1", "group:Sales")]))
    office.scan()
    assert found(office) == ["not_due:crm:a1:group:Sales", "not_due:erp:b1:account"]
    office.employ(BOSS, CHIEF, person("E1", department="Sales"))
    exception(office, "release")
    for key in found(office):
        with pytest.raises(NotAllowed, match="is due to Somebody E1"):
            findings.open_case(office.workshop, office.number(key))
    office.employ(BOSS, CHIEF, person("E1", status=PersonStatus.LEFT))
    with pytest.raises(NotAllowed, match="has left"):
        findings.open_case(office.workshop, office.number("not_due:erp:b1:account"))


def test_what_too_many_hold_is_a_change_of_the_policy(office: Office) -> None:
    staff = range(ALIKE + 1)
    office.employ(BOSS, CHIEF, *(person(f"E{n}") for n in staff))
    accounts, held = [account(f"a{n}", f"E{n}") for n in staff], [(f"a{n}", "group:Sales") for n in staff]
    office.list_system("crm", Listing(accounts, held))
    office.list_system("erp", Listing(accounts))
    office.scan()
    assert found(office) == ["not_due:crm::group:Sales", "not_due:erp::account"]
    rows = office.findings()
    assert f"does not give group:Sales on crm to {ALIKE + 1} people" in rows["not_due:crm::group:Sales"]["detail"]
    assert f"{ALIKE + 1} accounts on erp are in use" in rows["not_due:erp::account"]["detail"]
    for key in found(office):
        with pytest.raises(NotAllowed, match="so plan a change"):
            findings.open_case(office.workshop, office.number(key))


def test_it_can_be_accepted_until_a_day(office: Office) -> None:
    erp(office, "Enter", "Release")
    office.scan()
    number = office.number("not_due:erp:b1:role:Release")
    asked = findings.accept(office.workshop, number, "until the audit", UNTIL)
    office.workshop.actor = "bea"
    findings.decide_acceptance(office.workshop, asked, True)
    office.scan()
    assert found(office, "excepted") == ["not_due:erp:b1:role:Release"]


def test_on_postgres(private: Path, new_database: Callable[[], str]) -> None:
    office = open_office(private, cache=new_database())
    erp(office, "Enter", "Release")
    office.list_system("attic", Listing([account("c1", "E1")]))
    office.list_system("crm", Listing([account("a1", "E1")], [("a1", "group:Sales")]))
    case = open_for(office, CaseKind.MOVER)
    office.scan()
    assert found(office, "open", "case") == []
    office.close_case(case)
    office.scan()
    assert found(office) == ["not_due:crm:a1:group:Sales", "not_due:erp:b1:role:Release"]
    office.workshop.cache.close()


# ---- the sets and the plan for one person say the same


@pytest.fixture(scope="module")
def any_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("not-due")
    home.chmod(0o700)
    made = open_office(home)
    yield made
    made.workshop.cache.close()


def planned(office: Office) -> set[tuple[str, str, str]]:
    """What a move would take from each human who is here; of an account that it disables, the account alone."""
    with office.workshop.cache.read() as session:
        staff = [p for p in people.persons(session) if p.type.is_human and not has_left(p, "Europe/Berlin", NOW)]
        planner = Planner(office.workshop, session, staff)
        begun = [p for p in staff if p.starts is None or p.starts <= NOW.date()]
        lines = [line for p in begun for line in planner.plan(CaseKind.MOVER, p).lines if line.kind is DiffKind.REMOVE]
    places = {(line.system, line.account_id, line.target) for line in lines}
    bare = {place[:2] for place in places if place[2] == ACCOUNT_TARGET}
    in_use = {(s, a, t) for s, a, t in places if t == ACCOUNT_TARGET or (s, a) not in bare}
    return {place for place in in_use if place[:2] not in disabled(office)}


def disabled(office: Office) -> set[tuple[str, str]]:
    with office.workshop.cache.read() as session:
        rows = session.connection().exec_driver_sql("SELECT system, account_id FROM account WHERE state = 'disabled'")
        return {(row[0], row[1]) for row in rows}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(companies)
def test_what_is_found_is_what_a_move_would_take(
    any_office: Office, company: tuple[list[Person], Listing, Listing]
) -> None:
    refill(any_office, company)
    any_office.scan()
    humans = {row["person_id"] for row in any_office.findings().values() if row["person_id"]}
    with any_office.workshop.cache.read() as session:
        robots = {p.id for p in people.persons(session, humans) if not p.type.is_human}
    rows = [
        row for row in any_office.findings().values() if row["kind"] == "not_due" and row["person_id"] not in robots
    ]
    assert {(row["system"], row["account_id"], row["target"]) for row in rows} == planned(any_office)
