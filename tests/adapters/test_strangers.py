"""Adapters of strangers beside ours: told by package and version, and a broken one troubles nobody but itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from jmltui import plugins
from jmltui.cache import actions, systems
from jmltui.cache.tables import ActionRow
from jmltui.cli import main
from jmltui.config.places import Places
from jmltui.lifecycle import requests
from jmltui.lifecycle.doctor import WRONG, examine
from jmltui.ui.screens.systems import detail_lines
from tests.conftest import StandingClock
from tests.lifecycle.small_firm import founded
from tests.servers.stranger import SOUND

Installs = Callable[..., None]

SYSTEM = '[systems.odd]\nadapter = "odd"\nlogin = "{email|before_at}"\n'
NEVER_AWAITED = "ignore::pytest.PytestUnraisableExceptionWarning"
"""Python says so of a stranger's `async def` that should have been a generator."""
SOURCE = '[sources.odd]\nadapter = "odd"\n'


def method(text: str) -> str:
    """More lines of the class."""
    return "\n" + "\n".join(f"    {line}" for line in text.splitlines()) + "\n"


CANNOT_BE_HAD = {
    "import": {"instead": "import acme_lost_this_module\n"},
    "exit": {"instead": "import sys\nsys.exit('no licence')\n"},
    "syntax": {"instead": "def Odd(:\n"},
    "missing": {"instead": "Other = 1\n"},
    "no class": {"instead": "Odd = 'a text'\n"},
    "options": {"added": method("OPTIONS = ['place']")},
    "kind": {"added": method("kind = 7")},
    "init": {"added": method("def __init__(self, setup):\n    raise KeyError('place')")},
}
BREAKS = {
    "capabilities": "def capabilities(self):\n    raise RuntimeError('kaput')",
    "capabilities None": "def capabilities(self):\n    return None",
    "capabilities garbage": "def capabilities(self):\n    return {Cap.LIST_ACCOUNTS: 'yes'}",
    "open": "async def open(self):\n    return 1 / 0",
    "open and close": "async def open(self):\n    return 1 / 0\nasync def close(self):\n    raise OSError('gone')",
    "accounts raise": "async def accounts(self, query):\n    yield Page([self.account()])\n    raise KeyError('next')",
    "accounts of numbers": "async def accounts(self, query):\n    yield Page([42])",
    "accounts no page": "async def accounts(self, query):\n    yield [self.account()]",
    "accounts no stream": "async def accounts(self, query):\n    return [self.account()]",
    "accounts of mappings": "async def accounts(self, query):\n    yield Page([Account({}, {}, 'odd', 7)])",
    "grants of texts": "async def grants(self, query):\n    yield Page(['g'])",
    "close": "async def grants(self, query):\n    yield Page(['g'])\nasync def close(self):\n    raise OSError('gone')",
}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", NEVER_AWAITED)
@pytest.mark.parametrize("what", [*CANNOT_BE_HAD, *BREAKS])
async def test_a_broken_system_is_its_own_problem(
    private: Path, clock: StandingClock, installs: Installs, what: str
) -> None:
    installs(**CANNOT_BE_HAD[what]) if what in CANNOT_BE_HAD else installs(method(BREAKS[what]))
    firm = founded(private, clock, SYSTEM)
    firm.people.append(("E11", "New Comer", "new", "IT", "E8"))
    firm.feed()
    report = await firm.sync()
    assert report.problems.keys() == {"odd"}
    assert report.systems.keys() == {"directory", "erp"}
    assert dict(report.opened) == {"joiner": 1}, "the others are read and planned for"
    with firm.workshop.cache.read() as session:
        row = next(row for row in systems.systems(session) if row["name"] == "odd")
    assert (row["kind"], row["state"]) == ("odd", "error")
    assert str(row["error"])
    entry = firm.journal("system.sync-failed")[0]
    assert entry["system"] == "odd"
    if what in BREAKS and what != "accounts no page":
        assert "Traceback" in entry["facts"]["traceback"]
    await firm.workshop.close()


GARBAGE = {
    "a text": "yield 'S1,Stranger One'",
    "None": "yield None",
    "a number as key": "yield Person(key=1, name='Stranger')",
    "a text as date": "yield Person(key='S1', name='Stranger', ends='2026-01-01')",
    "a text as status": "yield Person(key='S1', name='Stranger', status='active')",
    "attributes that are no texts": "yield Person(key='S1', name='Stranger', attributes={'cost': 7})",
    "an error": "yield Person(key='S1', name='Stranger')\n    raise IndexError('no more')",
    "no stream": "return []",
}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited", NEVER_AWAITED)
@pytest.mark.parametrize("what", GARBAGE)
async def test_a_broken_source_is_its_own_problem(
    private: Path, clock: StandingClock, installs: Installs, what: str
) -> None:
    installs(method(f"async def people(self):\n    {GARBAGE[what]}"))
    firm = founded(private, clock, SOURCE)
    report = await firm.sync()
    assert report.problems.keys() == {"odd"}
    assert dict(report.people) == {"hr": 10}
    await firm.workshop.close()


async def test_a_source_whose_adapter_cannot_be_had_is_its_own_problem(
    private: Path, clock: StandingClock, installs: Installs
) -> None:
    installs(instead="import acme_lost_this_module\n")
    firm = founded(private, clock, SOURCE)
    report = await firm.sync()
    assert "acme_lost_this_module" in report.problems["odd"]
    assert dict(report.people) == {"hr": 10}
    await firm.workshop.close()


async def test_a_sound_source_of_a_stranger_is_read(private: Path, clock: StandingClock, installs: Installs) -> None:
    installs()
    firm = founded(private, clock, SOURCE)
    report = await firm.sync()
    assert (report.problems, report.people["odd"]) == ({}, 1)
    await firm.workshop.close()


LEAVING = {
    "sound": "",
    "verify": "async def verify(self, step):\n    return len(None)",
    "verify garbage": "async def verify(self, step):\n    return 'confirmed'",
    "disable": "async def disable(self, account_id):\n    raise ValueError('what now')",
    "disable garbage": "async def disable(self, account_id):\n    return True",
    "read": "async def read(self, account_id):\n    return {}['login']",
}


@pytest.mark.parametrize("what", LEAVING)
async def test_a_worker_goes_on_beside_a_broken_adapter(
    private: Path, clock: StandingClock, installs: Installs, what: str
) -> None:
    installs(method(LEAVING[what]))
    firm = founded(private, clock, SYSTEM)
    file = private / "policy" / "policy.yaml"
    leaver = (
        "  - id: leaver\n    title: Leaver\n    owner: group:helpdesk\n    fallback_owner: group:it\n    target: 1d\n"
        "    steps:\n      - {id: disable, do: account.disable, title: Disable}\n"
    )
    file.write_text(file.read_text(encoding="utf-8") + leaver, encoding="utf-8")
    firm.take_over_policy()
    await firm.sync()
    firm.now_is("E2", ends="2026-05-29")
    report = await firm.sync()
    assert report.opened["leaver"] == 1
    requests.run_all(firm.by("ron"))
    await firm.work()
    with firm.workshop.cache.read() as session:
        stopped = actions.stopped_systems(session)
        rows = session.exec(select(ActionRow).where(col(ActionRow.operation) == "disable")).all()
        states = {row.system: row.state for row in rows}
    assert states["directory"] == "confirmed"
    if what == "sound":
        assert (stopped, states["odd"]) == ({}, "confirmed")
    else:
        assert "its adapter broke" in stopped["odd"]
        assert states["odd"] == "unknown", "nobody knows what it did"
    await firm.workshop.close()


async def test_an_adapter_that_breaks_when_it_is_opened_stops_its_system_alone(
    private: Path, clock: StandingClock, installs: Installs
) -> None:
    installs(method("broken = False\nasync def open(self):\n    if type(self).broken:\n        raise TypeError('no')"))
    firm = founded(private, clock, SYSTEM)
    file = private / "policy" / "policy.yaml"
    leaver = (
        "  - id: leaver\n    title: Leaver\n    owner: group:helpdesk\n    fallback_owner: group:it\n    target: 1d\n"
        "    steps:\n      - {id: disable, do: account.disable, title: Disable}\n"
    )
    file.write_text(file.read_text(encoding="utf-8") + leaver, encoding="utf-8")
    firm.take_over_policy()
    await firm.sync()
    firm.now_is("E2", ends="2026-05-29")
    await firm.sync()
    odd: Any = plugins.load("odd")
    odd.broken = True
    await firm.workshop.adapters.forget("odd")
    requests.run_all(firm.by("ron"))
    await firm.work()
    with firm.workshop.cache.read() as session:
        stopped = actions.stopped_systems(session)
    assert "its adapter broke when it was opened (TypeError: no)" in stopped["odd"]
    assert odd.active is True
    odd.broken = False
    with firm.workshop.cache.write() as session:
        actions.go_on(session, "odd", "ron", clock())
    await firm.work()
    assert odd.active is False, "it is done once a person let the system go on"
    await firm.workshop.close()


@pytest.mark.parametrize("what", [*CANNOT_BE_HAD, "open", "check", "check garbage"])
async def test_doctor_says_what_is_wrong_with_it(
    private: Path, clock: StandingClock, installs: Installs, what: str
) -> None:
    checks = {
        "check": "async def check(self):\n    raise AttributeError('nothing')",
        "check garbage": "async def check(self):\n    return 'well'",
    }
    installs(**CANNOT_BE_HAD[what]) if what in CANNOT_BE_HAD else installs(method((BREAKS | checks)[what]))
    firm = founded(private, clock, SYSTEM)
    places = Places.from_environment({"JMLTUI_HOME": str(private)})
    found = {one.subject: one for one in await examine(places, {}, clock)}
    assert found["odd"].level == WRONG
    assert "odd" in found["odd"].sentence
    assert found["directory"].level != WRONG
    await firm.workshop.close()


def test_adapters_are_listed_with_package_and_version(installs: Installs, capsys: pytest.CaptureFixture[str]) -> None:
    installs()
    assert main(["adapters", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["adapters"]}
    assert (rows["odd"]["version"], rows["odd"]["package"], rows["odd"]["error"]) == ("1.2", "acme-jmltui", "")
    assert rows["odd"]["exercised_against"] == "nothing real"
    assert rows["scim"]["package"] == "jmltui"


@pytest.mark.parametrize("what", [name for name in CANNOT_BE_HAD if name != "init"])
def test_a_broken_adapter_is_a_row_with_its_error(
    installs: Installs, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    installs(**CANNOT_BE_HAD[what])
    assert main(["adapters", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["adapters"]}
    assert "“odd” of acme-jmltui" in rows["odd"]["error"]
    assert rows["scim"]["error"] == ""


def test_systems_tell_whose_adapter_they_have(
    private: Path, clock: StandingClock, installs: Installs, capsys: pytest.CaptureFixture[str]
) -> None:
    installs()
    firm = founded(private, clock, SYSTEM)

    async def read() -> None:
        assert (await firm.sync()).problems == {}
        await firm.workshop.close()

    asyncio.run(read())
    assert main(["systems", "--home", str(private)]) == 0
    told = capsys.readouterr().out
    assert "odd (acme-jmltui 1.2)" in told
    assert "practice (" not in told


def test_the_systems_screen_tells_whose_adapter_it_is(installs: Installs) -> None:
    installs()
    system = {"kind": "odd", "stopped": False, "error": "", "wait_until": None, "waiting": {}, "seconds": 0.1}
    system |= {"entitlements": 1, "exercised_against": "nothing real", "capabilities": {}}
    shown = "\n".join(line.text for line in detail_lines(system, 120))
    assert "Its adapter odd is of the package acme-jmltui 1.2, not of jmltui." in shown
    ours = "\n".join(line.text for line in detail_lines(system | {"kind": "scim"}, 120))
    assert "of the package" not in ours


def test_the_sound_adapter_is_a_module_of_its_own() -> None:
    compile(SOUND, "acme_jmltui.py", "exec")
