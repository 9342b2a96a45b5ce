"""A call for an account that does not exist yet: it must wait for a person, and never reach the system."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from jmltui.adapter_api import Adapter, Cap
from jmltui.cache.actions import Claimed
from jmltui.domain.case import ActionEvent
from jmltui.domain.guards import Protected
from jmltui.lifecycle.execute import Executor
from tests.lifecycle.conftest import STAFF, Office

CALL = Claimed(
    id=1, case_id=1, fence=1, attempt_id=1, system="directory", operation=Cap.GRANT, account_id="", login="e901",
    entitlement_id="", target="group:Finance", wanted={}, expects={}, idem_key="a", person_id=1, person_key="E901",
    requested_by="ana", checking=False, was_unknown=False, attempts=1, checks=0,
)  # fmt: skip


@pytest.mark.parametrize("operation", [Cap.GRANT, Cap.REVOKE])
async def test_nothing_is_done_to_no_account(office: Office, operation: Cap) -> None:
    groups: list[dict[str, Any]] = office.server.get("/Groups", params={"count": 100}).json()["Resources"]
    finance = next(group for group in groups if group["displayName"] == "Finance")
    adapter = cast("Adapter", await office.workshop.adapters.get("directory"))
    executor = Executor(adapter, Protected(), timedelta(seconds=10), lambda: datetime.now(UTC), lambda: 0.5)
    one = replace(CALL, operation=operation, entitlement_id=finance["id"])
    before = office.truth()
    for claimed in ([one], [one, replace(one, id=2, login="e902", person_key="E902")]):
        results = await executor.write(claimed)
        assert [(r.events, "never created" in r.outcome) for r in results] == [((ActionEvent.BLOCK,), True)] * len(
            claimed
        )
    assert office.truth() == before, "every member of the group is a user of the server"
    assert len(before) == len(STAFF)
