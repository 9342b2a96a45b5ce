"""One mapping of a description while it is read: typed reads, and every problem with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jmltui.domain.nearest import did_you_mean
from jmltui.errors import Problem

from .expression import BadExpression, Expression, parse_expression
from .template import BadTemplate, Body, Template, parse_template
from .yaml_nodes import Node

EVERYWHERE: Final = frozenset({"now", "today"})
"""What every template may name: the instant of the call (RFC 3339, UTC) and its day."""

Names = frozenset[str]


@dataclass(slots=True)
class Reading:
    """What is shared while one file is read. `names` are those every template of it may use."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    names: Names = EVERYWHERE


class Block:
    """Reads keys, remembers which were asked for, collects problems. `title` is how messages call it."""

    def __init__(self, node: Node, reading: Reading, title: str) -> None:
        self.node, self.reading, self.title = node, reading, title
        self._asked: set[str] = set()
        if not isinstance(node.value, dict):
            self.problem(node, f"{title} must be a mapping, not {node.word}.")
            self.node = Node({}, node.line, node.column)

    # ---- problems

    def problem(self, node: Node, message: str, hint: str = "", *, at: int = 0) -> None:
        """A problem at a value; `at` characters within it where its characters stand as they were written."""
        column = node.column + (at if node.exact else 0)
        self.reading.problems.append(Problem(self.reading.file, node.line, column, message, hint))

    def problem_at(self, key: str, message: str, hint: str = "") -> None:
        """A problem at a key of this mapping, or at its begin where it lacks the key."""
        line, column = self.node.keys.get(key, (self.node.line, self.node.column))
        self.reading.problems.append(Problem(self.reading.file, line, column, message, hint))

    def done(self) -> None:
        """Every key that was not asked for is a problem."""
        for key in self.node.value:
            if key not in self._asked:
                self.problem_at(key, f"“{key}” is not known in {self.title}.", did_you_mean(key, self._asked))

    # ---- what is there

    def has(self, key: str) -> bool:
        """Whether the key stands there with a value."""
        self._asked.add(key)
        found = self.node.value.get(key)
        return found is not None and found.value is not None

    def names(self) -> list[str]:
        """All keys, which count as known by that."""
        self._asked.update(self.node.value)
        return list(self.node.value)

    def get(self, key: str, *, required: bool = False) -> Node | None:
        """The node of a key; None, and a problem where it is required, if it is absent or empty."""
        if self.has(key):
            found: Node = self.node.value[key]
            return found
        if required:
            unasked = [name for name in self.node.value if name not in self._asked]
            hint = did_you_mean(key, unasked, kind="Not understood there")
            self.problem_at("", f"{self.title} lacks “{key}”.", hint)
        return None

    # ---- scalars

    def text(self, key: str, default: str = "", *, required: bool = False, choices: Iterable[str] = ()) -> str:
        """A text; a number is taken as it is written."""
        node = self.get(key, required=required)
        if node is None:
            return default
        if not isinstance(node.value, str | int | float) or isinstance(node.value, bool):
            self.problem(node, f"“{key}” must be a text, not {node.word}.")
            return default
        known = tuple(choices)
        if known and str(node.value) not in known:
            hint = did_you_mean(str(node.value), known)
            self.problem(node, f"“{node.value}” is none of {', '.join(known)}.", hint)
            return default
        return str(node.value)

    def truth(self, key: str, default: bool = False) -> bool:
        """True or false."""
        node = self.get(key)
        if node is None:
            return default
        if not isinstance(node.value, bool):
            self.problem(node, f"“{key}” must be true or false, not {node.word}.")
            return default
        return node.value

    def number(self, key: str, default: float, *, least: float, most: float, whole: bool = False) -> float:
        """A number within limits."""
        node = self.get(key)
        if node is None:
            return default
        kinds = (int,) if whole else (int, float)
        if not isinstance(node.value, kinds) or isinstance(node.value, bool):
            self.problem(node, f"“{key}” must be {'a whole number' if whole else 'a number'}, not {node.word}.")
            return default
        if not least <= node.value <= most:
            self.problem(node, f"“{key}” must be between {least:g} and {most:g}, not {node.value}.")
            return default
        return float(node.value)

    def integer(self, key: str, default: int, *, least: int, most: int) -> int:
        """A whole number within limits."""
        return int(self.number(key, default, least=least, most=most, whole=True))

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts, or one."""
        node = self.get(key)
        if node is None:
            return default
        items = node.value if isinstance(node.value, list) else [node]
        found = []
        for item in items:
            if isinstance(item.value, dict | list) or item.value is None:
                self.problem(item, f"“{key}” must be a list of texts; this is {item.word}.")
            else:
                found.append(_as_text(item.value))
        return tuple(found)

    def statuses(self, key: str, default: Iterable[int] = ()) -> frozenset[int]:
        """A list of HTTP statuses, or one."""
        node = self.get(key)
        if node is None:
            return frozenset(default)
        found = set()
        for item in node.value if isinstance(node.value, list) else [node]:
            if isinstance(item.value, bool) or not isinstance(item.value, int) or not 100 <= item.value <= 599:
                self.problem(item, f"“{key}” must be HTTP statuses, numbers from 100 to 599.")
            else:
                found.add(item.value)
        return frozenset(found)

    # ---- what is compiled

    def expression(self, key: str, *, required: bool = False) -> Expression | None:
        """A JMESPath expression."""
        node = self.get(key, required=required)
        return None if node is None else self.as_expression(node, key)

    def as_expression(self, node: Node, key: str) -> Expression | None:
        """A node as a JMESPath expression."""
        if not isinstance(node.value, str):
            self.problem(node, f"“{key}” must be a JMESPath expression, not {node.word}.", "Quote it.")
            return None
        try:
            return parse_expression(node.value)
        except BadExpression as error:
            self.problem(node, str(error), at=error.at)
            return None

    def template(self, key: str, names: Names, *, required: bool = False) -> Template | None:
        """A text with placeholders, of which `names` are known."""
        node = self.get(key, required=required)
        return None if node is None else self.as_template(node, names)

    def as_template(self, node: Node, names: Names) -> Template | None:
        """A node as a template."""
        if isinstance(node.value, dict | list) or node.value is None:
            self.problem(node, f"This must be a text, not {node.word}.")
            return None
        try:
            found = parse_template(_as_text(node.value))
        except BadTemplate as error:
            self.problem(node, str(error), at=error.at)
            return None
        known = names | self.reading.names
        for slot in found.slots:
            if not any(slot.name == name or (name.endswith("*") and slot.name.startswith(name[:-1])) for name in known):
                hint = did_you_mean(slot.name, [name for name in known if not name.endswith("*")], kind="Known here")
                self.problem(node, f"“{{{slot.name}}}” stands for nothing here.", hint, at=slot.at)
        return found

    def templates(self, key: str, names: Names) -> Mapping[str, Template]:
        """A mapping whose values are templates."""
        block = self.block(key)
        found = {name: block.as_template(block.node.value[name], names) for name in block.names()} if block else {}
        return {name: template for name, template in found.items() if template is not None}

    def body(self, key: str, names: Names) -> Body | None:
        """A JSON body with templates in place of texts."""
        node = self.get(key)
        return None if node is None else Body(self._shape(node, names))

    def _shape(self, node: Node, names: Names) -> Any:
        if isinstance(node.value, dict):
            return {key: self._shape(value, names) for key, value in node.value.items()}
        if isinstance(node.value, list):
            return [self._shape(item, names) for item in node.value]
        return self.as_template(node, names) or "" if isinstance(node.value, str) else node.value

    # ---- what is within

    def block(self, key: str, *, required: bool = False) -> Block | None:
        """A mapping within."""
        node = self.get(key, required=required)
        return None if node is None else Block(node, self.reading, f"“{key}” of {self.title}")

    def blocks(self, key: str) -> Iterator[tuple[str, Block]]:
        """A mapping of mappings within."""
        outer = self.block(key)
        if outer is not None:
            for name in outer.names():
                yield name, Block(outer.node.value[name], self.reading, f"“{name}” of {outer.title}")

    def items(self, key: str) -> Iterator[Block]:
        """A list of mappings within."""
        node = self.get(key)
        if node is None:
            return
        if not isinstance(node.value, list):
            self.problem(node, f"“{key}” must be a list, not {node.word}.")
            return
        for item in node.value:
            yield Block(item, self.reading, f"an item of “{key}”")


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
