"""Policy tests: an invented person, and what the policy is expected to make of them; run, and recorded from people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jmltui.domain.exception import AccessException, ExceptionKind
from jmltui.domain.person import Person
from jmltui.domain.separation import conflicts

from .attributes import declared, full_name
from .explain import Explanation
from .facts import typed
from .policy import Due, Policy, implied_account
from .yaml_text import quoted

WHO: Final = ("key", "name", "email")
"""Attributes that say who somebody is; none of them is ever recorded."""

OTHERS: Final = ("manager", "sponsor", "owner")
"""Attributes that name other people; recorded without the name."""

SOMEBODY: Final = "somebody"

EXACTLY: Final = ("granted", "may_request", "undecided", "problems", "conflicts")
"""What an expectation states exactly."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected, each part only where it is stated: exact sets by name, what `granted` includes or not, and
    problems that are among those that come.
    """

    exactly: Mapping[str, frozenset[str]]
    includes: frozenset[str] = frozenset()
    excludes: frozenset[str] = frozenset()
    problems: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fixture:
    """One test. `at` is aware; without one in the file it is a Monday morning that never changes."""

    name: str
    place: str
    person: Person
    at: datetime
    exceptions: tuple[AccessException, ...]
    expect: Expectation


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test went: one sentence for each difference, and why it is so. No difference is a pass."""

    fixture: Fixture
    differences: tuple[str, ...]
    why: tuple[Explanation, ...]


@dataclass(frozen=True, slots=True)
class Came:
    """What a policy makes of somebody, by the words of an expectation."""

    granted: frozenset[str]
    may_request: frozenset[str]
    undecided: frozenset[str]
    problems: frozenset[str]
    conflicts: frozenset[str]


def outcome(policy: Policy, fixture: Fixture) -> Outcome:
    """Run one test."""
    came = what_came(policy, fixture.person, fixture.at, fixture.exceptions)
    told: list[str] = []
    doubtful: set[str] = set()
    for name, expected in fixture.expect.exactly.items():
        found: frozenset[str] = getattr(came, name)
        if found != expected:
            told.append(_told(name, expected, found))
            doubtful |= found ^ expected
    for name, wrong in (
        ("lacks", fixture.expect.includes - came.granted),
        ("has", fixture.expect.excludes & came.granted),
    ):
        if wrong:
            told.append(f"granted {name} {_listed(wrong)}, and should{' not' if name == 'has' else ''}.")
            doubtful |= wrong
    if missing := fixture.expect.problems - came.problems:
        told.append(f"problem lacks {_listed(missing)}: came {_listed(came.problems)}.")
    why = (e for e in policy.entitlements if e in doubtful)
    return Outcome(
        fixture,
        tuple(told),
        tuple(policy.explain(fixture.person, e, at=fixture.at, exceptions=fixture.exceptions) for e in why),
    )


def what_came(policy: Policy, person: Person, at: datetime, exceptions: Sequence[AccessException] = ()) -> Came:
    """What a policy makes of somebody; accounts that only follow from something else are left out."""
    due: Due = policy.due(person, at, exceptions)
    implied = {implied_account(system) for system in policy.managed_systems}
    granted = frozenset(a.entitlement for a in due.assignments) - implied
    broken = conflicts(policy.definitions.separation.values(), granted)
    return Came(
        granted,
        frozenset(policy.may_request(person, at)),
        frozenset(a.entitlement for a in due.undecided) - implied,
        frozenset(problem.code for problem in due.problems),
        frozenset(conflict.rule.id for conflict in broken),
    )


def _told(name: str, expected: frozenset[str], found: frozenset[str]) -> str:
    parts = []
    if missing := expected - found:
        parts.append(f"lacks {_listed(missing)}")
    if surplus := found - expected:
        parts.append(f"has {_listed(surplus)} too many")
    return f"{name} {' and '.join(parts)}: expected {_listed(expected)}, came {_listed(found)}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


# ---- recording


def recorded(policy: Policy, person: Person, at: datetime, exceptions: Sequence[AccessException] = ()) -> list[str]:
    """A test that holds now, recorded from a real person as lines of YAML. Of the person only what the policy asks for
    is in it, and nothing that says who they are.
    """
    at = at.replace(microsecond=0)
    held = [e for e in exceptions if e.kind is ExceptionKind.ACCESS and e.holds(at)]
    came = what_came(policy, person, at, held)
    asked = _asked(policy, person)
    given = {name: value for name, value in asked if name not in WHO and value is not None}
    words = [value for name, value in given.items() if name in ("type", "department", "title", "location")]
    lines = ["tests:", f"  - name: {quoted('recorded: ' + (', '.join(words) or 'somebody'))}"]
    lines += [
        f"    # the policy asks for {full_name(name)}, which says who somebody is; it is left out"
        for name, _ in asked
        if name in WHO
    ]
    lines.append(f"    at: {quoted(at.isoformat())}")
    lines.append(f"    given: {{{', '.join(f'{full_name(n)}: {_value(n, v)}' for n, v in given.items())}}}")
    if held:
        lines.append(f"    exceptions: [{', '.join(_exception(exception) for exception in held)}]")
    lines.append("    expect:")
    lines += _expected(came)
    return lines


def _asked(policy: Policy, person: Person) -> list[tuple[str, str | None]]:
    """The values the policy asks for; what has not the form of its type is as good as empty."""
    names = dict.fromkeys(["type", *policy.matched_attributes, *(["zone"] if policy.depends_on_zone else [])])
    stated, zone = declared(policy.definitions.attributes), person.zone_info(policy.zone)
    found = []
    for name in names:
        text = person.attribute(name)
        readable = text is not None and typed(text, full_name(name), stated.get(full_name(name)), zone) is not None
        found.append((name, text if readable else None))
    return found


def _value(name: str, value: str) -> str:
    return SOMEBODY if name in OTHERS else quoted(value)


def _exception(exception: AccessException) -> str:
    parts = [f"entitlement: {quoted(exception.subject)}"]
    if exception.until is not None:
        parts.append(f"until: {quoted(exception.until.isoformat())}")
    if exception.outside_policy or exception.break_glass:
        parts.append("outside_policy: true")
    return f"{{{', '.join(parts)}}}"


def _expected(came: Came) -> Iterator[str]:
    for name in EXACTLY:
        found = getattr(came, name)
        if found or name == "granted":
            yield f"      {name}: [{', '.join(map(quoted, sorted(found)))}]"
