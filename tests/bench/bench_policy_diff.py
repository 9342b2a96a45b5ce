"""`jmltui policy diff` over everybody against planning for the same people.

Both read the same cache. In the new policy one unit in ten has one entitlement instead of another: ten thousand people
lose one and gain one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jmltui.lifecycle.everyone import Everyone, differences
from jmltui.lifecycle.policy_diff import PersonChange, compare_policies
from jmltui.policy import load
from tests.bench import bench_planning as company
from tests.bench.measure import Comparison, Stopwatch, peak_megabytes

TOUCHED = 10
"""One of so many units changes."""


def changed() -> str:
    """The new policy."""
    lines = company.policy().splitlines()
    for unit in range(0, company.UNITS, TOUCHED):
        groups = company.groups_of(unit)
        instead = next(n for n in range(company.GROUPS) if n not in groups and n != company.GROUPS - 1)
        start = f"  - {{id: unit{unit}, "
        at = next(number for number, line in enumerate(lines) if line.startswith(start))
        lines[at] = lines[at].replace(f"g{groups[5]:04}", f"g{instead:04}")
    return "\n".join(lines) + "\n"


def prepare(folder: str) -> None:
    """The company of the planning benchmark, and another policy for it."""
    company.prepare(folder)
    (Path(folder) / "new.yaml").write_text(changed())


def product(folder: str) -> Mapping[str, float]:
    """Load the new policy and compare, everybody named."""
    workshop, watch = company.opened(folder), Stopwatch()
    told: list[PersonChange] = []
    with watch:
        found = compare_policies(workshop, workshop.policy, load(Path(folder) / "new.yaml"), told.append)
    workshop.cache.close()
    expected = company.PEOPLE // TOUCHED
    assert found.people == company.PEOPLE
    assert len(told) == found.affected == expected, found.affected
    assert 0.95 * expected <= found.losses <= expected, found.losses
    assert found.held_by
    return {"seconds": watch.wall, "peak MB": peak_megabytes()}


def bare(folder: str) -> Mapping[str, float]:
    """Plan for everybody by the policy in force."""
    workshop, watch = company.opened(folder), Stopwatch()
    with watch:
        lines = sum(len(found.lines) for found in differences(workshop, Everyone()))
    workshop.cache.close()
    assert lines == 2 * company.PEOPLE // company.CHANGED
    return {"seconds": watch.wall, "peak MB": peak_megabytes()}


if __name__ == "__main__":
    Comparison(
        f"Comparing two policies over {company.PEOPLE:,} people with {company.EACH} entitlements each, "
        "against planning for them",
        product,
        bare,
        target=4.0,
        prepare=prepare,
        limits={"peak MB": 1024},
    ).main("tests.bench.bench_policy_diff")
