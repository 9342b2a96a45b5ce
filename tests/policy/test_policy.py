"""Policy folders: what they mean, and every mistake told at once with its place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jmltui.domain.case import CaseKind
from jmltui.domain.person import Person, PersonType
from jmltui.errors import PolicyError
from jmltui.policy import load

GOOD = """\
entitlements:
  - {id: mail, system: directory, target: "group:Mail"}
  - {id: vpn, system: vpn, target: "group:Staff", remote_access: true}
  - {id: pay, system: erp, target: "role:PAY", tier: elevated, approval: true}
roles:
  - {id: everybody, match: {person.type: [employee, contractor]}, grants: [mail]}
  - {id: finance, match: {person.department: Finance, person.location: [DE, "NO"]}, grants: [vpn, pay]}
"""

NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
ANA = Person(key="1", name="Ana", department="Finance", location="NO")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(GOOD)
    return tmp_path


def due(folder: Path, person: Person) -> set[str]:
    return {a.entitlement for a in load(folder).assignments(person, NOW) if not a.entitlement.startswith("account:")}


def test_matching(folder: Path) -> None:
    assert due(folder, ANA) == {"mail", "vpn", "pay"}
    assert due(folder, Person(key="2", name="Bob", department="Finance", location="SE")) == {"mail"}
    assert due(folder, Person(key="3", name="Robot", type=PersonType.SERVICE)) == set()


def test_the_account_is_implied_where_anything_is_due(folder: Path) -> None:
    targets = {(a.system, a.target) for a in load(folder).assignments(ANA, NOW)}
    assert {("directory", "account"), ("vpn", "account"), ("erp", "account")} <= targets


def test_an_empty_attribute_grants_nothing_and_is_told(folder: Path) -> None:
    policy = load(folder)
    nowhere = Person(key="4", name="Eve", department="Finance")
    assert due(folder, nowhere) == {"mail"}
    assert {a.entitlement for a in policy.undecided(nowhere, NOW)} >= {"vpn", "pay"}
    told = "\n".join(policy.explain(nowhere, "vpn", at=NOW).lines())
    assert "person.location" in told
    assert "empty" in told


def test_why_is_told_with_the_place(folder: Path) -> None:
    told = "\n".join(load(folder).explain(ANA, "vpn", at=NOW).lines())
    assert "finance" in told
    assert "policy.yaml:" in told


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "entitlements:\n"
        '  - {id: mail, system: directory, target: "group:Mail", teir: birthright}\n'
        "roles:\n"
        "  - {id: all, match: {person.departmnt: X}, grants: [mial]}\n"
        "  - {id: all, match: {person.type: alien}, grants: [mail]}\n"
    )
    with pytest.raises(PolicyError) as told:
        load(tmp_path)
    text = str(told.value)
    assert {p.line for p in told.value.problems} >= {2, 4, 5}
    for word in ("teir", "tier", "person.departmnt", "person.department", "mial", "mail", "all"):
        assert word in text
    assert all(p.file.endswith("bad.yaml") and p.column for p in told.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n",
        "a: 1\na: 2\n",
        "a: !!python/object:os.system x\n",
        "<<: {a: 1}\n",
        "a: " + "[" * 100 + "]" * 100 + "\n",
        "a: x\u202ey\n",
        "a: [1\n",
    ],
)
def test_dangerous_yaml_is_refused_with_a_place(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(PolicyError) as told:
        load(tmp_path)
    assert told.value.problems[0].line


def test_the_procedures_are_there_without_being_written(folder: Path) -> None:
    policy = load(folder)
    leaver = policy.procedure("leaver")
    assert leaver is not None
    assert leaver.steps[0].id == "disable"
    assert set(policy.procedures) == set(CaseKind)


def test_a_cycle_of_steps_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "procedures:\n  - id: leaver\n    title: L\n    owner: team:a\n    fallback_owner: team:b\n    target: 1d\n"
        "    steps:\n      - {id: a, do: manual, title: A, needs: [b], text: x}\n"
        "      - {id: b, do: manual, title: B, needs: [a], text: x}\n"
    )
    with pytest.raises(PolicyError, match=r"needs|cycle|circle"):
        load(tmp_path)


def test_the_hash_is_of_the_meaning(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    before = load(folder).hash
    other = tmp_path_factory.mktemp("other")
    (other / "policy.yaml").write_text("# a comment\n" + GOOD)
    assert load(other).hash == before
    (other / "policy.yaml").write_text(GOOD.replace("Mail", "Post"))
    assert load(other).hash != before
