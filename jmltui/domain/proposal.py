"""Whose an account that belongs to nobody may be: candidates with reasons, best first. Nothing here ever links.

Names, addresses and logins only propose. What merely looks alike in another script warns and earns nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from .access import Account
from .names import fold, is_mixed_script, skeleton
from .person import Person

MOST: Final = 5
SHORTEST_KEY: Final = 4
"""A shorter key counts only where it is a whole word of the login."""

PREPARED: Final = timedelta(days=30)
"""Accounts are made up to so long before a first day; one that is older was somebody else's."""

_EMAIL: Final = 60
_TEMPLATE: Final = 45
_KEY: Final = 40
_LOGIN: Final = 30
_LOGIN_NUMBERED: Final = 15
_DISPLAY: Final = 30
_REUSED: Final = -40
_LEFT: Final = -10

_WORD: Final = re.compile(r"[^\W_]+")
_SPELLED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "đ": "dj"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may own an account. `login` is what the system's login template makes of them, "" for none.

    `stays` is False for who has left or is absent from the feed.
    """

    person: Person
    login: str = ""
    stays: bool = True


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate with a score from 0 to 100, what speaks for them, and what to beware of."""

    person: Person
    score: int
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


def propose(account: Account, candidates: Iterable[Candidate], known_since: datetime | None) -> tuple[Proposal, ...]:
    """The likeliest candidates, at most five. `known_since`: the account was there at that instant already."""
    found = [proposal for each in candidates if (proposal := _weighed(account, each, known_since)) is not None]
    return tuple(sorted(found, key=lambda p: (-p.score, p.person.key, p.person.id))[:MOST])


def login_words(login: str) -> tuple[str, str]:
    """A login for comparison, without its domain; and the same without the number at its end."""
    bare = fold(login).rpartition("\\")[2].partition("@")[0]
    return bare, bare.rstrip("0123456789")


def login_forms(name: str) -> frozenset[str]:
    """The logins that people usually get of a name, folded: first.last, flast, lastf and the like."""
    return frozenset(form for spelled in _spellings(name) for form in _forms(_WORD.findall(spelled)))


def has_key(login: str, key: str) -> bool:
    """Whether a key stands inside a login, not as a part of a longer number."""
    login, key = login.casefold(), key.casefold()
    if len(key) < SHORTEST_KEY:
        return bool(key) and key in _WORD.findall(login)
    start = login.find(key)
    while start >= 0:
        before, after = login[start - 1 : start], login[start + len(key) : start + len(key) + 1]
        if not (key[0].isdigit() and before.isdigit()) and not (key[-1].isdigit() and after.isdigit()):
            return True
        start = login.find(key, start + 1)
    return False


def _weighed(account: Account, candidate: Candidate, known_since: datetime | None) -> Proposal | None:
    """The candidate with their score; None where nothing speaks for them and nothing warns of a likeness."""
    person = candidate.person
    said = list(_reasons(account, candidate))
    alike = _likeness(account, person)
    if not said and not alike:
        return None
    warnings = [alike] if alike else []
    score = sum(points for points, _ in said)
    reused = _reused(account, person, known_since)
    if reused:
        score += _REUSED
        warnings.append(reused)
    if not candidate.stays:
        score += _LEFT
        warnings.append("has left, or is absent from the feed")
    return Proposal(person, max(0, min(100, score)) if said else 0, tuple(why for _, why in said), tuple(warnings))


def _reasons(account: Account, candidate: Candidate) -> Iterator[tuple[int, str]]:
    person = candidate.person
    if person.email and person.email.casefold() in {email.casefold() for email in account.emails}:
        yield _EMAIL, f"the same address, {person.email}"
    if candidate.login and candidate.login.casefold() == account.login.casefold():
        yield _TEMPLATE, "the login that a new account of theirs would get"
    if has_key(account.login, person.key):
        yield _KEY, f"their number {person.key} stands in the login"
    bare, unnumbered = login_words(account.login)
    forms = login_forms(person.name)
    if bare in forms:
        yield _LOGIN, "the login is made of their name"
    elif unnumbered in forms:
        yield _LOGIN_NUMBERED, "the login is made of their name and a number"
    if account.display and fold(account.display) == fold(person.name):
        yield _DISPLAY, "the same name"


def _likeness(account: Account, person: Person) -> str:
    """What looks like the person and is not written as they are, or ""."""
    for shown in (account.display, account.login):
        if is_mixed_script(shown) and skeleton(shown) in {skeleton(person.name), *login_forms(person.name)}:
            return f"“{shown}” mixes scripts to look like “{person.name}”"
    if fold(account.display) != fold(person.name) and skeleton(account.display) == skeleton(person.name):
        return f"“{account.display}” only looks like “{person.name}”: it is written in another script"
    return ""


def _reused(account: Account, person: Person, known_since: datetime | None) -> str:
    """Why the account seems older than the person's time here, or ""."""
    if person.starts is None:
        return ""
    first = datetime(person.starts.year, person.starts.month, person.starts.day, tzinfo=UTC)
    if account.last_seen is not None and account.last_seen < first - timedelta(days=1):
        return f"it was used on {account.last_seen:%Y-%m-%d}, before their first day {person.starts}"
    if known_since is not None and known_since < first - PREPARED:
        return f"it is there since {known_since:%Y-%m-%d}, long before their first day {person.starts}"
    return ""


def _spellings(name: str) -> Iterator[str]:
    yield fold(name)
    spelled = name.casefold().translate(_SPELLED)
    if spelled != name.casefold():
        yield fold(spelled)


def _forms(words: list[str]) -> Iterator[str]:
    if not words:
        return
    if len(words) == 1:
        yield words[0]
        return
    first, last = words[0], words[-1]
    for one, other in ((first, last), (last, first)):
        for joint in (".", "_", "-", ""):
            yield f"{one}{joint}{other}"
            yield f"{one[0]}{joint}{other}"
            yield f"{one}{joint}{other[0]}"
    if len(words) > 2:
        yield ".".join(words)
        yield "".join(words)
