"""Expressions compiled to Python closures over rows of values; no source text is ever run.

Three-valued, after Kleene: a value that is absent, or of another type than declared, makes whatever is asked about it
unknown, and unknown stays so unless the other side of && or || decides alone. This is CEL's rule for errors. Source:
github.com/google/cel-spec, doc/langdef.md, “Logical Operators”.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from .expression_tree import (
    AllOf,
    AnyOf,
    Attribute,
    Comparison,
    Duration,
    Emptiness,
    ListLiteral,
    Literal,
    Membership,
    Not,
    Null,
    Operand,
    Shifted,
    TextTest,
    ValueType,
)

Row: TypeAlias = Sequence[object]
Test: TypeAlias = Callable[[Row], bool | None]
Read: TypeAlias = Callable[[Row], Any]

_SIGNS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_METHODS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}


def compile_test(node: Operand, index: Mapping[str, int]) -> Test:
    """The condition over rows whose values stand at `index`; an attribute that has no index is unknown."""
    match node:
        case AllOf():
            return _all_of(node.parts, index)
        case AnyOf():
            return _any_of(node.parts, index)
        case Not():
            return _opposite(compile_test(node.inner, index))
        case Comparison():
            return _comparison(node, index)
        case Membership():
            return _membership(node, index)
        case Emptiness():
            return _emptiness(index.get(node.attribute.name), node.wanted)
        case TextTest():
            return _pair(_METHODS[node.method], compile_read(node.text, index), compile_read(node.part, index))
        case _:
            return compile_read(node, index)


def compile_read(node: Operand, index: Mapping[str, int]) -> Read:
    """The operand's value over rows; None when it is unknown."""
    match node:
        case Attribute():
            return _attribute(index.get(node.name), node.declared.type)
        case Literal():
            return _constant(node.value)
        case Shifted():
            return _shifted(compile_read(node.base, index), node)
        case ListLiteral() | Null() | Duration():
            raise TypeError(f"{type(node).__name__} has no value of its own")
        case _:
            return compile_test(node, index)


def value_of(value: object, kind: ValueType) -> Any:
    """The value as its declared type; None when it is absent or of another type. Timestamps become UTC."""
    return _attribute(0, kind)((value,))


def _constant(value: Any) -> Read:
    return lambda row: value


def _attribute(at: int | None, kind: ValueType) -> Read:
    if at is None:
        return _constant(None)
    return {
        ValueType.STRING: _string,
        ValueType.INT: _int,
        ValueType.BOOL: _bool,
        ValueType.TIMESTAMP: _timestamp,
        ValueType.LIST: _list,
    }[kind](at)


def _string(at: int) -> Read:
    def string(row: Row) -> str | None:
        value = row[at]
        return value if isinstance(value, str) else None

    return string


def _int(at: int) -> Read:
    def integer(row: Row) -> int | None:
        value = row[at]
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    return integer


def _bool(at: int) -> Read:
    def truth(row: Row) -> bool | None:
        value = row[at]
        return value if value is True or value is False else None

    return truth


def _timestamp(at: int) -> Read:
    def moment(row: Row) -> datetime | None:
        value = row[at]
        if not isinstance(value, datetime) or value.tzinfo is None:
            return None
        # Python compares two moments of one zone by the clock on the wall, which repeats an hour each autumn.
        return value if value.tzinfo is UTC else _in_utc(value)

    return moment


def _in_utc(value: datetime) -> datetime | None:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return None


def _list(at: int) -> Read:
    def members(row: Row) -> Sequence[object] | None:
        value = row[at]
        return value if isinstance(value, (tuple, list)) else None

    return members


def _shifted(base: Read, node: Shifted) -> Read:
    by = node.by

    def shifted(row: Row) -> datetime | None:
        moment = base(row)
        if moment is None:
            return None
        try:
            return moment + by  # type: ignore[no-any-return]
        except OverflowError:
            return None

    return shifted


def _comparison(node: Comparison, index: Mapping[str, int]) -> Test:
    if (asked := asked_among(node)) is not None and asked[0] in index:
        return _among(index[asked[0]], asked[1])
    left, right = node.left, node.right
    if isinstance(right, Literal) and isinstance(right.value, bool):
        test = compile_read(left, index)
        return test if right.value is (node.sign == "==") else _opposite(test)
    if isinstance(right, Literal):
        return _against(_SIGNS[node.sign], compile_read(left, index), right.value)
    return _pair(_SIGNS[node.sign], compile_read(left, index), compile_read(right, index))


def _against(test: Callable[[Any, Any], bool], read: Read, wanted: object) -> Test:
    def against(row: Row) -> bool | None:
        value = read(row)
        return None if value is None else test(value, wanted)

    return against


def _pair(test: Callable[[Any, Any], bool], left: Read, right: Read) -> Test:
    def pair(row: Row) -> bool | None:
        first, second = left(row), right(row)
        return None if first is None or second is None else test(first, second)

    return pair


def _membership(node: Membership, index: Mapping[str, int]) -> Test:
    if (asked := asked_among(node)) is not None and asked[0] in index:
        return _among(index[asked[0]], asked[1])
    if isinstance(node.within, Attribute):
        return _pair(operator.contains, compile_read(node.within, index), compile_read(node.item, index))
    items = frozenset(literal.value for literal in node.within.items)
    return _against(_is_in, compile_read(node.item, index), items)


def _is_in(value: object, items: frozenset[object]) -> bool:
    return value in items


def _among(at: int, items: frozenset[object]) -> Test:
    def among(row: Row) -> bool | None:
        value = row[at]
        return value in items if isinstance(value, str) else None

    return among


def _emptiness(at: int | None, wanted: bool) -> Test:
    if at is None:
        return _constant(wanted)

    def empty(row: Row) -> bool:
        return (row[at] is None) is wanted

    return empty


def _opposite(test: Test) -> Test:
    def opposite(row: Row) -> bool | None:
        answer = test(row)
        return None if answer is None else not answer

    return opposite


def _all_of(parts: Sequence[Operand], index: Mapping[str, int]) -> Test:
    """All parts, cheap and selective ones first: the order changes nothing, for no part has an effect."""
    lookups, rest = _split(parts, index)
    tests = [compile_test(part, index) for part in rest]

    def all_of(row: Row) -> bool | None:
        answer: bool | None = True
        for at, items in lookups:
            value = row[at]
            if not isinstance(value, str):
                answer = None
            elif value not in items:
                return False
        for test in tests:
            told = test(row)
            if told is False:
                return False
            if told is None:
                answer = None
        return answer

    return all_of


def _any_of(parts: Sequence[Operand], index: Mapping[str, int]) -> Test:
    lookups, rest = _split(parts, index)
    tests = [compile_test(part, index) for part in rest]

    def any_of(row: Row) -> bool | None:
        answer: bool | None = False
        for at, items in lookups:
            value = row[at]
            if not isinstance(value, str):
                answer = None
            elif value in items:
                return True
        for test in tests:
            told = test(row)
            if told is True:
                return True
            if told is None:
                answer = None
        return answer

    return any_of


def _split(
    parts: Sequence[Operand], index: Mapping[str, int]
) -> tuple[tuple[tuple[int, frozenset[object]], ...], list[Operand]]:
    """The parts that ask whether a string is one of some values, fewest values first, and all others."""
    lookups, rest = [], []
    for part in parts:
        asked = asked_among(part)
        if asked is None or asked[0] not in index:
            rest.append(part)
        else:
            lookups.append((index[asked[0]], asked[1]))
    return tuple(sorted(lookups, key=lambda lookup: len(lookup[1]))), rest


def asked_among(node: Operand) -> tuple[str, frozenset[object]] | None:
    """The name and the accepted values, when the node asks whether a string attribute is one of some literals."""
    match node:
        case Membership(item=Attribute() as item, within=ListLiteral() as within):
            found = item, frozenset(literal.value for literal in within.items)
        case Comparison(sign="==", left=Attribute() as left, right=Literal() as right):
            found = left, frozenset([right.value])
        case Comparison(sign="==", left=Literal() as left, right=Attribute() as right):
            found = right, frozenset([left.value])
        case _:
            return None
    return (found[0].name, found[1]) if found[0].declared.type is ValueType.STRING else None
