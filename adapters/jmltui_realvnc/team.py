"""Reading a team: members, groups, computers, presence.

Paths, parameters and the Link header: RealVNC's OpenAPI file (see `members`). A listing has no total; it ends where no
Link header leads on.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from jmltui.adapter_api import Ambiguous, ContractBroken, Entitlement, Grant, NotFound
from jmltui.exchange import Answer, HttpExchange

from .members import GROUP, ROLE, Member, member

NEXT: Final = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?')
STATES: Final = ("JOINED", "INVITED")
MOST_PAGES: Final = 10_000


class Team:
    """Reads one team."""

    def __init__(self, http: HttpExchange) -> None:
        self._http = http
        self.system = http.system

    async def members(self, cursor: str | None = None) -> AsyncIterator[tuple[list[Member], str | None]]:
        """All members, those that joined and then those invited, each once, with the cursor of the next page."""
        start, _, path = (cursor or STATES[0]).partition(" ")
        if start not in STATES:
            raise ContractBroken(f"This listing of {self.system} cannot be resumed where it is said to be.")
        known: set[str] = set()
        for state in STATES[STATES.index(start) :]:
            query: str | None = path or "/1.0/members"
            path = ""
            while query is not None:
                answer = await self._http.get(query, {"state": state})
                page = [member(one, self.system) for one in rows(answer, "members")]
                fresh = [one for one in page if one.id not in known]
                query = next_page(answer)
                if query is not None and not fresh:
                    raise ContractBroken(f"{self.system} lists its members without end.", system=self.system)
                known.update(one.id for one in fresh)
                last = state == STATES[-1] and query is None
                rest = f"{state} {query}" if query else STATES[-1]
                yield [one for one in fresh if not one.gone], None if last else rest

    async def member(self, account_id: str) -> Member:
        """One member; DELETED ones as they are. Raises NotFound."""
        answer = await self._http.get(member_path(account_id))
        found = member(answer.object(), self.system)
        if found.id != account_id:
            raise ContractBroken(f"{self.system} was asked for one member and told of another.", system=self.system)
        version = answer.headers.get("etag", "")
        if version and not found.version:
            return Member(found.id, found.login, found.email, found.invited, found.roles, version)
        return found

    async def present(self, account_id: str) -> Member:
        """One member who is in the team. Raises NotFound."""
        found = await self.member(account_id)
        if found.gone:
            raise NotFound(f"{found.login} was removed from the team on {self.system}.", system=self.system)
        return found

    async def find(self, login: str) -> Member | None:
        """The member with exactly this address; the interface offers no search. Raises Ambiguous."""
        wanted = login.casefold()
        hits = [one async for page, _ in self.members() for one in page if one.login.casefold() == wanted]
        if len(hits) > 1:
            raise Ambiguous(f"{self.system} has {len(hits)} members called {login[:80]}.", system=self.system)
        return hits[0] if hits else None

    async def groups(self) -> list[Entitlement]:
        """All user groups."""
        answer = await self._http.get("/1.0/userGroups")
        return [group(one, self.system) for one in rows(answer, "groups")]

    async def groups_of(self, account_id: str) -> list[Entitlement]:
        """The user groups of one member. Raises NotFound."""
        answer = await self._http.get(f"{member_path(account_id)}/groups")
        return [group(one, self.system) for one in rows(answer, "groups")]

    async def in_group(self, group_id: str) -> set[str]:
        """The ids of who is in a group, by the group's own record. Raises NotFound."""
        answer = await self._http.get(f"/1.0/userGroups/{quote(group_id, safe='')}")
        found = set()
        for one in rows(answer, "members"):
            account_id = one.get("id") if isinstance(one, dict) else None
            if not isinstance(account_id, str):
                raise ContractBroken(f"{self.system} lists a group's member without an id.", system=self.system)
            found.add(account_id)
        return found

    async def grants(self) -> AsyncIterator[list[Grant]]:
        """All roles and memberships. Raises ContractBroken for a member of a group whom no listing tells of."""
        known: set[str] = set()
        async for page, _ in self.members():
            known.update(one.id for one in page)
            yield [Grant(one.id, f"{ROLE}{role}") for one in page for role in sorted(one.roles)]
        for entitlement in await self.groups():
            inside = await self.in_group(entitlement.id.removeprefix(GROUP))
            for account_id in sorted(inside - known):
                if not await self._left(account_id):
                    raise ContractBroken(
                        f"{self.system} has somebody in the group {entitlement.name} whom its list of members leaves "
                        "out; the list is not whole.",
                        system=self.system,
                    )
            yield [Grant(account_id, entitlement.id) for account_id in sorted(inside & known)]

    async def _left(self, account_id: str) -> bool:
        try:
            return (await self.member(account_id)).gone
        except NotFound:
            return True

    async def computers(self) -> int:
        """How many computers the team has."""
        return len([one async for one in self._all("/1.0/entries", "entries", "entryId")])

    async def online(self) -> int:
        """How many of them are online, by their own word to RealVNC's services."""
        return len([one async for one in self._all("/1.0/presence?status=ONLINE", "events", "serverId")])

    async def _all(self, path: str, name: str, key: str) -> AsyncIterator[Any]:
        query: str | None = path
        known: set[object] = set()
        while query is not None:
            answer = await self._http.get(query)
            page = [one for one in rows(answer, name) if isinstance(one, dict) and one.get(key) not in known]
            query = next_page(answer)
            if query is not None and not page:
                raise ContractBroken(f"{self.system} lists {name} without end.", system=self.system)
            known.update(one.get(key) for one in page)
            for one in page:
                yield one


def member_path(account_id: str) -> str:
    """Where one member is read, changed and removed."""
    return f"/1.0/members/{quote(account_id, safe='')}"


def rows(answer: Answer, name: str) -> list[Any]:
    """The array of this name in an answer. Raises ContractBroken."""
    found = answer.object().get(name)
    if not isinstance(found, list):
        raise ContractBroken(f"{answer.system} answered {answer.operation} without “{name}”.", system=answer.system)
    return found


def next_page(answer: Answer) -> str | None:
    """Where the Link header leads on to (RFC 8288), as path and query."""
    match = NEXT.search(answer.headers.get("link", ""))
    if match is None:
        return None
    parts = urlsplit(match[1])
    query = "&".join(f"{quote(k)}={quote(v, safe='')}" for k, v in parse_qsl(parts.query) if k != "state")
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return f"{origin}{parts.path}{'?' + query if query else ''}"


def group(found: object, system: str) -> Entitlement:
    """A user group of an answer. Raises ContractBroken."""
    group_id = found.get("id") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(group_id, str) or not group_id:
        raise ContractBroken(f"{system} lists a group without an id.", system=system)
    return Entitlement(f"{GROUP}{group_id}", "group", str(found.get("name") or group_id)[:200])
