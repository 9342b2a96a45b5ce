"""The list of people is whole each time; what is looked up for each of them may be used again while it is unchanged."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from jmltui.adapter_api import Person, Setup, Unavailable
from jmltui_http import HttpAdapter
from jmltui_http.description import read_description
from jmltui_http.yaml_nodes import DescriptionError
from tests.conftest import StandingClock
from tests.servers.played import Asked, Played, Reply, playing

STAFF = """
description: 1
name: Staff
auth: {kind: none}
people:
  call: {path: /staff}
  records: "@"
  id: id
  lookups:
    job:
      call: {path: "/staff/{record.id}/job"}
      unchanged: changed_at
  columns: {key: id, name: id, title: job.title}
"""

ACCOUNTS = """
description: 1
name: Accounts
auth: {kind: none}
accounts:
  columns: {id: id, login: id, state: state}
  list:
    call: {path: /accounts}
    records: "@"
    id: id
    lookups:
      state: {call: {path: "/accounts/{record.id}/state"}, unchanged: changed_at}
"""


class Staff:
    """Two people, each with a job behind a second call."""

    def __init__(self) -> None:
        self.server = Played()
        self.server.on("GET", "/staff", lambda _: Reply(200, list(self.people.values())))
        self.server.on("GET", "/staff/(.+)/job", self._job)
        self.people = {name: {"id": name, "changed_at": 1} for name in ("ana", "ben")}
        self.title = "Clerk"

    def _job(self, _: Asked, name: str) -> Reply:
        return Reply(200, {"title": self.title})

    async def read(self, adapter: HttpAdapter) -> tuple[dict[str, str], int]:
        """Who has which title, and how many jobs were asked for."""
        self.server.asked.clear()
        people = {one.key: one.title async for one in adapter.people() if isinstance(one, Person)}
        assert adapter.feed().complete
        return people, sum(one.path.endswith("/job") for one in self.server.asked)


async def test_what_is_unchanged_is_not_looked_up_again(clock: StandingClock, tmp_path: Path) -> None:
    staff = Staff()
    (tmp_path / "staff.yaml").write_text(STAFF)
    async with playing(staff.server) as server:
        options = {"description": str(tmp_path / "staff.yaml"), "base": server.url, "private_network": True}
        adapter = HttpAdapter(Setup("staff", options, str, clock))
        await adapter.open()
        assert await staff.read(adapter) == ({"ana": "Clerk", "ben": "Clerk"}, 2)
        staff.title = "Chief"
        staff.people["ana"] = {"id": "ana", "changed_at": 2}
        assert await staff.read(adapter) == ({"ana": "Chief", "ben": "Clerk"}, 1)
        del staff.people["ben"]
        assert await staff.read(adapter) == ({"ana": "Chief"}, 0), "the list itself stays whole"
        staff.people["ben"] = {"id": "ben", "changed_at": 1}
        assert await staff.read(adapter) == ({"ana": "Chief", "ben": "Chief"}, 1), "who was away is looked at anew"
        staff.title = "Boss"
        clock.forward(timedelta(hours=24))
        assert await staff.read(adapter) == ({"ana": "Boss", "ben": "Boss"}, 2), "a day later nothing is believed"
        clock.forward(timedelta(hours=-1))
        assert (await staff.read(adapter))[1] == 2, "nor is anything of the future"
        staff.people["ben"]["changed_at"] = 9
        staff.server.instead += [Reply(200, list(staff.people.values())), Reply(503)]
        with pytest.raises(Unavailable):
            await staff.read(adapter)
        assert (await staff.read(adapter))[1] == 1, "what was not answered is asked for again"
        await adapter.close()


def test_only_lists_of_people_keep_answers() -> None:
    for text, sentence in (
        (STAFF.replace("  id: id\n", ""), "“unchanged” needs “id”"),
        (STAFF.replace("unchanged: changed_at", "unchanged: changed_at\n      keep: 999"), "between 0 and 168"),
        (ACCOUNTS, "“unchanged” is not known"),
    ):
        with pytest.raises(DescriptionError) as refused:
            read_description(text.encode(), "staff.yaml")
        assert sentence in str(refused.value)
