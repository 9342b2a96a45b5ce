"""What everybody should hold against what everybody holds, found by sets inside the database.

Who should hold what is stated per profile: people whom the policy cannot tell apart share one, so a hundred thousand
people with twenty entitlements each are a hundred thousand small rows and not two million. What an account holds is
first compared as one text, its signature; only where that differs, entitlement by entitlement. The rows live in
temporary tables of a session of `Cache.scratch`, which sees one state of the cache and locks nobody out.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import and_, func, select, text
from sqlmodel import Session, col

from jmltui.domain.access import Account, AccountState, Grant, Link
from jmltui.domain.person import ATTRIBUTES, NOT_HUMAN

from .systems import account_of
from .tables import AccountRow, CaseRow, PersonRow

LEAVING: Final = 0
"""The profile of people who should hold nothing."""

BATCH: Final = 500
ROWS_AT_ONCE: Final = 2_000

_TABLES: Final = (
    "CREATE TEMPORARY TABLE everyone (person INTEGER PRIMARY KEY, profile INTEGER NOT NULL)",
    "CREATE TEMPORARY TABLE wanted_system (profile INTEGER, system VARCHAR, signature VARCHAR,"
    " PRIMARY KEY (profile, system))",
    "CREATE TEMPORARY TABLE wanted (profile INTEGER, system VARCHAR, entitlement INTEGER,"
    " PRIMARY KEY (profile, system, entitlement))",
    "CREATE TEMPORARY TABLE plain (account INTEGER PRIMARY KEY, profile INTEGER, system VARCHAR)",
    "CREATE TEMPORARY TABLE suspect (account INTEGER PRIMARY KEY, profile INTEGER, system VARCHAR)",
)

_KINDS: Final = ", ".join(f"'{kind}'" for kind in sorted(NOT_HUMAN))


def owned(account: str) -> str:
    """The condition that an account is a thing that its person owns, as `domain.diff.is_owned` says it."""
    return (
        f"({account}.kind IN ({_KINDS}) AND {account}.link = '{Link.CONFIRMED}' "
        f"AND {account}.state NOT IN ('{AccountState.DISABLED}', '{AccountState.DELETED}') "
        f"AND EXISTS (SELECT 1 FROM person o WHERE o.id = {account}.person_id AND o.type NOT IN ({_KINDS})))"
    )


_PLAIN: Final = f"""
INSERT INTO plain SELECT a.id, e.profile, a.system
FROM account a JOIN everyone e ON e.person = a.person_id
JOIN wanted_system w ON w.profile = e.profile AND w.system = a.system
WHERE a.link = '{Link.CONFIRMED}' AND a.state NOT IN ('{AccountState.DISABLED}', '{AccountState.DELETED}')
AND NOT EXISTS (SELECT 1 FROM account b WHERE b.person_id = a.person_id AND b.system = a.system AND b.id <> a.id
  AND NOT {owned("b")})
AND NOT {owned("a")}
ORDER BY a.id
"""

_SUSPECT: Final = """
INSERT INTO suspect SELECT p.account, p.profile, p.system FROM plain p CROSS JOIN wanted_system w
WHERE w.profile = p.profile AND w.system = p.system AND ({signature}) {differs} w.signature
ORDER BY p.account
"""

_SQLITE: Final = {
    "signature": "SELECT group_concat(entitlement) FROM"
    " (SELECT h.entitlement FROM held h WHERE h.account = p.account ORDER BY h.entitlement)",
    "differs": "IS NOT",
}
_POSTGRESQL: Final = {
    "signature": "SELECT string_agg(CAST(h.entitlement AS TEXT), ',' ORDER BY h.entitlement) FROM held h"
    " WHERE h.account = p.account",
    "differs": "IS DISTINCT FROM",
}

_MISSING: Final = """
SELECT p.account, p.profile, w.entitlement, NULL, NULL FROM suspect p CROSS JOIN wanted w
WHERE w.profile = p.profile AND w.system = p.system
AND NOT EXISTS (SELECT 1 FROM held h WHERE h.account = p.account AND h.entitlement = w.entitlement)
ORDER BY p.account
"""

_SURPLUS: Final = """
SELECT p.account, p.profile, h.entitlement, h.direct, h.via FROM suspect p CROSS JOIN held h
WHERE h.account = p.account AND NOT EXISTS (
  SELECT 1 FROM wanted w WHERE w.profile = p.profile AND w.system = p.system AND w.entitlement = h.entitlement)
ORDER BY p.account
"""

_OTHERS: Final = f"""
SELECT person, system FROM (
  SELECT e.person, w.system FROM everyone e JOIN wanted_system w ON w.profile = e.profile
  WHERE NOT EXISTS (SELECT 1 FROM account a WHERE a.person_id = e.person AND a.system = w.system
    AND NOT {owned("a")})
  UNION
  SELECT a.person_id, a.system FROM account a JOIN everyone e ON e.person = a.person_id
  WHERE NOT EXISTS (SELECT 1 FROM plain p WHERE p.account = a.id) AND NOT {owned("a")}
  AND NOT (e.profile = {LEAVING} AND a.state IN ('{AccountState.DISABLED}', '{AccountState.DELETED}')
    AND a.link = '{Link.CONFIRMED}' AND NOT EXISTS (SELECT 1 FROM held h WHERE h.account = a.id))
) AS found ORDER BY person, system
"""


@dataclass(frozen=True, slots=True)
class Surplus:
    """A grant that no profile explains; `entitlement` is the row number of what is held."""

    entitlement: int
    grant: Grant


@dataclass(frozen=True, slots=True)
class Changed:
    """A person's only account on a system, in use as it should be, whose grants are not what they should be."""

    person: int
    profile: int
    system: str
    account: Account
    missing: tuple[int, ...]
    surplus: tuple[Surplus, ...]


@dataclass(frozen=True, slots=True)
class Stated:
    """What decides of a person: the source's word on their time, and the values of the attributes asked for."""

    person: int
    status: str
    starts: str
    ends: str
    zone: str
    values: tuple[str | None, ...]


class SetPlan:
    """The temporary tables: filled with everybody and every profile, then asked who differs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        for statement in _TABLES:
            session.execute(text(statement))

    def add_people(self, rows: Iterable[tuple[int, int]]) -> None:
        """State the profile of people, as (person, profile)."""
        self._insert("INSERT INTO everyone (person, profile) VALUES ({0}, {0})", rows)

    def add_profiles(self, profiles: Mapping[tuple[int, str], Collection[int]]) -> None:
        """State what each (profile, system) should hold; an empty entry is an account that holds nothing.

        The numbers of entitlements that no system has are negative.
        """
        systems = [(*key, ",".join(map(str, sorted(held))) or None) for key, held in profiles.items()]
        wanted = [(*key, entitlement) for key, held in profiles.items() for entitlement in held]
        self._insert("INSERT INTO wanted_system (profile, system, signature) VALUES ({0}, {0}, {0})", systems)
        self._insert("INSERT INTO wanted (profile, system, entitlement) VALUES ({0}, {0}, {0})", wanted)

    def _insert(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        connection = self._session.connection()
        found = list(rows)
        if found:
            connection.exec_driver_sql(statement.format("?" if _is_sqlite(self._session) else "%s"), found)

    def changed(self) -> Iterator[Changed]:
        """Accounts that hold less or more than they should, in the order of their rows."""
        self._analyze("everyone", "wanted_system", "wanted")
        self._session.execute(text(_PLAIN))
        self._analyze("plain")
        words = _SQLITE if _is_sqlite(self._session) else _POSTGRESQL
        self._session.execute(text(_SUSPECT.format(**words)))
        self._analyze("suspect")
        rows = merge(self._stream(_MISSING), self._stream(_SURPLUS), key=itemgetter(0))
        groups = ((account, list(found)) for account, found in groupby(rows, key=itemgetter(0)))
        while batch := dict(islice(groups, BATCH)):
            accounts = self._session.scalars(select(AccountRow).where(col(AccountRow.id).in_(batch)))
            for row in sorted(accounts, key=lambda row: row.id or 0):
                yield _changed(row, batch[row.id or 0])
            self._session.expunge_all()

    def others(self) -> Iterator[tuple[int, str]]:
        """People and systems where the accounts themselves are to be looked at; after `changed`."""
        yield from ((row[0], row[1]) for row in self._stream(_OTHERS))

    def _stream(self, statement: str) -> Iterable[Sequence[Any]]:
        return self._session.connection().execute(text(statement), execution_options={"yield_per": ROWS_AT_ONCE})

    def _analyze(self, *tables: str) -> None:
        """PostgreSQL knows nothing of temporary tables before it is told to look; SQLite needs no telling."""
        if not _is_sqlite(self._session):
            for table in tables:
                self._session.execute(text(f"ANALYZE {table}"))


@dataclass(frozen=True, slots=True)
class Who:
    """Who a person is, and their open case, 0 for none."""

    key: str
    name: str
    case: int


def who(session: Session, ids: Iterable[int]) -> Mapping[int, Who]:
    """Names and open cases of a batch of people."""
    query = (
        select(col(PersonRow.id), col(PersonRow.key), col(PersonRow.name), func.max(col(CaseRow.id)))
        .outerjoin(CaseRow, and_(col(CaseRow.person_id) == col(PersonRow.id), col(CaseRow.live) == 1))
        .where(col(PersonRow.id).in_(sorted(set(ids))))
        .group_by(col(PersonRow.id), col(PersonRow.key), col(PersonRow.name))
    )
    return {person: Who(key, name, case or 0) for person, key, name, case in session.execute(query)}


def stated(session: Session, attributes: Sequence[str]) -> Iterator[Stated]:
    """Everybody whom their source still states, with the values of some attributes; an empty one is None."""
    columns = PersonRow.__table__.c  # type: ignore[attr-defined]  # SQLModel does not declare its tables' columns
    own = [name for name in attributes if name == "key" or name in ATTRIBUTES]
    more = [name for name in attributes if name not in own]
    asked = [columns[name] for name in ("id", "status", "starts", "ends", "zone", *own)]
    if more:
        asked.append(columns.attributes)
    query = select(*asked).where(columns.present).order_by(columns.id)
    for row in session.connection().execute(query, execution_options={"yield_per": ROWS_AT_ONCE}):
        found: dict[str, object] = dict(zip(own, row[5:], strict=False))
        if more:
            found |= {name: value for name, value in json.loads(row[-1]).items() if name in more}
        values = tuple([_text(found.get(name)) for name in attributes])
        yield Stated(row[0], row[1], row[2], row[3], row[4], values)


def _text(value: object) -> str | None:
    """A stored value as `Person.attribute` gives it."""
    if value is None or value == "":
        return None
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _changed(row: AccountRow, found: Sequence[tuple[Any, ...]]) -> Changed:
    account = account_of(row)
    missing = tuple(entitlement for _, _, entitlement, direct, _ in found if direct is None)
    surplus = tuple(
        Surplus(entitlement, Grant(account.id, "", bool(direct), tuple(json.loads(via)) if via else ()))
        for _, _, entitlement, direct, via in found
        if direct is not None
    )
    return Changed(row.person_id or 0, found[0][1], row.system, account, missing, surplus)


def _is_sqlite(session: Session) -> bool:
    return session.connection().dialect.name == "sqlite"
