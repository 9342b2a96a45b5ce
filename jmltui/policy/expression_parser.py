"""From the text of an expression to its typed tree.

The grammar is that of CEL, restricted; precedence from weak to strong: ||, &&, one relation, ±, !, methods. Source:
github.com/google/cel-spec, doc/langdef.md, “Syntax”. The reader's own depth is bounded by `MAX_DEPTH` brackets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jmltui.domain.nearest import did_you_mean

from .expression_times import read_duration, read_timestamp
from .expression_tokens import Kind, Token, refused, shortened, tokens
from .expression_tree import (
    MAX_DEPTH,
    MAX_LIST,
    Declared,
    Duration,
    ListLiteral,
    Literal,
    Null,
    Operand,
    ValueType,
)
from .expression_types import METHODS, Typing, too_deep

FUNCTIONS: Final = ("timestamp", "duration")

_RELATIONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_CONSTANTS: Final = {"true": True, "false": False}
_RESERVED: Final = frozenset({
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
    "namespace", "return", "var", "void", "while",
})  # fmt: skip
_INT_LIMIT: Final = 2**63

_INSTEAD: Final[Mapping[str, str]] = {
    "and": "Write &&.",
    "or": "Write ||.",
    "not": "Write ! before a condition, as in !(person.location in [\"DE\"]).",
    "is": "Write ==.",
    "eq": "Write ==.",
    "none": "Write null.",
    "nil": "Write null.",
    "null": "Write null.",
    "true": "Write true.",
    "false": "Write false.",
    "in": "Write in.",
}  # fmt: skip
_NO_LOOP: Final = 'There are no loops; ask a list with "…" in it.'
_NO_CONVERSION: Final = "Nothing is converted; declare the attribute with the type it has."
_NO_PART: Final = "The parts of a time are not available; compare whole timestamps, or an attribute such as now.hour."
_MISSING: Final[Mapping[str, str]] = {
    "has": "Declare the attribute as nullable and write != null.",
    "size": "Nothing is counted here.",
    "matches": "There are no regular expressions; use startsWith, endsWith or contains.",
    **dict.fromkeys(("all", "exists", "exists_one", "existsOne", "filter", "map"), _NO_LOOP),
    **dict.fromkeys(("int", "uint", "double", "string", "bool", "bytes", "dyn", "type"), _NO_CONVERSION),
    **dict.fromkeys(("getHours", "getMinutes", "getDate", "getDayOfWeek", "getMonth", "getFullYear"), _NO_PART),
}


def parse(text: str, declared: Mapping[str, Declared]) -> Operand:
    """The tree of the whole text, which is true or false. Raises ExpressionError."""
    return _Parser(text, declared).whole()


class _Parser:
    """Reads from left to right, one token ahead."""

    def __init__(self, text: str, declared: Mapping[str, Declared]) -> None:
        self.typing = Typing(text, declared)
        self.tokens = tokens(text)
        self.at = 0
        self.brackets = 0

    def whole(self) -> Operand:
        """The whole text."""
        if len(self.tokens) == 1:
            raise refused("The expression is empty.", self.next.start, "Leave it out when there is no condition.")
        node = self.either()
        if self.next.kind is not Kind.END:
            raise self.unexpected("Here should be && or ||, or the end")
        return self.typing.condition(node, "An expression is true or false")

    def either(self) -> Operand:
        """Conditions joined by ||."""
        parts = [self.both()]
        while self.takes("||"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else self.typing.joined("||", parts)

    def both(self) -> Operand:
        """Conditions joined by &&."""
        parts = [self.relation()]
        while self.takes("&&"):
            parts.append(self.relation())
        return parts[0] if len(parts) == 1 else self.typing.joined("&&", parts)

    def relation(self) -> Operand:
        """One operand, or two and the sign between them."""
        start = self.next.start
        left = self.sum()
        if self.next.text not in _RELATIONS:
            return left
        sign = self.take()
        right = self.sum()
        if self.next.text in _RELATIONS:
            hint = "Write two comparisons with && between them, or put brackets around one."
            raise refused("Comparisons cannot be chained.", self.next.start, hint)
        return self.typing.relation(sign.text, sign.start, left, right, (start, self.last_end))

    def sum(self) -> Operand:
        """An operand, or a timestamp moved by durations."""
        node = self.negated()
        while self.next.text in ("+", "-"):
            sign = self.take()
            node = self.typing.shifted(sign.text, sign.start, node, self.negated())
        return node

    def negated(self) -> Operand:
        """An operand with any number of ! before it."""
        signs = []
        while self.next.text == "!":
            signs.append(self.take())
        node = self.member()
        for sign in reversed(signs):
            node = self.typing.opposite(node, sign.start)
        return node

    def member(self) -> Operand:
        """An operand and the methods called on it."""
        start = self.next.start
        node = self.primary()
        while self.next.text in (".", "[", "("):
            if self.next.text == "[":
                raise refused("Nothing is indexed here.", self.next.start, 'Ask a list with "…" in it.')
            if self.next.text == "(":
                raise refused("Only a function or a method can be called.", self.next.start)
            self.take()
            node = self.method(node, start)
        return node

    def method(self, receiver: Operand, start: int) -> Operand:
        """A method's name and its argument in brackets."""
        name = self.take()
        if name.kind is not Kind.NAME:
            raise refused("After the dot should be a name.", name.start)
        if name.text not in METHODS:
            hint = _MISSING.get(name.text) or did_you_mean(name.text, METHODS)
            raise refused(f"There is no method “{shortened(name.text)}”.", name.start, hint)
        if self.next.text != "(":
            raise refused(f"“{name.text}” is a method.", name.start, f'Write {name.text}("…").')
        opening = self.open()
        if self.closes(")"):
            raise refused(f"“{name.text}” takes one string.", opening.start, f'Write {name.text}("…").')
        argument = self.either()
        if self.next.text == ",":
            raise refused(f"“{name.text}” takes one string.", self.next.start, "Join two calls with ||.")
        self.close(")", opening)
        return self.typing.text_test(name.text, receiver, argument, (start, self.last_end))

    def primary(self) -> Operand:
        """A literal, a name, a call, a list or something in brackets."""
        token = self.next
        if token.kind is Kind.STRING:
            return self.literal(ValueType.STRING)
        if token.kind is Kind.INT or token.text == "-":
            return self.number()
        if token.kind is Kind.NAME:
            return self.name()
        if token.text == "(":
            opening = self.open()
            node = self.either()
            self.close(")", opening)
            return node
        if token.text == "[":
            return self.listing()
        raise self.unexpected("Here should be an attribute, a value or a bracket")

    def literal(self, kind: ValueType) -> Literal:
        """The next token as a value."""
        token = self.take()
        return Literal(self.typing.place(token.start, token.end), kind, token.value)

    def number(self) -> Literal:
        """Digits with or without a minus."""
        start = self.next.start
        factor = -1 if self.takes("-") else 1
        token = self.take()
        if token.kind is not Kind.INT:
            raise refused("After the minus should be digits.", token.start, "There is no arithmetic.")
        value = factor * int(token.value)
        if not -_INT_LIMIT <= value < _INT_LIMIT:
            raise refused("The int has more than 64 bits.", start)
        return Literal(self.typing.place(start, token.end), ValueType.INT, value)

    def name(self) -> Operand:
        """A constant, a function's call, or an attribute; a name before an opening bracket is a method's."""
        first = self.take()
        if first.text in _CONSTANTS:
            return Literal(self.typing.place(first.start, first.end), ValueType.BOOL, _CONSTANTS[first.text])
        if first.text == "null":
            return Null(self.typing.place(first.start, first.end))
        if self.next.text == "(" and first.text.lower() not in _INSTEAD:
            return self.call(first)
        words = [first]
        while self.next.text == "." and self.peek(1).kind is Kind.NAME and self.peek(2).text != "(":
            self.take()
            words.append(self.take())
        name = ".".join(word.text for word in words)
        if self.next.text == "." and f"{name}.{self.peek(1).text}" in self.typing.declared:
            message = f"“{name}.{self.peek(1).text}” is an attribute, and nothing that is called."
            raise refused(message, self.peek(2).start, "Take the bracket out.")
        hint = _INSTEAD.get(first.text.lower())
        if hint is not None and name not in self.typing.declared:
            raise refused(f"“{first.text}” is no word of this language.", first.start, hint)
        if first.text in _RESERVED or any(word.text in ("in", "true", "false", "null") for word in words):
            raise refused(
                f"“{shortened(name)}” holds a word that CEL keeps for itself.",
                first.start,
                "Give the attribute another name.",
            )
        return self.typing.attribute(name, first.start, words[-1].end)

    def call(self, name: Token) -> Operand:
        """`timestamp("…")` or `duration("…")`."""
        if name.text not in FUNCTIONS:
            if name.text in METHODS:
                hint = f'Write it after an attribute: person.title.{name.text}("…").'
            else:
                hint = _MISSING.get(name.text) or did_you_mean(name.text, FUNCTIONS)
            raise refused(f"There is no function “{shortened(name.text)}”.", name.start, hint)
        opening = self.open()
        text = self.next
        if text.kind is not Kind.STRING:
            example = "2026-01-31T00:00:00Z" if name.text == "timestamp" else "24h"
            raise refused(f"“{name.text}” takes one string in quotes.", text.start, f'Write {name.text}("{example}").')
        literal = self.literal(ValueType.STRING)
        self.close(")", opening)
        place = self.typing.place(name.start, self.last_end, [literal])
        try:
            if name.text == "timestamp":
                return Literal(place, ValueType.TIMESTAMP, read_timestamp(str(text.value)))
            return Duration(place, read_duration(str(text.value)))
        except ValueError as error:
            hint = "Write it as 2026-01-31T22:00:00Z or 2026-01-31T22:00:00+01:00."
            if name.text == "duration":
                hint = "Write numbers with the units h, m, s, ms or us: 72h for three days, 1h30m."
            raise refused(str(error), text.start, hint) from None

    def listing(self) -> ListLiteral:
        """Literals of one type between [ and ]."""
        opening = self.open()
        items: list[Literal] = []
        while self.next.text != "]":
            items.append(self.item(items))
            if not self.takes(","):
                break
        self.close("]", opening)
        if not items:
            raise refused("The list is empty, so nothing is ever in it.", opening.start)
        return ListLiteral(self.typing.place(opening.start, self.last_end, items), items[0].type, tuple(items))

    def item(self, before: list[Literal]) -> Literal:
        """One literal of a list."""
        token = self.next
        if len(before) == MAX_LIST:
            raise refused(f"The list holds more than {MAX_LIST} values.", token.start, "Write several rules.")
        if token.kind is Kind.STRING:
            literal = self.literal(ValueType.STRING)
        elif token.kind is Kind.INT or token.text == "-":
            literal = self.number()
        elif token.kind is Kind.END:
            raise self.unexpected("The list has no end")
        else:
            hint = f'Put the value in quotes: "{shortened(token.text)}".' if token.kind is Kind.NAME else ""
            raise refused("A list holds strings in quotes or ints, nothing else.", token.start, hint)
        if before and literal.type is not before[0].type:
            raise refused("A list holds strings or ints, not both.", token.start)
        return literal

    @property
    def next(self) -> Token:
        """The token to be read."""
        return self.tokens[self.at]

    @property
    def last_end(self) -> int:
        """Where the token read last ends."""
        return self.tokens[self.at - 1].end

    def peek(self, ahead: int) -> Token:
        """A token further on."""
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Read a token; the end stays."""
        token = self.tokens[self.at]
        if token.kind is not Kind.END:
            self.at += 1
        return token

    def takes(self, sign: str) -> bool:
        """Read a sign if it comes next."""
        found = self.next.text == sign
        if found:
            self.at += 1
        return found

    def open(self) -> Token:
        """Read an opening bracket, one level deeper."""
        token = self.take()
        self.brackets += 1
        if self.brackets > MAX_DEPTH:
            raise too_deep(token.start)
        return token

    def closes(self, sign: str) -> bool:
        """Whether a closing bracket comes next."""
        return self.next.text == sign

    def close(self, sign: str, opening: Token) -> None:
        """Read the closing bracket, one level up."""
        if self.next.kind is Kind.END:
            raise refused(f"The bracket {opening.text} is never closed.", opening.start, f"Add {sign}.")
        if not self.takes(sign):
            raise self.unexpected(f"Here should be {sign}")
        self.brackets -= 1

    def unexpected(self, wanted: str) -> Exception:
        """The error for the token that comes next."""
        token = self.next
        if token.kind is Kind.END:
            return refused(f"{wanted}; the expression ends too early.", token.start)
        hint = _INSTEAD.get(token.text.lower(), "") if token.kind is Kind.NAME else ""
        return refused(f"{wanted}, not “{shortened(token.text)}”.", token.start, hint)
