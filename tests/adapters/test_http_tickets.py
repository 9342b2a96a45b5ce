"""The shipped descriptions of ticketing systems, on exchanges as the vendors' published interfaces have them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from jmltui.adapter_api import (
    Cap,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Setup,
    Stale,
    TicketSink,
)
from jmltui.adapter_api.conformance import Disturbance
from jmltui_http import HttpAdapter
from jmltui_http.description import shipped
from tests.servers.played import Asked, Played, Reply, playing

TEXT = "Case 7: leaver of <b>Ana</b> {{ticket.id}} {color:red}*[code]x\nsecond line"
KEY = "jmltui-0123456789abcdef0123"


@dataclass
class Desk:
    """A vendor's ticket with its comments, answered for as the vendor's reference does."""

    server: Played
    comments: list[dict[str, Any]] = field(default_factory=list)
    status: Any = None
    stamp: str = "2026-06-01T08:00:00Z"
    bodies: list[Any] = field(default_factory=list)


def freshservice(desk: Desk) -> None:
    """https://api.freshservice.com/: view a ticket, list all conversations, create a note, update a ticket."""
    server, desk.status = desk.server, desk.status or 2

    def ticket(_: Asked) -> Reply:
        body = {"id": 42, "subject": "Ana leaves", "status": desk.status, "priority": 2, "type": "Incident"}
        return Reply(200, {"ticket": body})

    def conversations(asked: Asked) -> Reply:
        page = int(asked.query.get("page", "1"))
        found, rest = desk.comments[page * 2 - 2 : page * 2], desk.comments[page * 2 :]
        following = f'<{server.url}/api/v2/tickets/42/conversations?page={page + 1}&per_page=2>; rel="next"'
        return Reply(200, {"conversations": found}, {"Link": following} if rest else {})

    def note(asked: Asked) -> Reply:
        body = asked.json()
        desk.bodies.append(body)
        plain = body["body"].replace("<br>", "\n")
        made = {"id": 900 + len(desk.comments), "body": f"<div>{body['body']}</div>", "body_text": plain}
        desk.comments.append({**made, "private": body["private"], "incoming": False, "ticket_id": 42})
        return Reply(201, {"conversation": desk.comments[-1]})

    def update(asked: Asked) -> Reply:
        desk.bodies.append(asked.json())
        desk.status = asked.json()["status"]
        return ticket(asked)

    server.on("GET", "/api/v2/tickets", lambda _: Reply(200, {"tickets": []}))
    server.on("GET", "/api/v2/tickets/42", ticket)
    server.on("GET", "/api/v2/tickets/43", lambda _: Reply(404, None))
    server.on("GET", "/api/v2/tickets/42/conversations", conversations)
    server.on("POST", "/api/v2/tickets/42/notes", note)
    server.on("PUT", "/api/v2/tickets/42", update)


def jira(desk: Desk) -> None:
    """Jira Service Management Cloud: request comments by /rest/servicedeskapi, transitions by /rest/api/3."""
    server, desk.status = desk.server, desk.status or "Waiting for support"

    def issue(_: Asked) -> Reply:
        fields = {"summary": "Ana leaves", "status": {"name": desk.status, "id": "10001"}}
        return Reply(
            200, {"id": "10042", "key": "42", "self": f"{server.url}/rest/api/3/issue/10042", "fields": fields}
        )

    def comments(asked: Asked) -> Reply:
        assert asked.query["internal"] == asked.query["public"] == "true"
        start = int(asked.query["start"])
        found = desk.comments[start : start + 2]
        last = start + 2 >= len(desk.comments)
        return Reply(200, {"size": len(found), "start": start, "limit": 2, "isLastPage": last, "values": found})

    def note(asked: Asked) -> Reply:
        desk.bodies.append(asked.json())
        desk.comments.append({"id": str(1000 + len(desk.comments)), **asked.json()})
        return Reply(201, desk.comments[-1])

    def transitions(_: Asked) -> Reply:
        ways = [("11", "Start progress", "In Progress"), ("31", "Resolve this issue", "Resolved")]
        found = [{"id": i, "name": way, "to": {"name": to, "id": "3"}, "isAvailable": True} for i, way, to in ways]
        return Reply(200, {"expand": "transitions", "transitions": found})

    def move(asked: Asked) -> Reply:
        desk.bodies.append(asked.json())
        desk.status = {"11": "In Progress", "31": "Resolved"}[asked.json()["transition"]["id"]]
        return Reply(204)

    server.on("GET", "/rest/api/3/myself", lambda _: Reply(200, {"accountId": "5b10"}))
    server.on("GET", "/rest/api/3/issue/42", issue)
    gone = {"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}}
    server.on("GET", "/rest/api/3/issue/43", lambda _: Reply(404, gone))
    server.on("GET", "/rest/servicedeskapi/request/42/comment", comments)
    server.on("POST", "/rest/servicedeskapi/request/42/comment", note)
    server.on("GET", "/rest/api/3/issue/42/transitions", transitions)
    server.on("POST", "/rest/api/3/issue/42/transitions", move)


def servicenow(desk: Desk) -> None:
    """ServiceNow's Table API: incident and sys_journal_field; journal fields are written by their names."""
    server, desk.status = desk.server, desk.status or "1"
    sys_id = "9d385017c611228701d22104cc95c371"

    def incident() -> dict[str, Any]:
        return {"sys_id": sys_id, "number": "42", "short_description": "Ana leaves", "state": desk.status}

    def search(asked: Asked) -> Reply:
        wanted = asked.query.get("sysparm_query", "")
        return Reply(200, {"result": [incident()] if wanted == "number=42" else []})

    def journal(asked: Asked) -> Reply:
        assert asked.query["sysparm_query"].startswith(f"element_id={sys_id}^")
        start, size = int(asked.query["sysparm_offset"]), int(asked.query["sysparm_limit"])
        return Reply(200, {"result": desk.comments[start : start + size]})

    def update(asked: Asked) -> Reply:
        body = asked.json()
        desk.bodies.append(body)
        for name in ("work_notes", "comments"):
            if name in body:
                desk.comments.append({"sys_id": f"j{len(desk.comments)}", "element": name, "value": body[name]})
        if body.get("state") in ("6", "7") and not body.get("close_code"):
            error = {"message": "Operation Failed", "detail": "Data Policy Exception: Resolution code is mandatory"}
            return Reply(403, {"error": error, "status": "failure"})
        desk.status = body.get("state", desk.status)
        return Reply(200, {"result": incident()})

    server.on("GET", "/api/now/table/incident", search)
    server.on("GET", "/api/now/table/sys_journal_field", journal)
    server.on("PATCH", f"/api/now/table/incident/{sys_id}", update)


def zendesk(desk: Desk) -> None:
    """https://developer.zendesk.com/api-reference/: show and update a ticket, list its comments."""
    server, desk.status = desk.server, desk.status or "new"

    def ticket() -> Reply:
        body = {"id": 42, "subject": "Ana leaves", "status": desk.status, "updated_at": desk.stamp}
        return Reply(200, {"ticket": {**body, "url": f"{server.url}/api/v2/tickets/42.json"}})

    def comments(asked: Asked) -> Reply:
        start = int(asked.query.get("page[after]", "0"))
        rest = len(desk.comments) > start + 2
        meta = {"has_more": rest, "after_cursor": str(start + 2), "before_cursor": "0"}
        return Reply(200, {"comments": desk.comments[start : start + 2], "meta": meta})

    def update(asked: Asked) -> Reply:
        body = asked.json()["ticket"]
        desk.bodies.append(body)
        if body["safe_update"] and body["updated_stamp"] != desk.stamp:
            return Reply(409, {"error": "UpdateConflict", "description": "Safe Update prevented the update"})
        if "comment" in body:
            desk.comments.append({"id": 5000 + len(desk.comments), "type": "Comment", **body["comment"]})
        desk.status, desk.stamp = body.get("status", desk.status), f"2026-06-01T08:00:{len(desk.bodies):02d}Z"
        return ticket()

    server.on("GET", "/api/v2/users/me", lambda _: Reply(200, {"user": {"id": 1}}))
    server.on("GET", "/api/v2/tickets/42", lambda _: ticket())
    missing = {"error": "RecordNotFound", "description": "Not found"}
    server.on("GET", "/api/v2/tickets/43", lambda _: Reply(404, missing))
    server.on("GET", "/api/v2/tickets/42/comments", comments)
    server.on("PUT", "/api/v2/tickets/42", update)


@dataclass(frozen=True)
class Vendor:
    """What a description needs, and which words the vendor has."""

    play: Callable[[Desk], None]
    parameters: dict[str, str]
    secret: str
    user: str
    in_progress: str
    done: str


VENDORS = {
    "freshservice": Vendor(
        freshservice, {"domain": "x.freshservice.com"}, "api_key", "secret:X", "Pending", "Resolved"
    ),
    "jira-service-management": Vendor(
        jira, {"site": "x.atlassian.net", "user": "a@x.test"}, "token", "a@x.test:secret", "In Progress", "Resolved"
    ),
    "servicenow": Vendor(
        servicenow,
        {"instance": "x.service-now.com", "user": "jml"},
        "password",
        "jml:secret",
        "In Progress",
        "Resolved",
    ),
    "zendesk": Vendor(
        zendesk, {"subdomain": "x", "user": "a@x.test"}, "token", "a@x.test/token:secret", "open", "solved"
    ),
}


@asynccontextmanager
async def at(name: str) -> AsyncIterator[tuple[HttpAdapter, Desk]]:
    """An open adapter of a vendor, whose ticket has three comments of others."""
    vendor = VENDORS[name]
    async with playing(Played()) as server:
        desk = Desk(server)
        vendor.play(desk)
        other = {"value": "x", "body": "x", "body_text": "x", "element": "comments", "public": True}
        desk.comments += [{**other, "id": number, "sys_id": f"s{number}"} for number in (1, 2, 3)]
        options: dict[str, Any] = {
            "description": name,
            "base": server.url,
            "private_network": True,
            "parameters": vendor.parameters,
            "secrets": {vendor.secret: "env:X"},
        }
        adapter = HttpAdapter(Setup("helpdesk", options, lambda _: "secret", lambda: datetime.now(UTC)))
        await adapter.open()
        try:
            yield adapter, desk
        finally:
            await adapter.close()


def test_every_shipped_description_of_tickets_is_tried() -> None:
    with_tickets = {name for name in shipped() if Cap.TICKET in _capabilities(name)}
    assert with_tickets == {*VENDORS, "roundup"}  # Roundup on the tracker itself


def _capabilities(name: str) -> set[Cap]:
    from jmltui_http.description import load

    return {Cap.TICKET} if load(name).ticket is not None else set()


@pytest.mark.parametrize("name", VENDORS)
async def test_a_ticket_is_read_and_a_missing_one_told(name: str) -> None:
    async with at(name) as (adapter, desk):
        assert isinstance(adapter, TicketSink)
        assert set(adapter.capabilities()) == {Cap.TICKET}
        await adapter.check()
        found = await adapter.ticket("42")
        assert (found.id, found.title) == ("42", "Ana leaves")
        with pytest.raises(NotFound):
            await adapter.ticket("43")
        sent = {asked.headers["authorization"] for asked in desk.server.asked}
        assert sent == {"Basic " + base64.b64encode(VENDORS[name].user.encode()).decode()}


@pytest.mark.parametrize("name", VENDORS)
async def test_a_comment_is_internal_found_again_on_a_later_page_and_posted_once(name: str) -> None:
    async with at(name) as (adapter, desk):
        assert (await adapter.note("42", TEXT, key=KEY)).outcome is Outcome.CHANGED
        assert (await adapter.note("42", TEXT, key=KEY)).outcome is Outcome.ALREADY
        assert len(desk.comments) == 4
        [body] = desk.bodies
        internal = {
            "freshservice": lambda: body["private"] is True,
            "jira-service-management": lambda: body["public"] is False,
            "servicenow": lambda: set(body) == {"work_notes"},
            "zendesk": lambda: body["comment"]["public"] is False,
        }
        assert internal[name]()


@pytest.mark.parametrize("name", VENDORS)
async def test_a_public_comment_is_public(name: str) -> None:
    async with at(name) as (adapter, desk):
        await adapter.note("42", "hello", key=KEY, public=True)
        [body] = desk.bodies
        assert [body.get("private"), body.get("public"), "comments" in body, body.get("comment", {}).get("public")] in (
            [False, None, False, None],
            [None, True, False, None],
            [None, None, True, None],
            [None, None, False, True],
        )


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        (
            "freshservice",
            "of &lt;b&gt;Ana&lt;/b&gt; {{ticket.id}} {color:red}*[code]x<br>second line<br><br>Reference ",
        ),
        ("jira-service-management", "of <b>Ana</b> \\{\\{ticket.id\\}\\} \\{color:red\\}\\*\\[code\\]x\nsecond line"),
        ("servicenow", "of <b>Ana</b> {{ticket.id}} {color:red}*[ code]x\nsecond line"),
        ("zendesk", "of <b>Ana</b> { {ticket.id}} {color:red}*[code]x\nsecond line"),
    ],
)
async def test_text_is_written_so_that_the_vendor_takes_it_for_text(name: str, sent: str) -> None:
    async with at(name) as (adapter, desk):
        await adapter.note("42", TEXT, key=KEY)
        [body] = desk.bodies
        text = body.get("body") or body.get("work_notes") or body["comment"]["body"]
        assert sent in text
        assert text.endswith(f"Reference {KEY}")


@pytest.mark.parametrize("name", VENDORS)
async def test_a_lost_answer_is_looked_for(name: str) -> None:
    async with at(name) as (adapter, desk):
        await desk.server.disturb(Disturbance.LOSE_WRITE_ANSWER)
        with pytest.raises(OutcomeUnknown):
            await adapter.note("42", TEXT, key=KEY)
        assert (await adapter.note("42", TEXT, key=KEY)).outcome is Outcome.ALREADY
        assert len(desk.comments) == 4


@pytest.mark.parametrize("name", VENDORS)
async def test_a_status_is_reached_by_its_name(name: str) -> None:
    vendor = VENDORS[name]
    async with at(name) as (adapter, desk):
        moved = await adapter.transition("42", vendor.in_progress.upper())
        assert (moved.outcome, moved.after["status"]) == (Outcome.CHANGED, vendor.in_progress)
        assert (await adapter.transition("42", vendor.in_progress)).outcome is Outcome.ALREADY
        await adapter.transition("42", vendor.done)
        assert (await adapter.ticket("42")).status == vendor.done
        with pytest.raises(Invalid, match="to “Nirvana”"):
            await adapter.transition("42", "Nirvana")
        assert len(desk.bodies) == 2


async def test_zendesk_refuses_a_comment_on_what_others_changed_meanwhile() -> None:
    async with at("zendesk") as (adapter, desk):
        desk.server.instead.append(
            Reply(200, {"ticket": {"id": 42, "subject": "", "status": "open", "updated_at": "old"}})
        )
        with pytest.raises(Stale):
            await adapter.note("42", TEXT, key=KEY)
        assert len(desk.comments) == 3


async def test_freshservice_takes_a_status_as_a_number() -> None:
    async with at("freshservice") as (adapter, desk):
        await adapter.transition("42", "Closed")
        assert desk.bodies == [{"status": 5}]


async def test_what_the_credential_may_not_do_is_told() -> None:
    async with at("jira-service-management") as (adapter, desk):
        await adapter.ticket("42")
        desk.server.instead.append(Reply(403, {"errorMessage": "You do not have permission to view this request"}))
        with pytest.raises(Forbidden, match="403"):
            await adapter.ticket("42")
