"""Typed nodes out of their parts: what does not fit together is refused with its column and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from jmltui.domain.nearest import did_you_mean

from .expression_tokens import refused, shortened
from .expression_tree import (
    MAX_DEPTH,
    AllOf,
    AnyOf,
    Attribute,
    Comparison,
    Declared,
    Duration,
    Emptiness,
    ListLiteral,
    Literal,
    Membership,
    Not,
    Null,
    Operand,
    Place,
    Shifted,
    TextTest,
    ValueType,
    type_name,
    type_of,
)

METHODS: Final = ("startsWith", "endsWith", "contains")

_ORDERED: Final = (ValueType.STRING, ValueType.INT, ValueType.TIMESTAMP)
_EXAMPLES: Final[Mapping[ValueType, str]] = {
    ValueType.STRING: '== "…"',
    ValueType.INT: "== 0",
    ValueType.TIMESTAMP: '< timestamp("2026-01-31T00:00:00Z")',
}


class Typing:
    """Builds the nodes of one text."""

    def __init__(self, text: str, declared: Mapping[str, Declared]) -> None:
        self.text = text
        self.declared = declared

    def shown(self, node: Operand) -> str:
        """The part of the text that a node stands for, in quotes for a sentence; a string has its own."""
        part = self.written(node)
        return part if part[0] in "\"'" else f"“{part}”"

    def written(self, node: Operand) -> str:
        """The part of the text that a node stands for, shortened."""
        return shortened(self.text[node.place.start : node.place.end])

    def place(self, start: int, end: int, below: Sequence[Operand] = (), levels: int = 1) -> Place:
        """The place of a node `levels` above those below it. Raises ExpressionError when that is too deep."""
        depth = levels + max((node.place.depth for node in below), default=0)
        if depth > MAX_DEPTH:
            raise too_deep(start)
        return Place(start, end, depth)

    def attribute(self, name: str, start: int, end: int) -> Attribute:
        """A declared name."""
        found = self.declared.get(name)
        if found is not None:
            return Attribute(self.place(start, end, levels=name.count(".") + 1), name, found)
        receiver, _, method = name.rpartition(".")
        if receiver in self.declared:
            hint = f"“{receiver}” is {type_name_of(self.declared[receiver])} and has no parts."
            if method in METHODS:
                hint = f'Write {name}("…").'
        else:
            hint = did_you_mean(name, self.declared)
            if "." not in name:
                hint = f'{hint} A text needs quotes: "{shortened(name)}".'.lstrip()
        raise refused(f"There is no attribute “{shortened(name)}”.", start, hint)

    def condition(self, node: Operand, where: str) -> Operand:
        """The node itself, when it is true or false; `where` begins the sentence otherwise."""
        kind = type_of(node)
        if kind is ValueType.BOOL:
            return node
        hint = ""
        if isinstance(node, Attribute) and kind is not None and kind in _EXAMPLES:
            hint = f"Compare it, as in {self.written(node)} {_EXAMPLES[kind]}."
        elif kind is ValueType.LIST:
            hint = f'Ask for one of its members, as in "…" in {self.written(node)}.'
        raise refused(f"{where}, but {self.shown(node)} is {type_name(node)}.", node.place.start, hint)

    def joined(self, sign: str, parts: Sequence[Operand]) -> AllOf | AnyOf:
        """Conditions joined by && or ||."""
        for part in parts:
            self.condition(part, f"“{sign}” joins conditions")
        kind = AllOf if sign == "&&" else AnyOf
        return kind(self.place(parts[0].place.start, parts[-1].place.end, parts), tuple(parts))

    def opposite(self, inner: Operand, start: int) -> Not:
        """The opposite of a condition."""
        if type_of(inner) is not ValueType.BOOL:
            message = f"“!” stands before a condition, but {self.shown(inner)} is {type_name(inner)}."
            raise refused(message, inner.place.start, f"Put brackets around the whole: !({self.written(inner)} …).")
        return Not(self.place(start, inner.place.end, [inner]), inner)

    def shifted(self, sign: str, at: int, base: Operand, by: Operand) -> Shifted:
        """A timestamp moved by a duration."""
        if type_of(base) is not ValueType.TIMESTAMP or not isinstance(by, Duration):
            hint = 'Only timestamp + duration("24h") and timestamp - duration("24h") can be written.'
            raise refused(f"“{sign}” cannot be used with {type_name(base)} and {type_name(by)}.", at, hint)
        delta: timedelta = by.value if sign == "+" else -by.value
        return Shifted(self.place(base.place.start, by.place.end, [base, by]), base, delta)

    def relation(self, sign: str, at: int, left: Operand, right: Operand, span: tuple[int, int]) -> Operand:
        """A comparison, a membership or a test for null; `span` includes the brackets around its operands."""
        place = self.place(*span, [left, right])
        if sign == "in":
            return self._membership(place, left, right)
        if isinstance(left, Null) or isinstance(right, Null):
            return self._emptiness(place, sign, at, left, right)
        for node in (left, right):
            if isinstance(node, Duration):
                hint = 'Write person.end - duration("24h") < now, for example.'
                raise refused("A duration is only added to a timestamp or taken from it.", node.place.start, hint)
            if isinstance(node, ListLiteral) or type_of(node) is ValueType.LIST:
                raise refused("Lists are not compared.", node.place.start, 'Write "…" in the list.')
        kind = type_of(left)
        if kind is not type_of(right):
            raise self._mixed(left, right)
        if sign not in ("==", "!=") and kind not in _ORDERED:
            raise refused(f"“{sign}” does not compare bools.", at, "Write == or !=.")
        if sign in ("==", "!="):
            self._known_value(left, right)
            self._known_value(right, left)
        return Comparison(place, sign, left, right)

    def text_test(self, method: str, text: Operand, part: Operand, span: tuple[int, int]) -> TextTest:
        """One of the methods of strings."""
        if type_of(text) is not ValueType.STRING:
            hint = ""
            if type_of(text) is ValueType.LIST and method == "contains":
                hint = f"Write {self.written(part)} in {self.written(text)}."
            raise refused(f"“{method}” asks a string, but {self.shown(text)} is {type_name(text)}.", span[0], hint)
        if type_of(part) is not ValueType.STRING:
            message = f"“{method}” takes a string, but {self.shown(part)} is {type_name(part)}."
            raise refused(message, part.place.start, f'Write {method}("…").')
        return TextTest(self.place(*span, [text, part]), method, text, part)

    def _membership(self, place: Place, item: Operand, within: Operand) -> Membership:
        if isinstance(within, ListLiteral):
            wanted = within.type
            for literal in within.items:
                self._known_value(item, literal)
        elif isinstance(within, Attribute) and within.declared.type is ValueType.LIST:
            wanted = ValueType.STRING
            self._known_value(within, item)
        else:
            message = f"“in” looks into a list, but {self.shown(within)} is {type_name(within)}."
            hint = f"Write [{self.written(within)}], or == for one value." if isinstance(within, Literal) else ""
            raise refused(message, within.place.start, hint)
        if type_of(item) is not wanted:
            kind = "strings" if wanted is ValueType.STRING else "ints"
            message = f"{self.shown(item)} is {type_name(item)}, and the list holds {kind}."
            raise refused(message, item.place.start)
        return Membership(place, item, within)

    def _emptiness(self, place: Place, sign: str, at: int, left: Operand, right: Operand) -> Emptiness:
        node = right if isinstance(left, Null) else left
        if not isinstance(node, Attribute):
            raise refused("Only an attribute can be null.", node.place.start)
        if sign not in ("==", "!="):
            raise refused(f"“{sign}” does not compare with null.", at, "Write == or !=.")
        if not node.declared.nullable:
            hint = (
                "Declare it as nullable, or leave this out: where it is empty, nobody can tell and nothing is granted."
            )
            raise refused(f"“{node.name}” is not declared as nullable.", node.place.start, hint)
        return Emptiness(place, node, sign == "==")

    def _mixed(self, left: Operand, right: Operand) -> Exception:
        literal, other = (
            (left, right) if isinstance(left, Literal) and not isinstance(right, Literal) else (right, left)
        )
        message = (
            f"{self.shown(other)} is {type_name(other)} and {self.shown(literal)} is {type_name(literal)}: "
            "they cannot be compared."
        )
        hint = ""
        if isinstance(literal, Literal):
            hint = {
                ValueType.STRING: "Write the value in quotes.",
                ValueType.INT: "Write the number without quotes.",
                ValueType.BOOL: "Write true or false, without quotes.",
                ValueType.TIMESTAMP: 'Write timestamp("2026-01-31T00:00:00Z").',
            }.get(type_of(other) or ValueType.LIST, "")
        return refused(message, literal.place.start, hint)

    def _known_value(self, node: Operand, literal: Operand) -> None:
        """Refuse a literal that is not among the values its attribute is declared with."""
        if not isinstance(node, Attribute) or not isinstance(literal, Literal) or not node.declared.values:
            return
        if literal.type in (ValueType.STRING, ValueType.INT) and str(literal.value) not in node.declared.values:
            hint = did_you_mean(str(literal.value), node.declared.values, kind="Its values")
            raise refused(f"“{node.name}” is never {self.written(literal)}.", literal.place.start, hint)


def too_deep(at: int) -> Exception:
    """The error for a place that is nested too deeply."""
    return refused(f"The expression is nested more than {MAX_DEPTH} levels deep.", at, "Write several rules.")


def type_name_of(declared: Declared) -> str:
    """The type of an attribute with its article."""
    return f"{'an' if declared.type is ValueType.INT else 'a'} {declared.type.value}"
