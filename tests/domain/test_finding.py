"""The names of findings, and whose an account may be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.access import Account, AccountState
from jmltui.domain.danger import Danger
from jmltui.domain.finding import FindingKind, finding_key, worse
from jmltui.domain.person import Person
from jmltui.domain.proposal import Candidate, Proposal, has_key, login_forms, propose

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

parts = st.lists(st.text(alphabet="ab:%3A", max_size=5), min_size=1, max_size=3)


def account(login: str, **facts: object) -> Account:
    return Account(id="a1", login=login, state=AccountState.ACTIVE, **facts)  # type: ignore[arg-type]  # facts of a test


def person(key: str = "E100", name: str = "Ana Novak", **facts: object) -> Person:
    return Person(key=key, name=name, id=int("".join(filter(str.isdigit, key)) or 0), **facts)  # type: ignore[arg-type]  # facts of a test


def only(found: tuple[Proposal, ...]) -> Proposal:
    assert len(found) == 1, found
    return found[0]


@given(parts, parts)
def test_different_things_never_share_a_key(one: list[str], other: list[str]) -> None:
    keys = [finding_key(FindingKind.UNEXPLAINED, *each) for each in (one, other)]
    assert (keys[0] == keys[1]) == (one == other) or len(one) != len(other)


def test_a_key_is_readable_and_each_kind_has_a_heading() -> None:
    assert finding_key(FindingKind.ORPHAN, "crm", "cn=a:b") == "orphan:crm:cn=a:b"
    assert finding_key(FindingKind.UNEXPLAINED, "crm", "a:b", "group:X") == "unexplained:crm:a%3Ab:group:X"
    assert len({kind.heading for kind in FindingKind}) == len(FindingKind)
    assert worse(Danger.DESTRUCTIVE, by=True) is Danger.DESTRUCTIVE


@pytest.mark.parametrize(
    ("login", "score"),
    [
        ("ana.novak", 30),
        ("anovak", 30),
        ("NovakA", 30),
        ("ana_novak@x.test", 30),
        ("EXAMPLE\\novak.ana", 30),
        ("anovak2", 15),
        ("e100", 40),
        ("adm-e100", 40),
    ],
)
def test_logins_that_speak_for_somebody(login: str, score: int) -> None:
    assert only(propose(account(login), [Candidate(person())], None)).score == score


@pytest.mark.parametrize("login", ["novakova", "e1001", "e10", "root", "ana.novakova", "xe1000"])
def test_logins_that_do_not(login: str) -> None:
    assert propose(account(login), [Candidate(person())], None) == ()


def test_an_umlaut_may_be_spelled_either_way() -> None:
    assert {"jmuller", "jmueller", "joerg.mueller"} <= login_forms("Jörg Müller") | {"jmuller"}
    assert {"jmuller", "jorg.muller"} <= login_forms("Jörg Müller")


def test_reasons_add_up_and_the_best_five_are_told() -> None:
    found = propose(
        account("ana.novak", emails=("ANA@x.test",), display="Ana  NOVÁK"),
        [Candidate(person(email="ana@x.test"), "ana.novak"), *(Candidate(person(f"E20{n}")) for n in range(8))],
        None,
    )
    assert [proposal.score for proposal in found] == [100, 60, 60, 60, 60]
    assert found[0].person.key == "E100"
    assert len(found[0].reasons) == 4
    assert [proposal.person.key for proposal in found[1:]] == ["E200", "E201", "E202", "E203"]


def test_a_login_given_twice_is_told_and_counts_less() -> None:
    new = person(starts=date(2026, 5, 1))
    used_before = account("ana.novak", last_seen=datetime(2026, 1, 1, tzinfo=UTC))
    old = only(propose(account("ana.novak"), [Candidate(new)], NOW - timedelta(days=100)))
    prepared = only(propose(account("ana.novak"), [Candidate(new)], NOW - timedelta(days=45)))
    reused = only(propose(used_before, [Candidate(new)], None))
    assert (old.score, prepared.score, reused.score) == (0, 30, 0)
    assert "long before their first day 2026-05-01" in old.warnings[0]
    assert "used on 2026-01-01, before their first day" in reused.warnings[0]
    assert prepared.warnings == ()


def test_who_left_comes_after_who_stays() -> None:
    found = propose(account("ana.novak"), [Candidate(person("E1"), stays=False), Candidate(person("E2"))], None)
    assert [proposal.person.key for proposal in found] == ["E2", "E1"]
    assert found[1].warnings == ("has left, or is absent from the feed",)


@pytest.mark.parametrize("display", ["Аna Nоvak", "Аnа Nоvаk"])
def test_what_only_looks_alike_warns_and_earns_nothing(display: str) -> None:
    found = only(propose(account("x1", display=display), [Candidate(person())], None))
    assert (found.score, found.reasons) == (0, ())
    assert "Ana Novak" in found.warnings[0]


def test_a_look_alike_is_told_beside_other_reasons() -> None:
    found = only(
        propose(account("x1", display="Аna Novak", emails=("a@x.test",)), [Candidate(person(email="a@x.test"))], None)
    )
    assert (found.score, len(found.warnings)) == (60, 1)


@given(st.text(max_size=12), st.text(max_size=6), st.text(max_size=12))
def test_scores_stay_in_their_range_whatever_the_names_are(login: str, key: str, name: str) -> None:
    candidates = [Candidate(person("E1", name, email=login), login), Candidate(Person(key=key or "k", name=login))]
    for proposal in propose(account(login or "x", display=name, emails=(name,)), candidates, NOW):
        assert 0 <= proposal.score <= 100
        assert proposal.reasons or proposal.warnings


@pytest.mark.parametrize(
    ("login", "key", "there"),
    [
        ("e12", "E12", True),
        ("e12x", "E12", False),
        ("x-e12", "E12", True),
        ("p0001", "0001", True),
        ("p10001", "0001", False),
    ],
)
def test_a_key_in_a_login(login: str, key: str, there: bool) -> None:
    assert has_key(login, key) is there
