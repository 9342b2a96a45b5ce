"""A worker whose place at the database is given away: it begins nothing more, and the next one goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from jmltui.cache import actions
from jmltui.domain.case import ActionEvent
from jmltui.lifecycle import requests
from jmltui.worker.place import Place, WorkerRuns, only_worker_of
from jmltui.worker.runner import LocalRunner
from tests.lifecycle.conftest import STAFF, Office, make_office, office

__all__ = ["make_office", "office"]


@pytest.fixture
def cache_settings(new_database: Callable[[], str]) -> str:
    return f'[cache]\nurl = "{new_database()}"\n'


def cut(office: Office, place: Place) -> None:
    """End the connection that holds the place, as a restarted server or a cut network does."""
    url = office.workshop.settings.cache_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as link:
        assert link.execute("SELECT pg_terminate_backend(%s, 5000)", (place.number,)).fetchone() == (True,)


async def test_who_lost_its_place_begins_nothing_more(office: Office) -> None:
    url, said = office.workshop.settings.cache_url, list[str]()
    office.feed([("E001", "Person 1", "Finance"), *STAFF[1:]])
    await office.sync()
    (case,) = office.cases()
    with only_worker_of(url) as place:
        runner = LocalRunner(office.workshop, idle=None, say=said.append, place=place)
        with office.workshop.cache.read() as session:
            assert place.is_held(session)
        with pytest.raises(WorkerRuns), only_worker_of(url):
            pass
        cut(office, place)
        requests.run_case(office.workshop, case["id"])
        async with asyncio.timeout(20):
            await runner.run()
        assert said == ["The database gave this worker's place away; it ends, and the next one goes on."]
        assert office.truth()["e001"] == (True, {"IT"}), "nothing was begun"

        with only_worker_of(url) as another:
            second = LocalRunner(office.workshop, idle=None, place=another)
            task = asyncio.create_task(second.run())
            for _ in range(400):
                if not office.cases():
                    break
                await asyncio.sleep(0.05)
            second.stop.set()
            await task
    assert office.truth()["e001"] == (True, {"Finance"})


async def test_what_another_machine_has_in_its_hands_is_left_to_its_lease(office: Office) -> None:
    office.feed([("E001", "Person 1", "Finance"), *STAFF[1:]])
    await office.sync()
    (case,) = office.cases()
    requests.run_step(office.workshop, case["id"], "groups")
    now = office.workshop.clock()
    with office.workshop.cache.write() as session:
        (claimed,) = actions.claim(session, "worker:another-host:17", now, {"directory": 4}, {})
    with only_worker_of(office.workshop.settings.cache_url) as place:
        runner = LocalRunner(office.workshop, idle=None, place=place)
        task = asyncio.create_task(runner.run())
        await asyncio.sleep(1.5)
        action = office.case(case["id"])["steps"][0]["actions"][0]
        assert (action["state"], action["fence"]) == ("running", claimed.fence)
        office.workshop.clock = lambda: datetime.now(UTC) + timedelta(minutes=3)
        for _ in range(200):
            if office.case(case["id"])["steps"][0]["state"] == "done":
                break
            await asyncio.sleep(0.05)
        runner.stop.set()
        await task
    assert office.truth()["e001"] == (True, {"Finance", "IT"})
    with office.workshop.cache.write() as session:
        late = actions.Result(claimed, (ActionEvent.FAIL,), "too late")
        assert actions.settle(session, [late], now) == [], "its late outcome is refused"
