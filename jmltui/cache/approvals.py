"""Decisions about a step as rows, and who the people are that decided: logins of one person count as one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from jmltui.domain.access import AccountState, Link
from jmltui.domain.approval import ApprovalPath, Decision, Standing, covers, from_json, standing
from jmltui.domain.procedure import Do

from .tables import AccountRow, ApprovalRow, PersonRow, StepRow, SystemRow


def persons_of_login(session: Session, login: str) -> set[int]:
    """Whose login this is: people with a confirmed account of that login on any system, or with it as their address.

    A name is never looked at.
    """
    folded = login.casefold()
    accounts = select(col(AccountRow.person_id)).where(
        # Named system by system, because the index of logins begins with the system.
        col(AccountRow.system).in_(select(col(SystemRow.name))),
        col(AccountRow.login_folded) == folded,
        col(AccountRow.link) == Link.CONFIRMED.value,
        col(AccountRow.state) != AccountState.DELETED.value,
    )
    found = {number for number in session.scalars(accounts) if number is not None}
    if "@" in login:
        mails = select(col(PersonRow.id)).where(func.lower(col(PersonRow.email)) == folded)
        found |= {number for number in session.scalars(mails) if number is not None}
    return found


def same_person(session: Session, one: str, other: str) -> bool:
    """Whether two logins are one login, or are known to be of one person."""
    if one.casefold() == other.casefold():
        return True
    return bool(persons_of_login(session, one) & persons_of_login(session, other))


def path_of(step: StepRow) -> ApprovalPath | None:
    """The path that the step's approval takes; None where anybody else may approve."""
    return from_json(json.loads(step.approval_path)) if step.approval_path else None


def counting(session: Session, step: StepRow, plan_hash: str) -> Sequence[ApprovalRow]:
    """The agreements to this step as a part of this plan that were given since it was asked for, oldest first."""
    query = select(ApprovalRow).where(
        col(ApprovalRow.step_id) == step.id,
        col(ApprovalRow.plan_hash) == plan_hash,
        col(ApprovalRow.decision) == "approve",
    )
    if step.asked_at is not None:
        query = query.where(col(ApprovalRow.at) >= step.asked_at)
    return session.scalars(query.order_by(col(ApprovalRow.at), col(ApprovalRow.id))).all()


def standing_of(session: Session, step: StepRow, path: ApprovalPath, plan_hash: str, now: datetime) -> Standing:
    """How far the path of a step is for this plan."""
    rows = counting(session, step, plan_hash)
    asked = step.asked_at or min((row.at for row in rows), default=now)
    who = _told_apart(session, (row.approver for row in rows))
    return standing(path, [Decision(who[row.approver], row.stage, row.at) for row in rows], asked, now)


def agreed(session: Session, step: StepRow, plan_hash: str) -> Sequence[ApprovalRow]:
    """The agreements that a step goes on by as a part of this plan; none where some are lacking.

    They are its own, or those that a step before it has collected for the same plan on a path that covers its own.
    """
    if own := _complete(session, step, plan_hash):
        return own
    path = path_of(step)
    for before in _collected_before(session, step):
        rows = _complete(session, before, plan_hash) if covers(path_of(before), path) else []
        if rows and (step.asked_at is None or rows[0].at >= step.asked_at):
            return rows
    return []


def is_approved(session: Session, step: StepRow, plan_hash: str) -> bool:
    """Whether everybody who has to agreed to this step as a part of this plan."""
    return bool(agreed(session, step, plan_hash))


def _complete(session: Session, step: StepRow, plan_hash: str) -> Sequence[ApprovalRow]:
    """The agreements to the step itself, none where a stage lacks some."""
    rows, path = counting(session, step, plan_hash), path_of(step)
    if not rows or path is None:
        return rows
    return rows if standing_of(session, step, path, plan_hash, rows[-1].at).stage is None else []


def _collected_before(session: Session, step: StepRow) -> list[StepRow]:
    """The steps that collect an approval and have to be over before a step can begin."""
    steps = session.scalars(select(StepRow).where(col(StepRow.case_id) == step.case_id)).all()
    by_key = {other.key: other for other in steps}
    seen: set[str] = set()
    waiting = list(json.loads(step.needs))
    while waiting:
        key = waiting.pop()
        if key not in seen and key in by_key:
            seen.add(key)
            waiting += json.loads(by_key[key].needs)
    return [by_key[key] for key in sorted(seen) if by_key[key].do == Do.APPROVAL.value and by_key[key].approval]


def write_decision(session: Session, row: ApprovalRow) -> None:
    """Keep a decision; one that the same login took about the same plan before is overwritten, the journal has both."""
    query = select(ApprovalRow).where(
        col(ApprovalRow.case_id) == row.case_id,
        col(ApprovalRow.step_id) == row.step_id,
        col(ApprovalRow.plan_hash) == row.plan_hash,
        col(ApprovalRow.approver) == row.approver,
    )
    before = session.scalars(query).first()
    if before is None:
        session.add(row)
    else:
        for name, value in row.model_dump(exclude={"id"}).items():
            setattr(before, name, value)
    session.flush()


def _told_apart(session: Session, logins: Iterable[str]) -> dict[str, str]:
    """One name for every person: logins that share a person get the name of the first of them."""
    names: dict[str, str] = {}
    people: dict[str, set[int]] = {}
    for login in logins:
        if login in names:
            continue
        mine = persons_of_login(session, login)
        known = next((n for n, theirs in people.items() if n == login.casefold() or mine & theirs), None)
        names[login] = known or login.casefold()
        people[names[login]] = people.get(names[login], set()) | mine
    return names
