"""A description's YAML as nodes that know their place: the core schema of YAML 1.2, without anchors, aliases and tags.

Refused: what is larger, deeper or longer than any description, keys that stand twice, several documents. Source: YAML
1.2.2 section 10.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from jmltui.errors import Problem, SettingsError

MAX_BYTES: Final = 256_000
MAX_DEPTH: Final = 32
MAX_NODES: Final = 20_000

_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: Final = {bool: "true or false", str: "a text", int: "a whole number", float: "a number", list: "a list"}


class DescriptionError(SettingsError):
    """A description is not usable. `problems` name every place."""


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place: a scalar, a list of nodes, or a dict of nodes. `exact`: each character stands where it
    was written, so a place within can be told. `keys` are the places of a mapping's keys."""

    value: Any
    line: int
    column: int
    exact: bool = False
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """What it is, in words; never the value."""
        if isinstance(self.value, dict):
            return "a mapping"
        return "nothing" if self.value is None else _WORDS[type(self.value)]

    def plain(self) -> Any:
        """The same as Python values, without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def parse(data: bytes, file: str) -> Node:
    """The root of a document. Raises DescriptionError with everything that is wrong with it."""
    import yaml

    text = _text(data, file)
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        refused = list(_refused(yaml.parse(text, Loader=loader), yaml, file))
        if refused:
            raise DescriptionError(refused)
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = " ".join(filter(None, [error.problem, error.context]))
        raise DescriptionError([Problem(file, line, column, f"This is not well-formed YAML: {said}.")]) from None
    except yaml.YAMLError as error:
        told = f"This is not well-formed YAML: {getattr(error, 'reason', None) or 'it cannot be read'}."
        raise DescriptionError([Problem(file, 1, 1, told)]) from None
    if root is None:
        raise DescriptionError([Problem(file, 0, 0, "The file describes nothing.")])
    problems: list[Problem] = []
    found = _node(root, file, problems)
    if problems:
        raise DescriptionError(problems)
    return found


def _text(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise DescriptionError([Problem(file, 0, 0, f"The file has more than the {MAX_BYTES} bytes allowed.")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise DescriptionError([Problem(file, line, column, "The file is not UTF-8 text.")]) from None


def _refused(events: Iterator[Any], yaml: Any, file: str) -> Iterator[Problem]:
    """What a description must not hold; seen in the events, before anything is built of it."""
    depth = count = documents = 0
    for event in events:
        told = ""
        if isinstance(event, yaml.AliasEvent):
            told = "Aliases (*name) are not allowed; write the value out."
        elif getattr(event, "anchor", None) is not None:
            told = "Anchors (&name) are not allowed; write the value out."
        elif getattr(event, "tag", None) is not None:
            told = "Tags (!name) are not allowed; quote what must be a text."
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        count += isinstance(event, yaml.NodeEvent)
        if documents > 1:
            told = "A file holds one document; this starts a second one."
        elif depth > MAX_DEPTH:
            told = f"Values are nested deeper than {MAX_DEPTH} levels."
        elif count > MAX_NODES:
            told = f"The file holds more than {MAX_NODES} values."
        if told:
            mark = event.start_mark
            yield Problem(file, mark.line + 1, mark.column + 1, told)
            return


def _node(node: Any, file: str, problems: list[Problem]) -> Node:
    mark = node.start_mark
    line, column = mark.line + 1, mark.column + 1
    if node.id == "sequence":
        return Node([_node(item, file, problems) for item in node.value], line, column)
    if node.id == "mapping":
        return _mapping(node, file, problems)
    if node.style:
        one_line = node.end_mark.line == mark.line and node.style in ("'", '"')
        exact = one_line and node.end_mark.column - mark.column == len(node.value) + 2
        return Node(node.value, line, column + 1 if exact else column, exact)
    return Node(resolved(node.value), line, column, node.end_mark.line == mark.line)


def _mapping(node: Any, file: str, problems: list[Problem]) -> Node:
    found = Node({}, node.start_mark.line + 1, node.start_mark.column + 1)
    for key, value in node.value:
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        name = key.value
        if key.id != "scalar" or (name == "<<" and not key.style):
            problems.append(Problem(file, line, column, "A key must be a plain word."))
            continue
        if name in found.keys:
            first = "{}:{}".format(*found.keys[name])
            problems.append(Problem(file, line, column, f"“{name}” is here twice; the first is at {first}."))
            continue
        found.keys[name] = line, column
        found.value[name] = _node(value, file, problems)
    return found


def resolved(text: str) -> Any:
    """A plain scalar by the core schema, so that `no` and `on` are texts."""
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
