"""A JSON Schema of policy files, for editors that complete and check while one writes.

It says what each key may hold by itself; whether names fit together is for `jmltui policy lint`. Source: JSON Schema,
draft 2020-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .language import LANGUAGE
from .shapes import Key, Shape, reference, slug

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TOP: Final = "a policy file"


def json_schema() -> dict[str, Any]:
    """The schema of one file of a policy folder."""
    top = _shape(LANGUAGE[TOP])
    return {
        "$schema": DIALECT,
        "title": "jmltui policy",
        **top,
        "$defs": {slug(name): _shape(shape) for name, shape in LANGUAGE.items() if name != TOP},
    }


def _shape(shape: Shape) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": shape.about,
        "type": "object",
        "properties": {name: _key(key) for name, key in shape.keys.items()},
        "additionalProperties": False if shape.rest is None else shape.rest,
    }
    required = [name for name, key in shape.keys.items() if key.required]
    if required:
        made["required"] = required
    if shape.needs_one_of:
        made["anyOf"] = [{"required": [name]} for name in shape.needs_one_of]
    return made


def _key(key: Key) -> Mapping[str, Any]:
    holds: Mapping[str, Any] = key.holds
    if key.of:
        holds = {"type": "array", "items": reference(key.of)} if key.listed else reference(key.of)
    return {"description": key.about, **holds}
