"""Why somebody is due an entitlement, or is not: a tree of sentences, each with the place of its rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from jmltui.domain.person import Person

from .model import Definitions, Matcher, PolicyEntitlement, PolicyRole


class Answer(StrEnum):
    """Three-valued: an empty attribute is no answer."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "cannot tell"

    @property
    def sign(self) -> str:
        """One ASCII character."""
        return {"yes": "+", "no": "-", "cannot tell": "?"}[self.value]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One sentence of the tree. `place` is file:line of the rule, empty where there is none."""

    answer: Answer
    text: str
    place: str = ""
    children: tuple[Explanation, ...] = ()

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Explanation]]:
        """The sentence and all below it, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)

    def lines(self) -> list[str]:
        """Plain text, two spaces a level. The person's values in it are not cleaned for a terminal."""
        return [
            f"{'  ' * depth}{line.answer.sign} {line.text}" + (f"   ({line.place})" if line.place else "")
            for depth, line in self.walk()
        ]


def explain(definitions: Definitions, policy_hash: str, person: Person, entitlement: str | None) -> Explanation:
    """The tree for one entitlement, or for all. Raises KeyError for an unknown id."""
    if entitlement is not None:
        return _entitlement(definitions, person, definitions.entitlements[entitlement])
    children = tuple(_entitlement(definitions, person, e) for e in definitions.entitlements.values())
    counts = {answer: sum(child.answer is answer for child in children) for answer in Answer}
    text = f"{_who(person)}: {counts[Answer.YES]} due, {counts[Answer.NO]} not due"
    if counts[Answer.UNKNOWN]:
        text += f", {counts[Answer.UNKNOWN]} cannot be told"
    answer = Answer.YES if counts[Answer.YES] else Answer.NO
    return Explanation(answer, f"{text} (policy {policy_hash[:12]})", "", children)


def _entitlement(definitions: Definitions, person: Person, entitlement: PolicyEntitlement) -> Explanation:
    granting = [role for role in definitions.roles.values() if entitlement.id in role.grants]
    roles = tuple(_role(person, role) for role in granting)
    answers = {role.answer for role in roles}
    answer = next((a for a in (Answer.YES, Answer.UNKNOWN) if a in answers), Answer.NO)
    words = {
        Answer.YES: "due",
        Answer.NO: "NOT due",
        Answer.UNKNOWN: "cannot tell, so neither granted nor removed",
    }
    text = f"{entitlement.id} ({entitlement.target} on {entitlement.system}) for {_who(person)}: {words[answer]}"
    if not roles:
        text += "; no role grants it"
    elif answer is Answer.YES and entitlement.approval:
        text += ", once it is approved"
    return Explanation(answer, text, entitlement.place, roles)


def _role(person: Person, role: PolicyRole) -> Explanation:
    matchers = tuple(_matcher(person, matcher) for matcher in role.match)
    answers = {matcher.answer for matcher in matchers}
    answer = next((a for a in (Answer.NO, Answer.UNKNOWN) if a in answers), Answer.YES)
    words = {Answer.YES: "applies", Answer.NO: "does not apply", Answer.UNKNOWN: "cannot be told"}
    return Explanation(answer, f"role {role.id} {words[answer]}", role.place, matchers)


def _matcher(person: Person, matcher: Matcher) -> Explanation:
    value = person.attribute(matcher.attribute)
    wanted = matcher.values[0] if len(matcher.values) == 1 else "one of " + ", ".join(matcher.values)
    if value is None:
        return Explanation(Answer.UNKNOWN, f"person.{matcher.attribute} is empty, wanted {wanted}", matcher.place)
    if value in matcher.values:
        suffix = "" if len(matcher.values) == 1 else f", {wanted}"
        return Explanation(Answer.YES, f"person.{matcher.attribute} is {value}{suffix}", matcher.place)
    text = f"person.{matcher.attribute} is {value}, wanted {wanted}"
    if value.strip().casefold() in {v.strip().casefold() for v in matcher.values}:
        text += " (they differ only in case or spaces)"
    return Explanation(Answer.NO, text, matcher.place)


def _who(person: Person) -> str:
    return f"{person.name} ({person.key})"
