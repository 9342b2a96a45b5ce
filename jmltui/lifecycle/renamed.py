"""Exceptions whose entitlement the policy calls something else now: they go on under its new id."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from jmltui.cache import cases, exceptions
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.tables import CaseRow, ExceptionRow
from jmltui.domain.case import CaseKind, CaseState
from jmltui.domain.scope import Scope
from jmltui.policy import Policy

from .workshop import Workshop


def follow_renamed(workshop: Workshop) -> int:
    """Let what was asked for or granted under an id that is gone stand under the one that means the same; how many.

    What was agreed to was the thing itself, which is the same. To be called before anything is planned by a new policy.
    """
    with workshop.cache.read() as session:
        if not any(new_id(workshop.policy, row) for row in exceptions.standing(session)):
            return 0
    now = workshop.clock()
    with workshop.cache.write() as session:
        found = [(row, name) for row in exceptions.standing(session) if (name := new_id(workshop.policy, row))]
        for row, name in found:
            _rename(session, row, name, now)
        return len(found)


def is_gone(policy: Policy, row: ExceptionRow) -> bool:
    """Whether the policy has no entitlement of this id any more, though it is known what it was."""
    return bool(row.system) and row.subject not in policy.entitlements


def new_id(policy: Policy, row: ExceptionRow) -> str:
    """What the policy calls now what an exception gives, where its id is gone; "" where nothing is to be changed."""
    return policy.by_target.get((row.system, row.target), "") if is_gone(policy, row) else ""


def _rename(session: Session, row: ExceptionRow, name: str, now: datetime) -> None:
    before, row.subject, row.version = row.subject, name, row.version + 1
    summary = f"exception {row.id} ({row.kind} {before}) goes on as {name}: so the policy calls {row.target} now"
    facts = {"exception": row.id, "before": before, "entitlement": name, "system": row.system, "target": row.target}
    append(
        session, now, Entry(cases.BY_ITSELF, "exception.rename", summary, row.case_id or None, row.person_id, "", facts)
    )
    signal_change(session, now, "exception", row.id)
    case = session.get(CaseRow, row.case_id) if row.case_id else None
    if case is None or not CaseState(case.state).is_live or case.kind != CaseKind.EXCEPTION.value:
        return
    scope = Scope.from_json(json.loads(case.scope))
    wanted = tuple(name if each == before else each for each in scope.entitlements)
    case.scope, case.policy_hash = json.dumps(replace(scope, entitlements=wanted).as_json()), ""
