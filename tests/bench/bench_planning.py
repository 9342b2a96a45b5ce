"""Finding what differs for everybody against a bare SQL anti-join, both ways, over the same rows.

Product: the whole of what `jmltui plan --all` does, from the feed's attributes over the policy to lines with reasons.
Bare: two tables of two integers, made beforehand, and two NOT EXISTS queries.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from jmltui.cache import people
from jmltui.cache.staging import staged
from jmltui.config.places import Places
from jmltui.domain.access import Account, AccountState, Entitlement, Grant
from jmltui.domain.person import Person
from jmltui.lifecycle.everyone import Everyone, differences
from jmltui.lifecycle.workshop import Workshop, open_workshop
from tests.bench.measure import Comparison, Stopwatch, peak_megabytes

PEOPLE = 100_000
EACH = 20
GROUPS = 1_000
UNITS = 500
CHANGED = 100
"""One of so many people lacks one entitlement and has another one instead."""

NOW = datetime(2026, 6, 1, tzinfo=UTC)

SETTINGS = """\
[company]
name = "Example"
zone = "UTC"
[policy]
folder = "policy"
[systems.directory]
adapter = "practice"
accounts = 1
"""


def groups_of(unit: int) -> list[int]:
    """The groups that people of a unit should be in."""
    return random.Random(unit).sample(range(GROUPS), EACH)


def policy() -> str:
    """A policy of one role per unit."""
    lines = ["entitlements:"]
    lines += [f'  - {{id: g{n:04}, system: directory, target: "group:Group {n:04}"}}' for n in range(GROUPS)]
    lines.append("roles:")
    for unit in range(UNITS):
        grants = ", ".join(f"g{n:04}" for n in groups_of(unit))
        lines.append(f"  - {{id: unit{unit}, match: {{person.department: Unit {unit}}}, grants: [{grants}]}}")
    return "\n".join(lines) + "\n"


def held(number: int) -> list[int]:
    """The groups that a person is in."""
    groups = groups_of(number % UNITS)
    if number % CHANGED == 0:
        groups[0] = next(n for n in range(GROUPS) if n not in groups)
    return groups


def prepare(folder: str) -> None:
    """Write the installation, its mirrors, and the bare tables."""
    home = Path(folder)
    home.chmod(0o700)
    (home / "policy").mkdir()
    (home / "policy" / "policy.yaml").write_text(policy())
    (home / "settings.toml").write_text(SETTINGS)
    workshop = opened(folder)
    staff = [
        Person(key=f"P{n:06}", name=f"Person {n}", email=f"p{n}@x.test", department=f"Unit {n % UNITS}")
        for n in range(PEOPLE)
    ]
    with workshop.cache.write() as session:
        people.replace_people(session, "hr", staff, NOW)
    with staged(workshop.cache, "directory") as stage:
        for start in range(0, PEOPLE, 1000):
            numbers = range(start, start + 1000)
            active = AccountState.ACTIVE
            stage.add_accounts([Account(f"a{n:06}", f"p{n}", active, external_id=f"P{n:06}") for n in numbers])
        stage.add_entitlements([Entitlement(f"e{n:04}", "group", f"Group {n:04}") for n in range(GROUPS)])
        for start in range(0, PEOPLE, 1000):
            stage.add_grants([Grant(f"a{n:06}", f"e{g:04}") for n in range(start, start + 1000) for g in held(n)])
        with stage.write() as session:
            stage.swap(session, NOW)
            people.correlate(session, "directory")
    with workshop.cache.read() as session:
        assert session.execute(text("SELECT count(*) FROM held")).scalar() == PEOPLE * EACH
    workshop.cache.close()
    _bare_tables(home / "bare.sqlite")


def _bare_tables(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        for table in ("due", "held"):
            connection.execute(
                f"CREATE TABLE {table} (person INTEGER, entitlement INTEGER, PRIMARY KEY (person, entitlement))"
                " WITHOUT ROWID"
            )
        due: Iterator[tuple[int, int]] = ((n, g) for n in range(PEOPLE) for g in sorted(groups_of(n % UNITS)))
        connection.executemany("INSERT INTO due VALUES (?, ?)", due)
        connection.executemany(
            "INSERT INTO held VALUES (?, ?)", ((n, g) for n in range(PEOPLE) for g in sorted(held(n)))
        )
    connection.close()


def opened(folder: str) -> Workshop:
    """The installation."""
    environ = {"JMLTUI_HOME": folder}
    return open_workshop(Places.from_environment(environ), "bench", lambda: NOW, environ)


def product(folder: str) -> Mapping[str, float]:
    """Plan for everybody."""
    workshop, watch, counts, kinds = opened(folder), Stopwatch(), Everyone(), Counter[str]()
    before = peak_megabytes()
    with watch:
        for difference in differences(workshop, counts):
            kinds.update(line.kind.value for line in difference.lines)
    workshop.cache.close()
    expected = PEOPLE // CHANGED
    assert counts.people == PEOPLE, counts
    assert kinds == {"add": expected, "remove": expected}, kinds
    return {"seconds": watch.wall, "peak MB": peak_megabytes(), "MB before": before}


def bare(folder: str) -> Mapping[str, float]:
    """Anti-join both ways."""
    connection, watch = sqlite3.connect(Path(folder) / "bare.sqlite"), Stopwatch()
    found = []
    with watch:
        for one, other in (("due", "held"), ("held", "due")):
            rows = connection.execute(
                f"SELECT person, entitlement FROM {one} a WHERE NOT EXISTS"
                f" (SELECT 1 FROM {other} b WHERE b.person = a.person AND b.entitlement = a.entitlement)"
            )
            found.append(sum(1 for _ in rows))
    connection.close()
    assert found == [PEOPLE // CHANGED] * 2, found
    return {"seconds": watch.wall, "peak MB": peak_megabytes()}


if __name__ == "__main__":
    Comparison(
        f"Planning {PEOPLE:,} people with {EACH} entitlements each, against a bare anti-join both ways",
        product,
        bare,
        target=1.5,
        rounds=5,
        prepare=prepare,
        limits={"peak MB": 200},
    ).main("tests.bench.bench_planning")
