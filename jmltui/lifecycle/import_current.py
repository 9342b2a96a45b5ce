"""Roles proposed from what people hold today: reads the cache, mines, writes text. Nothing is ever applied by it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from jmltui.cache import systems
from jmltui.cache.differences import stated
from jmltui.cache.holdings import further_attributes, holders, owners
from jmltui.domain.access import ACCOUNT_TARGET
from jmltui.domain.diff import target_of
from jmltui.policy.entitlements import TARGET_KINDS
from jmltui.policy.mining import Holding, Limits, Proposal, mine
from jmltui.policy.proposal import ProposalText

from .presence import Presence, Presences
from .workshop import Workshop

STANDARD: Final = ("type", "department", "title", "location")
"""The attributes that everybody has and that roles are usually made of."""

_NAME: Final = re.compile(r"(?:[a-z][a-z0-9_]*\.)?[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Imported:
    """A proposal as text, with its numbers: the grants that there are and those that its roles explain."""

    text: str
    people: int
    roles: int
    grants: int
    explained: int
    left_out: int


def import_current(workshop: Workshop, limits: Limits) -> Imported:
    """Propose roles for everybody who is here now."""
    with workshop.cache.scratch() as session:
        persons, columns = _people(workshop, session)
        holdings = list(_holdings(workshop, session, persons))
    proposal: Proposal = mine(columns, holdings, limits)
    text = ProposalText(proposal, holdings, len(persons), limits, workshop.policy.by_target)
    grants = sum(len(holding.holders) for holding in holdings)
    return Imported(
        text="\n".join(text.lines()) + "\n",
        people=len(persons),
        roles=len(proposal.roles),
        grants=grants,
        explained=grants - sum(proposal.unexplained.values()),
        left_out=len(proposal.left_out),
    )


def _people(workshop: Workshop, session: Session) -> tuple[Mapping[int, int], dict[str, list[str]]]:
    """The positions of everybody who is here, and their attributes by position; equal values are one text."""
    presences = Presences(workshop.clock(), workshop.zone)
    more = [name for name in further_attributes(session) if _NAME.fullmatch(name) and name not in STANDARD]
    names = (*STANDARD, *more)
    positions: dict[int, int] = {}
    columns: dict[str, list[str]] = {name: [] for name in names}
    same: dict[str, str] = {}
    for one in stated(session, names):
        if presences.of(one) is not Presence.HERE:
            continue
        positions[one.person] = len(positions)
        for name, value in zip(names, one.values, strict=True):
            columns[name].append(same.setdefault(value or "", value or ""))
    return positions, columns


def _holdings(workshop: Workshop, session: Session, positions: Mapping[int, int]) -> Iterator[Holding]:
    """Every right that somebody here holds, with its holders; of equal names on one system one right."""
    named: dict[tuple[str, str], tuple[bool, list[array[int]]]] = {}
    entitlements = systems.entitlements(session)
    policy = workshop.policy
    privileged = {(e.system, e.target) for e in policy.entitlements.values() if e.privileged}
    for row, found in holders(session):
        system, entitlement = entitlements[row]
        target = target_of(entitlement)
        if entitlement.kind not in TARGET_KINDS or not entitlement.grantable or not entitlement.name.strip():
            continue
        high, parts = named.setdefault((system, target), (False, []))
        parts.append(_positions(found, positions))
        named[system, target] = (high or entitlement.privileged or (system, target) in privileged, parts)
    for system, found in owners(session):
        named[system, ACCOUNT_TARGET] = (False, [_positions(found, positions)])
    for (system, target), (high, parts) in named.items():
        people = parts[0] if len(parts) == 1 and not _repeats(parts[0]) else array("l", sorted(set().union(*parts)))
        if people:
            yield Holding(system, target, high, people)


def _positions(found: Sequence[int], positions: Mapping[int, int]) -> array[int]:
    return array("l", [positions[person] for person in found if person in positions])


def _repeats(people: Sequence[int]) -> bool:
    """Whether somebody holds it by two accounts."""
    return len(set(people)) < len(people)
