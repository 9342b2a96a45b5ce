"""A small company whose access is reviewed: mirrors in a real cache, practice systems behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlmodel import Session, col

from jmltui.cache import people, systems
from jmltui.cache.journal import verify
from jmltui.cache.staging import staged
from jmltui.cache.tables import CampaignRow, CaseRow, JournalRow, LineRow, ReviewItemRow
from jmltui.config.places import Places
from jmltui.domain.access import Account, AccountState, Entitlement, Grant
from jmltui.domain.person import Person, PersonStatus, PersonType
from jmltui.lifecycle.workshop import Workshop, open_workshop
from tests.conftest import StandingClock

SETTINGS = """\
[company]
name = "Example"
zone = "Europe/Berlin"
[policy]
folder = "policy"
[systems.crm]
adapter = "practice"
accounts = 1
[systems.vault]
adapter = "practice"
accounts = 1
"""

POLICY = """\
entitlements:
  - {id: staff, system: crm, target: "group:Staff"}
  - {id: sales, system: crm, target: "group:Sales"}
  - {id: export, system: crm, target: "permission:Export", tier: elevated, approval: true}
  - {id: admin, system: vault, target: "role:Admin", tier: jit, privileged: true, approval: true, max_duration: 8h}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff]}
  - {id: sales, match: {person.department: Sales}, grants: [sales], may_request: [export]}
teams:
  helpdesk: [bob]
  security: [sue]
system_owners: {vault: "user:carl"}
"""

REVIEWS = """\
reviews:
  - {id: quarterly, every: 90d, scope: all, reviewer: manager, fallback: "team:security", on_no_answer: %s,
     answer_within: 14d}
"""

ENTITLEMENTS = {
    "crm": (
        Entitlement("g1", "group", "Staff"),
        Entitlement("g2", "group", "Sales"),
        Entitlement("g3", "group", "Choir"),
        Entitlement("g4", "permission", "Export"),
    ),
    "vault": (Entitlement("v1", "role", "Admin", privileged=True),),
}

DAY = timedelta(days=1)
T = TypeVar("T")


@dataclass
class Company:
    """The installation, its clock, and what somebody would look at."""

    home: Path
    workshop: Workshop
    clock: StandingClock
    staff: list[Person] = field(default_factory=list)
    listings: dict[str, tuple[list[Account], list[Grant]]] = field(default_factory=dict)

    def by(self, actor: str) -> Workshop:
        """The same workshop in somebody else's hands."""
        w = self.workshop
        return Workshop(w.cache, w.settings, w.policy, w.clock, actor, w.adapters)

    def read(self) -> None:
        """Take over people and systems as they are now."""
        cache, now = self.workshop.cache, self.clock()
        with cache.write() as session:
            people.replace_people(session, "hr", self.staff, now)
        for name, (accounts, grants) in self.listings.items():
            with staged(cache, name) as stage:
                stage.add_accounts(accounts)
                stage.add_entitlements(ENTITLEMENTS[name])
                stage.add_grants(grants)
                with stage.write() as session:
                    counts = stage.swap(session, now)
                    people.correlate(session, name)
                    found = dict(zip(("accounts", "entitlements", "grants"), counts, strict=True))
                    systems.system_state(session, name, state="good", last_good=now, **found)

    def hire(self, key: str, login: str, *, seen: datetime | None = None, **facts: Any) -> Person:
        """Somebody with an account on crm; read afterwards."""
        person = Person(key=key, name=facts.pop("name", f"Person {key}"), **facts)
        self.staff.append(person)
        self.account("crm", f"a-{key}", login, external_id=key, last_seen=seen)
        return person

    def account(self, system: str, account_id: str, login: str, **facts: Any) -> None:
        """One account more."""
        facts.setdefault("state", AccountState.ACTIVE)
        self.listings[system][0].append(Account(account_id, login, **facts))

    def grant(self, system: str, account_id: str, *entitlements: str, direct: bool = True) -> None:
        """What an account holds more."""
        self.listings[system][1].extend(Grant(account_id, each, direct) for each in entitlements)

    def ungrant(self, system: str, account_id: str, entitlement: str) -> None:
        """What an account holds no more."""
        held = self.listings[system][1]
        held[:] = [g for g in held if (g.account_id, g.entitlement_id) != (account_id, entitlement)]

    def policy(self, reviews: str) -> None:
        """Review by other rules from now on."""
        self.policy_text(POLICY + reviews)

    def policy_text(self, text: str) -> None:
        """Work by another policy from now on."""
        (self.home / "policy" / "policy.yaml").write_text(text)
        made = _opened(self.home, self.clock)
        made.cache.close()
        self.workshop.policy = made.policy

    def items(self, campaign: int) -> list[ReviewItemRow]:
        """What a campaign asks, in its order."""
        with self.workshop.cache.read() as session:
            query = select(ReviewItemRow).where(col(ReviewItemRow.campaign_id) == campaign)
            return _kept(session, session.scalars(query.order_by(col(ReviewItemRow.seq))))

    def item(self, campaign: int, login: str, target: str) -> ReviewItemRow:
        """The item about one login and target."""
        [found] = [i for i in self.items(campaign) if (i.login, i.target) == (login, target)]
        return found

    def answers(self, campaign: int) -> dict[tuple[str, str], tuple[str, str, bool]]:
        """Answer, who gave it and whether nobody did, by login and target."""
        return {(i.login, i.target): (i.decision, i.decided_by, i.by_default) for i in self.items(campaign)}

    def campaign(self, number: int) -> CampaignRow:
        """One campaign."""
        with self.workshop.cache.read() as session:
            [found] = _kept(session, session.scalars(select(CampaignRow).where(col(CampaignRow.id) == number)))
            return found

    def cases(self) -> list[CaseRow]:
        """Every case."""
        with self.workshop.cache.read() as session:
            return _kept(session, session.scalars(select(CaseRow).order_by(col(CaseRow.id))))

    def removals(self, case: int) -> set[tuple[str, str, str, str]]:
        """(operation, system, login, target) of what a case does."""
        with self.workshop.cache.read() as session:
            lines = session.scalars(select(LineRow).where(col(LineRow.case_id) == case))
            return {(line.operation, line.system, line.login, line.target) for line in lines}

    def journal(self, action: str) -> list[JournalRow]:
        """The entries of a kind; the chain holds."""
        with self.workshop.cache.read() as session:
            assert verify(session).first_bad is None
            return _kept(session, session.scalars(select(JournalRow).where(col(JournalRow.action) == action)))

    def time_is_over(self, number: int) -> None:
        """Let the time that a campaign gives its reviewers pass."""
        self.clock.now = self.campaign(number).due_at

    def count(self, table: str) -> int:
        """How many rows a table has."""
        with self.workshop.cache.read() as session:
            return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def _kept(session: Session, found: Iterable[T]) -> list[T]:
    """The rows, readable after their session."""
    rows = list(found)
    session.expunge_all()
    return rows


def _opened(home: Path, clock: StandingClock) -> Workshop:
    environ = {"JMLTUI_HOME": str(home)}
    return open_workshop(Places.from_environment(environ), "ana", clock, environ)


def company(home: Path, clock: StandingClock, reviews: str, settings: str = "") -> Company:
    """Three people of Sales under a manager, a service account, one account of nobody; read once."""
    (home / "policy").mkdir()
    (home / "policy" / "policy.yaml").write_text(POLICY + reviews)
    (home / "settings.toml").write_text(SETTINGS + settings)
    made = Company(home, _opened(home, clock), clock, listings={"crm": ([], []), "vault": ([], [])})
    lately, long_ago = clock() - DAY, clock() - 60 * DAY
    made.hire("M1", "mia", department="Sales", seen=lately, name="Mia Manager")
    made.hire("E1", "eve", department="Sales", manager="M1", seen=lately, name="Eve")
    made.hire("E2", "egon", department="Sales", manager="M1", seen=long_ago, name="Egon")
    made.hire("E3", "ella", department="IT", title="Clerk", manager="GONE", seen=lately, name="Ella")
    made.hire("X1", "xaver", type=PersonType.VENDOR, sponsor="M1", ends=date(2027, 1, 1), seen=lately, name="Xaver")
    made.staff.append(Person(key="GONE", name="Gone", status=PersonStatus.LEFT))
    made.staff.append(Person(key="S1", name="Backup", type=PersonType.SERVICE, owner="M1"))
    made.account("vault", "svc", "svc-backup", external_id="S1", kind="service")
    made.account("crm", "nobody", "old-import")
    for key in ("M1", "E1", "E2", "E3"):
        made.grant("crm", f"a-{key}", "g1")
    for key in ("M1", "E1", "E2"):
        made.grant("crm", f"a-{key}", "g2")
    made.grant("crm", "a-E2", "g3", "g4")
    made.grant("crm", "nobody", "g3")
    made.grant("vault", "svc", "v1")
    made.read()
    return made


def rules(*found: str) -> str:
    """A `reviews` section of flow mappings."""
    return "reviews:\n" + "".join(f"  - {{{each}}}\n" for each in found)
