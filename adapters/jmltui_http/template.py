"""Templates: `{account.id}` stands for a value. They insert, and can do nothing else.

In a path every value is percent-encoded and stays within its segment. `{name?}` may be absent: what holds it is left
out. `{{` and `}}` are braces. A filter changes how a value is written: `{login|json}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import Invalid

Values = Mapping[str, Any]
"""What placeholders stand for, by their dotted names."""

FILTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "json": lambda value: json.dumps(value, ensure_ascii=False),
    "odata": lambda value: "'" + value.replace("'", "''") + "'",
    "lower": str.lower,
    "upper": str.upper,
}
"""`json`: a JSON string with its quotes (SCIM filters). `odata`: an OData string with its quotes."""

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_INNER: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.-]*)(\?)?\s*((?:\|\s*[a-z]+\s*)*)")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class BadTemplate(ValueError):
    """The template is not well formed. `at` is the index of the place."""

    def __init__(self, told: str, at: int) -> None:
        super().__init__(told)
        self.at = at


class Absent(Exception):
    """An optional value is not there: what holds the template is left out."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One placeholder. `at` is where it stands in the template."""

    name: str
    optional: bool
    filters: tuple[str, ...]
    at: int

    def value(self, values: Values) -> Any:
        """What it stands for. Raises Absent, or Invalid for a value that has to be there."""
        found = values.get(self.name)
        is_emptied = self.name.startswith("changes.") and self.name in values
        if (found is None or found == "" or found == ()) and not is_emptied:
            if self.optional:
                raise Absent
            raise Invalid(f"There is no {self.name}, which the call needs.")
        for name in self.filters:
            found = FILTERS[name](text_of(found))
        return found


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal parts and slots."""

    text: str
    parts: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Its placeholders."""
        return tuple(part for part in self.parts if isinstance(part, Slot))

    def write(self, values: Values) -> str:
        """The text. Raises Absent and Invalid."""
        return "".join(part if isinstance(part, str) else text_of(part.value(values)) for part in self.parts)

    def value(self, values: Values) -> Any:
        """The value itself where the template is one placeholder and nothing else, else the text."""
        if len(self.parts) == 1 and isinstance(self.parts[0], Slot):
            found = self.parts[0].value(values)
            return list(found) if isinstance(found, tuple) else found
        return self.write(values)

    def path(self, values: Values) -> str:
        """The text for a path: every value percent-encoded, so that none leaves its segment. Raises Invalid."""
        return "".join(part if isinstance(part, str) else _segment(part, values) for part in self.parts)

    def header(self, values: Values) -> str:
        """The text for a header. Raises Invalid for a value with control characters (RFC 9110 section 5.5)."""
        found = self.write(values)
        if _CONTROL.search(found) or not found.isascii():
            raise Invalid("A value holds characters that cannot stand in a header.")
        return found


def _segment(slot: Slot, values: Values) -> str:
    found = text_of(slot.value(values))
    if not found.strip(".") or "\x00" in found:
        raise Invalid(f"The value of {slot.name} cannot stand in a path.")
    try:
        return quote(found, safe="")
    except UnicodeEncodeError:
        raise Invalid(f"The value of {slot.name} cannot stand in a path.") from None


def text_of(value: Any) -> str:
    """A value as text: truth values as JSON writes them, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(text_of, value)) if isinstance(value, list | tuple) else str(value)


def parse_template(text: str) -> Template:
    """Parse a template. Raises BadTemplate."""
    parts: list[str | Slot] = []
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        end = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(match[0][0])
        elif match[1] is None:
            raise BadTemplate(f"There is a lone “{match[0]}”; write {match[0] * 2} for a brace.", match.start())
        else:
            parts.append(_slot(match[1], match.start()))
    if end < len(text):
        parts.append(text[end:])
    return Template(text, tuple(parts))


def _slot(inner: str, at: int) -> Slot:
    match = _INNER.fullmatch(inner)
    if match is None:
        raise BadTemplate(f"“{{{inner}}}” names no value; write {{account.id}}, or {{{{ for a brace.", at)
    filters = tuple(word.strip() for word in match[3].split("|")[1:])
    for name in filters:
        if name not in FILTERS:
            raise BadTemplate(f"“{name}” is no filter; the filters are {', '.join(FILTERS)}.", at)
    return Slot(match[1], bool(match[2]), filters, at)


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON body: templates where the description has texts, everything else as it stands."""

    shape: Any

    def fill(self, values: Values) -> Any:
        """The body. A key whose optional value is absent is left out; so is a whole item of a list that has such a
        key, and whatever is empty by that."""
        try:
            return _filled(self.shape, values)
        except Absent:
            return None


def _filled(shape: Any, values: Values, *, whole: bool = False) -> Any:
    """`whole`: a mapping that lacks one of its optional values is absent itself."""
    if isinstance(shape, Template):
        return shape.value(values)
    if not isinstance(shape, dict | list):
        return shape
    in_list = isinstance(shape, list)
    kept: list[tuple[Any, Any]] = []
    pairs = list(enumerate(shape) if isinstance(shape, list) else shape.items())
    for key, part in pairs:
        try:
            kept.append((key, _filled(part, values, whole=in_list)))
        except Absent:
            if whole and not in_list:
                raise
    if pairs and not kept:
        raise Absent
    return [value for _, value in kept] if in_list else dict(kept)
