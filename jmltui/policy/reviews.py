"""The `reviews` section: campaigns that open by themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from jmltui.domain.duration import parse_duration
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.person import PersonType

from .fields import Fields, Where
from .known import Known
from .model import ReviewRule
from .people_words import APPROVERS, read_word

ON_NO_ANSWER: Final = ("keep", "revoke", "revoke_elevated", "disable", "escalate")
SCOPES: Final = ("all", "privileged", "system:NAME", "role:ID", "type:KIND", "unused:DURATION")
_KINDS: Final = ("system", "role", "type", "unused")
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
    scope = item.text("scope", "all")
    if "scope" not in item.nodes or scope in ("all", "privileged"):
        return scope
    kind, _, name = scope.partition(":")
    where = item.place("scope")
    if not name or kind not in _KINDS:
        item.problems.add(where, f"“{scope}” is no scope of a review.", did_you_mean(scope, SCOPES))
    else:
        _check_scope(kind, name, where, known)
    return scope


def _check_scope(kind: str, name: str, where: Where, known: Known) -> None:
    if kind == "system":
        known.named_systems.append((name, where))
    elif kind == "role":
        known.has("role", name, where, known.roles)
    elif kind == "type":
        known.has("type of person", name, where, tuple(PersonType))
    elif kind == "unused":
        try:
            parse_duration(name)
        except ValueError as error:
            known.problems.add(where, str(error))
