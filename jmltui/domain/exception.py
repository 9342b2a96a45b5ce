"""Exceptions: what somebody may have, or may be left with, until an instant, because somebody else agreed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

ENDING: Final = timedelta(minutes=10)
"""How long after its end an exception may still be held: the worker is taking it back."""


class ExceptionKind(StrEnum):
    """`access`: an entitlement is due to the person. `separation`: a rule may be broken. `finding`: it is accepted."""

    ACCESS = "access"
    SEPARATION = "separation"
    FINDING = "finding"


class ExceptionState(StrEnum):
    """`asked` until its case is approved, then `active` until its end."""

    ASKED = "asked"
    ACTIVE = "active"
    ENDED = "ended"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AccessException:
    """One exception. `subject` is the id of an entitlement or of a separation rule, or the key of a finding.

    `until` is None where it ends only when somebody ends it. `outside_policy`: no role let the person ask for it.
    `system` and `target` are those of the entitlement as it was asked for, "" for anything else.
    """

    id: int
    kind: ExceptionKind
    person_id: int
    subject: str
    reason: str
    requested_by: str
    approved_by: str
    state: ExceptionState
    asked_at: datetime
    until: datetime | None
    case_id: int = 0
    break_glass: bool = False
    outside_policy: bool = False
    system: str = ""
    target: str = ""

    @property
    def keeps_meanwhile(self) -> bool:
        """Whether nothing is taken away for as long as it is asked for: the overlap of a move, whose end is fixed."""
        return self.kind is ExceptionKind.ACCESS and self.state is ExceptionState.ASKED and self.until is not None

    def is_ending(self, now: datetime) -> bool:
        """Whether its time was over only just now, so that what it gave is about to be taken back by itself."""
        is_access = self.kind is ExceptionKind.ACCESS and self.state is ExceptionState.ACTIVE
        return is_access and self.until is not None and self.until <= now < self.until + ENDING

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.state is ExceptionState.ACTIVE and (self.until is None or now < self.until)
