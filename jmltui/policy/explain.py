"""Why somebody is due an entitlement, or is not: a tree of sentences, each with the place of its rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jmltui.domain.exception import AccessException, ExceptionKind
from jmltui.domain.person import Person

from .expression import Told
from .facts import dotted
from .model import Condition, Definitions, Matcher, PolicyEntitlement, PolicyRole
from .requirements import PersonProblem


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


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains one person at one instant. `values` are typed, by dotted name; `problems` keep everything back."""

    definitions: Definitions
    zone: str
    person: Person
    at: datetime
    values: Mapping[str, object]
    exceptions: Sequence[AccessException] = ()
    problems: Sequence[PersonProblem] = ()

    def explain(self, policy_hash: str, entitlement: str | None) -> Explanation:
        """The tree for one entitlement, or for all. Raises KeyError for an unknown id."""
        if entitlement is not None:
            return self._entitlement(self.definitions.entitlements[entitlement])
        children = tuple(self._entitlement(e) for e in self.definitions.entitlements.values())
        counts = {answer: sum(child.answer is answer for child in children) for answer in Answer}
        text = f"{self._who()}: {counts[Answer.YES]} due, {counts[Answer.NO]} not due"
        if counts[Answer.UNKNOWN]:
            text += f", {counts[Answer.UNKNOWN]} cannot be told"
        answer = Answer.YES if counts[Answer.YES] else Answer.NO
        return Explanation(answer, f"{text} (policy {policy_hash[:12]})", "", children)

    def _entitlement(self, entitlement: PolicyEntitlement) -> Explanation:
        granting = [role for role in self.definitions.roles.values() if entitlement.id in role.grants]
        reasons = [self._granting(role, entitlement) for role in granting]
        if reasons and self.problems:
            reasons = [self._held_back(reason) for reason in reasons]
        reasons += self._excepted(entitlement)
        answer = _any_of(reason.answer for reason in reasons)
        window = self._window(entitlement) if answer is Answer.YES else []
        if window and window[0].answer is Answer.NO:
            answer = Answer.NO
        words = {
            Answer.YES: "due",
            Answer.NO: "NOT due",
            Answer.UNKNOWN: "cannot tell, so neither granted nor removed",
        }
        text = f"{entitlement.id} ({entitlement.target} on {entitlement.system}) for {self._who()}: {words[answer]}"
        if not granting:
            text += "; no role grants it"
        elif answer is Answer.YES and entitlement.approval and not self._excepted(entitlement):
            text += f", once it is approved{f' by {entitlement.approval_path}' if entitlement.approval_path else ''}"
        asking = self._asking(entitlement) if answer is not Answer.YES else []
        return Explanation(answer, text, entitlement.place, (*reasons, *window, *asking))

    def _granting(self, role: PolicyRole, entitlement: PolicyEntitlement) -> Explanation:
        found = self._role(role)
        if entitlement.when is None:
            return found
        own = self._condition(entitlement.when, f"{entitlement.id}, when")
        return Explanation(_all_of([found.answer, own.answer]), "both of these", "", (found, own))

    def _role(self, role: PolicyRole) -> Explanation:
        children = [self._matcher(matcher) for matcher in role.match]
        if role.when is not None:
            children.append(self._condition(role.when, "when"))
        answer = _all_of([child.answer for child in children])
        words = {Answer.YES: "applies", Answer.NO: "does not apply", Answer.UNKNOWN: "cannot be told"}
        return Explanation(answer, f"role {role.id} {words[answer]}", role.place, tuple(children))

    def _matcher(self, matcher: Matcher) -> Explanation:
        name = dotted(matcher.attribute)
        value = self._text(matcher.attribute)
        wanted = matcher.values[0] if len(matcher.values) == 1 else "one of " + ", ".join(matcher.values)
        if value is None:
            return Explanation(Answer.UNKNOWN, f"{name} is empty, wanted {wanted}", matcher.place)
        if value in matcher.values:
            suffix = "" if len(matcher.values) == 1 else f", {wanted}"
            return Explanation(Answer.YES, f"{name} is {value}{suffix}", matcher.place)
        text = f"{name} is {value}, wanted {wanted}"
        if value.strip().casefold() in {v.strip().casefold() for v in matcher.values}:
            text += " (they differ only in case or spaces)"
        return Explanation(Answer.NO, text, matcher.place)

    def _text(self, attribute: str) -> str | None:
        if attribute.startswith("now."):
            found = self.values.get(attribute)
            return None if found is None else str(found)
        return self.person.attribute(attribute)

    def _condition(self, condition: Condition, head: str) -> Explanation:
        told = condition.expression.explain(self.values)
        return Explanation(_answer(told.answer), f"{head}: {condition.text}", condition.place, (_told(told),))

    def _window(self, entitlement: PolicyEntitlement) -> list[Explanation]:
        if entitlement.window is None:
            return []
        zone = self.person.zone_info(self.zone)
        is_open = entitlement.window.is_open(self.at, zone)
        word = "is open" if is_open else "is shut"
        text = f"its window {entitlement.window.told()} ({zone.key}) {word} now"
        return [Explanation(Answer.YES if is_open else Answer.NO, text, entitlement.place)]

    def _excepted(self, entitlement: PolicyEntitlement) -> list[Explanation]:
        found = []
        for exception in self.exceptions:
            if exception.kind is ExceptionKind.ACCESS and exception.subject == entitlement.id:
                founded = exception.outside_policy or exception.break_glass or bool(self._asking(entitlement))
                until = f" until {exception.until:%Y-%m-%d %H:%M} UTC" if exception.until else ""
                by = f", approved by {exception.approved_by}" if exception.approved_by else ""
                text = f"exception {exception.id} ({exception.state.value}{until}{by}): {exception.reason}"
                if exception.holds(self.at) and not founded:
                    text += "; it gives nothing, because no role lets them ask for it any more"
                holds = exception.holds(self.at) and founded
                found.append(Explanation(Answer.YES if holds else Answer.NO, text))
        return found

    def _asking(self, entitlement: PolicyEntitlement) -> list[Explanation]:
        """Whether it may be asked for, by which role."""
        for role in self.definitions.roles.values():
            if entitlement.id in role.may_request and self._role(role).answer is Answer.YES:
                path = f" by {entitlement.approval_path}" if entitlement.approval_path else ""
                approved = f"; approved{path}" if entitlement.approval else ""
                return [Explanation(Answer.YES, f"it may be asked for, by the role {role.id}{approved}", role.place)]
        return []

    def _held_back(self, reason: Explanation) -> Explanation:
        if reason.answer is Answer.NO:
            return reason
        wrong = tuple(Explanation(Answer.NO, problem.sentence, problem.place) for problem in self.problems)
        return Explanation(Answer.UNKNOWN, "held back until the source states what is required", "", (reason, *wrong))

    def _who(self) -> str:
        return f"{self.person.name} ({self.person.key})"


def _answer(answer: bool | None) -> Answer:
    return Answer.UNKNOWN if answer is None else (Answer.YES if answer else Answer.NO)


def _all_of(answers: Sequence[Answer]) -> Answer:
    return next((a for a in (Answer.NO, Answer.UNKNOWN) if a in answers), Answer.YES)


def _any_of(answers: Iterator[Answer]) -> Answer:
    found = set(answers)
    return next((a for a in (Answer.YES, Answer.UNKNOWN) if a in found), Answer.NO)


def _told(told: Told) -> Explanation:
    return Explanation(_answer(told.answer), told.text, "", tuple(_told(child) for child in told.children))
