"""Whatever a company looks like: a scan says the same twice, and what is put right is what disappears."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from jmltui.domain.access import AccountState
from jmltui.domain.person import Person, PersonStatus, PersonType
from tests.governance.findings_office import EVER, NOW, Listing, Office, account, open_office

KEYS = ("P1", "P2", "P3", "P4")
TARGETS = ("role:Enter", "role:Release", "role:Audit", "group:Choir", "role:Root")

staff = st.builds(
    Person,
    key=st.sampled_from(KEYS),
    name=st.sampled_from(["Ana Novak", "Аna Nоvak", "Bo", "[@click=app.bell()]x\x1b[31m"]),
    type=st.sampled_from([PersonType.EMPLOYEE, PersonType.EMPLOYEE, PersonType.CONTRACTOR, PersonType.SERVICE]),
    status=st.sampled_from([PersonStatus.ACTIVE, PersonStatus.ACTIVE, PersonStatus.LEAVE, PersonStatus.LEFT]),
    email=st.sampled_from(["", "ana@x.test", "bo@x.test"]),
    department=st.sampled_from(["", "Sales", "Payments"]),
    manager=st.sampled_from(["", *KEYS]),
    sponsor=st.sampled_from(["", *KEYS]),
    owner=st.sampled_from(["", *KEYS]),
    starts=st.sampled_from([None, date(2020, 1, 1), date(2026, 5, 20), date(2026, 7, 1)]),
    ends=st.sampled_from([None, None, date(2026, 5, 31), date(2026, 6, 10), date(2026, 9, 1)]),
)
accounts = st.builds(
    account,
    st.sampled_from(["a1", "a2", "a3", "a4"]),
    st.sampled_from([None, *KEYS]),
    login=st.sampled_from(["anovak", "p1", "svc", "ana@x.test"]),
    display=st.sampled_from(["", "Ana Novak"]),
    emails=st.sampled_from([(), ("ana@x.test",)]),
    kind=st.sampled_from(["person", "person", "service"]),
    state=st.sampled_from([AccountState.ACTIVE, AccountState.ACTIVE, AccountState.DISABLED, AccountState.INVITED]),
    last_seen=st.sampled_from([None, NOW, NOW - timedelta(days=99)]),
)
held = st.lists(st.tuples(st.sampled_from(["a1", "a2", "a3", "a4"]), st.sampled_from(TARGETS)), max_size=8, unique=True)
listings = st.builds(
    Listing,
    st.lists(accounts, max_size=4, unique_by=lambda a: a.id),
    held,
    privileged=st.sampled_from([set(), {"role:Root"}]),
)
companies = st.tuples(st.lists(staff, max_size=4, unique_by=lambda p: p.key), listings, listings)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("any")
    home.chmod(0o700)
    made = open_office(home)
    yield made
    made.workshop.cache.close()


def refill(office: Office, company: tuple[list[Person], Listing, Listing]) -> None:
    """Make the mirrors say this and nothing else."""
    with office.workshop.cache.write() as session:
        for table in ("held", "account", "entitlement", "person", "finding"):
            session.execute(text(f"DELETE FROM {table}"))
    people, crm, erp = company
    office.employ(*people)
    office.list_system("crm", crm, at=EVER)
    office.list_system("erp", erp, at=EVER)


def known(office: Office) -> dict[str, dict[str, object]]:
    return {key: row | {"last_seen": None} for key, row in office.findings("open", "case", "excepted", "gone").items()}


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(companies)
def test_the_same_company_has_the_same_findings(office: Office, company: tuple[list[Person], Listing, Listing]) -> None:
    refill(office, company)
    first = office.scan()
    before = known(office)
    again = office.scan()
    assert known(office) == before
    assert (again.new, again.gone, again.open) == (0, 0, first.new)
    assert sum(counts.new for counts in first.kinds.values()) == len(before)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(companies, st.data())
def test_what_is_put_right_is_gone_and_nothing_else(
    office: Office, company: tuple[list[Person], Listing, Listing], data: st.DataObject
) -> None:
    refill(office, company)
    office.scan()
    before = office.findings()
    about_accounts = [key for key, row in before.items() if row["account_id"]]
    if not about_accounts:
        return
    chosen = before[data.draw(st.sampled_from(about_accounts))]
    office.sql(
        "UPDATE account SET state='disabled' WHERE system=:s AND account_id=:a",
        s=chosen["system"],
        a=chosen["account_id"],
    )
    office.scan()
    after, gone = office.findings(), office.findings("gone")
    place = (chosen["system"], chosen["account_id"])
    assert chosen["key"] in gone
    for key, row in before.items():
        sides = [*row["facts"].get("accounts", ()), *row["facts"].get("left", ()), *row["facts"].get("right", ())]
        concerned = place in [(row["system"], row["account_id"]), *((s["system"], s["account_id"]) for s in sides)]
        assert concerned or key in after, "nothing else may disappear"
        assert not (concerned and row["account_id"]) or key in gone, "what is about the account is over"
    assert set(after) <= set(before), "switching an account off brings no new finding"


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(companies, companies)
def test_a_company_that_changed_is_found_as_if_it_had_always_been_so(
    office: Office, before: tuple[list[Person], Listing, Listing], after: tuple[list[Person], Listing, Listing]
) -> None:
    refill(office, after)
    office.employ(*before[0])
    for name, listing in zip(("crm", "erp"), before[1:], strict=True):
        office.list_system(name, listing, at=EVER)
    office.scan()
    office.employ(*after[0])
    for name, listing in zip(("crm", "erp"), after[1:], strict=True):
        office.list_system(name, listing, at=EVER)
    office.scan()
    moved = {key: row["detail"] for key, row in office.findings().items()}
    office.sql("DELETE FROM finding")
    office.scan()
    assert {key: row["detail"] for key, row in office.findings().items()} == moved
