"""Text templates over a person: `{key|lower}`, `{email|before_at}`, `{name|first}.{name|last}`.

A template only ever fills in values; it calls nothing. `{{` and `}}` stand for braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from .person import ATTRIBUTES, Person

FILTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower,
    "upper": str.upper,
    "before_at": lambda value: value.partition("@")[0],
    "first": lambda value: (value.split() or [""])[0],
    "last": lambda value: (value.split() or [""])[-1],
    "initial": lambda value: value.strip()[:1],
}
"""What a value may be passed through, in the order written."""

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class TemplateError(ValueError):
    """The template is not well formed; the message is a sentence."""


class MissingValue(Exception):
    """The person has no value for an attribute that the template needs; `attribute` names it."""

    def __init__(self, attribute: str) -> None:
        super().__init__(f"The person has no {attribute}.")
        self.attribute = attribute


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal parts, and (attribute, filters) between them."""

    text: str
    parts: tuple[str | tuple[str, tuple[str, ...]], ...]

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes that it reads."""
        return frozenset(part[0] for part in self.parts if not isinstance(part, str))

    def render(self, person: Person) -> str:
        """The text for one person. Raises MissingValue when a value is empty."""
        return "".join(part if isinstance(part, str) else _value(person, *part) for part in self.parts)


def parse_template(text: str) -> Template:
    """Parse a template. Raises TemplateError for an unknown filter, a bad name or a lone brace."""
    parts: list[str | tuple[str, tuple[str, ...]]] = []
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        end = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(match[0][0])
        elif match[1] is None:
            raise TemplateError(f"“{text}” has a lone “{match[0]}”; write {{{{ or }}}} for a brace.")
        else:
            parts.append(_placeholder(match[1], text))
    if end < len(text):
        parts.append(text[end:])
    return Template(text, tuple(parts))


def _placeholder(inner: str, text: str) -> tuple[str, tuple[str, ...]]:
    name, *filters = (word.strip() for word in inner.split("|"))
    name = name.removeprefix("person.")
    if not _NAME.fullmatch(name):
        raise TemplateError(f"“{{{inner}}}” in “{text}” names no attribute.")
    for word in filters:
        if word not in FILTERS:
            raise TemplateError(f"“{word}” in “{text}” is no filter; the filters are {', '.join(FILTERS)}.")
    return name, tuple(filters)


def _value(person: Person, name: str, filters: tuple[str, ...]) -> str:
    value = person.attribute(name)
    for word in filters:
        value = FILTERS[word](value or "")
    if not value:
        raise MissingValue(name)
    return value


KNOWN_NAMES: Final = frozenset({"key", *ATTRIBUTES})
"""The names that every person has; a source may add more."""
