"""The practice company's policy is good and its tests pass; what is amiss in the company is what is meant to be."""

from __future__ import annotations

import csv
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jmltui.config.places import Places
from jmltui.governance.findings import scan
from jmltui.governance.reviews import open_campaign
from jmltui.lifecycle import windows
from jmltui.lifecycle.sync import sync
from jmltui.lifecycle.workshop import open_workshop
from jmltui.policy import load
from jmltui.policy.fixture_reader import read_tests
from jmltui.policy.fixtures import outcome
from jmltui.policy.lint import lint
from jmltui_practice import company
from tests.conftest import StandingClock

SUNDAY_NIGHT = datetime(2026, 6, 7, 23, 0, tzinfo=UTC)


@pytest.fixture
def folder(private: Path, clock: StandingClock) -> Path:
    company.create(private, clock)
    return private


def test_nothing_is_wrong_with_the_policy(folder: Path) -> None:
    report = lint(folder / "policy", ["directory", "mail", "vpn", "erp", "chat", "doors"])
    assert report.policy is not None
    assert report.errors == ()
    assert [warning.message.partition(" and ")[0] for warning in report.warnings] == [
        "The worker grants “remote-desktop”"
    ], "only that windows need the worker"


def test_its_own_tests_pass(folder: Path) -> None:
    policy = load(folder / "policy")
    tests = read_tests(policy, folder / "policy")
    assert len(tests) >= 10
    assert [outcome(policy, test).differences for test in tests] == [()] * len(tests)


def test_who_approves_is_there_all_week(folder: Path) -> None:
    feeds = [folder / company.PEOPLE_FILE, *sorted((folder / company.COMING).iterdir())]
    teams = load(folder / "policy").definitions.teams
    wanted = {login for team in teams.values() for login in team.members}
    assert len(wanted) > 10
    for feed in feeds:
        with feed.open(encoding="utf-8") as file:
            here = {
                row["email"].partition("@")[0]
                for row in csv.DictReader(file)
                if (row["type"], row["status"], row["ends"]) == ("employee", "active", "")
            }
        assert wanted <= here, feed.name


def test_who_writes_the_company_is_of_its_helpdesk(private: Path, clock: StandingClock) -> None:
    company.create(private, clock, "ana")
    assert load(private / "policy").definitions.teams["helpdesk"].members == ("ana", "tom.vanduc", "wei.tanaka")


@pytest.mark.parametrize("now", [None, SUNDAY_NIGHT])
async def test_what_is_amiss_is_found_at_any_hour_and_nothing_else(
    private: Path, clock: StandingClock, now: datetime | None
) -> None:
    clock.now = now or clock.now
    company.create(private, clock)
    workshop = open_workshop(Places(private, private), "ana", clock, {})
    try:
        report = await sync(workshop, lambda _: None)
        assert (dict(report.opened), report.problems) == ({}, {})
        assert windows.turn(workshop) == 0, "everybody holds what the windows of this hour say"
        found = Counter({kind: counts.open for kind, counts in scan(workshop).kinds.items()})
        assert found == {
            "orphan": 4,
            "dormant": 5,
            "not_due": 1,
            "unexplained": 10,
            "separation": 1,
            "ownerless": 1,
            "no_manager": 2,
            "ending": 1,
            "requirement": 3,
        }
        assert [open_campaign(workshop, rule) for rule in workshop.policy.definitions.reviews] == [1, 2, 3]
    finally:
        await workshop.close()


def test_it_is_written_in_no_time(private: Path, clock: StandingClock) -> None:
    before = time.process_time()
    company.create(private, clock)
    assert time.process_time() - before < 30
