"""Warnings of a policy, and documents that the strict reader must refuse at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from jmltui.policy.lint import lint
from jmltui.policy.strict_yaml import MAX_BYTES, StrictYamlError, parse

POLICY = """\
attributes:
  person.team: {type: string}
entitlements:
  - {id: mail, system: directory, target: "group:Mail"}
  - {id: forgotten, system: directry, target: "group:Forgotten"}
  - {id: admin, system: directory, target: "role:Admin", tier: elevated, approval: false}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [mail, admin]}
  - {id: idle, match: {person.type: guest}, grants: []}
"""


def test_what_looks_wrong_is_a_warning_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    report = lint(file, systems=["directory"])
    assert report.policy is not None
    assert [(e.line, e.message) for e in report.errors] == [(5, "Nobody can get the entitlement “forgotten”.")]
    told = {(w.line, w.message): w.hint for w in report.warnings}
    assert told[5, "The settings have no system “directry”."] == "Did you mean “directory”?"
    assert (6, "The entitlement “admin” is elevated, and nobody approves it.") in told
    assert (9, "The role “idle” grants nothing.") in told
    assert (2, "Nothing looks at the attribute “person.team”.") in told
    assert len(told) == 4


def test_errors_leave_no_policy(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace("grants: [mail, admin]", "grants: [mial]"))
    report = lint(file)
    assert report.policy is None
    assert [(e.line, e.hint) for e in report.errors] == [(8, "Did you mean “mail”?")]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (BOMB, 1),
        ("a: 1\nb: &b [*b]\n", 2),
        ("a: !!python/object/apply:os.system [x]\n", 1),
        ("a: 1\nb: 2\na: 3\n", 3),
        ("a: {b: 1}\n<<: {c: 2}\n", 2),
        ("[" * 60 + "]" * 60, 1),
        ("a: 1\n" * (MAX_BYTES // 5 + 1), 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: b\u202ec\n", 1),
        ("a: b\nc: d\u200be\n", 2),
        ("a: [1\nb: 2\n", 2),
        ("a: \x1b[31m\n", 1),
    ],
)
def test_what_is_refused_names_its_line(text: str, line: int) -> None:
    with pytest.raises(StrictYamlError) as caught:
        parse(text, "p.yaml")
    assert caught.value.problems[0].line == line


def test_texts_stay_texts() -> None:
    root = parse("location: NO\non: yes\nhours: 22:30\nroom: 0755\nsure: true\nnone: ~\n", "p.yaml")
    assert root is not None
    assert root.plain() == {
        "location": "NO",
        "on": "yes",
        "hours": "22:30",
        "room": 755,
        "sure": True,
        "none": None,
    }
    assert root.value["room"].raw == "0755"
    assert (root.value["hours"].line, root.value["hours"].column) == (3, 8)


def test_a_review_that_may_ask_nobody_and_a_target_that_never_comes_are_told(tmp_path: Path) -> None:
    (tmp_path / "reviews.yaml").write_text(
        "reviews:\n  - {id: quarterly, every: 90d, scope: all, reviewer: manager}\n"
        "  - {id: fine, every: 90d, scope: all, reviewer: manager, fallback: group:security}\n"
    )
    warnings = [str(w) for w in lint(tmp_path).warnings]
    assert [w for w in warnings if "asks nobody" in w] == [
        f"{tmp_path.name}/reviews.yaml:2:1  Where somebody has no manager, “quarterly” asks nobody. "
        "Add a fallback, for example fallback: team:security."
    ]
    (tmp_path / "procedures.yaml").write_text(
        "working_time: {zone: UTC, days: [mon], hours: '09:00-09:15'}\nprocedures:\n"
        "  - {id: orphan, owner: group:it, target: 200h, steps: [{id: a, do: account.disable}]}\n"
        "  - {id: review, owner: group:it, target: 200d, steps: [{id: a, do: account.disable}]}\n"
    )
    [error] = lint(tmp_path).errors
    assert str(error).endswith(
        "procedures.yaml:3:5  The target 200h of “orphan” is never reached in mon 09:00-09:15 UTC. "
        "Count it in days, or widen the hours."
    )


def test_a_role_gives_nothing_for_good_that_has_to_end_and_a_file_states_something(tmp_path: Path) -> None:
    (tmp_path / "access.yaml").write_text(
        "entitlements:\n"
        "  - {id: root, system: cloud, target: 'role:admin', tier: jit, max_duration: 8h}\n"
        "roles:\n  - {id: staff, match: {person.type: employee}, grants: [root]}\n"
    )
    (tmp_path / "guards.yaml").write_text("")
    (tmp_path / "later.yaml").write_text("# nothing yet\n")
    report = lint(tmp_path)
    assert report.policy is None
    assert [str(error).split(f"{tmp_path.name}/")[1] for error in report.errors] == [
        "access.yaml:4:5  The role “staff” grants “root” for good, which is jit: it has to end by itself. "
        "Write may_request: [root] instead.",
        "guards.yaml  The file states nothing. Take it out, or write what it should state.",
        "later.yaml  The file states nothing. Take it out, or write what it should state.",
    ]
