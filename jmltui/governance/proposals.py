"""Looking for whose an account may be, with everybody passing by once: the accounts are indexed, not the people."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from jmltui.cache.mirrors import Seen
from jmltui.config.settings import Settings
from jmltui.domain.names import fold, skeleton
from jmltui.domain.person import Person
from jmltui.domain.proposal import SHORTEST_KEY, Candidate, Proposal, login_forms, login_words, propose
from jmltui.domain.template import MissingValue, Template

_WORD: Final = re.compile(r"[^\W_]+")
LONGEST_LOGIN: Final = 64
"""Of longer logins only the beginning is looked through for a person's key."""


class Likenesses:
    """Accounts of nobody, and who of all that pass by (`look_at`) may own them (`of`)."""

    def __init__(self, accounts: Sequence[Seen], settings: Settings, key_lengths: Collection[int]) -> None:
        self._by_email: dict[str, list[int]] = defaultdict(list)
        self._by_login: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._by_piece: dict[str, list[int]] = defaultdict(list)
        self._key_lengths = sorted(length for length in key_lengths if length >= SHORTEST_KEY)
        self._candidates: dict[int, list[Person]] = defaultdict(list)
        self._gone: set[int] = set()
        for seen in accounts:
            self._index(seen)
        self._templates: Mapping[str, Template | None] = {
            name: settings.systems[name].login for name in self._by_login if name in settings.systems
        }

    def _index(self, seen: Seen) -> None:
        number, account = seen.number, seen.account
        for email in account.emails:
            self._by_email[email.casefold()].append(number)
        self._by_login[seen.system][account.login.casefold()].append(number)
        for word in {*login_words(account.login), skeleton(account.login)}:
            self._by_word[word].append(number)
        for name in {fold(account.display), skeleton(account.display)} - {""}:
            self._by_name[name].append(number)
        for piece in self._pieces(account.login.casefold()):
            self._by_piece[piece].append(number)

    def _pieces(self, login: str) -> set[str]:
        """Every part of a login that may be somebody's key."""
        login = login[:LONGEST_LOGIN]
        found = {login[i : i + n] for n in self._key_lengths for i in range(len(login) - n + 1)}
        return found | {word for word in _WORD.findall(login) if len(word) < SHORTEST_KEY}

    def look_at(self, person: Person, stays: bool) -> None:
        """Keep somebody in mind for every account that may be theirs."""
        found: set[int] = set()
        if person.email:
            found.update(self._by_email.get(person.email.casefold(), ()))
        for system, login in self._logins(person):
            found.update(self._by_login[system].get(login.casefold(), ()))
        found.update(self._by_piece.get(person.key.casefold(), ()))
        for form in login_forms(person.name):
            found.update(self._by_word.get(form, ()))
        for name in {fold(person.name), skeleton(person.name)} - {""}:
            found.update(self._by_name.get(name, ()))
        for number in found:
            self._candidates[number].append(person)
        if found and not stays:
            self._gone.add(person.id)

    def of(self, seen: Seen) -> tuple[Proposal, ...]:
        """The likeliest owners of an account, best first."""
        found = [
            Candidate(person, dict(self._logins(person)).get(seen.system, ""), person.id not in self._gone)
            for person in self._candidates.get(seen.number, ())
        ]
        return propose(seen.account, found, seen.since)

    def _logins(self, person: Person) -> Iterator[tuple[str, str]]:
        """What a new account of theirs would be called, on each system that has an account of nobody."""
        for system, template in self._templates.items():
            if template is None:
                yield system, person.key
                continue
            try:
                yield system, template.render(person)
            except MissingValue:
                continue
