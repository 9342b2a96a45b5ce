"""What a folder has named so far, for the checks of one part against another."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from jmltui.domain.nearest import did_you_mean

from .attributes import declared
from .expression import Declared, Expression
from .fields import Problems, Where
from .model import PolicyAttribute

_HINTS: Final = 50
"""For how many wrong names the nearest one is looked up; in a folder without its entitlements every name is wrong."""


class Known:
    """The names of a folder; `complete` is False when a file of it cannot be read.

    Then what one part says of another is not checked, for the missing file may be the one that states it. `teams` is
    None where the folder states none, `expressions` are those compiled already, by their text, and `named_systems`
    the systems that something else than an entitlement names; only the settings say whether there are such.
    """

    def __init__(self, problems: Problems, *, complete: bool = True) -> None:
        self.problems, self.complete = problems, complete
        self.timezone = ""
        self.attributes: dict[str, PolicyAttribute] = {}
        self.declared: dict[str, Declared] = declared({})
        self.entitlements: Collection[str] = ()
        self.systems: Collection[str] = ()
        self.roles: Collection[str] = ()
        self.approvals: Collection[str] = ()
        self.teams: Collection[str] | None = None
        self.expressions: dict[str, Expression] = {}
        self.named_systems: list[tuple[str, Where]] = []
        self._first: dict[tuple[str, str], Where] = {}
        self._hints: dict[tuple[str, str], str] = {}

    def is_first(self, kind: str, name: str, where: Where) -> bool:
        """Whether a name is new over the whole folder; a second one is a problem."""
        first = self._first.setdefault((kind, name), where)
        if first is not where:
            self.problems.add(where, f"The {kind} “{name}” is defined twice; the first is at {first}.")
        return first is where

    def has(self, kind: str, name: str, where: Where, names: Collection[str]) -> bool:
        """Whether a name is one of those known; else it is a problem."""
        if name in names:
            return True
        if self.complete:
            self.problems.add(where, f"There is no {kind} “{name}”.", self.near(kind, name, names))
        return False

    def near(self, kind: str, name: str, names: Collection[str]) -> str:
        """The hint for a wrong name."""
        hint = self._hints.get((kind, name))
        if hint is None:
            hint = did_you_mean(name, names) if len(self._hints) < _HINTS else ""
            self._hints[kind, name] = hint
        return hint
