"""What a sync tells: to the log, the command line and `--json`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class BatchReport:
    """A batch that waits for a person."""

    id: int
    source: str
    absents: int
    held: int
    reason: str


@dataclass
class SyncReport:
    """What a sync did: people read, cases opened and planned anew, batches that wait, what went wrong where."""

    opened: Counter[str] = field(default_factory=Counter)
    batches: list[BatchReport] = field(default_factory=list)
    people: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    systems: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    replanned: int = 0
    warnings: list[str] = field(default_factory=list)
    findings: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        batches = [vars(batch) for batch in self.batches]
        return {**vars(self), "opened": dict(self.opened), "batches": batches}
