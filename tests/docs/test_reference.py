"""The reference names everything that the code knows, and its samples are good."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jmltui.domain.procedure import Do
from jmltui.policy import load
from jmltui_csv.source import CsvSource
from jmltui_practice.adapter import PracticeAdapter
from jmltui_scim.adapter import ScimAdapter

DOCS = Path(__file__).resolve().parents[2] / "docs"


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


def test_the_sample_policy_is_good_and_every_do_is_described(private: Path) -> None:
    text = (DOCS / "policy.md").read_text(encoding="utf-8")
    [sample] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (private / "policy.yaml").write_text(sample, encoding="utf-8")
    policy = load(private)
    assert len(policy.roles) == 2
    assert policy.guards.protected.keep_at_least == {"Domain admins": 2}
    for do in Do:
        assert f"`{do.value}`" in text, do


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for path in (DOCS.parent / "README.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
