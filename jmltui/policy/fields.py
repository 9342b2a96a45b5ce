"""Reading one mapping of a policy file: typed fields, and a problem with place and nearest word for
everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from jmltui.domain.duration import parse_duration
from jmltui.domain.nearest import did_you_mean
from jmltui.errors import Problem

from .strict_yaml import Node

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True, slots=True)
class Where:
    """A place of a policy file."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Problems:
    """The problems of a whole folder."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, where: Where, message: str, hint: str = "") -> None:
        """Note a problem."""
        self.found.append(Problem(where.file, where.line, where.column, message, hint))

    def ordered(self) -> list[Problem]:
        """All of them, each once, by place."""
        return sorted(dict.fromkeys(self.found), key=lambda p: (p.file, p.line, p.column, p.message))


class Fields:
    """A mapping node; a node that is none is a problem and reads as empty."""

    def __init__(self, node: Node, file: str, problems: Problems, what: str) -> None:
        self.file, self.problems, self.what = file, problems, what
        self.where = Where(file, node.line, node.column)
        self.nodes: dict[str, Node] = node.value if node.is_mapping else {}
        self._keys = node.keys
        if not node.is_mapping:
            problems.add(self.where, f"{what} must be a mapping (key: value), not {word_for(node)}.")

    def place(self, key: str) -> Where:
        """Where the value of a key stands."""
        node = self.nodes.get(key)
        return Where(self.file, node.line, node.column) if node else self.where

    def key_place(self, key: str) -> Where:
        """Where a key stands."""
        return Where(self.file, *self._keys.get(key, (self.where.line, self.where.column)))

    def only(self, known: Sequence[str]) -> None:
        """Every other key is a problem."""
        for key in self.nodes:
            if key not in known:
                hint = did_you_mean(key, known)
                self.problems.add(self.key_place(key), f"“{key}” is not known in {self.what}.", hint)

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A text. Numbers and truth values count as the text that was written."""
        node = self._node(key, required)
        if node is None:
            return default
        if not node.is_scalar or node.value is None:
            self.problems.add(self.place(key), f"“{key}” must be a text, not {word_for(node)}.")
            return default
        return node.raw

    def identifier(self, key: str = "id") -> str:
        """A required id; empty when it is missing or malformed."""
        value = self.text(key, required=True)
        if value and not IDENTIFIER.fullmatch(value):
            hint = "Use letters, digits, dot, dash and underscore, 80 characters at most."
            self.problems.add(self.place(key), f"“{value}” cannot be an id.", hint)
            return ""
        return value

    def choice(self, key: str, choices: Iterable[str], default: str) -> str:
        """One of some words."""
        value, known = self.text(key, default), list(choices)
        if key in self.nodes and value not in known:
            self.problems.add(self.place(key), f"“{value}” is none of {', '.join(known)}.", did_you_mean(value, known))
            return default
        return value

    def truth(self, key: str, default: bool) -> bool:
        """true or false."""
        return bool(self._typed(key, (bool,), "true or false", default))

    def number(self, key: str, default: float, *, least: float = 0, most: float = 1e9) -> float:
        """A number within limits."""
        value = float(self._typed(key, (int, float), "a number", default))
        return self._within(key, value, default, least, most)

    def integer(self, key: str, default: int, *, least: int = 0, most: int = 10**9) -> int:
        """A whole number within limits."""
        value = int(self._typed(key, (int,), "a whole number", default))
        return int(self._within(key, value, default, least, most))

    def duration(self, key: str, default: timedelta | None, *, positive: bool = False) -> timedelta | None:
        """A duration such as 24h."""
        value = self.text(key)
        if not value:
            return default
        try:
            found = parse_duration(value)
        except ValueError as error:
            self.problems.add(self.place(key), str(error))
            return default
        if positive and not found:
            self.problems.add(self.place(key), f"“{key}” must be longer than nothing.")
            return default
        return found

    def needed_duration(self, key: str) -> timedelta:
        """A duration that must be stated; zero when it is not, which is a problem."""
        self._node(key, required=True)
        return self.duration(key, None, positive=True) or timedelta(0)

    def needed_texts(self, key: str) -> tuple[tuple[str, Where], ...]:
        """A list of texts that must hold one at least."""
        node = self._node(key, required=True)
        if node is not None and node.is_list and not node.value:
            self.problems.add(self.place(key), f"“{key}” lists nothing.")
        return self.texts(key)

    def texts(self, key: str) -> tuple[tuple[str, Where], ...]:
        """A list of texts, each with its place; one text alone counts as a list of one."""
        node = self.nodes.get(key)
        if node is None:
            return ()
        members = node.value if node.is_list else [node]
        found = []
        for member in members:
            where = Where(self.file, member.line, member.column)
            if not member.is_scalar or member.value is None:
                self.problems.add(where, f"“{key}” must be a list of texts; this is {word_for(member)}.")
            else:
                found.append((scalar_text(member), where))
        return tuple(found)

    def items(self, key: str, what: str) -> list[Fields]:
        """The mappings of a list."""
        node = self.nodes.get(key)
        if node is None:
            return []
        if not node.is_list:
            self.problems.add(
                self.place(key), f"“{key}” must be a list (lines that start with “- ”), not {word_for(node)}."
            )
            return []
        return [Fields(member, self.file, self.problems, what) for member in node.value]

    def mapping(self, key: str, what: str) -> Fields | None:
        """A mapping within, or None when it is absent."""
        node = self.nodes.get(key)
        return None if node is None else Fields(node, self.file, self.problems, what)

    def _node(self, key: str, required: bool) -> Node | None:
        node = self.nodes.get(key)
        if node is None and required:
            self.problems.add(self.where, f"{self.what[0].upper()}{self.what[1:]} lacks “{key}”.")
        return node

    def _typed(self, key: str, types: tuple[type, ...], words: str, default: Any) -> Any:
        node = self.nodes.get(key)
        if node is None:
            return default
        if not isinstance(node.value, types) or (isinstance(node.value, bool) and bool not in types):
            self.problems.add(self.place(key), f"“{key}” must be {words}, not {word_for(node)}.")
            return default
        return node.value

    def _within(self, key: str, value: float, default: float, least: float, most: float) -> float:
        if not least <= value <= most:
            self.problems.add(self.place(key), f"“{key}” must be between {least:g} and {most:g}, not {value:g}.")
            return default
        return value


def scalar_text(node: Node) -> str:
    """A scalar as the text it is compared with: as written, truth values in lower case."""
    return str(node.value).lower() if isinstance(node.value, bool) else node.raw


def word_for(node: Node) -> str:
    """What a node is, in words."""
    if node.is_mapping:
        return "a mapping"
    if node.is_list:
        return "a list"
    if node.value is None:
        return "empty"
    if isinstance(node.value, bool):
        return f"“{node.raw}” (a truth value)"
    if isinstance(node.value, (int, float)):
        return f"“{node.raw}” (a number)"
    return f"“{node.raw[:40]}” (a text)"
