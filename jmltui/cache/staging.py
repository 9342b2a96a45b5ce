"""A complete listing on its way into the mirror: staged in temporary tables, compared, then swapped in as a whole.

While a listing comes in nothing is locked and nobody sees any of it. The swap is one write transaction that touches
only what differs, so a reader sees the mirror before it or after it, and a listing that breaks off leaves no trace.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Column, Connection, Integer, MetaData, Table, bindparam, text
from sqlalchemy.schema import CreateTable
from sqlmodel import Session

from jmltui.domain.access import Account, Entitlement, Grant, Link
from jmltui.domain.diff import target_of

from .engine import Cache
from .tables import AccountRow, EntitlementRow, HeldRow

ACCOUNT_STATED: Final = (
    "login",
    "login_folded",
    "state",
    "emails",
    "external_id",
    "display",
    "kind",
    "last_seen",
    "expires",
    "version",
)
ENTITLEMENT_STATED: Final = ("kind", "name", "target", "privileged", "grantable")
GRANT_STATED: Final = ("direct", "via", "expires")

Process = Callable[[Any], Any]


def _rows_of(model: Any) -> Table:
    return cast("Table", model.__table__)


def _stage_table(name: str, numbers: Sequence[str], model: Any, stated: Sequence[str], *extra: Column[Any]) -> Table:
    """A temporary table: `numbers` are its key, the stated columns have the types of the mirror's."""
    mirror = _rows_of(model).c
    return Table(
        name,
        MetaData(),
        *(Column(number, Integer, primary_key=True, autoincrement=False) for number in numbers),
        *(Column(column, mirror[column].type, nullable=mirror[column].nullable) for column in stated),
        *extra,
        prefixes=["TEMPORARY"],
        sqlite_with_rowid=False,
    )


_ACCOUNTS: Final = _stage_table(
    "stage_account", ["n"], AccountRow, ("account_id", *ACCOUNT_STATED), Column("mirror", Integer)
)
_ENTITLEMENTS: Final = _stage_table(
    "stage_entitlement", ["n"], EntitlementRow, ("entitlement_id", *ENTITLEMENT_STATED), Column("mirror", Integer)
)
_GRANTS: Final = _stage_table("stage_held", ["account", "entitlement"], HeldRow, GRANT_STATED)
_TABLES: Final = (_ACCOUNTS, _ENTITLEMENTS, _GRANTS)


class SystemStage:
    """The listing of one system, page by page: accounts, then entitlements, then grants; `swap` at its end."""

    def __init__(self, cache: Cache, connection: Connection, system: str) -> None:
        self._cache = cache
        self._connection = connection
        self._system = system
        self._sqlite = connection.dialect.name == "sqlite"
        self._accounts: dict[str, int] = {}
        self._entitlements: dict[str, int] = {}
        self.grants = self.dropped = self._last = 0
        self._instant = _processor(connection, _rows_of(AccountRow).c.expires)
        self._run(*(str(CreateTable(table).compile(dialect=connection.dialect)) for table in _TABLES))

    @property
    def accounts(self) -> int:
        """How many accounts are staged."""
        return len(self._accounts)

    @property
    def entitlements(self) -> int:
        """How many entitlements are staged."""
        return len(self._entitlements)

    def add(self, kind: str, page: Any) -> None:
        """Stage a page of accounts, entitlements or grants."""
        if kind == "accounts":
            self.add_accounts(page.items)
        elif kind == "entitlements":
            self.add_entitlements(page.items)
        else:
            self.add_grants(page.items)

    def recall_accounts(self) -> None:
        """Stage the accounts that the mirror has, before `amend_accounts` tells what changed since."""
        names, cursor = ", ".join(ACCOUNT_STATED), self._driver.cursor()
        mark = "?" if self._sqlite else "%s"
        cursor.execute(f"SELECT account_id, {names} FROM account WHERE system = {mark} ORDER BY id", (self._system,))
        found = cursor.fetchall()
        self._driver.commit()
        rows = []
        for row in found:
            self._last += 1
            self._accounts[row[0]] = self._last
            rows.append((self._last, *row))
        self._insert(_ACCOUNTS, ("n", "account_id", *ACCOUNT_STATED), rows)

    def amend_accounts(self, page: Sequence[Account], gone: Sequence[str]) -> None:
        """Take out what is gone and put what changed in the place of what was staged; the last word counts."""
        numbers = [
            number for each in (*gone, *(account.id for account in page)) if (number := self._accounts.pop(each, 0))
        ]
        if numbers:
            mark = "?" if self._sqlite else "%s"
            cursor = self._driver.cursor()
            cursor.executemany(f"DELETE FROM {_ACCOUNTS.name} WHERE n = {mark}", [(number,) for number in numbers])
            self._driver.commit()
        self.add_accounts({account.id: account for account in page}.values())

    def add_accounts(self, page: Collection[Account]) -> None:
        """Stage accounts; of two with the same id the first one counts."""
        rows, instant = [], self._instant
        for account in page:
            if account.id in self._accounts:
                continue
            self._last += 1
            number = self._accounts[account.id] = self._last
            rows.append(
                (
                    number,
                    account.id,
                    account.login,
                    account.login.casefold(),
                    account.state.value,
                    json.dumps(account.emails) if account.emails else "[]",
                    account.external_id,
                    account.display,
                    account.kind,
                    instant(account.last_seen),
                    instant(account.expires),
                    account.version,
                )
            )
        self._insert(_ACCOUNTS, ("n", "account_id", *ACCOUNT_STATED), rows)

    def add_entitlements(self, page: Sequence[Entitlement]) -> None:
        """Stage entitlements; of two with the same id the first one counts."""
        rows = []
        for entitlement in page:
            number = len(self._entitlements) + 1
            if self._entitlements.setdefault(entitlement.id, number) == number:
                target, privileged, grantable = target_of(entitlement), entitlement.privileged, entitlement.grantable
                rows.append((number, entitlement.id, entitlement.kind, entitlement.name, target, privileged, grantable))
        self._insert(_ENTITLEMENTS, ("n", "entitlement_id", *ENTITLEMENT_STATED), rows)

    def add_grants(self, page: Sequence[Grant]) -> None:
        """Stage grants between what was staged before; of two equal ones the first one counts."""
        accounts, entitlements, instant = self._accounts.get, self._entitlements.get, self._instant
        rows = []
        for grant in page:
            account, entitlement = accounts(grant.account_id), entitlements(grant.entitlement_id)
            if account is not None and entitlement is not None:
                via = json.dumps(grant.via) if grant.via else ""
                expires = None if grant.expires is None else instant(grant.expires)
                rows.append((account, entitlement, grant.direct, via, expires))
            else:
                self.dropped += 1
        self.grants += self._insert(_GRANTS, ("account", "entitlement", *GRANT_STATED), rows)

    def write(self) -> AbstractContextManager[Session]:
        """A write session as `Cache.write`, on the connection that holds the stage."""
        return self._cache.write_on(self._connection)

    def swap(self, session: Session, at: datetime) -> tuple[int, int, int]:
        """Bring the mirror to what is staged, in a session of `write`; the counts of the three kinds.

        Links are kept by account id. `read_at` moves where a row changed.
        """
        _Swap(session, self._system, self._sqlite, at).run()
        return self.accounts, self.entitlements, self.grants

    def close(self) -> None:
        """Let go of what is staged."""
        self._run(*(f"DROP TABLE IF EXISTS {table.name}" for table in _TABLES))

    def _run(self, *statements: str) -> None:
        connection = self._driver
        for statement in statements:
            connection.execute(statement)
        connection.commit()

    @property
    def _driver(self) -> Any:
        """The driver's own connection: a page must not take the cache's write lock, as SQLAlchemy's begin would."""
        return self._connection.connection.dbapi_connection

    def _insert(self, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> int:
        """Stage a page; how many of its rows were new."""
        if not rows:
            return 0
        connection, names = self._driver, ", ".join(columns)
        if self._sqlite:
            connection.execute("BEGIN")
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT OR IGNORE INTO {table.name} ({names}) VALUES ({marks})"
            added = int(connection.executemany(statement, rows).rowcount)
        else:
            marks = ", ".join(["%s"] * len(columns))
            statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"
            cursor = connection.cursor()
            cursor.executemany(statement, rows)
            added = int(cursor.rowcount)
        connection.commit()
        return added


@contextmanager
def staged(cache: Cache, system: str) -> Iterator[SystemStage]:
    """A stage for one system; `write` of it is the session to swap in."""
    with cache.connection() as connection:
        stage = SystemStage(cache, connection, system)
        try:
            yield stage
        finally:
            stage.close()


def _processor(connection: Connection, column: Column[Any]) -> Process:
    """How values of a column are written by this driver."""
    found = column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
    return found or (lambda value: value)


class _Swap:
    """The statements of one swap."""

    def __init__(self, session: Session, system: str, sqlite: bool, at: datetime) -> None:
        self._session = session
        self._system = system
        self._at = at
        self._differs = "IS NOT" if sqlite else "IS DISTINCT FROM"
        self._planned_by_statistics = not sqlite

    def run(self) -> None:
        """Accounts and entitlements first, then the grants between them."""
        if self._planned_by_statistics:
            for table in _TABLES:
                self._session.execute(text(f"ANALYZE {table.name}"))
        known = self._mirrored("account")
        self._merge("account", ACCOUNT_STATED, {"link": Link.ORPHANED.value})
        self._merge("entitlement", ENTITLEMENT_STATED, {})
        if known:
            self._take_out_grants()
        self._add_grants()

    def _merge(self, kind: str, stated: Sequence[str], first: Mapping[str, str]) -> None:
        """Take out what is gone, write what changed, add what is new. Grants go with what they are of."""
        stage, key, names = f"stage_{kind}", f"{kind}_id", ", ".join(stated)
        number = f"UPDATE {stage} SET mirror = m.id FROM {kind} m WHERE m.system = :system AND m.{key} = {stage}.{key}"
        gone = (
            f"SELECT m.id FROM {kind} m WHERE m.system = :system"
            f" AND NOT EXISTS (SELECT 1 FROM {stage} s WHERE s.mirror = m.id)"
        )
        here, there = (", ".join(f"{prefix}.{name}" for name in stated) for prefix in (kind, "s"))
        if self._mirrored(kind):
            self._run(number)
            self._run(f"CREATE INDEX {stage}_mirror ON {stage} (mirror)")
            self._run(f"DELETE FROM held WHERE {kind} IN ({gone})")
            self._run(f"DELETE FROM {kind} WHERE id IN ({gone})")
            self._run(
                f"UPDATE {kind} SET read_at = :at, {', '.join(f'{name} = s.{name}' for name in stated)}"
                f" FROM {stage} s WHERE s.mirror = {kind}.id AND ({here}) {self._differs} ({there})"
            )
        extra = "".join(f", {name}" for name in first)
        values = "".join(f", :{name}" for name in first)
        self._run(
            f"INSERT INTO {kind} (system, {key}, {names}, read_at{extra})"
            f" SELECT :system, {key}, {names}, :at{values} FROM {stage} WHERE mirror IS NULL ORDER BY n",
            **first,
        )
        self._run(f"{number} AND {stage}.mirror IS NULL")

    def _take_out_grants(self) -> None:
        """Delete the grants that are gone or differ; `CROSS JOIN` keeps SQLite from another order of the loops."""
        held, staged = (", ".join(f"{prefix}.{name}" for name in GRANT_STATED) for prefix in ("h", "g"))
        self._run(
            f"DELETE FROM held WHERE (account, entitlement) IN (SELECT h.account, h.entitlement"
            f" FROM stage_account a CROSS JOIN held h LEFT JOIN stage_entitlement e ON e.mirror = h.entitlement"
            f" LEFT JOIN stage_held g ON g.account = a.n AND g.entitlement = e.n"
            f" WHERE h.account = a.mirror AND (g.account IS NULL OR ({held}) {self._differs} ({staged})))"
        )

    def _add_grants(self) -> None:
        """Insert the grants that are staged and not mirrored."""
        names, staged = ", ".join(GRANT_STATED), ", ".join(f"g.{name}" for name in GRANT_STATED)
        self._run(
            f"INSERT INTO held (account, entitlement, {names}) SELECT a.mirror, e.mirror, {staged} FROM stage_held g"
            f" JOIN stage_account a ON a.n = g.account JOIN stage_entitlement e ON e.n = g.entitlement"
            f" WHERE NOT EXISTS (SELECT 1 FROM held h WHERE h.account = a.mirror AND h.entitlement = e.mirror)"
        )

    def _mirrored(self, kind: str) -> bool:
        """Whether the mirror holds anything of the system."""
        found = self._session.execute(text(f"SELECT 1 FROM {kind} WHERE system = :system"), {"system": self._system})
        return found.first() is not None

    def _run(self, statement: str, **more: object) -> None:
        values = {"system": self._system, "at": self._at, **more}
        bound = text(statement)
        if ":at" in statement:
            bound = bound.bindparams(bindparam("at", type_=_rows_of(AccountRow).c.read_at.type))
        self._session.execute(bound, {name: values[name] for name in bound.compile().params})
