"""One run of the company-sized trial: the files month by month, the commands, and what must come of them."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jmltui.config.places import Places
from jmltui.lifecycle.workshop import Workshop, open_workshop
from tests.nursery import calling
from tests.trials import organisation, outsiders, policy_company
from tests.trials.company import Month
from tests.trials.directory import Directory
from tests.trials.estate import Before, Estate, Stranger
from tests.trials.policy_company import Managers, Teams
from tests.trials.reckoning import ACCOUNT, Ledger, Rules, over

Staff = Mapping[str, Mapping[str, str]]

SYSTEMS: Final = ("directory", "vpn", "erp", "chat")
SHARE: Final = ("directory", "group:Albatross share")
"""Of this group the policy says nothing: it was given by hand, long ago."""

STRANGERS: Final = (
    Stranger("directory", "old-scanner"),
    Stranger("directory", "break-glass-1"),
    Stranger("directory", "j.forgotten"),
    Stranger("vpn", "install-test"),
    Stranger("vpn", "old-supplier"),
    Stranger("erp", "batch-interface", kind="service"),
)


@dataclass
class Trial:
    """A settings folder driven by the command line, beside a ledger of what must be so."""

    home: Path
    environ: dict[str, str]
    months: Sequence[Month]
    estate: Estate
    rules: Rules
    teams: Teams
    managers: Managers
    today: date
    staff: list[dict[str, dict[str, str]]] = field(default_factory=list)
    externals: list[dict[str, dict[str, str]]] = field(default_factory=list)
    services: dict[str, dict[str, str]] = field(default_factory=dict)
    ledger: Ledger = field(init=False)
    sponsors: outsiders.Sponsors = field(init=False)
    newcomers: set[str] = field(default_factory=set)
    unused: frozenset[tuple[str, str]] = frozenset()
    strangers: list[Stranger] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.rules)
        self.staff = [self.managers.staff(month) for month in self.months]

    # ---- the commands

    def run(self, *words: str, code: int | Sequence[int] = 0) -> Any:
        """Run one command with --json; what it printed. Any other exit code than expected shows both streams."""
        command = calling(*words, "--json")
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=600, check=False)
        wanted = (code,) if isinstance(code, int) else code
        told = f"{' '.join(words)} ended {done.returncode}, not {wanted}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert done.returncode in wanted, told
        return json.loads(done.stdout)

    @contextmanager
    def by(self, login: str) -> Iterator[Workshop]:
        """The use cases in the hands of somebody who is logged in under this name."""
        places = Places.from_environment(self.environ)
        workshop = open_workshop(places, login, lambda: datetime.now(UTC), self.environ)
        try:
            yield workshop
        finally:
            workshop.cache.close()

    def stop(self) -> None:
        """Stop the worker."""
        subprocess.run(calling("worker", "--stop"), env=self.environ, check=False, timeout=60, capture_output=True)

    # ---- the people

    def everybody(self, month: int) -> dict[str, dict[str, str]]:
        """All people of all sources in a month."""
        external = self.externals[min(month, len(self.externals) - 1)]
        return {**self.staff[month], **external}

    def feed(self, month: int) -> None:
        """Put the files of a month in place."""
        policy_company.write_people(self.home, self.staff[month])
        external = self.externals[min(month, len(self.externals) - 1)]
        outsiders.write(self.home / "contractors.csv", outsiders.CONTRACTOR_COLUMNS, external)
        outsiders.write(self.home / "services.csv", outsiders.SERVICE_COLUMNS, self.services)

    def works_here(self, row: Mapping[str, str]) -> bool:
        """Whether somebody's last day is not over."""
        return not over(row, self.today)


def _zone(now: datetime) -> str:
    """A zone in which no day ends while the trial runs: who works here is counted by the company's own date."""
    return "Europe/Berlin" if now.hour in range(2, 10) else "America/New_York"


def set_up(home: Path, months: Sequence[Month], url: str, token: str) -> Trial:
    """Write everything, and fill the systems as they were before jmltui came."""
    home.mkdir(mode=0o700)
    zone = _zone(datetime.now(UTC))
    numbers = policy_company.projects(months)
    teams = policy_company.teams_of(months)
    (home / "settings.toml").write_text(policy_company.SETTINGS.format(url=url, zone=zone), encoding="utf-8")
    policy_company.write_policy(home / "policy", months, teams, getpass.getuser(), zone)
    environ = {**os.environ, "JMLTUI_HOME": str(home), "TRIAL_TOKEN": token}
    estate = Estate(Directory(url, token), home / "systems.sqlite")
    today = datetime.now(ZoneInfo(zone)).date()
    trial = Trial(home, environ, months, estate, Rules(numbers), teams, Managers(), today)
    trial.sponsors = _sponsors(trial.staff)
    trial.externals = outsiders.contractors(trial.staff[0], trial.sponsors, today, seed=11)
    trial.services = outsiders.services(trial.sponsors)
    targets = [(right.system, right.target) for right in trial.rules.rights.values()]
    targets += [SHARE, ("directory", "group:Emergency access")]
    estate.fill(_before(trial), targets, datetime.now(UTC))
    trial.feed(0)
    return trial


def _sponsors(staff: Sequence[Staff]) -> outsiders.Sponsors:
    first, last = staff[0], staff[-1]
    leading = [key for key in sorted(first) if first[key]["role"] == "Manager" and all(key in m for m in staff)]
    gone = sorted(key for key in first if key in staff[-2] and key not in last)
    return outsiders.Sponsors(leading, gone)


def _before(trial: Trial) -> Before:
    """What was there: nearly everybody has what the rules give, and some have more."""
    staff, external = trial.staff[0], trial.externals[0]
    trial.newcomers = {key for number, key in enumerate(sorted(staff)) if number % 20 == 7}
    trial.newcomers |= {key for number, key in enumerate(sorted(external)) if number % 4 in (0, 3)}
    rows = {**staff, **external}
    held = {key: set(trial.rules.due(row)) for key, row in rows.items() if key not in trial.newcomers}
    there = [key for key in sorted(held) if key in staff]
    for key in there[::41]:
        held[key].add(SHARE)
    for key in _in(staff, there, "department", "Sales")[3:40:7]:
        held[key] |= {("erp", "role:AP_CREATE"), ("erp", "role:AP_RELEASE")}
    for key in _in(staff, there, "role", "PurchasingClerk")[:2]:
        held[key].add(("erp", "role:GOODS_RECEIPT"))
    for key in _in(staff, there, "department", "FieldService")[::29]:
        held[key].add(("directory", "group:Source code"))
    held |= {key: {("directory", ACCOUNT), ("directory", "group:Service accounts")} for key in trial.services}
    trial.ledger.held = {key: set(places) for key, places in held.items()}
    emails = {key: row["email"] for key, row in rows.items()}
    names = {key: row.get("employee_name") or row["name"] for key, row in {**rows, **trial.services}.items()}
    accounts = [(s, key) for key in sorted(held) for s, target in sorted(held[key]) if target == ACCOUNT]
    unused = frozenset([place for place in accounts if place[0] != "directory"][::29])
    strangers = [*STRANGERS, Stranger("directory", "second-account", email=emails[there[0]])]
    trial.unused = unused
    trial.strangers = strangers
    return Before(held, names, emails, {}, strangers, unused)


def _in(rows: Staff, keys: Sequence[str], column: str, value: str) -> list[str]:
    return [key for key in keys if organisation.word(rows[key][column]) == value]
