"""Adapters of strangers, installed beside jmltui as pip installs them: a module and the metadata of its package."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOUND = '''\
"""An adapter that works: one account, one group, and a person who says so."""
from datetime import UTC, datetime

from jmltui.adapter_api import (
    Account, AccountState, Cap, Entitlement, Evidence, FeedFile, Grant, Option, OptionType, Outcome, Page, Person,
    Proof, Receipt, Support, Verdict,
)

PROVED = Support(Proof.READ_BACK, reversible=True)


class Odd:
    kind = "odd"
    OPTIONS = (Option("place", OptionType.TEXT, "Where it is.", "here"),)
    EXERCISED_AGAINST = "nothing real"
    active = True

    def __init__(self, setup):
        self.name = setup.name

    def capabilities(self):
        caps = (Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND, Cap.DISABLE, Cap.ENABLE)
        return dict.fromkeys(caps, PROVED)

    async def open(self):
        pass

    async def close(self):
        pass

    async def check(self):
        return {"reachable": "yes"}

    def account(self):
        state = AccountState.ACTIVE if type(self).active else AccountState.DISABLED
        return Account("1", "ana", state, external_id="E2")

    async def accounts(self, query):
        yield Page([self.account()])

    async def entitlements(self, query):
        yield Page([Entitlement("g", "group", "G")])

    async def grants(self, query):
        yield Page([Grant("1", "g")])

    async def read(self, account_id):
        return self.account()

    async def find(self, login):
        return self.account() if login == "ana" else None

    async def grants_of(self, account_id):
        return [Grant("1", "g")]

    async def disable(self, account_id):
        type(self).active = False
        return Receipt(Outcome.CHANGED)

    async def enable(self, account_id):
        type(self).active = True
        return Receipt(Outcome.CHANGED)

    async def verify(self, step):
        good = type(self).active is (step.cap is Cap.ENABLE)
        verdict = Verdict.CONFIRMED if good else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, {}, datetime.now(UTC), "a look")

    async def people(self):
        yield Person(key="S1", name="Stranger One")

    def feed(self):
        return FeedFile(1, "x")
'''

Installs = Callable[..., None]


@pytest.fixture
def installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installs]:
    """Install an adapter called `odd`, version 1.2 of the package acme-jmltui: the sound one, and what is added to it.

    It is there for this process, and for those that it starts.
    """

    def install(added: str = "", *, instead: str | None = None) -> None:
        folder = tmp_path / "strangers"
        facts = folder / "acme_jmltui-1.2.dist-info"
        facts.mkdir(parents=True)
        (folder / "acme_jmltui.py").write_text(SOUND + added if instead is None else instead, encoding="utf-8")
        (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-jmltui\nVersion: 1.2\n", encoding="utf-8")
        (facts / "entry_points.txt").write_text("[jmltui.adapters]\nodd = acme_jmltui:Odd\n", encoding="utf-8")
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setenv("PYTHONPATH", str(folder))

    sys.modules.pop("acme_jmltui", None)
    yield install
    sys.modules.pop("acme_jmltui", None)
