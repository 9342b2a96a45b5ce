"""Line and column of every key of a TOML text that `tomllib` has already accepted (TOML 1.0.0).

tomllib tells no positions, and errors need them. Only used once something is wrong.
"""

from __future__ import annotations

import re
from typing import Final

Path = tuple[str, ...]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|([A-Za-z0-9_-]+)')
_STRING: Final = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL)
_PLAIN: Final = re.compile(r"[^,\]\}\n#]+")
_SPACE: Final = re.compile(r"[ \t]*")


def key_places(text: str) -> dict[Path, tuple[int, int]]:
    """Path of each key and table → its line and column, counted from 1. Tables of an array are numbered."""
    return _Scanner(text.replace("\r\n", "\n")).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.places: dict[Path, tuple[int, int]] = {}
        self.counts: dict[Path, int] = {}

    def run(self) -> dict[Path, tuple[int, int]]:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)
        return self.places

    def skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()

    def note(self, path: Path, start: int) -> None:
        line = self.text.count("\n", 0, start) + 1
        self.places.setdefault(path, (line, start - (self.text.rfind("\n", 0, start) + 1) + 1))

    def key(self) -> Path:
        words: list[str] = []
        while True:
            self.skip(_SPACE)
            match = _KEY.match(self.text, self.at)
            if match is None:
                return tuple(words)
            words.append(next(group for group in match.groups() if group is not None))
            self.at = match.end()
            self.skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return tuple(words)
            self.at += 1

    def header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        self.skip(_SPACE)
        start, path = self.at, self.key()
        self.at += 2 if many else 1
        if many:
            self.counts[path] = number = self.counts.get(path, -1) + 1
            path = (*path, str(number))
        self.note(path, start)
        return path

    def pair(self, table: Path) -> None:
        start = self.at
        words = self.key()
        if not words:
            self.at += 1
            return
        for depth in range(1, len(words) + 1):
            self.note(table + words[:depth], start)
        self.at += 1
        self.skip(_SPACE)
        self.value(table + words)

    def value(self, path: Path) -> None:
        match = _STRING.match(self.text, self.at)
        if match:
            self.at = match.end()
        elif self.text.startswith("[", self.at):
            self.array(path)
        elif self.text.startswith("{", self.at):
            self.inline_table(path)
        else:
            self.skip(_PLAIN)

    def array(self, path: Path) -> None:
        self.at += 1
        index = 0
        self.skip(_BLANK)
        while self.at < len(self.text) and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self.note((*path, str(index)), self.at)
                self.value((*path, str(index)))
                index += 1
            self.skip(_BLANK)
        self.at += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        self.skip(_BLANK)
        while self.at < len(self.text) and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self.pair(path)
            self.skip(_BLANK)
        self.at += 1
