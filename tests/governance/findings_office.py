"""A company whose mirrors a test fills as it likes, with the findings of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from jmltui.cache import people
from jmltui.cache.staging import staged
from jmltui.cache.tables import FindingRow, JournalRow
from jmltui.config.places import Places
from jmltui.domain.access import Account, AccountState, Entitlement, Grant
from jmltui.domain.person import Person
from jmltui.governance.finding_scan import ScanReport, scan
from jmltui.lifecycle.workshop import Workshop, open_workshop

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
EVER = NOW - timedelta(days=400)

SETTINGS = """\
[company]
name = "Example"
zone = "Europe/Berlin"
[policy]
folder = "policy"
[systems.crm]
adapter = "practice"
accounts = 1
login = "{key|lower}"
[systems.erp]
adapter = "practice"
accounts = 1
login = "{email}"
[systems.attic]
adapter = "practice"
accounts = 1
"""

POLICY = """\
entitlements:
  - {id: crm, system: crm, target: account}
  - {id: sales, system: crm, target: "group:Sales"}
  - {id: enter, system: erp, target: "role:Enter", tier: elevated, approval: true}
  - {id: release, system: erp, target: "role:Release", tier: elevated, approval: true}
  - {id: audit, system: erp, target: "role:Audit"}
  - {id: root, system: erp, target: "role:Root", tier: jit, max_duration: 8h, break_glass: true}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [crm], may_request: [root]}
  - {id: sales, match: {person.department: Sales}, grants: [sales]}
  - {id: payments, match: {person.department: Payments}, grants: [enter]}
  - id: external
    match: {person.type: [contractor, vendor, temp]}
    grants: [crm]
    require: {ends: true, max_contract: 180d, sponsor: true}
    warn_before_end: 14d
separation:
  - id: pay
    any_of: [enter]
    with_any_of: [release]
    severity: block
    reason: one person must not both enter and release a payment
  - {id: look, any_of: [audit], with_any_of: [release, enter], severity: warn, reason: auditors only look}
reviews:
  - {id: dormant, every: 7d, scope: "unused:45d", reviewer: "team:helpdesk", on_no_answer: disable}
break_glass:
  who: ["team:security"]
  max_duration: 2h
  review_within: 1d
teams:
  security: {members: [sam]}
  helpdesk: {members: [ana, bea]}
"""


@dataclass
class MovingClock:
    """A clock that a test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        """Move on."""
        self.now += timedelta(**by)


@dataclass
class Listing:
    """What a system says; `held` are (account id, target)."""

    accounts: list[Account] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)
    indirect: set[tuple[str, str]] = field(default_factory=set)
    privileged: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)


@dataclass
class Office:
    """The company."""

    workshop: Workshop
    clock: MovingClock

    def employ(self, *staff: Person, source: str = "hr") -> None:
        """Let a source say who there is."""
        with self.workshop.cache.write() as session:
            people.replace_people(session, source, staff, self.clock())

    def list_system(self, name: str, listing: Listing, at: datetime | None = None) -> None:
        """Let a system say what it holds, and link what carries a key."""
        at = at or self.clock()
        targets = sorted({target for _, target in listing.held} | listing.privileged | listing.fixed)
        with staged(self.workshop.cache, name) as stage:
            stage.add_accounts(listing.accounts)
            stage.add_entitlements(
                [
                    Entitlement(f"id-{t}", *t.split(":", 1), t in listing.privileged, t not in listing.fixed)
                    for t in targets
                ]
            )
            stage.add_grants(
                [
                    Grant(account, f"id-{t}", (account, t) not in listing.indirect, via(account, t, listing))
                    for account, t in listing.held
                ]
            )
            with stage.write() as session:
                stage.swap(session, at)
                people.correlate(session, name)

    def scan(self) -> ScanReport:
        """Look for what is not as it should be."""
        return scan(self.workshop)

    def findings(self, *states: str) -> dict[str, dict[str, Any]]:
        """Findings by key; those that are open, if no state is named."""
        with self.workshop.cache.read() as session:
            rows = session.scalars(select(FindingRow).order_by(FindingRow.key)).all()
            found = [{**row.model_dump(), "facts": json.loads(row.facts)} for row in rows]
        return {row["key"]: row for row in found if row["state"] in (states or ("open",))}

    def number(self, key: str) -> int:
        """The number of a finding."""
        return int(self.findings("open", "case", "excepted", "gone")[key]["id"])

    def id_of(self, key: str) -> int:
        """The row of a person."""
        with self.workshop.cache.read() as session:
            person = people.person_by_key(session, key)
        assert person is not None
        return person.id

    def journal(self, action: str) -> list[str]:
        """The summaries of one action."""
        with self.workshop.cache.read() as session:
            rows = session.scalars(select(JournalRow).order_by(JournalRow.seq))
            return [row.summary for row in rows if row.action == action]

    def sql(self, statement: str, **values: object) -> None:
        """Change something behind everybody's back."""
        with self.workshop.cache.write() as session:
            session.execute(text(statement), values)

    def close_case(self, number: int) -> None:
        """Bring a case to its end."""
        self.sql("UPDATE jcase SET state='done', live=0 WHERE id=:id", id=number)


def via(account: str, target: str, listing: Listing) -> tuple[str, ...]:
    return ("Outer",) if (account, target) in listing.indirect else ()


def account(number: str, key: str | None = None, **facts: Any) -> Account:
    """An account in use; linked where it carries somebody's key."""
    values: dict[str, Any] = {"login": number, "state": AccountState.ACTIVE, "last_seen": NOW, **facts}
    return Account(id=number, external_id=key, **values)


def person(key: str, name: str = "", **facts: Any) -> Person:
    """An employee whose manager is BOSS."""
    values: dict[str, Any] = {"manager": "BOSS", "email": f"{key.lower()}@x.test", "department": "Stores", **facts}
    return Person(key=key, name=name or f"Somebody {key}", **values)


BOSS = Person(key="BOSS", name="Berta Boss", manager="CHIEF", email="boss@x.test")
CHIEF = Person(key="CHIEF", name="Carla Chief", manager="BOSS", email="chief@x.test")


def open_office(home: Path, *, policy: str = POLICY, cache: str = "", actor: str = "ana") -> Office:
    """An installation in a private folder."""
    (home / "policy").mkdir()
    (home / "policy" / "policy.yaml").write_text(policy)
    (home / "settings.toml").write_text(SETTINGS + (f'[cache]\nurl = "{cache}"\n' if cache else ""))
    environ = {"JMLTUI_HOME": str(home)}
    clock = MovingClock()
    return Office(open_workshop(Places.from_environment(environ), actor, clock, environ), clock)


def keys(found: Iterable[str], kind: str) -> Sequence[str]:
    """The keys of one kind."""
    return [key for key in found if key.startswith(f"{kind}:")]


Make = Callable[..., Office]
