"""What lists and screens read: ids of a view, rows of ids, one record whole. No ORM is imported for it.

A dashboard must show its first rows before anything heavy is loaded, so this module speaks the driver's own
language: `sqlite3` of the standard library, or `psycopg` for a shared database.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from jmltui.errors import CacheError

from .filters import POSTGRESQL, SHORT_WORD, SQLITE, SQLITE_PLAIN, Dialect, by_words, like, words_of

SCHEMA: Final = 3
"""The version of the tables that these statements were written for; equals `migrations.LATEST`."""

FIRST_IDS: Final = 200


class Connection(Protocol):
    """What the two drivers have in common."""

    def execute(self, sql: str, args: Any = ..., /) -> Any:
        """Run one statement; returns a cursor."""

    def interrupt(self) -> None:
        """Stop the statement that another thread runs."""

    def close(self) -> None:
        """Let go."""


@dataclass(frozen=True, slots=True)
class Query:
    """A statement that yields ids in the order of the list."""

    sql: str
    args: tuple[Any, ...] = ()


CASE_VIEWS: Final[Mapping[str, str]] = {
    "all": "c.live = 1",
    "joiners": "c.live = 1 AND c.kind IN ('joiner', 'rehire')",
    "movers": "c.live = 1 AND c.kind = 'mover'",
    "leavers": "c.live = 1 AND c.kind IN ('leaver', 'expiry')",
    "approvals": "c.live = 1 AND c.approvals > 0",
    "attention": "c.live = 1 AND c.attention > 0",
    "held": "c.live = 1 AND c.state IN ('held', 'question')",
    "requests": "c.live = 1 AND c.kind = 'exception'",
    "findings": "c.live = 1 AND c.kind IN ('orphan', 'review')",
    "mine": "c.live = 1 AND c.claimed_by = ?",
    "closed": "c.live = 0",
}
"""The views of the queue; `mine` takes the login of whoever looks."""

CASE_ORDERS: Final[Mapping[str, str]] = {
    "due": "c.next_due, c.id",
    "name": "c.person_name, c.id",
    "danger": "c.danger DESC, c.next_due, c.id",
    "newest": "c.id DESC",
}

CASE_COLUMNS: Final = (
    "id, kind, state, person_name, person_key, department, next_step, next_due, target_at, steps_total, steps_done, "
    "attention, approvals, working, claimed_by, owner, danger, held_reason, batch_id, version, due, absent, soon_at"
)
PERSON_COLUMNS: Final = "id, name, key, type, status, department, title, location, email, starts, ends, present"
JOURNAL_COLUMNS: Final = "seq AS id, at, actor, action, case_id, person_id, system, summary"


def instant(value: object) -> datetime | None:
    """A stored instant as an aware datetime in UTC; None stays None."""
    if value is None or value == "":
        return None
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def cases_query(dialect: Dialect, view: str, order: str, text: str, me: str) -> Query:
    """The ids of a view of the queue, filtered by every word of `text`."""
    args: list[Any] = [me] if view == "mine" else []
    where = [CASE_VIEWS[view]]
    fields = ("c.person_name", "c.person_key", "c.department")
    by_words(dialect, where, args, text, "case_search", "c.id", fields)
    by = "c.closed_at DESC, c.id" if view == "closed" and order == "due" else CASE_ORDERS[order]
    return Query(f"SELECT c.id FROM jcase c WHERE {' AND '.join(where)} ORDER BY {by}", tuple(args))


def people_query(dialect: Dialect, text: str, folded: str) -> Query:
    """The ids of people by name. One or two characters look at how the folded name begins, which an index answers."""
    where: list[str] = []
    args: list[Any] = []
    if 0 < len(folded) < SHORT_WORD:
        where.append("p.sort_name >= ? AND p.sort_name < ?")
        args += [folded, folded[:-1] + chr(ord(folded[-1]) + 1)]
    else:
        fields = ("p.name", "p.key", "p.department", "p.email", "p.title")
        by_words(dialect, where, args, text, "person_search", "p.id", fields)
    condition = f"WHERE {' AND '.join(where)} " if where else ""
    return Query(f"SELECT p.id FROM person p {condition}ORDER BY p.sort_name, p.id", tuple(args))


def journal_query(dialect: Dialect, text: str) -> Query:
    """The numbers of journal entries, newest first."""
    where: list[str] = []
    args: list[Any] = []
    for word in words_of(text):
        pattern = f"%{like(word)}%"
        where.append(
            f"(j.summary {dialect.like} ? ESCAPE '\\' OR j.actor {dialect.like} ? ESCAPE '\\' "
            f"OR j.action {dialect.like} ? ESCAPE '\\')"
        )
        args += [pattern] * 3
    condition = f"WHERE {' AND '.join(where)} " if where else ""
    return Query(f"SELECT j.seq FROM journal j {condition}ORDER BY j.seq DESC", tuple(args))


class Lists:
    """Reads for screens over one cache. Each thread asks `connect()` for its own connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = not url.startswith("postgresql")
        self.dialect = POSTGRESQL
        if self.is_sqlite:
            self.dialect = SQLITE if sqlite3.sqlite_version_info >= (3, 34) else SQLITE_PLAIN
        self._own: Connection | None = None

    def connect(self) -> Connection:
        """A connection that can only read. Raises CacheError."""
        if self.is_sqlite:
            try:
                connection = sqlite3.connect(self.url, timeout=5, check_same_thread=False, isolation_level=None)
                connection.execute("PRAGMA query_only=ON")
            except sqlite3.Error as error:
                raise CacheError(
                    f"The cache {self.url} cannot be read: {error}.", hint="Run `jmltui doctor`."
                ) from None
            return connection
        import psycopg

        address = self.url.replace("postgresql+psycopg://", "postgresql://", 1)
        try:
            shared = psycopg.connect(address, autocommit=True, connect_timeout=10)
            shared.execute("SET default_transaction_read_only = on")
        except psycopg.Error:
            raise CacheError("The database server does not answer.", hint="Run `jmltui doctor`.") from None
        return _Numbered(shared)

    @property
    def own(self) -> Connection:
        """The connection of the thread that shows."""
        if self._own is None:
            self._own = self.connect()
        return self._own

    def close(self) -> None:
        """Let go of the own connection."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def is_current(self) -> bool:
        """Whether the cache is there and has the tables of this version."""
        there = "SELECT 1 FROM sqlite_master WHERE name = 'meta'" if self.is_sqlite else "SELECT to_regclass('meta')"
        try:
            found = self.own.execute(there).fetchone()
        except sqlite3.DatabaseError:
            # No cache at all: whoever opens it for writing says why.
            return False
        if found is None or found[0] is None:
            return False
        row = self.own.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
        return row is not None and str(row[0]) == str(SCHEMA)

    def stamp(self) -> object:
        """Something that differs when any other process has written; costs microseconds."""
        if self.is_sqlite:
            return self.own.execute("PRAGMA data_version").fetchone()[0]
        return self.newest_change()

    def newest_change(self) -> int:
        """The number of the newest change signal."""
        return int(self.own.execute("SELECT coalesce(max(id), 0) FROM change").fetchone()[0])

    def changes_after(self, number: int) -> list[tuple[str, str]]:
        """(kind, reference) of the change signals after one."""
        found = self.own.execute("SELECT kind, ref FROM change WHERE id > ? ORDER BY id", (number,))
        return [(str(kind), str(ref)) for kind, ref in found.fetchall()]

    def rows(self, table: str, columns: str, ids: Sequence[int], key: str = "id") -> dict[int, dict[str, Any]]:
        """The rows of these ids."""
        if not ids:
            return {}
        marks = ",".join("?" * len(ids))
        found = dicts(self.own.execute(f"SELECT {columns} FROM {table} WHERE {key} IN ({marks})", tuple(ids)))
        return {row["id"]: row for row in found}

    # Queries of the lists

    def cases(self, view: str, order: str, text: str, me: str) -> Query:
        """The query of a view of the queue."""
        return cases_query(self.dialect, view, order, text, me)

    def people(self, text: str, folded: str) -> Query:
        """The query of the people; `folded` is the text as names are folded for sorting."""
        return people_query(self.dialect, text, folded)

    def entries(self, text: str) -> Query:
        """The query of the journal."""
        return journal_query(self.dialect, text)

    def case_rows(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The columns of the queue."""
        return self.rows("jcase", CASE_COLUMNS, ids)

    def person_rows(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The columns of the people."""
        return self.rows("person", PERSON_COLUMNS, ids)

    def entry_rows(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The columns of the journal."""
        return self.rows("journal", JOURNAL_COLUMNS, ids, key="seq")

    # Records

    def all(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Every row of a statement as a mapping."""
        return list(dicts(self.own.execute(sql, args)))

    def case(self, case_id: int) -> dict[str, Any] | None:
        """One case with steps, their actions, diff, approvals, journal and its person; None where there is none."""
        found = self.all("SELECT * FROM jcase WHERE id = ?", case_id)
        if not found:
            return None
        case = found[0]
        case["event"] = json.loads(case["event"])
        actions = self.all("SELECT * FROM action WHERE case_id = ? ORDER BY step_id, seq", case_id)
        for action in actions:
            for name in ("wanted", "expects", "before", "after", "observed"):
                action[name] = json.loads(action[name])
        case["steps"] = self.all("SELECT * FROM step WHERE case_id = ? ORDER BY seq", case_id)
        for step in case["steps"]:
            step["needs"] = json.loads(step["needs"])
            step["actions"] = [action for action in actions if action["step_id"] == step["id"]]
            newest = max(step["actions"], key=lambda action: int(action["id"]), default=case)
            step["plan_hash"] = newest["plan_hash"]
        lines = self.all("SELECT * FROM diffline WHERE case_id = ? ORDER BY seq", case_id)
        case["diff"] = [{**each, "rules": json.loads(each["rules"])} for each in lines]
        case["approvals_given"] = self.all("SELECT * FROM approval WHERE case_id = ? ORDER BY id", case_id)
        case["journal"] = self.all(f"SELECT {JOURNAL_COLUMNS} FROM journal WHERE case_id = ? ORDER BY seq", case_id)
        case["ticket"] = self._ticket(case_id)
        person = self.all("SELECT * FROM person WHERE id = ?", case["person_id"])
        case["person"] = person[0] if person else {}
        return case

    def _ticket(self, case_id: int) -> dict[str, Any] | None:
        """The ticket of a case with the newest of its messages that came to something, and how many wait."""
        found = self.all(
            "SELECT t.*, l.stopped, l.reason FROM ticket t LEFT JOIN adapter_limit l ON l.system = t.system "
            "WHERE t.case_id = ? AND t.unbound_at IS NULL",
            case_id,
        )
        if not found:
            return None
        told = self.all(
            "SELECT milestone, kind, state, problem, posted_at FROM ticket_message WHERE binding = ? ORDER BY id",
            found[0]["id"],
        )
        return {**found[0], "messages": told}

    def preview(self, case_id: int) -> dict[str, Any] | None:
        """What the pane below the queue tells of a case."""
        found = self.all(f"SELECT {CASE_COLUMNS}, event, plan_hash FROM jcase WHERE id = ?", case_id)
        if not found:
            return None
        case = found[0]
        case["event"] = json.loads(case["event"])
        case["steps"] = self.all(
            "SELECT key, title, state, owner, fallback_owner, escalated_at, note FROM step "
            "WHERE case_id = ? ORDER BY seq",
            case_id,
        )
        counted = self.own.execute("SELECT kind, count(*) FROM diffline WHERE case_id = ? GROUP BY kind", (case_id,))
        case["lines"] = {str(kind): int(count) for kind, count in counted.fetchall()}
        return case

    def systems(self) -> list[dict[str, Any]]:
        """Every system with its limits and what waits for it."""
        found = self.all(
            "SELECT s.*, l.stopped, l.reason, l.wait_until FROM system s "
            "LEFT JOIN adapter_limit l ON l.system = s.name ORDER BY s.name"
        )
        waiting = self.own.execute(
            "SELECT system, state, count(*) FROM action WHERE state IN "
            "('ready', 'running', 'applied', 'unknown', 'verifying', 'contradicted', 'unverifiable', 'failed') "
            "GROUP BY system, state"
        ).fetchall()
        for system in found:
            system["capabilities"] = json.loads(system["capabilities"])
            system["facts"] = json.loads(system["facts"])
            system["waiting"] = {str(state): int(count) for name, state, count in waiting if name == system["name"]}
        return found

    def sources(self) -> list[dict[str, Any]]:
        """Every source."""
        return self.all("SELECT * FROM source ORDER BY name")

    def batches(self) -> list[dict[str, Any]]:
        """Batches that wait for a person, each with the number of people still in it."""
        return self.all(
            "SELECT b.*, (SELECT count(*) FROM jcase c WHERE c.batch_id = b.id AND c.live = 1) AS people "
            "FROM batch b WHERE b.state = 'open' ORDER BY b.id"
        )

    def batch_people(self, batch_id: int) -> list[dict[str, Any]]:
        """Who is in a batch, by name."""
        return self.all(
            "SELECT id, kind, state, person_name, person_key, department, held_reason FROM jcase "
            "WHERE batch_id = ? AND live = 1 ORDER BY person_name, id",
            batch_id,
        )

    def bulk(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """What running these cases through would do: each case with its unsettled actions counted by operation."""
        cases = self.rows("jcase", CASE_COLUMNS, ids)
        for case in cases.values():
            counted = self.own.execute(
                "SELECT system, operation, count(*) FROM action WHERE case_id = ? AND state NOT IN "
                "('confirmed', 'attested', 'skipped') GROUP BY system, operation ORDER BY system, operation",
                (case["id"],),
            )
            case["todo"] = [
                (str(system), str(operation), int(count)) for system, operation, count in counted.fetchall()
            ]
        return [cases[number] for number in ids if number in cases]

    def counts(self, me: str) -> dict[str, int]:
        """How many cases each live view holds."""
        found = {}
        for view, where in CASE_VIEWS.items():
            if view != "closed":
                args = (me,) if view == "mine" else ()
                row = self.own.execute(f"SELECT count(*) FROM jcase c WHERE {where}", args).fetchone()
                found[view] = int(row[0])
        return found


class _Numbered:
    """A psycopg connection that takes `?` as place-holder, as sqlite3 does."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, args: Any = (), /) -> Any:
        return self._connection.execute(sql.replace("%", "%%").replace("?", "%s"), tuple(args))

    def interrupt(self) -> None:
        """Stop the statement that runs, as sqlite3's method of that name."""
        self._connection.cancel()

    def close(self) -> None:
        self._connection.close()


def dicts(cursor: Any) -> Iterator[dict[str, Any]]:
    """The rows of a cursor as mappings by column name."""
    names = [column[0] for column in cursor.description]
    for row in cursor.fetchall():
        yield dict(zip(names, row, strict=True))
