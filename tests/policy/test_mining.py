"""Roles proposed from what people hold: planted ones are found, doubtful ones are not, and the text always loads."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jmltui.domain.person import Person, PersonType
from jmltui.policy import Policy, load
from jmltui.policy.lint import lint
from jmltui.policy.mining import Holding, Limits, Proposal, mine
from jmltui.policy.proposal import ProposalText
from tests.policy.texts import AT

LIMITS = Limits()


class Company:
    """People with attributes, and who holds what."""

    def __init__(self, count: int, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.columns: dict[str, list[str]] = {
            "type": [self.chance.choice(["employee"] * 8 + ["contractor", "service"]) for _ in range(count)],
            "department": [("Sales", "Finance", "IT", "Legal")[n % 4] for n in range(count)],
            "title": [self.chance.choice(["Boss", "Clerk"]) for _ in range(count)],
            "location": [self.chance.choice(["DE", "SE", "NO"]) for _ in range(count)],
        }
        self.holdings: list[Holding] = []

    def holds(self, target: str, noise: float = 0.0, privileged: bool = False, **match: str) -> None:
        """Everybody with these values holds it, but for some who do not."""
        who = [
            n
            for n in range(len(self.columns["type"]))
            if all(self.columns[name][n] == value for name, value in match.items()) and self.chance.random() >= noise
        ]
        self.holdings.append(Holding("directory", target, privileged, who))

    def mined(self, limits: Limits = LIMITS) -> Proposal:
        """What is proposed."""
        return mine(self.columns, self.holdings, limits)

    def text(self, limits: Limits = LIMITS) -> str:
        """The proposal as a file."""
        proposal = self.mined(limits)
        known: dict[tuple[str, str], str] = {}
        return "\n".join(ProposalText(proposal, self.holdings, len(self.columns["type"]), limits, known).lines()) + "\n"

    def loaded(self, folder: Path) -> Policy:
        """The proposal as a policy."""
        file = folder / "proposed.yaml"
        file.write_text(self.text(), encoding="utf-8")
        report = lint(file)
        assert not report.errors, report.errors
        return load(file)

    def person(self, number: int) -> Person:
        """One of the people."""
        values = {name: column[number] for name, column in self.columns.items() if name != "type"}
        return Person(key=str(number), name="X", type=PersonType(self.columns["type"][number]), **values)


def gives(proposal: Proposal, holdings: Sequence[Holding]) -> dict[tuple[object, ...], set[str]]:
    return {role.match: {holdings[each.holding].target for each in role.gives} for role in proposal.roles}


def test_planted_roles_are_found() -> None:
    company = Company(800)
    company.holds("group:Staff", type="employee")
    company.holds("group:Ledger", noise=0.03, department="Finance")
    company.holds("group:Door", noise=0.03, location="SE")
    company.holds("group:Court", department="Legal", title="Boss")
    company.holds("group:Cards", department="Sales")
    company.holds("group:Deals", department="Sales")
    proposal = company.mined()
    found = gives(proposal, company.holdings)
    assert found == {
        (("type", ("employee",)),): {"group:Staff"},
        (("department", ("Sales",)),): {"group:Cards", "group:Deals"},
        (("department", ("Finance",)),): {"group:Ledger"},
        (("location", ("SE",)),): {"group:Door"},
        (("title", ("Boss",)), ("department", ("Legal",))): {"group:Court"},
    }
    assert next(iter(found)) == (("type", ("employee",)),), "everybody comes first"
    assert not proposal.left_out


def test_each_proposal_counts_who_holds_it_and_what_it_explains(tmp_path: Path) -> None:
    company = Company(400)
    company.holds("group:Ledger", noise=0.05, department="Finance")
    held = len(company.holdings[0].holders)
    (role,) = company.mined().roles
    assert (role.people, role.gives[0].held, role.explains) == (100, held, held)
    assert f"- ledger  # {held} of 100 hold it; {100 - held} people gain it" in company.text()
    assert "# 100 people match." in company.text()


def test_what_is_proposed_grants_what_is_held(tmp_path: Path) -> None:
    company = Company(400)
    company.holds("group:Staff", type="employee")
    company.holds("group:Ledger", department="Finance")
    company.holds("licence:Mail")
    policy = company.loaded(tmp_path)
    for number in range(400):
        due = {a.target for a in policy.assignments(company.person(number), AT)} - {"account"}
        assert due == {h.target for h in company.holdings if number in set(h.holders)}


def test_the_kinds_of_people_that_hold_the_same_make_one_role() -> None:
    company = Company(500)
    workers = [n for n, kind in enumerate(company.columns["type"]) if kind != "service"]
    company.holdings.append(Holding("directory", "group:Staff", False, workers))
    in_it = [n for n in workers if company.columns["department"][n] == "IT"]
    company.holdings.append(Holding("directory", "group:Consoles", False, in_it))
    found = gives(company.mined(), company.holdings)
    assert found == {
        (("type", ("contractor", "employee")),): {"group:Staff"},
        (("type", ("contractor", "employee")), ("department", ("IT",))): {"group:Consoles"},
    }


def test_what_is_held_by_chance_is_left_out(tmp_path: Path) -> None:
    company = Company(300)
    company.holds("group:Ledger", department="Finance")
    company.holdings.append(Holding("directory", "group:Choir", False, sorted(company.chance.sample(range(300), 40))))
    company.holdings.append(Holding("directory", "group:Attic", False, [1, 2, 7]))
    proposal = company.mined()
    assert [company.holdings[n].target for n in proposal.left_out] == ["group:Choir", "group:Attic"]
    text = company.text()
    assert '#   "group:Attic" on directory: held by 3, unexplained' in text
    assert ("directory", "group:Choir") not in company.loaded(tmp_path).by_target


def test_what_the_roles_explain_too_little_of_is_left_out() -> None:
    company = Company(300)
    finance = [n for n in range(300) if company.columns["department"][n] == "Finance"]
    others = company.chance.sample([n for n in range(300) if n not in finance], 120)
    company.holdings.append(Holding("directory", "group:Wiki", False, sorted({*finance, *others})))
    proposal = company.mined()
    assert not proposal.roles
    assert proposal.left_out == (0,)
    generous = company.mined(Limits(explained=0.3))
    assert [role.match for role in generous.roles] == [(("department", ("Finance",)),)]
    assert generous.unexplained[0] == 120


def test_what_is_privileged_is_only_to_be_asked_for(tmp_path: Path) -> None:
    company = Company(400)
    company.holds("group:Consoles", department="IT")
    company.holds("role:Root", department="IT", privileged=True)
    policy = company.loaded(tmp_path)
    (role,) = policy.roles.values()
    assert (role.grants, role.may_request) == (("consoles",), ("root",))
    root = policy.entitlements["root"]
    assert (root.tier.value, root.approval, root.privileged) == ("elevated", True, True)
    assert "# 100 people hold it today. It is privileged" in company.text()


def test_an_account_that_something_else_brings_along_is_not_named() -> None:
    company = Company(300)
    company.holds("account")
    company.holds("group:Staff")
    assert list(gives(company.mined(), company.holdings).values()) == [{"group:Staff"}]
    alone = Company(300)
    alone.holds("account", type="employee")
    assert list(gives(alone.mined(), alone.holdings).values()) == [{"account"}]


def test_a_system_whose_accounts_nothing_explains_is_left_alone() -> None:
    """A policy that speaks of a system disables every account there that nothing makes due."""
    company = Company(400)
    company.holds("group:Ledger", department="Finance")
    company.holdings.append(Holding("directory", "account", False, list(range(400))))
    by_chance = Holding("attic", "account", False, sorted(company.chance.sample(range(400), 300)))
    legal = [n for n in by_chance.holders if company.columns["department"][n] == "Legal"]
    company.holdings += [by_chance, Holding("attic", "group:Attic", False, legal)]
    proposal = company.mined()
    assert {company.holdings[each.holding].system for role in proposal.roles for each in role.gives} == {"directory"}


def test_no_more_than_asked_for() -> None:
    company = Company(400)
    for name in ("Sales", "Finance", "IT", "Legal"):
        company.holds(f"group:{name}", department=name)
    assert len(company.mined().roles) == 4
    assert len(company.mined(Limits(roles=2)).roles) == 2
    assert not company.mined(Limits(support=101)).roles


def test_equal_input_gives_an_equal_proposal() -> None:
    texts = set()
    for _ in range(2):
        company = Company(300)
        for number in range(12):
            company.holds(f"group:G{number}", noise=0.05, department=("Sales", "IT")[number % 2])
        texts.add(company.text())
    assert len(texts) == 1


HOSTILE = [
    'group:say "no"',
    "group:two\nlines: [x]",
    "group:# comment",
    "group:zero\u200bwidth and \u202eturned",
    "group:Ünïcode 𝔊 👩‍💻",
    "group:NO",
    "group:0755",
    "group:a\\b",
    "group:" + "long " * 60,
    "group:sales!",
    "group:Sales?",
    "group:\x1b[31mred",
    "group:{x}",
    "group:ᅠ",
]


@pytest.mark.parametrize("value", ["NO", "0755", "true", "x: y", "a\u200bb", "- [", "d\ne", "Zürich", "~", "'"])
def test_hostile_names_are_read_back_as_they_were(tmp_path: Path, value: str) -> None:
    company = Company(60)
    company.columns["department"] = [value] * 30 + ["Other"] * 30
    for target in HOSTILE:
        company.holdings.append(Holding("directory", target, False, list(range(30))))
    policy = company.loaded(tmp_path)
    assert {target for _, target in policy.by_target} == set(HOSTILE)
    assert len(policy.entitlements) == len(HOSTILE)
    for number in (0, 59):
        due = {a.target for a in policy.assignments(company.person(number), AT)} - {"account"}
        assert due == (set(HOSTILE) if number == 0 else set())
    assert not [c for c in company.text() if ord(c) < 0x20 and c != "\n"]


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(lambda t: bool(t.strip()))
rows = st.lists(
    st.tuples(
        st.sampled_from(["employee", "contractor", "service"]),
        st.sampled_from(["", "Sales", "IT", "Ä b"]),
        st.sampled_from(["", "Boss", "Clerk"]),
        st.sets(st.integers(0, 5)),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.lists(names, min_size=6, max_size=6, unique=True), st.sets(st.integers(0, 5)))
def test_whatever_is_held_the_proposal_keeps_its_word(
    tmp_path: Path,
    people: list[tuple[str, str, str, set[int]]],
    called: list[str],
    privileged: set[int],
) -> None:
    company = Company(0)
    company.columns = {
        name: [row[index] for row in people]  # type: ignore[misc]
        for index, name in enumerate(("type", "department", "title"))
    }
    company.holdings = [
        Holding(
            ("crm", "wiki")[n % 2], f"group:{name}", n in privileged, [i for i, row in enumerate(people) if n in row[3]]
        )
        for n, name in enumerate(called)
    ]
    limits = Limits(support=3, least=2)
    proposal = company.mined(limits)
    explained: set[tuple[int, int]] = set()
    for role in proposal.roles:
        members = [
            n for n in range(len(people)) if all(company.columns[name][n] in values for name, values in role.match)
        ]
        assert role.people == len(members) >= limits.support
        for each in role.gives:
            holders = set(company.holdings[each.holding].holders)
            assert each.held == len(holders & set(members)) >= limits.share * len(members) - 1e-9
            explained |= {(each.holding, n) for n in holders & set(members)}
    for number, holding in enumerate(company.holdings):
        left = len(holding.holders) - sum(n == number for n, _ in explained)
        assert proposal.unexplained[number] == left
        proposed = any(each.holding == number for role in proposal.roles for each in role.gives)
        assert proposed == (number not in proposal.left_out and bool(holding.holders))
        if proposed:
            assert 2 * left <= len(holding.holders)
    policy = company.loaded(tmp_path)
    for role in policy.roles.values():
        assert not [g for g in role.grants if policy.entitlements[g].privileged]
