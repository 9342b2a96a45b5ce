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
