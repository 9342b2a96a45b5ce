"""What settles a finding, if it is still so: the mirrors and the policy may have changed since the scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import cases, exceptions, findings, mirrors, not_due, ownership, people, systems
from jmltui.cache.tables import AccountRow, CaseRow, FindingRow
from jmltui.domain.access import ACCOUNT_TARGET, Link
from jmltui.domain.case import CaseKind
from jmltui.domain.finding import FindingKind, FindingState
from jmltui.domain.person import Person
from jmltui.domain.scope import Scope
from jmltui.errors import NotAllowed, UsageError
from jmltui.lifecycle.scoped import person_of_account
from jmltui.lifecycle.workshop import Workshop

from .census import has_left
from .dormancy import dormant_after
from .not_due_findings import may_hold
from .separation_findings import is_allowed

SIDES: Final = ("left", "right")
SCAN_AGAIN: Final = "Look again: `jmltui findings --scan`."

_WHY: Final[Mapping[FindingKind, str]] = {
    FindingKind.ORPHAN: "it belongs to nobody",
    FindingKind.DORMANT: "nobody uses it",
    FindingKind.NOT_DUE: "no role and no exception gives it",
    FindingKind.UNEXPLAINED: "no policy explains it",
    FindingKind.OWNERLESS: "nobody owns it",
}


@dataclass(frozen=True, slots=True)
class Settlement:
    """The case that settles a finding. `bound` is one that is live already and stands for it."""

    row: FindingRow
    kind: CaseKind
    person: Person
    scope: Scope
    bound: int = 0


def settlement(workshop: Workshop, session: Session, finding_id: int, side: str) -> Settlement | int:
    """What to open for a finding; the number of the live case where one works on it.

    Raises NotAllowed where no case can settle it or it is no longer so, UsageError where a side has to be named.
    """
    row = findings.finding_row(session, finding_id)
    if row.state == FindingState.CASE.value:
        case = session.get(CaseRow, row.case_id)
        if case is not None and case.live:
            return row.case_id
        raise NotAllowed(f"Case {row.case_id}, opened for finding {finding_id}, is {_ended(case)}.", hint=SCAN_AGAIN)
    if row.state != FindingState.OPEN.value:
        raise NotAllowed(f"Finding {finding_id} is {_told(row)}; no case was opened.", hint=SCAN_AGAIN)
    kind = FindingKind(row.kind)
    if kind.remedy:
        raise NotAllowed(f"No case can settle finding {finding_id}: access is not what is wrong.", hint=kind.remedy)
    if kind is FindingKind.ENDED:
        return _leaver(workshop, session, row)
    if kind is FindingKind.SEPARATION:
        return _one_side(workshop, session, row, side)
    if kind is FindingKind.UNEXPLAINED:
        return _revocation(workshop, session, row)
    if kind is FindingKind.NOT_DUE:
        return _taken_back(workshop, session, row)
    if not row.account_id:
        return _every_account(session, row)
    return _one_account(workshop, session, row, kind)


def _leaver(workshop: Workshop, session: Session, row: FindingRow) -> Settlement:
    person = _person(session, row)
    is_left = has_left(person, workshop.zone, workshop.clock())
    if not is_left and row.person_id not in mirrors.left_by_case(session):
        raise _changed(f"{person.name} ({person.key}) is with the company again")
    live = [case for case in cases.live_cases_of(session, row.person_id) if case.kind == CaseKind.LEAVER.value]
    return Settlement(row, CaseKind.LEAVER, person, Scope(), bound=(live[-1].id or 0) if live else 0)


def _every_account(session: Session, row: FindingRow) -> Settlement:
    """Switch off what a service or shared account without an owner is made of."""
    if ownership.owner_of(session, row.person_id) != findings.facts_of(row)["owner"]:
        raise _changed(f"{row.person_name} ({row.person_key}) has another owner now")
    mine = select(AccountRow).where(
        col(AccountRow.person_id) == row.person_id, col(AccountRow.link) == Link.CONFIRMED.value
    )
    accounts = session.scalars(mine.where(col(AccountRow.state).not_in(mirrors.OUT_OF_USE))).all()
    places = tuple((account.system, account.account_id) for account in accounts)
    if not places:
        told = f"{row.person_name} ({row.person_key}) has no account in use that a case could switch off."
        raise NotAllowed(told, hint=f"Name an owner: jmltui owner {row.person_key} PERSON")
    scope = Scope(disable=places, reason=f"{_WHY[FindingKind.OWNERLESS]} (finding {row.id})")
    return Settlement(row, CaseKind.ORPHAN, _person(session, row), scope)


def _one_account(workshop: Workshop, session: Session, row: FindingRow, kind: FindingKind) -> Settlement:
    account = _account(session, row)
    place = f"{row.login} on {row.system}"
    scope = Scope(disable=((row.system, row.account_id),), reason=f"{_WHY[kind]} (finding {row.id})")
    if kind is FindingKind.DORMANT:
        before = workshop.clock() - dormant_after(workshop.policy)
        if account.last_seen is not None and account.last_seen >= before:
            raise _changed(f"{place} was used on {account.last_seen:%Y-%m-%d}")
        if account.person_id != row.person_id:
            raise _changed(f"{place} is another person's now")
        return Settlement(row, CaseKind.REVIEW, _answerable(session, row), scope)
    if account.link == Link.CONFIRMED.value and findings.facts_of(row)["link"] != Link.CONFIRMED.value:
        raise _changed(f"{place} was linked to a person")
    return Settlement(row, CaseKind.ORPHAN, person_of_account(row.system, systems.account_of(account)), scope)


def _revocation(workshop: Workshop, session: Session, row: FindingRow) -> Settlement:
    if not row.account_id:
        raise NotAllowed(
            f"Finding {row.id} is a gap of the policy: too many hold it for a case each.",
            hint="Write it into the policy (`jmltui policy` proposes roles from what is held), or open a review.",
        )
    if (row.system, row.target) in workshop.policy.by_target:
        raise _changed(f"the policy speaks of {row.target} on {row.system}")
    if _account(session, row).person_id != row.person_id:
        raise _changed(f"{row.login} on {row.system} is another person's now")
    reason = f"{_WHY[FindingKind.UNEXPLAINED]} (finding {row.id})"
    scope = Scope(revoke=((row.system, row.account_id, row.target),), reason=reason)
    return Settlement(row, CaseKind.REVIEW, _person(session, row), scope)


def _taken_back(workshop: Workshop, session: Session, row: FindingRow) -> Settlement:
    """Take away what nothing makes due; a case that is about to do so stands for it."""
    if not row.account_id:
        raise NotAllowed(
            f"Finding {row.id} is about too many for a case each: the policy no longer gives it, so plan a change.",
            hint="Give it by a role again (`jmltui policy diff` shows what that changes), or open a review of it.",
        )
    place, held = (row.system, row.target), f"{row.target} on {row.system}"
    account, person = _account(session, row), _person(session, row)
    if account.person_id != row.person_id or account.link != Link.CONFIRMED.value:
        raise _changed(f"{row.login} on {row.system} is not theirs any more")
    if has_left(person, workshop.zone, workshop.clock()):
        raise _changed(f"{person.name} ({person.key}) has left, which takes everything")
    if place not in workshop.policy.by_target and row.target != ACCOUNT_TARGET:
        raise _changed(f"no policy speaks of {held}")
    own = exceptions.standing_of(session, [person.id]).get(person.id, [])
    if place in may_hold(workshop.policy, person, workshop.clock(), own):
        raise _changed(f"{held} is due to {person.name} ({person.key}), or stays for now")
    reason = f"{_WHY[FindingKind.NOT_DUE]} (finding {row.id})"
    if row.target == ACCOUNT_TARGET:
        scope = Scope(disable=((row.system, row.account_id),), reason=reason)
    else:
        scope = Scope(revoke=((row.system, row.account_id, row.target),), reason=reason)
    bound = not_due.case_taking(session, row.system, row.account_id, row.target)
    return Settlement(row, CaseKind.REVIEW, person, scope, bound)


def _one_side(workshop: Workshop, session: Session, row: FindingRow, side: str) -> Settlement:
    """Take away one half of a conflict."""
    if side and side not in SIDES:
        raise UsageError(f"“{side}” is no side of a conflict; say left or right.")
    allowed = exceptions.standing_of(session, [row.person_id]).get(row.person_id, [])
    if row.rule not in workshop.policy.definitions.separation or is_allowed(row.rule, allowed, workshop.clock()):
        raise _changed(f"the rule {row.rule} does not forbid it")
    facts = findings.facts_of(row)
    chosen: list[dict[str, Any]] = facts[side or _free_side(row, facts)]
    numbers = sorted({each["exception"] for each in chosen if each["exception"]})
    if numbers:
        raise NotAllowed(
            f"An exception gives this side of finding {row.id}; it would be due again.",
            hint=f"End the exception instead: jmltui request end {numbers[0]}",
        )
    places = [(str(each["system"]), str(each["account_id"]), str(each["target"])) for each in chosen]
    scope = Scope(
        revoke=tuple(dict.fromkeys(place for place in places if place[2] != ACCOUNT_TARGET)),
        disable=tuple(dict.fromkeys(place[:2] for place in places if place[2] == ACCOUNT_TARGET)),
        reason=f"it breaks the separation rule {row.rule} (finding {row.id})",
    )
    return Settlement(row, CaseKind.REVIEW, _person(session, row), scope)


def _changed(what: str) -> NotAllowed:
    return NotAllowed(f"It is no longer so: {what}. No case was opened.", hint=SCAN_AGAIN)


def _free_side(row: FindingRow, facts: Mapping[str, Any]) -> str:
    """The half that no role gives. Raises UsageError where that does not decide."""
    free = [side for side in SIDES if not any(each["role"] for each in facts[side])]
    if len(free) == 1:
        return free[0]
    halves = {side: ", ".join(dict.fromkeys(str(each["entitlement"]) for each in facts[side])) for side in SIDES}
    why = "no role gives either half" if free else "roles give both halves, so what is taken away will be due again"
    raise UsageError(
        f"Say which half of finding {row.id} is taken away: {why}.",
        hint=f"--side left takes {halves['left']}, --side right takes {halves['right']}.",
    )


def _person(session: Session, row: FindingRow) -> Person:
    found = people.persons(session, [row.person_id])
    if not found:
        raise NotAllowed(f"Nobody knows the person of finding {row.id} any more.", hint=SCAN_AGAIN)
    return found[0]


def _answerable(session: Session, row: FindingRow) -> Person:
    """Whom a case about an account is for: its person; of a service or shared one, who owns it."""
    person = _person(session, row)
    owner = "" if person.type.is_human else ownership.owner_of(session, person.id)
    return (people.person_by_key(session, owner) if owner else None) or person


def _account(session: Session, row: FindingRow) -> AccountRow:
    """The account, if it is still in use."""
    query = select(AccountRow).where(col(AccountRow.system) == row.system)
    found = session.scalars(query.where(col(AccountRow.account_id) == row.account_id)).first()
    if found is None or found.state in mirrors.OUT_OF_USE:
        state = "gone" if found is None else found.state
        raise NotAllowed(f"{row.login} on {row.system} is {state} already; no case was opened.", hint=SCAN_AGAIN)
    return found


def _told(row: FindingRow) -> str:
    return {
        FindingState.EXCEPTED.value: f"accepted by exception {row.exception_id}",
        FindingState.GONE.value: "no longer so",
    }.get(row.state, row.state)


def _ended(case: CaseRow | None) -> str:
    return case.state if case is not None else "gone"
