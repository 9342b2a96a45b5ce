"""Options of an adapter, declared once: settings are checked against them, `jmltui init` and the docs print them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

OptionValue = str | int | float | bool | Sequence[str] | Mapping[str, str]

Clock = Callable[[], datetime]
"""Returns the present instant as an aware UTC datetime."""


class OptionType(StrEnum):
    """What a settings value must be; `secret` takes a secret reference, never a value."""

    TEXT = "text"
    URL = "url"
    PATH = "path"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    MAP = "map"
    SECRET = "secret"


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `help` is a sentence; `choices` the only values allowed, if any."""

    name: str
    type: OptionType
    help: str
    default: OptionValue | None = None
    required: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setup:
    """What an adapter is built from.

    `options` hold the checked values with defaults filled in; `secret` opens a reference and raises SecretError;
    relative paths are already made absolute.
    """

    name: str
    options: Mapping[str, OptionValue]
    secret: Callable[[str], str]
    clock: Clock


class AdapterClass(Protocol):
    """What an entry point of the group `jmltui.adapters` loads: a class with these names."""

    kind: str
    OPTIONS: Sequence[Option]
    EXERCISED_AGAINST: str

    def __call__(self, setup: Setup) -> object:
        """Build the adapter. Does no I/O."""
        ...
