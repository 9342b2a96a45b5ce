"""A strict reader of YAML: what is written is what is meant, and every value knows its line and column.

PyYAML's event stream (libyaml where built) with scalars of the YAML 1.2 core schema. Refused: anchors,
aliases, tags, merge keys, directives, duplicate keys, keys that are not scalars, several documents,
invisible characters, and documents that are too large, too deep or have too many nodes. Source: YAML 1.2.2,
section 10.3 (core schema).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from jmltui.errors import Problem

MAX_BYTES: Final = 1_000_000
MAX_NODES: Final = 200_000
MAX_DEPTH: Final = 32

Scalar = str | int | float | bool | None

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_OCTAL: Final = re.compile(r"0o[0-7]{1,18}")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]{1,15}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_INVISIBLE: Final = re.compile(
    "[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place. `value` is a scalar, a list of nodes, or a dict of nodes by key text.

    `raw` is a scalar as it was written, without its quotes, `quote` the sign it is quoted with ("" for none) and
    `width` the columns it takes on its one line, 0 where it takes several. `keys` are the places of a mapping's keys.
    """

    value: Any
    line: int
    column: int
    raw: str = ""
    quote: str = ""
    width: int = 0
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_mapping(self) -> bool:
        """Whether it is a mapping."""
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.value, list)

    @property
    def is_scalar(self) -> bool:
        """Whether it is a text, number, truth value or nothing."""
        return not isinstance(self.value, (dict, list))

    def column_of(self, index: int) -> int:
        """The column in which a character of `raw` stands; that of the scalar's start where nobody can tell."""
        before = self.raw[:index]
        if not self.quote:
            return self.column + index if self.width == len(self.raw) else self.column
        escaped = "'" if self.quote == "'" else '"\\'
        if self.width != len(self.raw) + 2 + sum(map(self.raw.count, escaped)):
            return self.column
        return self.column + 1 + index + sum(map(before.count, escaped))

    def plain(self) -> Any:
        """The same as Python values, without places."""
        if self.is_mapping:
            return {key: node.plain() for key, node in self.value.items()}
        if self.is_list:
            return [node.plain() for node in self.value]
        return self.value


class StrictYamlError(Exception):
    """The document is refused. `problems` name all places found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def parse(data: bytes | str, file: str) -> Node | None:
    """The document's root, or None when it holds nothing but comments. Raises StrictYamlError."""
    text = _decoded(data, file)
    invisible = [_invisible(file, text, match.start()) for match in _INVISIBLE.finditer(text)]
    if invisible:
        raise StrictYamlError(invisible[:20])
    composer = _Composer(file)
    root = composer.compose(text)
    if composer.problems:
        raise StrictYamlError(composer.problems)
    return root


def _decoded(data: bytes | str, file: str) -> str:
    size = len(data)
    if size > MAX_BYTES:
        raise StrictYamlError([Problem(file, 1, 1, f"The file has {size} bytes, more than the {MAX_BYTES} allowed.")])
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise StrictYamlError([Problem(file, line, column, "The file is not UTF-8 text.")]) from None


def _invisible(file: str, text: str, at: int) -> Problem:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    message = f"There is an invisible or text-reordering character here (U+{ord(text[at]):04X})."
    return Problem(file, line, column, message, "Delete it; what a reviewer sees must be what is read.")


class _Refused(Exception):
    """Ends the reading of a document at its first unbearable place."""


class _Composer:
    """Builds nodes from events without recursion; the depth is checked before anything is kept."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.count = 0

    def compose(self, text: str) -> Node | None:
        import yaml

        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            return self._build(yaml.parse(text, Loader=loader), yaml)
        except _Refused:
            return None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            said = " ".join(filter(None, [error.problem, error.context]))
            self.problems.append(Problem(self.file, line, column, f"This is not well-formed YAML: {said}."))
        except yaml.YAMLError as error:
            place = _reader_place(text, getattr(error, "position", None))
            reason = getattr(error, "reason", None) or "it cannot be read"
            self.problems.append(Problem(self.file, *place, f"This is not well-formed YAML: {reason}."))
        return None

    def _build(self, events: Iterator[Any], yaml: Any) -> Node | None:
        root: Node | None = None
        documents = 0
        stack: list[tuple[Node, list[str]]] = []
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                root = self._put(stack, self._scalar(event), root)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                node = self._collection(event, kind is yaml.MappingStartEvent, len(stack))
                root = self._put(stack, node, root)
                stack.append((node, []))
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                stack.pop()
            elif kind is yaml.AliasEvent:
                self._refuse(event, "Aliases (*name) are not allowed; write the value out.")
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self._refuse(event, "A file holds one document; this starts a second one.")
                if event.version or event.tags:
                    self._refuse(event, "Directives (%YAML, %TAG) are not allowed.")
        return root if root is None or root.value is not None else None

    def _put(self, stack: list[tuple[Node, list[str]]], node: Node, root: Node | None) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            self._refuse_at(node, f"The file holds more than {MAX_NODES} values.")
        if not stack:
            return node
        parent, pending = stack[-1]
        if parent.is_list:
            parent.value.append(node)
        elif pending:
            key = pending.pop()
            parent.value.setdefault(key, node)
        else:
            pending.append(self._key(parent, node))
        assert root is not None
        return root

    def _key(self, parent: Node, node: Node) -> str:
        if not node.is_scalar:
            self._refuse_at(node, "A key must be a plain word.")
        key = node.raw
        if key == "<<" and not node.quote:
            self._refuse_at(node, "Merge keys (<<) are not allowed; write the values out.")
        if key in parent.keys:
            line, column = parent.keys[key]
            self.problems.append(
                Problem(
                    self.file,
                    node.line,
                    node.column,
                    f"“{key}” is here twice; the first is at {line}:{column}.",
                )
            )
        else:
            parent.keys[key] = (node.line, node.column)
        return key

    def _collection(self, event: Any, mapping: bool, depth: int) -> Node:
        self._refuse_marks(event)
        if depth >= MAX_DEPTH:
            self._refuse(event, f"Values are nested deeper than {MAX_DEPTH} levels.")
        mark = event.start_mark
        return Node({} if mapping else [], mark.line + 1, mark.column + 1)

    def _scalar(self, event: Any) -> Node:
        self._refuse_marks(event)
        mark, end = event.start_mark, event.end_mark
        value = event.value if event.style else _resolved(event.value)
        width = end.column - mark.column if end.line == mark.line else 0
        return Node(value, mark.line + 1, mark.column + 1, event.value, event.style or "", width)

    def _refuse_marks(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse(event, "Anchors (&name) are not allowed; write the value out.")
        if event.tag is not None:
            self._refuse(event, "Tags (!name) are not allowed; quote what must be a text.")

    def _refuse(self, event: Any, message: str) -> None:
        self._refuse_place(event.start_mark.line + 1, event.start_mark.column + 1, message)

    def _refuse_at(self, node: Node, message: str) -> None:
        self._refuse_place(node.line, node.column, message)

    def _refuse_place(self, line: int, column: int, message: str) -> None:
        self.problems.append(Problem(self.file, line, column, message))
        raise _Refused


def _resolved(text: str) -> Scalar:
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    first = text[0]
    if first not in "+-.0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    return float(text) if _FLOAT.fullmatch(text) else text


def _reader_place(text: str, position: int | None) -> tuple[int, int]:
    if position is None:
        return 1, 1
    before = text[:position]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
