"""JMESPath: where a value stands in an answer. An expression reads, and can do nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from jmltui.adapter_api import ContractBroken
from jmltui.errors import Problem, SettingsError

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult

MISSING: Final = "Descriptions of HTTP services need the extra: pip install 'jmltui[http]'."


class BadExpression(ValueError):
    """The expression is not well formed. `at` is the index of the character that does not fit."""

    def __init__(self, told: str, at: int) -> None:
        super().__init__(told)
        self.at = at


class CannotTell(ContractBroken):
    """An expression cannot be worked out on what the system answered."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. Beside JMESPath's own functions there are `words`, `lower`, `upper`, `trim`, `split`."""

    text: str
    parsed: ParsedResult

    def of(self, data: Any) -> Any:
        """Its value on data, None where nothing is there. Raises CannotTell where a function is given what it cannot
        take."""
        from jmespath.exceptions import JMESPathError

        try:
            return self.parsed.search(data, options=_options())
        except (JMESPathError, RecursionError, ValueError, TypeError, ArithmeticError) as error:
            told = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
            raise CannotTell(f"“{self.text[:80]}” cannot be worked out on the answer: {told.rstrip('.')}.") from None


def parse_expression(text: str) -> Expression:
    """Compile an expression. Raises BadExpression, and SettingsError where JMESPath is not installed."""
    try:
        import jmespath
        from jmespath.exceptions import JMESPathError
    except ImportError:
        raise SettingsError([Problem("jmespath", 0, 0, MISSING)]) from None
    try:
        parsed = jmespath.compile(text)
    except JMESPathError as error:
        at = getattr(error, "lex_position", None)
        raise BadExpression(_told(text, error), min(at or 0, max(len(text) - 1, 0))) from None
    unknown = _unknown_function(parsed.parsed)
    if unknown:
        from jmltui.domain.nearest import did_you_mean

        hint = did_you_mean(unknown, _functions(), kind="Functions")
        raise BadExpression(f"JMESPath has no function “{unknown}”. {hint}", max(text.find(unknown), 0))
    return Expression(text, parsed)


def _told(text: str, error: Exception) -> str:
    if not text.strip():
        return "The expression is empty."
    token = getattr(error, "token_value", None)
    if type(error).__name__ == "IncompleteExpressionError":
        return "The JMESPath expression breaks off."
    if type(error).__name__ == "LexerError":
        return f"The JMESPath expression has something that cannot stand there: {getattr(error, 'message', '')}."
    return f"The JMESPath expression has “{token}” where it cannot stand."


def _unknown_function(tree: Any) -> str:
    if isinstance(tree, dict):
        if tree.get("type") == "function_expression" and tree.get("value") not in _functions():
            return str(tree["value"])
        for child in tree.get("children", ()):
            found = _unknown_function(child)
            if found:
                return found
    return ""


@lru_cache(maxsize=1)
def _functions() -> frozenset[str]:
    return frozenset(_options().custom_functions.FUNCTION_TABLE)


@lru_cache(maxsize=1)
def _options() -> Any:
    import jmespath
    from jmespath import functions

    class Functions(functions.Functions):
        """What texts of personnel systems need beside JMESPath's own functions."""

        @functions.signature({"types": ["array"]})
        def _func_words(self, items: list[Any]) -> str:
            """The texts of a list that are not empty, a space between them."""
            return " ".join(str(item).strip() for item in items if item not in (None, "") and str(item).strip())

        @functions.signature({"types": ["string", "null"]})
        def _func_lower(self, text: str | None) -> str | None:
            return text.lower() if text else text

        @functions.signature({"types": ["string", "null"]})
        def _func_upper(self, text: str | None) -> str | None:
            return text.upper() if text else text

        @functions.signature({"types": ["string", "null"]})
        def _func_trim(self, text: str | None) -> str | None:
            return text.strip() if text else text

        @functions.signature({"types": ["string", "null"]}, {"types": ["string"]})
        def _func_split(self, text: str | None, at: str) -> list[str]:
            return text.split(at) if text and at else []

    return jmespath.Options(custom_functions=Functions())
