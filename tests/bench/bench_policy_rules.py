"""100 rules over 100,000 people against the same rules as plain Python functions.

Each rule has a `match` and a `when`. No two people are alike, so no answer is remembered from another person. Both
sides say which rules hold for whom; the product makes the assignments with their reasons as well, and what nobody can
tell. What counts is processor time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from jmltui.domain.person import Person, PersonType
from jmltui.policy import load
from tests.bench.measure import Comparison, Stopwatch, peak_megabytes

PEOPLE = 100_000
RULES = 100
NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)

Rule = Callable[[Person], bool]


def kinds(rule: int) -> list[PersonType]:
    """The kinds of people of a rule."""
    return [PersonType.EMPLOYEE, (PersonType.CONTRACTOR, PersonType.GUEST)[rule % 2]]


def departments(rule: int) -> list[str]:
    """The departments of a rule."""
    return [f"Unit {(rule * 7 + n) % 40}" for n in range(3)]


def places(rule: int) -> list[str]:
    """The locations of a rule."""
    return [f"L{(rule + n) % 9}" for n in range(4)]


def day(rule: int) -> date:
    """The day before which a rule asks people to have begun."""
    return date(2010 + rule % 15, 1, 1)


def policy() -> str:
    """The rules as a policy."""
    lines = ["attributes:", "  person.floor: {type: int}", "  device.managed: {type: bool}", "entitlements:"]
    lines += [f'  - {{id: g{n}, system: directory, target: "group:G{n}"}}' for n in range(RULES)]
    lines.append("roles:")
    for rule in range(RULES):
        match = f"{{person.type: [{', '.join(kinds(rule))}], person.department: [{', '.join(departments(rule))}]}}"
        where = ", ".join(f'"{place}"' for place in places(rule))
        when = f"person.location in [{where}] && device.managed && person.floor != {rule % 20} "
        when += f'&& (person.starts < timestamp("{day(rule)}T00:00:00Z") || person.title.startsWith("T{rule % 10}"))'
        lines.append(f"  - {{id: r{rule}, match: {match}, when: '{when}', grants: [g{rule}]}}")
    return "\n".join(lines) + "\n"


def functions() -> list[tuple[str, Rule]]:
    """The same rules, as somebody would write them by hand."""

    def rule(number: int) -> Rule:
        some, named, where = frozenset(kinds(number)), frozenset(departments(number)), frozenset(places(number))
        before, floor, title = day(number), number % 20, f"T{number % 10}"

        def holds(person: Person) -> bool:
            return (
                person.type in some
                and person.department in named
                and person.location in where
                and person.attributes["device.managed"] == "true"
                and int(person.attributes["floor"]) != floor
                and ((person.starts is not None and person.starts < before) or person.title.startswith(title))
            )

        return holds

    return [(f"g{number}", rule(number)) for number in range(RULES)]


def people() -> list[Person]:
    """Everybody different."""
    chance = random.Random(7)
    types = [PersonType.EMPLOYEE, PersonType.EMPLOYEE, PersonType.CONTRACTOR, PersonType.GUEST]
    return [
        Person(
            key=f"P{n}",
            name=f"Person {n}",
            type=chance.choice(types),
            department=f"Unit {chance.randrange(40)}",
            title=f"T{chance.randrange(300)}",
            location=f"L{chance.randrange(9)}",
            starts=date(2005, 1, 1) + timedelta(days=chance.randrange(7500)),
            attributes={"floor": str(chance.randrange(40)), "device.managed": chance.choice(["true", "true", "false"])},
        )
        for n in range(PEOPLE)
    ]


def prepare(folder: str) -> None:
    """Write the policy."""
    (Path(folder) / "policy.yaml").write_text(policy())


def product(folder: str) -> Mapping[str, float]:
    """Which rules hold for everybody by the policy."""
    found, watch, staff = load(Path(folder) / "policy.yaml"), Stopwatch(), people()
    count = 0
    with watch:
        for person in staff:
            count += len(found.roles_of(person, NOW))
    return {"seconds": watch.cpu, "holding": count, "peak MB": peak_megabytes()}


def bare(folder: str) -> Mapping[str, float]:
    """Which rules hold for everybody by the functions."""
    rules, watch, staff = functions(), Stopwatch(), people()
    count = 0
    with watch:
        for person in staff:
            count += len([grant for grant, rule in rules if rule(person)])
    return {"seconds": watch.cpu, "holding": count, "peak MB": peak_megabytes()}


if __name__ == "__main__":
    Comparison(
        f"{RULES} rules over {PEOPLE:,} people, against plain Python functions",
        product,
        bare,
        target=3.0,
        prepare=prepare,
    ).main("tests.bench.bench_policy_rules")
