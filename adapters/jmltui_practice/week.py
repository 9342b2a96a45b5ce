"""What happens in the practice company's week: the people files that follow the first one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from .people import Hiring, Member

FEEDS: Final = 5
"""The first file, two quiet ones in which one person is absent, the week's, and one with a mass of leavers."""

EXPECTED: Final = {"joiner": 7, "rehire": 1, "mover": 5, "leaver": 6 + 1 + 12}
"""Cases per kind once every file was read: of the leavers one is a question and twelve are held by the guard."""


def week(hiring: Hiring, people: list[Member], today: date) -> list[list[Member]]:
    """All files in their order."""
    staff = [person for person in people if person["type"] == "employee"]
    contractors = [person for person in people if person["type"] == "contractor"]
    former = staff[37].changed(status="left", ends=(today - timedelta(days=120)).isoformat(), reason="resigned")
    first = _with(people, [former])
    gone = staff[61]["key"]
    quiet = [person for person in first if person["key"] != gone]
    changes = [_rehired(former, today), *_movers(staff), *_leavers(staff, contractors, today)]
    of_the_week = _with(quiet, changes) + _joiners(hiring, staff, today)
    sold = [p for p in staff[120:] if p["department"] == "Customer Care"][:12]
    mass = [person.changed(status="left", ends=today.isoformat(), reason="department sold") for person in sold]
    return [first, quiet, list(quiet), of_the_week, _with(of_the_week, mass)]


def _with(people: list[Member], changed: list[Member]) -> list[Member]:
    instead = {person["key"]: person for person in changed}
    return [instead.get(person["key"], person) for person in people]


def _day(today: date, days: int) -> str:
    return (today + timedelta(days=days)).isoformat()


def _rehired(former: Member, today: date) -> Member:
    return former.changed(status="active", ends="", reason="", starts=today.isoformat())


def _joiners(hiring: Hiring, staff: list[Member], today: date) -> list[Member]:
    """Two today, one of them without a known laptop, one in ten days, one late, one who needs approvals, a contractor,
    and a guest.
    """
    leads = {person["department"]: person["key"] for person in reversed(staff)}

    def new(kind: str, department: str, days: int, **more: str) -> Member:
        lead = leads[department]
        return hiring.person(kind, department, starts=_day(today, days), manager=lead, **more)

    sponsored = {"sponsor": leads["IT"], "ends": _day(today, 90)}
    return [
        new("employee", "Engineering", 0),
        new("employee", "Sales", 0, device_managed=""),
        new("employee", "Customer Care", 10),
        new("employee", "Logistics", -3),
        new("employee", "Finance", 0, title="Controller"),
        new("contractor", "IT", 0, **sponsored, title="Helpdesk Analyst"),
        new("guest", "IT", 0, **sponsored),
    ]


def _movers(staff: list[Member]) -> list[Member]:
    """Between departments, towns, and into privileged work."""
    by_key = {person["department"]: person["key"] for person in reversed(staff)}
    return [
        staff[40].changed(department="Sales", title="Sales Assistant", manager=by_key["Sales"]),
        staff[42].changed(department="Engineering", title="Test Engineer", manager=by_key["Engineering"]),
        staff[80].changed(department="IT", title="System Administrator", manager=by_key["IT"]),
        staff[84].changed(department="Finance", title="Controller", manager=by_key["Finance"]),
        staff[90].changed(department="People", title="Recruiter", manager=by_key["People"]),
    ]


def _leavers(staff: list[Member], contractors: list[Member], today: date) -> list[Member]:
    """Voluntary today, involuntary at once, late, two ends of contract, a retirement."""
    return [
        staff[50].changed(ends=_day(today, 0), reason="resigned"),
        staff[53].changed(status="left", ends=_day(today, 0), urgent="true", reason="dismissed"),
        staff[56].changed(ends=_day(today, -4), reason="resigned, told late"),
        contractors[5].changed(ends=_day(today, 1), reason="contract end"),
        contractors[9].changed(ends=_day(today, -1), reason="contract cut short"),
        staff[58].changed(ends=_day(today, 30), reason="retirement"),
    ]
