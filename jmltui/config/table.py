"""One table of the settings file while it is checked: typed reads, and every problem with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from jmltui.domain.duration import parse_duration
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.template import Template, TemplateError, parse_template
from jmltui.errors import Problem

_WORDS: Final = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    list: "a list",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table stands: enough to find the line and column of each of its keys again."""

    file: str
    path: tuple[str, ...]
    places: Mapping[tuple[str, ...], tuple[int, int]] = field(repr=False, compare=False)

    def problem(self, key: str, message: str, hint: str = "") -> Problem:
        """A problem at a key of this table, or at the table where it lacks the key; `a.b` names a key
        within.
        """
        path = (*self.path, *key.split(".")) if key else self.path
        while path and path not in self.places:
            path = path[:-1]
        line, column = self.places.get(path, (1, 1))
        return Problem(self.file, line, column, message, hint)


class Table:
    """Reads keys, remembers which were asked for, collects problems."""

    def __init__(self, data: dict[str, Any], place: Place, problems: list[Problem]) -> None:
        self.data, self.place, self.problems = data, place, problems
        self._asked: set[str] = set()

    @classmethod
    def root(cls, path: Path, text: str, data: dict[str, Any]) -> Table:
        """The file itself."""
        from .toml_places import key_places

        return cls(data, Place(str(path), (), key_places(text)), [])

    @property
    def title(self) -> str:
        """How messages name this table."""
        return f"[{'.'.join(self.place.path)}]" if self.place.path else "the settings file"

    def problem(self, key: str, message: str, hint: str = "") -> None:
        """Note a problem at a key."""
        self.problems.append(self.place.problem(key, message, hint))

    def names(self) -> list[str]:
        """The keys, all of which count as known."""
        self._asked.update(self.data)
        return list(self.data)

    def table(self, key: str) -> Table:
        """A table within; an empty one where it is absent or something else."""
        value = self._read(key, dict, {})
        place = Place(self.place.file, (*self.place.path, key), self.place.places)
        return Table(value if isinstance(value, dict) else {}, place, self.problems)

    def text(self, key: str, default: str = "", *, required: bool = False) -> str:
        """A text."""
        if required and key not in self.data:
            self.problem(
                "",
                f"{self.title} lacks “{key}”.",
                did_you_mean(key, self._unasked(), kind="Not understood there"),
            )
        return str(self._read(key, str, default))

    def choice(self, key: str, choices: Iterable[str], default: str) -> str:
        """One of some words."""
        value, known = self.text(key, default), tuple(choices)
        if value not in known:
            self.problem(key, f"“{value}” is none of {', '.join(known)}.", did_you_mean(value, known))
            return default
        return value

    def integer(self, key: str, default: int, *, least: int, most: int) -> int:
        """A whole number within limits."""
        value = self._read(key, int, default)
        if not least <= value <= most:
            self.problem(key, f"“{key}” must be between {least} and {most}, not {value}.")
            return default
        return int(value)

    def number(self, key: str, default: float, *, least: float) -> float:
        """A number that is not too small."""
        value = self._read(key, float, default)
        if not least <= value < float("inf"):
            self.problem(key, f"“{key}” must be {least:g} or more, not {value}.")
            return default
        return float(value)

    def duration(self, key: str, default: timedelta | None) -> timedelta | None:
        """A duration; an empty text means none."""
        value = self._read(key, str, None)
        if value is None:
            return default
        return self._parsed(key, value, parse_duration) if value else None

    def zone(self, key: str, default: str) -> str:
        """The name of a time zone."""
        value = self.text(key, default)
        if value != default:
            from zoneinfo import available_timezones

            zones = available_timezones()
            if value not in zones:
                self.problem(key, f"“{value}” is no time zone.", did_you_mean(value, zones, kind="For example"))
                return default
        return value

    def template(self, key: str) -> Template | None:
        """A template over a person."""
        value = self._read(key, str, None)
        return None if value is None else self._parsed(key, value, parse_template)

    def raw(self, key: str) -> object:
        """The value as it stands, None where it is absent; whoever asks checks it."""
        self._asked.add(key)
        return self.data.get(key)

    def rest(self) -> dict[str, Any]:
        """The keys not asked for: the adapter's own options."""
        return {key: self.data[key] for key in self._unasked()}

    def refuse_unknown(self) -> None:
        """Every key not asked for is a problem."""
        for key in self._unasked():
            self.problem(key, f"“{key}” is not known in {self.title}.", did_you_mean(key, self._asked))

    def _unasked(self) -> list[str]:
        return [key for key in self.data if key not in self._asked]

    def _read(self, key: str, kind: type, default: Any) -> Any:
        self._asked.add(key)
        if key not in self.data:
            return default
        value = self.data[key]
        if not is_of(value, kind):
            self.problem(key, f"“{key}” must be {_WORDS[kind]}, not {word_for(value)}.")
            return default
        return value

    def _parsed(self, key: str, value: str, parse: Callable[[str], Any]) -> Any:
        try:
            return parse(value)
        except (TemplateError, ValueError) as error:
            self.problem(key, str(error))
            return None


def is_of(value: object, kind: type) -> bool:
    """Whether a TOML value is of a kind; a boolean is no number, a whole number is also a number."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def word_for(value: object) -> str:
    """What a TOML value is, in words; never the value."""
    kinds: tuple[type, ...] = (bool, str, int, float, dict, list)
    return next((_WORDS[kind] for kind in kinds if is_of(value, kind)), "a date or time")
