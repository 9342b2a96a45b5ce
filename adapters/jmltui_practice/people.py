"""The people of the practice company: the same every time, with names of many scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Final

DEVICE: Final = "device_managed"
"""The column that says whether a person's laptop is managed."""

COLUMNS: Final = (
    "key",
    "name",
    "type",
    "status",
    "email",
    "department",
    "title",
    "location",
    "manager",
    "sponsor",
    "owner",
    "zone",
    "starts",
    "ends",
    "urgent",
    "reason",
    DEVICE,
)

DEPARTMENTS: Final = {
    "Engineering": ("Software Engineer", "Site Reliability Engineer", "Test Engineer"),
    "Production": ("Machine Operator", "Shift Lead", "Quality Inspector"),
    "Sales": ("Account Executive", "Sales Assistant"),
    "Finance": ("Accountant", "Controller"),
    "People": ("People Partner", "Recruiter"),
    "IT": ("Helpdesk Analyst", "System Administrator"),
    "Customer Care": ("Care Agent", "Care Lead"),
    "Logistics": ("Dispatcher", "Warehouse Clerk"),
}
LOCATIONS: Final = {"Berlin": "Europe/Berlin", "Porto": "Europe/Lisbon", "Toronto": "America/Toronto"}

_FIRST: Final = (
    ("Anna", "anna"), ("José", "jose"), ("Zoë", "zoe"), ("Łukasz", "lukasz"), ("Søren", "soren"), ("Aïcha", "aicha"),
    ("Ольга", "olga"),
    ("Дмитро", "dmytro"), ("Νίκος", "nikos"), ("Ελένη", "eleni"), ("محمد", "mohammed"),
    ("فاطمة", "fatima"), ("דוד", "david"), ("美咲", "misaki"), ("健", "ken"), ("伟", "wei"), ("지훈", "jihoon"),
    ("प्रिया", "priya"), ("அருண்", "arun"), ("สมชาย", "somchai"), ("Nguyễn", "nguyen"), ("Siobhán", "siobhan"),
    ("Chloé", "chloe"), ("Jürgen", "juergen"), ("Maria", "maria"), ("Tom", "tom"), ("Grace", "grace"), ("Ade", "ade"),
)  # fmt: skip
_LAST: Final = (
    ("Müller", "mueller"), ("O'Brien", "obrien"), ("García López", "garcia"), ("Nowak", "nowak"),
    ("Иванова", "ivanova"),
    ("Шевченко", "shevchenko"), ("Παπαδόπουλος", "papadopoulos"), ("الحسن", "alhassan"), ("כהן", "cohen"),
    ("田中", "tanaka"), ("佐藤", "sato"), ("王", "wang"), ("김", "kim"), ("शर्मा", "sharma"), ("Văn Đức", "vanduc"),
    ("Ó Súilleabháin", "osullivan"), ("Dupont", "dupont"), ("Jensen", "jensen"), ("Okafor", "okafor"),
    ("Silva", "silva"),
    ("Smith", "smith"), ("Yılmaz", "yilmaz"), ("Kovács", "kovacs"), ("Novák", "novak"), ("Lindström", "lindstroem"),
)  # fmt: skip

EMPLOYEES: Final = 340
CONTRACTORS: Final = 28
TEMPS: Final = 10
VENDORS: Final = 6
GUESTS: Final = 4
SERVICES: Final = 8
SHARED: Final = 4

AMISS: Final[Mapping[str, Mapping[str, str]]] = {
    "E1064": {"manager": ""},
    "E1146": {"status": "leave"},
    "E1352": {"ends": ""},
    "E1354": {"sponsor": ""},
    "E1391": {"owner": "E1051"},
    "E1393": {"owner": ""},
}
"""What is amiss in the people file, or about to be: nobody's, endless and unsponsored ones, and an owner who leaves."""


@dataclass(slots=True)
class Member:
    """One row of the company's people file, every value as text."""

    values: dict[str, str] = field(default_factory=lambda: dict.fromkeys(COLUMNS, ""))

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def changed(self, **values: str) -> Member:
        """The same person, otherwise."""
        return Member({**self.values, **values})

    @property
    def login(self) -> str:
        """The part of the address before the at sign."""
        return self.values["email"].partition("@")[0]


class Hiring:
    """Makes people, one after the other, from a seed."""

    def __init__(self, today: date) -> None:
        self._random = Random(7)  # noqa: S311  names for practice, not secrets
        self._today = today
        self._logins: dict[str, int] = {}
        self._number = 1000

    def everybody(self) -> list[Member]:
        """The whole company as it was before this week."""
        places = list(DEPARTMENTS)
        leads: dict[str, Member] = {}
        people: list[Member] = []
        for number in range(EMPLOYEES):
            department = places[number % len(places)]
            manager = leads[department]["key"] if number >= len(places) else people[0]["key"] if number else ""
            person = self.person("employee", department, manager=manager)
            leads.setdefault(department, person)
            people.append(person)
        leads_in_turn = [leads[place] for place in places]
        for kind, count in (("contractor", CONTRACTORS), ("temp", TEMPS), ("vendor", VENDORS), ("guest", GUESTS)):
            for number in range(count):
                lead = leads_in_turn[number % len(places)]
                person = self.person(kind, lead["department"], manager=lead["key"], sponsor=lead["key"])
                people.append(person.changed(**self._contract(kind, number)))
        for kind, count, stem in (("service", SERVICES, "svc"), ("shared", SHARED, "team")):
            for number in range(count):
                people.append(self._thing(kind, stem, leads_in_turn[number % len(places)]))
        return [person.changed(**AMISS.get(person["key"], {})) for person in people]

    def _contract(self, kind: str, number: int) -> dict[str, str]:
        """First and last day of somebody from outside: one contract ends soon, one is longer than any may be."""
        begun, left = 30 + 11 * number, 60 + 9 * number
        if kind == "temp" and number == 3:
            left = 10
        if kind == "contractor" and number == 20:
            begun = 1900
        days = {"starts": -begun, "ends": left}
        return {name: (self._today + timedelta(days=count)).isoformat() for name, count in days.items()}

    def person(self, kind: str, department: str, **more: str) -> Member:
        """One person of flesh and blood."""
        (first, plain_first), (last, plain_last) = self._random.choice(_FIRST), self._random.choice(_LAST)
        location = self._random.choice(list(LOCATIONS))
        title = self._random.choice(DEPARTMENTS[department])
        starts = self._today - timedelta(days=self._random.randint(90, 3000))
        member = Member().changed(
            key=self._key(), name=f"{first} {last}", type=kind, status="active",
            email=f"{self._login(f'{plain_first}.{plain_last}')}@example.test", department=department,
            title=title, location=location, zone=LOCATIONS[location], starts=starts.isoformat(),
            device_managed=self._device(kind),
        )  # fmt: skip
        return member.changed(**more)

    def _device(self, kind: str) -> str:
        """Whether the laptop is managed, as the people file has it: of some nobody knows."""
        if kind in ("vendor", "guest") or self._number % 19 == 7:
            return "false"
        return "" if self._number % 23 == 5 else "true"

    def _thing(self, kind: str, stem: str, owner: Member) -> Member:
        purpose = owner["department"].casefold().replace(" ", "-")
        login = self._login(f"{stem}-{purpose}")
        name = f"{owner['department']} {'interface' if kind == 'service' else 'mailbox'} {login}"
        return Member().changed(
            key=self._key(), name=name, type=kind, status="active", email=f"{login}@example.test",
            department=owner["department"], title=kind, location=owner["location"], zone=owner["zone"],
            owner=owner["key"], starts=(self._today - timedelta(days=400)).isoformat(),
        )  # fmt: skip

    def _key(self) -> str:
        self._number += 1
        return f"E{self._number}"

    def _login(self, wanted: str) -> str:
        self._logins[wanted] = count = self._logins.get(wanted, 0) + 1
        return wanted if count == 1 else f"{wanted}{count}"
