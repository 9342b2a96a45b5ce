"""A works of a few people on six practice systems, whose policy a test states, and whose clock a test moves."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jmltui.cache import actions
from jmltui.cache.reading import pending_cases, whole_case
from jmltui.config.places import Places
from jmltui.lifecycle.report import SyncReport
from jmltui.lifecycle.sync import sync
from jmltui.lifecycle.workshop import Workshop, open_workshop
from jmltui.policy import load
from jmltui.worker.runner import LocalRunner
from jmltui.worker.schedule import Schedule
from jmltui_practice.store import connect, writing
from tests.conftest import StandingClock

COLUMNS = (
    "key", "name", "type", "status", "email", "department", "title", "location", "manager", "sponsor", "owner", "zone",
    "starts", "ends", "urgent", "risk",
)  # fmt: skip
SYSTEMS = ("directory", "vpn", "erp", "remote", "chat", "mail")
PROFILES = {"remote": "directory"}

SETTINGS = "\n".join(
    [
        "[company]",
        'name = "Works"',
        'zone = "Europe/Berlin"',
        "[policy]",
        'folder = "policy"',
        "[sources.hr]",
        'adapter = "csv"',
        'path = "people.csv"',
        'absent = "ask"',
        "[sources.hr.columns]",
        *(f'{name} = "{name}"' for name in COLUMNS),
        *(
            f'[systems.{name}]\nadapter = "practice"\nfile = "systems.sqlite"\nlogin = "{{key|lower}}"\n'
            f'profile = "{PROFILES.get(name, name)}"'
            for name in SYSTEMS
        ),
        "",
    ]
)


@dataclass
class Works:
    """The installation, and what happens to it."""

    home: Path
    workshop: Workshop
    clock: StandingClock
    people: dict[str, dict[str, str]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    schedule: Schedule | None = None

    # ---- the source

    def person(self, key: str, name: str, **values: str) -> None:
        """Let the source state a person, or say something else of one."""
        before = self.people.get(key, {"type": "employee", "status": "active"})
        self.people[key] = {**before, "key": key, "name": name or before.get("name", ""), **values}
        self.feed()

    def without(self, key: str) -> None:
        """Let the source state a person no more."""
        del self.people[key]
        self.feed()

    def feed(self) -> None:
        """Write the people file."""
        rows = [",".join(one.get(column, "") for column in COLUMNS) for one in self.people.values()]
        file = self.home / "people.csv"
        file.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n", encoding="utf-8")
        os.utime(file, (self.clock().timestamp(),) * 2)

    def policy_is(self, text: str) -> None:
        """Edit the policy file, and let this process work by it."""
        (self.home / "policy" / "policy.yaml").write_text(text, encoding="utf-8")
        self.workshop.policy = load(self.home / "policy", "Europe/Berlin")
        self.restart()

    # ---- the systems

    def entitlement(self, system: str, target: str) -> None:
        """Let a system have something to hold, `kind:name`."""
        kind, _, name = target.partition(":")
        self._write(
            "INSERT INTO entitlement (system, id, kind, name) VALUES (?, ?, ?, ?)", (system, name.lower(), kind, name)
        )

    def account(
        self, system: str, login: str, key: str = "", *groups: str, kind: str = "person", state: str = "active"
    ) -> None:
        """Let a system have an account, with what it holds, behind the back of jmltui."""
        self._write(
            "INSERT INTO account (system, id, login, folded, state, external_id, display, kind) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (system, f"{system}-{login}", login, login, state, key or None, login, kind),
        )
        for group in groups:
            self.give(system, login, group)

    def give(self, system: str, login: str, group: str) -> None:
        """Let an account hold something more."""
        self._write(
            "INSERT INTO held (system, account_id, entitlement_id) SELECT ?, id, ? FROM account "
            "WHERE system = ? AND folded = ?",
            (system, group.lower(), system, login),
        )

    def session(self, system: str, login: str, number: str) -> None:
        """Let somebody be signed in."""
        self._write(
            "INSERT INTO session (system, id, account_id) SELECT ?, ?, id FROM account WHERE system = ? AND folded = ?",
            (system, number, system, login),
        )

    def credential(self, system: str, login: str, number: str, kind: str) -> None:
        """Let an account have a secret."""
        self._write(
            "INSERT INTO credential (system, id, account_id, kind) SELECT ?, ?, id, ? FROM account "
            "WHERE system = ? AND folded = ?",
            (system, number, kind, system, login),
        )

    def phone(self, system: str, login: str, name: str) -> str:
        """Let an account have a device; its id."""
        number = f"device:{name}".lower()
        statement = (
            "INSERT OR IGNORE INTO entitlement (system, id, kind, name, grantable) VALUES (?, ?, 'device', ?, 0)"
        )
        self._write(statement, (system, number, name))
        self.give(system, login, number)
        return number

    def phone_passed_on(self, system: str, name: str, login: str) -> None:
        """Let somebody else have a device, behind the back of jmltui."""
        self._write("DELETE FROM held WHERE system = ? AND entitlement_id = ?", (system, f"device:{name}".lower()))
        self.phone(system, login, name)

    def sessions(self, system: str) -> list[str]:
        """Who is signed in there, by the number of the session."""
        return [row[0] for row in self._read("SELECT id FROM session WHERE system = ? ORDER BY id", (system,))]

    def holds(self, login: str) -> set[str]:
        """What the systems themselves say that a login holds, as `system/Name`."""
        rows = self._read(
            "SELECT h.system || '/' || e.name FROM held h JOIN account a ON a.system = h.system AND a.id = h.account_id"
            " JOIN entitlement e ON e.system = h.system AND e.id = h.entitlement_id WHERE a.folded = ?",
            (login,),
        )
        return {row[0] for row in rows}

    def states(self, login: str) -> dict[str, str]:
        """The state of every account of a login, by system."""
        return {row[0]: row[1] for row in self._read("SELECT system, state FROM account WHERE folded = ?", (login,))}

    def happened(self, login: str = "", system: str = "") -> list[str]:
        """What was done to the systems, in order, as `grant Desk`; of one login or one system where it is named."""
        rows = self._read(
            "SELECT e.what, coalesce(t.name, ''), a.folded, e.system FROM event e "
            "LEFT JOIN entitlement t ON t.system = e.system AND t.id = e.target "
            "LEFT JOIN account a ON a.system = e.system AND a.id = e.account_id ORDER BY e.seq",
            (),
        )
        return [f"{r[0]} {r[1]}".strip() for r in rows if login in ("", r[2]) and system in ("", r[3])]

    def _write(self, statement: str, values: tuple[object, ...]) -> None:
        with closing(connect(self.home / "systems.sqlite")) as link, writing(link):
            link.execute(statement, values)

    def _read(self, statement: str, values: tuple[object, ...]) -> list[Any]:
        with closing(connect(self.home / "systems.sqlite")) as link:
            return link.execute(statement, values).fetchall()

    # ---- jmltui

    def by(self, actor: str) -> Workshop:
        """The workshop in somebody's hands."""
        w = self.workshop
        return Workshop(w.cache, w.settings, w.policy, w.clock, actor, w.adapters)

    def at(self, moment: datetime) -> None:
        """Let the clock stand at a moment."""
        self.clock.now = moment

    async def sync(self) -> SyncReport:
        """Read everything, from a people file that is written just now."""
        self.feed()
        report = await sync(self.by("jmltui"), lambda _: None)
        assert not report.problems
        return report

    def restart(self) -> None:
        """Let another worker go on."""
        self.schedule = None

    async def tick(self) -> SyncReport:
        """Do what the worker does by the clock now, then everything that it carries out."""
        if self.schedule is None:
            self.schedule = Schedule(self.by("worker"), self.said.append)
        report = await self.schedule.tick()
        await self.work()
        return report

    async def work(self, seconds: float = 30) -> None:
        """Be the worker until nothing moves without a person."""
        runner = LocalRunner(self.by("worker"), idle=None, say=self.said.append)
        task = asyncio.create_task(runner.run())
        try:
            async with asyncio.timeout(seconds):
                while not task.done():
                    with self.workshop.cache.read() as session:
                        now = self.workshop.clock()
                        left, later = actions.work_left(session, now)
                        stopped = actions.stopped_systems(session)
                    if (not left or stopped or later is not None) and not runner.busy:
                        break
                    await asyncio.sleep(0.02)
        finally:
            runner.stop.set()
            await task

    def cases(self, kind: str = "", key: str = "") -> list[dict[str, Any]]:
        """Pending cases."""
        with self.workshop.cache.read() as session:
            found = pending_cases(session, kind or None, "", 1000)
        return [case for case in found if key in ("", case["person_key"])]

    def only(self, kind: str = "", key: str = "") -> int:
        """The number of the one pending case of a kind."""
        (case,) = self.cases(kind, key)
        return int(case["id"])

    def case(self, number: int) -> dict[str, Any]:
        """One case, whole."""
        with self.workshop.cache.read() as session:
            return whole_case(session, number)

    def step(self, number: int, key: str) -> dict[str, Any]:
        """One step of a case."""
        return next(step for step in self.case(number)["steps"] if step["key"] == key)

    def steps(self, number: int) -> dict[str, str]:
        """The states of the steps of a case."""
        return {step["key"]: step["state"] for step in self.case(number)["steps"]}


def founded(home: Path, clock: StandingClock, policy: str, targets: Mapping[str, list[str]], cache: str = "") -> Works:
    """Write an installation without people. `targets` are what each system has to hold, `kind:name`."""
    (home / "policy").mkdir()
    (home / "policy" / "policy.yaml").write_text(policy, encoding="utf-8")
    (home / "settings.toml").write_text(SETTINGS + cache, encoding="utf-8")
    connect(home / "systems.sqlite", create=True).close()
    environ = {"JMLTUI_HOME": str(home)}
    works = Works(home, open_workshop(Places.from_environment(environ), "ron", clock, environ), clock)
    for system, names in targets.items():
        for name in names:
            works.entitlement(system, name)
    return works
