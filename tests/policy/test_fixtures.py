"""Tests of a policy: read strictly, run exactly, and recorded from people without saying who they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jmltui.domain.exception import AccessException, ExceptionKind, ExceptionState
from jmltui.domain.person import Person, PersonType
from jmltui.errors import PolicyError
from jmltui.policy import load
from jmltui.policy.fixture_reader import read_tests
from jmltui.policy.fixtures import Outcome, outcome, recorded
from tests.policy.texts import AT

HERE = Path(__file__).parent

POLICY = """\
timezone: Europe/Berlin
attributes:
  person.floor: {type: int}
  device.managed: {type: bool}
entitlements:
  - {id: account, system: directory, target: account}
  - {id: mail, system: directory, target: "group:Mail"}
  - {id: vpn, system: vpn, target: "group:Staff", when: device.managed}
  - {id: night, system: vpn, target: "group:Night", window: {days: [mon, tue], hours: "22:00-06:00"}}
  - {id: create, system: erp, target: "role:CREATE", tier: elevated, approval: true}
  - {id: release, system: erp, target: "role:RELEASE", tier: elevated, approval: true}
roles:
  - {id: everybody, match: {person.type: [employee, contractor]}, grants: [mail, vpn]}
  - {id: operators, match: {person.department: Operations}, grants: [night]}
  - {id: finance, match: {person.department: Finance}, may_request: [create, release]}
  - {id: external, match: {person.type: contractor}, require: {ends: true, sponsor: true, max_contract: 180d}}
separation:
  - {id: four-eyes, any_of: [create], with_any_of: [release], severity: warn, reason: nobody pays alone}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Callable[[str], list[Outcome]]:
    """Run some tests that stand beside the policy."""

    def go(tests: str) -> list[Outcome]:
        (folder / "tests").mkdir(exist_ok=True)
        (folder / "tests" / "finance.yaml").write_text(f"tests:\n{tests}")
        policy = load(folder)
        return [outcome(policy, fixture) for fixture in read_tests(policy, folder)]

    return go


def problems(folder: Path, tests: str) -> list[str]:
    (folder / "tests.yaml").write_text(f"tests:\n{tests}")
    with pytest.raises(PolicyError) as told:
        read_tests(load(folder), folder)
    return [str(problem) for problem in told.value.problems]


def test_the_tests_of_the_sample_come_out() -> None:
    for place in (HERE / "sample", HERE / "sample.yaml"):
        policy = load(place)
        outcomes = [outcome(policy, fixture) for fixture in read_tests(policy, place, HERE / "sample" / "tests.yaml")]
        assert len(outcomes) in (2, 4)
        assert [each.differences for each in outcomes] == [()] * len(outcomes)


GIVEN = "given: {person.type: employee, person.department: Finance, device.managed: true}"


@pytest.mark.parametrize(
    "expect",
    [
        "granted: [mail, vpn]",
        "granted: [vpn, mail], may_request: [release, create]",
        "includes: vpn, excludes: [night]",
        "undecided: []",
        "problems: [], conflicts: []",
    ],
)
def test_what_comes_as_expected_passes(run: Callable[[str], list[Outcome]], expect: str) -> None:
    (passed,) = run(f"  - {{name: x, {GIVEN}, expect: {{{expect}}}}}\n")
    assert passed.differences == ()
    assert passed.why == ()


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ("granted: [mail]", "granted has vpn too many: expected mail, came mail, vpn."),
        ("granted: [mail, vpn, night]", "granted lacks night: expected mail, night, vpn, came mail, vpn."),
        ("granted: []", "granted has mail, vpn too many: expected nothing, came mail, vpn."),
        ("includes: [night, mail]", "granted lacks night, and should."),
        ("excludes: [vpn]", "granted has vpn, and should not."),
        ("may_request: [create]", "may_request has release too many: expected create, came create, release."),
        ("problem: sponsor-missing", "problem lacks sponsor-missing: came nothing."),
    ],
)
def test_what_comes_otherwise_is_told_with_the_reason(
    run: Callable[[str], list[Outcome]], expect: str, told: str
) -> None:
    (failed,) = run(f"  - {{name: x, {GIVEN}, expect: {{{expect}}}}}\n")
    assert failed.differences == (told,)
    assert failed.fixture.place.endswith("tests/finance.yaml:2")
    if "problem" not in expect:
        why = "\n".join(line for tree in failed.why for line in tree.lines())
        assert "policy.yaml:" in why
        assert "role" in why


def test_dates_the_clock_and_requirements(run: Callable[[str], list[Outcome]]) -> None:
    outcomes = run(
        "  - name: a contractor with everything\n"
        "    given: {person.type: contractor, starts: 2026-01-01, ends: 2026-06-20, person.sponsor: x,"
        " device.managed: false}\n"
        "    expect: {granted: [mail], problems: []}\n"
        "  - name: a contractor for too long\n"
        "    given: {person.type: contractor, person.starts: 2026-01-01, person.ends: 2026-12-20}\n"
        "    expect: {granted: [], problems: [contract-too-long, sponsor-missing], problem: sponsor-missing}\n"
        "  - name: by night in Berlin\n"
        "    at: 2026-06-01T23:00\n"
        "    given: {person.type: guest, person.department: Operations}\n"
        "    expect: {granted: [night]}\n"
        "  - name: by day, which is when a test takes place\n"
        "    given: {person.type: guest, person.department: Operations}\n"
        "    expect: {granted: []}\n"
        "  - name: by night in Tokyo, which is day in Berlin\n"
        "    at: 2026-06-01T23:00:00+09:00\n"
        "    given: {person.type: guest, person.department: Operations, person.zone: Asia/Tokyo}\n"
        "    expect: {granted: [night]}\n"
        "  - name: nobody knows the device\n"
        "    given: {person.type: employee, person.department: IT}\n"
        "    expect: {granted: [mail], undecided: [vpn]}\n"
    )
    assert [each.differences for each in outcomes] == [()] * 6


def test_exceptions_and_what_they_break(run: Callable[[str], list[Outcome]]) -> None:
    finance = "given: {person.type: guest, person.department: Finance}"
    outcomes = run(
        f"  - {{name: asked for, {finance}, exceptions: [create], expect: {{granted: [create], conflicts: []}}}}\n"
        f"  - {{name: both, {finance}, exceptions: [create, {{entitlement: release, until: 2026-06-01}}],"
        " expect: {granted: [create, release], conflicts: [four-eyes]}}\n"
        f"  - {{name: over, {finance}, exceptions: [{{entitlement: release, until: 2026-05-31}}],"
        " expect: {granted: []}}\n"
        "  - {name: no role lets them ask, given: {person.type: guest, person.department: IT}, exceptions: [create],"
        " expect: {granted: []}}\n"
        "  - {name: agreed all the same, given: {person.type: guest},"
        " exceptions: [{entitlement: create, outside_policy: true}], expect: {granted: [create]}}\n"
    )
    assert [each.differences for each in outcomes] == [()] * 5


def test_every_mistake_is_told_at_once_with_the_nearest_word(folder: Path) -> None:
    told = problems(
        folder,
        "  - {nmae: x, given: {person.departmnt: Finance}, expect: {granted: [mial]}}\n"
        "  - {name: y, given: {person.type: emploee, now.hour: 3}, expect: {problem: sponsor-mising}}\n"
        "  - {name: z, given: {person.floor: high, ends: tomorrow}, expect: {grnated: []}, at: noon}\n"
        "  - {name: w, given: {device.managed: perhaps, person.zone: Mars}, expect: {}}\n"
        "  - {name: v, expect: {conflicts: [four-eye]}, exceptions: [{entitlement: creat, untl: x}]}\n",
    )
    text = "\n".join(told)
    for part in (
        "tests.yaml:2:6  “nmae” is not known in a test. Did you mean “name”?",
        "A test lacks “name”.",
        "“person.departmnt” is not known. Did you mean “person.department”?",
        "There is no entitlement “mial”. Did you mean “mail”?",
        "“emploee” is no value of person.type. Did you mean “employee”?",
        "“now.hour” is not given, it follows from “at”.",
        "There is no problem “sponsor-mising”. Did you mean “sponsor-missing”?",
        "“high” is no int, which person.floor is.",
        "“tomorrow” is no timestamp, which person.ends is.",
        "“grnated” is not known in expect. Did you mean “granted”?",
        "“noon” is no instant",
        "“perhaps” is no bool, which device.managed is.",
        "“Mars” is no time zone.",
        "A test expects nothing.",
        "A test lacks “given”.",
        "There is no separation rule “four-eye”. Did you mean “four-eyes”?",
        "There is no entitlement “creat”. Did you mean “create”?",
        "“untl” is not known in an exception. Did you mean “until”?",
    ):
        assert part in text, part
    assert all(":" in line.split("  ")[0] for line in told)


def test_a_list_that_is_none_and_yaml_that_is_none(folder: Path) -> None:
    assert (
        "“exceptions” must be a list" in problems(folder, "  - {name: x, given: {}, exceptions: mail, expect: {}}\n")[0]
    )
    (folder / "tests.yaml").write_text("tests:\n  - &a {name: x}\n")
    with pytest.raises(PolicyError, match="Anchors"):
        load(folder)


def test_tests_of_another_place_are_read_too(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("more") / "more.yaml"
    file.write_text("tests:\n  - {name: elsewhere, given: {person.type: guest}, expect: {granted: []}}\n")
    assert [fixture.name for fixture in read_tests(load(folder), folder, file)] == ["elsewhere"]


SECRET = Person(
    key="E4711",
    name="Ana Adler",
    email="ana.adler@example.test",
    type=PersonType.CONTRACTOR,
    department="Finance",
    location="DE",
    title="Analyst",
    manager="E0001",
    sponsor="E0815",
    starts=date(2026, 2, 1),
    ends=date(2026, 7, 1),
    attributes={"device.managed": "true", "floor": "3", "salary": "50000"},
)


def rerun(folder: Path, lines: list[str]) -> Outcome:
    policy = load(folder)
    file = folder.parent / f"{folder.name}-recorded.yaml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (fixture,) = read_tests(policy, file)
    return outcome(policy, fixture)


def test_what_is_recorded_comes_out_and_says_nothing_of_who_it_is(folder: Path) -> None:
    held = AccessException(
        id=3, kind=ExceptionKind.ACCESS, person_id=1, subject="create", reason="Ana helps out", requested_by="ben",
        approved_by="cem", state=ExceptionState.ACTIVE, asked_at=AT, until=AT + timedelta(hours=3),
    )  # fmt: skip
    lines = recorded(load(folder), SECRET, AT, [held])
    text = "\n".join(lines)
    for private in ("4711", "Ana", "Adler", "E0001", "0815", "50000", "floor", "DE,", "Analyst", "ben", "cem", "helps"):
        assert private not in text, private
    assert "person.sponsor: somebody" in text
    assert "granted: [create, mail, vpn]" in text
    assert "may_request: [create, release]" in text
    assert rerun(folder, lines).differences == ()


def test_what_the_policy_asks_for_that_says_who_it_is_is_left_out_and_told(folder: Path) -> None:
    (folder / "policy.yaml").write_text(
        POLICY.replace("match: {person.department: Finance}", "match: {person.key: E4711}")
    )
    text = "\n".join(recorded(load(folder), SECRET, AT))
    assert "# the policy asks for person.key" in text
    assert "4711" not in text


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=0, max_size=8)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        Person,
        key=words,
        name=words,
        type=st.sampled_from(PersonType),
        department=st.sampled_from(["", "Finance", "Operations", "Other"]) | words,
        sponsor=words,
        zone=st.sampled_from(["", "Asia/Tokyo", "America/New_York"]),
        starts=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
        ends=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
        attributes=st.fixed_dictionaries({}, optional={"device.managed": st.sampled_from(["true", "no", "?"])}),
    ),
    st.integers(0, 500_000).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
)
def test_whoever_is_recorded_the_test_comes_out(folder: Path, person: Person, at: datetime) -> None:
    assert rerun(folder, recorded(load(folder), person, at)).differences == ()
