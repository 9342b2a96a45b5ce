"""The JSON Schema of policy files: what the reader accepts is valid, typical mistakes are not, no key is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from jmltui.errors import PolicyError
from jmltui.policy import load, reader
from jmltui.policy.fields import Fields
from jmltui.policy.fixture_reader import read_tests
from jmltui.policy.language import LANGUAGE
from jmltui.policy.schema import DIALECT, json_schema
from jmltui.policy.strict_yaml import parse

HERE = Path(__file__).parent
SAMPLE = (HERE / "sample.yaml").read_text(encoding="utf-8")

MORE = """\
attributes:
  person.floor: {type: int, nullable: true, values: [1, 2]}
  person.team: {}
teams:
  helpdesk: [ana, ben]
  security: {members: [cem], group: wheel}
system_owners: {erp: team:helpdesk}
mover: {attributes: [person.team]}
working_time: {zone: Europe/Berlin, days: [mon, tue], hours: "09:00-17:00", holidays: ["2026-12-25"]}
entitlements:
  - {id: account, system: directory, target: account, approval: false, privileged: true}
  - {id: wiki, system: wiki, target: "group:Wiki", licence: {sku: wiki}, max_duration: 30d}
roles:
  - {id: floor, match: {person.floor: 1, person.team: [a, b], person.urgent: true}, grants: wiki}
  - {id: all, when: "person.floor == 1", grants: [account], require: {ends: true, sponsor: true, max_contract: 90d}}
approvals:
  - id: two
    stages: [{any: 2, from: [user:ana, group:wheel], fallback: [system-owner], fallback_after: 2h}]
    not: [requester, subject]
procedures:
  - id: expiry
    title: Something ends
    owner: owner
    working_time: none
    steps: [{id: look, do: manual, text: Look, title: Look, verify: no_active_sessions, on: "system:wiki", target: 1d}]
  - {id: orphan, working_time: {zone: UTC, days: [sun], hours: "10:00-11:00"}, steps: [{id: a, do: access.verify}]}
  - {id: leaver, urgent: {if: "person.floor == 1", target: 15m}, steps: [{id: a, do: account.disable}]}
  - {id: joiner, trigger: {event: joiner, when: 3d before person.starts}, steps: [{id: a, do: account.create}]}
  - {id: mover, overlap: {max: 9d, approval: two}, steps: [{id: a, do: entitlements.apply}]}
reviews:
  - {id: idle, every: 30d, reviewer: manager, answer_within: 7d}
break_glass: {who: [team:helpdesk], max_duration: 1h}
guards: {feed: {max_age: none}}
tests:
  - name: a test
    at: 2026-06-01T10:00
    given: {person.floor: 1}
    exceptions: [account, {entitlement: wiki, until: 2026-07-01, outside_policy: true}]
    expect: {includes: wiki, excludes: [], granted: [wiki, account], may_request: [], undecided: [], problem: [],
             problems: [], conflicts: []}
"""


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


def errors(validator: jsonschema.Draft202012Validator, text: str) -> list[str]:
    """Where a file is invalid."""
    root = parse(text, "p.yaml")
    assert root is not None
    return [error.json_path for error in validator.iter_errors(root.plain())]


def policies() -> Iterable[Path]:
    yield HERE / "sample.yaml"
    yield from (HERE / "sample").rglob("*.yaml")
    yield Path(reader.__file__).with_name(reader.DEFAULT_PROCEDURES)


def test_it_is_a_schema_of_its_dialect() -> None:
    schema = json_schema()
    assert schema["$schema"] == DIALECT
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("file", policies(), ids=lambda file: file.name)
def test_what_the_reader_accepts_is_valid(validator: jsonschema.Draft202012Validator, file: Path) -> None:
    assert errors(validator, file.read_text(encoding="utf-8")) == []


def test_everything_at_once_is_accepted_by_both(validator: jsonschema.Draft202012Validator, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(MORE)
    policy = load(tmp_path)
    assert read_tests(policy, tmp_path)
    assert errors(validator, MORE) == []


MISTAKES = [
    ("version: 2\n", "$.version"),
    ("rolls: []\n", "$"),
    ("entitlements: {id: mail}\n", "$.entitlements"),
    ("entitlements:\n  - {id: mail, system: d, target: account, teir: jit}\n", "$.entitlements[0]"),
    ("entitlements:\n  - {id: mail, system: d, target: account, tier: jti}\n", "$.entitlements[0].tier"),
    ("entitlements:\n  - {id: mail, system: d, target: 'grup:X'}\n", "$.entitlements[0].target"),
    ("entitlements:\n  - {id: mail, target: account}\n", "$.entitlements[0]"),
    ("entitlements:\n  - {id: 'm l', system: d, target: account}\n", "$.entitlements[0].id"),
    ("entitlements:\n  - {id: m, system: d, target: account, max_duration: 8 hours}\n",
     "$.entitlements[0].max_duration"),
    ("entitlements:\n  - {id: m, system: d, target: account, window: {days: [mo], hours: 6-20}}\n",
     "$.entitlements[0].window.days"),
    ("roles:\n  - {id: x, grants: [a]}\n", "$.roles[0]"),
    ("roles:\n  - {id: x, match: {person.type: emploee}, grants: [a]}\n", "$.roles[0].match['person.type']"),
    ("roles:\n  - {id: x, match: {person.type: guest}, grants: {a: b}}\n", "$.roles[0].grants"),
    ("attributes: {person.floor: {type: strng}}\n", "$.attributes['person.floor'].type"),
    ("separation:\n  - {id: x, any_of: [a], severity: block, reason: r}\n", "$.separation[0]"),
    ("approvals:\n  - {id: x, steps: [{from: [managr]}]}\n", "$.approvals[0].steps[0].from"),
    ("procedures:\n  - {id: levaer, steps: []}\n", "$.procedures[0].id"),
    ("procedures:\n  - {id: leaver, steps: [{id: a, do: account.disabl}]}\n", "$.procedures[0].steps[0].do"),
    ("guards: {leavers: {percent: 105}}\n", "$.guards.leavers.percent"),
    ("guards: {protected: {never_self: false}}\n", "$.guards.protected.never_self"),
    ("reviews:\n  - {id: x, every: 9d, reviewer: manager, scope: sytem:x}\n", "$.reviews[0].scope"),
    ("break_glass: {who: [ana], max_duration: 1h}\n", "$.break_glass.who"),
    ("tests:\n  - {name: x, given: {}, expect: {grants: []}}\n", "$.tests[0].expect"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path"), MISTAKES)
def test_typical_mistakes_are_invalid_for_both(
    validator: jsonschema.Draft202012Validator, tmp_path: Path, text: str, path: str
) -> None:
    found = errors(validator, text)
    assert any(place.startswith(path) for place in found), found
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(PolicyError):
        read_tests(load(tmp_path), tmp_path)


NAMES = {"leavers": "a threshold", "removals": "a threshold"}
"""What the reader calls some mappings by their key and the description by what they are."""


def named(what: str) -> str:
    """The name by which the description knows what the reader calls a mapping."""
    for prefix in ("the attribute", "the team"):
        if what.startswith(prefix):
            return prefix
    return NAMES.get(what, what)


def test_the_keys_are_those_of_the_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, set[str]] = defaultdict(set)
    choices: dict[tuple[str, str], set[str]] = defaultdict(set)
    only, choice = Fields.only, Fields.choice

    def noting_keys(self: Fields, keys: Sequence[str]) -> None:
        known[named(self.what)] |= set(keys)
        only(self, keys)

    def noting_choices(self: Fields, key: str, words: Iterable[str], default: str) -> str:
        found = list(words)
        choices[named(self.what), key] |= set(found)
        return choice(self, key, found, default)

    monkeypatch.setattr(Fields, "only", noting_keys)
    monkeypatch.setattr(Fields, "choice", noting_choices)
    for number, text in enumerate((SAMPLE, MORE)):
        place = tmp_path / f"{number}.yaml"
        place.write_text(text)
        read_tests(load(place), place)
    described = {name: set(shape.keys) for name, shape in LANGUAGE.items() if shape.rest is None}
    assert dict(known) == described
    for (what, key), words in choices.items():
        assert set(words_of(LANGUAGE[what].keys[key].holds)) == words, (what, key)
    assert len(choices) >= 6


def words_of(holds: Any) -> list[str]:
    return list(holds["enum"])


def test_every_reference_leads_somewhere() -> None:
    schema = json_schema()

    def walk(value: Any) -> Iterable[str]:
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for member in value.values():
                yield from walk(member)
        elif isinstance(value, list):
            for member in value:
                yield from walk(member)

    referred = set(walk(schema))
    assert referred == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_every_key_says_what_it_is_for() -> None:
    for shape in LANGUAGE.values():
        assert shape.about.endswith(".")
        for key in shape.keys.values():
            assert key.about
