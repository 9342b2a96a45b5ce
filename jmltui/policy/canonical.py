"""The one text that the hash of a policy is of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from enum import Enum

from .model import Definitions

_NOT_STATED = frozenset({"place", "expression"})
"""Fields that say where a rule stands or are made of others; a policy that is only moved keeps its hash."""


def canonical(definitions: Definitions) -> str:
    """JSON of what is stated, without the places where it is stated."""
    return json.dumps(_plain(definitions), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in _NOT_STATED}
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(member) for member in value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, (date, time)) else value
