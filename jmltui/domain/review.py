"""Access reviews: what a campaign asks about, whom it asks, what silence means, and what answers say of the policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Final

from .access import Tier
from .duration import format_duration, parse_duration
from .nearest import did_you_mean
from .person import PersonType

SCOPES: Final = ("all", "privileged", "system:NAME", "role:ID", "type:KIND", "unused:DURATION")
PERSONAL: Final = ("manager", "owner", "sponsor")
"""Reviewers who are other people for everybody."""

LEAST_PEERS: Final = 5
"""Of fewer people nothing is concluded about a role."""
MOST_HOLD: Final = 0.8
MOST_REVOKED: Final = 0.5


class Decision(StrEnum):
    """An answer; an item without one is not answered yet."""

    KEEP = "keep"
    REVOKE = "revoke"
    UNSURE = "unsure"


class NoAnswer(StrEnum):
    """What happens with what nobody answered in time. `unsure` is what follows an escalation that nobody answered."""

    KEEP = "keep"
    REVOKE = "revoke"
    REVOKE_ELEVATED = "revoke_elevated"
    DISABLE = "disable"
    ESCALATE = "escalate"
    UNSURE = "unsure"


class CampaignState(StrEnum):
    """`opening` while items are written, `closing` while cases are opened of what is revoked."""

    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class Band(IntEnum):
    """The order in which items are shown."""

    PRIVILEGED = 0
    UNEXPLAINED = 1
    EXPLAINED = 2


@dataclass(frozen=True, slots=True)
class ReviewScope:
    """What a campaign asks about: grants, or accounts where `unused` is stated.

    Several words of one kind are alternatives, different kinds narrow each other; an empty scope is every grant.
    """

    privileged: bool = False
    systems: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    unused: timedelta | None = None

    def told(self) -> str:
        """The scope in words, as an operator reads it."""
        what = "accounts" if self.unused is not None else "grants"
        parts = [f"privileged {what}" if self.privileged and self.unused is None else what]
        if self.unused is not None:
            parts.append(f"unused for {format_duration(self.unused)}")
            parts += ["with privileged access"] if self.privileged else []
        parts += [f"on {' or '.join(self.systems)}"] if self.systems else []
        parts += [f"of the role {' or '.join(self.roles)}"] if self.roles else []
        parts += [f"of type {' or '.join(self.types)}"] if self.types else []
        return " ".join(parts)


class NoScope(ValueError):
    """A text is no scope: `message` is a sentence, `hint` the nearest word, or ""."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message, self.hint = message, hint


def parse_scope(text: str) -> ReviewScope:
    """The scope that a rule states: words parted by commas. Raises NoScope."""
    privileged, unused = False, None
    named: dict[str, list[str]] = {"system": [], "role": [], "type": []}
    for word in (part.strip() for part in text.split(",")):
        kind, _, name = word.partition(":")
        if word == "all":
            continue
        if word == "privileged":
            privileged = True
        elif kind == "unused" and name and unused is None:
            try:
                unused = parse_duration(name)
            except ValueError as error:
                raise NoScope(str(error)) from None
        elif kind in named and name:
            if kind == "type" and name not in tuple(PersonType):
                raise NoScope(f"There is no type of person “{name}”.", did_you_mean(name, tuple(PersonType)))
            named[kind].append(name)
        else:
            raise NoScope(f"“{word}” is no scope of a review.", did_you_mean(word, SCOPES))
    systems, roles, types = (tuple(dict.fromkeys(names)) for names in named.values())
    return ReviewScope(privileged, systems, roles, types, unused)


def reviewer_of(
    word: str, fallback: str, keys: Mapping[str, str], own_key: str, may_answer: Callable[[str], bool]
) -> str:
    """Who is asked about one person: `manager:KEY` where the rule says manager, and so for owner and sponsor.

    `keys` are those people by word, `may_answer` tells whether the one of a key is still there. The fallback is asked
    where there is nobody, or where the person would be asked about themselves.
    """
    if word not in PERSONAL:
        return word
    for asked in (word, fallback):
        if asked not in PERSONAL:
            return asked
        key = keys.get(asked, "")
        if key and key != own_key and may_answer(key):
            return f"{asked}:{key}"
    return ""


def person_asked(word: str) -> str:
    """The key of the one person that a reviewer's word means, "" where it means a team or several people."""
    kind, colon, key = word.partition(":")
    return key if colon and kind in PERSONAL else ""


def without_answer(rule: NoAnswer, *, tier: str, privileged: bool) -> Decision:
    """What is decided about an item that nobody answered. Escalation is no decision: it is `unsure` in the end."""
    if rule is NoAnswer.REVOKE_ELEVATED:
        elevated = privileged or tier in (Tier.ELEVATED, Tier.JIT)
        return Decision.REVOKE if elevated else Decision.KEEP
    if rule in (NoAnswer.REVOKE, NoAnswer.DISABLE):
        return Decision.REVOKE
    return Decision.KEEP if rule is NoAnswer.KEEP else Decision.UNSURE


class Advice(StrEnum):
    """What a suggestion asks for."""

    PUT_IN = "put-into-role"
    TAKE_OUT = "take-out-of-role"


@dataclass(frozen=True, slots=True)
class Tally:
    """What was answered about one target for one group of people; `given` tells whether the role gives it.

    `of` are the people of the role, `hold` those of them who hold the target. What was decided because nobody answered
    counts in `items` alone. `used` are items whose account was in use shortly before the review.
    """

    role: str
    given: bool
    system: str
    target: str
    privileged: bool
    items: int
    kept: int
    revoked: int
    used: int
    of: int
    hold: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the answers of a review say of the policy; nothing follows of itself.

    `entitlement` is the policy's id of the target, "" where the policy does not know it. `count` of `of`: who holds it,
    or of whom it was taken.
    """

    kind: Advice
    role: str
    entitlement: str
    system: str
    target: str
    count: int
    of: int
    sentence: str


def suggest(
    tallies: Iterable[Tally], grants: Mapping[str, tuple[str, ...]], ids: Mapping[tuple[str, str], str]
) -> tuple[Suggestion, ...]:
    """What is worth a look at the policy: `grants` are its entitlements by role, `ids` its ids by (system, target).

    What is privileged is never suggested for a role: it is asked for, and it ends.
    """
    found: dict[tuple[Advice, str, str, str], Suggestion] = {}
    for tally in tallies:
        entitlement = ids.get((tally.system, tally.target), "")
        if tally.role not in grants or max(tally.of, tally.items) < LEAST_PEERS:
            continue
        has = bool(entitlement) and entitlement in grants[tally.role]
        if tally.given and has and tally.revoked >= MOST_REVOKED * tally.items:
            suggestion = _take_out(tally, entitlement)
        elif not tally.given and not has and not tally.privileged and _all_kept(tally):
            suggestion = _put_in(tally, entitlement)
        else:
            continue
        found.setdefault((suggestion.kind, tally.role, tally.system, tally.target), suggestion)
    return tuple(sorted(found.values(), key=lambda s: (-s.count / s.of, s.role, s.system, s.target)))


def _all_kept(tally: Tally) -> bool:
    return tally.kept == tally.items and tally.hold >= MOST_HOLD * tally.of


def _put_in(tally: Tally, entitlement: str) -> Suggestion:
    sentence = (
        f"{tally.hold} of {tally.of} people in the role {tally.role} hold {tally.target} on {tally.system}, which it "
        "does not give, and all that were asked about were kept: put it into the role?"
    )
    return Suggestion(
        Advice.PUT_IN, tally.role, entitlement, tally.system, tally.target, tally.hold, tally.of, sentence
    )


def _take_out(tally: Tally, entitlement: str) -> Suggestion:
    sentence = (
        f"The role {tally.role} gives {tally.target} on {tally.system}; of {tally.items} people asked about it was "
        f"revoked for {tally.revoked} ({tally.used} had used their account lately): take it out of the role?"
    )
    return Suggestion(
        Advice.TAKE_OUT, tally.role, entitlement, tally.system, tally.target, tally.revoked, tally.items, sentence
    )
