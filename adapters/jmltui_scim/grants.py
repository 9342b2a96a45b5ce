"""Who holds which group: from the groups' own lists, or asked one membership at a time where groups list nobody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence

from jmltui.adapter_api import ContractBroken, Grant, Invalid, Page, Query, Unsupported

from .batches import chunks, in_parallel
from .listing import Group
from .listings import Listings
from .memberships import Memberships
from .profiles import Profile

PEOPLE = 100
"""Of how many users at once is asked what they hold."""


class Grants:
    """The memberships of one server, read."""

    def __init__(self, listings: Listings, memberships: Memberships, profile: Profile, system: str) -> None:
        self._listings = listings
        self._memberships = memberships
        self._profile = profile
        self._system = system

    async def all(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All memberships. Raises ContractBroken for members that are no known account: they are unresolved.

        Asking for them one by one is long, so what was lost on the way is taken up at the user of the cursor.
        """
        known: dict[str, str] = {}
        async for users in self._listings.names(query):
            for user in users:
                known[user.id] = user.id
                known.setdefault(user.userName, user.id)
        if self._profile.membership:
            groups = [group async for page in self._listings.groups(query) for group in page]
            ids = sorted(one for one in set(known.values()) if one > (query.cursor or ""))
            for people in chunks(ids, PEOPLE):
                held = await in_parallel([self._asked(one, groups) for one in people])
                items = [grant for grants in held for grant in grants]
                yield Page(items, cursor=people[-1] if people[-1] != ids[-1] else None)
            return
        async for page in self._listings.groups(query):
            yield Page([grant for group in page for grant in self._members(group, known)])

    async def of(self, account_id: str) -> Sequence[Grant]:
        """The groups that hold one user, from the groups themselves."""
        groups = [group async for page in self._listings.groups() for group in page]
        if self._profile.membership:
            return await self._asked(account_id, groups)
        found = []
        for group in groups:
            if await self._memberships.listed(group, [account_id]):
                found.append(Grant(account_id, group.id))
        return found

    async def _asked(self, account_id: str, groups: Sequence[Group]) -> list[Grant]:
        """By one question for all groups of the user, each hit asked again; where that is refused, one per group."""
        maybe = list(groups)
        if self._profile.groups_of:
            question = self._profile.groups_of.format(user=json.dumps(account_id))
            try:
                maybe = [group async for page in self._listings.groups_matching(question) for group in page]
            except (Invalid, Unsupported):
                maybe = list(groups)
        held = [group for group in maybe if await self._memberships.listed(group, [account_id])]
        return [Grant(account_id, group.id) for group in held]

    def _members(self, group: Group, known: Mapping[str, str]) -> list[Grant]:
        found = []
        for member in group.members or []:
            if member.type == "Group":
                continue
            account_id = known.get(member.value or "")
            if account_id is None:
                raise ContractBroken(
                    f"{self._system} lists a member of {group.displayName} that is no account it knows; "
                    "who belongs to the group cannot be told.",
                    system=self._system,
                )
            found.append(Grant(account_id, group.id))
        return found
