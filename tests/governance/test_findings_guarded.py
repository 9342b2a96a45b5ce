"""Findings where one person's word is not enough: conflicts that are accepted, and many removals at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from jmltui.cache.tables import BatchRow, CaseRow, ExceptionRow
from jmltui.errors import NotAllowed
from jmltui.governance import findings
from jmltui.lifecycle.approve import decide
from jmltui.lifecycle.requests import confirm_batch
from tests.governance.findings_office import BOSS, CHIEF, NOW, POLICY, Listing, Office, account, open_office, person

UNTIL = NOW + timedelta(days=30)


@pytest.fixture
def office(private: Path) -> Iterator[Office]:
    made = open_office(private)
    yield made
    made.workshop.cache.close()


# ---- a conflict of duties is accepted by whom the policy names


@pytest.fixture
def governed(private: Path) -> Iterator[Office]:
    """A company in which Sam, of security, agrees to exceptions; ana and bea are colleagues."""
    path = 'approvals:\n  - {id: risk, stages: [{from: "team:security"}]}\n'
    steps = "[{id: approve, do: approval.collect, approval: risk}]"
    procedure = (
        f'procedures:\n  - {{id: exception, owner: "team:helpdesk", fallback_owner: "team:security", steps: {steps}}}\n'
    )
    made = open_office(private, policy=POLICY + path + procedure)
    yield made
    made.workshop.cache.close()


def conflict(office: Office) -> int:
    """E1 holds by a role what must not come together with what was given to them."""
    office.employ(BOSS, CHIEF, person("E1", department="Payments"))
    office.list_system("erp", Listing([account("b1", "E1")], [("b1", "role:Enter"), ("b1", "role:Release")]))
    office.scan()
    return office.number(f"separation:pay:{office.id_of('E1')}")


def state_of(office: Office, case: int) -> str:
    with office.workshop.cache.read() as session:
        return session.get_one(CaseRow, case).state


def test_a_conflict_is_not_accepted_by_any_colleague(governed: Office) -> None:
    number = conflict(governed)
    key = f"separation:pay:{governed.id_of('E1')}"
    asked = findings.accept(governed.workshop, number, "nobody else is there", UNTIL)
    with governed.workshop.cache.read() as session:
        row = session.get_one(ExceptionRow, asked)
        facts = (row.kind, row.subject, row.state, row.until)
        case = row.case_id
    assert facts == ("separation", "pay", "asked", UNTIL)
    with pytest.raises(NotAllowed, match=f"asked to accept finding {number} already") as again:
        findings.accept(governed.workshop, number, "me too", UNTIL)
    assert f"jmltui plan {case}" in again.value.hint
    governed.workshop.actor = "bea"
    with pytest.raises(NotAllowed, match=f"decided in its case {case}"):
        findings.decide_acceptance(governed.workshop, asked, True)
    with pytest.raises(NotAllowed):
        decide(governed.workshop, case, "approve", "", approve=True)
    governed.scan()
    assert governed.findings()[key]["exception_id"] == asked, "it is open for as long as it is only asked for"
    governed.workshop.actor = "sam"
    decide(governed.workshop, case, "approve", "", approve=True)
    governed.scan()
    assert governed.findings("excepted")[key]["exception_id"] == asked
    governed.clock.forward(days=30)
    governed.scan()
    assert governed.findings()[key]["exception_id"] == 0, "it is back on its day"


def test_a_conflict_that_was_accepted_by_a_colleague_once_needs_the_policy_now(governed: Office) -> None:
    number = conflict(governed)
    key = f"separation:pay:{governed.id_of('E1')}"
    with governed.workshop.cache.write() as session:
        asked = ExceptionRow(kind="finding", subject=key, requested_by="ana", state="asked", asked_at=NOW, until=UNTIL)
        session.add(asked)
        session.flush()
        exception = asked.id or 0
    governed.workshop.actor = "bea"
    with pytest.raises(NotAllowed, match="takes an exception from the rule “pay”"):
        findings.decide_acceptance(governed.workshop, exception, True)
    findings.decide_acceptance(governed.workshop, exception, False, "ask for the exception")
    assert findings.accept(governed.workshop, number, "nobody else is there", UNTIL)


# ---- the guard of removals


def test_more_removals_than_the_guard_allows_are_held_together(office: Office) -> None:
    staff = range(21)
    office.employ(BOSS, CHIEF, *(person(f"E{n}") for n in staff))
    accounts, held = [account(f"a{n}", f"E{n}") for n in staff], [(f"a{n}", "group:Choir") for n in staff]
    office.list_system("crm", Listing(accounts, held))
    office.scan()
    numbers = [row["id"] for row in office.findings().values()]
    opened = findings.open_cases(office.workshop, [*numbers, 99])
    assert [bool(each.case) for each in opened] == [True] * 21 + [False]
    with office.workshop.cache.read() as session:
        [(state, batch, why)] = set(session.execute(select(CaseRow.state, CaseRow.batch_id, CaseRow.held_reason)))
        [(count, waits)] = session.execute(select(BatchRow.held, BatchRow.state)).all()
    assert (state, batch, count, waits) == ("held", 1, 21, "open")
    assert "21 removals by findings are more than the 20 that the guard allows" in why
    with pytest.raises(NotAllowed):
        confirm_batch(office.workshop, 1, "21", "they are right")
    office.workshop.actor = "bea"
    assert len(confirm_batch(office.workshop, 1, "21", "they are right")) == 21


def test_cases_opened_one_by_one_count_for_the_guard_too(office: Office) -> None:
    staff = range(21)
    office.employ(BOSS, CHIEF, *(person(f"E{n}") for n in staff))
    accounts, held = [account(f"a{n}", f"E{n}") for n in staff], [(f"a{n}", "group:Choir") for n in staff]
    office.list_system("crm", Listing(accounts, held))
    office.scan()
    cases = [findings.open_case(office.workshop, row["id"]) for row in office.findings().values()]
    assert [state_of(office, case) for case in cases] == ["open"] * 20 + ["held"]


def test_fewer_removals_are_held_by_nobody(office: Office) -> None:
    office.employ(BOSS, CHIEF)
    office.list_system("crm", Listing([account("x1", login="anovak")]))
    office.scan()
    [opened] = findings.open_cases(office.workshop, [office.number("orphan:crm:x1")])
    assert state_of(office, opened.case) == "open"
