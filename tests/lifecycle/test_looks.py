"""How often a change is looked at again before a person is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jmltui.adapter_api import AdapterError, AuthFailed, Cap, ContractBroken, Evidence, Forbidden, Step, Unavailable
from jmltui.cache.actions import LONGEST_BACK_OFF, MAX_CHECKS, Claimed
from jmltui.domain.case import ActionEvent
from jmltui.domain.guards import Protected
from jmltui.lifecycle.execute import Executor

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Blind:
    """A system that cannot be looked at."""

    def __init__(self, error: AdapterError) -> None:
        self.error = error

    async def verify(self, step: Step) -> Evidence:
        raise self.error


def lost(checks: int) -> Claimed:
    """A change whose answer was lost, looked at so often before."""
    return Claimed(1, 1, 1, 1, "erp", Cap.REVOKE_CREDENTIALS, "a1", "ana", "", "", {}, {}, "k", 1, "E1", "zoe", True,
                   True, 1, checks)  # fmt: skip


async def look(error: AdapterError, checks: int) -> Any:
    adapter: Any = Blind(error)
    executor = Executor(adapter, Protected(), timedelta(seconds=5), lambda: NOW, lambda: 0.5)
    [result] = await executor.check([lost(checks)])
    return result


@pytest.mark.parametrize("error", [ContractBroken("a web page"), Forbidden("no right to read that")])
async def test_what_can_never_be_read_is_given_to_a_person_in_the_end(error: AdapterError) -> None:
    first = await look(error, 0)
    assert first.events == (ActionEvent.LOSE,)
    assert first.run_at > NOW
    last = await look(error, MAX_CHECKS)
    assert last.events == (ActionEvent.CANNOT_TELL,)
    assert last.outcome.endswith("look yourself, then attest")
    assert error.message in last.outcome


@pytest.mark.parametrize("error", [Unavailable("away"), AuthFailed("a new password is needed")])
async def test_a_system_that_is_away_is_waited_for_however_long(error: AdapterError) -> None:
    result = await look(error, MAX_CHECKS * 5)
    assert result.events == (ActionEvent.LOSE,)
    assert LONGEST_BACK_OFF / 2 <= result.run_at - NOW <= LONGEST_BACK_OFF
