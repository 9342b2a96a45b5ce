"""Every refusal of the policy language: one sentence, at the place, with the nearest word; all of a folder at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from jmltui.domain.case import CaseKind
from jmltui.domain.procedure import Do
from jmltui.errors import PolicyError, Problem
from jmltui.policy.attributes import declared
from jmltui.policy.expression import ValueType
from jmltui.policy.lint import lint
from jmltui.policy.reader import read, read_folder
from jmltui.policy.steps import SELECTIONS, TEXTS, TITLES

HERE = Path(__file__).parent
SAMPLE = (HERE / "sample.yaml").read_text(encoding="utf-8")

BASE = """\
entitlements:
  - {id: mail, system: directory, target: "group:Mail"}
  - {id: pay, system: erp, target: "role:PAY", tier: elevated, approval: four-eyes}
  - {id: release, system: erp, target: "role:RELEASE", tier: elevated}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [mail], may_request: [pay, release]}
approvals:
  - {id: four-eyes, steps: [{from: [manager]}]}
"""


def refused_at_mark(folder: Path, text: str) -> str:
    """The one problem of a folder, which must stand at the mark « of this file."""
    before = text[: text.index("«")]
    (folder / "policy.yaml").write_text(text.replace("«", ""), encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        read_folder(folder)
    [problem] = caught.value.problems
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    place = (problem.file, problem.line, problem.column)
    assert place == (f"{folder.name}/policy.yaml", line, column), str(problem)
    assert problem.message.endswith("."), problem.message
    return f"{problem.message} {problem.hint}"


ROLE = "roles:\n  - {id: x, match: {person.type: guest}, grants: [], "
STEP = "procedures:\n  - id: leaver\n    steps:\n      - {id: a, do: account.disable, "
MANY = {
    # attributes
    "attributes:\n  person.floor: {type: «strng}": "Did you mean “string”?",
    "attributes:\n  «floor: {type: string}": "Write person.floor.",
    "attributes:\n  «person.a.b: {type: string}": "no name of an attribute",
    "attributes:\n  person.starts: {type: «string}": "is a timestamp for every person",
    "attributes:\n  person.type: {values: [employee, «contractr]}": "Did you mean “contractor”?",
    "attributes:\n  «now.minute: {type: int}": "only now.hour and now.weekday",
    "attributes:\n  device.ram: {type: int, values: [8, «lots]}": "“lots” is no int.",
    "attributes:\n  person.since: {type: timestamp, values: «[x]}": "no list of values",
    "attributes:\n  person.floor: {«tpye: string}": "Did you mean “type”?",
    # matches and conditions
    "roles:\n  - {id: x, match: {«person.departmnt: X}, grants: []}": "Did you mean “person.department”?",
    "roles:\n  - {id: x, match: {«department: X}, grants: []}": "Write person.department.",
    "roles:\n  - {id: x, match: {«device.managed: true}, grants: []}": "device.managed: {type: string}",
    "roles:\n  - {id: x, match: {«now.hour: 8}, grants: []}": "when: now.hour == …",
    "roles:\n  - {id: x, match: {person.type: «emplyee}, grants: []}": "Did you mean “employee”?",
    "roles:\n  - {id: x, match: {person.urgent: «yes}, grants: []}": "“yes” is no value of person.urgent.",
    "roles:\n  - {id: x, match: «{}, grants: []}": "does not say whom it matches",
    "roles:\n  - «{id: x, match: {person.type: guest}}": "lacks “grants”",
    ROLE + "when: «person.departmnt == 'X'}": "Did you mean “person.department”?",
    ROLE + "when: 'person.title == ''X'' && «person.lcation == ''Y'''}": "Did you mean “person.location”?",
    ROLE + 'when: "person.title == \\"X\\" && «person.lcation == \\"Y\\""}': "Did you mean “person.location”?",
    'roles:\n  - id: x\n    grants: [mail]\n    when: person.type == «"emplyee"': "“employee”",
    "roles:\n  - id: x\n    grants: [mail]\n    when: «|\n      person.lcation == 'X'": "“person.location”",
    "roles:\n  - id: x\n    grants: [mail]\n    when: «''": "“when” is empty.",
    # roles
    "roles:\n  - {id: x, match: {person.type: guest}, grants: [«mial]}": "Did you mean “mail”?",
    ROLE + "may_request: [«pya]}": "Did you mean “pay”?",
    ROLE + "require: {ends: «false, max_contract: 90d}}": "needs a last day",
    ROLE + "require: {«sponsr: true}}": "Did you mean “sponsor”?",
    ROLE + "warn_before_end: «soon}": "is not a duration",
    "roles:\n  - {id: «everybody, match: {person.type: guest}, grants: []}": "/base.yaml:6",
    # entitlements
    "entitlements:\n  - «{id: x, system: s, target: account, tier: jit}": "lacks “max_duration”",
    "entitlements:\n  - {id: x, system: s, target: account, tier: jit, max_duration: «0h}": "longer than nothing",
    "entitlements:\n  - {id: x, system: s, target: account, approval: «for-eyes}": "Did you mean “four-eyes”?",
    "entitlements:\n  - {id: x, system: s, target: «Staff}": "is no target",
    "entitlements:\n  - {id: x, system: s, target: «grp:Staff}": "Did you mean “group”?",
    "entitlements:\n  - {id: x, system: erp, target: «role:PAY}": "The target “role:PAY on erp” is defined twice",
    "entitlements:\n  - {id: x, system: s, target: account, window: {days: [«mno], hours: '06:00-20:00'}}": "“mon”",
    "entitlements:\n  - {id: x, system: s, target: account, window: {days: mon, hours: «all day}}": "06:00-20:00",
    "entitlements:\n  - {id: x, system: s, target: account, window: «{days: mon}}": "A window lacks “hours”.",
    "entitlements:\n  - {id: x, system: s, target: account, licence: {sku: e3, monthly_cost: «7 EUR}}": "like 7.50",
    "entitlements:\n  - {id: x, system: s, target: account, when: «person.tpye == 'guest'}": "“person.type”",
    # separation
    "separation:\n  - {id: x, any_of: [«pya], with_any_of: [release], reason: r}": "Did you mean “pay”?",
    "separation:\n  - {id: x, any_of: [pay], with_any_of: «[], reason: r}": "“with_any_of” lists nothing.",
    "separation:\n  - «{id: x, any_of: [pay], with_any_of: [release]}": "lacks “reason”",
    "separation:\n  - «{id: x, any_of: [pay], with_any_of: [pay], reason: r}": "against itself",
    "separation:\n  - {id: x, any_of: [pay], with_any_of: [release], reason: r, severity: «wran}": "“warn”",
    # approvals, teams, owners of systems
    "approvals:\n  - {id: x, steps: [{from: [«mangaer]}]}": "Did you mean “manager”?",
    "approvals:\n  - {id: x, steps: [{from: [«taem:a]}]}": "Did you mean “team”?",
    "approvals:\n  - {id: x, stages: [{from: «[]}]}": "“from” lists nothing.",
    "approvals:\n  - «{id: x}": "says nobody who has to agree",
    "approvals:\n  - {id: x, steps: [{from: [manager]}], «stages: [{from: [manager]}]}": "write one of them",
    "approvals:\n  - {id: x, steps: [{from: [manager]}], not: «[requester]}": "lacks subject",
    "approvals:\n  - {id: x, steps: [{from: [manager]}], not: [requester, subject, «owner]}": "none of requester",
    "approvals:\n  - {id: x, steps: [{from: [manager], «fallback_after: 1h}]}": "no “fallback” says who",
    "approvals:\n  - {id: x, steps: [{from: [manager], any: «0}]}": "between 1 and 20",
    "teams:\n  leads: [ana]\napprovals:\n  - {id: x, steps: [{from: [«team:laeds]}]}": "Did you mean “leads”?",
    "teams:\n  leads: [«user:ana]": "logins alone",
    "teams:\n  leads: «ana": "must be a list of logins",
    "system_owners:\n  erp: «manager": "Write team:manager, or group: or user: and a name.",
    # procedures
    "procedures:\n  - {id: «joinr, steps: [{id: a, do: account.create}]}": "Did you mean “joiner”?",
    "procedures:\n  - {id: joiner, steps: «[]}": "at least one step",
    "procedures:\n  - {id: joiner, steps: [{id: a, do: «account.craete}]}": "Did you mean “account.create”?",
    "procedures:\n  - {id: joiner, steps: [«{id: a, do: manual}]}": "A manual step lacks “text”",
    STEP + "on: «birthrigth}": "Did you mean “birthright”?",
    STEP + "on: «direcory}": "Did you mean “directory”?",
    STEP + "on: «entitlement:mial}": "Did you mean “mail”?",
    STEP + "needs: [«b]}": "has no step “b”",
    STEP + "needs: [«a]}": "a → a",
    STEP + "verify: «no_active_session}": "Did you mean “no_active_sessions”?",
    STEP + "approval: «for-eyes}": "Did you mean “four-eyes”?",
    STEP + "owner: «mangaer}": "Did you mean “manager”?",
    "procedures:\n  - {id: leaver, steps: [{id: a, do: approval.collect, approval: «false}]}": "cannot do without one",
    "procedures:\n  - {id: joiner, trigger: {event: «leaver}, steps: [{id: a, do: account.create}]}": "event: joiner.",
    "procedures:\n  - {id: joiner, trigger: {event: joiner, when: «tomorrow}, steps: [{id: a, do: account.create}]}": (
        "3d before person.starts"
    ),
    "procedures:\n  - {id: joiner, trigger: {event: joiner, when: «1d after person.strats}, "
    "steps: [{id: a, do: account.create}]}": "Did you mean “person.starts”?",
    "attributes:\n  person.floor: {type: string}\nprocedures:\n"
    "  - {id: joiner, trigger: {event: joiner, when: «1d after person.floor}, "
    "steps: [{id: a, do: account.create}]}": "needs a timestamp",
    "procedures:\n  - {id: leaver, urgent: {if: «person.rsik, target: 1h}, steps: [{id: a, do: account.create}]}": (
        "person.rsik"
    ),
    "procedures:\n  - {id: leaver, «overlap: {max: 1d}, steps: [{id: a, do: account.create}]}": "Only a mover",
    "procedures:\n  - {id: mover, overlap: {max: 1d, approval: «nobody}, steps: [{id: a, do: account.create}]}": (
        "no approval path “nobody”"
    ),
    # working time and zones
    "timezone: «Europe/Berlln": "Did you mean “Europe/Berlin”?",
    "working_time: «{days: [mon], hours: '08:00-16:00'}": "in which zone",
    "working_time: {zone: «Mars, days: [mon], hours: '08:00-16:00'}": "no time zone",
    "working_time: {zone: UTC, days: [mon], hours: '08:00-16:00', holidays: [«1.5.2026]}": "is not a date",
    # emergencies, reviews, rehearsals, the rest
    "break_glass: «{max_duration: 1h}": "lacks “who”",
    "break_glass: «{who: [group:a]}": "lacks “max_duration”",
    "break_glass: {who: [«manager], max_duration: 1h}": "names no person, team or group",
    "break_glass: {who: [group:a], max_duration: 1h, reason: «optional}": "can only be required",
    "reviews:\n  - {id: x, every: 90d, reviewer: manager, scope: «everything}": "is no scope of a review",
    "reviews:\n  - {id: x, every: 90d, reviewer: manager, scope: «role:everbody}": "Did you mean “everybody”?",
    "reviews:\n  - {id: x, every: 90d, reviewer: manager, scope: «type:gast}": "no type of person “gast”",
    "reviews:\n  - {id: x, every: 90d, reviewer: manager, scope: «unused:long}": "is not a duration",
    "reviews:\n  - {id: x, every: 90d, reviewer: manager, on_no_answer: «revok}": "Did you mean “revoke”?",
    "reviews:\n  - «{id: x, every: 90d}": "lacks “reviewer”",
    "reviews:\n  - «{id: x, reviewer: manager}": "lacks “every”",
    "runbook_tests:\n  - {procedure: «leavr, every: 90d, with: x, owner: manager}": "Did you mean “leaver”?",
    "guards:\n  feed: {«absent_means: leaver}": "decided per source",
    "tests: «{a: 1}": "“tests” must be a list",
    "mover:\n  attributes: [«now.hour]": "no change of it is a move",
    "«seperation: []": "Did you mean “separation”?",
}


@pytest.mark.parametrize("text", MANY)
def test_a_mistake_is_told_at_its_place_with_what_helps(tmp_path: Path, text: str) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    assert MANY[text] in refused_at_mark(tmp_path, f"{text}\n")


def test_a_role_that_breaks_a_rule_alone_is_refused(tmp_path: Path) -> None:
    rule = "separation:\n  - {id: pays, any_of: [pay], with_any_of: [release], reason: nobody pays alone}\n"
    text = BASE.replace("- {id: everybody", "- «{id: everybody").replace("grants: [mail]", "grants: [pay, release]")
    told = refused_at_mark(tmp_path, text + rule)
    assert "The role “everybody” grants “pay” together with “release”" in told
    assert "nobody pays alone" in told
    file = tmp_path / "policy.yaml"
    file.write_text(text.replace("«", "") + rule.replace("reason", "severity: warn, reason"))
    report = lint(file)
    assert report.policy is not None
    assert [w.line for w in report.warnings if "“pay” together with “release”" in w.message] == [6]


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BASE.replace("[mail]", "[mial]").replace("four-eyes}", "for-eyes}"))
    (tmp_path / "b.yaml").write_text("roles:\n  - {id: b, when: person.x == 1 && person.y == 2, grants: [mail]}\n")
    (tmp_path / "c.yaml").write_text("roles:\n  - {id: b, match: {person.type: guest}, grants: [pya]}\n")
    with pytest.raises(PolicyError) as caught:
        read_folder(tmp_path)
    places = {(Path(p.file).name, p.line) for p in caught.value.problems}
    assert places == {("a.yaml", 3), ("a.yaml", 6), ("b.yaml", 2), ("c.yaml", 2)}


def test_names_are_not_doubted_when_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("entitlements: [\n")
    (tmp_path / "b.yaml").write_text("roles:\n  - {id: b, when: device.managed, grants: [mail]}\n")
    with pytest.raises(PolicyError) as caught:
        read_folder(tmp_path)
    assert {Path(p.file).name for p in caught.value.problems} == {"a.yaml"}


def test_what_can_never_work_is_an_error_of_a_policy_that_loads(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "entitlements:\n"
        "  - {id: a, system: s, target: group:A}\n"
        "  - {id: b, system: s, target: group:B, tier: elevated, approval: owners}\n"
        "  - {id: c, system: s, target: group:C, tier: jit, max_duration: 1h, break_glass: true}\n"
        "roles:\n"
        "  - {id: r, match: {person.type: employee}, may_request: [b]}\n"
        "teams:\n"
        "  lonely: [ana]\n"
        "  empty: []\n"
        "  system: {members: [ana], group: admins}\n"
        "approvals:\n"
        "  - {id: owners, steps: [{from: [system-owner]}]}\n"
        "  - {id: two, steps: [{any: 2, from: [team:lonely]}]}\n"
        "  - {id: none, steps: [{from: [team:empty]}]}\n"
        "  - {id: twice, steps: [{from: [manager]}, {from: [manager]}]}\n"
        "  - {id: good, steps: [{any: 2, from: [team:lonely], fallback: [team:system]}, {from: [user:bo]}]}\n"
    )
    report = lint(file)
    assert report.policy is not None
    told = {e.line: e.message for e in report.errors}
    assert told == {
        2: "Nobody can get the entitlement “a”.",
        3: "Nobody can approve “b”: Stage 1 of the approval path “owners” needs somebody, "
        "and nobody can ever agree there.",
        4: "“c” may be taken in an emergency, and no break_glass section says by whom.",
        9: "The team “empty” has no member and no group.",
        13: "Stage 1 of the approval path “two” needs 2 different people, and only one can ever agree there.",
        14: "Stage 1 of the approval path “none” needs somebody, and nobody can ever agree there.",
        15: "Stages 1 and 2 together of the approval path “twice” need 2 different people, "
        "and only one can ever agree there.",
    }


def test_what_looks_wrong_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "attributes: {person.floor: {type: string}}\n"
        "entitlements:\n"
        "  - {id: a, system: s, target: group:A}\n"
        "  - {id: b, system: s, target: group:B, tier: elevated}\n"
        "roles:\n"
        "  - {id: r, match: {person.type: employee}, grants: [b], may_request: [a, b]}\n"
        "teams: {helpdesk: [ana], idle: [bo]}\n"
        "approvals:\n"
        "  - {id: p, steps: [{from: [manager], fallback: [group:g], fallback_after: 3d}], expires_after: 2d}\n"
        "break_glass: {who: [group:security], max_duration: 2h}\n"
        "system_owners: {sap: group:erp}\n"
    )
    report = lint(file, systems=["s"])
    assert not report.errors
    told = sorted((w.line, w.message) for w in report.warnings)
    assert told == [
        (1, "Nothing looks at the attribute “person.floor”."),
        (6, "The role “r” grants “b”, so nobody has to ask for it."),
        (6, "The role “r” lets people ask for “a”, which is birthright."),
        (7, "Nothing names the team “idle”."),
        *[
            (
                7,
                f"“team:{team}” owns work of the built-in procedures ({kinds}), and “teams” does not state it.",
            )
            for team, kinds in (
                ("endpoint", "leaver"),
                ("it-operations", "joiner, leaver, mover, rehire"),
                ("security", "exception, expiry, leaver, orphan, review"),
            )
        ],
        (9, "Nothing goes by the approval path “p”."),
        (9, "The fallback of stage 1 of “p” comes when the request has expired already."),
        (10, "No entitlement may be taken in an emergency."),
        (11, "There is no system “sap”."),
    ]


def test_working_time_is_of_the_folder_unless_a_procedure_has_its_own(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    steps = "steps: [{id: a, do: account.create}]"
    file.write_text(
        "timezone: Europe/Berlin\n"
        "working_time: {days: [mon, fri], hours: '08:00-16:00', holidays: [2026-05-01]}\n"
        f"procedures:\n  - {{id: joiner, {steps}}}\n"
        f"  - {{id: mover, working_time: none, {steps}}}\n"
        f"  - {{id: review, working_time: {{zone: Asia/Tokyo, days: sun, hours: '09:00-10:00'}}, {steps}}}\n"
    )
    procedures = read_folder(file).procedures
    told = {kind: p.working_time.told() if p.working_time else "" for kind, p in procedures.items()}
    assert told["joiner"] == told["rehire"] == told["exception"] == "mon, fri 08:00-16:00 Europe/Berlin"
    assert told["mover"] == told["leaver"] == ""
    assert told["review"] == "sun 09:00-10:00 Asia/Tokyo"


def test_a_name_that_is_a_system_and_an_entitlement_has_to_be_told_apart(tmp_path: Path) -> None:
    text = BASE.replace("id: release", "id: erp").replace("release]", "erp]")
    step = "procedures:\n  - {id: leaver, steps: [{id: a, do: account.disable, on: %s}]}\n"
    assert "system:erp or entitlement:erp" in refused_at_mark(tmp_path, text + step % "«erp")
    (tmp_path / "policy.yaml").write_text(text + step % "entitlement:erp")
    assert read_folder(tmp_path).procedures["leaver"].steps[0].on == "entitlement:erp"


@pytest.mark.parametrize("on", [*SELECTIONS, "system:elsewhere", "tagged:remote_access"])
def test_everything_a_step_can_be_about(tmp_path: Path, on: str) -> None:
    (tmp_path / "p.yaml").write_text(
        f"procedures:\n  - {{id: leaver, steps: [{{id: a, do: account.disable, on: {on}}}]}}\n"
    )
    assert read_folder(tmp_path).procedures["leaver"].steps[0].on == on.removeprefix("tagged:")


def test_every_case_kind_has_a_built_in_procedure_and_every_do_a_title(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("roles: []\n")
    definitions = read_folder(tmp_path)
    assert set(definitions.procedures) == definitions.built_in == set(CaseKind)
    assert set(TITLES) == set(Do)
    assert {do for do in Do if do.is_manual} <= {*TEXTS, Do.MANUAL}
    leaver = {step.id: step for step in definitions.procedures["leaver"].steps}
    assert (leaver["reassign"].do, leaver["reassign"].on) == (Do.OWNED_REASSIGN, "owned:all")
    assert (leaver["rotate"].do, leaver["rotate"].on) == (Do.OWNED_ROTATE, "owned:service")
    assert {"reassign", "rotate"} <= set(leaver["evidence"].needs)
    exception = {step.id: step for step in definitions.procedures["exception"].steps}
    assert exception["approve"].approval
    assert "approve" in exception["grant"].needs
    assert exception["grant"].on == "requested"


def test_names_of_expressions_have_their_types(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("attributes:\n  device.tags: {type: list, nullable: true}\n  person.floor: {}\n")
    names = declared(read_folder(tmp_path).attributes)
    assert names["person.ends"].type is ValueType.TIMESTAMP
    assert names["person.ends"].nullable
    assert names["person.urgent"].type is ValueType.BOOL
    assert "contractor" in names["person.type"].values
    assert names["now.hour"].type is ValueType.INT
    assert "mon" in names["now.weekday"].values
    assert (names["device.tags"].type, names["device.tags"].nullable) == (ValueType.LIST, True)
    assert names["person.floor"].type is ValueType.STRING


LINES = SAMPLE.splitlines()
JUNK = st.sampled_from(
    [
        "",
        "x",
        "[]",
        "{}",
        "null",
        "true",
        "0",
        "'",
        "[a, b]",
        "{a: b}",
        "team:",
        ":",
        "- x",
        "«",
        "user:a b",
        "99999999",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), JUNK), min_size=1, max_size=4), st.booleans())
def test_whatever_stands_there_the_reader_answers(tmp_path: Path, changes: list[tuple[int, str]], whole: bool) -> None:
    lines = list(LINES)
    for at, junk in changes:
        head, separator, _ = lines[at].partition(": ")
        lines[at] = junk if whole else f"{head}{separator}{junk}"
    file = tmp_path / "policy.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    found: tuple[Problem, ...] = ()
    try:
        assert set(read(file).definitions.procedures) == set(CaseKind)
    except PolicyError as error:
        found = error.problems
        event("refused")
    assert all(problem.line and problem.column and problem.message.endswith(".") for problem in found)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("ab '\"\\äé", max_size=12), st.sampled_from(["'", '"', ""]), st.integers(0, 9))
def test_the_column_of_a_mistake_is_that_of_the_character(tmp_path: Path, text: str, quote: str, indent: int) -> None:
    literal = text.replace("\\", "\\\\").replace('"', '\\"')
    expression = f'person.title == "{literal}" && person.lcation == "X"'
    written = expression.replace("'", "''") if quote == "'" else expression
    if quote == '"':
        written = expression.replace("\\", "\\\\").replace('"', '\\"')
    line = f"    when: {' ' * indent}{quote}{written}{quote}"
    file = tmp_path / "policy.yaml"
    file.write_text(f"roles:\n  - id: x\n    grants: []\n{line}\n", encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        read(file)
    [problem] = caught.value.problems
    assert (problem.line, problem.column) == (4, line.index("person.lcation") + 1)


def test_a_policy_of_two_thousand_roles_is_good(tmp_path: Path) -> None:
    entitlements = "".join(f"  - {{id: e{n}, system: s{n % 20}, target: 'group:G{n}'}}\n" for n in range(2000))
    roles = "".join(
        f"  - id: r{n}\n    match: {{person.department: D{n % 300}, person.type: [employee, contractor]}}\n"
        f'    when: person.title == "T{n}" && !(person.location in ["DE", "FR"])\n'
        f"    grants: [e{n}, e{n * 7 % 2000}, e{n * 11 % 2000}]\n"
        for n in range(2000)
    )
    file = tmp_path / "policy.yaml"
    file.write_text(f"entitlements:\n{entitlements}roles:\n{roles}", encoding="utf-8")

    assert not lint(file).errors
