"""Where settings and state are kept: the XDG base directories, or one folder named by JMLTUI_HOME.

Source: XDG Base Directory Specification 0.8 (relative paths in the variables are ignored).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jmltui.errors import SettingsError

HOME_VARIABLE = "JMLTUI_HOME"


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one user, or of one demo. Nothing is created by asking for a path."""

    config_dir: Path
    state_dir: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Places:
        """The places that an environment names; JMLTUI_HOME wins over the XDG variables."""
        home = environ.get(HOME_VARIABLE, "")
        if home:
            folder = Path(home).expanduser().absolute()
            return cls(folder, folder)
        return cls(
            _base(environ, "XDG_CONFIG_HOME", ".config") / "jmltui",
            _base(environ, "XDG_STATE_HOME", ".local/state") / "jmltui",
        )

    @property
    def settings_file(self) -> Path:
        """The settings file."""
        return self.config_dir / "settings.toml"

    @property
    def cache_file(self) -> Path:
        """The SQLite cache where settings name no other."""
        return self.state_dir / "cache.sqlite"

    @property
    def worker_log(self) -> Path:
        """What the worker writes while nobody looks at it."""
        return self.state_dir / "worker.log"

    @property
    def drafts_dir(self) -> Path:
        """Unsent notes, kept when the terminal goes away."""
        return self.state_dir / "drafts"

    def worker_lock(self, cache_file: Path | None = None) -> Path:
        """The lock of the one worker of a cache."""
        cache = cache_file or self.cache_file
        return cache.with_name(cache.name + ".worker.lock")

    def ensure_state(self) -> Path:
        """Create the state folder, readable by its owner alone. Raises SettingsError when it cannot be."""
        return private_folder(self.state_dir)


def private_folder(folder: Path) -> Path:
    """Create a folder and its parents; the folder itself with mode 0700. Raises SettingsError."""
    from jmltui.errors import Problem

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        hint = f"Create it yourself, or set {HOME_VARIABLE} to a folder of yours."
        raise SettingsError([Problem(str(folder), 0, 0, f"This folder cannot be created: {reason}.", hint)]) from error
    return folder


def _base(environ: Mapping[str, str], variable: str, default: str) -> Path:
    named = environ.get(variable, "")
    if named and os.path.isabs(named):
        return Path(named)
    home = environ.get("HOME", "")
    return (Path(home) if os.path.isabs(home) else Path.home()) / default
