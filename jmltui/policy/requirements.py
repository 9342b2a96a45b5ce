"""What a role requires of the people it matches: an end, a sponsor, a contract that is not too long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jmltui.domain.duration import format_duration
from jmltui.domain.person import Person

from .model import PolicyRole

NO_END: Final = "end-date-missing"
TOO_LONG: Final = "contract-too-long"
NO_SPONSOR: Final = "sponsor-missing"


@dataclass(frozen=True, slots=True)
class PersonProblem:
    """Why nothing new is given to a person: what a role requires and the source does not state."""

    code: str
    sentence: str
    role: str
    place: str


def problems(roles: Iterable[PolicyRole], person: Person, at: datetime) -> tuple[PersonProblem, ...]:
    """What the roles that match a person require and the person has not."""
    found: list[PersonProblem] = []
    for role in roles:
        require = role.require
        if require is None:
            continue
        if require.ends and person.last_day is None:
            found.append(_problem(role, NO_END, f"the role {role.id} requires a last day, and the source states none"))
        if require.max_contract is not None and person.last_day is not None:
            begins = person.starts or at.date()
            if person.last_day - begins > require.max_contract:
                longest = format_duration(require.max_contract)
                told = f"from {begins} to {person.ends} is longer than the {longest} that the role {role.id} allows"
                found.append(_problem(role, TOO_LONG, told))
        if require.sponsor and not person.sponsor:
            told = f"the role {role.id} requires a sponsor, and the source states none"
            found.append(_problem(role, NO_SPONSOR, told))
    return tuple(found)


def warns(roles: Iterable[PolicyRole], person: Person, at: datetime, zone: str) -> datetime | None:
    """When the person's access ends, if a role asks to be warned of it by now; else None."""
    ends = person.access_ends(zone)
    if ends is None or ends <= at:
        return None
    longest = max((role.warn_before_end or timedelta(0) for role in roles), default=timedelta(0))
    return ends if longest and ends - at <= longest else None


def _problem(role: PolicyRole, code: str, sentence: str) -> PersonProblem:
    return PersonProblem(code, sentence, role.id, role.place)
