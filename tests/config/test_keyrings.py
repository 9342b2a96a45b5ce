"""The keyring: only by an allow-listed class, never longer than its deadline, never in plain text."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jmltui.config import keyrings, secrets
from jmltui.errors import SecretError


class InMemory:
    """A backend which keeps its values for the test."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


def test_a_value_goes_in_and_out_by_its_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = InMemory()
    monkeypatch.setattr(keyrings, "system_backend", lambda: backend)
    secrets.store("keyring:directory/token", secrets.Secret("s3cr3t"))
    assert backend.kept == {("directory", "token"): "s3cr3t"}
    assert secrets.read("keyring:directory/token", {}).reveal() == "s3cr3t"
    with pytest.raises(SecretError, match="jmltui secrets set keyring:directory/other"):
        secrets.read("keyring:directory/other", {})


@pytest.mark.skipif(sys.platform != "linux", reason="D-Bus is how Linux reaches its keyring")
@pytest.mark.parametrize("address", [None, "unix:path=/nonexistent/bus"])
def test_without_a_bus_the_reason_and_the_next_step_are_told(
    address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    if address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    with pytest.raises(SecretError) as told:
        keyrings.read_keyring("directory", "token")
    assert "keyring" in told.value.message
    assert "file: reference" in told.value.hint
    assert keyrings.keyring_problem()


@pytest.mark.skipif(sys.platform != "linux", reason="D-Bus is how Linux reaches its keyring")
def test_a_bus_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "bus"))
        silent.listen()
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path / 'bus'}")
        with pytest.raises(SecretError, match="did not answer within 2 seconds"):
            keyrings.read_keyring("directory", "token")


def test_a_hanging_call_and_a_failing_one_are_told_apart() -> None:
    never = threading.Event()
    with pytest.raises(SecretError, match="did not answer"):
        keyrings.within_deadline(never.wait, seconds=0.05)
    never.set()
    with pytest.raises(SecretError, match="ZeroDivisionError"):
        keyrings.within_deadline(lambda: 1 // 0)


PLAIN_TEXT = """\
import sys, pathlib
from keyring.backend import KeyringBackend

class PlaintextKeyring(KeyringBackend):
    priority = 99
    def get_password(self, service, username):
        return "read from plain text"
    def set_password(self, service, username, password):
        pathlib.Path(sys.argv[1]).write_text(password)
"""

ATTEMPT = """\
import plaintext_backend
from jmltui.config.keyrings import read_keyring, write_keyring
from jmltui.errors import SecretError
for call in (lambda: read_keyring("a", "b"), lambda: write_keyring("a", "b", "s3cr3t")):
    try:
        print("used:", call())
    except SecretError:
        print("refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the bus is taken away, which only Linux needs")
def test_a_plain_text_backend_is_never_chosen(tmp_path: Path) -> None:
    (tmp_path / "plaintext_backend.py").write_text(PLAIN_TEXT)
    kept = tmp_path / "kept"
    environ = {key: value for key, value in os.environ.items() if key != "DBUS_SESSION_BUS_ADDRESS"}
    environ["PYTHON_KEYRING_BACKEND"] = "plaintext_backend.PlaintextKeyring"
    environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", ATTEMPT, str(kept)], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == ["refused", "refused"]
    assert not kept.exists()
