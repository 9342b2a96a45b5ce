"""Who is due what at an instant: conditions, windows, requirements, exceptions, and why, told rule by rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.exception import AccessException, ExceptionKind, ExceptionState
from jmltui.domain.person import Person, PersonType
from jmltui.policy import load
from jmltui.policy.explain import Answer, Explanation
from jmltui.policy.policy import Policy

NOON = datetime(2026, 6, 3, 12, 0, tzinfo=UTC)  # a Wednesday

TEXT = """\
version: 1
timezone: Europe/Berlin
attributes:
  person.floor: {type: int}
  person.risk: {type: string, values: [low, high]}
  device.managed: {type: bool}
entitlements:
  - {id: mail, system: directory, target: "group:Mail"}
  - {id: vpn, system: vpn, target: "group:Staff", remote_access: true, when: device.managed}
  - {id: desk, system: remote, target: "group:Desk", window: {days: [mon, tue, wed, thu, fri], hours: "06:00-20:00"}}
  - {id: night, system: directory, target: "group:Night", window: {days: [fri], hours: "22:00-06:00"}}
  - {id: report, system: directory, target: "group:Report"}
  - {id: pay, system: erp, target: "role:PAY", tier: elevated, approval: two}
  - {id: admin, system: cloud, target: "role:admin", tier: jit, max_duration: 8h, break_glass: true, approval: two}
approvals:
  - {id: two, steps: [{any: 2, from: [group:security]}]}
roles:
  - {id: everybody, match: {person.type: [employee, contractor]}, grants: [mail, vpn]}
  - id: finance
    match: {person.department: Finance}
    when: '!(person.title == "Intern")'
    grants: [report, desk]
    may_request: [pay]
  - {id: guard, match: {person.department: Guards}, grants: [night]}
  - {id: high, when: person.floor > 9, grants: [report]}
  - id: external
    match: {person.type: contractor}
    require: {ends: true, max_contract: 180d, sponsor: true}
    warn_before_end: 14d
procedures:
  - id: leaver
    owner: team:helpdesk
    fallback_owner: team:security
    target: 24h
    urgent: {if: 'person.risk == "high"', target: 15m}
    steps: [{id: disable, do: account.disable}]
"""

PLAIN = {"device.managed": "true", "floor": "1"}
ANA = Person(key="E1", name="Ana", id=1, department="Finance", title="Analyst", attributes=PLAIN)
CON = Person(
    key="C1", name="Con", id=2, type=PersonType.CONTRACTOR, department="IT", sponsor="E1",
    starts=date(2026, 5, 1), ends=date(2026, 7, 31), attributes=PLAIN,
)  # fmt: skip


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Policy]:
    """A policy of the text, with one thing in it said otherwise."""

    def load_text(old: str = "", new: str = "") -> Policy:
        assert old in TEXT
        (tmp_path / "policy.yaml").write_text(TEXT.replace(old, new, 1) if old else TEXT, encoding="utf-8")
        return load(tmp_path, "UTC")

    return load_text


@pytest.fixture
def policy(make: Callable[..., Policy]) -> Policy:
    return make()


def given_to(policy: Policy, person: Person, at: datetime = NOON, *exceptions: AccessException) -> set[str]:
    """What is due, without the accounts that only follow from it."""
    return {a.entitlement for a in policy.assignments(person, at, exceptions) if a.target != "account"}


def doubtful(policy: Policy, person: Person) -> dict[str, str]:
    """What nobody can tell, and why."""
    return {a.entitlement: a.reason for a in policy.undecided(person, NOON) if a.target != "account"}


def exception(subject: str, number: int = 7, **more: object) -> AccessException:
    values: dict[str, object] = {
        "kind": ExceptionKind.ACCESS,
        "person_id": 1,
        "reason": "end of the year",
        "requested_by": "ron",
        "approved_by": "sue",
        "state": ExceptionState.ACTIVE,
        "asked_at": NOON - timedelta(days=1),
        "until": NOON + timedelta(hours=1),
    }
    return AccessException(id=number, subject=subject, **(values | more))  # type: ignore[arg-type]  # as named


def told(policy: Policy, person: Person, entitlement: str, at: datetime = NOON, *more: AccessException) -> Explanation:
    return policy.explain(person, entitlement, at=at, exceptions=more)


def lines(found: Explanation) -> str:
    return "\n".join(found.lines())


# ---- conditions


def test_an_empty_attribute_under_not_grants_nothing_and_takes_nothing(policy: Policy) -> None:
    """P04."""
    untitled = replace(ANA, title="")
    assert given_to(policy, untitled) == {"mail", "vpn"}
    assert doubtful(policy, untitled) == {
        "report": "cannot tell: person.title is empty (role finance)",
        "desk": "cannot tell: person.title is empty (role finance)",
    }
    assert policy.may_request(untitled, NOON) == (), "what nobody can tell lets nothing be asked for"
    intern = replace(ANA, title="Intern")
    assert given_to(policy, intern) == {"mail", "vpn"}
    assert doubtful(policy, intern) == {}
    found = told(policy, untitled, "report")
    assert found.answer is Answer.UNKNOWN
    assert "cannot tell, so neither granted nor removed" in found.text
    assert "person.title" in lines(found)
    assert "policy.yaml:" in lines(found)


def test_what_another_role_gives_for_sure_is_in_no_doubt(policy: Policy) -> None:
    high = replace(ANA, title="", attributes=PLAIN | {"floor": "12"})
    assert "report" in given_to(policy, high)
    assert set(doubtful(policy, high)) == {"desk"}


def test_a_condition_on_a_number_and_one_that_has_not_its_form(policy: Policy) -> None:
    somewhere = replace(ANA, department="IT")
    for floor, due in (("10", True), ("9", False), ("-3", False)):
        found = replace(somewhere, attributes=PLAIN | {"floor": floor})
        assert ("report" in given_to(policy, found)) is due
        assert doubtful(policy, found) == {}
    for floor in ("", "ten", "9.5"):
        found = replace(somewhere, attributes=PLAIN | {"floor": floor})
        assert "report" not in given_to(policy, found)
        assert set(doubtful(policy, found)) == {"report"}


def test_the_condition_of_an_entitlement_narrows_every_role_that_gives_it(policy: Policy) -> None:
    assert "vpn" in given_to(policy, ANA)
    loose = replace(ANA, attributes=PLAIN | {"device.managed": "false"})
    assert "vpn" not in given_to(policy, loose)
    assert doubtful(policy, loose) == {}
    unknown = replace(ANA, attributes={"floor": "1"})
    assert "vpn" not in given_to(policy, unknown)
    assert doubtful(policy, unknown)["vpn"] == "cannot tell: device.managed is empty (entitlement vpn)"
    text = lines(told(policy, loose, "vpn"))
    assert text.splitlines()[0].startswith("- vpn (group:Staff on vpn) for Ana (E1): NOT due")
    assert "+ role everybody applies" in text
    assert "- vpn, when: device.managed" in text


@given(title=st.sampled_from(["", "Intern", "Analyst"]), managed=st.sampled_from(["", "true", "false", "perhaps"]))
def test_nothing_is_due_and_in_doubt_at_once(
    tmp_path_factory: pytest.TempPathFactory, title: str, managed: str
) -> None:
    folder = tmp_path_factory.mktemp("policy")
    (folder / "policy.yaml").write_text(TEXT, encoding="utf-8")
    policy = load(folder)
    person = replace(ANA, title=title, attributes={"device.managed": managed})
    due = policy.due(person, NOON)
    given_now = {(a.system, a.target) for a in due.assignments}
    assert not given_now & {(a.system, a.target) for a in (*due.undecided, *due.refused, *due.shut)}
    for name in policy.entitlements:
        answer = policy.explain(person, name, at=NOON).answer
        granted = {a.entitlement for a in due.assignments}
        unknown = {a.entitlement for a in due.undecided}
        assert answer is (Answer.YES if name in granted else (Answer.UNKNOWN if name in unknown else Answer.NO))


# ---- windows


def test_a_window_is_open_by_the_clock_of_the_person(policy: Policy) -> None:
    at = datetime(2026, 6, 3, 18, 30, tzinfo=UTC)
    assert "desk" not in given_to(policy, ANA, at), "20:30 in the zone of the policy"
    assert "desk" in given_to(policy, replace(ANA, zone="America/New_York"), at)
    assert "desk" not in given_to(policy, replace(ANA, zone="Asia/Tokyo"), at)
    assert policy.has_windows
    assert policy.depends_on_zone
    shut = policy.due(ANA, at).shut
    assert [(a.entitlement, a.reason) for a in shut] == [("desk", "outside its window: mon-fri 06:00-20:00")]
    found = told(policy, ANA, "desk", at)
    assert found.answer is Answer.NO
    assert "its window mon-fri 06:00-20:00 (Europe/Berlin) is shut now" in lines(found)
    assert "is open now" in lines(told(policy, replace(ANA, zone="America/New_York"), "desk", at))


def test_the_account_stays_when_only_the_window_is_shut(policy: Policy) -> None:
    at = datetime(2026, 6, 3, 22, 0, tzinfo=UTC)
    assert ("remote", "account") in {(a.system, a.target) for a in policy.assignments(ANA, at)}
    assert ("remote", "group:Desk") not in {(a.system, a.target) for a in policy.assignments(ANA, at)}


def test_a_window_over_midnight_belongs_to_the_day_it_begins_on(policy: Policy) -> None:
    """J16."""
    guard = replace(ANA, department="Guards", zone="Europe/Berlin")
    for at, is_open in (
        (datetime(2026, 6, 5, 19, 59, tzinfo=UTC), False),
        (datetime(2026, 6, 5, 20, 0, tzinfo=UTC), True),
        (datetime(2026, 6, 6, 3, 59, tzinfo=UTC), True),
        (datetime(2026, 6, 6, 4, 0, tzinfo=UTC), False),
        (datetime(2026, 6, 6, 20, 30, tzinfo=UTC), False),
    ):
        assert ("night" in given_to(policy, guard, at)) is is_open, at


# ---- requirements


@pytest.mark.parametrize(
    ("changed", "codes"),
    [
        ({"ends": None}, ["end-date-missing"]),
        ({"ends": date(9999, 12, 31)}, ["end-date-missing"]),
        ({"sponsor": ""}, ["sponsor-missing"]),
        ({"ends": date(2026, 12, 31)}, ["contract-too-long"]),
        ({"ends": None, "sponsor": ""}, ["end-date-missing", "sponsor-missing"]),
        ({}, []),
    ],
)
def test_what_an_external_lacks_is_told_and_nothing_is_given(
    policy: Policy, changed: dict[str, object], codes: list[str]
) -> None:
    person = replace(CON, **changed)  # type: ignore[arg-type]  # names of fields
    found = policy.due(person, NOON)
    assert [problem.code for problem in found.problems] == codes
    assert [problem.code for problem in policy.problems(person, NOON)] == codes
    named = {a.entitlement for a in found.assignments if a.target != "account"}
    if not codes:
        assert (named, found.refused) == ({"mail", "vpn"}, ())
        return
    assert found.assignments == ()
    refused = {a.entitlement: a.reason for a in found.refused if a.target != "account"}
    assert set(refused) == {"mail", "vpn"}
    assert all(reason.startswith("cannot be given: ") for reason in refused.values())
    assert {p.role for p in found.problems} == {"external"}
    assert all("policy.yaml:" in p.place for p in found.problems)


def test_a_contract_may_last_exactly_as_long_as_is_allowed(policy: Policy) -> None:
    exact = replace(CON, starts=date(2026, 1, 1), ends=date(2026, 1, 1) + timedelta(days=180))
    assert policy.problems(exact, NOON) == ()
    assert len(policy.problems(replace(exact, ends=date(2026, 7, 1)), NOON)) == 1


def test_an_external_without_an_end_is_told_why_with_the_place(policy: Policy) -> None:
    text = lines(told(policy, replace(CON, ends=None), "mail"))
    assert "held back until the source states what is required" in text
    assert "the role external requires a last day, and the source states none" in text
    place = next(role.place for role in policy.roles.values() if role.id == "external")
    assert place in text


def test_a_warning_comes_before_the_end_and_not_after(policy: Policy) -> None:
    end = datetime(2026, 7, 31, 22, 0, tzinfo=UTC)
    for before, expected in (
        (timedelta(days=15), None),
        (timedelta(days=14), end),
        (timedelta(hours=1), end),
        (timedelta(0), None),
    ):
        assert policy.warns(CON, end - before) == expected
    assert policy.warns(replace(ANA, ends=CON.ends), end - timedelta(days=1)) is None, "no role of theirs asks for it"
    assert policy.warns(replace(CON, ends=date(9999, 12, 31)), NOON) is None


# ---- exceptions


def test_an_exception_is_due_while_it_holds_and_as_long_as_a_role_lets_it_be_asked_for(policy: Policy) -> None:
    own = exception("pay")
    assert policy.may_request(ANA, NOON) == ("pay",)
    (found,) = [a for a in policy.assignments(ANA, NOON, [own]) if a.entitlement == "pay"]
    assert (found.exception, found.until, found.approval) == (7, own.until, False)
    assert found.reason == ("exception 7: end of the year, approved by sue, until 2026-06-03 13:00 UTC")
    assert ("erp", "account") in {(a.system, a.target) for a in policy.assignments(ANA, NOON, [own])}
    gone = [
        exception("pay", state=ExceptionState.ENDED),
        exception("pay", state=ExceptionState.ASKED),
        exception("pay", state=ExceptionState.REFUSED),
        exception("pay", until=NOON),
        exception("pay", kind=ExceptionKind.SEPARATION),
        exception("unknown"),
    ]
    for each in gone:
        assert "pay" not in given_to(policy, ANA, NOON, each), each
    moved = replace(ANA, department="IT")
    assert "pay" not in given_to(policy, moved, NOON, own), "the ground is gone with the move"
    assert "pay" in given_to(policy, moved, NOON, exception("pay", outside_policy=True))
    assert "admin" in given_to(policy, moved, NOON, exception("admin", break_glass=True))
    (glass,) = [
        a for a in policy.assignments(ANA, NOON, [exception("admin", break_glass=True)]) if a.entitlement == "admin"
    ]
    assert glass.reason.startswith("emergency access 7: ")


def test_what_a_role_gives_is_not_asked_for_and_needs_no_exception(policy: Policy) -> None:
    (found,) = [a for a in policy.assignments(ANA, NOON, [exception("report")]) if a.entitlement == "report"]
    assert (found.role, found.exception) == ("finance", 0)


def test_an_exception_that_stands_is_kept_where_a_requirement_is_not_met(policy: Policy) -> None:
    held = exception("pay", outside_policy=True)
    assert given_to(policy, replace(CON, ends=None), NOON, held) == {"pay"}


def test_an_exception_is_explained(policy: Policy) -> None:
    found = told(policy, ANA, "pay", NOON, exception("pay"))
    assert found.answer is Answer.YES
    assert "exception 7 (active until 2026-06-03 13:00 UTC, approved by sue): end of the year" in lines(found)
    without = told(policy, ANA, "pay")
    assert without.answer is Answer.NO
    assert "no role grants it" in without.text
    assert "it may be asked for, by the role finance; approved by two" in lines(without)
    unfounded = told(policy, replace(ANA, department="IT"), "pay", NOON, exception("pay"))
    assert unfounded.answer is Answer.NO, lines(unfounded)
    assert "no role lets them ask for it any more" in lines(unfounded)


# ---- urgency, movers, identity


def test_urgent_is_three_valued(policy: Policy) -> None:
    def urgent(person: Person, kind: str = "leaver") -> bool | None:
        return policy.is_urgent(kind, person, NOON)

    assert urgent(replace(ANA, attributes={"risk": "high"})) is True
    assert urgent(replace(ANA, attributes={"risk": "low"})) is False
    assert urgent(ANA) is None
    assert urgent(replace(ANA, urgent=True)) is True, "whom the source calls urgent is so anyway"
    assert urgent(replace(ANA, attributes={"risk": "high"}), "joiner") is False


def test_whoever_changes_what_a_rule_asks_for_moves(policy: Policy, make: Callable[..., Policy]) -> None:
    assert {"type", "department", "title", "floor", "device.managed"} <= set(policy.mover_attributes)
    assert not any(name.startswith("now.") for name in policy.mover_attributes)
    by_day = make("when: person.floor > 9", 'when: person.ends > timestamp("2026-06-01T00:00:00Z")')
    assert "ends" in by_day.matched_attributes


RULES = [
    ("timezone: Europe/Berlin", "timezone: Europe/Paris"),
    ("values: [low, high]", "values: [low, mid, high]"),
    ("when: device.managed", "when: '!device.managed'"),
    ('"06:00-20:00"', '"06:00-21:00"'),
    ("days: [fri]", "days: [sat]"),
    ("remote_access: true, ", ""),
    ("max_duration: 8h", "max_duration: 4h"),
    ("break_glass: true, ", ""),
    ("{any: 2,", "{any: 3,"),
    ("from: [group:security]", "from: [group:safety]"),
    ("grants: [mail, vpn]", "grants: [mail]"),
    ("may_request: [pay]", "may_request: []"),
    ("person.department: Finance", "person.department: Money"),
    ("person.floor > 9", "person.floor > 8"),
    ("max_contract: 180d", "max_contract: 90d"),
    ("sponsor: true", "sponsor: false"),
    ("warn_before_end: 14d", "warn_before_end: 7d"),
    ('person.risk == "high"', 'person.risk == "low"'),
    ("target: 15m", "target: 30m"),
    ("fallback_owner: team:security", "fallback_owner: team:it"),
]


@pytest.mark.parametrize(("old", "new"), RULES)
def test_the_hash_changes_with_every_rule(make: Callable[..., Policy], old: str, new: str) -> None:
    before = make().hash
    assert make(old, new).hash != before
    assert make().hash == before


def test_the_hash_is_the_same_when_a_rule_only_moves(make: Callable[..., Policy], tmp_path: Path) -> None:
    before = make().hash
    head, entitlements = TEXT.split("entitlements:\n", 1)
    (tmp_path / "policy.yaml").write_text(f"{head}\n\n# further down\n", encoding="utf-8")
    (tmp_path / "rest.yaml").write_text(f"entitlements:\n{entitlements}", encoding="utf-8")
    assert load(tmp_path, "UTC").hash == before
