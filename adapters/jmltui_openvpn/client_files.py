"""Files of client-config-dir: the one called like a client is read when it comes in, and `disable` refuses it.

openvpn(8): `--client-config-dir`, `--disable`. A client without a file of its own gets the one called DEFAULT. A file
that the server cannot read is as good as none, so a new one can be read by everybody: it holds no secret.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from jmltui.adapter_api import Conflict, NotFound, Unavailable, Unsupported

from .replacing import read_file, remove, write_whole

DEFAULT: Final = "DEFAULT"
_OURS: Final = b"# made by jmltui to shut this client out"
_DISABLE: Final = re.compile(rb"\s*(?:--)?(disable|\"disable\"|'disable')\s*(?:[#;].*)?")
_MODE: Final = 0o644
_SPACE: Final = 0x20
_DELETE: Final = 0x7F


@dataclass(frozen=True, slots=True)
class Shut:
    """Whether a client is shut out, and by which file; `since` when that file was written, in seconds of the epoch."""

    is_shut: bool
    file: str = ""
    since: float = 0.0


class ClientFiles:
    """The folder that client-config-dir names."""

    def __init__(self, folder: str, system: str) -> None:
        self._folder = folder
        self._system = system

    def shut(self, name: str) -> Shut:
        """Whether the client would be refused if it came now. Raises Unavailable when the folder is not there."""
        if not os.path.isdir(self._folder):
            raise Unavailable(f"The folder {self._folder} of {self._system} is not there.", system=self._system)
        for file in (self._path(name), os.path.join(self._folder, DEFAULT)):
            with suppress(NotFound):
                text = read_file(file, f"client-config-dir of {self._system}")
                return Shut(_shuts(text), file, os.stat(file).st_mtime)
        return Shut(False)

    def close(self, name: str) -> bool:
        """Shut a client out; whether that changed anything. Raises Forbidden, Unsupported, OutcomeUnknown."""
        if self.shut(name).is_shut:
            return False
        path = self._own(name)
        try:
            text = read_file(path, f"client-config-dir of {self._system}")
        except NotFound:
            text = _OURS + b"\n"
        parts = [text.rstrip(b"\n"), b"disable"] if text.strip() else [b"disable"]
        write_whole(path, b"\n".join(parts) + b"\n", _MODE, self._system)
        return True

    def open(self, name: str) -> bool:
        """Take the shutting back and leave everything else. Raises Conflict when DEFAULT is what shuts out."""
        now = self.shut(name)
        if not now.is_shut:
            return False
        path = self._own(name)
        if now.file != path:
            raise Conflict(
                f"{name} has no file of its own, and DEFAULT in {self._folder} shuts such clients out.",
                system=self._system,
            )
        kept = [line for line in read_file(path, "client-config-dir").splitlines() if not _DISABLE.fullmatch(line)]
        if kept == [_OURS]:
            remove(path, self._system)
        else:
            write_whole(path, b"".join(line + b"\n" for line in kept), _MODE, self._system)
        return True

    def _path(self, name: str) -> str:
        """The file that the server reads for this name: it writes `_` for a sign that no file can have."""
        plain = "".join("_" if each == "/" or ord(each) < _SPACE or ord(each) == _DELETE else each for each in name)
        return os.path.join(self._folder, DEFAULT if plain in ("", ".", "..") else plain)

    def _own(self, name: str) -> str:
        """The file that may be written for this name. Raises Unsupported where it would be another client's as well."""
        path = self._path(name)
        if os.path.basename(path) != name or name == DEFAULT:
            raise Unsupported(
                f"“{name[:60]}” has no file of its own in client-config-dir; nothing was changed.", system=self._system
            )
        return path


def _shuts(text: bytes) -> bool:
    return any(_DISABLE.fullmatch(line) for line in text.splitlines())
