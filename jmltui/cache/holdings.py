"""What people hold, counted and gathered inside the database: for comparing policies and for proposing roles.

Only accounts that are confirmed to be somebody's and not deleted count.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, text
from sqlmodel import Session, col

from jmltui.domain.access import AccountState, Link

from .tables import AccountRow, PersonRow

ROWS_AT_ONCE: Final = 2_000
SAMPLE: Final = 5_000
"""How many people are looked at to learn which attributes their sources state."""

_TABLES: Final = (
    "CREATE TEMPORARY TABLE compared (person INTEGER PRIMARY KEY, shift INTEGER NOT NULL)",
    "CREATE TEMPORARY TABLE asked (entitlement INTEGER PRIMARY KEY, number INTEGER NOT NULL)",
    "CREATE TEMPORARY TABLE asked_system (system VARCHAR PRIMARY KEY, number INTEGER NOT NULL)",
)

_HELD: Final = """
SELECT c.person, c.shift,
(SELECT {rights} FROM account a CROSS JOIN held h CROSS JOIN asked q
 WHERE a.person_id = c.person AND a.link = :confirmed AND a.state <> :deleted
 AND h.account = a.id AND q.entitlement = h.entitlement),
(SELECT {systems} FROM account a CROSS JOIN asked_system s
 WHERE a.person_id = c.person AND a.link = :confirmed AND a.state <> :deleted AND s.system = a.system)
FROM compared c ORDER BY c.person
"""

_HOLDERS: Final = """
SELECT h.entitlement, {people} FROM account a CROSS JOIN held h
WHERE a.link = :confirmed AND a.state <> :deleted AND h.account = a.id
GROUP BY h.entitlement ORDER BY h.entitlement
"""

_OWNERS: Final = """
SELECT a.system, {people} FROM account a
WHERE a.link = :confirmed AND a.state NOT IN (:disabled, :deleted)
GROUP BY a.system ORDER BY a.system
"""

_GATHERED: Final = {
    "rights": "q.number * 2 + CASE WHEN h.direct THEN 1 ELSE 0 END",
    "systems": "s.number * 2 + CASE WHEN a.state = :disabled THEN 0 ELSE 1 END",
    "people": "a.person_id",
}

_WORDS: Final = {
    "confirmed": Link.CONFIRMED.value,
    "disabled": AccountState.DISABLED.value,
    "deleted": AccountState.DELETED.value,
}


@dataclass(frozen=True, slots=True)
class Held:
    """What a person holds of what was asked for: the numbers of `direct` grants, of others, and of systems on which
    they have an account (`in_use`), or only a disabled one.
    """

    person: int
    shift: int
    rights: str
    systems: str


class Holdings:
    """Temporary tables of a session of `Cache.scratch`: filled with people, then asked what they hold."""

    def __init__(self, session: Session) -> None:
        self._session = session
        for statement in _TABLES:
            session.execute(text(statement))

    def add_people(self, rows: Iterable[tuple[int, int]]) -> None:
        """State the people of whom it matters, each with a number that comes back."""
        self._insert("INSERT INTO compared (person, shift) VALUES ({0}, {0})", rows)

    def ask(self, entitlements: Mapping[int, int], systems: Mapping[str, int]) -> None:
        """State the entitlements and systems that are asked for, each with the number that comes back."""
        self._insert("INSERT INTO asked (entitlement, number) VALUES ({0}, {0})", entitlements.items())
        self._insert("INSERT INTO asked_system (system, number) VALUES ({0}, {0})", systems.items())

    def held(self) -> Iterator[Held]:
        """What everybody stated holds, in the order of the people; `numbers` reads it."""
        if not _is_sqlite(self._session):
            for table in ("compared", "asked", "asked_system"):
                self._session.execute(text(f"ANALYZE {table}"))
        for row in _rows(self._session, _HELD):
            yield Held(row[0], row[1], row[2] or "", row[3] or "")

    def _insert(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        found = list(rows)
        if found:
            placeholder = "?" if _is_sqlite(self._session) else "%s"
            self._session.connection().exec_driver_sql(statement.format(placeholder), found)


def numbers(gathered: str) -> tuple[frozenset[int], frozenset[int]]:
    """The numbers of one side of `Held`: those that are direct, or of accounts in use, and the others."""
    found = [int(part) for part in gathered.split(",")] if gathered else []
    direct = frozenset(number >> 1 for number in found if number & 1)
    return direct, frozenset(number >> 1 for number in found if not number & 1) - direct


def holders(session: Session) -> Iterator[tuple[int, list[int]]]:
    """Every entitlement, by row number, with the people who hold it."""
    for entitlement, gathered in _rows(session, _HOLDERS):
        yield entitlement, list(map(int, gathered.split(",")))


def owners(session: Session) -> Iterator[tuple[str, list[int]]]:
    """Every system with the people who have an account in use there."""
    for system, gathered in _rows(session, _OWNERS):
        yield system, list(map(int, gathered.split(",")))


def further_attributes(session: Session) -> list[str]:
    """The names of the attributes that sources state beside those of every person, the most frequent first."""
    query = select(col(PersonRow.attributes)).where(col(PersonRow.present), col(PersonRow.attributes) != "{}")
    found = Counter(name for stated in session.scalars(query.limit(SAMPLE)) for name in json.loads(stated))
    return [name for name, _ in found.most_common()]


def logins(session: Session) -> Iterator[tuple[int, str, str]]:
    """Everybody's logins: the person, the system, the login."""
    query = select(col(AccountRow.person_id), col(AccountRow.system), col(AccountRow.login)).where(
        col(AccountRow.link) == Link.CONFIRMED.value, col(AccountRow.state) != AccountState.DELETED.value
    )
    rows = session.connection().execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    yield from ((person or 0, system, login) for person, system, login in rows)


def _rows(session: Session, statement: str) -> Iterable[Any]:
    gather = "group_concat({})" if _is_sqlite(session) else "string_agg(CAST({} AS TEXT), ',')"
    asked = text(statement.format(**{name: gather.format(what) for name, what in _GATHERED.items()}))
    words = {name: word for name, word in _WORDS.items() if name in asked.compile().params}
    return session.connection().execute(asked, words, execution_options={"yield_per": ROWS_AT_ONCE})


def _is_sqlite(session: Session) -> bool:
    return session.connection().dialect.name == "sqlite"
