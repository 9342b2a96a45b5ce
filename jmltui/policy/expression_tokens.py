"""The words of an expression, with their columns; whatever is no word of the language is refused here.

Strings and their escapes are those of CEL. Source: github.com/google/cel-spec, doc/langdef.md, “Syntax”.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from .expression_tree import MAX_CHARACTERS, ExpressionError

_REFUSED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
"""Control, text-reordering and invisible characters; line ends and tabs are white space outside strings."""

_SPACE: Final = re.compile(r"[ \n\t]*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIGITS: Final = re.compile(r"[0-9]+")
_NUMBER_GOES_ON: Final = re.compile(r"[A-Za-z_]|\.[0-9]")
_SIGN: Final = re.compile(r"&&|\|\||[=!<>]=|[!<>()\[\],.+-]")
_PLAIN: Final = re.compile(r"""[^"'\\\n\t]+""")
_OCTAL: Final = re.compile(r"[0-3][0-7]{2}")

_SIMPLE_ESCAPES: Final[Mapping[str, str]] = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "?": "?", '"': '"', "'": "'", "`": "`",
}  # fmt: skip
_CODE_ESCAPES: Final[Mapping[str, re.Pattern[str]]] = {
    letter: re.compile(f"[0-9a-fA-F]{{{length}}}") for letter, length in (("x", 2), ("X", 2), ("u", 4), ("U", 8))
}
_PREFIXES: Final = frozenset({"r", "b", "rb", "br"})

_ARITHMETIC: Final = "There is no arithmetic; compare with a value that is written out."
_HINTS: Final[Mapping[str, str]] = (
    {
        "=": "Write == to compare.",
        "&": "Write &&.",
        "|": "Write ||.",
        "?": "There is no “? :”; write two rules, or && and ||.",
        ":": "There is no “? :”; write two rules, or && and ||.",
        "*": _ARITHMETIC,
        "/": _ARITHMETIC,
        "%": _ARITHMETIC,
        "{": "There are no maps and objects; write a list with [ ].",
        "}": "There are no maps and objects; write a list with [ ].",
        ";": "An expression is one condition; join conditions with &&.",
        "≠": "Write !=.",
        "≤": "Write <=.",
        "≥": "Write >=.",
    }
    | dict.fromkeys("“”„‟«»", 'Write straight quotes: "…".')
    | dict.fromkeys("‘’‚`´", "Write straight quotes: '…'.")
)


_SHOWN: Final = 40


class Kind(Enum):
    """What a token is."""

    NAME = auto()
    STRING = auto()
    INT = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A word from `start` to before `end` of the text; `value` is the meaning of a string or an int."""

    kind: Kind
    text: str
    start: int
    end: int
    value: str | int = ""


def refused(message: str, at: int, hint: str = "") -> ExpressionError:
    """The error for a place, which counts from 0."""
    return ExpressionError(message, at + 1, hint)


def shortened(text: str) -> str:
    """The text on one line, cut where it is too long for a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def tokens(text: str) -> list[Token]:
    """All words and one that marks the end. Raises ExpressionError."""
    if len(text) > MAX_CHARACTERS:
        message = f"The expression has {len(text)} characters, more than the {MAX_CHARACTERS} allowed."
        raise refused(message, MAX_CHARACTERS, "Write several rules.")
    if found := _REFUSED.search(text):
        code = f"{ord(found[0]):04X}"
        message = f"There is a control, invisible or text-reordering character here (U+{code})."
        raise refused(message, found.start(), "Delete it; in a string, write it as an escape if it is meant.")
    words = []
    at = _after_space(text, 0)
    while at < len(text):
        word = _token(text, at)
        words.append(word)
        at = _after_space(text, word.end)
    words.append(Token(Kind.END, "", at, at))
    return words


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _token(text: str, at: int) -> Token:
    if text[at] in "\"'":
        return _string(text, at)
    if found := _NAME.match(text, at):
        following = text[found.end() : found.end() + 1]
        if found[0].lower() in _PREFIXES and following and following in "\"'":
            raise refused("Raw strings and bytes are not in this language.", at, "Write the string without a letter.")
        return Token(Kind.NAME, found[0], at, found.end())
    if found := _DIGITS.match(text, at):
        return _int(text, found)
    if found := _SIGN.match(text, at):
        return Token(Kind.SIGN, found[0], at, found.end())
    raise refused(f"“{text[at]}” is no sign of this language.", at, _HINTS.get(text[at], ""))


def _int(text: str, found: re.Match[str]) -> Token:
    digits = found[0]
    if _NUMBER_GOES_ON.match(text, found.end()) or (len(digits) > 1 and digits[0] == "0") or len(digits) > 19:
        raise refused("This is not an int that can be used here.", found.start(), "Write plain digits, as in 18.")
    return Token(Kind.INT, digits, found.start(), found.end(), int(digits))


def _string(text: str, at: int) -> Token:
    quote = text[at]
    pieces: list[str] = []
    here = at + 1
    while here < len(text):
        if found := _PLAIN.match(text, here):
            pieces.append(found[0])
            here = found.end()
        elif text[here] == quote:
            return Token(Kind.STRING, text[at : here + 1], at, here + 1, "".join(pieces))
        elif text[here] == "\\":
            piece, here = _escape(text, here)
            pieces.append(piece)
        elif text[here] in "\n\t":
            raise refused("A string stands on one line, without tabs.", here, r"Write \n or \t inside it.")
        else:
            pieces.append(text[here])
            here += 1
    raise refused("The string has no end.", at, f"Close it with {quote}.")


def _escape(text: str, at: int) -> tuple[str, int]:
    letter = text[at + 1 : at + 2]
    if letter in _SIMPLE_ESCAPES:
        return _SIMPLE_ESCAPES[letter], at + 2
    if letter in _CODE_ESCAPES and (found := _CODE_ESCAPES[letter].match(text, at + 2)):
        code = int(found[0], 16)
    elif found := _OCTAL.match(text, at + 1):
        code = int(found[0], 8)
    else:
        message = f"“{text[at : at + 2]}” is no escape that CEL knows, or it is cut short."
        raise refused(message, at, r"Write \\ for a backslash, \u00E9 for a character by its number.")
    if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        raise refused(
            f"“{text[at : found.end()]}” is not a character.", at, r"Beyond U+FFFF write eight digits: \U0001F600."
        )
    return chr(code), found.end()
