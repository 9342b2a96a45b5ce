"""Findings about what one person must not hold together, by what they hold and not by what is due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlmodel import Session

from jmltui.cache import exceptions, mirrors, people, systems
from jmltui.cache.mirrors import Holding, Seen
from jmltui.domain.access import ACCOUNT_TARGET, Assignment
from jmltui.domain.danger import Danger
from jmltui.domain.diff import target_of
from jmltui.domain.exception import AccessException, ExceptionKind, ExceptionState
from jmltui.domain.finding import Finding, FindingKind, finding_key
from jmltui.domain.person import Person
from jmltui.domain.separation import Conflict, SeparationRule, conflicts
from jmltui.policy import Policy

AT_ONCE: Final = 500


def conflicting(session: Session, policy: Policy, now: datetime) -> Iterator[Finding]:
    """People who stay and hold what a separation rule keeps apart, with the exception that lets them, or that would."""
    rules = tuple(policy.definitions.separation.values())
    if not rules:
        return
    scope = _Ruled(session, policy, rules)
    held: dict[int, set[str]] = defaultdict(set)
    for name, holding in scope.holdings():
        held[holding.person_id].add(name)
    answers: dict[frozenset[str], tuple[Conflict, ...]] = {}
    broken: dict[int, tuple[Conflict, ...]] = {}
    for person, names in held.items():
        together = frozenset(names)
        if together not in answers:
            answers[together] = conflicts(rules, together)
        if answers[together]:
            broken[person] = answers[together]
    held.clear()
    if broken:
        yield from _conflicts(session, policy, now, scope, broken)


@dataclass(frozen=True, slots=True)
class _Ruled:
    """Who holds the entitlements that separation rules name."""

    session: Session
    policy: Policy
    rules: tuple[SeparationRule, ...]

    def holdings(self) -> Iterator[tuple[str, Holding]]:
        """Each holding of someone who stays, with the policy's id of what is held."""
        wanted = {name for rule in self.rules for name in (*rule.any_of, *rule.with_any_of)}
        targets = {
            (self.policy.entitlements[name].system, self.policy.entitlements[name].target): name for name in wanted
        }
        numbers = {
            number: targets[system, target_of(entitlement)]
            for number, (system, entitlement) in systems.entitlements(self.session).items()
            if (system, target_of(entitlement)) in targets
        }
        mirrors.ask_for(self.session, numbers)
        for holding in mirrors.holdings(self.session):
            yield numbers[holding.entitlement], holding
        for (system, target), name in targets.items():
            if target == ACCOUNT_TARGET:
                for holding in mirrors.account_holders(self.session, system):
                    yield name, holding


def _conflicts(
    session: Session, policy: Policy, now: datetime, scope: _Ruled, broken: Mapping[int, tuple[Conflict, ...]]
) -> Iterator[Finding]:
    details: dict[int, list[tuple[str, Holding]]] = defaultdict(list)
    for name, holding in scope.holdings():
        if holding.person_id in broken:
            details[holding.person_id].append((name, holding))
    ids = sorted(broken)
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        accounts = mirrors.accounts(session, {h.account for person in part for _, h in details[person]})
        standing = exceptions.standing_of(session, part)
        for person in people.persons(session, part):
            allowed = standing.get(person.id, [])
            due = {a.entitlement: a for a in policy.assignments(person, now, allowed)}
            sides = [_side(policy, due, name, h, accounts[h.account]) for name, h in details[person.id]]
            for rule, pairs in _by_rule(broken[person.id]).items():
                found = _conflict(person, policy.definitions.separation[rule], pairs, sides)
                own = exception_of(rule, allowed, now)
                yield replace(found, exception=own.id, excepted=own.holds(now)) if own is not None else found


def _by_rule(found: Sequence[Conflict]) -> Mapping[str, list[Conflict]]:
    rules: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in found:
        rules[conflict.rule.id].append(conflict)
    return rules


def exception_of(rule: str, allowed: Collection[AccessException], now: datetime) -> AccessException | None:
    """What was asked for, or is in force, so that the rule may be broken: what is in force comes first."""
    mine = [e for e in allowed if e.kind is ExceptionKind.SEPARATION and e.subject == rule]
    standing = [e for e in mine if e.state is ExceptionState.ASKED or e.holds(now)]
    return max(standing, key=lambda e: (e.holds(now), e.id), default=None)


def is_allowed(rule: str, allowed: Collection[AccessException], now: datetime) -> bool:
    """Whether an exception that is in force lets the rule be broken."""
    return any(e.kind is ExceptionKind.SEPARATION and e.subject == rule and e.holds(now) for e in allowed)


def _side(policy: Policy, due: Mapping[str, Assignment], name: str, holding: Holding, seen: Seen) -> dict[str, object]:
    """One thing that is held, and where it comes from."""
    assignment = due.get(name)
    if assignment is not None:
        reason = assignment.reason
    elif holding.direct:
        reason = "given on the system itself: no role and no exception makes it due"
    else:
        reason = "nothing makes it due"
    return {
        "entitlement": name,
        "system": seen.system,
        "account_id": seen.account.id,
        "login": seen.account.login,
        "target": policy.entitlements[name].target,
        "role": assignment.role if assignment is not None else "",
        "exception": assignment.exception if assignment is not None else 0,
        "reason": reason,
        "direct": holding.direct,
        "via": list(holding.via),
    }


def _conflict(
    person: Person, rule: SeparationRule, pairs: Sequence[Conflict], sides: Sequence[Mapping[str, object]]
) -> Finding:
    left, right = {pair.left for pair in pairs}, {pair.right for pair in pairs}
    kind = FindingKind.SEPARATION
    named = [", ".join(sorted(side)) for side in (left, right)]
    return Finding(
        kind=kind,
        key=finding_key(kind, rule.id, person.id),
        detail=f"{person.name} ({person.key}) holds {named[0]} together with {named[1]}: {rule.reason.rstrip('.')}.",
        danger=kind.danger if rule.blocks else Danger(kind.danger - 1),
        person_id=person.id,
        person_key=person.key,
        person_name=person.name,
        rule=rule.id,
        facts={
            "department": person.department,
            "title": person.title,
            "manager": person.manager,
            "blocks": rule.blocks,
            "place": rule.place,
            "pairs": [[pair.left, pair.right] for pair in pairs],
            "left": [side for side in sides if side["entitlement"] in left],
            "right": [side for side in sides if side["entitlement"] in right],
        },
    )
