"""The `reviews` section: campaigns that open by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from jmltui.domain.review import NoScope, parse_scope

from .fields import Fields
from .known import Known
from .model import ReviewRule
from .people_words import APPROVERS, read_word

ON_NO_ANSWER: Final = ("keep", "revoke", "revoke_elevated", "disable", "escalate")
_ANSWER_WITHIN: Final = timedelta(days=14)


def read_review(item: Fields, known: Known) -> ReviewRule | None:
    """One campaign; None when it has no id of its own."""
    item.only(("id", "every", "scope", "reviewer", "fallback", "on_no_answer", "answer_within"))
    name = item.identifier()
    if "reviewer" not in item.nodes:
        item.text("reviewer", required=True)
    rule = ReviewRule(
        id=name,
        every=item.needed_duration("every"),
        scope=_scope(item, known),
        reviewer=read_word(item, "reviewer", "reviewer", APPROVERS, known),
        fallback=read_word(item, "fallback", "reviewer", APPROVERS, known),
        on_no_answer=item.choice("on_no_answer", ON_NO_ANSWER, "escalate"),
        answer_within=item.duration("answer_within", _ANSWER_WITHIN, positive=True) or _ANSWER_WITHIN,
        place=str(item.where),
    )
    return rule if name and known.is_first("review", name, item.place("id")) else None


def _scope(item: Fields, known: Known) -> str:
    """Words parted by commas; what they name has to be there."""
    scope, where = item.text("scope", "all"), item.place("scope")
    if "scope" not in item.nodes:
        return scope
    try:
        found = parse_scope(scope)
    except NoScope as wrong:
        item.problems.add(where, wrong.message, wrong.hint)
        return scope
    known.named_systems += [(system, where) for system in found.systems]
    for role in found.roles:
        known.has("role", role, where, known.roles)
    return scope
