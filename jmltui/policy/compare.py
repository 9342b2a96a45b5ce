"""Two policies over the same people: what each makes of them, and what changes from one to the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from jmltui.domain.access import ACCOUNT_TARGET, Assignment
from jmltui.domain.exception import AccessException
from jmltui.domain.person import Person

from .policy import Policy

Right = tuple[str, str]
"""A system, and what can be held there as a policy names it: `account` or `kind:name`."""

NONE: frozenset[Right] = frozenset()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What one policy makes of somebody. `uncertain` is what nobody can tell or what a requirement holds back; what is
    due at some hours only counts as due, `shut` is what of it waits for its window.
    """

    due: frozenset[Right]
    shut: frozenset[Right]
    uncertain: frozenset[Right]
    may_request: frozenset[Right]
    roles: frozenset[str]


def outlook(policy: Policy, person: Person, at: datetime, exceptions: Sequence[AccessException] = ()) -> Outlook:
    """What a policy makes of a person at an instant; `exceptions` are theirs."""
    found = policy.due(person, at, exceptions)
    due = _rights((*found.assignments, *found.shut))
    due |= {(system, ACCOUNT_TARGET) for system, _ in due}
    entitlements = policy.entitlements
    return Outlook(
        due,
        _rights(found.shut) - _rights(found.assignments),
        _rights((*found.undecided, *found.refused)) - due,
        frozenset((entitlements[e].system, entitlements[e].target) for e in policy.may_request(person, at)),
        frozenset(role.id for role in policy.roles_of(person, at)),
    )


@dataclass(frozen=True, slots=True)
class Shift:
    """What a change of the policy means for people, before one knows what they hold.

    `gains` become due, or their window is open now and was shut. `ends` are taken from who holds them, and were not
    before; `shuts` are due still, and taken at this hour because their window is shut now. `freed` are left to who
    holds them, although nothing explains them any more. `clouded` were due or not, and now nobody can tell. `spared`
    are due, or nobody can tell, of what only the new policy speaks of: everybody else who holds that loses it.
    `windowed` are due by the new policy at other hours than by the old one, `closed` what of it is shut at this hour.
    """

    gains: frozenset[Right] = NONE
    ends: frozenset[Right] = NONE
    shuts: frozenset[Right] = NONE
    freed: frozenset[Right] = NONE
    clouded: frozenset[Right] = NONE
    spared: frozenset[Right] = NONE
    windowed: frozenset[Right] = NONE
    closed: frozenset[Right] = NONE
    requestable: frozenset[Right] = NONE
    not_requestable: frozenset[Right] = NONE
    roles_gained: frozenset[str] = frozenset()
    roles_lost: frozenset[str] = frozenset()
    nothing_left: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes for whoever it is, as long as no policy begins or ceases to speak of anything."""
        rights = (self.gains, self.ends, self.shuts, self.freed, self.clouded, self.windowed)
        return not any((*rights, self.requestable, self.not_requestable, self.roles_gained, self.roles_lost))


@dataclass(frozen=True, slots=True)
class Effect:
    """What changes for somebody of whom it is known what they hold.

    `explained` become due and are held already; `gains` are not held yet. `loses` would be taken away, `shuts` as well,
    until their window opens.
    """

    gains: frozenset[Right] = NONE
    explained: frozenset[Right] = NONE
    loses: frozenset[Right] = NONE
    shuts: frozenset[Right] = NONE
    freed: frozenset[Right] = NONE
    clouded: frozenset[Right] = NONE
    requestable: frozenset[Right] = NONE
    not_requestable: frozenset[Right] = NONE

    @property
    def size(self) -> int:
        """How many entitlements are given or taken, or become unexplained or uncertain."""
        return sum(map(len, (self.gains, self.loses, self.shuts, self.freed, self.clouded)))

    @property
    def is_empty(self) -> bool:
        """Whether they notice nothing at all."""
        return not (self.size or self.explained or self.requestable or self.not_requestable)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An old policy and a new one."""

    old: Policy
    new: Policy
    newly_managed: frozenset[Right] = field(init=False)
    no_longer_managed: frozenset[Right] = field(init=False)
    hours_changed: frozenset[Right] = field(init=False)
    _managed: tuple[frozenset[Right], frozenset[Right]] = field(init=False)

    def __post_init__(self) -> None:
        before, after = managed(self.old), managed(self.new)
        object.__setattr__(self, "_managed", (before, after))
        object.__setattr__(self, "newly_managed", after - before)
        object.__setattr__(self, "no_longer_managed", before - after)
        object.__setattr__(self, "hours_changed", frozenset(right for right, _, _ in self.windows()))

    @property
    def attributes(self) -> tuple[str, ...]:
        """People with equal values of all of these, and one zone, are the same to both policies."""
        return tuple(dict.fromkeys((*self.old.matched_attributes, *self.new.matched_attributes)))

    @property
    def depends_on_zone(self) -> bool:
        """Whether people of different zones may be due something else."""
        return any(policy.depends_on_zone or policy.asks_the_clock for policy in (self.old, self.new))

    def shift(self, person: Person, at: datetime, exceptions: Sequence[AccessException] = ()) -> Shift:
        """What changes for a person, whatever they hold."""
        before, after = (outlook(policy, person, at, exceptions) for policy in (self.old, self.new))
        was_managed, is_managed = self._managed
        kept_before, kept_after = before.due | before.uncertain, after.due | after.uncertain
        windowed = after.due & self.hours_changed
        return Shift(
            gains=(after.due - before.due) | (before.shut & after.due - after.shut),
            ends=(kept_before - kept_after) & is_managed,
            shuts=after.shut & (kept_before - before.shut | self.newly_managed),
            freed=(kept_before - kept_after) - is_managed,
            clouded=(after.uncertain - before.uncertain) & was_managed,
            spared=kept_after & self.newly_managed,
            windowed=windowed,
            closed=windowed & after.shut,
            requestable=after.may_request - before.may_request,
            not_requestable=before.may_request - after.may_request,
            roles_gained=after.roles - before.roles,
            roles_lost=before.roles - after.roles,
            nothing_left=bool(kept_before) and not kept_after,
        )

    def effect(self, shift: Shift, held: Collection[Right], fixed: Collection[Right] = ()) -> Effect:
        """What changes for people who hold `held`; `fixed` is what of it nobody could take away, whatever is due."""
        holds = frozenset(held)
        takeable = holds.difference(fixed)
        ends = shift.ends | self.newly_managed - shift.spared
        return Effect(
            gains=shift.gains - holds,
            explained=shift.gains & holds,
            loses=ends & takeable,
            shuts=shift.shuts & takeable,
            freed=(shift.freed | self.no_longer_managed) & takeable,
            clouded=shift.clouded,
            requestable=shift.requestable,
            not_requestable=shift.not_requestable,
        )

    def asked_of(self, shifts: Iterable[Shift]) -> frozenset[Right]:
        """What must be known of holdings to tell the effects of some shifts."""
        found = set(self.newly_managed | self.no_longer_managed)
        for shift in shifts:
            found |= shift.gains | shift.ends | shift.shuts | shift.freed
        return frozenset(found)

    def windows(self) -> list[tuple[Right, str, str]]:
        """What both policies speak of, at other hours: the right, the hours before, the hours after."""
        both = sorted(self.old.by_target.keys() & self.new.by_target.keys())
        found = [(right, hours(self.old, right), hours(self.new, right)) for right in both]
        return [each for each in found if each[1] != each[2]]

    def name(self, right: Right) -> str:
        """What the policies call a right: the new one's id, else the old one's."""
        system, target = right
        found = self.new.by_target.get(right) or self.old.by_target.get(right)
        return found or (f"account on {system}" if target == ACCOUNT_TARGET else f"{target} on {system}")


def managed(policy: Policy) -> frozenset[Right]:
    """What a policy speaks of, with the accounts of its systems."""
    return policy.managed() | {(system, ACCOUNT_TARGET) for system in policy.managed_systems}


def _rights(assignments: Iterable[Assignment]) -> frozenset[Right]:
    return frozenset((a.system, a.target) for a in assignments)


def hours(policy: Policy, right: Right) -> str:
    """When a policy gives a right that it speaks of: `always`, or days and hours."""
    window = policy.entitlements[policy.by_target[right]].window
    return "always" if window is None or window.always else window.told()
