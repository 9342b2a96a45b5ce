"""A firm of eleven people on two practice systems, with the whole policy of requests, approvals and emergencies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from jmltui.cache import actions
from jmltui.cache.reading import pending_cases, whole_case
from jmltui.cache.tables import ExceptionRow, JournalRow
from jmltui.config.places import Places
from jmltui.lifecycle.report import SyncReport
from jmltui.lifecycle.sync import sync
from jmltui.lifecycle.workshop import Workshop, open_workshop
from jmltui.policy import load
from jmltui.worker.runner import LocalRunner
from jmltui_practice.store import connect, writing
from tests.conftest import StandingClock

SETTINGS = """\
[company]
name = "Small firm"
zone = "UTC"
[policy]
folder = "policy"
[sources.hr]
adapter = "csv"
path = "people.csv"
absent = "ask"
[sources.hr.columns]
key = "key"
name = "name"
email = "email"
type = "type"
department = "department"
manager = "manager"
ends = "ends"
[systems.directory]
adapter = "practice"
file = "systems.sqlite"
login = "{email|before_at}"
[systems.erp]
adapter = "practice"
file = "systems.sqlite"
login = "{email|before_at}"
"""

POLICY = """\
version: 1
entitlements:
  - {id: staff, system: directory, target: "group:Staff"}
  - {id: finance, system: directory, target: "group:Finance"}
  - {id: it, system: directory, target: "group:IT"}
  - {id: reports, system: directory, target: "group:Reports", tier: elevated, approval: false}
  - {id: prod-admin, system: directory, target: "group:Production", tier: jit, approval: security-two,
     max_duration: 8h, break_glass: true, privileged: true}
  - {id: pay-create, system: erp, target: "role:AP_CREATE", tier: elevated, approval: finance-approvers,
     max_duration: 30d}
  - {id: pay-release, system: erp, target: "role:AP_RELEASE", tier: elevated, approval: finance-approvers}
  - {id: audit-read, system: erp, target: "role:AUDIT", tier: elevated, approval: owner-agrees}
  - {id: audit-note, system: erp, target: "role:AUDIT_NOTE", tier: elevated, approval: true}
roles:
  - {id: everybody, match: {person.type: [employee, contractor]}, grants: [staff]}
  - {id: finance, match: {person.department: Finance}, grants: [finance],
     may_request: [pay-create, pay-release, reports, audit-note]}
  - {id: it, match: {person.department: IT}, grants: [it], may_request: [prod-admin, audit-read]}
  - {id: external, match: {person.type: contractor}, grants: [], require: {ends: true}}
separation:
  - {id: create-release, any_of: [pay-create], with_any_of: [pay-release], severity: block,
     reason: one person must not both enter and release a payment}
  - {id: reports-audit, any_of: [reports], with_any_of: [audit-read], severity: warn,
     reason: who audits should not write reports}
teams:
  controllers: [bo, cy]
  security: [sam, sue, su]
  directors: {group: root}
system_owners: {erp: "user:ola", directory: "team:security"}
approvals:
  - id: finance-approvers
    steps:
      - {any: 1, from: [manager]}
      - {any: 1, from: [team:controllers], fallback: [team:security], fallback_after: 8h}
    expires_after: 3d
  - {id: security-two, steps: [{any: 2, from: [team:security]}], expires_after: 1h}
  - {id: owner-agrees, steps: [{any: 1, from: [system-owner]}]}
  - {id: manager-only, steps: [{any: 1, from: [manager]}]}
break_glass:
  who: [team:security, "user:max"]
  max_duration: 2h
  review_within: 1d
  tell: [group:audit]
procedures:
  - id: mover
    title: Mover
    owner: group:helpdesk
    fallback_owner: group:it
    target: 2d
    together: true
    overlap: {max: 14d, approval: manager-only}
    steps:
      - {id: remove, do: entitlements.remove, title: Take away}
      - {id: grant, do: entitlements.apply, title: Grant}
      - {id: verify, do: access.verify, title: Read back, needs: [remove, grant]}
"""

PEOPLE = [
    ("E1", "Lea Lead", "lea", "Finance", ""),
    ("E2", "Ana Analyst", "ana", "Finance", "E1"),
    ("E3", "Bo Control", "bo", "Control", ""),
    ("E4", "Cy Control", "cy", "Control", ""),
    ("E5", "Sam Secure", "sam", "Security", ""),
    ("E6", "Sue Secure", "sue", "Security", ""),
    ("E7", "Max Machine", "max", "IT", "E8"),
    ("E8", "Ida Lead", "ida", "IT", ""),
    ("E9", "Ola Owner", "ola", "ERP", ""),
    ("E10", "Ron Requester", "ron", "Helpdesk", ""),
]
ENTITLEMENTS = [
    ("directory", "group", "Staff"), ("directory", "group", "Finance"), ("directory", "group", "IT"),
    ("directory", "group", "Reports"), ("directory", "group", "Production"), ("erp", "role", "AP_CREATE"),
    ("erp", "role", "AP_RELEASE"), ("erp", "role", "AUDIT"), ("erp", "role", "AUDIT_NOTE"),
]  # fmt: skip


@dataclass
class Firm:
    """The installation, and what its people do with it."""

    home: Path
    workshop: Workshop
    clock: StandingClock
    people: list[tuple[str, ...]] = field(default_factory=lambda: [*PEOPLE])

    def by(self, actor: str) -> Workshop:
        """The workshop in somebody's hands."""
        w = self.workshop
        return Workshop(w.cache, w.settings, w.policy, w.clock, actor, w.adapters)

    def feed(self) -> None:
        """Write the people file."""
        rows = []
        for person in self.people:
            key, name, login, department, manager, kind, ends = (*person, *("employee", "")[len(person) - 5 :])
            rows.append(f"{key},{name},{login}@firm.test,{kind},{department},{manager},{ends}")
        text = "\n".join(["key,name,email,type,department,manager,ends", *rows]) + "\n"
        (self.home / "people.csv").write_text(text, encoding="utf-8")

    def now_is(self, key: str, **changed: str) -> None:
        """Let the source say something else of a person: department, manager, kind or ends."""
        names = ("key", "name", "login", "department", "manager", "kind", "ends")
        for number, person in enumerate(self.people):
            if person[0] == key:
                values = dict(zip(names, (*person, *("employee", "")[len(person) - 5 :]), strict=True))
                self.people[number] = tuple((values | changed).values())
        self.feed()

    def rewrite_policy(self, old: str, new: str) -> None:
        """Edit the policy file; whoever opens it from now on reads it so."""
        file = self.home / "policy" / "policy.yaml"
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def take_over_policy(self) -> None:
        """Let this process work by the policy as its file says now."""
        self.workshop.policy = load(self.home / "policy", "UTC")

    async def sync(self) -> SyncReport:
        """Read everything."""
        return await sync(self.by("jmltui"), lambda _: None)

    async def work(self, seconds: float = 30) -> None:
        """Be the worker until nothing moves without a person."""
        runner = LocalRunner(self.by("worker"), idle=None)
        task = asyncio.create_task(runner.run())
        try:
            async with asyncio.timeout(seconds):
                while not task.done():
                    with self.workshop.cache.read() as session:
                        now = self.workshop.clock()
                        left, later = actions.work_left(session, now)
                        stopped = actions.stopped_systems(session)
                    if (not left or stopped or (later and later - now > timedelta(minutes=5))) and not runner.busy:
                        break
                    await asyncio.sleep(0.02)
        finally:
            runner.stop.set()
            await task

    def cases(self) -> list[dict[str, Any]]:
        """Pending cases."""
        with self.workshop.cache.read() as session:
            return pending_cases(session, None, "", 1000)

    def case(self, number: int) -> dict[str, Any]:
        """One case, whole."""
        with self.workshop.cache.read() as session:
            return whole_case(session, number)

    def step(self, number: int, key: str) -> dict[str, Any]:
        """One step of a case."""
        return next(step for step in self.case(number)["steps"] if step["key"] == key)

    def exceptions(self) -> list[ExceptionRow]:
        """Every exception there ever was."""
        with self.workshop.cache.read() as session:
            return [
                ExceptionRow(**row.model_dump())
                for row in session.exec(select(ExceptionRow).order_by(col(ExceptionRow.id)))
            ]

    def journal(self, action: str) -> list[dict[str, Any]]:
        """The entries of one kind, as they are hashed."""
        with self.workshop.cache.read() as session:
            rows = session.exec(
                select(JournalRow).where(col(JournalRow.action) == action).order_by(col(JournalRow.seq))
            )
            return [json.loads(row.entry) for row in rows]

    def holds(self, login: str) -> set[str]:
        """What the systems themselves say that a login holds."""
        with closing(connect(self.home / "systems.sqlite")) as link:
            rows = link.execute(
                "SELECT e.name FROM held h JOIN account a ON a.system = h.system AND a.id = h.account_id "
                "JOIN entitlement e ON e.system = h.system AND e.id = h.entitlement_id WHERE a.folded = ?",
                (login,),
            )
            return {name for (name,) in rows}

    def give(self, login: str, name: str) -> None:
        """Let an account hold something, behind the back of jmltui."""
        with closing(connect(self.home / "systems.sqlite")) as link, writing(link):
            link.execute(
                "INSERT INTO held (system, account_id, entitlement_id) SELECT e.system, a.id, e.id FROM entitlement e "
                "JOIN account a ON a.system = e.system WHERE a.folded = ? AND e.name = ?",
                (login, name),
            )


def founded(home: Path, clock: StandingClock, cache: str = "") -> Firm:
    """Write the firm: everybody has what their roles give, in both systems. `cache` are lines of the settings."""
    (home / "policy").mkdir()
    (home / "policy" / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (home / "settings.toml").write_text(SETTINGS + cache, encoding="utf-8")
    given = {"Finance": "Finance", "IT": "IT"}
    with closing(connect(home / "systems.sqlite", create=True)) as link, writing(link):
        for system, kind, name in ENTITLEMENTS:
            link.execute(
                "INSERT INTO entitlement (system, id, kind, name) VALUES (?, ?, ?, ?)", (system, name, kind, name)
            )
        for key, name, login, department, _ in PEOPLE:
            _account(link, "directory", key, login, name)
            for group in filter(None, ("Staff", given.get(department))):
                link.execute("INSERT INTO held (system, account_id, entitlement_id) VALUES ('directory', ?, ?)",
                             (login, group))  # fmt: skip
        _account(link, "directory", "E6", "su", "Sue Secure, second account")
    environ = {"JMLTUI_HOME": str(home)}
    workshop = open_workshop(Places.from_environment(environ), "ron", clock, environ)
    firm = Firm(home, workshop, clock)
    firm.feed()
    return firm


def _account(link: Any, system: str, key: str, login: str, name: str) -> None:
    link.execute(
        "INSERT INTO account (system, id, login, folded, state, email, external_id, display) "
        "VALUES (?, ?, ?, ?, 'active', ?, ?, ?)",
        (system, login, login, login, f"{login}@firm.test", key, name),
    )


@pytest.fixture
async def firm(private: Path, clock: StandingClock) -> AsyncIterator[Firm]:
    """The firm, read for the first time: nothing is pending."""
    made = founded(private, clock)
    report = await made.sync()
    assert not report.opened
    assert not report.problems
    yield made
    await made.workshop.close()
