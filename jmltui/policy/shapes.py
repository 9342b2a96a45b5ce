"""What the description of the policy language is made of: values as JSON Schema states them, keys and mappings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .fields import IDENTIFIER
from .people_words import KINDS

Schema = Mapping[str, Any]

TEXT: Final[Schema] = {"type": ["string", "number", "boolean"]}
TRUTH: Final[Schema] = {"type": "boolean"}
IDENTITY: Final[Schema] = {"type": ["string", "integer"], "pattern": f"^(?:{IDENTIFIER.pattern})$"}
DURATION: Final[Schema] = {"type": "string", "pattern": r"^\s*[0-9]{1,6}\s*[smhdw]\s*$"}
CONDITION: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": 4096}
INSTANT: Final[Schema] = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"}
DAY: Final[Schema] = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
HOURS: Final[Schema] = {"type": "string", "pattern": r"^[0-9]{1,2}:[0-9]{2}\s*[-–]\s*[0-9]{1,2}:[0-9]{2}$"}


def words(choices: Iterable[str]) -> Schema:
    """One of some words."""
    return {"enum": list(choices)}


def some(schema: Schema, least: int = 0) -> Schema:
    """One, or a list of them."""
    items = {"type": "array", "items": schema, **({"minItems": least} if least else {})}
    return {"anyOf": [schema, items]}


def people_word(choices: Iterable[str]) -> Schema:
    """A word that names people."""
    named = {"type": "string", "pattern": rf"^(?:{'|'.join(KINDS)}):\S(?:.*\S)?$"}
    own = list(choices)
    return {"anyOf": [{"enum": own}, named]} if own else named


def number(least: float = 0, most: float = 1e9, *, whole: bool = False) -> Schema:
    """A number within limits."""
    return {"type": "integer" if whole else "number", "minimum": least, "maximum": most}


def reference(name: str) -> Schema:
    """Another mapping of the language, by its name."""
    return {"$ref": f"#/$defs/{slug(name)}"}


def slug(name: str) -> str:
    """The name of a mapping as a reference can hold it."""
    return name.replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Key:
    """What a key is for and may hold: in JSON Schema, or another mapping (`of`), or a list of these (`listed`)."""

    about: str
    holds: Schema = field(default_factory=dict)
    of: str = ""
    listed: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """One mapping of the language. `rest` is what keys of other names may hold; None means there are none."""

    about: str
    keys: Mapping[str, Key]
    rest: Schema | None = None
    needs_one_of: tuple[str, ...] = ()
