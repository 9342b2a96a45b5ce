"""Who is in an organization: members, invitations, outside collaborators.

`GET /orgs/{org}/members` (also `role=admin`), `/invitations`, `/outside_collaborators`, `/memberships/{username}`
(state active or pending), `GET /user/{account_id}` and `/users/{username}`: GitHub REST API reference, “Organization
members”, “Outside collaborators”, “Users”.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import Account, Ambiguous, ContractBroken, NotFound, Page, Query

from .organization import MOST, Organization
from .records import INVITATION, LOGIN, OUTSIDE, account, invitation, user_of

LISTINGS: Final = ("members", "invitations", "outside_collaborators")


class People:
    """Reads who is in one organization. `profiles`: each listed member's public profile is read as well."""

    def __init__(self, organization: Organization, profiles: bool) -> None:
        self._organization, self.system, self._profiles = organization, organization.system, profiles

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All members, then who is invited, then outside collaborators, each once."""
        start, _, follow = (query.cursor or LISTINGS[0]).partition(" ")
        if start not in LISTINGS:
            raise ContractBroken(f"This listing of {self.system} cannot be resumed where it is said to be.")
        known: set[str] = set()
        size = min(max(query.page_size, 1), MOST)
        for listing in LISTINGS[LISTINGS.index(start) :]:
            path = follow or self._organization.path(listing)
            rest = LISTINGS[LISTINGS.index(listing) + 1 :]
            async for rows, following in self._organization.pages(path, listing, size=size):
                found = [await self._listed(listing, row) for row in rows]
                fresh = [one for one in found if one.id not in known]
                known.update(one.id for one in fresh)
                cursor = f"{listing} {following}" if following else (rest[0] if rest else None)
                yield Page(fresh, cursor=cursor)
            follow = ""

    async def _listed(self, listing: str, row: Mapping[str, Any]) -> Account:
        if listing == "invitations":
            return await self._invited(row)
        if self._profiles:
            row = await self.user(user_of(row, self.system)[0])
        return account(row, "active" if listing == "members" else OUTSIDE, "", self.system)

    async def _invited(self, row: Mapping[str, Any]) -> Account:
        """Who is invited by login has the user's id; who is invited by address has none yet."""
        login = row.get("login")
        if isinstance(login, str) and LOGIN.fullmatch(login):
            try:
                answer = await self._organization.http.get(f"/users/{quote(login, safe='')}")
            except NotFound:
                return invitation(row, self.system)
            return account(answer.object(), "pending", str(row.get("role") or ""), self.system)
        return invitation(row, self.system)

    async def user(self, account_id: str) -> dict[str, Any]:
        """A user of GitHub by id. Raises NotFound; ContractBroken for somebody else."""
        if not account_id.isdecimal():
            raise NotFound(f"{self.system} has no account {account_id[:80]}.", system=self.system)
        found = (await self._organization.http.get(f"/user/{account_id}")).object()
        if user_of(found, self.system)[0] != account_id:
            raise ContractBroken(f"{self.system} was asked for one user and told of another.", system=self.system)
        return found

    async def read(self, account_id: str) -> Account:
        """One member, invitation or outside collaborator. Raises NotFound for a user who is none of these."""
        if account_id.startswith(INVITATION):
            for one in await self.invitations():
                if f"{INVITATION}{one['id']}" == account_id:
                    return invitation(one, self.system)
            raise NotFound(f"{self.system} has no {account_id[:80]}.", system=self.system)
        user = await self.user(account_id)
        login = user_of(user, self.system)[1]
        membership = await self._membership(login)
        if membership is not None:
            if user_of(membership.get("user"), self.system)[0] != account_id:
                raise ContractBroken(f"{self.system} was asked for one member and told of another.", system=self.system)
            return account(user, str(membership.get("state")), str(membership.get("role") or ""), self.system)
        if await self.is_outside(account_id):
            return account(user, OUTSIDE, "", self.system)
        raise NotFound(f"{login} is not in {self._organization.name} on {self.system}.", system=self.system)

    async def find(self, login: str) -> Account | None:
        """Who has exactly this login, or is invited at exactly this address. Raises Ambiguous."""
        wanted = login.casefold()
        if "@" in login:
            rows = await self.invitations()
            hits = [await self._invited(one) for one in rows if str(one.get("email") or "").casefold() == wanted]
        elif LOGIN.fullmatch(login):
            membership = await self._membership(login)
            rows = [membership.get("user")] if membership else await self._outside()
            ids = {user_of(one, self.system)[0] for one in rows if user_of(one, self.system)[1].casefold() == wanted}
            hits = [await self.read(one) for one in sorted(ids)]
        else:
            return None
        if len(hits) > 1:
            raise Ambiguous(f"{self.system} has {len(hits)} accounts called {login[:80]}.", system=self.system)
        return hits[0] if hits else None

    async def _membership(self, login: str) -> dict[str, Any] | None:
        """The membership of a login; None where GitHub says that there is none."""
        try:
            return (await self._organization.http.get(self._organization.path("memberships", login))).object()
        except NotFound:
            return None

    async def owners(self) -> list[str]:
        """The ids of all owners, by their own listing."""
        rows = await self._organization.all(f"{self._organization.path('members')}?role=admin", "owners")
        return [user_of(one, self.system)[0] for one in rows]

    async def invitations(self) -> list[Any]:
        """All pending invitations."""
        return await self._organization.all(self._organization.path("invitations"), "invitations")

    async def _outside(self) -> list[Any]:
        return await self._organization.all(self._organization.path("outside_collaborators"), "outside collaborators")

    async def is_outside(self, account_id: str) -> bool:
        """Whether a user is an outside collaborator."""
        return account_id in [user_of(one, self.system)[0] for one in await self._outside()]
