"""What the screens of governance read: findings, reviews and their items, exceptions. No ORM is imported for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from .filters import Dialect, by_words
from .lists import Query, instant
from .person_lists import PersonLists

WAITS: Final = "f.key IN (SELECT x.subject FROM exception x WHERE x.kind = 'finding' AND x.state = 'asked')"
"""Somebody wants to accept the finding, and nobody else has decided yet."""

FINDING_VIEWS: Final[Mapping[str, str]] = {
    "open": "f.state = 'open'",
    "waiting": f"f.state = 'open' AND {WAITS}",
    "case": "f.state = 'case'",
    "excepted": "f.state = 'excepted'",
}
"""The views of findings beside one for each kind, which holds the open ones."""

LAST_SCAN: Final = "findings scan"
"""The fact of the cache that says when somebody looked for findings last; `cache.findings` writes it."""

FINDING_COLUMNS: Final = (
    "id, kind, key, state, danger, person_id, person_key, person_name, system, account_id, login, target, rule, "
    "detail, first_seen, last_seen, case_id, exception_id, version"
)

EXCEPTION_VIEWS: Final[Mapping[str, str]] = {
    "waiting": "x.state = 'asked'",
    "active": "x.state = 'active'",
    "emergency": "x.break_glass AND x.reviewed_by = '' AND x.state IN ('active', 'ended')",
    "mine": "x.requested_by = ? AND x.state IN ('asked', 'active')",
    "ended": "x.state IN ('ended', 'refused')",
}
"""The views of requests; `mine` takes the login of whoever looks, `emergency` is what nobody has reviewed yet."""

EXCEPTION_ORDERS: Final[Mapping[str, str]] = {
    "waiting": "x.asked_at, x.id",
    "active": "CASE WHEN x.until IS NULL THEN 1 ELSE 0 END, x.until, x.id",
    "emergency": "x.asked_at, x.id",
    "mine": "x.id DESC",
    "ended": "x.id DESC",
}

ITEM_VIEWS: Final[Mapping[str, str]] = {
    "mine": "i.decision = '' AND {mine}",
    "unanswered": "i.decision = ''",
    "unsure": "i.decision = 'unsure'",
    "revoked": "i.decision = 'revoke'",
    "answered": "i.decision <> ''",
    "all": "1 = 1",
}
"""The views of a review's items; `{mine}` is whether the item's reviewer is one of the words for whoever looks."""


def findings_query(dialect: Dialect, view: str, text: str) -> Query:
    """The ids of findings, the worst first. `view` is a key of FINDING_VIEWS or a kind, which means its open ones."""
    where = [FINDING_VIEWS.get(view, "f.state = 'open' AND f.kind = ?")]
    args: list[Any] = [] if view in FINDING_VIEWS else [view]
    fields = ("f.person_name", "f.person_key", "f.login", "f.system", "f.target", "f.kind", "f.detail")
    _by_scan(dialect, where, args, text, fields)
    return Query(
        f"SELECT f.id FROM finding f WHERE {' AND '.join(where)} ORDER BY f.danger DESC, f.kind, f.id", tuple(args)
    )


def exceptions_query(dialect: Dialect, view: str, text: str, me: str) -> Query:
    """The ids of exceptions of a view, by what has to be looked at first."""
    where = [EXCEPTION_VIEWS[view]]
    args: list[Any] = [me] if view == "mine" else []
    fields = ("p.name", "p.key", "p.department", "x.subject", "x.requested_by", "x.approved_by", "x.reason")
    _by_scan(dialect, where, args, text, fields)
    return Query(
        "SELECT x.id FROM exception x LEFT JOIN person p ON p.id = x.person_id "
        f"WHERE {' AND '.join(where)} ORDER BY {EXCEPTION_ORDERS[view]}",
        tuple(args),
    )


def items_query(dialect: Dialect, campaign: int, view: str, text: str, words: Sequence[str]) -> Query:
    """The ids of a review's items; those of whoever looks come first. `words` are what that login answers to."""
    mine = f"i.reviewer IN ({','.join('?' * len(words))})" if words else "1 = 0"
    where = ["i.campaign_id = ?", ITEM_VIEWS[view].format(mine=mine)]
    args: list[Any] = [campaign, *(words if view == "mine" else ())]
    fields = ("i.person_name", "i.person_key", "i.department", "i.system", "i.target", "i.login", "i.reviewer")
    _by_scan(dialect, where, args, text, fields)
    order = "i.seq, i.id" if view == "mine" else f"CASE WHEN {mine} THEN 0 ELSE 1 END, i.seq, i.id"
    args += words if view != "mine" else ()
    return Query(f"SELECT i.id FROM review_item i WHERE {' AND '.join(where)} ORDER BY {order}", tuple(args))


def _by_scan(dialect: Dialect, where: list[str], args: list[Any], text: str, fields: Sequence[str]) -> None:
    """Add the filter where no trigram index stands; these lists are short beside those of people and cases."""
    by_words(Dialect(dialect.name, dialect.like, full_text=False), where, args, text, "", "", fields)


class GovernanceLists(PersonLists):
    """Reads for the screens of findings, reviews and requests."""

    # Findings

    def findings(self, view: str, text: str) -> Query:
        """The query of a view of findings."""
        return findings_query(self.dialect, view, text)

    def finding_rows(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The columns of findings; `waits` where somebody else has to agree that one is accepted."""
        return self.rows("finding f", f"{FINDING_COLUMNS}, {WAITS} AS waits", ids)

    def finding_counts(self) -> dict[str, int]:
        """How many findings each view holds; kinds without an open one are left out, the worst kind comes first."""
        found = self.own.execute(
            "SELECT state, kind, count(*), max(danger) AS worst FROM finding WHERE state <> 'gone' "
            "GROUP BY state, kind ORDER BY worst DESC, kind"
        )
        counts = dict.fromkeys(FINDING_VIEWS, 0)
        for state, kind, count, _ in found.fetchall():
            counts[str(state)] += int(count)
            if state == "open":
                counts[str(kind)] = int(count)
        waiting = f"SELECT count(*) FROM finding f WHERE {FINDING_VIEWS['waiting']}"
        counts["waiting"] = int(self.own.execute(waiting).fetchone()[0])
        return counts

    def last_scan(self) -> datetime | None:
        """When somebody looked for findings last; None for never."""
        found = self.own.execute("SELECT value FROM meta WHERE key = ?", (LAST_SCAN,)).fetchone()
        return None if found is None else instant(found[0])

    def finding(self, number: int) -> dict[str, Any] | None:
        """One finding with its facts and the exception that accepts it, asked for or in force."""
        found = self.all(f"SELECT f.*, {WAITS} AS waits FROM finding f WHERE f.id = ?", number)
        if not found:
            return None
        finding = found[0]
        finding["facts"] = json.loads(finding["facts"])
        accepted = self.all(
            "SELECT * FROM exception WHERE (kind = 'finding' AND subject = ? OR kind = 'separation' AND subject = ? "
            "AND person_id = ?) AND state IN ('asked', 'active') ORDER BY id DESC",
            finding["key"],
            finding["rule"] if finding["kind"] == "separation" else "",
            finding["person_id"],
        )
        finding["acceptance"] = accepted[0] if accepted else None
        return finding

    def finding_of(self, key: str) -> int | None:
        """The number of the finding with a key."""
        found = self.own.execute("SELECT id FROM finding WHERE key = ?", (key,)).fetchone()
        return None if found is None else int(found[0])

    # Reviews

    def campaigns(self, words: Sequence[str]) -> list[dict[str, Any]]:
        """Every review, open ones by what is due first; `mine` counts what whoever looks has still to answer."""
        marks = ",".join("?" * len(words))
        mine = (
            f"(SELECT count(*) FROM review_item i WHERE i.campaign_id = c.id AND i.reviewer IN ({marks}) "
            "AND i.decision = '')"
            if words
            else "0"
        )
        return self.all(
            f"SELECT c.*, {mine} AS mine FROM campaign c "
            "ORDER BY CASE WHEN c.state = 'closed' THEN 1 ELSE 0 END, c.due_at, c.id",
            *words,
        )

    def campaign(self, number: int) -> dict[str, Any] | None:
        """One review."""
        found = self.all("SELECT * FROM campaign WHERE id = ?", number)
        return found[0] if found else None

    def decisions(self, number: int) -> dict[str, int]:
        """How many items of a review have which answer, "" for none; looks at every item."""
        counted = self.own.execute(
            "SELECT decision, count(*) FROM review_item WHERE campaign_id = ? GROUP BY decision", (number,)
        )
        return {str(decision): int(count) for decision, count in counted.fetchall()}

    def items(self, campaign: int, view: str, text: str, words: Sequence[str]) -> Query:
        """The query of a view of a review's items."""
        return items_query(self.dialect, campaign, view, text, words)

    def item_counts(self, campaign: int, words: Sequence[str]) -> dict[str, int]:
        """How many items each view holds, counted in one go."""
        mine = f"CASE WHEN i.reviewer IN ({','.join('?' * len(words))}) THEN 1 ELSE 0 END" if words else "0"
        found = self.own.execute(
            f"SELECT i.decision, {mine} AS mine, count(*) FROM review_item i WHERE i.campaign_id = ? GROUP BY 1, 2",
            (*words, campaign),
        )
        counts = dict.fromkeys(ITEM_VIEWS, 0)
        names = {"unsure": "unsure", "revoke": "revoked"}
        for decision, is_mine, count in found.fetchall():
            for view in ("all", "answered" if decision else "unanswered", names.get(str(decision), "")):
                if view:
                    counts[view] += int(count)
            counts["mine"] += int(count) if is_mine and not decision else 0
        return counts

    def item_rows(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Items whole: an answer needs every fact of them."""
        return self.rows("review_item", "*", ids)

    # Requests

    def exceptions(self, view: str, text: str, me: str) -> Query:
        """The query of a view of requests."""
        return exceptions_query(self.dialect, view, text, me)

    def exception_rows(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Exceptions with their person, their case's state, and the steps of it that wait for an approval."""
        found = self.rows(
            "exception x LEFT JOIN person p ON p.id = x.person_id LEFT JOIN jcase c ON c.id = x.case_id",
            "x.*, p.name AS person_name, p.key AS person_key, p.department, c.state AS case_state",
            ids,
            key="x.id",
        )
        waiting = self.steps_that_wait([int(row["case_id"]) for row in found.values() if row["case_id"]])
        for row in found.values():
            row["waits"] = waiting.get(int(row["case_id"]), [])
        return found

    def steps_that_wait(self, cases: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """The steps of these cases that wait for an approval, each with the decisions that were given."""
        if not cases:
            return {}
        marks = ",".join("?" * len(cases))
        steps = self.all(
            "SELECT id, case_id, key, title, approval_path, asked_at FROM step "
            f"WHERE state = 'approval' AND case_id IN ({marks}) ORDER BY case_id, seq",
            *cases,
        )
        given = self.all(f"SELECT * FROM approval WHERE case_id IN ({marks}) ORDER BY id", *cases)
        found: dict[int, list[dict[str, Any]]] = {}
        for step in steps:
            step["given"] = [each for each in given if each["step_id"] == step["id"]]
            found.setdefault(int(step["case_id"]), []).append(step)
        return found

    def exception_counts(self, me: str) -> dict[str, int]:
        """How many exceptions each view holds."""
        counts = {}
        for view, where in EXCEPTION_VIEWS.items():
            args = (me,) if view == "mine" else ()
            row = self.own.execute(f"SELECT count(*) FROM exception x WHERE {where}", args).fetchone()
            counts[view] = int(row[0])
        return counts
