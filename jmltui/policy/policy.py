"""The policy in force: who is due what, and why. Pure after loading."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from jmltui.domain.access import ACCOUNT_TARGET, Assignment, Tier
from jmltui.domain.exception import AccessException, ExceptionKind
from jmltui.domain.guards import Guards
from jmltui.domain.person import Person
from jmltui.domain.procedure import Procedure

from .attributes import declared
from .canonical import canonical
from .decision import Answer as Decided
from .decision import Decider
from .explain import Explainer, Explanation
from .facts import Facts
from .model import Definitions, PolicyEntitlement, PolicyRole
from .reader import read_folder
from .requirements import PersonProblem, problems, warns

_KEPT_ANSWERS = 50_000
_NO_ZONE = "UTC"
_NONE: tuple[Assignment, ...] = ()


def load(folder: Path, zone: str = _NO_ZONE) -> Policy:
    """The policy of a folder (or of one file); `zone` is that of the company, where the policy states none.

    Raises PolicyError with every problem of it.
    """
    return Policy(read_folder(folder), zone)


@dataclass(frozen=True, slots=True)
class Due:
    """What a person is due at a moment.

    `undecided` is what nobody can tell, because an attribute is empty; `refused` what is held back because a
    requirement is not met. Neither is granted or taken away. `shut` is what would be due, were its window open.
    """

    assignments: tuple[Assignment, ...]
    undecided: tuple[Assignment, ...]
    refused: tuple[Assignment, ...]
    shut: tuple[Assignment, ...]
    problems: tuple[PersonProblem, ...]


class Policy:
    """Roles, entitlements, procedures and guards of one folder, ready to answer for many people."""

    def __init__(self, definitions: Definitions, zone: str = _NO_ZONE) -> None:
        self.definitions = definitions
        self.zone = definitions.timezone or zone
        self.hash = hashlib.sha256(canonical(definitions).encode("ascii")).hexdigest()
        self.entitlements: Mapping[str, PolicyEntitlement] = definitions.entitlements
        self.roles: Mapping[str, PolicyRole] = definitions.roles
        self.procedures: Mapping[str, Procedure] = definitions.procedures
        self.guards: Guards = definitions.guards
        self.managed_systems: frozenset[str] = frozenset(e.system for e in self.entitlements.values())
        self.by_target: Mapping[tuple[str, str], str] = {(e.system, e.target): e.id for e in self.entitlements.values()}
        self._decider = Decider(definitions)
        self._facts = Facts(self._decider.names, declared(definitions.attributes), self.zone)
        asked = [name for name in self._facts.stated if name not in ("starts", "ends")]
        self.mover_attributes: tuple[str, ...] = tuple(dict.fromkeys([*definitions.mover_attributes, *asked]))
        self._requiring = any(role.require for role in self.roles.values())
        self._windows = frozenset(e.id for e in self.entitlements.values() if e.window is not None)
        self._answers: dict[tuple[object, ...], Decided] = {}

    @property
    def matched_attributes(self) -> tuple[str, ...]:
        """The attributes that decide: people with equal values of all of them, and one zone, are due the same.

        Exceptions are theirs alone.
        """
        required = ("starts", "ends", "sponsor") if self._requiring else ()
        return tuple(dict.fromkeys((*self._facts.stated, *required)))

    @property
    def has_windows(self) -> bool:
        """Whether something is due at some hours only."""
        return bool(self._windows)

    @property
    def asks_the_clock(self) -> bool:
        """Whether a rule looks at the hour or the day of the week."""
        return bool(self._facts.of_now)

    @property
    def depends_on_zone(self) -> bool:
        """Whether people who differ in their zone alone may be due something else."""
        return bool(self._windows) or self._decider.has_conditions

    def managed(self) -> frozenset[tuple[str, str]]:
        """The (system, target) pairs that the policy speaks of."""
        return frozenset(self.by_target)

    def remote_access(self) -> frozenset[tuple[str, str]]:
        """The (system, target) pairs that are ways in from outside; they stand on every leaver's list."""
        return frozenset((e.system, e.target) for e in self.entitlements.values() if e.remote_access)

    def licensed(self) -> frozenset[tuple[str, str]]:
        """The (system, target) pairs that cost something."""
        return frozenset((e.system, e.target) for e in self.entitlements.values() if e.licence is not None)

    def due(self, person: Person, at: datetime, exceptions: Sequence[AccessException] = ()) -> Due:
        """Everything that a person is due at an instant; `exceptions` are theirs, those in force count."""
        answer = self._answer(person, at)
        found, refused = answer.due, _NONE
        wrong = problems(answer.roles, person, at) if self._requiring else ()
        if wrong:
            why = f"cannot be given: {'; '.join(problem.sentence for problem in wrong)}"
            found, refused = _NONE, tuple(replace(a, reason=why) for a in found)
        if exceptions:
            found = self._with_exceptions(found, answer, exceptions, at)
        shut = _NONE
        if self._windows:
            found, shut = self._by_window(found, person, at)
        due = _with_accounts(found, shut)
        return Due(
            _ordered(due),
            _ordered(_doubtful(answer.undecided, due)),
            _ordered(_doubtful(refused, due)),
            _ordered(self._told_shut(a) for a in shut),
            wrong,
        )

    def assignments(
        self, person: Person, at: datetime, exceptions: Sequence[AccessException] = ()
    ) -> tuple[Assignment, ...]:
        """What the person is due, ordered by system, the bare account first on each."""
        return self.due(person, at, exceptions).assignments

    def undecided(self, person: Person, at: datetime) -> tuple[Assignment, ...]:
        """What nobody can tell; `reason` says why."""
        return self.due(person, at).undecided

    def may_request(self, person: Person, at: datetime) -> tuple[str, ...]:
        """The ids of the entitlements that the person's roles let be asked for."""
        return self._answer(person, at).may_request

    def lets_request(self, person: Person, at: datetime, entitlement: str) -> bool | None:
        """Whether the person's roles let an entitlement be asked for, or give it; None where nobody can tell."""
        answer = self._answer(person, at)
        if entitlement in answer.may_request or any(a.entitlement == entitlement for a in answer.due):
            return True
        doubtful = entitlement in answer.maybe_request or any(a.entitlement == entitlement for a in answer.undecided)
        return None if doubtful else False

    def roles_of(self, person: Person, at: datetime) -> tuple[PolicyRole, ...]:
        """The roles that match a person."""
        return self._answer(person, at).roles

    def problems(self, person: Person, at: datetime) -> tuple[PersonProblem, ...]:
        """What the person's roles require and the source does not state."""
        return problems(self._answer(person, at).roles, person, at) if self._requiring else ()

    def warns(self, person: Person, at: datetime) -> datetime | None:
        """When the person's access ends, if one of their roles asks to be warned of it by now."""
        return warns(self._answer(person, at).roles, person, at, self.zone)

    def is_urgent(self, kind: str, person: Person, at: datetime) -> bool | None:
        """Whether the procedure of a case kind calls this person urgent; None where nobody can tell."""
        procedure = self.procedures.get(kind)
        if person.urgent or procedure is None or procedure.urgent is None:
            return person.urgent
        expression = procedure.urgent.condition.expression
        facts = Facts(expression.attributes, declared(self.definitions.attributes), self.zone)
        answer: bool | None = expression.evaluate(
            facts.values(facts.texts(person), facts.moment(at, person.zone), person.zone)
        )
        return answer

    def explain(
        self,
        person: Person,
        entitlement: str | None = None,
        *,
        at: datetime,
        exceptions: Sequence[AccessException] = (),
    ) -> Explanation:
        """Why the person is due an entitlement or is not; of all entitlements when none is named.

        Raises KeyError for an id that the policy does not have.
        """
        values = self._facts.values(self._facts.texts(person), self._facts.moment(at, person.zone), person.zone)
        wrong = self.problems(person, at)
        return Explainer(self.definitions, self.zone, person, at, values, exceptions, wrong).explain(
            self.hash, entitlement
        )

    def procedure(self, kind: str) -> Procedure | None:
        """The procedure of a case kind, or None where the policy has none."""
        return self.procedures.get(kind)

    def _answer(self, person: Person, at: datetime) -> Decided:
        texts, moment = self._facts.texts(person), self._facts.moment(at, person.zone)
        key = (texts, moment, person.zone) if self._decider.has_conditions else texts
        answer = self._answers.get(key)
        if answer is None:
            if len(self._answers) >= _KEPT_ANSWERS:
                self._answers.clear()
            values = self._facts.values(texts, moment, person.zone)
            known = dict(zip(self._facts.stated, texts, strict=True))
            told = zip(self._facts.of_now, moment, strict=True)
            known |= {name: None if value is None else str(value) for name, value in told}
            self._answers[key] = answer = self._decider.decide(known, values)
        return answer

    def _with_exceptions(
        self, found: tuple[Assignment, ...], answer: Decided, exceptions: Sequence[AccessException], at: datetime
    ) -> tuple[Assignment, ...]:
        """What roles give, and what somebody agreed to beyond it: while it holds and its foundation stands."""
        given = {a.entitlement for a in found}
        more = []
        for exception in exceptions:
            entitlement = self.entitlements.get(exception.subject)
            if exception.kind is not ExceptionKind.ACCESS or entitlement is None or entitlement.id in given:
                continue
            by_role = entitlement.id in answer.may_request or entitlement.id in answer.maybe_request
            if (by_role or exception.outside_policy or exception.break_glass) and exception.holds(at):
                given.add(entitlement.id)
                more.append(assignment_of(entitlement, exception))
        return (*found, *more)

    def _by_window(
        self, found: tuple[Assignment, ...], person: Person, at: datetime
    ) -> tuple[tuple[Assignment, ...], tuple[Assignment, ...]]:
        """What is due at this hour, and what waits for its window."""
        zone = person.zone_info(self.zone)
        open_now: list[Assignment] = []
        shut: list[Assignment] = []
        for a in found:
            window = self.entitlements[a.entitlement].window if a.entitlement in self._windows else None
            (open_now if window is None or window.is_open(at, zone) else shut).append(a)
        return tuple(open_now), tuple(shut)

    def _told_shut(self, assignment: Assignment) -> Assignment:
        window = self.entitlements[assignment.entitlement].window
        return replace(assignment, reason=f"outside its window: {window.told() if window is not None else 'never'}")


def assignment_of(entitlement: PolicyEntitlement, exception: AccessException) -> Assignment:
    """What an exception makes due; what it is for was approved when it was asked for."""
    until = f", until {exception.until:%Y-%m-%d %H:%M} UTC" if exception.until else ""
    by = f", approved by {exception.approved_by}" if exception.approved_by else ""
    word = "emergency access" if exception.break_glass else "exception"
    return Assignment(
        entitlement=entitlement.id,
        system=entitlement.system,
        target=entitlement.target,
        reason=f"{word} {exception.id}: {exception.reason}{by}{until}",
        tier=entitlement.tier,
        remote_access=entitlement.remote_access,
        privileged=entitlement.privileged,
        until=exception.until,
        exception=exception.id,
        licensed=entitlement.licence is not None,
    )


def implied_account(system: str) -> str:
    """The id of the bare account that is due wherever anything is; no policy can define such an id."""
    return f"{ACCOUNT_TARGET}:{system}"


def _with_accounts(found: Sequence[Assignment], shut: Sequence[Assignment] = _NONE) -> list[Assignment]:
    """The assignments, and a bare account on each system where only something else is due, or waits for its window.

    Where the account itself waits for its window, nothing that waits as well keeps it.
    """
    stated = {a.system for a in found if a.target == ACCOUNT_TARGET}
    closed = {a.system for a in shut if a.target == ACCOUNT_TARGET}
    implied: dict[str, Assignment] = {}
    for a in (*found, *(a for a in shut if a.system not in closed)):
        if a.system not in stated and a.system not in implied:
            implied[a.system] = Assignment(
                implied_account(a.system),
                a.system,
                ACCOUNT_TARGET,
                a.reason,
                tier=Tier.BIRTHRIGHT,
                role=a.role,
            )
    return [*implied.values(), *found]


def _doubtful(undecided: Sequence[Assignment], due: Sequence[Assignment]) -> list[Assignment]:
    """What nobody can tell, with the accounts that it would need and that nothing else makes due."""
    held, given = {a.system for a in due}, {a.entitlement for a in due}
    left = [a for a in undecided if a.entitlement not in given]
    return [a for a in _with_accounts(left) if a.target != ACCOUNT_TARGET or a.system not in held]


def _ordered(found: Iterable[Assignment]) -> tuple[Assignment, ...]:
    return tuple(sorted(found, key=lambda a: (a.system, a.target != ACCOUNT_TARGET, a.entitlement)))
