"""Two policies over the same people: what is told as lost and given is what planning by each of them would do."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jmltui.cache import people
from jmltui.cache.staging import staged
from jmltui.cache.tables import ExceptionRow
from jmltui.config.places import Places
from jmltui.domain.access import Account, AccountState, Entitlement, Grant
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.person import Person, PersonStatus, PersonType
from jmltui.lifecycle.everyone import Everyone, differences
from jmltui.lifecycle.import_current import import_current
from jmltui.lifecycle.policy_diff import PersonChange, PolicyDiff, compare_policies
from jmltui.lifecycle.workshop import Workshop, open_workshop
from jmltui.policy import Policy, load
from jmltui.policy.mining import Limits

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
GROUPS = ("Staff", "Sales", "Finance", "Wiki", "Choir", "Admins")

SETTINGS = """\
[company]
name = "Example"
zone = "UTC"
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
login = "{key|lower}"
"""

OLD = """\
entitlements:
  - {id: staff, system: crm, target: "group:Staff"}
  - {id: sales, system: crm, target: "group:Sales"}
  - {id: finance, system: crm, target: "group:Finance"}
  - {id: wiki, system: wiki, target: "group:Wiki"}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff]}
  - {id: sales, match: {person.department: Sales}, grants: [sales, wiki]}
  - {id: finance, match: {person.department: Finance, person.location: [DE, "NO"]}, grants: [finance]}
"""

NEW = """\
entitlements:
  - {id: everyone, system: crm, target: "group:Staff"}
  - {id: sales, system: crm, target: "group:Sales"}
  - {id: finance, system: crm, target: "group:Finance"}
  - {id: choir, system: crm, target: "group:Choir"}
  - {id: admins, system: crm, target: "group:Admins", tier: elevated, approval: true}
roles:
  - {id: everybody, match: {person.type: [employee, contractor]}, grants: [everyone]}
  - {id: sales, match: {person.department: Sales, person.title: Boss}, grants: [sales], may_request: [admins]}
  - {id: finance, match: {person.department: Finance}, grants: [finance, sales]}
  - {id: singers, match: {person.location: SE}, grants: [choir]}
guards: {removals: {floor: 5, percent: 1, ceiling: 10}}
"""


@pytest.fixture
def cache_settings() -> str:
    """Where the cache is: in the state folder, unless a module says otherwise."""
    return ""


@pytest.fixture
def workshop(private: Path, cache_settings: str) -> Iterator[Workshop]:
    (private / "policy").mkdir()
    (private / "policy" / "policy.yaml").write_text(OLD)
    (private / "settings.toml").write_text(SETTINGS + cache_settings)
    environ = {"JMLTUI_HOME": str(private)}
    made = open_workshop(Places.from_environment(environ), "ana", lambda: NOW, environ)
    yield made
    made.cache.close()


@pytest.fixture
def other(tmp_path: Path) -> Callable[[str], Policy]:
    """Another policy."""
    numbers = iter(range(100))

    def make(policy: str) -> Policy:
        file = tmp_path / f"other{next(numbers)}.yaml"
        file.write_text(policy)
        return load(file)

    return make


def staff(chance: random.Random, count: int) -> list[Person]:
    """All kinds of people."""
    return [
        Person(
            key=f"P{n:03}",
            name=f"Person {n}",
            email=f"p{n}@x.test",
            type=chance.choice([PersonType.EMPLOYEE, PersonType.EMPLOYEE, PersonType.CONTRACTOR]),
            status=chance.choice([PersonStatus.ACTIVE] * 9 + [PersonStatus.LEFT]),
            department=chance.choice(["Sales", "Finance", "IT", ""]),
            title=chance.choice(["Boss", "Clerk", ""]),
            location=chance.choice(["DE", "SE", "NO", ""]),
            starts=chance.choice([None, date(2020, 1, 1), date(2026, 7, 1)]),
            ends=chance.choice([None, None, date(2026, 12, 31), date(2026, 5, 1)]),
        )
        for n in range(count)
    ]


def fill(
    workshop: Workshop,
    everybody: list[Person],
    chance: random.Random,
    holds: Callable[[Person, str], bool] | None = None,
) -> None:
    """Make the mirrors say that these people hold anything at all, or what `holds` says and nothing else."""
    with workshop.cache.write() as session:
        people.replace_people(session, "hr", everybody, NOW)
    for system, groups in (("crm", [g for g in GROUPS if g != "Wiki"]), ("wiki", ["Wiki"])):
        with_one = [p for p in everybody if holds or chance.random() < 0.8]
        states = [AccountState.ACTIVE] * 8 + ([] if holds else [AccountState.DISABLED, AccountState.DELETED])
        with staged(workshop.cache, system) as stage:
            stage.add_accounts(
                [Account(f"a{p.key}", p.key.lower(), chance.choice(states), external_id=p.key) for p in with_one]
            )
            stage.add_entitlements([Entitlement(f"g{g}", "group", g) for g in groups])
            stage.add_grants(
                [
                    Grant(f"a{p.key}", f"g{g}", direct, () if direct else ("Outer",))
                    for p in with_one
                    for g in groups
                    for direct in [bool(holds) or chance.random() < 0.9]
                    if (holds(p, g) if holds else chance.random() < 0.4)
                ]
            )
            with stage.write() as session:
                stage.swap(session, NOW)
                people.correlate(session, system)


def planned(workshop: Workshop, policy: Policy) -> dict[DiffKind, set[tuple[int, str, str]]]:
    """What planning for everybody by a policy finds, as (person, system, target) by kind; leavers left out."""
    under = Workshop(workshop.cache, workshop.settings, policy, workshop.clock, "ana", workshop.adapters)
    found: dict[DiffKind, set[tuple[int, str, str]]] = defaultdict(set)
    for difference in differences(under, Everyone()):
        for line in difference.lines:
            if not line.reason.startswith("leaver:"):
                found[line.kind].add((difference.person_id, difference.system, line.target))
    return found


def told(workshop: Workshop, new: Policy) -> tuple[PolicyDiff, list[PersonChange]]:
    """The comparison, with everybody of whom something is told."""
    changes: list[PersonChange] = []
    return compare_policies(workshop, workshop.policy, new, changes.append), changes


@pytest.mark.parametrize("seed", range(8))
def test_what_is_lost_and_given_is_what_planning_would_do(
    workshop: Workshop, other: Callable[[str], Policy], seed: int
) -> None:
    chance = random.Random(seed)
    fill(workshop, staff(chance, 120), chance)
    new = other(NEW)
    before, after = planned(workshop, workshop.policy), planned(workshop, new)
    found, changes = told(workshop, new)
    loses = {(c.person_id, *right) for c in changes for right in c.effect.loses}
    gains = {(c.person_id, *right) for c in changes for right in c.effect.gains}
    freed = {(c.person_id, *right) for c in changes for right in c.effect.freed}
    assert loses == after[DiffKind.REMOVE] - before[DiffKind.REMOVE]
    assert gains - after[DiffKind.BLOCKED] == after[DiffKind.ADD] - before[DiffKind.ADD]
    unexplained = after[DiffKind.UNEXPLAINED] - before[DiffKind.UNEXPLAINED]
    assert freed <= unexplained
    assert {each for each in unexplained - freed if each[2] != "account"} == set(), "only accounts out of use differ"
    assert found.losses == len(loses) > 0
    assert sum(counts.gains for counts in found.rights.values()) == len(gains) > 0
    assert found.affected == len(changes) > 20
    assert found.losing == len({person for person, _, _ in loses})
    biggest = max(change.effect.size for change in changes)
    assert found.most[0].effect.size == biggest


SHUT = 'window: {days: [sun], hours: "03:00-03:30"}'
OPEN = 'window: {days: [mon], hours: "08:00-18:00"}'
"""At noon of a Monday."""


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("hours", "hours_before"), [(SHUT, ""), (SHUT, OPEN), (OPEN, SHUT), ("", SHUT), (OPEN, "")])
def test_what_a_window_shuts_or_opens_now_is_what_planning_would_do(
    workshop: Workshop, other: Callable[[str], Policy], seed: int, hours: str, hours_before: str
) -> None:
    chance = random.Random(seed)
    fill(workshop, staff(chance, 120), chance)

    def windowed(policy: str, window: str) -> str:
        for target in ('"group:Sales"', '"group:Wiki"'):
            policy = policy.replace(target, f"{target}, {window}" if window else target)
        return policy

    workshop.policy = other(windowed(OLD, hours_before))
    new = other(windowed(OLD, hours))
    before, after = planned(workshop, workshop.policy), planned(workshop, new)
    found, changes = told(workshop, new)
    shuts = {(c.person_id, *right) for c in changes for right in c.effect.shuts}
    gains = {(c.person_id, *right) for c in changes for right in c.effect.gains}
    assert shuts == after[DiffKind.REMOVE] - before[DiffKind.REMOVE]
    assert gains - after[DiffKind.BLOCKED] == after[DiffKind.ADD] - before[DiffKind.ADD]
    assert not [change for change in changes if change.effect.loses]
    assert found.losses == found.shuts == len(shuts)
    assert bool(shuts) == (hours == SHUT)
    assert bool(gains) == (hours_before == SHUT)
    assert found.losing == found.shut_out == len({person for person, _, _ in shuts})
    sales = found.windows["crm", "group:Sales"]
    due = sum(len(workshop.policy.roles_of(p, NOW)) > 0 for p in here(workshop) if p.department == "Sales")
    assert (sales.due, sales.shut) == (due, due if hours == SHUT else 0)


def here(workshop: Workshop) -> list[Person]:
    """Who is at work."""
    with workshop.cache.read() as session:
        return [
            p
            for p in people.persons(session)
            if p.status is PersonStatus.ACTIVE
            and (p.ends is None or p.ends >= NOW.date())
            and (p.starts is None or p.starts <= NOW.date())
        ]


def test_what_only_the_new_policy_speaks_of_is_shut_at_once(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    fill_one(workshop, ["Staff", "Finance", "Choir"])
    choir = f'  - {{id: choir, system: crm, target: "group:Choir", {SHUT}}}\nroles:'
    wider = OLD.replace("roles:", choir).replace("grants: [finance]", "grants: [finance, choir]")
    found, (change,) = told(workshop, other(wider))
    assert change.effect.shuts == {("crm", "group:Choir")}
    assert found.rights["crm", "group:Choir"].shuts == 1


def test_what_a_window_shuts_and_what_nothing_explains_any_more_asks_the_guard(
    workshop: Workshop, other: Callable[[str], Policy]
) -> None:
    chance = random.Random(5)
    everybody = [Person(key=f"P{n:03}", name=f"P {n}", department="Sales", location="DE") for n in range(60)]
    fill(workshop, everybody, chance, holds=lambda _, group: group in ("Staff", "Sales"))
    shut = OLD.replace('"group:Sales"', f'"group:Sales", {SHUT}')
    found, _ = told(workshop, other(shut))
    (told_by_guard,) = found.held_by
    assert told_by_guard.startswith("60 losses (60 because a window is shut now) are more than the 20 that the guard ")
    silent = OLD.replace('  - {id: sales, system: crm, target: "group:Sales"}\n', "").replace("[sales, wiki]", "[wiki]")
    found, _ = told(workshop, other(silent))
    assert (found.losses, found.freed) == (0, 60)
    (told_by_guard,) = found.held_by
    assert told_by_guard.startswith("60 left unexplained are more than the 20 that the guard “removals” allows for ")


def test_a_policy_against_itself_changes_nothing(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    chance = random.Random(1)
    fill(workshop, staff(chance, 60), chance)
    found, changes = told(workshop, other("# the same\n" + OLD))
    assert not changes
    assert not found.rights
    assert found.affected == found.losses == 0
    assert found.people + found.leaving + found.waiting == 60
    assert found.waiting > 0 < found.leaving


def test_a_renamed_entitlement_is_the_same_one(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    chance = random.Random(2)
    fill(workshop, staff(chance, 60), chance)
    renamed = OLD.replace("id: staff", "id: all-staff").replace("[staff]", "[all-staff]")
    found, changes = told(workshop, other(renamed))
    assert not changes
    assert not found.rights


def test_what_no_policy_speaks_of_any_more_is_kept_and_unexplained(
    workshop: Workshop, other: Callable[[str], Policy]
) -> None:
    fill_one(workshop, ["Staff", "Finance"])
    without = OLD.replace('  - {id: finance, system: crm, target: "group:Finance"}\n', "").replace("[finance]", "[]")
    found, (change,) = told(workshop, other(without))
    assert change.effect.freed == {("crm", "group:Finance")}
    assert not change.effect.loses
    assert found.rights["crm", "group:Finance"].freed == 1


def test_who_holds_what_becomes_due_gains_nothing(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    fill_one(workshop, ["Staff", "Finance", "Sales"])
    found, (change,) = told(workshop, other(OLD.replace("grants: [finance]", "grants: [finance, sales]")))
    assert change.effect.explained == {("crm", "group:Sales")}
    assert not change.effect.gains
    assert found.gaining == 0
    assert found.rights["crm", "group:Sales"].explained == 1


def test_an_empty_attribute_makes_it_uncertain_not_lost(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    fill_one(workshop, ["Staff", "Finance"])
    asking = OLD.replace('person.location: [DE, "NO"]', "person.title: Boss")
    _, (change,) = told(workshop, other(asking))
    assert change.effect.clouded == {("crm", "group:Finance")}
    assert not change.effect.loses


def test_an_exception_holds_what_the_roles_let_go(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    fill_one(workshop, ["Staff", "Finance"])
    changed = OLD.replace('[DE, "NO"]', "[SE]")
    _, (change,) = told(workshop, other(changed))
    assert change.effect.loses == {("crm", "group:Finance")}
    with workshop.cache.write() as session:
        session.add(
            ExceptionRow(
                kind=ExceptionKind.ACCESS.value,
                person_id=change.person_id,
                subject="finance",
                reason="hands over",
                requested_by="ana",
                approved_by="bob",
                state=ExceptionState.ACTIVE.value,
                asked_at=NOW,
                until=NOW + timedelta(days=9),
                outside_policy=True,
            )
        )
    _, changes = told(workshop, other(changed))
    assert not [c for c in changes if c.effect.loses]


def test_what_may_be_asked_for_is_told(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    fill_one(workshop, ["Staff", "Finance"])
    found, (change,) = told(workshop, other(OLD.replace("grants: [finance]", "grants: [finance], may_request: [wiki]")))
    assert change.effect.requestable == {("wiki", "group:Wiki")}
    assert found.rights["wiki", "group:Wiki"].requestable == 1
    assert change.effect.size == 0


def test_the_guards_hold_a_merge_that_takes_too_much(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    chance = random.Random(3)
    everybody = [Person(key=f"P{n:03}", name=f"P {n}", department="Sales", location="DE") for n in range(60)]
    fill(workshop, everybody, chance)
    nobody = OLD.replace("person.type: employee", "person.type: guest").replace(
        "person.department: Sales", "person.department: Selling"
    )
    found, _ = told(workshop, other(nobody))
    assert found.losses > 20
    assert found.stripped > 30
    assert [sentence.split(" more than")[0].split(" ", 1)[1] for sentence in found.held_by] == [
        "losses are",
        "people left with nothing are",
    ]
    loose = (
        nobody + "guards: {removals: {floor: 5000, percent: 100, ceiling: 5000}, leavers: {floor: 99, percent: 99}}\n"
    )
    found, _ = told(workshop, other(loose))
    assert len(found.held_by) == 2, "a merge waves itself through by a guard of its own"


def test_protected_accounts_and_groups_are_not_lost(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    fill_one(workshop, ["Staff", "Finance"])
    gone = OLD.replace("person.type: employee", "person.type: guest").replace('[DE, "NO"]', "[SE]")
    _, (change,) = told(workshop, other(gone))
    assert change.effect.loses == {("crm", "account"), ("crm", "group:Staff"), ("crm", "group:Finance")}
    guarded = gone + "guards: {protected: {accounts: [p001], groups: [Fin*]}}\n"
    _, (change,) = told(workshop, other(guarded))
    assert change.effect.loses == {("crm", "group:Staff")}


def test_what_people_hold_is_proposed_as_roles(workshop: Workshop, other: Callable[[str], Policy]) -> None:
    chance = random.Random(4)
    everybody = [
        Person(key=f"P{n:03}", name=f"P {n}", department=("Sales", "IT")[n % 2], attributes={"team": f"T{n % 4}"})
        for n in range(80)
    ]
    gone = Person(key="P999", name="Gone", department="Sales", status=PersonStatus.LEFT)
    fill(workshop, [*everybody, gone], chance, holds=lambda p, group: group in ("Staff", p.department))
    found = import_current(workshop, Limits())
    assert found.people == 80
    assert found.roles == 2
    assert found.explained == found.grants
    assert "80 people match" in found.text
    proposed = other(found.text)
    assert proposed.entitlements["staff"].target == "group:Staff", "it keeps the ids of the policy in force"
    after, changes = told(workshop, proposed)
    assert after.losses == 0
    assert not [change for change in changes if change.effect.gains]


def fill_one(workshop: Workshop, groups: list[str]) -> None:
    """One person in Finance, in these groups."""
    person = Person(key="P001", name="Ana", email="a@x.test", department="Finance", location="DE")
    with workshop.cache.write() as session:
        people.replace_people(session, "hr", [person], NOW)
    with staged(workshop.cache, "crm") as stage:
        stage.add_accounts([Account("a1", "p001", AccountState.ACTIVE, external_id="P001")])
        stage.add_entitlements([Entitlement(f"g{g}", "group", g) for g in GROUPS])
        stage.add_grants([Grant("a1", f"g{g}") for g in groups])
        with stage.write() as session:
            stage.swap(session, NOW)
            people.correlate(session, "crm")
    with workshop.cache.read() as session:
        assert session.execute(text("SELECT count(*) FROM held")).scalar() == len(groups)
