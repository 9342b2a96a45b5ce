"""Findings: what is not as it should be with somebody's actual accounts and grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .danger import Danger


class FindingState(StrEnum):
    """`case`: a case works on it. `excepted`: somebody agreed to it until a day. `gone`: no longer found."""

    OPEN = "open"
    CASE = "case"
    EXCEPTED = "excepted"
    GONE = "gone"


class FindingKind(StrEnum):
    """What can be found. `heading` says it in a line, `danger` how bad it is by itself."""

    ORPHAN = "orphan"
    DORMANT = "dormant"
    ENDED = "ended"
    NOT_DUE = "not_due"
    UNEXPLAINED = "unexplained"
    SEPARATION = "separation"
    OWNERLESS = "ownerless"
    NO_MANAGER = "no_manager"
    ENDING = "ending"
    REQUIREMENT = "requirement"
    BREAK_GLASS = "break_glass"
    UNDECIDED = "undecided"

    @property
    def heading(self) -> str:
        """The kind in one line."""
        return _HEADINGS[self]

    @property
    def danger(self) -> Danger:
        """How bad one of this kind is, before its own facts make it worse."""
        return _DANGERS[self]

    @property
    def remedy(self) -> str:
        """The next thing to do where no case can settle it; "" where one can."""
        return _REMEDIES.get(self, "")


_HEADINGS: Final[Mapping[FindingKind, str]] = {
    FindingKind.ORPHAN: "Accounts that belong to nobody",
    FindingKind.DORMANT: "Accounts in nobody's use",
    FindingKind.ENDED: "People who left and still have an account",
    FindingKind.NOT_DUE: "Held, and not due",
    FindingKind.UNEXPLAINED: "Access that no policy speaks of",
    FindingKind.SEPARATION: "Duties that one person must not hold together",
    FindingKind.OWNERLESS: "Service and shared accounts without an owner",
    FindingKind.NO_MANAGER: "Employees without a manager",
    FindingKind.ENDING: "Contracts that end soon",
    FindingKind.REQUIREMENT: "People who lack what their role requires",
    FindingKind.BREAK_GLASS: "Emergency access that nobody has reviewed",
    FindingKind.UNDECIDED: "Access that a review could not decide",
}

_DANGERS: Final[Mapping[FindingKind, Danger]] = {
    FindingKind.ORPHAN: Danger.CAREFUL,
    FindingKind.DORMANT: Danger.CAREFUL,
    FindingKind.ENDED: Danger.DANGEROUS,
    FindingKind.NOT_DUE: Danger.CAREFUL,
    FindingKind.UNEXPLAINED: Danger.CAREFUL,
    FindingKind.SEPARATION: Danger.DANGEROUS,
    FindingKind.OWNERLESS: Danger.CAREFUL,
    FindingKind.NO_MANAGER: Danger.SAFE,
    FindingKind.ENDING: Danger.SAFE,
    FindingKind.REQUIREMENT: Danger.CAREFUL,
    FindingKind.BREAK_GLASS: Danger.DANGEROUS,
    FindingKind.UNDECIDED: Danger.CAREFUL,
}

_REMEDIES: Final[Mapping[FindingKind, str]] = {
    FindingKind.NO_MANAGER: "Have the manager corrected in HR; the next sync takes it over.",
    FindingKind.ENDING: "Have the end date moved in HR if they stay; otherwise the leaver case opens on the day.",
    FindingKind.REQUIREMENT: "Have the record corrected in HR; the next sync takes it over.",
    FindingKind.BREAK_GLASS: "Look at what was done with it, and state it: `jmltui request review EXCEPTION TEXT`.",
    FindingKind.UNDECIDED: "Have somebody who knows decide, and ask again: `jmltui reviews open` and the rule's name.",
}


def worse(danger: Danger, *, by: bool) -> Danger:
    """The danger, one grade up where `by` makes it worse."""
    return Danger(min(danger + 1, Danger.DESTRUCTIVE)) if by else danger


def finding_key(kind: FindingKind, *parts: object) -> str:
    """The name that the same finding has in every scan. No part can pose as two of them."""
    escaped = [str(part).replace("%", "%25").replace(":", "%3A") for part in parts[:-1]]
    return ":".join([kind.value, *escaped, *map(str, parts[-1:])])


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding of one scan.

    `detail` is a sentence for an operator. `facts` are plain values that a screen shows, each there only where it is
    known: `accounts` (system, account_id, login, state, last_used), `holds` (targets), `last_used`, `known_since`,
    `proposals` (as `domain.proposal`, a person by id, key and name), `link`, `left` and `right` (what the sides of a
    conflict are made of: entitlement, system, account_id, login, target, role, reason, direct, via), `owner`,
    `manager`, `sponsor`, `ends`, `code`, `number` (how many are alike). `case` is a live case that works on it already;
    `exception` is one that was asked for or agreed to because of it, and `excepted` whether that is in force.
    """

    kind: FindingKind
    key: str
    detail: str
    danger: Danger
    person_id: int = 0
    person_key: str = ""
    person_name: str = ""
    system: str = ""
    account_id: str = ""
    login: str = ""
    target: str = ""
    rule: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    case: int = 0
    exception: int = 0
    excepted: bool = False
