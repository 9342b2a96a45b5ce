"""What every test gets: an environment of its own, and a clock that stands still."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.trials import company

pytest_plugins = [
    "tests.servers.scim2",
    "tests.servers.postgres",
    "tests.servers.scimmy",
    "tests.servers.canaille",
    "tests.servers.sshd",
    "tests.servers.slapd",
    "tests.servers.dirsrv",
    "tests.servers.samba",
    "tests.servers.openvpn",
    "tests.servers.wireguard",
    "tests.servers.roundup",
    "tests.servers.moto",
    "tests.servers.emulate",
    "tests.servers.emulate_github",
    "tests.servers.stranger",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: the others run beside them."""
    items.sort(key=lambda item: not any(item.get_closest_marker(name) for name in ("trial", "long")))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say whether the trial had a real company's files."""
    if company.given() is None:
        terminalreporter.write_line(
            "The trial ran on an invented company. `make trial DATA=FOLDER` runs it on the monthly files of a real one."
        )


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them, and nothing of theirs is written."""
    for name in list(os.environ):
        ours = name.startswith("TEXTUAL") and not name.startswith("TEXTUAL_SNAPSHOT")
        if ours or name.startswith("XDG_") or name in ("NO_COLOR", "JMLTUI_HOME"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TZ", "UTC")


class StandingClock:
    """A clock that moves only when told."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        """Move on."""
        self.now += by


@pytest.fixture
def clock() -> StandingClock:
    """A Monday morning."""
    return StandingClock(datetime(2026, 6, 1, 8, 0, tzinfo=UTC))


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder only its owner can read."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder
