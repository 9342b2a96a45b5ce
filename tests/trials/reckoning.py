"""What must be so, counted in plain Python from the files and the rules written down in `organisation`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from tests.trials import organisation, outsiders
from tests.trials.organisation import Apart, Row

Place = tuple[str, str]
"""A system, and a target on it."""

ACCOUNT: Final = "account"
MOVING: Final = ("type", "role", "functional_unit", "department", "projects")
"""The columns that roles ask for."""


class Rules:
    """The rules of the company, asked one person at a time."""

    def __init__(self, projects: Collection[int]) -> None:
        self.rights = {right.id: right for right in organisation.rights(projects)}
        self.rules = [*organisation.rules(), *organisation.project_rules(projects)]
        self.names = {(right.system, right.target): right.id for right in self.rights.values()}

    def due(self, row: Row) -> frozenset[Place]:
        """Everything that somebody's roles give, with the accounts that it needs."""
        found = set()
        for rule in self.rules:
            if rule.takes_in(row):
                for name in rule.grants:
                    right = self.rights[name]
                    found |= {(right.system, right.target), (right.system, ACCOUNT)}
        return frozenset(found)

    def ids(self, places: Iterable[Place]) -> set[str]:
        """What the policy calls them, as far as it speaks of them."""
        return {self.names[place] for place in places if place in self.names}

    def speaks_of(self, place: Place) -> bool:
        """Whether the policy speaks of it. Accounts it takes and gives on every system."""
        return place in self.names or place[1] == ACCOUNT

    def broken(self, places: Iterable[Place], *, blocking: bool = False) -> list[Apart]:
        """The separation rules that are broken by what is held."""
        held = self.ids(places)
        return [rule for rule in organisation.APART if rule.broken_by(held) and (rule.blocks or not blocking)]

    def needs_approval(self, places: Iterable[Place]) -> bool:
        """Whether somebody has to agree to any of it."""
        return any("approval" in (self.rights[name].more or {}) for name in self.ids(places))


def problems(row: Row, today: date) -> set[str]:
    """What is wrong with the record of somebody external, so that nothing can be given to them."""
    if row["type"] not in organisation.EXTERNAL or over(row, today):
        return set()
    found = set() if row["ends"] else {"end-date-missing"}
    found |= set() if row["sponsor"] else {"sponsor-missing"}
    if row["ends"] and date.fromisoformat(row["ends"]) - date.fromisoformat(row["starts"]) > timedelta(
        days=outsiders.LONGEST_DAYS
    ):
        found.add("contract-too-long")
    return found


def over(row: Row, today: date) -> bool:
    """Whether the last day is over."""
    return bool(row.get("ends")) and date.fromisoformat(row["ends"]) < today


@dataclass(frozen=True)
class Move:
    """What a case of somebody must come to: taken and given, and what a separation rule keeps from being given."""

    taken: frozenset[Place] = frozenset()
    given: frozenset[Place] = frozenset()
    blocked: frozenset[Place] = frozenset()


@dataclass
class Ledger:
    """Who must hold what, as month after month goes by. An account that is disabled is not held."""

    rules: Rules
    held: dict[str, set[Place]] = field(default_factory=dict)

    def joins(self, key: str, row: Row, today: date) -> Move:
        """Somebody new gets what is due; a joiner's case takes nothing away."""
        return self._change(key, row, today, takes=False)

    def moves(self, key: str, row: Row, today: date) -> Move:
        """Somebody gets what is due at the new place, and loses what is due no more."""
        return self._change(key, row, today, takes=True)

    def leaves(self, key: str) -> Move:
        """Somebody loses everything."""
        return Move(taken=frozenset(self.held.pop(key, set())))

    def _change(self, key: str, row: Row, today: date, *, takes: bool) -> Move:
        held = self.held.setdefault(key, set())
        if problems(row, today):
            return Move()
        due = self.rules.due(row)
        taken = {place for place in held - due if self.rules.speaks_of(place)} if takes else set()
        given = set(due - held)
        for rule in self.rules.broken((held - taken) | given, blocking=True):
            sides = {
                (self.rules.rights[name].system, self.rules.rights[name].target) for name in (rule.left, rule.right)
            }
            given -= sides
        blocked = due - held - given
        self.held[key] = (held - taken) | given
        return Move(frozenset(taken), frozenset(given), frozenset(blocked))


@dataclass(frozen=True)
class Changed:
    """Who came, went, moved or came back between two states of a source."""

    joined: frozenset[str]
    back: frozenset[str]
    moved: frozenset[str]
    gone: frozenset[str]


def changed(before: Mapping[str, Row], after: Mapping[str, Row], seen: Collection[str]) -> Changed:
    """Compare two files; `seen` are all keys of earlier ones."""
    arrived = after.keys() - before.keys()
    return Changed(
        joined=frozenset(arrived - set(seen)),
        back=frozenset(arrived & set(seen)),
        moved=frozenset(k for k in after.keys() & before.keys() if any(_of(after[k], c) != _of(before[k], c)
                                                                         for c in MOVING)),
        gone=frozenset(before.keys() - after.keys()),
    )  # fmt: skip


def _of(row: Row, column: str) -> str:
    return row.get(column) or ""
