"""Reading an Okta organization: users, groups, group rules, factors.

Paths, `limit`, and paging by the Link header with `after`: Okta Users, Groups, Group Rules and User Factors API
references. A listing has no total, and leaves deprovisioned users out unless a filter asks for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import (
    Account,
    Ambiguous,
    ContractBroken,
    Credential,
    Entitlement,
    Forbidden,
    Grant,
    NotFound,
    Page,
    Query,
    Unsupported,
)
from jmltui.exchange import HttpExchange

from .records import GROUP, account, factor, group

NEXT: Final = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?')
IN_PATH: Final = re.compile(r"[A-Za-z0-9._@+'-]+")
MOST: Final = 200
MOST_PAGES: Final = 100_000
LISTINGS: Final = ("present", "deprovisioned")


class OktaReading:
    """Reads one organization. `number_in` is the profile field with the person's number."""

    def __init__(self, http: HttpExchange, number_in: str, privileged: Sequence[str]) -> None:
        self.http, self.system, self.number_in = http, http.system, number_in
        self._privileged = privileged

    # ---- users

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users, those that are deprovisioned last, each once."""
        start, _, follow = (query.cursor or LISTINGS[0]).partition(" ")
        if start not in LISTINGS:
            raise ContractBroken(f"This listing of {self.system} cannot be resumed where it is said to be.")
        known: set[str] = set()
        size = str(min(max(query.page_size, 1), MOST))
        gone = quote('status eq "DEPROVISIONED"')
        paths = {
            LISTINGS[0]: f"/api/v1/users?limit={size}",
            LISTINGS[1]: f"/api/v1/users?limit={size}&filter={gone}",
        }
        for listing in LISTINGS[LISTINGS.index(start) :]:
            async for rows, following in self._pages(follow or paths[listing], "users"):
                found = [account(one, self.number_in, self.system) for one in rows]
                fresh = [one for one in found if one.id not in known]
                known.update(one.id for one in fresh)
                last = listing == LISTINGS[-1] and following is None
                rest = f"{listing} {following}" if following else LISTINGS[-1]
                yield Page(fresh, cursor=None if last else rest)
            follow = ""

    async def read(self, account_id: str) -> Account:
        """One user. Raises NotFound; ContractBroken for somebody else, for the path takes logins too."""
        answer = await self.http.get(user_path(account_id))
        found = account(answer.object(), self.number_in, self.system)
        if found.id != account_id:
            raise ContractBroken(f"{self.system} was asked for one user and told of another.", system=self.system)
        return found

    async def find(self, login: str) -> Account | None:
        """The user of exactly this login: by its path, which knows of changes at once, then by a search.

        A path cannot hold every login (Users API reference, “Get a user”). Raises Ambiguous for several.
        """
        if not IN_PATH.fullmatch(login):
            return await self._searched(login)
        try:
            answer = await self.http.get(user_path(login))
        except NotFound:
            return await self._searched(login)
        found = account(answer.object(), self.number_in, self.system)
        return found if found.login.casefold() == login.casefold() else await self._searched(login)

    async def _searched(self, login: str) -> Account | None:
        search = quote(f"profile.login eq {json.dumps(login, ensure_ascii=False)}", safe="")
        rows = await self._all(f"/api/v1/users?limit={MOST}&search={search}", "users")
        found = {one.id: one for one in (account(row, self.number_in, self.system) for row in rows)}
        hits = [one for one in found.values() if one.login.casefold() == login.casefold()]
        if len(hits) > 1:
            raise Ambiguous(f"{self.system} has {len(hits)} users called {login[:80]}.", system=self.system)
        return hits[0] if hits else None

    # ---- groups

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups."""
        rules = await self.rules()
        async for rows, following in self._pages(f"/api/v1/groups?limit={MOST}", "groups"):
            yield Page([group(one, rules, self._privileged, self.system) for one in rows], cursor=following)

    async def group(self, group_id: str) -> Entitlement:
        """One group. Raises NotFound."""
        answer = await self.http.get(f"/api/v1/groups/{quote(group_id, safe='')}")
        found = group(answer.object(), await self.rules(), self._privileged, self.system)
        if found.id != f"{GROUP}{group_id}":
            raise ContractBroken(f"{self.system} was asked for one group and told of another.", system=self.system)
        return found

    async def rules(self) -> dict[str, list[str]]:
        """Which groups are filled by active rules, and the rules' names; none where rules cannot be read."""
        found: dict[str, list[str]] = {}
        for one in await self.rule_rows() or ():
            if not isinstance(one, dict) or one.get("status") != "ACTIVE":
                continue
            assigned = ((one.get("actions") or {}).get("assignUserToGroups") or {}).get("groupIds") or ()
            for group_id in assigned:
                found.setdefault(str(group_id), []).append(str(one.get("name") or one.get("id"))[:200])
        return found

    async def rule_rows(self) -> list[Any] | None:
        """All group rules; None where they cannot be read."""
        try:
            return await self._all(f"/api/v1/groups/rules?limit={MOST}", "group rules")
        except (Forbidden, NotFound, Unsupported):
            return None

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All memberships, group by group; those of a group that a rule fills follow from the rule."""
        rules = await self.rules()
        for row in await self._all(f"/api/v1/groups?limit={MOST}", "groups"):
            found = group(row, rules, self._privileged, self.system)
            members = await self.members(found.id.removeprefix(GROUP))
            yield Page([_held(account_id, found.id, rules) for account_id in members])

    async def grants_of(self, account_id: str) -> list[Grant]:
        """What one user holds. Raises NotFound."""
        await self.read(account_id)
        rules = await self.rules()
        return [_held(account_id, f"{GROUP}{one}", rules) for one in await self.groups_of(account_id)]

    async def groups_of(self, account_id: str) -> list[str]:
        """The ids of a user's groups, by the user's own list."""
        rows = await self._all(f"{user_path(account_id)}/groups?limit={MOST}", "groups")
        return [group(one, {}, (), self.system).id.removeprefix(GROUP) for one in rows]

    async def members(self, group_id: str) -> list[str]:
        """The ids of who is in a group, by the group's own list. Raises NotFound."""
        rows = await self._all(f"/api/v1/groups/{quote(group_id, safe='')}/users?limit={MOST}", "members")
        return [account(one, self.number_in, self.system).id for one in rows]

    # ---- factors

    async def factors(self, account_id: str) -> list[Credential]:
        """The enrolled factors of a user. Raises NotFound."""
        answer = await self.http.get(f"{user_path(account_id)}/factors")
        return [factor(one, account_id, self.system) for one in answer.items()]

    # ---- paging

    async def _all(self, path: str, what: str) -> list[Any]:
        return [one async for rows, _ in self._pages(path, what) for one in rows]

    async def _pages(self, path: str, what: str) -> AsyncIterator[tuple[list[Any], str | None]]:
        """The pages of a listing. Raises ContractBroken for one without an end, or with a row without an id."""
        query: str | None = path
        known: set[object] = set()
        for _ in range(MOST_PAGES):
            answer = await self.http.get(query or path)
            match = NEXT.search(answer.headers.get("link", ""))
            query = match[1] if match else None
            rows, fresh = answer.items(), list[Any]()
            for one in rows:
                if not isinstance(one, dict) or not one.get("id"):
                    raise ContractBroken(f"{self.system} lists {what} without an id.", system=self.system)
                if one["id"] not in known:
                    known.add(one["id"])
                    fresh.append(one)
            if query is not None and rows and not fresh:
                raise ContractBroken(f"{self.system} lists its {what} without end.", system=self.system)
            yield fresh, query
            if query is None:
                return
        raise ContractBroken(f"{self.system} lists its {what} without end.", system=self.system)


def user_path(reference: str) -> str:
    """Where one user is; the path takes the id or the login."""
    return f"/api/v1/users/{quote(reference, safe='')}"


def _held(account_id: str, entitlement_id: str, rules: dict[str, list[str]]) -> Grant:
    via = tuple(f"rule:{name}" for name in rules.get(entitlement_id.removeprefix(GROUP), ()))
    return Grant(account_id, entitlement_id, direct=not via, via=via)
