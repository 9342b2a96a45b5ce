"""Unsent text: kept in files of the state folder while it is typed, so that a dropped connection loses nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_SAFE: Final = re.compile(r"[^a-z0-9-]")


class Drafts:
    """One file per thing that is being written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._typed: dict[str, str] = {}

    def _file(self, name: str) -> Path:
        return self._folder / f"{_SAFE.sub('-', name.lower())}.txt"

    def read(self, name: str) -> str:
        """What was typed under this name, "" for nothing."""
        if name in self._typed:
            return self._typed[name]
        try:
            return self._file(name).read_text(encoding="utf-8")
        except OSError:
            return ""

    def typed(self, name: str, text: str) -> None:
        """Remember text as it is typed; `save` writes it."""
        self._typed[name] = text

    def save(self) -> None:
        """Write everything that is unsent, readable by the owner alone. Raises OSError."""
        for name, text in list(self._typed.items()):
            if text:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                fresh = self._file(name).with_suffix(".new")
                handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                os.replace(fresh, self._file(name))

    def sent(self, name: str) -> None:
        """Forget a text: it was sent or thrown away."""
        self._typed.pop(name, None)
        self._file(name).unlink(missing_ok=True)
