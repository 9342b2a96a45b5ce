"""The reference names everything that the code knows, and its samples are good."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from jmltui.domain.case import CaseKind
from jmltui.domain.person import ATTRIBUTES
from jmltui.domain.procedure import DECIDED, Do
from jmltui.domain.review import SCOPES
from jmltui.policy import load
from jmltui.policy.attributes import declared
from jmltui.policy.entitlements import TARGET_KINDS
from jmltui.policy.expression import compile_expression
from jmltui.policy.fixture_reader import PROBLEM_CODES, read_tests
from jmltui.policy.fixtures import outcome
from jmltui.policy.language import LANGUAGE
from jmltui.policy.lint import lint
from jmltui.policy.people_words import APPROVERS, OWNERS
from jmltui.policy.reviews import ON_NO_ANSWER
from jmltui.policy.steps import CHECKS, SELECTIONS
from jmltui_csv.source import CsvSource
from jmltui_practice.adapter import PracticeAdapter
from jmltui_scim.adapter import ScimAdapter

DOCS = Path(__file__).resolve().parents[2] / "docs"

HEADINGS = {
    "a policy file": "Policy",
    "attributes": "Attributes",
    "the attribute": "Attributes",
    "mover": "Attributes",
    "an entitlement": "Entitlements",
    "a window": "Entitlements",
    "a licence": "Entitlements",
    "a role": "Roles",
    "match": "Attributes",
    "require": "Roles",
    "a separation rule": "Separation of duties",
    "an approval path": "Approvals",
    "a stage": "Approvals",
    "teams": "Approvals",
    "the team": "Approvals",
    "system_owners": "Approvals",
    "break_glass": "Emergencies",
    "a procedure": "Procedures",
    "a trigger": "Procedures",
    "urgent": "Procedures",
    "an overlap": "Procedures",
    "a step": "Procedures",
    "working_time": "Procedures",
    "a runbook test": "Procedures",
    "a review": "Reviews",
    "guards": "Guards",
    "a threshold": "Guards",
    "feed": "Guards",
    "protected": "Guards",
    "stale": "Guards",
    "a test": "Tests",
    "an exception": "Tests",
    "expect": "Tests",
}
"""Where the reference describes each mapping of the policy language."""


@pytest.mark.parametrize("adapter", [CsvSource, ScimAdapter, PracticeAdapter])
def test_every_option_of_an_adapter_is_described(adapter: type[CsvSource | ScimAdapter | PracticeAdapter]) -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    for option in adapter.OPTIONS:
        assert f"`{option.name}`" in text, option.name


def test_every_key_of_the_settings_is_described() -> None:
    source = (DOCS.parent / "jmltui" / "config" / "settings.py").read_text(encoding="utf-8")
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"(?:text|zone|duration|choice|template|integer|number|table)\(\"([a-z_]+)\"", source))
    assert len(keys) > 8
    for key in keys - {"company", "policy", "cache"}:
        assert f"`{key}`" in text or f".{key}]" in text, key


def policy_page() -> str:
    """The reference of the policy language."""
    return (DOCS / "policy.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """One section of it, without its examples."""
    found = re.search(rf"^##? {re.escape(heading)}\n(.*?)(?=^## |\Z)", policy_page(), re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return re.sub(r"```.*?```", "", found[1], flags=re.DOTALL)


def examples(language: str, text: str) -> Iterator[str]:
    """The blocks of a language in a page."""
    yield from re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_every_mapping_of_the_policy_language_has_its_place() -> None:
    assert set(HEADINGS) == set(LANGUAGE)


@pytest.mark.parametrize("name", LANGUAGE)
def test_every_key_of_the_policy_language_is_described(name: str) -> None:
    text = section(HEADINGS[name])
    for key in LANGUAGE[name].keys:
        assert re.search(rf"`{re.escape(key)}\b", text), f"{key} of {name}"


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Attributes", [f"person.{name}" for name in ("key", *ATTRIBUTES)] + ["now.hour", "now.weekday"]),
        ("Entitlements", [f"{kind}:" for kind in TARGET_KINDS]),
        ("Approvals", [*OWNERS, *APPROVERS]),
        ("Procedures", [*(do for do in Do if do not in DECIDED), *CaseKind, *SELECTIONS, *CHECKS]),
        ("Reviews", [*ON_NO_ANSWER, *SCOPES]),
        ("Tests", PROBLEM_CODES),
        ("Tools", [f"jmltui policy {w}" for w in ("lint", "test", "diff", "explain", "schema", "import-current")]),
    ],
)
def test_every_word_of_the_policy_language_is_described(heading: str, words: list[str]) -> None:
    text = section(heading)
    for word in words:
        assert re.search(rf"`(?:tagged:)?{re.escape(word)}(?:`| )", text), word


def test_all_examples_together_are_one_good_policy(private: Path) -> None:
    for number, example in enumerate(examples("yaml", policy_page())):
        (private / f"{number:02d}.yaml").write_text(example, encoding="utf-8")
    report = lint(private)
    assert report.errors == ()
    policy = load(private)
    stated = {name for name in LANGUAGE["a policy file"].keys if f"\n{name}:" in policy_page()}
    assert stated == set(LANGUAGE["a policy file"].keys), "every section has an example"
    tests = read_tests(policy, private)
    assert len(tests) == 3
    assert [outcome(policy, test).differences for test in tests] == [()] * 3


def test_every_expression_is_good(private: Path) -> None:
    page = policy_page()
    for number, example in enumerate(examples("yaml", page)):
        (private / f"{number:02d}.yaml").write_text(example, encoding="utf-8")
    known = declared(load(private).definitions.attributes)
    lines = [line.partition("//")[0].strip() for block in examples("cel", page) for line in block.splitlines()]
    assert len(lines) > 8
    for line in lines:
        compile_expression(line, known)


def test_the_sample_of_the_readme_is_good(private: Path) -> None:
    text = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    [sample] = examples("yaml", text)
    (private / "policy.yaml").write_text(sample, encoding="utf-8")
    assert lint(private).errors == ()


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for path in (DOCS.parent / "README.md", *DOCS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", text):
            there = path.parent / target if target else path
            assert there.exists(), f"{path.name}: {target}"
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
            assert not anchor or anchor in [h.lower().replace(" ", "-") for h in headings], f"{path.name}: #{anchor}"
