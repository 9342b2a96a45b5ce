"""Exceptions: what somebody may have, or may be left with, until an instant, because somebody else agreed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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

    `until` is None where it ends only when somebody ends it.
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

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.state is ExceptionState.ACTIVE and (self.until is None or now < self.until)
