"""Who may answer an item of a review: whoever its words mean, and never about their own access."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import reviews
from jmltui.cache.tables import PersonRow, ReviewItemRow
from jmltui.domain.person import Person, PersonStatus
from jmltui.domain.review import person_asked
from jmltui.errors import NotAllowed
from jmltui.lifecycle.whose import Groups, answers, persons_of_login, unix_groups
from jmltui.lifecycle.workshop import Workshop

_NOBODY: Final = Person(key="", name="")


class Reviewers:
    """What one login may answer, asked of one state of the cache."""

    def __init__(self, workshop: Workshop, session: Session, login: str, groups_of: Groups = unix_groups) -> None:
        self._session = session
        self._login = login
        self._mine = persons_of_login(session, login)
        self._means_me = answers(workshop, session, login, _NOBODY, (), groups_of=groups_of)
        self._known: dict[tuple[str, str], bool] = {}
        self._sources: dict[int, str] = {}

    def expect_may_answer(self, item: ReviewItemRow) -> None:
        """Raise NotAllowed unless the login is asked, or is the fallback."""
        owned = item.person_key != "" and item.reviewer == f"owner:{item.person_key}"
        own = item.person_id in self._mine or item.login.casefold() == self._login.casefold()
        if own and not owned:
            raise NotAllowed(
                f"Item {item.id} is about your own access ({item.target} on {item.system}); another person answers it."
            )
        if not any(self.is_asked(word, item.person_id) for word in {item.reviewer, item.fallback}):
            asked = " or ".join(word for word in dict.fromkeys((item.reviewer, item.fallback)) if word)
            raise NotAllowed(
                f"Item {item.id} ({item.target} of {item.login} on {item.system}) is for {asked or 'nobody'} to answer."
            )

    def is_asked(self, word: str, person_id: int) -> bool:
        """Whether a reviewer's word means the login; `person_id` is whom the item is about."""
        key = person_asked(word)
        if not key:
            return bool(word) and self._remembered(word, "", lambda: self._means_me(word))
        source = self._source_of(person_id)
        return bool(self._mine) and self._remembered(word, source, lambda: self._is_person(key, source))

    def _remembered(self, word: str, source: str, ask: Callable[[], bool]) -> bool:
        if (word, source) not in self._known:
            self._known[word, source] = ask()
        return self._known[word, source]

    def _source_of(self, person_id: int) -> str:
        if person_id not in self._sources:
            row = self._session.get(PersonRow, person_id) if person_id else None
            self._sources[person_id] = row.source if row is not None else ""
        return self._sources[person_id]

    def _is_person(self, key: str, source: str) -> bool:
        """Whether the login is of the person of this key: of that source, of another one only where it has none."""
        query = select(col(PersonRow.id), col(PersonRow.source)).where(
            col(PersonRow.key) == key, col(PersonRow.present), col(PersonRow.status) != PersonStatus.LEFT.value
        )
        found = [(number, of) for number, of in self._session.execute(query)]
        near = {number for number, of in found if of == source}
        return bool(self._mine & (near or {number for number, _ in found}))


def words_of(workshop: Workshop, session: Session, login: str, campaign_id: int) -> list[str]:
    """Those reviewers of a campaign's unanswered items that a login answers as."""
    reviewers = Reviewers(workshop, session, login)
    return [word for word in reviews.words_waiting(session, campaign_id) if reviewers.is_asked(word, 0)]
