"""The step journal: claiming actions, writing the intent before and the outcome after, with a fence and a lease.

Each state change is one row's move under the write lock; a worker whose fence is no longer the row's has lost the
action, and its late outcome is refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlmodel import Session, col

from jmltui.domain.access import Account
from jmltui.domain.case import ActionEvent, ActionState, CaseState
from jmltui.domain.operation import Cap

from . import cases
from .journal import Entry, append
from .tables import ActionRow, AttemptRow, CaseRow, LimitRow, StepRow

LEASE: Final = timedelta(seconds=120)
MAX_ATTEMPTS: Final = 6
MAX_CHECKS: Final = 8
LONGEST_BACK_OFF: Final = timedelta(minutes=15)
BULK: Final = 100

IN_FLIGHT: Final = (ActionState.RUNNING.value, ActionState.VERIFYING.value)


Doubt = Callable[[Session, CaseRow, StepRow, str], str]


@dataclass(frozen=True, slots=True)
class Claimed:
    """An action that this owner may carry out until `lease`, and nobody else."""

    id: int
    case_id: int
    fence: int
    attempt_id: int
    system: str
    operation: Cap
    account_id: str
    login: str
    entitlement_id: str
    target: str
    wanted: Mapping[str, str]
    expects: Mapping[str, str]
    idem_key: str
    person_id: int
    person_key: str
    requested_by: str
    checking: bool
    was_unknown: bool
    attempts: int
    checks: int

    @property
    def bulk_key(self) -> tuple[str, str, str]:
        """Actions with the same key can be carried out by one call."""
        return self.system, self.operation.value, self.entitlement_id


def expire_leases(session: Session, now: datetime) -> int:
    """Whatever was in flight when its owner vanished is unknown now, to be read back. Returns how many."""
    query = select(ActionRow).where(col(ActionRow.state).in_(IN_FLIGHT), col(ActionRow.lease_until) < now)
    rows = session.scalars(query).all()
    for row in rows:
        cases.move_action(row, ActionEvent.LOSE, now)
        row.fence += 1
        row.outcome = "the worker vanished while this was under way; it is read back before anything else"
        row.run_at = now
    return len(rows)


def lose_all_of(session: Session, owner: str, now: datetime, is_gone: Callable[[str], bool]) -> int:
    """What other owners had in flight is unknown, where they are gone; of the others their lease tells."""
    query = select(ActionRow).where(col(ActionRow.state).in_(IN_FLIGHT), col(ActionRow.owner) != owner)
    for row in session.scalars(query).all():
        if is_gone(row.owner):
            row.lease_until = now - timedelta(seconds=1)
    session.flush()
    return expire_leases(session, now)


def no_doubt(session: Session, case: CaseRow, step: StepRow, plan_hash: str) -> str:
    """Take every approval for what it was when it was given."""
    return ""


def claim(
    session: Session,
    owner: str,
    now: datetime,
    room: Mapping[str, int],
    most: Mapping[str, int],
    doubt: Doubt = no_doubt,
) -> list[Claimed]:
    """Claim what may run now, `room` calls and at most `most` actions per system.

    `doubt` says why an approval counts no more, "" while it does. Unknown and applied ones, to be read back, come
    first. Writes one attempt with the intent for each; the caller commits before any system is touched.
    """
    stopped = set(
        session.scalars(select(col(LimitRow.system)).where(or_(col(LimitRow.stopped), col(LimitRow.wait_until) > now)))
    )
    claimed: list[Claimed] = []
    for system, free in room.items():
        if free > 0 and system not in stopped:
            limit = most.get(system, BULK * 4)
            claimed += (checks := _claim_checks(session, system, owner, now, min(BULK, limit)))
            if limit > len(checks):
                claimed += _claim_writes(session, system, owner, now, free, limit - len(checks), doubt)
    session.flush()
    return claimed


def in_flight(session: Session, claimed: Sequence[Claimed]) -> list[Claimed]:
    """Those whose outcome was not written yet."""
    states = {row.id: row.state for row in (session.get(ActionRow, c.id) for c in claimed) if row is not None}
    return [c for c in claimed if states.get(c.id) in IN_FLIGHT]


def _claim_checks(session: Session, system: str, owner: str, now: datetime, most: int) -> list[Claimed]:
    waiting = (ActionState.UNKNOWN.value, ActionState.APPLIED.value)
    query = select(ActionRow).where(
        col(ActionRow.system) == system,
        col(ActionRow.state).in_(waiting),
        or_(col(ActionRow.run_at).is_(None), col(ActionRow.run_at) <= now),
    )
    found = []
    for row in session.scalars(query.order_by(col(ActionRow.id)).limit(most)):
        unknown = row.state == ActionState.UNKNOWN.value
        cases.move_action(row, ActionEvent.CHECK, now)
        found.append(_take(session, row, "verify", owner, now, was_unknown=unknown))
    return found


def _claim_writes(
    session: Session, system: str, owner: str, now: datetime, free: int, most: int, doubt: Doubt
) -> list[Claimed]:
    query = (
        select(ActionRow, StepRow, CaseRow)
        .join(StepRow, col(StepRow.id) == col(ActionRow.step_id))
        .join(CaseRow, col(CaseRow.id) == col(ActionRow.case_id))
        .where(
            col(ActionRow.system) == system,
            col(ActionRow.state) == ActionState.READY.value,
            col(ActionRow.run_at) <= now,
            col(CaseRow.state) == CaseState.OPEN.value,
            col(CaseRow.policy_hash) != "",
        )
        .order_by(col(CaseRow.urgent).desc(), col(ActionRow.run_at), col(ActionRow.id))
        .limit(most)
    )
    found: list[Claimed] = []
    keys: set[tuple[str, ...]] = set()
    refused: set[int] = set()
    doubts: dict[tuple[int, str], str] = {}
    for row, step, case in session.execute(query):
        many = row.operation in (Cap.GRANT.value, Cap.REVOKE.value)
        key = (row.operation, row.entitlement_id) if many else (str(row.id),)
        if key not in keys and len(keys) >= free:
            continue
        if not row.undo_of and row.plan_hash != case.plan_hash:
            cases.give_up(row, now)
            refused.add(row.case_id)
            continue
        if step.approval:
            asked = step.id or 0, row.plan_hash
            if asked not in doubts:
                approved = cases.is_approved(session, step, row.plan_hash)
                doubts[asked] = doubt(session, case, step, row.plan_hash) if approved else cases.PLAN_CHANGED
            if doubts[asked]:
                cases.void_approval(step, row, now, doubts[asked])
                refused.add(row.case_id)
                continue
        keys.add(key)
        cases.move_action(row, ActionEvent.CLAIM, now)
        row.attempts += 1
        found.append(_take(session, row, "execute", owner, now, was_unknown=False))
    for case_id in sorted(refused):
        cases.advance(session, case_id, now)
    return found


def _take(session: Session, row: ActionRow, kind: str, owner: str, now: datetime, *, was_unknown: bool) -> Claimed:
    row.fence += 1
    row.owner, row.lease_until = owner, now + LEASE
    intent = f"{kind} {row.operation} {row.login} {row.target} on {row.system}"
    attempt = AttemptRow(action_id=row.id or 0, fence=row.fence, kind=kind, owner=owner, intent=intent, started=now)
    session.add(attempt)
    session.flush()
    case = cases.case_row(session, row.case_id)
    if kind == "execute":
        facts = {"action": row.id, "fence": row.fence, "fingerprint": row.fingerprint}
        append(session, now, Entry(owner, "action.intent", intent, row.case_id, case.person_id, row.system, facts))
    return Claimed(
        id=row.id or 0,
        case_id=row.case_id,
        fence=row.fence,
        attempt_id=attempt.id or 0,
        system=row.system,
        operation=Cap(row.operation),
        account_id=row.account_id,
        login=row.login,
        entitlement_id=row.entitlement_id,
        target=row.target,
        wanted=json.loads(row.wanted),
        expects=json.loads(row.expects),
        idem_key=row.idem_key,
        person_id=case.person_id,
        person_key=case.person_key,
        requested_by=row.requested_by,
        checking=kind == "verify",
        was_unknown=was_unknown,
        attempts=row.attempts,
        checks=row.checks,
    )


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claimed action. `events` are its moves; `run_at` when it may go on.

    `met` is the account as it was met where that is not the one that was planned for.
    """

    claimed: Claimed
    events: tuple[ActionEvent, ...]
    outcome: str
    error_kind: str = ""
    run_at: datetime | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    observed: Mapping[str, object] | None = None
    source: str = ""
    account_id: str = ""
    met: Account | None = None


def settle(session: Session, results: Sequence[Result], now: datetime) -> list[Result]:
    """Write outcomes whose fence still holds, and move their cases on. Returns those that were written."""
    written = []
    for result in results:
        row = session.get(ActionRow, result.claimed.id)
        if row is None or row.fence != result.claimed.fence or row.state not in IN_FLIGHT:
            continue
        for event in result.events:
            cases.move_action(row, event, now)
        row.outcome, row.error_kind, row.run_at = result.outcome, result.error_kind, result.run_at or row.run_at
        if row.state == ActionState.VERIFYING.value:
            row.lease_until = now + LEASE
        if result.before is not None:
            row.before = json.dumps(dict(result.before), default=str)
        if result.after is not None:
            row.after = json.dumps(dict(result.after), default=str)
        if result.observed is not None:
            row.observed, row.evidence_source = json.dumps(dict(result.observed), default=str), result.source
        checked_again = ActionEvent.LOSE in result.events and result.claimed.checking
        if checked_again or {ActionEvent.CHECK_LATER, ActionEvent.ABSENT} & set(result.events):
            row.checks += 1
        if result.account_id:
            _give_account(session, row, result.account_id)
        _finish_attempt(session, result, now)
        written.append(result)
    session.flush()
    for case_id in dict.fromkeys(result.claimed.case_id for result in written):
        cases.advance(session, case_id, now)
    return written


def _give_account(session: Session, row: ActionRow, account_id: str) -> None:
    """A created account's id goes to the actions of the same case that wait for it."""
    row.account_id = account_id
    query = select(ActionRow).where(
        col(ActionRow.case_id) == row.case_id, col(ActionRow.system) == row.system, col(ActionRow.account_id) == ""
    )
    for other in session.scalars(query):
        other.account_id = account_id


def _finish_attempt(session: Session, result: Result, now: datetime) -> None:
    attempt = session.get(AttemptRow, result.claimed.attempt_id)
    if attempt is not None:
        attempt.finished, attempt.outcome = now, result.outcome
        attempt.evidence = json.dumps(dict(result.observed or {}), default=str)
    claimed = result.claimed
    summary = f"{claimed.operation.value} {claimed.login} {claimed.target} on {claimed.system}: {result.outcome}"
    facts = {"action": claimed.id, "fence": claimed.fence, "observed": dict(result.observed or {})}
    entry = Entry(
        claimed.requested_by, "action.outcome", summary, claimed.case_id, claimed.person_id, claimed.system, facts
    )
    append(session, now, entry)


def stop_system(session: Session, system: str, reason: str, now: datetime) -> None:
    """Open the breaker of one system: nothing runs there until a person lets it go on."""
    row = session.get(LimitRow, system) or LimitRow(system=system, at=now)
    row.stopped, row.reason, row.at = True, reason, now
    session.add(row)
    append(session, now, Entry("jmltui", "system.stop", f"{system} is stopped: {reason}", system=system))


def pause_system(session: Session, system: str, until: datetime, reason: str, now: datetime) -> None:
    """Nothing runs on a system before `until`."""
    row = session.get(LimitRow, system) or LimitRow(system=system, at=now)
    row.wait_until, row.reason, row.at = until, reason, now
    session.add(row)


def end_pause(session: Session, system: str, now: datetime, *, at_once: bool) -> None:
    """A system answered: its pause is over, `at_once` or only where its time has come."""
    row = session.get(LimitRow, system)
    if row is not None and row.wait_until is not None and not row.stopped and (at_once or row.wait_until <= now):
        row.wait_until, row.reason = None, ""


def go_on(session: Session, system: str, actor: str, now: datetime) -> None:
    """Let a stopped system go on."""
    row = session.get(LimitRow, system)
    if row is not None:
        row.stopped, row.wait_until, row.reason = False, None, ""
    append(session, now, Entry(actor, "system.go-on", f"{system} may go on", system=system))


def stopped_systems(session: Session) -> dict[str, str]:
    """Systems that wait for a person, with the reason."""
    rows = session.scalars(select(LimitRow).where(col(LimitRow.stopped)))
    return {row.system: row.reason for row in rows}


def work_left(session: Session, now: datetime) -> tuple[int, datetime | None]:
    """How many actions can move without a person, and when the next one may, where all of them must wait."""
    states = (*IN_FLIGHT, ActionState.READY.value, ActionState.UNKNOWN.value, ActionState.APPLIED.value)
    query = (
        select(col(ActionRow.run_at))
        .join(CaseRow, col(CaseRow.id) == col(ActionRow.case_id))
        .where(col(ActionRow.state).in_(states), col(CaseRow.state) == CaseState.OPEN.value)
    )
    times = list(session.scalars(query))
    later = [at for at in times if at is not None and at > now]
    return len(times), min(later) if later and len(later) == len(times) else None
