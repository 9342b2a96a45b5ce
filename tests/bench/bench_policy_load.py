"""Loading and linting a policy of 2,000 roles against PyYAML's own C loader reading the same file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from jmltui.policy.lint import lint
from tests.bench.measure import Comparison, Stopwatch, peak_megabytes

ROLES = 2_000
ENTITLEMENTS = 1_000
EACH = 5


def policy() -> str:
    """A policy with matchers, and with a condition in every fourth role."""
    lines = ["attributes:", "  person.floor: {type: int}", "entitlements:"]
    lines += [f'  - {{id: g{n:04}, system: directory, target: "group:Group {n:04}"}}' for n in range(ENTITLEMENTS)]
    lines.append("roles:")
    for role in range(ROLES):
        grants = ", ".join(f"g{(role * EACH + n) % ENTITLEMENTS:04}" for n in range(EACH))
        match = (
            f"{{person.department: Unit {role % 400}, person.type: [employee, contractor], person.title: Title {role}}}"
        )
        lines += [f"  - id: role{role}", f"    match: {match}"]
        if role % 4 == 0:
            condition = f'person.location in ["DE", "NO", "S{role % 50}"] && !(person.floor > {role % 30})'
            lines.append(f"    when: '{condition}'")
        lines.append(f"    grants: [{grants}]")
    return "\n".join(lines) + "\n"


def prepare(folder: str) -> None:
    """Write the file."""
    (Path(folder) / "policy.yaml").write_text(policy())


def product(folder: str) -> Mapping[str, float]:
    """Read strictly, check everything, compile, and look for what is allowed and still wrong."""
    watch = Stopwatch()
    with watch:
        report = lint(Path(folder) / "policy.yaml")
    assert report.policy is not None
    assert len(report.policy.roles) == ROLES
    assert not report.errors
    return {"seconds": watch.wall, "peak MB": peak_megabytes()}


def bare(folder: str) -> Mapping[str, float]:
    """Into plain dictionaries."""
    watch = Stopwatch()
    with watch:
        found = yaml.load((Path(folder) / "policy.yaml").read_bytes(), yaml.CSafeLoader)
    assert len(found["roles"]) == ROLES
    return {"seconds": watch.wall, "peak MB": peak_megabytes()}


if __name__ == "__main__":
    Comparison(
        f"Loading and linting a policy of {ROLES:,} roles, against PyYAML's C loader",
        product,
        bare,
        target=10.0,
        rounds=5,
        prepare=prepare,
    ).main("tests.bench.bench_policy_load")
