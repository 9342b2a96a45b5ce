"""What a server lists, page by page, and finding one user in it, in the manner of its profile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Final, TypeVar

from jmltui.adapter_api import Ambiguous, Invalid, NotFound, Query, Unsupported

from .batches import in_parallel
from .listing import GROUPS, RECORDS, USERS, Decodes, Group, Record, User, list_body, matching, pages
from .profiles import Profile
from .resources import Resources, user_path

Resource = TypeVar("Resource", User, Group, Record)

USUAL: Final = 200
"""How many are asked for at once where nothing else is said."""


class Listings:
    """The listings of one server. `page_size` is what the settings say, 0 where they say nothing."""

    def __init__(self, resources: Resources, profile: Profile, page_size: int) -> None:
        self._resources = resources
        self._http = resources.transport
        self._profile = profile
        self._most = min(page_size or USUAL, profile.most)
        self.by_cursor = profile.pages_by_cursor

    async def probe(self) -> None:
        """Ask for one user. Raises AdapterError."""
        asked = {"cursor": "", "count": "1"} if self.by_cursor else {"count": "1", "startIndex": "1"}
        await list_body(self._http, "Users", asked)

    async def users(self, query: Query | None = None) -> AsyncIterator[list[User]]:
        """All users as the server tells them, each read by its id where a listing leaves things out."""
        async for users in self._pages("Users", USERS, query):
            if self._profile.whole_by_id:
                read = await in_parallel([self._known(user.id) for user in users])
                yield [user for user in read if user is not None]
            else:
                yield users

    async def _known(self, account_id: str) -> User | None:
        try:
            return await self._resources.user(account_id)
        except NotFound:  # it went between the listing and this
            return None

    def names(self, query: Query | None = None) -> AsyncIterator[list[User]]:
        """All users, of each no more than id and userName where the server can leave out the rest."""
        return self._pages("Users", USERS, query, "userName")

    async def records(self) -> AsyncIterator[list[Record]]:
        """All users with everything that the server tells of them."""
        async for records in self._pages("Users", RECORDS, None):
            if self._profile.whole_by_id:
                read = await in_parallel([self._whole(record.id) for record in records])
                yield [record for record in read if record is not None]
            else:
                yield records

    async def _whole(self, account_id: str) -> Record | None:
        try:
            body = await self._http.json(user_path(account_id))
        except NotFound:
            return None
        self._resources.same(str(body.get("id")), account_id)
        return Record(account_id, body)

    def belonging(self) -> AsyncIterator[list[Record]]:
        """All users with the groups that they say they belong to."""
        return self._pages("Users", RECORDS, None, "userName,groups")

    def groups(self, query: Query | None = None, attributes: str = "") -> AsyncIterator[list[Group]]:
        """All groups."""
        return self._pages("Groups", GROUPS, query, attributes)

    def groups_matching(self, filter_text: str) -> AsyncIterator[list[Group]]:
        """All groups that a filter finds; the caller must ask about every one again."""
        return self._pages("Groups", GROUPS, None, filter_text=filter_text)

    def _pages(
        self, path: str, decoder: Decodes[Resource], query: Query | None, attributes: str = "", filter_text: str = ""
    ) -> AsyncIterator[list[Resource]]:
        count = min(query.page_size, self._most) if query else self._most
        return pages(
            self._http,
            path,
            decoder,
            count=count,
            by_cursor=self.by_cursor,
            attributes=attributes if self._profile.selects else "",
            filter_text=filter_text,
        )

    async def find(self, login: str) -> User | None:
        """The user with exactly this userName.

        Every hit is compared here, since some servers ignore filters. RFC 7643 makes userName case-insensitive, so
        two that differ only in case are ambiguous. Some servers do not know the escapes of a JSON string (RFC 7644
        section 3.4.2.2): they refuse such a filter or find nobody, and are asked for the whole listing.
        """
        if not self._profile.filters:
            return await self.listed(login)
        literal = json.dumps(login)
        try:
            hits = await matching(self._http, "Users", USERS, f"userName eq {literal}")
        except (Invalid, Unsupported):
            return await self.listed(login)
        found = self._only(login, hits)
        if found is None and literal != f'"{login}"':
            return await self.listed(login)
        return found

    async def listed(self, login: str) -> User | None:
        """The user of this login from the whole listing, since an empty answer to a filter proves no absence."""
        found: list[User] = []
        async for users in self.names():
            found += [user for user in users if user.userName.casefold() == login.casefold()]
        return self._only(login, found)

    def _only(self, login: str, hits: list[User]) -> User | None:
        same = {user.id: user for user in hits if user.userName.casefold() == login.casefold()}
        if len(same) > 1:
            system = self._http.system
            raise Ambiguous(f"{system} holds {len(same)} accounts called {login}.", system=system)
        return next(iter(same.values()), None)
