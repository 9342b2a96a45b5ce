"""Teams of an organization, who is in them and through what.

A team's listing and a membership's state count the members of child teams too (GitHub REST API reference, “Team
members”), so somebody who is in a child team is told as being there through it. Groups of an identity provider: “Team
synchronization” (`/team-sync/group-mappings`) and “External groups” of managed users (`/external-groups`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jmltui.adapter_api import Account, AccountState, Entitlement, Forbidden, Grant, NotFound, Page, Query

from .organization import Organization
from .people import People
from .records import OWNER, TEAM, Team, entitlement, team, user_of

OWNERS: Final = Entitlement(OWNER, "role", "Organization owner", privileged=True)
GROUP: Final = "idp-group:"


@dataclass(frozen=True, slots=True)
class Synchronised:
    """Which ways of filling teams from an identity provider the organization has."""

    external: bool = False
    mappings: bool = False


class Teams:
    """Reads the teams of one organization."""

    def __init__(
        self, organization: Organization, people: People, synchronised: Synchronised, privileged: Sequence[str]
    ) -> None:
        self._organization, self._people, self.system = organization, people, organization.system
        self._synchronised, self._privileged = synchronised, privileged

    # ---- teams

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """The role of owners, then all teams."""
        yield Page([OWNERS], cursor="teams")
        async for rows, following in self._organization.pages(self._organization.path("teams"), "teams"):
            found = [team(row, self.system) for row in rows]
            yield Page([await self.entitlement(one) for one in found], cursor=following)

    async def entitlement(self, found: Team) -> Entitlement:
        """A team, and whether it can be joined by hand."""
        return entitlement(found, await self.groups(found), self._privileged)

    async def team(self, slug: str) -> Team:
        """One team. Raises NotFound."""
        return team((await self._organization.http.get(self._organization.path("teams", slug))).object(), self.system)

    async def _all(self) -> list[Team]:
        rows = await self._organization.all(self._organization.path("teams"), "teams")
        return [team(row, self.system) for row in rows]

    async def groups(self, found: Team) -> list[str]:
        """The identity provider's groups that fill a team; none where nothing does."""
        paths = []
        if self._synchronised.external:
            paths.append(self._organization.path("teams", found.slug, "external-groups"))
        if self._synchronised.mappings:
            paths.append(self._organization.path("teams", found.slug, "team-sync", "group-mappings"))
        rows = []
        for path in paths:
            try:
                rows += await self._organization.all(path, "groups of a team", key="group_id", within="groups")
            except (Forbidden, NotFound):  # “This team is not externally managed”
                continue
        return [str(one.get("group_name") or one["group_id"])[:200] for one in rows]

    # ---- who is in them

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All owners, then all teams' members; who is in a child team is in its parents through it."""
        yield Page([Grant(one, OWNER) for one in await self._people.owners()])
        teams = await self._all()
        inside = {one.slug: await self.members(one.slug) for one in teams}
        for one in teams:
            below = [child.slug for child in teams if child.parent == one.slug]
            groups = await self.groups(one)
            yield Page([_held(who, one, [c for c in below if who in inside[c]], groups) for who in inside[one.slug]])

    async def grants_of(self, account_id: str) -> list[Grant]:
        """What one account holds; an invitation and an outside collaborator hold nothing. Raises NotFound."""
        found = await self._people.read(account_id)
        if not is_member(found):
            return []
        teams = await self._all()
        inside = {one.slug for one in teams if await self.state(one.slug, found.login) == "active"}
        grants = [Grant(account_id, OWNER)] if found.raw["role"] == "admin" else []
        for one in teams:
            if one.slug in inside:
                below = [child.slug for child in teams if child.parent == one.slug and child.slug in inside]
                grants.append(_held(account_id, one, below, await self.groups(one)))
        return grants

    async def state(self, slug: str, login: str) -> str | None:
        """`active` or `pending`, by the membership itself; None for who is not in the team."""
        path = self._organization.path("teams", slug, "memberships", login)
        try:
            return str((await self._organization.http.get(path)).object().get("state"))
        except NotFound:
            return None

    async def through(self, slug: str, login: str) -> list[str]:
        """The names of child teams through which somebody is in a team."""
        rows = await self._organization.all(self._organization.path("teams", slug, "teams"), "child teams")
        children = [team(row, self.system) for row in rows]
        return [one.name for one in children if await self.state(one.slug, login) is not None]

    async def members(self, slug: str) -> list[str]:
        """The ids of who is in a team, by the team's own list. Raises NotFound."""
        rows = await self._organization.all(self._organization.path("teams", slug, "members"), "members")
        return [user_of(one, self.system)[0] for one in rows]

    async def invited(self, slug: str) -> list[str]:
        """The logins of who will be in a team once an invitation is accepted. Raises NotFound."""
        rows = await self._organization.all(self._organization.path("teams", slug, "invitations"), "invitations")
        return [str(one.get("login") or "").casefold() for one in rows]


def is_member(found: Account) -> bool:
    """Whether an account is a member who has accepted."""
    return found.raw["membership"] == "active" and found.state is AccountState.ACTIVE


def facts(found: Team, state: str | None) -> Mapping[str, object]:
    """What a receipt says of a membership."""
    return {"team": found.name, "membership": state or "none"}


def _held(account_id: str, found: Team, below: Sequence[str], groups: Sequence[str]) -> Grant:
    via = (*(f"{TEAM}{slug}" for slug in below), *(f"{GROUP}{name}" for name in groups))
    return Grant(account_id, f"{TEAM}{found.slug}", direct=not via, via=via)
