"""What speaks against a request: it is due or asked for already, too long, or forbidden by separation of duties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import exceptions, people, systems
from jmltui.cache.tables import PersonRow
from jmltui.domain.access import ACCOUNT_TARGET, AccountState, Assignment, Link, Tier
from jmltui.domain.diff import target_of
from jmltui.domain.duration import format_duration
from jmltui.domain.exception import AccessException, ExceptionKind, ExceptionState
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.person import Person, PersonStatus
from jmltui.domain.separation import Conflict, new_conflicts
from jmltui.errors import NotAllowed, UsageError
from jmltui.policy import Policy
from jmltui.policy.model import PolicyEntitlement

from .workshop import Workshop

MIN_TEXT = 3


@dataclass(frozen=True, slots=True)
class Situation:
    """What a person has, is due and asks for at an instant. `held` says under which login, by the policy's ids."""

    person: Person
    at: datetime
    due: Mapping[str, Assignment]
    held: Mapping[str, str]
    exceptions: Sequence[AccessException]
    may_request: frozenset[str]

    @property
    def access(self) -> dict[str, AccessException]:
        """What is asked for or granted beyond the roles, by the policy's id of it."""
        return {
            e.subject: e
            for e in self.exceptions
            if e.kind is ExceptionKind.ACCESS and (e.state is ExceptionState.ASKED or e.holds(self.at))
        }


def situation(workshop: Workshop, session: Session, person: Person) -> Situation:
    """How it is with a person now."""
    now, policy = workshop.clock(), workshop.policy
    standing = exceptions.standing_of(session, [person.id]).get(person.id, [])
    due = {a.entitlement: a for a in policy.assignments(person, now, standing)}
    may = frozenset(policy.may_request(person, now))
    return Situation(person, now, due, _held(policy, session, person), tuple(standing), may)


LONGEST_OUTSIDE: Final = timedelta(days=365)
USUAL_OUTSIDE: Final = timedelta(days=30)


def person_of(workshop: Workshop, session: Session, key: str) -> Person:
    """The person with this key, who must be there. Raises UsageError and NotAllowed."""
    numbers = session.scalars(select(col(PersonRow.id)).where(col(PersonRow.key) == key)).all()
    found = people.persons(session, [number or 0 for number in numbers]) if numbers else []
    if not found:
        raise UsageError(f"No source has a person with the key {key}.", hint="Run `jmltui sync`.")
    if len(found) > 1:
        names = ", ".join(f"{person.name} ({person.source})" for person in found)
        raise NotAllowed(f"Several sources have a person with the key {key}: {names}. Nothing was asked for.")
    ends = found[0].access_ends(workshop.policy.zone)
    if found[0].status is PersonStatus.LEFT or (ends is not None and ends <= workshop.clock()):
        raise NotAllowed(f"{found[0].name} has left; nothing can be asked for.")
    return found[0]


def entitlement_of(policy: Policy, name: str) -> PolicyEntitlement:
    """The entitlement of the policy. Raises UsageError."""
    found = policy.definitions.entitlements.get(name)
    if found is None:
        hint = did_you_mean(name, policy.definitions.entitlements)
        raise UsageError(f"The policy has no entitlement “{name}”.", hint=hint)
    return found


def check_text(text: str, what: str = "reason") -> str:
    """The text without blanks around it. Raises UsageError when it is none."""
    if len(text.strip()) < MIN_TEXT:
        raise UsageError(f"A {what} of at least {MIN_TEXT} characters is needed; it is kept in the journal.")
    return text.strip()


def check_duration(
    entitlement: PolicyEntitlement, wanted: timedelta | None, *, outside: bool = False
) -> timedelta | None:
    """For how long: what is wanted, else the longest that the policy allows; None without an end. Raises NotAllowed.

    What is outside the policy always ends: after a month where nothing is said, after a year at the latest.
    """
    longest = entitlement.max_duration
    if outside:
        longest = min(longest or LONGEST_OUTSIDE, LONGEST_OUTSIDE)
        wanted = wanted or min(longest, USUAL_OUTSIDE)
    if wanted is None:
        if entitlement.tier is Tier.JIT and longest is None:
            raise NotAllowed(f"“{entitlement.id}” is given for a time only.", hint="Say for how long: --for 8h.")
        return longest
    if wanted <= timedelta(0):
        raise UsageError("The time must be longer than nothing.")
    if longest is not None and wanted > longest:
        told = format_duration(longest)
        raise NotAllowed(f"“{entitlement.id}” is given for {told} at most, not for {format_duration(wanted)}.")
    return wanted


def obstacle(now: Situation, entitlement: PolicyEntitlement) -> str:
    """Why a person cannot ask for something because they have it, or have asked for it; "" when they can."""
    name, standing = now.person.name, now.access.get(entitlement.id)
    if standing is not None and standing.state is ExceptionState.ASKED:
        return f"“{entitlement.id}” is asked for already, for {name} in case {standing.case_id}."
    if standing is not None:
        until = f" until {standing.until:%Y-%m-%d %H:%M} UTC" if standing.until else ""
        return f"{name} has “{entitlement.id}” already{until}, by exception {standing.id}."
    if (due := now.due.get(entitlement.id)) is not None:
        return f"{name} is due “{entitlement.id}” already: {due.reason}."
    if entitlement.tier is Tier.BIRTHRIGHT and entitlement.id in now.held:
        return f"{name} has “{entitlement.id}” already, {now.held[entitlement.id]}."
    return ""


@dataclass(frozen=True, slots=True)
class Broken:
    """A separation rule that something asked for would break, and how, as a sentence."""

    rule: str
    sentence: str


def separation_of(policy: Policy, now: Situation, asked: Iterable[str]) -> tuple[list[Broken], list[Broken]]:
    """The rules that what is asked for would break: those that forbid it, and those that only warn.

    What is held, due, granted and asked for elsewhere counts. A rule that an exception in force lets the person break
    says nothing.
    """
    wanted = set(asked)
    excepted = {e.subject for e in now.exceptions if e.kind is ExceptionKind.SEPARATION and e.holds(now.at)}
    rules = [rule for rule in policy.definitions.separation.values() if rule.id not in excepted]
    found = new_conflicts(rules, {*now.held, *now.due, *now.access} - wanted, wanted)
    stops: list[Broken] = []
    warnings: list[Broken] = []
    for conflict in dict.fromkeys(conflict for mine in found.values() for conflict in mine):
        (stops if conflict.rule.blocks else warnings).append(Broken(conflict.rule.id, _sentence(conflict, now, wanted)))
    return stops, warnings


def _sentence(conflict: Conflict, now: Situation, wanted: set[str]) -> str:
    rule, sides = conflict.rule, (conflict.left, conflict.right)
    told = " and ".join(f"“{name}” ({_source(name, now, wanted)})" for name in sides)
    verb = "forbids" if rule.blocks else "warns of"
    return f"The rule “{rule.id}” {verb} it: {rule.reason}. {now.person.name} would have {told}."


def _source(name: str, now: Situation, wanted: set[str]) -> str:
    if name in wanted:
        return "asked for now"
    exception = now.access.get(name)
    if exception is not None and exception.state is ExceptionState.ASKED:
        return f"asked for in case {exception.case_id}"
    if exception is not None:
        return f"exception {exception.id}"
    if name in now.due:
        return f"role {now.due[name].role}" if now.due[name].role else now.due[name].reason
    return now.held[name]


def _held(policy: Policy, session: Session, person: Person) -> dict[str, str]:
    """What the person's confirmed accounts hold of what the policy speaks of, with the account."""
    accounts, grants = systems.held_by(session, [person.id])
    mine = {
        (a.system, a.account.id): a.account
        for a in accounts.get(person.id, [])
        if a.link is Link.CONFIRMED and a.account.state is not AccountState.DELETED
    }
    places = [(system, ACCOUNT_TARGET, account) for (system, _), account in mine.items()]
    for grant in grants.get(person.id, []):
        account = mine.get((grant.system, grant.grant.account_id))
        if account is not None:
            places.append((grant.system, target_of(grant.entitlement), account))
    return {
        policy.by_target[system, target]: f"held on {system} as {account.login}"
        for system, target, account in places
        if (system, target) in policy.by_target
    }
