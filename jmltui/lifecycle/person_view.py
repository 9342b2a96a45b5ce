"""One person whole: everything that is held, each with why; what is due and not held; and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import Session

from jmltui.cache import systems
from jmltui.cache.exceptions import standing_of
from jmltui.cache.people import person_by_key, persons
from jmltui.domain.access import ACCOUNT_TARGET, AccountState, Assignment, Link
from jmltui.domain.diff import target_of
from jmltui.domain.person import Person, PersonStatus
from jmltui.errors import UsageError
from jmltui.policy.explain import Explanation

from .person_sources import PersonSources, sources_of
from .workshop import Workshop


class Why(StrEnum):
    """What stands behind something that is held or due."""

    ROLE = "role"
    EXCEPTION = "exception"
    UNEXPLAINED = "unexplained"
    NO_LONGER_DUE = "no longer due"
    CANNOT_TELL = "cannot tell"
    NOT_CONFIRMED = "not confirmed"


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that an account holds, or should. `entitlement` is the policy's id, "" where it speaks of none."""

    system: str
    account_id: str
    login: str
    target: str
    why: Why
    sentence: str
    entitlement: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonView:
    """What the policy says of everything a person holds, what they lack, and who says what of them."""

    person: Person
    held: tuple[Held, ...]
    missing: tuple[Held, ...]
    problems: tuple[str, ...]
    ends: datetime | None
    sources: PersonSources


@dataclass(frozen=True, slots=True)
class Told:
    """One line of an explanation: how deep it stands, yes, no or cannot tell as a sign, and where the rule is."""

    depth: int
    sign: str
    text: str
    place: str


def view_of(workshop: Workshop, person_id: int) -> PersonView:
    """The view of a person by row number. Raises UsageError where there is none."""
    now, policy = workshop.clock(), workshop.policy
    with workshop.cache.read() as session:
        person = _person(session, person_id)
        accounts, grants = systems.held_by(session, [person.id])
        exceptions = standing_of(session, [person.id]).get(person.id, [])
        sources = sources_of(workshop, session, person)
    in_force = [each for each in exceptions if each.holds(now)]
    gone = person.status is PersonStatus.LEFT
    due = () if gone else policy.assignments(person, now, in_force)
    unsure = () if gone else policy.undecided(person, now)
    reasons = {(each.system, each.target): each for each in due}
    doubts = {(each.system, each.target): each for each in unsure}
    held: list[Held] = []
    for account in accounts.get(person.id, []):
        about = (account.system, account.account.id, account.account.login)
        confirmed = account.link is Link.CONFIRMED
        if account.account.state is not AccountState.DELETED:
            held.append(_held(about, ACCOUNT_TARGET, confirmed, reasons, doubts, policy.by_target))
        for grant in grants.get(person.id, []):
            if grant.system == account.system and grant.grant.account_id == account.account.id:
                target = target_of(grant.entitlement)
                held.append(_held(about, target, confirmed, reasons, doubts, policy.by_target))
    has = {(each.system, each.target) for each in held if each.why is not Why.NOT_CONFIRMED}
    missing = tuple(_due(each, "", "") for each in due if (each.system, each.target) not in has)
    problems = () if gone else tuple(each.sentence for each in policy.problems(person, now))
    ends = None if gone else policy.warns(person, now)
    return PersonView(person, tuple(held), missing, problems, ends, sources)


def explained(workshop: Workshop, person_id: int, entitlement: str | None = None) -> list[Told]:
    """Why a person is due an entitlement or is not, of all entitlements without one.

    Raises UsageError for a person or an entitlement that there is not.
    """
    with workshop.cache.read() as session:
        person = _person(session, person_id)
        exceptions = standing_of(session, [person.id]).get(person.id, [])
    now = workshop.clock()
    try:
        tree: Explanation = workshop.policy.explain(person, entitlement, at=now)
    except KeyError:
        raise UsageError(
            f"The policy has no entitlement “{entitlement}”.", hint="What it does not name, it cannot explain."
        ) from None
    told = [Told(depth, each.answer.sign, each.text, each.place) for depth, each in tree.walk()]
    for each in exceptions:
        if each.kind == "access" and entitlement in (None, each.subject) and each.holds(now):
            until = f" until {each.until:%Y-%m-%d %H:%M} UTC" if each.until else ""
            text = f"exception {each.id} makes {each.subject} due{until}: {each.reason}"
            told.append(Told(0, "+", text, f"approved by {each.approved_by}" if each.approved_by else ""))
    return told


def number_of(workshop: Workshop, key: str) -> int:
    """The row number of the person with a key. Raises UsageError where no source has one."""
    with workshop.cache.read() as session:
        person = person_by_key(session, key)
    if person is None:
        raise UsageError(f"No source has a person with the key {key}.", hint="Run `jmltui sync`.")
    return person.id


def _person(session: Session, person_id: int) -> Person:
    found = persons(session, [person_id])
    if not found:
        raise UsageError("This person is gone.", hint="Look for them among the people.")
    return found[0]


def _held(
    about: tuple[str, str, str],
    target: str,
    confirmed: bool,
    due: Mapping[tuple[str, str], Assignment],
    unsure: Mapping[tuple[str, str], Assignment],
    named: Mapping[tuple[str, str], str],
) -> Held:
    system, account_id, login = about
    pair = (system, target)
    entitlement = named.get(pair, "")
    if not confirmed:
        sentence = "nobody has confirmed whose this account is"
        return Held(system, account_id, login, target, Why.NOT_CONFIRMED, sentence, entitlement)
    if pair in due:
        return _due(due[pair], account_id, login)
    if pair in unsure:
        return Held(system, account_id, login, target, Why.CANNOT_TELL, unsure[pair].reason, entitlement)
    if entitlement or target == ACCOUNT_TARGET:
        sentence = "nothing makes it due any more"
        return Held(system, account_id, login, target, Why.NO_LONGER_DUE, sentence, entitlement)
    return Held(system, account_id, login, target, Why.UNEXPLAINED, "the policy does not speak of it")


def _due(each: Assignment, account_id: str, login: str) -> Held:
    why = Why.EXCEPTION if each.exception else Why.ROLE
    return Held(each.system, account_id, login, each.target, why, each.reason, each.entitlement, each.until)


def by_place(held: Sequence[Held]) -> dict[tuple[str, str, str], Held]:
    """What is held by (system, account id, target)."""
    return {(each.system, each.account_id, each.target): each for each in held}
