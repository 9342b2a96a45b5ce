"""What a look at the whole company must find, counted in plain Python from files and from the systems' own word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any, Final

from tests.trials import outsiders
from tests.trials.organisation import EMPLOYEES, EXTERNAL, Row
from tests.trials.reckoning import ACCOUNT, Place, Rules, problems
from tests.trials.trial import SHARE, Trial

Found = dict[str, set[tuple[str, ...]]]
"""By kind of finding: what each one is about."""

ABOUT: Final[Mapping[str, tuple[str, ...]]] = {
    "orphan": ("system", "login"),
    "ownerless": ("login", "person_key"),
    "ended": ("person_key",),
    "unexplained": ("person_key", "system", "target"),
    "not_due": ("person_key", "system", "target"),
    "separation": ("person_key", "rule"),
    "no_manager": ("person_key",),
    "ending": ("person_key",),
    "requirement": ("person_key", "code"),
    "dormant": ("person_key", "system"),
}
"""By kind: the columns (or facts) of a finding that say what it is about."""


def told(rows: Collection[Mapping[str, Any]]) -> Found:
    """What jmltui found, in the same form."""
    found: Found = {}
    for row in rows:
        flat = {**row["facts"], **row}
        found.setdefault(row["kind"], set()).add(tuple(str(flat[name]) for name in ABOUT[row["kind"]]))
    return found


def counted(
    trial: Trial,
    month: int,
    truth: Mapping[str, set[Place]],
    owners: Mapping[str, str],
    agreed: Mapping[str, set[Place]],
) -> Found:
    """What must be found after a month.

    `owners` are those of the service accounts as they are now, `agreed` is what exceptions give.
    """
    everybody = trial.everybody(month)
    here = {key: row for key, row in everybody.items() if trial.works_here(row)}
    found: Found = {
        "orphan": {(s.system, s.login) for s in trial.strangers if s.kind == "person"},
        "ownerless": {(s.login, "") for s in trial.strangers if s.kind != "person"}
        | {("", key) for key, owner in owners.items() if owner not in here},
        "ended": {(key,) for key, row in everybody.items() if not trial.works_here(row) and truth.get(key)},
        "unexplained": {(key, *SHARE) for key in here if SHARE in truth.get(key, ())},
        "not_due": {
            (key, *place)
            for key, row in here.items()
            for place in _beyond(trial.rules, row, truth.get(key, set()) - agreed.get(key, set()))
        },
        "separation": {(key, rule.id) for key in here for rule in trial.rules.broken(truth.get(key, ()))},
        "no_manager": {(k,) for k, row in here.items() if row["type"] in EMPLOYEES and row["manager"] not in here},
        "ending": {(key,) for key, row in here.items() if _ends_soon(row, trial.today)},
        "requirement": {(key, code) for key, row in here.items() for code in _lacking(row, trial.today, here)},
        "dormant": {(key, s) for s, key in trial.unused if key in here and (s, ACCOUNT) in truth.get(key, ())},
    }
    return {kind: rows for kind, rows in found.items() if rows}


def _beyond(rules: Rules, row: Row, held: set[Place]) -> set[Place]:
    """What the policy speaks of and the person is not due; of a system where nothing is due the account alone."""
    due = rules.due(row)
    systems = {system for system, _ in due}
    return {place for place in held - due if (place[0] in systems and place in rules.names) or
            (place[0] not in systems and place[1] == ACCOUNT)}  # fmt: skip


def _ends_soon(row: Row, today: date) -> bool:
    ends = row.get("ends")
    return bool(ends) and date.fromisoformat(str(ends)) < today + timedelta(days=outsiders.WARNED_DAYS)


def _lacking(row: Row, today: date, here: Collection[str]) -> set[str]:
    if row["type"] not in EXTERNAL:
        return set()
    return problems(row, today) | ({"sponsor-left"} if row["sponsor"] and row["sponsor"] not in here else set())
