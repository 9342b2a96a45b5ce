"""The language of a policy's `when:`: a strict, typed, bounded subset of CEL.

An expression names declared attributes only, is checked as a whole when it is read, and always ends: there are no
loops, no regular expressions and no arithmetic but timestamp ± duration. Its answer is True, False or None, “cannot
tell”. What is True or False here is so in every engine of CEL. Source: github.com/google/cel-spec, doc/langdef.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .expression_closures import Test, asked_among, compile_test
from .expression_parser import parse
from .expression_told import Told, attributes, tell
from .expression_tree import AllOf, Declared, ExpressionError, Operand, ValueType

__all__ = ["Declared", "Expression", "ExpressionError", "Told", "ValueType", "compile_expression", "necessary"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `attributes` are the names it uses, in order of first use, each once.

    Values are str, int, bool, datetime with a zone, and for a list a tuple of str. A name without a value, None, and a
    value of another type than declared are unknown.
    """

    text: str
    attributes: tuple[str, ...]
    tree: Operand = field(repr=False)
    test: Test = field(repr=False, compare=False)

    def evaluate(self, values: Mapping[str, object]) -> bool | None:
        """The answer for one set of values; None means that nobody can tell."""
        return self.test([values.get(name) for name in self.attributes])

    def over(self, names: Sequence[str]) -> Callable[[Sequence[object]], bool | None]:
        """The same for rows whose values stand in the order of `names`: compile once, ask for many."""
        return compile_test(self.tree, {name: at for at, name in enumerate(names)})

    def explain(self, values: Mapping[str, object]) -> Told:
        """The answer with the answers of all parts and the values they saw."""
        return tell(self.tree, self.text, values)


def compile_expression(text: str, declared: Mapping[str, Declared]) -> Expression:
    """Read and check an expression; the keys of `declared` are full names, `person.type`. Raises ExpressionError."""
    tree = parse(text, declared)
    names = tuple(dict.fromkeys(attribute.name for attribute in attributes(tree)))
    return Expression(text, names, tree, compile_test(tree, {name: at for at, name in enumerate(names)}))


def necessary(expression: Expression) -> dict[str, frozenset[str]]:
    """Strings of which an attribute must be one for the answer to be anything but False, by the attribute's name."""
    parts = expression.tree.parts if isinstance(expression.tree, AllOf) else (expression.tree,)
    found: dict[str, frozenset[str]] = {}
    for part in parts:
        asked = asked_among(part)
        if asked is not None:
            values = frozenset(value for value in asked[1] if isinstance(value, str))
            found[asked[0]] = found.get(asked[0], values) & values
    return found
