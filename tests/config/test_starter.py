"""What `jmltui init` writes is good as it is, and still good when everything in it is switched on."""

from __future__ import annotations

import re
from pathlib import Path

from jmltui.config import starter
from jmltui.config.places import Places
from jmltui.config.settings import load as load_settings
from jmltui.policy import load
from jmltui.policy.fixture_reader import read_tests
from jmltui.policy.fixtures import outcome
from jmltui.policy.lint import lint


def test_it_is_good_as_it_is(private: Path) -> None:
    starter.write(Places(private, private))
    report = lint(private / "policy", load_settings(private / "settings.toml").systems)
    assert report.policy is not None
    assert (report.errors, report.warnings) == ((), ())


def test_every_example_in_it_is_good(private: Path) -> None:
    starter.write(Places(private, private))
    file = private / "policy" / "policy.yaml"
    text = re.sub(r"^#(?=[a-z]|  )", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    file.write_text(text, encoding="utf-8")
    report = lint(file.parent, ["directory"])
    assert report.errors == ()
    assert len(report.warnings) == 1, report.warnings
    policy = load(file.parent)
    assert set(policy.definitions.reviews) == {"quarterly", "dormant"}
    [test] = read_tests(policy, file)
    assert outcome(policy, test).differences == ()
