"""Who acts, where secrets may stand, which adapters are there."""

from __future__ import annotations

import copy
import os
import pickle
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from jmltui import plugins
from jmltui.config import secrets
from jmltui.config.identity import current_actor
from jmltui.config.places import Places
from jmltui.errors import SecretError


@pytest.mark.parametrize(
    ("written", "expected"), [("4294967295", None), ("1234", 1234), ("", None), ("not a number", None)]
)
def test_who_logged_in_is_what_the_kernel_says(tmp_path: Path, written: str, expected: int | None) -> None:
    file = tmp_path / "loginuid"
    file.write_text(written)
    actor = current_actor(login_uid_file=file)
    assert actor.uid == os.getuid()
    assert actor.login_uid == expected
    assert actor.is_switched == (expected is not None and expected != os.getuid())


def test_a_uid_without_an_account_is_named_by_its_number(tmp_path: Path) -> None:
    assert current_actor(uid=lambda: 4_000_000_001, login_uid_file=tmp_path / "absent").login == "uid-4000000001"


def test_relative_variables_are_ignored_and_one_folder_wins(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": "relative", "XDG_STATE_HOME": str(tmp_path / "state")}
    places = Places.from_environment(environ)
    assert places.config_dir == tmp_path / ".config" / "jmltui"
    assert places.state_dir == tmp_path / "state" / "jmltui"
    one = Places.from_environment({**environ, "JMLTUI_HOME": str(tmp_path / "demo")})
    assert one.config_dir == one.state_dir == tmp_path / "demo"
    assert one.ensure_state().stat().st_mode & 0o777 == 0o700


def test_a_secret_file_is_refused_where_others_could_have_put_it(tmp_path: Path) -> None:
    real = tmp_path / "token"
    real.write_text("s3cr3t\n")
    real.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(real)
    with pytest.raises(SecretError, match="symbolic link"):
        secrets.read(f"file:{link}", {})
    with pytest.raises(SecretError, match="not a regular file"):
        secrets.read(f"file:{tmp_path}", {})
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    moved = real.rename(open_folder / "token")
    open_folder.chmod(0o777)
    with pytest.raises(SecretError, match="folder that others can write"):
        secrets.read(f"file:{moved}", {})
    open_folder.chmod(0o700)
    assert secrets.read("file:token", {}, base=open_folder).reveal() == "s3cr3t"


def test_copies_of_a_secret_hold_nothing() -> None:
    secret = secrets.Secret("s3cr3t")
    for copied in (pickle.loads(pickle.dumps(secret)), copy.copy(secret), copy.deepcopy(secret)):  # noqa: S301  # our own bytes
        assert "s3cr3t" not in str(copied)
    assert f"{secret:>10}" == "  [secret]"


def test_a_literal_is_never_repeated() -> None:
    with pytest.raises(SecretError) as told:
        secrets.parse_reference("hunter2-the-real-token")
    assert "hunter2" not in str(told.value)
    assert "keyring:SERVICE/NAME" in told.value.hint


BROKEN = EntryPoint("broken", "no_such_module_anywhere:Adapter", plugins.GROUP)
NO_ADAPTER = EntryPoint("odd", "collections:OrderedDict", plugins.GROUP)


def test_a_broken_adapter_is_a_row_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_points", lambda: [BROKEN, NO_ADAPTER])
    rows = {row.installed.name: row for row in plugins.inspect()}
    assert rows["broken"].adapter is None
    assert "no_such_module_anywhere" in rows["broken"].error
    assert "it lacks kind" in rows["odd"].error
    with pytest.raises(plugins.PluginError, match="Did you mean “broken”"):
        plugins.load("brokn")


def test_two_packages_with_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = EntryPoint("broken", "another:Adapter", plugins.GROUP)
    monkeypatch.setattr(plugins, "_points", lambda: [BROKEN, other])
    with pytest.raises(plugins.PluginError, match="Several packages"):
        plugins.load("broken")
