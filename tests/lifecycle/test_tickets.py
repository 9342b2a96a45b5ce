"""Cases bound to tickets, on a real Roundup: one internal comment per milestone, whatever happens on the way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest

from jmltui.cache import cases, migrations
from jmltui.cache import tickets as outbox
from jmltui.cache.engine import open_cache
from jmltui.errors import NotAllowed, UsageError
from jmltui.lifecycle import requests, tickets
from jmltui.lifecycle.tickets import TicketUnread
from tests.conftest import StandingClock
from tests.lifecycle.helpdesk import Helpdesk, helpdesk_at
from tests.servers.fault_proxy import Fault, FaultProxy, Only, fault_proxy
from tests.servers.roundup import AGENT, REQUESTER, Roundup

WALKED = ["bound", "approval asked", "decided", "done"]
"""The milestones of a joiner who needs one approval."""


@pytest.fixture
def cache_settings() -> str:
    """Where the cache is: in the state folder, unless a module says otherwise."""
    return ""


@pytest.fixture
async def helpdesk(
    private: Path, clock: StandingClock, roundup: Roundup, cache_settings: str
) -> AsyncIterator[Helpdesk]:
    made = helpdesk_at(private, clock, roundup, cache=cache_settings)
    yield made
    await made.close()


async def bound(helpdesk: Helpdesk, name: str = "Ana Lind") -> tuple[int, str]:
    """A joiner's case that is bound to an issue of its own."""
    number, issue = await helpdesk.joiner(name), helpdesk.tracker.open_issue("A new colleague")
    await in_thread(helpdesk, number, issue)
    return number, issue


async def in_thread(helpdesk: Helpdesk, number: int, issue: str) -> str:
    """Bind as a command does, which has a loop of its own."""
    return await asyncio.to_thread(tickets.bind_named, helpdesk.workshop, number, f"helpdesk:{issue}")


def milestones(helpdesk: Helpdesk, number: int, state: str = "posted") -> list[str]:
    return [what for kind, what, now in helpdesk.states(number) if kind == "comment" and now == state]


# ---- the way of a case


async def test_a_case_walked_to_its_end_leaves_one_comment_per_milestone(helpdesk: Helpdesk) -> None:
    number, issue = await bound(helpdesk)
    await helpdesk.post()
    assert helpdesk.tracker.status(issue) == "in-progress"
    await helpdesk.walk_to_the_end(number)
    assert helpdesk.case(number)["state"] == "done"
    assert milestones(helpdesk, number) == WALKED
    first, asked, decided, closed = helpdesk.told(issue)
    assert first.startswith(f"Case {number}: joiner of Ana Lind (E1) is worked on in jmltui")
    assert "“Laptop”: waiting, with team:endpoint" in first
    assert "An approval is asked for" in asked
    assert "“Give the groups”" in asked
    assert "approved by ben: she keeps the vault" in decided
    proved, _, rest = closed.partition("Stated by a person:")
    stated, _, rest = rest.partition("Left out:")
    left_out, _, left = rest.partition("Left:")
    assert "create e1 on directory (confirmed by" in proved
    assert "grant e1 group:Vault on directory (confirmed by" in proved
    assert stated.strip() == "- “Laptop”, by eve, 2026-06-01 08:00 UTC: serial 4711"
    assert left_out.strip() == "- “Badge”, by dora, 2026-06-01 08:00 UTC: has one already"
    assert left.strip() == "nothing."
    assert helpdesk.tracker.status(issue) == "resolved"
    posted = helpdesk.entries("ticket.posted")
    assert [what for what in WALKED if any(f"“{what}”" in entry for entry in posted)] == WALKED
    assert len(posted) == len(WALKED) + 2  # and two moves


async def test_looking_again_and_another_worker_tell_nothing_twice(helpdesk: Helpdesk) -> None:
    number, issue = await bound(helpdesk)
    await helpdesk.walk_to_the_end(number)
    before = helpdesk.told(issue)
    with helpdesk.workshop.cache.write() as session:
        cases.advance(session, number, helpdesk.clock())
    await helpdesk.another_worker()
    assert await helpdesk.post_after(timedelta(days=1)) == 0
    assert helpdesk.told(issue) == before


async def test_something_that_needs_a_person_is_told_once_and_again_after_another_try(helpdesk: Helpdesk) -> None:
    number, _ = await bound(helpdesk)
    await helpdesk.walk_to_the_end(number)
    helpdesk.person("E1", "", status="left")
    await helpdesk.sync()
    leaving, ticket = helpdesk.case_of("leaver"), helpdesk.tracker.open_issue("Ana leaves")
    await in_thread(helpdesk, leaving, ticket)
    helpdesk._write("UPDATE account SET login = 'e1-renamed', folded = 'e1-renamed' WHERE folded = ?", ("e1",))
    requests.run_case(helpdesk.workshop, leaving)
    await helpdesk.work()
    await helpdesk.post()
    assert [text for text in helpdesk.told(ticket) if "Something needs a person" in text and "“Disable”" in text]
    requests.run_step(helpdesk.workshop, leaving, "disable")
    await helpdesk.work()
    await helpdesk.post()
    assert milestones(helpdesk, leaving).count("needs a person") == 2
    requests.skip(helpdesk.by("eve"), leaving, "disable", "done by hand under the new name")
    await helpdesk.work()
    await helpdesk.post()
    assert sum("Something needs a person" in text for text in helpdesk.told(ticket)) == milestones(
        helpdesk, leaving
    ).count("needs a person")


async def test_a_case_that_ends_undone_says_so_and_leaves_the_ticket_where_it_is(helpdesk: Helpdesk) -> None:
    number, issue = await bound(helpdesk)
    await helpdesk.post()
    with helpdesk.workshop.cache.write() as session:
        cases.cancel(session, cases.case_row(session, number), "she never came", helpdesk.clock(), "ana")
    await helpdesk.post()
    assert "ended before it was done: she never came." in helpdesk.told(issue)[-1]
    assert helpdesk.tracker.status(issue) != "resolved"
    with pytest.raises(NotAllowed, match="ended before it was done"):
        await in_thread(helpdesk, number, helpdesk.tracker.open_issue("too late"))


async def test_a_case_that_was_done_before_is_summed_up_when_it_is_bound(helpdesk: Helpdesk) -> None:
    number = await helpdesk.joiner()
    await helpdesk.walk_to_the_end(number)
    issue = helpdesk.tracker.open_issue("Was she provided for?")
    await in_thread(helpdesk, number, issue)
    await helpdesk.post()
    assert milestones(helpdesk, number) == ["bound", "done"]
    assert helpdesk.tracker.status(issue) == "resolved"


# ---- what goes wrong


@pytest.fixture
async def way() -> AsyncIterator[FaultProxy]:
    async with fault_proxy() as proxy:
        yield proxy


@pytest.fixture
async def disturbed(private: Path, clock: StandingClock, roundup: Roundup, way: FaultProxy) -> AsyncIterator[Helpdesk]:
    """The helpdesk with a bad way to the tracker."""
    made = helpdesk_at(private, clock, roundup, way.in_front_of(roundup.url))
    yield made
    await made.close()


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.WEB_PAGE])
async def test_lost_answers_leave_one_comment_per_milestone(disturbed: Helpdesk, way: FaultProxy, fault: Fault) -> None:
    number, issue = await bound(disturbed)
    before = disturbed.tracker.all_messages()
    for _ in range(12):  # every write of every message goes astray once
        await way.switch(fault, Only.WRITE, 1)
        await disturbed.post()
        await way.calm()
        await disturbed.post_after(timedelta(minutes=16))
        if not any(state == "waiting" for _, _, state in disturbed.states(number)):
            break
    await disturbed.walk_to_the_end(number)
    await disturbed.post_after(timedelta(minutes=16))
    assert milestones(disturbed, number) == WALKED
    assert len(disturbed.told(issue)) == len(WALKED)
    assert disturbed.tracker.all_messages() - before == len(WALKED), "one was made and hung to no issue"
    assert disturbed.tracker.status(issue) == "resolved"
    assert disturbed.entries("ticket.waits")


async def test_a_server_that_is_down_gets_everything_in_order_when_it_is_up(helpdesk: Helpdesk) -> None:
    number, issue = await bound(helpdesk)
    helpdesk.tracker.stop()
    await helpdesk.walk_to_the_end(number)
    assert milestones(helpdesk, number, "waiting") == WALKED
    shown = helpdesk.standing(number)["messages"]
    assert "cannot be reached" in shown[0]["problem"]
    for _ in range(20):
        await helpdesk.post_after(timedelta(minutes=16))
    assert len(helpdesk.entries("ticket.waits")) == 1, "the same failure is told once"
    helpdesk.tracker.start()
    await helpdesk.post_after(timedelta(minutes=16))
    assert milestones(helpdesk, number) == WALKED
    assert [text.split(".")[1][:20] for text in helpdesk.told(issue)][1:3] == [
        " An approval is aske",
        " An approval was giv",
    ]
    assert helpdesk.tracker.status(issue) == "resolved"


async def test_the_tracker_is_left_alone_as_long_as_it_asks(disturbed: Helpdesk, way: FaultProxy) -> None:
    number, issue = await bound(disturbed)
    way.wait = 600
    await way.switch(Fault.THROTTLE)
    await disturbed.post()
    asked = len(way.exchanges)
    await disturbed.post_after(timedelta(seconds=590))
    assert len(way.exchanges) == asked, "nothing is asked before the time is over"
    await way.calm()
    await disturbed.post_after(timedelta(seconds=20))
    await disturbed.post_after(timedelta(minutes=16))
    assert milestones(disturbed, number) == ["bound"]
    assert len(disturbed.told(issue)) == 1


async def test_a_refused_credential_stops_the_system_and_loses_nothing(helpdesk: Helpdesk) -> None:
    number, issue = await bound(helpdesk)
    helpdesk.secret_is("not the password")
    await helpdesk.another_worker()
    tried = await helpdesk.post()
    assert tried == 1, "a refused credential is not tried again and again"
    shown = helpdesk.standing(number)
    assert "answered 401" in shown["system_stopped"]
    assert set(helpdesk.states(number)) == {("comment", "bound", "waiting"), ("status", "bound", "waiting")}
    assert any("helpdesk is stopped" in entry for entry in helpdesk.entries("system.stop"))
    helpdesk.secret_is(AGENT[1])
    await helpdesk.another_worker()
    assert await helpdesk.post_after(timedelta(hours=1)) == 0
    assert tickets.retry(helpdesk.workshop, number) == "2 messages are tried now."
    await helpdesk.post()
    assert len(helpdesk.told(issue)) == 1


async def test_a_ticket_that_is_not_there_is_not_bound(helpdesk: Helpdesk) -> None:
    number = await helpdesk.joiner()
    with pytest.raises(TicketUnread, match=r"404.*no such issue 99999"):
        await in_thread(helpdesk, number, "99999")
    for wrong in ("helpdesk", "helpdesk:", "helpdesk:1/../2", "helpdesk:1 OR 1", "helpdsk:1", "directory:1"):
        with pytest.raises(UsageError):
            await asyncio.to_thread(tickets.bind_named, helpdesk.workshop, number, wrong)
    with pytest.raises(NotAllowed, match="bound to no ticket"):
        helpdesk.standing(number)


async def test_a_ticket_that_vanishes_waits_for_a_person_and_another_one_is_told_how_the_case_stands(
    helpdesk: Helpdesk,
) -> None:
    number, issue = await bound(helpdesk)
    await helpdesk.post()
    with helpdesk.workshop.cache.write() as session:
        row = outbox.active(session, number)
        assert row is not None
        row.ticket = "99999"  # as if it had been taken out of the tracker
    await helpdesk.walk_to_the_end(number)
    shown = helpdesk.standing(number)
    assert shown["state"] == "stopped"
    assert "no such issue" in shown["problem"]
    assert await helpdesk.post_after(timedelta(days=1)) == 0
    other = helpdesk.tracker.open_issue("The same once more")
    await in_thread(helpdesk, number, other)
    await helpdesk.post()
    assert milestones(helpdesk, number) == ["bound", "done"]
    assert len(helpdesk.told(other)) == 2
    assert len(helpdesk.told(issue)) == 1
    assert any("messages are not posted any more" in entry for entry in helpdesk.entries("ticket.unbind"))


async def test_a_status_that_the_tracker_does_not_know_fails_and_holds_no_comment_up(
    private: Path, clock: StandingClock, roundup: Roundup
) -> None:
    helpdesk = helpdesk_at(private, clock, roundup)
    settings = helpdesk.workshop.settings
    block = replace(settings.systems["helpdesk"], ticket_done="resolvd")
    helpdesk.workshop.settings = replace(settings, systems={**settings.systems, "helpdesk": block})
    number, issue = await bound(helpdesk)
    await helpdesk.walk_to_the_end(number)
    assert milestones(helpdesk, number) == WALKED
    assert helpdesk.states(number)[-1] == ("status", "done", "failed")
    assert "resolved" in helpdesk.standing(number)["messages"][-1]["problem"]
    assert helpdesk.tracker.status(issue) != "resolved"
    await helpdesk.close()


# ---- binding


async def test_after_unbinding_nothing_is_posted_any_more(helpdesk: Helpdesk) -> None:
    number, issue = await bound(helpdesk)
    await helpdesk.post()
    helpdesk.tracker.stop()
    requests.run_case(helpdesk.workshop, number)
    await helpdesk.work()
    helpdesk.tracker.start()
    assert tickets.unbind(helpdesk.workshop, number).endswith("1 messages are not posted any more.")
    await helpdesk.walk_to_the_end(number)
    assert len(helpdesk.told(issue)) == 1
    with pytest.raises(NotAllowed, match="bound to no ticket"):
        tickets.unbind(helpdesk.workshop, number)


async def test_the_same_ticket_is_not_bound_twice(helpdesk: Helpdesk) -> None:
    number, issue = await bound(helpdesk)
    with pytest.raises(NotAllowed, match="already"):
        await in_thread(helpdesk, number, issue)


# ---- who sees it, and what the text can do


async def test_comments_are_internal_by_default(
    private: Path, clock: StandingClock, roundup: Roundup, tmp_path: Path
) -> None:
    shipped = resources.files("jmltui_http").joinpath("descriptions", "roundup.yaml").read_text(encoding="utf-8")
    own = tmp_path / "tracker.yaml"
    author = 'author: "{parameters.user}"'
    own.write_text(shipped.replace(author, f'{author}, private: "{{note.internal}}"'), encoding="utf-8")
    helpdesk = helpdesk_at(private, clock, roundup, description=str(own))
    number, issue = await bound(helpdesk)
    await helpdesk.walk_to_the_end(number)
    assert len(roundup.comments(issue, AGENT)) == len(WALKED)
    assert roundup.comments(issue, REQUESTER) == []
    await helpdesk.close()


async def test_no_name_and_no_reason_becomes_anything_but_text(helpdesk: Helpdesk) -> None:
    name = "Ana <script>alert(1)</script> “Lind” \u202eevil\x1b[2J"
    _, issue = await bound(helpdesk, name)
    await helpdesk.post()
    [text] = helpdesk.told(issue)
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "Ana <script>alert(1)</script>" in text, "it is data, and stays readable"
    assert "<script>alert(1)" not in helpdesk.tracker.page(issue)


# ---- the cache


def test_an_older_cache_gets_the_tables(private: Path, clock: StandingClock) -> None:
    file = private / "cache.sqlite"
    with sqlite3.connect(file) as connection:
        for version in (1, 2):
            for statement in migrations.statements(version, "sqlite"):
                connection.execute(statement)
        connection.execute("UPDATE meta SET value='2' WHERE key='schema'")
    file.chmod(0o600)
    cache = open_cache(str(file), clock=clock)
    with cache.read() as session:
        assert outbox.left(session) == 0
    cache.close()
