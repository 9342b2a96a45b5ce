"""What happens by the clock alone: days and hours that come, ends that are reached, late steps, scans and reviews."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jmltui.lifecycle.report import SyncReport
from jmltui.lifecycle.workshop import Workshop

MINUTE: Final = timedelta(minutes=1)
ENDS: Final = "end dates"
FINDINGS: Final = "findings scan"
WINDOWS: Final = "access windows"


@dataclass(frozen=True, slots=True)
class Chore:
    """One thing to do every so often. `at` says when the next time is, where that is not `every` after the last.

    `ends_access` for what waits while our clock cannot be trusted.
    """

    do: Callable[[Workshop, SyncReport], None]
    every: timedelta = MINUTE
    at: Callable[[Workshop, datetime], datetime | None] | None = None
    ends_access: bool = False

    def next(self, workshop: Workshop, began: datetime) -> datetime:
        """When it is to be done again: `every` counts from now, anything else from when it was begun."""
        found = self.at(workshop, began) if self.at is not None else None
        return found or workshop.clock() + self.every


def _end_dates(workshop: Workshop, report: SyncReport) -> None:
    from jmltui.lifecycle.opening import open_ended
    from jmltui.lifecycle.replan import replan_outdated

    for source in workshop.settings.sources.values():
        open_ended(workshop, report, source)
    report.replanned += replan_outdated(workshop)


def _exceptions(workshop: Workshop, report: SyncReport) -> None:
    from jmltui.lifecycle import expiry

    ended = expiry.end_reached(workshop) + expiry.end_unfounded(workshop)
    if ended:
        report.opened["expiry"] += ended


def _windows(workshop: Workshop, report: SyncReport) -> None:
    from jmltui.lifecycle import windows
    from jmltui.lifecycle.replan import replan_outdated

    turned = windows.turn(workshop)
    if turned:
        report.opened["expiry"] += turned
    report.replanned += replan_outdated(workshop)


def _next_window(workshop: Workshop, began: datetime) -> datetime | None:
    from jmltui.lifecycle import windows

    return windows.next_edge(workshop, began)


def _late_steps(workshop: Workshop, report: SyncReport) -> None:
    del report
    from jmltui.lifecycle.escalation import escalate

    escalate(workshop)


def _findings(workshop: Workshop, report: SyncReport) -> None:
    del report
    from jmltui.governance.findings import scan

    scan(workshop)


def _reviews(workshop: Workshop, report: SyncReport) -> None:
    del report
    from jmltui.governance import reviews

    reviews.close_due(workshop)
    reviews.open_due(workshop)


CHORES: Final[Mapping[str, Chore]] = {
    ENDS: Chore(_end_dates, ends_access=True),
    "ended exceptions": Chore(_exceptions, ends_access=True),
    WINDOWS: Chore(_windows, timedelta(hours=1), _next_window, ends_access=True),
    "late steps": Chore(_late_steps),
    FINDINGS: Chore(_findings, timedelta(hours=1)),
    "access reviews": Chore(_reviews, timedelta(minutes=15)),
}
"""By name; no source or system can have such a name, which holds a space."""
