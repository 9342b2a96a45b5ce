"""Settings and secrets: strict, every mistake with its place, never a value of a secret."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from jmltui.config import secrets, settings
from jmltui.config.identity import current_actor
from jmltui.errors import SecretError, SettingsError

GOOD = """\
[company]
name = "Example"
zone = "Europe/Berlin"
[policy]
folder = "policy"
[sources.hr]
adapter = "csv"
path = "people.csv"
absent = "leaver"
[sources.hr.columns]
key = "id"
[systems.directory]
adapter = "scim"
url = "https://directory.example.test/scim/v2"
token = "keyring:directory/token"
login = "{email|before_at|lower}"
"""


def test_good_settings(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(GOOD)
    found = settings.load(file)
    assert found.company_zone == "Europe/Berlin"
    assert found.sources["hr"].absent == "leaver"
    assert str(found.policy_folder) == str(tmp_path / "policy")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[company]", "[compny]", ("compny", "company")),
        ('absent = "leaver"', 'absent = "leavr"', ("leavr", "leaver")),
        ("Europe/Berlin", "Europe/Berln", ("Europe/Berln",)),
        ("{email|before_at|lower}", "{email|befor_at}", ("befor_at", "before_at")),
        ('[company]\nname = "Example"', '[company]\nname = "Example', ("settings.toml:2",)),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(SettingsError) as told:
        settings.load(file)
    for word in words:
        assert word in str(told.value)
    assert told.value.problems[0].line


def test_a_secret_never_shows_itself() -> None:
    secret = secrets.Secret("s3cr3t")
    shown = [repr(secret), str(secret), f"{secret}", json.dumps({"a": secret}, default=str)]
    assert not [text for text in shown if "s3cr3t" in text]
    assert b"s3cr3t" not in _pickled(secret)
    assert secret.reveal() == "s3cr3t"


def _pickled(secret: secrets.Secret) -> bytes:
    try:
        return pickle.dumps(secret)
    except TypeError:
        return b""


def test_a_secret_file_must_be_private(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cr3t\n")
    file.chmod(0o644)
    with pytest.raises(SecretError) as told:
        secrets.read(f"file:{file}", {}).reveal()
    assert "s3cr3t" not in str(told.value)
    file.chmod(0o600)
    assert secrets.read(f"file:{file}", {}).reveal() == "s3cr3t"


def test_a_missing_secret_names_what_to_do() -> None:
    with pytest.raises(SecretError, match="NO_SUCH_TOKEN"):
        secrets.read("env:NO_SUCH_TOKEN", {}).reveal()


def test_the_environment_does_not_say_who_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    before = current_actor()
    for name in ("LOGNAME", "USER", "SUDO_USER"):
        monkeypatch.setenv(name, "evil")
    assert current_actor() == before
    assert before.login != "evil"
