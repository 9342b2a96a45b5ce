"""What is found for everybody by sets is what the decision for one person says, for whatever people and systems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from jmltui.cache import people, systems
from jmltui.cache.staging import staged
from jmltui.config.places import Places
from jmltui.domain.access import Account, AccountState, Entitlement, Grant
from jmltui.domain.case import CaseKind
from jmltui.domain.diff import DiffLine, HeldBack, diff, is_owned
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.operation import Cap
from jmltui.domain.person import Person, PersonStatus, PersonType
from jmltui.lifecycle.everyone import Everyone, differences
from jmltui.lifecycle.planning import blocked_without_login, new_accounts
from jmltui.lifecycle.workshop import Workshop, open_workshop

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SYSTEMS = ("crm", "wiki", "attic")

SETTINGS = """\
[company]
name = "Example"
zone = "Europe/Berlin"
[policy]
folder = "policy"
[systems.crm]
adapter = "practice"
accounts = 1
login = "{key|lower}"
[systems.crm.attributes]
email = "{email}"
[systems.wiki]
adapter = "practice"
accounts = 1
login = "{email}"
[systems.attic]
adapter = "practice"
accounts = 1
"""

POLICY = """\
attributes:
  person.site: {type: string}
entitlements:
  - {id: crm, system: crm, target: account}
  - {id: sales, system: crm, target: "group:Sales"}
  - {id: staff, system: crm, target: "group:Staff"}
  - {id: missing, system: crm, target: "group:Not There"}
  - {id: admins, system: crm, target: "role:Admins", privileged: true, approval: true}
  - {id: editors, system: wiki, target: "group:Editors"}
  - {id: board, system: wiki, target: "group:Board", remote_access: true}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff]}
  - {id: sales, match: {person.department: Sales}, grants: [sales, editors]}
  - {id: it, match: {person.department: IT}, grants: [admins, missing]}
  - {id: bosses, match: {person.title: Boss, person.site: Berlin}, grants: [board]}
guards:
  protected: {accounts: [root*], groups: [Ever*]}
"""

days = st.sampled_from([None, date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 2), date(2027, 1, 1)])
staff = st.builds(
    Person,
    key=st.sampled_from(["P1", "P2", "P3"]),
    name=st.just("Somebody"),
    type=st.sampled_from([PersonType.EMPLOYEE, PersonType.EMPLOYEE, PersonType.SERVICE]),
    status=st.sampled_from([PersonStatus.ACTIVE, PersonStatus.ACTIVE, PersonStatus.LEFT]),
    email=st.sampled_from(["", "root@x.test", "p@x.test"]),
    department=st.sampled_from(["", "Sales", "IT"]),
    title=st.sampled_from(["", "Boss", "Clerk"]),
    zone=st.sampled_from(["", "Asia/Tokyo"]),
    starts=days,
    ends=days,
    attributes=st.sampled_from([{}, {"site": "Berlin"}, {"site": "Oslo", "floor": "3"}]),
)
accounts = st.builds(
    Account,
    id=st.sampled_from(["a1", "a2", "a3", "a4"]),
    login=st.sampled_from(["p1", "P2", "root1", "p@x.test"]),
    state=st.sampled_from([AccountState.ACTIVE, AccountState.ACTIVE, *AccountState]),
    kind=st.sampled_from(["person", "person", "service", "shared"]),
)
entitlements = st.builds(
    Entitlement,
    id=st.sampled_from(["g1", "g2", "g3", "g4", "g5", "g6"]),
    kind=st.sampled_from(["group", "group", "role"]),
    name=st.sampled_from(["Sales", "Staff", "Admins", "Editors", "Board", "Everyone", "Choir"]),
    privileged=st.booleans(),
    grantable=st.sampled_from([True, True, False]),
)
grants = st.builds(
    Grant,
    account_id=st.sampled_from(["a1", "a2", "a3"]),
    entitlement_id=st.sampled_from(["g1", "g2", "g3", "g4"]),
    direct=st.sampled_from([True, True, False]),
    via=st.sampled_from([(), ("Outer",)]),
)
links = st.sampled_from([("confirmed", 1), ("confirmed", 1), ("confirmed", 2), ("proposed", 1), ("orphaned", None)])
listing = st.tuples(
    st.lists(accounts, max_size=4, unique_by=lambda a: a.id),
    st.lists(entitlements, min_size=2, max_size=6, unique_by=lambda e: e.id),
    st.lists(grants, max_size=8),
    st.lists(links, min_size=4, max_size=4),
)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    (home / "policy").mkdir()
    (home / "policy" / "policy.yaml").write_text(POLICY)
    (home / "settings.toml").write_text(SETTINGS)
    environ = {"JMLTUI_HOME": str(home)}
    made = open_workshop(Places.from_environment(environ), "ana", lambda: NOW, environ)
    yield made
    made.cache.close()


def fill(workshop: Workshop, staff: Sequence[Person], listings: Sequence[Any]) -> None:
    """Make the mirrors say this."""
    cache = workshop.cache
    with cache.write() as session:
        for table in ("held", "account", "entitlement", "person"):
            session.execute(text(f"DELETE FROM {table}"))
        people.replace_people(session, "hr", staff, NOW)
        ids = [person.id for person in people.persons(session)]
    for name, (found, groups, held, linked) in zip(SYSTEMS, listings, strict=True):
        with staged(cache, name) as stage:
            stage.add_accounts(found)
            stage.add_entitlements(groups)
            stage.add_grants(held)
            with stage.write() as session:
                stage.swap(session, NOW)
        with cache.write() as session:
            for account, (link, person) in zip(found, linked, strict=False):
                if link != "orphaned" and len(ids) >= person:
                    session.execute(
                        text("UPDATE account SET link=:l, person_id=:p WHERE system=:s AND account_id=:a"),
                        {"l": link, "p": ids[person - 1], "s": name, "a": account.id},
                    )


def one_by_one(workshop: Workshop) -> dict[tuple[str, str], list[DiffLine]]:
    """What the decision for one person says of everybody, by key and system, without what is kept."""
    policy, found = workshop.policy, defaultdict(list)
    with workshop.cache.read() as session:
        world = systems.world(session, policy.by_target, policy.managed_systems, policy.remote_access())
        for person in people.persons(session):
            begins, ends = person.access_begins("Europe/Berlin"), person.access_ends("Europe/Berlin")
            over = person.status is PersonStatus.LEFT or (ends is not None and ends <= NOW)
            if not over and begins is not None and begins > NOW:
                continue
            kind = CaseKind.LEAVER if over else CaseKind.MOVER
            held, grants = systems.held_by(session, [person.id])
            logins, _, gaps = new_accounts(workshop, person)
            lines = diff(
                kind,
                person,
                logins,
                policy.assignments(person, NOW),
                [account for account in held.get(person.id, []) if not is_owned(person, account)],
                grants.get(person.id, []),
                world,
                policy.guards.protected,
                HeldBack(policy.undecided(person, NOW)),
            )
            holding = {(g.system, g.grant.account_id, g.entitlement.id) for g in grants.get(person.id, [])}
            for line in lines:
                if line.operation is Cap.REVOKE and (line.system, line.account_id, line.entitlement_id) not in holding:
                    continue
                if line.kind not in (DiffKind.KEEP, DiffKind.CANNOT_TELL):
                    found[person.key, line.system].append(blocked_without_login(line, gaps))
    return found


def by_sets(workshop: Workshop) -> tuple[dict[tuple[str, str], list[DiffLine]], Everyone]:
    counts, found = Everyone(), defaultdict(list)
    for difference in differences(workshop, counts):
        found[difference.key, difference.system] += difference.lines
    return found, counts


def _in_order(found: dict[tuple[str, str], list[DiffLine]]) -> dict[tuple[str, str], list[DiffLine]]:
    return {key: sorted(lines, key=repr) for key, lines in found.items()}


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(staff, max_size=3, unique_by=lambda p: p.key), st.tuples(listing, listing, listing))
def test_sets_and_the_decision_for_one_person_agree(workshop: Workshop, staff: list[Person], listings: Any) -> None:
    fill(workshop, staff, listings)
    found, counts = by_sets(workshop)
    expected = one_by_one(workshop)
    assert _in_order(found) == _in_order(expected)
    assert counts.people + counts.waiting == len(staff)
    assert sum(counts.lines.values()) == sum(map(len, expected.values()))
    assert counts.differing == len({key for key, _ in expected})


@pytest.mark.parametrize(("held", "told"), [("g1", []), ("g2", []), ("", ["group:Staff"])])
def test_one_of_two_groups_of_the_same_name_is_enough(workshop: Workshop, held: str, told: list[str]) -> None:
    groups = [Entitlement("g1", "group", "Staff"), Entitlement("g2", "group", "Staff")]
    grants = [Grant("a1", held)] if held else []
    listing: Any = ([Account("a1", "p1", AccountState.ACTIVE)], groups, grants, [("confirmed", 1)])
    empty: Any = ([], [], [], [])
    fill(workshop, [Person(key="P1", name="Somebody", email="p@x.test")], (listing, empty, empty))
    assert [line.target for lines in by_sets(workshop)[0].values() for line in lines] == told


def test_comparing_everybody_locks_nobody_out_and_keeps_nothing(workshop: Workshop) -> None:
    person = Person(key="P1", name="Somebody", email="p@x.test", department="Sales")
    empty: Any = ([], [], [], [])
    fill(workshop, [person], (empty, empty, empty))
    counts = Everyone()
    found = differences(workshop, counts)
    first = next(found)
    with workshop.cache.write() as session:
        people.replace_people(session, "hr", [], NOW)
    rest = list(found)
    assert [d.system for d in (first, *rest)] == ["crm", "wiki"]
    assert list(differences(workshop, Everyone())) == []
    with workshop.cache.read() as session:
        assert not session.execute(text("SELECT name FROM sqlite_master WHERE name = 'everyone'")).all()


def test_who_is_absent_from_the_feed_is_left_out(workshop: Workshop) -> None:
    listing: Any = ([Account("a1", "p1", AccountState.ACTIVE)], [], [], [("confirmed", 1)])
    empty: Any = ([], [], [], [])
    fill(workshop, [Person(key="P1", name="Somebody")], (listing, empty, empty))
    assert by_sets(workshop)[0]
    with workshop.cache.write() as session:
        people.replace_people(session, "hr", [], NOW)
    assert by_sets(workshop) == ({}, Everyone())
