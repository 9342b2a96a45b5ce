"""Findings, as screens and commands use them: scan, open a case, accept until a day, link to a person."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import findings, people
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.tables import AccountRow, FindingRow
from jmltui.domain.access import Link
from jmltui.domain.finding import FindingKind, FindingState
from jmltui.errors import NotAllowed
from jmltui.lifecycle import links, owning
from jmltui.lifecycle.workshop import Workshop

from .acceptance import accept, decide_acceptance
from .dormancy import dormant_after
from .finding_cases import Opened, open_case, open_cases
from .finding_scan import KindCounts, ScanReport, scan
from .settlement import SCAN_AGAIN

__all__ = [
    "KindCounts",
    "Opened",
    "ScanReport",
    "accept",
    "decide_acceptance",
    "dormant_after",
    "link",
    "open_case",
    "open_cases",
    "scan",
]


def link(workshop: Workshop, finding_id: int, person_key: str) -> str:
    """Confirm whose an account is, or who owns a service or shared account; what was done in a sentence.

    Raises NotAllowed for a finding that is no longer open or is about nobody's account, UsageError for an unknown
    person.
    """
    with workshop.cache.read() as session:
        row = findings.finding_row(session, finding_id)
        if row.state != FindingState.OPEN.value:
            told = f"worked on by case {row.case_id}" if row.state == FindingState.CASE.value else row.state
            raise NotAllowed(f"Finding {finding_id} is {told}; nothing was linked.", hint=SCAN_AGAIN)
        if row.kind not in (FindingKind.ORPHAN.value, FindingKind.OWNERLESS.value):
            raise NotAllowed(f"Finding {finding_id} is about no account that somebody could be linked to.")
        former, thing = _former_owner(session, row), row.person_key
        is_account, system, login = bool(row.account_id), row.system, row.login
    if not is_account:
        told = owning.give(workshop, thing, person_key)
    else:
        if former:
            links.release(workshop, former, system, login)
        told = links.link(workshop, person_key, system, login)
    _settle(workshop, finding_id, told)
    return told


def _former_owner(session: Session, row: FindingRow) -> str:
    """The key of whom an account without an owner is confirmed to; "" for nobody."""
    query = select(AccountRow).where(col(AccountRow.system) == row.system)
    account = session.scalars(query.where(col(AccountRow.account_id) == row.account_id)).first()
    if account is None or account.link != Link.CONFIRMED.value or not account.person_id:
        return ""
    owners = people.persons(session, [account.person_id])
    return owners[0].key if owners else ""


def _settle(workshop: Workshop, finding_id: int, told: str) -> None:
    """What the finding said is so no more."""
    now = workshop.clock()
    with workshop.cache.write() as session:
        row = findings.finding_row(session, finding_id)
        row.state, row.gone_at, row.version = FindingState.GONE.value, now, row.version + 1
        summary = f"finding {finding_id} is settled: {told}"
        facts = {"finding": finding_id, "key": row.key}
        append(session, now, Entry(workshop.actor, "finding.link", summary, system=row.system, facts=facts))
        signal_change(session, now, "finding", finding_id)
