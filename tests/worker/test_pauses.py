"""When a system is left alone, and what ends that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from jmltui.adapter_api import Cap
from jmltui.cache import actions
from jmltui.cache.actions import Claimed, Result
from jmltui.cache.tables import LimitRow
from jmltui.domain.case import ActionEvent
from jmltui.worker.runner import LocalRunner
from tests.conftest import StandingClock
from tests.lifecycle.small_firm import Firm, founded

CALL = Claimed(1, 1, 1, 1, "erp", Cap.DISABLE, "a1", "ana", "", "", {}, {}, "k", 1, "E1", "zoe", False, False, 1, 0)


class Pauses:
    """A worker to which results are given."""

    def __init__(self, firm: Firm) -> None:
        self.firm = firm
        self.told: list[str] = []
        self.runner = LocalRunner(firm.by("worker"), idle=None, say=self.told.append)

    def came(self, *kinds: str) -> None:
        results = [Result(replace(CALL, id=n), (ActionEvent.LOSE,), "", kind) for n, kind in enumerate(kinds)]
        with self.firm.workshop.cache.write() as session:
            self.runner._note_reach(session, results, self.firm.clock())

    @property
    def limit(self) -> Any:
        with self.firm.workshop.cache.read() as session:
            return session.exec(select(LimitRow.wait_until, LimitRow.reason)).first()


@pytest.fixture
async def pauses(private: Path, clock: StandingClock) -> AsyncIterator[Pauses]:
    firm = founded(private, clock)
    yield Pauses(firm)
    await firm.workshop.close()


@pytest.mark.parametrize("kind", ["Unavailable", "OutcomeUnknown", "TimeoutError"])
def test_a_system_that_does_not_answer_is_left_alone(pauses: Pauses, kind: str) -> None:
    for _ in range(3):
        pauses.came(kind)
    assert pauses.limit[0] - pauses.firm.clock() == timedelta(seconds=5)
    assert len(pauses.told) == 1
    pauses.came(kind)
    assert pauses.limit[0] - pauses.firm.clock() == timedelta(seconds=5), "what was under way does not count"
    pauses.firm.clock.forward(timedelta(seconds=6))
    pauses.came(kind)
    assert pauses.limit[0] - pauses.firm.clock() == timedelta(seconds=10)
    pauses.came("")
    assert pauses.limit == (None, "")
    assert pauses.told[-1] == "erp is reached again."


def test_what_was_decided_here_says_nothing_of_the_system(pauses: Pauses) -> None:
    for _ in range(3):
        pauses.came("Unavailable")
    pauses.came("Guard")
    pauses.came("SecretError")
    assert pauses.limit[0] is not None


def test_an_answer_to_one_call_does_not_end_the_wait_that_another_was_asked_for(pauses: Pauses) -> None:
    now = pauses.firm.clock()
    with pauses.firm.workshop.cache.write() as session:
        actions.pause_system(session, "erp", now + timedelta(minutes=5), "slow down", now)
    pauses.came("")
    assert pauses.limit[0] == now + timedelta(minutes=5)
