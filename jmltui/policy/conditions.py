"""From the text of a `when` to a compiled condition, every mistake at the very character."""

from __future__ import annotations

from .expression import ExpressionError, compile_expression
from .fields import Fields, Where
from .known import Known
from .model import Condition


def read_condition(item: Fields, key: str, known: Known) -> Condition | None:
    """The condition under a key; None where there is none, or a wrong one, which is a problem."""
    if key not in item.nodes:
        return None
    text, where = item.text(key), item.place(key)
    if not text.strip():
        if item.nodes[key].is_scalar and item.nodes[key].value is not None:
            item.problems.add(where, f"“{key}” is empty.")
        return None
    expression = known.expressions.get(text)
    if expression is None:
        try:
            expression = compile_expression(text, known.declared)
        except ExpressionError as error:
            if known.complete:
                column = item.nodes[key].column_of(error.column - 1)
                item.problems.add(Where(where.file, where.line, column), error.message, error.hint)
            return None
        known.expressions[text] = expression
    return Condition(text, str(where), expression)
