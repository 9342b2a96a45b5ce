"""A played directory that tells what changed, by time and by a log of events; and descriptions of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from jmltui.adapter_api import Query, Setup
from jmltui_http import HttpAdapter
from tests.conftest import StandingClock
from tests.servers.played import Asked, Played, Reply, playing

HEAD = """
description: 1
name: Directory
auth: {kind: none}
limits: {page_size: 2}
"""
ACCOUNTS = """
accounts:
  columns: {id: id, login: login, state: state}
  list:
    call: {path: /users, query: {page: "{page.number}", size: "{page.size}"}}
    paging: {kind: page}
    records: items
    id: id
    total: total
  read: {call: {path: "/users/{account.id}"}}
  find: {call: {path: /users, query: {login: "{login}", page: "0", size: "100"}}, records: items}
"""
GROUPS = """
entitlements:
  columns: {id: id, name: name}
  list: {call: {path: /groups, query: {page: "0", size: "100"}}, records: items, id: id}
"""
MEMBERS = """
grants:
  per: entitlement
  columns: {account: id}
  list: {call: {path: "/groups/{entitlement.id}/members"}, records: items}
"""
BY_TIME = """
  changes:
    call: {path: /KIND/changes, query: {since: "{since}", page: "{page.number}", size: "{page.size}"}}
    paging: {kind: page}
    records: items
    id: id
    deleted: deleted
    overlap: 60
    expired: {status: 400, when: "code == 'too_old'"}
"""
BY_LOG = """
  changes:
    start: {call: {path: /log, query: {after: latest}}}
    call: {path: /log, query: {of: users, after: "{since}", page: "{page.cursor?}", size: "{page.size}"}}
    paging: {kind: cursor, next: next, more: more}
    records: events
    id: id
    deleted: never
    token: next
    read: true
"""
TIMED = (
    HEAD
    + ACCOUNTS
    + BY_TIME.replace("KIND", "users")
    + GROUPS
    + BY_TIME.replace("KIND", "groups")
    + MEMBERS
    + BY_TIME.replace("KIND", "groups").replace("id: id", "entitlement: id")
)
LOGGED = HEAD + ACCOUNTS + BY_LOG


class Directory:
    """Users and groups; every change has the time of the directory's own clock, `ahead` of ours, and stands in a log.

    `oldest` is the first instant or event that it remembers. `silent`: no answer says what time it is there.
    """

    def __init__(self, clock: StandingClock, ahead: timedelta = timedelta(0)) -> None:
        self.server = Played()
        self.users: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.changed: dict[tuple[str, str], datetime] = {}
        self.log: list[tuple[str, str]] = []
        self.oldest: datetime | int | None = None
        self.silent = False
        self._clock, self.ahead = clock, ahead
        for kind in ("users", "groups"):
            self._on(f"/{kind}", lambda asked, kind=kind: self._whole(kind, asked))
            self._on(f"/{kind}/changes", lambda asked, kind=kind: self._since(kind, asked))
        self._on("/log", self._events)
        self._on("/users/([^/]+)", lambda _, one: self._one(self.users, one))
        self._on("/groups/([^/]+)/members", lambda _, one: self._members(one))

    def _on(self, pattern: str, handler: Callable[..., Reply]) -> None:
        def dated(asked: Asked, *groups: str) -> Reply:
            reply = handler(asked, *groups)
            if not self.silent:
                reply.headers["Date"] = format_datetime(self.now.replace(microsecond=0), usegmt=True)
            return reply

        self.server.on("GET", pattern, dated)

    @property
    def now(self) -> datetime:
        return self._clock() + self.ahead

    # ---- what happens there

    def user(self, one: str, state: str = "active") -> None:
        self.users[one] = {"id": one, "login": f"login-{one}", "state": state}
        self._note("users", one)

    def group(self, one: str, *members: str) -> None:
        self.groups[one] = {"id": one, "name": f"Group {one}", "members": list(members)}
        self._note("groups", one)

    def remove(self, kind: str, one: str) -> None:
        del self._all(kind)[one]
        self._note(kind, one)
        for group in [g for g in self.groups.values() if kind == "users" and one in g["members"]]:
            group["members"].remove(one)
            self._note("groups", group["id"])

    def _note(self, kind: str, one: str) -> None:
        self.changed[(kind, one)] = self.now
        self.log.append((kind, one))

    # ---- what it answers

    def _all(self, kind: str) -> dict[str, dict[str, Any]]:
        return self.users if kind == "users" else self.groups

    def _whole(self, kind: str, asked: Asked) -> Reply:
        items = [one for one in self._all(kind).values() if asked.query.get("login") in (None, one.get("login"))]
        return Reply(200, {**self._page(items, asked), "total": len(items)})

    def _since(self, kind: str, asked: Asked) -> Reply:
        since = datetime.fromisoformat(asked.query["since"])
        if isinstance(self.oldest, datetime) and since < self.oldest:
            return Reply(400, {"code": "too_old", "message": "that is too long ago"})
        found = [
            one for (of, one), at in sorted(self.changed.items(), key=lambda x: x[1]) if of == kind and at >= since
        ]
        there = self._all(kind)
        return Reply(200, self._page([there.get(one, {"id": one, "deleted": True}) for one in found], asked))

    def _page(self, items: list[dict[str, Any]], asked: Asked) -> dict[str, Any]:
        page, size = int(asked.query["page"]), int(asked.query["size"])
        return {"items": items[page * size : (page + 1) * size]}

    def _events(self, asked: Asked) -> Reply:
        if asked.query["after"] == "latest":
            return Reply(200, {"events": [], "next": len(self.log), "more": False})
        start, size = int(asked.query.get("page") or asked.query["after"]), int(asked.query["size"])
        if isinstance(self.oldest, int) and start < self.oldest:
            return Reply(410, {"message": "gone"})
        end = min(start + size, len(self.log))
        events = [{"id": one} for kind, one in self.log[start:end] if kind == asked.query["of"]]
        return Reply(200, {"events": events, "next": end, "more": end < len(self.log)})

    def _one(self, there: Mapping[str, dict[str, Any]], one: str) -> Reply:
        return Reply(200, there[one]) if one in there else Reply(404, {"message": "no such user"})

    def _members(self, one: str) -> Reply:
        if one not in self.groups:
            return Reply(404, {"message": "no such group"})
        return Reply(200, {"items": [{"id": member} for member in self.groups[one]["members"]]})


@asynccontextmanager
async def described(
    directory: Directory, clock: StandingClock, folder: Path, text: str = TIMED
) -> AsyncIterator[HttpAdapter]:
    """The directory as a description tells of it."""
    file = folder / "directory.yaml"
    file.write_text(text)
    async with playing(directory.server) as server:
        options = {"description": str(file), "base": server.url, "private_network": True}
        adapter = HttpAdapter(Setup("directory", options, str, clock))
        await adapter.open()
        try:
            yield adapter
        finally:
            await adapter.close()


KINDS = ("accounts", "entitlements", "grants")


async def told(
    adapter: HttpAdapter, since: Mapping[str, str] | None = None, kinds: tuple[str, ...] = KINDS
) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """All that is listed, what is gone, and the tokens of the last pages."""
    found: dict[str, list[Any]] = {}
    tokens: dict[str, str] = {}
    for kind in kinds:
        pages = [page async for page in getattr(adapter, kind)(Query(since=since[kind] if since else None))]
        found[kind] = [item for page in pages for item in page.items]
        found[f"gone {kind}"] = [one for page in pages for one in page.deleted]
        assert all(page.delta is None for page in pages[:-1])
        assert pages[-1].delta
        tokens[kind] = pages[-1].delta
    return found, tokens
