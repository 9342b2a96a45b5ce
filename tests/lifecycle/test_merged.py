"""Several sources of the same people: conversions, absences and refused feeds, by what the systems hold afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from jmltui.cache.people import person_by_key
from jmltui.cache.tables import PersonRow
from jmltui.config.places import Places
from jmltui.domain.person import Person, PersonType
from jmltui.errors import SettingsError
from jmltui.lifecycle import requests
from jmltui.lifecycle.opening import open_ended
from jmltui.lifecycle.report import SyncReport
from jmltui.lifecycle.workshop import open_workshop
from tests.conftest import StandingClock
from tests.lifecycle.small_firm import Firm, founded

CONTRACTORS = """\
[sources.contractors]
adapter = "csv"
path = "contractors.csv"
absent = "{absent}"
[sources.contractors.defaults]
type = "contractor"
[sources.contractors.columns]
key = "key"
name = "name"
type = "type"
sponsor = "sponsor"
department = "department"
starts = "starts"
ends = "ends"
[sources.phones]
adapter = "csv"
path = "phones.csv"
[sources.phones.columns]
key = "key"
name = "name"
email = "email"
phone = "phone"
"""
PEOPLE = """\
[people]
stated_by = ["hr", "contractors"]
completed_by = ["phones"]
[people.precedence]
email = ["phones", "hr"]
"""
HEAD = "key,name,type,sponsor,department,starts,ends"


class Merged:
    """The firm with a second source, and who is in it."""

    def __init__(self, firm: Firm) -> None:
        self.firm = firm
        self.rows: dict[str, str] = {f"C{n}": f"Contractor {n},,E1,IT,,2026-12-31" for n in range(1, 13)}
        self.phones: dict[str, str] = {"E2": "ana", "X9": "nobody", **{key: key.lower() for key in self.rows}}

    async def sync(self) -> SyncReport:
        home = self.firm.home
        lines = [HEAD, *(f"{key},{rest}" for key, rest in self.rows.items())]
        (home / "contractors.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        phones = [f"{key},{login},{login}@firm.test,12" for key, login in self.phones.items()]
        (home / "phones.csv").write_text("\n".join(["key,name,email,phone", *phones]) + "\n", encoding="utf-8")
        self.firm.feed()
        return await self.firm.sync()

    def person(self, key: str) -> Person:
        with self.firm.workshop.cache.read() as session:
            found = person_by_key(session, key)
        assert found is not None
        return found

    async def settle(self) -> None:
        """Everything that is open is done."""
        requests.run_all(self.firm.by("ron"))
        await self.firm.work()

    def open(self) -> list[tuple[str, str]]:
        return sorted((case["kind"], case["person_key"]) for case in self.firm.cases())


@pytest.fixture
def cache_lines() -> str:
    """Where the cache is; a module may say elsewhere."""
    return ""


@pytest.fixture
async def merged(private: Path, clock: StandingClock, cache_lines: str) -> AsyncIterator[Merged]:
    """Ten employees and two contractors, all read and provided for."""
    made = Merged(founded(private, clock, CONTRACTORS.format(absent="leaver") + PEOPLE + cache_lines))
    report = await made.sync()
    assert (report.problems, dict(report.opened)) == ({}, {"joiner": 12}), "only the contractors lack something"
    await made.settle()
    assert made.open() == []
    yield made
    await made.firm.workshop.close()


async def test_what_sources_say_of_one_person_is_one_person(merged: Merged) -> None:
    ana = merged.person("E2")
    assert (ana.source, ana.email, ana.attributes["phone"], ana.department) == (
        "hr",
        "ana@firm.test",
        "12",
        "Finance",
    )
    assert merged.person("C1").type is PersonType.CONTRACTOR
    assert merged.firm.holds("c1") == {"Staff", "IT"}, "the login comes from the completing source's address"
    with merged.firm.workshop.cache.read() as session:
        assert person_by_key(session, "X9") is None, "a source that only completes states nobody"


async def test_a_contractor_who_is_hired_keeps_working(merged: Merged) -> None:
    del merged.rows["C1"]
    merged.firm.people.append(("C1", "Contractor 1", "c1", "IT", "E8"))
    report = await merged.sync()
    assert dict(report.opened) == {"rehire": 1}, "the contract's end counts no more"
    await merged.settle()
    assert merged.person("C1").type is PersonType.EMPLOYEE
    assert merged.firm.holds("c1") == {"Staff", "IT"}


async def test_who_is_in_no_source_any_more_is_asked_about_once(merged: Merged) -> None:
    del merged.rows["C1"]
    opened = [(await merged.sync()).opened["leaver"] for _ in range(5)]
    assert opened == [0, 0, 1, 0, 0], "HR is no full list, so three feeds pass first; reading others counts for nothing"
    assert [(case["state"], case["person_key"]) for case in merged.firm.cases()] == [("question", "C1")]
    merged.rows["C1"] = "Contractor 1,,E1,IT,,2026-12-31"
    await merged.sync()
    assert [case for case in merged.firm.cases() if case["state"] == "question"] == [], "back again"


async def test_a_refused_source_takes_nobody_away(merged: Merged) -> None:
    merged.rows = {}
    for _ in range(4):
        report = await merged.sync()
        assert "contractors" in report.problems
        assert dict(report.opened) == {}
    assert merged.person("C1").type is PersonType.CONTRACTOR


async def test_the_next_employment_counts_from_its_day_without_a_feed(merged: Merged) -> None:
    firm = merged.firm
    today = firm.clock().date()
    firm.people.append(("C2", "Contractor 2", "c2", "IT", "E8"))
    merged.rows["C2"] = f"Contractor 2,,E1,Finance,{today + timedelta(days=1)},2026-12-31"
    firm.now_is("C2", ends=str(today))
    report = await merged.sync()
    await merged.settle()
    assert "leaver" not in report.opened, "the contract goes on where the employment ends"
    assert merged.person("C2").type is PersonType.EMPLOYEE
    firm.clock.forward(timedelta(days=1))
    later = SyncReport()
    for source in firm.workshop.settings.sources.values():
        open_ended(firm.workshop, later, source)
    assert dict(later.opened) == {"mover": 1}, "the contract began; nobody left"
    person = merged.person("C2")
    assert (person.type, person.department, person.ends) == (PersonType.CONTRACTOR, "Finance", date(2026, 12, 31))


async def test_nothing_follows_before_every_source_was_read(
    private: Path, clock: StandingClock, cache_lines: str
) -> None:
    made = Merged(founded(private, clock, CONTRACTORS.format(absent="leaver") + PEOPLE + cache_lines))
    made.rows = {}
    report = await made.sync()
    assert dict(report.opened) == {}
    assert any("once contractors was read" in told for told in report.warnings), report.warnings
    made.rows = {"C1": "Contractor 1,,E1,IT,,2026-12-31"}
    assert dict((await made.sync()).opened) == {"joiner": 1}
    await made.firm.workshop.close()


async def test_an_installation_that_begins_to_merge_loses_nobody(
    private: Path, clock: StandingClock, cache_lines: str
) -> None:
    made = Merged(founded(private, clock, CONTRACTORS.format(absent="leaver") + cache_lines))
    firm = made.firm
    made.rows["E2"] = "Ana Analyst,,E1,Finance,,2026-12-31"
    made.phones = {"C1": "c1"}
    await made.sync()
    await made.settle()
    await firm.workshop.close()
    settings = (private / "settings.toml").read_text()
    (private / "settings.toml").write_text(settings + PEOPLE)
    environ = {"JMLTUI_HOME": str(private)}
    firm.workshop = open_workshop(Places.from_environment(environ), "ron", clock, environ)
    made.phones |= {key: key.lower() for key in made.rows} | {"E2": "ana"}
    report = await made.sync()
    assert "leaver" not in report.opened, report.opened
    assert made.person("C1").source == "hr"
    assert made.person("E2").type is PersonType.EMPLOYEE
    await firm.workshop.close()


async def test_between_two_employments_nobody_is_let_in(merged: Merged) -> None:
    firm = merged.firm
    today = firm.clock().date()
    firm.people.append(("C2", "Contractor 2", "c2", "IT", "E8"))
    merged.rows["C2"] = f"Contractor 2,,E1,IT,{today + timedelta(days=28)},2026-12-31"
    firm.now_is("C2", ends=str(today))
    report = await merged.sync()
    assert report.opened["leaver"] == 1
    await merged.settle()
    firm.clock.forward(timedelta(days=1))
    later = SyncReport()
    for source in firm.workshop.settings.sources.values():
        open_ended(firm.workshop, later, source)
    await merged.settle()
    assert firm.holds("c2") == set(), "out in the gap"
    firm.clock.forward(timedelta(days=27))
    again = SyncReport()
    for source in firm.workshop.settings.sources.values():
        open_ended(firm.workshop, again, source)
    assert dict(again.opened) == {"rehire": 1}
    await merged.settle()
    assert firm.holds("c2") == {"Staff", "IT"}


async def test_whoever_is_missing_when_merging_begins_is_asked_about(
    private: Path, clock: StandingClock, cache_lines: str
) -> None:
    made = Merged(founded(private, clock, CONTRACTORS.format(absent="leaver") + cache_lines))
    await made.sync()
    await made.settle()
    made = await begins_to_merge(made, private, clock)
    staff = list(made.firm.people)
    made.firm.people = staff[:4]
    report = await made.sync()
    assert "truncated" in report.problems["hr"], "the guard knows who was there before"
    made.firm.people = staff[:-1]
    opened = [(await made.sync()).opened["leaver"] for _ in range(4)]
    assert opened == [0, 0, 1, 0]
    await made.firm.workshop.close()


async def test_a_leaver_whose_account_comes_with_the_merging_loses_it(
    private: Path, clock: StandingClock, cache_lines: str
) -> None:
    made = Merged(founded(private, clock, CONTRACTORS.format(absent="leaver") + cache_lines))
    made.rows["E2"] = "Ana Analyst,,E1,Finance,,2026-12-31"
    await made.sync()
    await made.settle()
    for case in made.firm.cases():  # a contractor without an address gets no account of their own
        requests.attest(made.firm.by("ron"), case["id"], "by-hand", "an employee has one")
        await made.settle()
    made.firm.now_is("E2", ends=str(clock().date()))
    await made.sync()
    made = await begins_to_merge(made, private, clock)
    del made.rows["E2"]
    await made.sync()
    clock.forward(timedelta(days=1))
    later = SyncReport()
    for source in made.firm.workshop.settings.sources.values():
        open_ended(made.firm.workshop, later, source)
    await made.sync()
    await made.settle()
    assert made.firm.holds("ana") == set()
    with made.firm.workshop.cache.read() as session:
        present = session.exec(select(PersonRow.present).where(PersonRow.key == "E2 (contractors)")).one()
    assert not present, "it stays, so that nobody else gets its number"
    await made.firm.workshop.close()


async def begins_to_merge(made: Merged, home: Path, clock: StandingClock) -> Merged:
    """The same installation, once the settings say that the sources state the same people."""
    await made.firm.workshop.close()
    (home / "settings.toml").write_text((home / "settings.toml").read_text() + PEOPLE)
    environ = {"JMLTUI_HOME": str(home)}
    made.firm.workshop = open_workshop(Places.from_environment(environ), "ron", clock, environ)
    return made


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ('[people]\nstated_by = ["hr", "contractor"]\n', "“contractor” is no source that may stand here."),
        ('[people]\nstated_by = ["hr"]\n', "two sources in all"),
        ('[people]\nstated_by = "hr"\n', "must be a list of names of sources"),
        ('[people]\nstated_by = ["hr", "contractors"]\nfinal = ["phones"]\n', "“phones” is no source"),
        ('[people]\nstated_by = ["hr", "contractors"]\ncompleted_by = ["hr"]\n', "stands in [people] twice"),
        (
            '[people]\nstated_by = ["hr", "contractors"]\n[people.precedence.boss]\nemail = ["hr"]\n',
            "no type of person",
        ),
        ('[people]\nstated_by = ["hr", "contractors"]\nstated = 1\n', "“stated” is not known in [people]."),
    ],
)
def test_settings_that_cannot_be_meant_are_told_with_their_place(
    private: Path, clock: StandingClock, block: str, told: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        founded(private, clock, CONTRACTORS.format(absent="leaver") + block)
    [problem] = [problem for problem in caught.value.problems if told in problem.message]
    assert problem.line > 20
