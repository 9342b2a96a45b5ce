"""Why an expression answers what it answers: a tree of its parts, each with its answer and the values it saw."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from .expression_closures import compile_test, value_of
from .expression_tree import (
    CONDITIONS,
    AllOf,
    AnyOf,
    Attribute,
    Not,
    Operand,
    parts_of,
)
from .expression_types import type_name_of

_SHOWN: Final = 8
_BREAK: Final = re.compile(r" *[\n\t][ \n\t]*")


@dataclass(frozen=True, slots=True)
class Told:
    """One part of an expression; `answer` is None when nobody can tell. Values in the text are not cleaned."""

    answer: bool | None
    text: str
    children: tuple[Told, ...] = ()


def tell(node: Operand, text: str, values: Mapping[str, object]) -> Told:
    """The part of the text that a node stands for, and all below it."""
    names = list(dict.fromkeys(attribute.name for attribute in attributes(node)))
    index = {name: at for at, name in enumerate(names)}
    answer = compile_test(node, index)([values.get(name) for name in names])
    match node:
        case AllOf():
            return Told(answer, "all of these", tuple(tell(part, text, values) for part in node.parts))
        case AnyOf():
            return Told(answer, "any of these", tuple(tell(part, text, values) for part in node.parts))
        case Not():
            return Told(answer, "not", (tell(node.inner, text, values),))
    operands = parts_of(node) if isinstance(node, CONDITIONS) else (node,)
    below = [part for part in operands if isinstance(part, CONDITIONS)]
    seen = {a.name: a for part in operands if not isinstance(part, CONDITIONS) for a in attributes(part)}
    written = _BREAK.sub(" ", text[node.place.start : node.place.end])
    note = _note(answer, list(seen.values()), values, deeper=bool(below))
    return Told(answer, f"{written}   ({note})" if note else written, tuple(tell(part, text, values) for part in below))


def attributes(node: Operand) -> Iterator[Attribute]:
    """Every attribute of a tree, in order of first use."""
    if isinstance(node, Attribute):
        yield node
    for part in parts_of(node):
        yield from attributes(part)


def _note(answer: bool | None, seen: list[Attribute], values: Mapping[str, object], *, deeper: bool) -> str:
    if answer is None:
        reasons = [f"{a.name} {_state(a, values)}" for a in seen if _value(a, values) is None]
        if reasons:
            return f"cannot tell: {' and '.join(reasons)}"
        return "cannot tell" if deeper else "cannot tell: the time is out of range"
    if len(seen) == 1:
        return _state(seen[0], values)
    return ", ".join(f"{a.name} {_state(a, values)}" for a in seen)


def _value(attribute: Attribute, values: Mapping[str, object]) -> Any:
    return value_of(values.get(attribute.name), attribute.declared.type)


def _state(attribute: Attribute, values: Mapping[str, object]) -> str:
    value = _value(attribute, values)
    if value is not None:
        return f"is {_shown(value)}"
    return "is empty" if values.get(attribute.name) is None else f"is not {type_name_of(attribute.declared)}"


def _shown(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"“{value}”"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case tuple() | list():
            more = f" and {len(value) - _SHOWN} more" if len(value) > _SHOWN else ""
            return f"[{', '.join(_shown(item) for item in value[:_SHOWN])}]{more}"
        case _:
            return str(value)
