"""Whole listings and listings of changes. A whole one takes its token first, so that nothing falls between.

A cursor holds both: where the next page is, and the token that the last page will hand out. Only users and groups have
changes in Graph; roles, licences, devices and the like are told anew each time, and the token remembers which there
were, so that one that is gone is told as gone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from jmltui.adapter_api import Account, ContractBroken, Entitlement, Grant, NotFound, Page, Query

from . import delta
from .directory import GROUP, GROUP_FIELDS, MOST, ROLE, Directory, group, licence_grants
from .users import FIELDS, account

NONE: Final = "-"


class Listings:
    """Lists one tenant."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._graph = directory.graph
        self._system = directory.system

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users, counted against Graph's own count; or those that changed."""
        if query.since:
            async for part in self._graph.changes(query.cursor or query.since):
                gone = [str(row["id"]) for row in part.rows if "@removed" in row]
                rows = [row for row in part.rows if "@removed" not in row]
                yield Page([account(row, self._system) for row in rows], gone, part.next, part.delta)
            return
        token, _, start = (query.cursor or "").partition(" ")
        whole = not query.cursor
        token = token or await self._graph.token("users/delta", FIELDS)
        known: set[str] = set()
        params = None if start else {"$select": FIELDS, "$top": str(min(max(query.page_size, 1), MOST))}
        async for part in self._graph.parts(start or "users", params):
            page = [account(row, self._system) for row in part.rows]
            fresh = [one for one in {one.id: one for one in page}.values() if one.id not in known]
            known.update(one.id for one in fresh)
            if part.next is None and whole:
                await self._count(len(known))
            cursor = f"{token} {part.next}" if part.next else None
            yield Page(fresh, cursor=cursor, delta=None if part.next else token)

    async def _count(self, listed: int) -> None:
        """Raises ContractBroken where Graph counts more users than it listed, asked twice."""
        for _ in range(2):
            counted = await self._graph.count("users")
            if counted is None or counted <= listed:
                return
        raise ContractBroken(
            f"{self._system} listed {listed} users and counts {counted}; the listing is not whole.", system=self._system
        )

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups and all else; in a listing of changes the groups that changed, and all else anew."""
        link, known = delta.unpacked(query.since) if query.since else ("", [])
        token = link or await self._graph.token("groups/delta", GROUP_FIELDS)
        gone: list[str] = []
        if query.since:
            async for part in self._graph.changes(link):
                gone += [f"{GROUP}{row['id']}" for row in part.rows if "@removed" in row]
                token = part.delta or token
                yield Page([group(row, self._system) for row in part.rows if "@removed" not in row])
        found: list[Entitlement] = []
        async for page in self._directory.entitlements():
            found += [one for one in page if one.kind != "group"]
            if not query.since:
                yield Page([one for one in page if one.kind == "group"])
        ids = {one.id for one in found}
        gone += [one for one in known if one not in ids]
        yield Page(found, gone, delta=delta.packed(token, sorted(ids)))

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All memberships and all else; in a listing of changes the groups that changed, and all else anew."""
        deleted: list[str] = []
        if query.since:
            groups: list[str] = []
            token: str | None = None
            async for part in self._graph.changes(query.since):
                groups += [f"{GROUP}{row['id']}" for row in part.rows]
                token = part.delta
            deleted = list(dict.fromkeys(groups))
        else:
            token = await self._graph.token("groups/delta", "members")
            rows = await self._graph.rows("groups", {"$select": "id", "$top": str(MOST)})
            groups = [f"{GROUP}{row['id']}" for row in rows]
        for entitlement_id in dict.fromkeys(groups):
            try:
                members = await self._directory.members(entitlement_id)
            except NotFound:  # the group is gone since
                members = []
            forgotten = [entitlement_id] if query.since else []
            yield Page([Grant(one, entitlement_id) for one in members], forgotten)
        others = await self._others()
        if query.since:
            deleted += sorted({*(one.entitlement_id for one in others), *await self._all_others()})
        yield Page(others, [one for one in deleted if not one.startswith(GROUP)], delta=token)

    async def _others(self) -> list[Grant]:
        """Roles, licences and what the options ask for, of everybody."""
        roles = {
            (str(r.get("principalId")), str(r.get("roleDefinitionId"))) for r in await self._directory.assignments()
        }
        known: list[Grant] = []
        ids: set[str] = set()
        select = {"$select": "id,licenseAssignmentStates", "$top": str(MOST)}
        for row in await self._graph.rows("users", select):
            ids.add(str(row["id"]))
            known += licence_grants(str(row["id"]), row)
        # What a group or an application holds as a role is no account's.
        ends = await self._directory.ends()
        held = [Grant(who, f"{ROLE}{role}", expires=ends.get((who, role))) for who, role in sorted(roles) if who in ids]
        return [*held, *known, *[one for holding in self._directory.holdings for one in await holding.grants(ids)]]

    async def _all_others(self) -> list[str]:
        """The ids of all that is no group: what was known of them is told anew."""
        more = [one for holding in self._directory.holdings for one in await holding.entitlements()]
        return [one.id for one in [*await self._directory.roles(), *await self._directory.licences(set()), *more]]
