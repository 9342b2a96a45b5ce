"""What an expression consists of, once it is read: typed nodes, each with its place in the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

MAX_CHARACTERS: Final = 4096
MAX_DEPTH: Final = 32
MAX_LIST: Final = 1000


class ValueType(StrEnum):
    """The type an attribute is declared with; LIST is a list of strings."""

    STRING = "string"
    INT = "int"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Declared:
    """One attribute an expression may name.

    Only a nullable one may be compared with null. `values`, when given, are the only literals it may be compared with.
    """

    type: ValueType
    nullable: bool = False
    values: tuple[str, ...] = ()


class ExpressionError(Exception):
    """The expression is refused. `column` counts characters of the text from 1."""

    def __init__(self, message: str, column: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.hint = hint

    def __str__(self) -> str:
        return f"column {self.column}: {self.message} {self.hint}".rstrip()


@dataclass(frozen=True, slots=True)
class Place:
    """The part of the text from `start` to before `end`, and how deeply the tree below it is nested."""

    start: int
    end: int
    depth: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """A declared name."""

    place: Place
    name: str
    declared: Declared


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, int, truth value or timestamp as written; a timestamp is in UTC."""

    place: Place
    type: ValueType
    value: str | int | bool | datetime


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """Literals of one type."""

    place: Place
    type: ValueType
    items: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Null:
    """The word null."""

    place: Place


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time."""

    place: Place
    value: timedelta


@dataclass(frozen=True, slots=True)
class Shifted:
    """A timestamp moved by a duration, which is negative for “-”."""

    place: Place
    base: Operand
    by: timedelta


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands of one type and the sign between them."""

    place: Place
    sign: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Membership:
    """Whether an operand is in a list."""

    place: Place
    item: Operand
    within: ListLiteral | Attribute


@dataclass(frozen=True, slots=True)
class Emptiness:
    """Whether a nullable attribute is null, or is not."""

    place: Place
    attribute: Attribute
    wanted: bool


@dataclass(frozen=True, slots=True)
class TextTest:
    """`startsWith`, `endsWith` or `contains`."""

    place: Place
    method: str
    text: Operand
    part: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    place: Place
    inner: Operand


@dataclass(frozen=True, slots=True)
class AllOf:
    """Conditions joined by &&."""

    place: Place
    parts: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Conditions joined by ||."""

    place: Place
    parts: tuple[Operand, ...]


Condition: TypeAlias = Comparison | Membership | Emptiness | TextTest | Not | AllOf | AnyOf
Operand: TypeAlias = Attribute | Literal | ListLiteral | Null | Duration | Shifted | Condition

CONDITIONS: Final = (Comparison, Membership, Emptiness, TextTest, Not, AllOf, AnyOf)


def type_of(node: Operand) -> ValueType | None:
    """The type, or None for null, a duration and a list that is written out."""
    match node:
        case Attribute():
            return node.declared.type
        case Literal():
            return node.type
        case Shifted():
            return ValueType.TIMESTAMP
        case ListLiteral() | Null() | Duration():
            return None
        case _:
            return ValueType.BOOL


_TYPE_NAMES: Final[Mapping[ValueType | None, str]] = {
    ValueType.STRING: "a string",
    ValueType.INT: "an int",
    ValueType.BOOL: "a bool",
    ValueType.TIMESTAMP: "a timestamp",
    ValueType.LIST: "a list",
}


def type_name(node: Operand) -> str:
    """The type with its article, for a sentence."""
    match node:
        case Null():
            return "null"
        case Duration():
            return "a duration"
        case ListLiteral():
            return "a list"
        case _:
            return _TYPE_NAMES[type_of(node)]


def parts_of(node: Operand) -> tuple[Operand, ...]:
    """The nodes right below, from left to right."""
    match node:
        case Comparison():
            return node.left, node.right
        case Membership():
            return node.item, node.within
        case Emptiness():
            return (node.attribute,)
        case TextTest():
            return node.text, node.part
        case Not():
            return (node.inner,)
        case AllOf() | AnyOf():
            return node.parts
        case Shifted():
            return (node.base,)
        case _:
            return ()
