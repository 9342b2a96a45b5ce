"""What people hold of what the policy speaks of, although nothing makes it due: found by sets inside the database.

The profiles are those of `differences`: who shares one may hold the same. The rows live in temporary tables of a
session of `Cache.scratch`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import bindparam, select, text
from sqlmodel import Session, col

from jmltui.domain.access import ACCOUNT_TARGET, AccountState, Link
from jmltui.domain.case import CaseKind
from jmltui.domain.diff_kind import DiffKind

from .differences import ROWS_AT_ONCE, owned
from .mirrors import ask_for
from .tables import CaseRow, LineRow

SOON: Final = timedelta(days=7)
"""A case that takes something away within this time is reason enough to wait; one that is due later is not."""

BARE: Final = 0
"""The number that stands for the account itself where others stand for what it holds."""

_TABLES: Final = (
    "CREATE TEMPORARY TABLE under_way (account BIGINT NOT NULL, entitlement BIGINT NOT NULL, case_id BIGINT NOT NULL,"
    " moving INTEGER NOT NULL, PRIMARY KEY (account, entitlement))",
    "CREATE TEMPORARY TABLE not_due (account BIGINT NOT NULL, entitlement BIGINT NOT NULL, person BIGINT NOT NULL,"
    " case_id BIGINT NOT NULL, PRIMARY KEY (account, entitlement))",
)

_TAKING: Final = f"('{DiffKind.REMOVE}', '{DiffKind.BLOCKED}')"

_UNDER_WAY: Final = f"""
INSERT INTO under_way
SELECT a.id, coalesce(n.id, CASE WHEN l.target = '{ACCOUNT_TARGET}' THEN {BARE} ELSE -1 END), max(c.id),
  max(CASE WHEN c.kind IN ('{CaseKind.REVIEW}', '{CaseKind.ORPHAN}') THEN 0 ELSE 1 END)
FROM jcase c JOIN diffline l ON l.case_id = c.id
JOIN account a ON a.system = l.system AND a.account_id = l.account_id
LEFT JOIN entitlement n
  ON n.system = l.system AND n.entitlement_id = l.entitlement_id AND l.target <> '{ACCOUNT_TARGET}'
WHERE c.live = 1 AND c.due <= :soon AND l.kind IN {_TAKING} GROUP BY 1, 2
"""  # put together from this module's own constants
"""What live cases take away, or leave to somebody's hands; `moving` where it is no answer to a finding or a review."""

_THEIRS: Final = (
    f"a.link = '{Link.CONFIRMED}' AND a.state NOT IN ('{AccountState.DISABLED}', '{AccountState.DELETED}')"
    f" AND NOT {owned('a')}"
)
_HAS_DUE: Final = "EXISTS (SELECT 1 FROM wanted_system w WHERE w.profile = e.profile AND w.system = a.system)"

_GRANTS: Final = f"""
INSERT INTO not_due SELECT h.account, h.entitlement, a.person_id, coalesce(u.case_id, 0)
FROM everyone e CROSS JOIN account a CROSS JOIN held h CROSS JOIN asked k
LEFT JOIN under_way u ON u.account = h.account AND u.entitlement = h.entitlement
WHERE a.person_id = e.person AND h.account = a.id AND k.entitlement = h.entitlement
AND h.direct AND {_THEIRS} AND {_HAS_DUE} AND coalesce(u.moving, 0) = 0
AND NOT EXISTS (
  SELECT 1 FROM wanted x WHERE x.profile = e.profile AND x.system = a.system AND x.entitlement = h.entitlement)
AND NOT EXISTS (SELECT 1 FROM under_way d WHERE d.account = a.id AND d.entitlement = {BARE})
"""  # put together from this module's own constants

_ACCOUNTS: Final = f"""
INSERT INTO not_due SELECT a.id, {BARE}, a.person_id, coalesce(u.case_id, 0)
FROM everyone e CROSS JOIN account a LEFT JOIN under_way u ON u.account = a.id AND u.entitlement = {BARE}
WHERE a.person_id = e.person AND a.system IN :systems AND {_THEIRS} AND NOT {_HAS_DUE} AND coalesce(u.moving, 0) = 0
"""  # put together from this module's own constants


@dataclass(frozen=True, slots=True)
class NotDue:
    """An account, or what it holds, that nothing makes due; `case` is one of a finding or a review that takes it."""

    account: int
    entitlement: int
    case: int


class Surplus:
    """What is held and not due, found once and then asked for: how much of what, and each of it."""

    def __init__(self, session: Session, systems: Collection[str], spoken_of: Collection[int]) -> None:
        """The session's `SetPlan` is filled already; `systems` and `spoken_of` are what the policy manages."""
        self._session = session
        self._systems = sorted(systems)
        ask_for(session, spoken_of)

    def find(self, now: datetime) -> None:
        """Look for it, without what a case that is due takes away."""
        for statement in _TABLES:
            self._session.execute(text(statement))
        due = cast("Any", CaseRow).__table__.c.due.type
        soon = bindparam("soon", value=now + SOON, type_=due)
        self._session.execute(text(_UNDER_WAY).bindparams(soon))
        self._analyze("everyone", "wanted_system", "wanted", "under_way")
        self._session.execute(text(_GRANTS))
        if self._systems:
            managed: Any = bindparam("systems", value=self._systems, expanding=True)
            self._session.execute(text(_ACCOUNTS).bindparams(managed))
        self._analyze("not_due")

    def counts(self) -> Mapping[tuple[str, int], int]:
        """How many accounts hold each thing, by system and number; BARE are the accounts themselves."""
        query = (
            "SELECT a.system, n.entitlement, count(*) FROM not_due n JOIN account a ON a.id = n.account"
            " GROUP BY a.system, n.entitlement"
        )
        return {(system, number): int(count) for system, number, count in self._session.execute(text(query))}

    def each(self) -> Iterator[NotDue]:
        """All of it, by account."""
        query = text("SELECT account, entitlement, case_id FROM not_due ORDER BY account, entitlement")
        rows = self._session.connection().execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
        yield from (NotDue(*row) for row in rows)

    def _analyze(self, *tables: str) -> None:
        """PostgreSQL knows nothing of temporary tables before it is told to look; SQLite needs no telling."""
        if self._session.connection().dialect.name != "sqlite":
            for table in tables:
                self._session.execute(text(f"ANALYZE {table}"))


def case_taking(session: Session, system: str, account_id: str, target: str) -> int:
    """The number of a live case that takes this from an account already, or the account itself; 0 for none."""
    query = (
        select(col(CaseRow.id))
        .join(LineRow, col(LineRow.case_id) == col(CaseRow.id))
        .where(col(CaseRow.live) == 1, col(LineRow.system) == system, col(LineRow.account_id) == account_id)
        .where(col(LineRow.kind).in_((DiffKind.REMOVE.value, DiffKind.BLOCKED.value)))
        .where(col(LineRow.target).in_((target, ACCOUNT_TARGET)))
        .order_by(col(CaseRow.id).desc())
    )
    return session.scalars(query).first() or 0
