"""What one scan found, on its way into the findings: staged while it is computed, then taken over as a whole.

Nothing is locked and nothing shows while a scan computes; a scan that breaks off leaves no trace.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, bindparam, text
from sqlmodel import Session

from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.finding import Finding, FindingState

from .engine import Cache
from .tables import FindingRow

ROWS_AT_ONCE: Final = 1_000

STATED: Final = (
    "danger",
    "person_id",
    "person_key",
    "person_name",
    "system",
    "account_id",
    "login",
    "target",
    "rule",
    "detail",
    "facts",
)
"""What a scan states of a finding that is known already."""

_COLUMNS: Final = ("key", "kind", *STATED, "live_case", "own_exception", "own_active")
_NAMES: Final = ", ".join(STATED)
_NUMBERS: Final = ("danger", "person_id", "live_case", "own_exception", "own_active")

_TABLES: Final = (
    "CREATE TEMPORARY TABLE stage_finding (key TEXT PRIMARY KEY, "
    + ", ".join(f"{name} {'BIGINT' if name in _NUMBERS else 'TEXT'} NOT NULL" for name in _COLUMNS[1:])
    + ")",
    "CREATE TEMPORARY TABLE stage_next (key TEXT PRIMARY KEY, id BIGINT NOT NULL, before TEXT NOT NULL,"
    " state TEXT NOT NULL, case_id BIGINT NOT NULL, exception_id BIGINT NOT NULL)",
)

_EXCEPTIONS: Final = (
    "SELECT subject, max(id) AS standing,"
    f" max(CASE WHEN state = '{ExceptionState.ACTIVE}' THEN id ELSE 0 END) AS active"
    f" FROM exception WHERE kind = '{ExceptionKind.FINDING}' AND (until IS NULL OR until > :now)"
    f" AND state IN ('{ExceptionState.ASKED}', '{ExceptionState.ACTIVE}') GROUP BY subject"
)

_DECIDE: Final = (
    "INSERT INTO stage_next (key, id, before, state, case_id, exception_id)"
    " SELECT s.key, coalesce(f.id, 0), coalesce(f.state, ''),"
    f" CASE WHEN f.gone_at > :now THEN '{FindingState.GONE}' ELSE"
    f" CASE WHEN s.live_case <> 0 OR c.id IS NOT NULL THEN '{FindingState.CASE}'"
    f" WHEN s.own_active <> 0 OR x.active > 0 THEN '{FindingState.EXCEPTED}' ELSE '{FindingState.OPEN}' END END,"
    " CASE WHEN s.live_case <> 0 THEN s.live_case ELSE coalesce(f.case_id, 0) END,"
    " CASE WHEN x.active > 0 THEN x.active WHEN s.own_exception <> 0 THEN s.own_exception"
    " ELSE coalesce(x.standing, 0) END"
    " FROM stage_finding s LEFT JOIN finding f ON f.key = s.key"
    f" LEFT JOIN jcase c ON c.id = f.case_id AND c.live = 1 LEFT JOIN ({_EXCEPTIONS}) x ON x.subject = s.key"
)
"""The state of everything that was found, from how its case and its exceptions stand. `id` is 0 for what is new.

What somebody settled since the scan began looking stays gone: the scan saw it as it was before.
"""

_NEVER_ASKED: Final = (
    "DELETE FROM stage_finding WHERE own_active <> 0 AND NOT EXISTS (SELECT 1 FROM finding f"
    " WHERE f.key = stage_finding.key)"
)
"""What somebody agreed to before anybody found it is no finding; what was found first is an accepted one."""

_MOVED: Final = (
    "UPDATE finding SET state = n.state, case_id = n.case_id, exception_id = n.exception_id,"
    f" gone_at = CASE WHEN n.state = '{FindingState.GONE}' THEN gone_at END,"
    " version = version + 1 FROM stage_next n WHERE n.id = finding.id"
    " AND (finding.state, finding.case_id, finding.exception_id) <> (n.state, n.case_id, n.exception_id)"
)

_RESTATED: Final = (
    f"UPDATE finding SET {', '.join(f'{name} = s.{name}' for name in STATED)}, version = version + 1"
    " FROM stage_finding s WHERE s.key = finding.key"
    f" AND ({', '.join(f'finding.{name}' for name in STATED)}) <> ({', '.join(f's.{name}' for name in STATED)})"
)

_SEEN: Final = "UPDATE finding SET last_seen = :now WHERE id IN (SELECT id FROM stage_next)"

_GONE: Final = (
    f"state <> '{FindingState.GONE}' AND NOT EXISTS (SELECT 1 FROM stage_finding s WHERE s.key = finding.key)"
)

_BEGUN: Final = (
    f"INSERT INTO finding (key, kind, {_NAMES}, state, case_id, exception_id, first_seen, last_seen, version)"
    f" SELECT s.key, s.kind, {', '.join(f's.{name}' for name in STATED)}, n.state, n.case_id, n.exception_id,"
    " :now, :now, 1 FROM stage_finding s JOIN stage_next n ON n.key = s.key WHERE n.id = 0 ORDER BY s.kind, s.key"
)


@dataclass
class Moves:
    """How many findings of each kind came, were opened `again`, or went; `other` took a case or an exception."""

    new: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    other: int = 0

    @property
    def any(self) -> bool:
        """Whether the state of any finding changed."""
        return bool(self.new or self.again or self.gone or self.other)


class FindingStage:
    """The findings of one scan as they are found; `take_over` at its end."""

    def __init__(self, cache: Cache, connection: Connection) -> None:
        self._cache = cache
        self._connection = connection
        self._sqlite = connection.dialect.name == "sqlite"
        self._run(*_TABLES)

    def add(self, findings: Iterable[Finding]) -> None:
        """Stage findings; of two with one key the first counts."""
        rows: list[tuple[object, ...]] = []
        for found in findings:
            rows.append(_values(found))
            if len(rows) == ROWS_AT_ONCE:
                self._put(rows)
                rows = []
        self._put(rows)

    def write(self) -> AbstractContextManager[Session]:
        """A write session as `Cache.write`, on the connection that holds the stage."""
        return self._cache.write_on(self._connection)

    def take_over(self, session: Session, now: datetime) -> Moves:
        """Bring the findings to what is staged, in a session of `write`. Only what differs gets a new version."""

        def run(statement: str) -> Any:
            bound = text(statement)
            if ":now" in statement:
                instant = cast("Any", FindingRow).__table__.c.last_seen.type
                bound = bound.bindparams(bindparam("now", value=now, type_=instant))
            return session.execute(bound)

        if not self._sqlite:
            run("ANALYZE stage_finding")
        run(_NEVER_ASKED)
        run(_DECIDE)
        moves = Moves()
        for kind, before, state, count in run(
            "SELECT s.kind, n.before, n.state, count(*) FROM stage_next n JOIN stage_finding s ON s.key = n.key"
            " WHERE n.before <> n.state GROUP BY s.kind, n.before, n.state"
        ):
            if not before:
                moves.new[kind] += count
            elif state == FindingState.OPEN:
                moves.again[kind] += count
            else:
                moves.other += count
        moves.gone.update(dict(run(f"SELECT kind, count(*) FROM finding WHERE {_GONE} GROUP BY kind").all()))
        run(_SEEN)
        run(_MOVED)
        run(_RESTATED)
        run(f"UPDATE finding SET state = '{FindingState.GONE}', gone_at = :now, version = version + 1 WHERE {_GONE}")
        run(_BEGUN)
        return moves

    def close(self) -> None:
        """Let go of what is staged."""
        self._driver.rollback()
        self._run("DROP TABLE IF EXISTS stage_next", "DROP TABLE IF EXISTS stage_finding")

    @property
    def _driver(self) -> Any:
        """The driver's own connection: staging must not take the cache's write lock, as SQLAlchemy's begin would."""
        return self._connection.connection.dbapi_connection

    def _run(self, *statements: str) -> None:
        for statement in statements:
            self._driver.execute(statement)
        self._driver.commit()

    def _put(self, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        marks = ", ".join(["?" if self._sqlite else "%s"] * len(_COLUMNS))
        columns = ", ".join(_COLUMNS)
        statement = f"INSERT INTO stage_finding ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        if self._sqlite:
            self._driver.execute("BEGIN")
        self._driver.cursor().executemany(statement, rows)
        self._driver.commit()


@contextmanager
def staged_findings(cache: Cache) -> Iterator[FindingStage]:
    """A stage for one scan; `write` of it is the session to take over in."""
    with cache.connection() as connection:
        stage = FindingStage(cache, connection)
        try:
            yield stage
        finally:
            stage.close()


def _values(found: Finding) -> tuple[object, ...]:
    facts = json.dumps(dict(found.facts), sort_keys=True, default=str)
    return (
        found.key,
        found.kind.value,
        int(found.danger),
        found.person_id,
        found.person_key,
        found.person_name,
        found.system,
        found.account_id,
        found.login,
        found.target,
        found.rule,
        found.detail,
        facts,
        found.case,
        found.exception,
        int(found.excepted),
    )
